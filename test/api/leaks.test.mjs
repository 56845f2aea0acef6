// SPDX-License-Identifier: Apache-2.0
// leaks.test.mjs - every role, every operation, on records of somebody else: nothing of them comes through, in no answer, no
// count, no error and no event.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cleanUp, filterOf, idCardOf, openHouse, password, usccOf } from '../harness.mjs';

const OWN = '370613001011', AWAY = '370613002';
/** Stands in each text of the records elsewhere, and nowhere else. */
const MARK = '泄漏标记';
let made = 0;
let house;

/** What one record of each resource takes. `unique` is the field that may be there once. */
const kinds = {
	elders: { name: 'elder', unique: 'id_card', change: 'address', make: (area, mark) => ({ name: `${mark}甲`, sex: 'female', born_on: '1944-05-06', area,
		id_card: idCardOf('905123', '1944-05-06', (++made * 2) % 998), address: `${mark}路`, phone: `138${String(10000000 + made)}` }) },
	households: { name: 'household', change: 'address', make: (area, mark) => ({ head: `${mark}户主`, area, address: `${mark}路` }) },
	facilities: { name: 'facility', change: 'address', make: (area, mark) => ({ name: `${mark}中心`, kind: 'canteen', area, address: `${mark}路` }) },
	organizations: { name: 'organization', unique: 'uscc', change: 'address', make: (area, mark) => ({ name: `${mark}组织`, kind: 'catering', area,
		uscc: usccOf(++made), address: `${mark}路` }) },
	staff: { name: 'staff', unique: 'id_card', change: 'name', make: (area, mark, at) => ({ name: `${mark}护理`, area, post: 'cook', state: 'applicant',
		organization: at.organizations.id, id_card: idCardOf('905123', '1980-05-06', (++made * 2) % 998) }) },
};
const strangers = ['street1', 'community1', 'admin', 'provider', 'worker', 'elder', 'family'];
const own = {}, away = {}, wishes = {};

before(async () => {
	house = await openHouse({ demo: { elders: 60 } });
	for (const [plural, kind] of Object.entries(kinds))
		for (const [where, area, mark] of [[own, OWN, '本街道'], [away, AWAY, MARK]]) {
			const wish = kind.make(area, mark, where);
			const got = await house.bureau.post(`/api/v1/${plural}`, wish);
			assert.equal(got.status, 201, got.text);
			where[plural] = got.json;
			if (where === away)
				wishes[plural] = wish;
		}
	const ties = { provider: { organization: own.organizations.id }, worker: { organization: own.organizations.id, person: own.staff.id },
		elder: { person: own.elders.id }, family: { family: [own.elders.id] } };
	for (const [role, tie] of Object.entries(ties)) {
		const got = await house.admin.post('/api/v1/users', { user: `leak-${role}`, role, password, ...tie });
		assert.equal(got.status, 201, got.text);
		house[role] = await house.server.as(`leak-${role}`);
	}
	const elder = away.elders;
	await house.bureau.patch(`/api/v1/elders/${elder.id}?source=public_security`, { name: `${MARK}乙` }, 1);
	await house.bureau.patch(`/api/v1/elders/${elder.id}`, { name: `${MARK}丙` }, 2);
	[away.claims] = await house.bureau.all(`/api/v1/claims?${filterOf({ '==': [{ var: 'record' }, elder.id] })}`);
	assert.ok(away.claims.value.includes(MARK));
});
after(cleanUp);

const foreignIds = () => Object.values(away).map((one) => one.id);

/** Nothing of a record elsewhere may stand in the answer; its id only where the request itself named it. */
function assertSilent(got, what, named = '') {
	assert.ok(!got.text.includes(MARK), `${what}: ${got.text.slice(0, 300)}`);
	for (const id of foreignIds())
		assert.ok(named.includes(id) || !got.text.includes(id), `${what}: ${got.text.slice(0, 300)}`);
	for (const value of Object.values(got.headers).flat())
		assert.ok(!String(value).includes(MARK) && foreignIds().every((id) => named.includes(id) || !String(value).includes(id)), `${what}: header ${value}`);
}

/** The two answers differ in nothing but the record's number. */
function assertAlike(one, other, what, idOne, idOther) {
	const plain = (got, id) => `${got.status} ${got.text.replaceAll(id, 'ID')}`;
	assert.equal(plain(one, idOne), plain(other, idOther), what);
}

const nobodys = '1000000000000000001';

describe('records elsewhere', () => {
	test('are to each operation on one record like those that do not exist', async () => {
		for (const role of strangers)
			for (const [plural, record] of Object.entries(away)) {
				const asks = [['GET', ''], ['GET', '/history'], ['GET', '/sources'], ['GET', '/file'], ['GET', '?fields=id,name'], ['PATCH', '', {}], ['PATCH', '', { name: 'x' }],
					['PATCH', '', { version: 3 }], ['DELETE', ''], ['POST', '/accept', {}], ['POST', '/reject', {}],
					['POST', '/reveal', { fields: ['id_card'], reason: '核对' }]];
				for (const [method, more, body] of asks)
					for (const version of ['"1"', '"77"', '*', undefined]) {
						const ask = (id) => house[role].request(method, `/api/v1/${plural}/${id}${more}`, { body,
							headers: version && method !== 'GET' ? { 'If-Match': version } : {} });
						const [there, not] = [await ask(record.id), await ask(nobodys)];
						assertAlike(there, not, `${role} ${method} ${plural}${more} ${version}`, record.id, nobodys);
						assertSilent(there, `${role} ${method} ${plural}${more}`, record.id);
					}
			}
	});

	test('are in no list, count, sort or filter', async () => {
		for (const role of strangers)
			for (const [plural, kind] of Object.entries(kinds)) {
				const record = away[plural];
				const first = Object.keys(wishes[plural]).find((name) => ['name', 'head'].includes(name));
				const filters = [{ '==': [{ var: first }, record[first]] }, { starts: [{ var: first }, MARK] }, { '==': [{ var: 'id' }, record.id] },
					{ in: [{ var: 'id' }, foreignIds()] }, { '!': { '!=': [{ var: 'id' }, record.id] } }];
				for (const filter of filters) {
					const got = await house[role].get(`/api/v1/${plural}?total=1&${filterOf(filter)}`);
					assertSilent(got, `${role} ${kind.name} ${JSON.stringify(filter)}`);
					assert.ok(got.status === 403 || (got.json.total === 0 && got.json.items.length === 0), got.text);
				}
				// Some live there whom the street sees by their registration.
				assertSilent(await house[role].get(`/api/v1/${plural}?total=1&limit=200&${filterOf({ within: [{ var: 'area' }, AWAY] })}`), `${role} within`);
				for (const query of ['limit=200', 'limit=200&sort=-id', 'limit=200&total=1', 'limit=200&sort=kind', 'limit=200&sort=born_on', 'limit=200&sort=post'])
					assertSilent(await house[role].get(`/api/v1/${plural}?${query}`), `${role} ${plural}?${query}`);
			}
	});

	test('are found by no search', async () => {
		for (const role of strangers)
			for (const plural of Object.keys(kinds)) {
				const { id_card, phone } = wishes[plural];
				const asks = [{ q: MARK }, { q: '标' }, { q: 'xielou' }, { q: 'xlbj' }, { q: `${MARK} 路` }];
				if (id_card)
					asks.push({ exact: { id_card } }, { exact: { id_card: id_card.slice(-4) } });
				if (phone)
					asks.push({ exact: { phone } }, { exact: { phone: phone.slice(-4) } });
				for (const ask of asks) {
					const got = await house[role].post(`/api/v1/${plural}/search`, { ...ask, limit: 200 });
					assert.ok([200, 403].includes(got.status), got.text);
					assertSilent(got, `${role} ${plural} ${JSON.stringify(ask)}`);
				}
				assertSilent(await house[role].post(`/api/v1/${plural}/search`, { q: MARK, cursor: 'aWQKMQox' }), `${role} ${plural}, by a cursor`);
			}
	});

	test('are in no export', async () => {
		for (const role of strangers)
			for (const [plural, record] of Object.entries(away))
				for (const filter of [null, { '==': [{ var: 'id' }, record.id] }, { '!': { '==': [{ var: 'id' }, nobodys] } }]) {
					const got = await house[role].post(`/api/v1/${plural}/export?fields=id${kinds[plural] ? `,${kinds[plural].change}` : ''}${filter ? `&${filterOf(filter)}` : ''}`, {});
					assert.ok([200, 403].includes(got.status), got.text);
					assertSilent(got, `${role} export ${plural}`);
				}
		const seen = await house.bureau.post(`/api/v1/elders/export?${filterOf({ '==': [{ var: 'id' }, away.elders.id] })}`, {});
		assert.ok(seen.text.includes(MARK), 'so that this could have failed');
	});

	test('are not told by a filter through a reference', async () => {
		const hidden = { ...kinds.staff.make(OWN, '本街道', away) };
		const got = await house.bureau.post('/api/v1/staff', hidden);
		assert.equal(got.status, 201, got.text);
		const through = (condition) => `/api/v1/staff?total=1&${filterOf({ and: [{ '==': [{ var: 'id' }, got.json.id] }, condition] })}`;
		const seen = { '==': [{ var: 'organization.name' }, away.organizations.name] };
		assert.equal((await house.bureau.get(through(seen))).json.total, 1);
		for (const role of ['street1', 'community1']) {
			for (const condition of [seen, { starts: [{ var: 'organization.name' }, MARK] }, { '==': [{ var: 'organization.kind' }, 'catering'] }])
				assert.equal((await house[role].get(through(condition))).json.total, 0, `${role} ${JSON.stringify(condition)}`);
			/* As if there were no organization at all. */
			for (const condition of [{ missing: { var: 'organization.name' } }, { '!': seen }])
				assert.equal((await house[role].get(through(condition))).json.total, 1, `${role} ${JSON.stringify(condition)}`);
		}
	});

	test('are not told by what must be unique, nor as something to refer to', async () => {
		for (const role of strangers)
			for (const [plural, kind] of Object.entries(kinds)) {
				const twice = { ...kind.make(OWN, '本街道', own), ...(kind.unique ? { [kind.unique]: wishes[plural][kind.unique] } : {}) };
				const got = await house[role].post(`/api/v1/${plural}`, twice);
				assertSilent(got, `${role} POST ${plural}`);
				if (kind.unique && got.status !== 403)
					assert.deepEqual([got.status, got.json.code, got.json.detail], [409, 'registered_elsewhere', undefined]);
				if (role === 'provider')
					continue; // its own records may move: it is bound to itself, not to an area
				const moved = await house[role].patch(`/api/v1/${plural}/${own[plural].id}`, { area: AWAY }, 1);
				assert.ok([403, 404, 422].includes(moved.status), moved.text);
				assertSilent(moved, `${role} moves ${plural}`);
			}
		for (const [plural, field, to] of [['staff', 'organization', 'organizations'], ['facilities', 'organization', 'organizations'],
			['elders', 'household', 'households']]) {
			const ask = (id) => house.street1.patch(`/api/v1/${plural}/${own[plural].id}`, { [field]: id }, 1);
			assertAlike(await ask(away[to].id), await ask(nobodys), `${plural}.${field}`, away[to].id, nobodys);
		}
	});

	test('are not told by an import', async () => {
		const { id_card, name, sex, born_on } = { ...wishes.elders };
		const csv = `姓名,公民身份号码,性别,出生日期,区划代码\n${name.replace(MARK, '')},${id_card},${sex},${born_on},${OWN}\n另,${id_card},${sex},${born_on},${AWAY}\n`;
		for (const role of strangers)
			assertSilent(await house[role].post('/api/v1/elders/import', csv, { type: 'text/csv' }), `${role} import`);
	});

	test('are not told by events', async () => {
		const streams = [];
		for (const role of strangers)
			streams.push([role, await house[role].events({ lastEventId: 0 })]);
		for (const [plural, kind] of Object.entries(kinds)) {
			const { version } = (await house.bureau.get(`/api/v1/${plural}/${away[plural].id}`)).json;
			assert.equal((await house.bureau.patch(`/api/v1/${plural}/${away[plural].id}`, { [kind.change]: `${MARK}二` }, version)).status, 200);
		}
		const last = await house.bureau.patch(`/api/v1/facilities/${own.facilities.id}`, { address: '最后' }, 1);
		assert.equal(last.status, 200);
		for (const [role, stream] of streams.slice(0, 2))
			await stream.until(({ data }) => data.id === own.facilities.id && data.version === 2, `${role} sees the last change`);
		for (const [role, stream] of streams) {
			for (const event of stream.list)
				assert.ok(!JSON.stringify(event).includes(MARK) && !foreignIds().includes(event.data.id), `${role}: ${JSON.stringify(event)}`);
			stream.close();
		}
	});

	test('and those bound to an organization, to themselves or to their family see what is theirs', async () => {
		const sees = { provider: ['organizations', 'staff'], worker: ['staff'], elder: ['elders'], family: ['elders'] };
		for (const [role, plurals] of Object.entries(sees))
			for (const plural of plurals) {
				assert.equal((await house[role].get(`/api/v1/${plural}/${own[plural].id}`)).status, 200, `${role} ${plural}`);
				const ids = (await house[role].all(`/api/v1/${plural}`)).map((one) => one.id);
				assert.ok(ids.includes(own[plural].id), `${role} ${plural}`);
				/* The demo has elders of its own in the same street. */
				if (plural === 'elders')
					assert.deepEqual(ids, [own.elders.id]);
			}
	});

	test('are seen by those who may, so that all of this could have failed', async () => {
		for (const role of ['bureau', 'auditor'])
			for (const [plural, record] of Object.entries(away)) {
				assert.equal((await house[role].get(`/api/v1/${plural}/${record.id}`)).status, 200, `${role} ${plural}`);
				assert.ok((await house[role].get(`/api/v1/${plural}?${filterOf({ '==': [{ var: 'id' }, record.id] })}`)).text.includes(MARK));
			}
	});
});

describe('filters that are too much', () => {
	const ask = async (text) => {
		const began = performance.now();
		const got = await house.bureau.get(`/api/v1/elders?filter=${encodeURIComponent(text)}`);
		return { ...got, ms: performance.now() - began };
	};

	test('are refused with a code, however deep, long or wrong', async () => {
		const deep = '{"!":'.repeat(1000) + '{"==":[{"var":"sex"},"male"]}' + '}'.repeat(1000);
		const wide = `{"or":[${Array(300).fill('{"==":[{"var":"sex"},"male"]}').join(',')}]}`;
		for (const text of [deep, wide, `{"in":[{"var":"id"},[${Array(1000).fill('"5"').join(',')}]]}`]) {
			const got = await ask(text);
			assert.ok([400, 414, 431].includes(got.status), `${got.status} ${got.text}`);
		}
		for (const value of [null, true, 5, 1.5, 'x', [], {}, { var: 'name' }, { today: 'x' }, { today: 1e9 }])
			for (const field of ['name', 'sex', 'born_on', 'area', 'household', 'tags', 'needs', 'position', 'id_card', 'phone', 'created_at', 'nothing', 5])
				for (const operator of ['==', '!=', '<', 'in', 'within', 'starts', 'missing', 'and', '!', 'reduce']) {
					const got = await ask(JSON.stringify({ [operator]: [{ var: field }, value] }));
					assert.ok(got.status === 200 || got.json.code === 'bad_filter', `${operator} ${field} ${JSON.stringify(value)}: ${got.text}`);
				}
	});
});
