// SPDX-License-Identifier: Apache-2.0
// elders.test.mjs - the ledger of elders: what may be written, what is read back, versions, replays.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, filterOf, idCardOf, newElder, openHouse, register } from '../harness.mjs';

let house, bureau;

before(async () => {
	house = await openHouse();
	({ bureau } = house);
});
after(cleanUp);

const codeOf = (got, pointer) => {
	assert.equal(got.status, 422, got.text);
	return got.json.errors.find((error) => error.pointer === pointer)?.code;
};

/** What a survey asks for, when nobody has answered. */
const unsaid = { household: null, living: null, income: [], health: null, health_note: null, care: null, difficulties: [], needs: [],
	surveyed_on: null, guardian_name: null, guardian_relation: null, guardian_phone: null, contact_name: null, contact_relation: null,
	contact_phone: null, second_contact_name: null, second_contact_relation: null, second_contact_phone: null, extra: null };

describe('a record', () => {
	test('comes back as it was sent, with version, place and time', async () => {
		const wish = newElder({ hukou_area: '370613002', residence: 'separated', address: '海滨路 1 号', phone: '138 1234 5678',
			position: { lat: 37.4321, lon: 121.4567 }, tags: ['veteran', 'living_alone', 'veteran'] });
		const got = await bureau.post('/api/v1/elders', wish);
		assert.equal(got.status, 201, got.text);
		assert.match(got.headers['content-type'], /^application\/json/);
		assert.equal(got.headers.etag, '"1"');
		assert.equal(got.headers.location, `/api/v1/elders/${got.json.id}`);
		assert.equal(got.headers['cache-control'], 'no-store');
		assert.match(got.json.id, /^[1-9]\d+$/);
		assert.match(got.json.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$/);
		const { id, created_at, updated_at, ...rest } = got.json;
		assert.equal(created_at, updated_at);
		assert.deepEqual(rest, { version: 1, name: wish.name, id_card: `${wish.id_card.slice(0, 6)}********${wish.id_card.slice(-4)}`,
			document_kind: null, document_number: null, sex: wish.sex, born_on: wish.born_on, area: '370613001011000',
			hukou_area: '370613002000000', residence: 'separated', address: wish.address, phone: '138****5678',
			position: wish.position, tags: ['living_alone', 'veteran'], flags: [], ended_at: null, ...unsaid });
		const again = await bureau.get(`/api/v1/elders/${id}`);
		assert.equal(again.status, 200);
		assert.equal(again.headers.etag, '"1"');
		assert.deepEqual(again.json, got.json);
	});

	test('has what the survey asks for; lists leave that out until it is asked for', async () => {
		const household = await bureau.post('/api/v1/households', { head: '王', area: '370613001011', structure: '隔代户', members: 3 });
		assert.equal(household.status, 201, household.text);
		const said = { household: household.json.id, living: 'alone', income: ['pension', 'children'], health: 'chronic', health_note: '高血压',
			care: 'nobody', difficulties: ['meals'], needs: ['meals', 'emergency_call'], surveyed_on: '2026-03-01', guardian_name: '王一',
			guardian_relation: 'son', guardian_phone: '13812345671', contact_name: '王二', contact_relation: '女儿',
			contact_phone: '13812345672', second_contact_name: '赵', second_contact_relation: 'neighbour', second_contact_phone: '0535-6891234' };
		const elder = await register(bureau, said);
		const shown = { ...said, health_note: '***', contact_relation: 'daughter', guardian_phone: '138****5671', contact_phone: '138****5672',
			second_contact_phone: elder.second_contact_phone };
		assert.deepEqual(Object.fromEntries(Object.keys(said).map((name) => [name, elder[name]])), shown);
		const condition = { and: [{ in: ['emergency_call', { var: 'needs' }] }, { '==': [{ var: 'household.structure' }, 'skip_generation'] }] };
		const list = async (more) => (await bureau.get(`/api/v1/elders?${filterOf(condition)}${more}`)).json.items;
		const [brief] = await list('');
		assert.deepEqual([brief.id, brief.name, 'needs' in brief, 'flags' in brief], [elder.id, elder.name, false, true]);
		assert.deepEqual(await list('&fields=id,needs,health_note'), [{ id: elder.id, needs: said.needs, health_note: '***' }]);
		assertProblem(await bureau.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'health_note' }, '高血压'] })}`), 400, 'bad_filter');
		assertProblem(await bureau.patch(`/api/v1/elders/${elder.id}`, { contact_phone: null }, 1), 422, 'invalid', '/contact_phone');
		assertProblem(await house.street1.patch(`/api/v1/elders/${elder.id}`, { household: '1' }, 1), 422, 'invalid', '/household');
	});

	test('needs name, sex, birth date and area, and names all that is missing at once', async () => {
		const problem = assertProblem(await bureau.post('/api/v1/elders', {}), 422, 'invalid');
		assert.deepEqual(problem.errors.map((error) => [error.pointer, error.code]).sort(),
			[['/area', 'required'], ['/born_on', 'required'], ['/name', 'required'], ['/sex', 'required']]);
		for (const field of ['name', 'sex', 'born_on', 'area']) {
			assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ id_card: null, [field]: undefined })), `/${field}`), 'required');
			assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ id_card: null, [field]: null })), `/${field}`), 'required');
		}
		assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ name: ' \u3000 ' })), '/name'), 'required');
	});

	test('may be without any identity document, and says so', async () => {
		const none = await register(bureau, { id_card: undefined });
		assert.deepEqual([none.id_card, none.flags], [null, ['no_identity_document']]);
		const passport = await register(bureau, { id_card: undefined, document_kind: 'passport', document_number: 'E12345678' });
		assert.deepEqual(passport.flags, []);
		assert.equal(passport.document_kind, 'passport');
		assert.ok(!passport.document_number.includes('12345678'), 'the document number is masked');
		assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ id_card: undefined, document_number: 'E1' })), '/document_kind'), 'required');
	});

	test('takes an area with 9, 12 or 15 digits, and the words in Chinese', async () => {
		for (const area of ['370613001', '370613001011', '370613001011000'])
			assert.equal((await register(bureau, { area })).area, area.padEnd(15, '0'));
		const elder = await register(bureau, { sex: '女', id_card: undefined, residence: '人户分离', tags: ['独居'] });
		assert.deepEqual([elder.sex, elder.residence, elder.tags], ['female', 'separated', ['living_alone']]);
	});

	test('takes the old ID card of 15 digits and keeps it as 18', async () => {
		const card = idCardOf('905123', '1935-03-04', 555);
		const elder = await register(bureau, { id_card: card.slice(0, 6) + card.slice(8, 17), sex: 'male', born_on: '1935-03-04' });
		assert.equal(elder.id_card, `905123********${card.slice(-4)}`);
		assertProblem(await bureau.post('/api/v1/elders', newElder({ id_card: card, sex: 'male', born_on: '1935-03-04' })), 409, 'duplicate');
		const x = Array.from({ length: 400 }, (_, i) => idCardOf('905123', '1936-05-06', i * 2 + 1)).find((one) => one.endsWith('X'));
		assert.match((await register(bureau, { id_card: x.toLowerCase(), sex: 'male', born_on: '1936-05-06' })).id_card, /X$/);
	});

	test('each field says what is wrong with it', async () => {
		const good = idCardOf('905123', '1941-01-01', 777);
		const cases = {
			name: [[7, 'wrong_type'], [['x'], 'wrong_type'], [true, 'wrong_type'], ['名'.repeat(51), 'too_long'], ['a\u0001b', 'bad_characters'], ['a\rb', 'bad_characters']],
			sex: [['other', 'unknown_word'], [1, 'wrong_type'], ['', 'unknown_word']],
			born_on: [['1950-02-30', 'bad_date'], ['1950-2-3', 'bad_date'], ['19500203', 'bad_date'], ['1950-02-03T00:00:00Z', 'bad_date'], ['', 'bad_date'],
				['2199-01-01', 'out_of_range'], ['1851-01-01', 'out_of_range'], [19500203, 'wrong_type']],
			area: [['370613999', 'unknown_area'], ['11', 'unknown_area'], ['3706130010', 'unknown_area'], ['abc', 'unknown_area'], ['', 'unknown_area'],
				[370613001, 'wrong_type'], ['-37061300', 'unknown_area'], ['999999999999999', 'unknown_area']],
			hukou_area: [['530102', 'unknown_area'], [{}, 'wrong_type']],
			residence: [['here', 'unknown_word'], [false, 'wrong_type']],
			address: [['路'.repeat(201), 'too_long'], [1, 'wrong_type']],
			phone: [['1234567', 'bad_phone'], ['abc', 'bad_phone'], ['', 'bad_phone'], [13812345678, 'wrong_type'], ['1381234567890', 'bad_phone']],
			position: [['37,121', 'wrong_type'], [{ lat: 37 }, 'wrong_type'], [{ lat: '37', lon: 121 }, 'wrong_type'], [{ lat: 91, lon: 0 }, 'out_of_range'],
				[{ lat: 0, lon: -181 }, 'out_of_range'], [{ lat: 37, lon: 121, alt: 1 }, 'wrong_type'], [[37, 121], 'wrong_type']],
			tags: [['living_alone', 'wrong_type'], [['rich'], 'unknown_word'], [[1], 'unknown_word'], [[null], 'unknown_word'], [{}, 'wrong_type']],
			document_kind: [['library_card', 'unknown_word']],
			id_card: [[good.slice(0, 17), 'bad_id_card_length'], [`${good.slice(0, 5)}a${good.slice(6)}`, 'bad_id_card_character'],
				[`00${good.slice(2)}`, 'bad_id_card_area'], [`${good.slice(0, 10)}1332${good.slice(14)}`, 'bad_id_card_birth_date'],
				[good.slice(0, 17) + (good[17] === '0' ? '1' : '0'), 'bad_id_card_check'], [Number(good.slice(0, 15)), 'wrong_type']],
		};
		for (const [field, values] of Object.entries(cases))
			for (const [value, code] of values) {
				const got = await bureau.post('/api/v1/elders', newElder({ id_card: undefined, [field]: value }));
				assert.equal(codeOf(got, `/${field}`), code, `${field}: ${JSON.stringify(value)}: ${got.text}`);
			}
	});

	test('must not contradict its ID card', async () => {
		const wish = newElder();
		assert.equal(codeOf(await bureau.post('/api/v1/elders', { ...wish, sex: wish.sex === 'male' ? 'female' : 'male' }), '/sex'), 'contradicts_id_card');
		assert.equal(codeOf(await bureau.post('/api/v1/elders', { ...wish, born_on: '1933-03-03' }), '/born_on'), 'contradicts_id_card');
		const elder = await register(bureau, wish);
		assert.equal(codeOf(await bureau.patch(`/api/v1/elders/${elder.id}`, { born_on: '1933-03-03' }, 1), '/born_on'), 'contradicts_id_card');
	});

	test('does not take what the system keeps, nor what it does not know', async () => {
		for (const field of ['id', 'version', 'created_at', 'updated_at', 'flags', 'ended_at'])
			assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ [field]: 1 })), `/${field}`), 'read_only');
		for (const field of ['nickname', 'district', 'lat', 'Name', ''])
			assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ [field]: 'x' })), `/${field}`), 'unknown_field');
		const long = '长'.repeat(100);
		assertProblem(await bureau.post('/api/v1/elders', newElder({ [long]: 1 })), 422, 'invalid');
	});

	test('points to unknown fields as RFC 6901 says: / and ~ escaped', async () => {
		assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ 'a/b~c': 1 })), '/a~1b~0c'), 'unknown_field');
	});

	test('many wrong fields do not make an endless answer', async () => {
		const wish = newElder();
		for (let i = 0; i < 3000; i++)
			wish[`field${i}`] = i;
		const problem = assertProblem(await bureau.post('/api/v1/elders', wish), 422, 'invalid');
		assert.ok(problem.errors.length > 0 && problem.errors.length <= 50);
	});

	test('the same person is registered once; after the end, again', async () => {
		const wish = newElder();
		const first = await register(bureau, wish);
		assertProblem(await bureau.post('/api/v1/elders', wish), 409, 'duplicate');
		assert.equal((await bureau.end(`/api/v1/elders/${first.id}`, 1)).status, 200);
		const second = await register(bureau, wish);
		assert.notEqual(second.id, first.id);
	});

	test('fields picks some', async () => {
		const elder = await register(bureau);
		const got = await bureau.get(`/api/v1/elders/${elder.id}?fields=name,%20id`);
		assert.deepEqual(got.json, { id: elder.id, name: elder.name });
		assert.equal(got.headers.etag, '"1"');
		assert.deepEqual((await bureau.get(`/api/v1/elders/${elder.id}?fields=nothing`)).json, {});
	});

	test('two at once with the same ID card: one is registered', async () => {
		const wish = newElder();
		const all = await Promise.all(Array.from({ length: 8 }, () => bureau.post('/api/v1/elders', wish)));
		assert.deepEqual(all.map((got) => got.status).sort(), [201, 409, 409, 409, 409, 409, 409, 409], all.map((got) => got.text).join('\n'));
	});
});

describe('changing', () => {
	test('merges what was sent, counts the version up, and null clears', async () => {
		const elder = await register(bureau, { address: '旧址', phone: '0535-6891234', hukou_area: '370613002', residence: 'away',
			position: { lat: 37, lon: 121 }, tags: ['veteran'] });
		const one = await bureau.patch(`/api/v1/elders/${elder.id}`, { address: '新址' }, 1);
		assert.equal(one.status, 200, one.text);
		assert.equal(one.headers.etag, '"2"');
		assert.deepEqual(one.json, { ...elder, address: '新址', version: 2, updated_at: one.json.updated_at });
		const cleared = { address: null, phone: null, hukou_area: null, residence: null, position: null, tags: null, id_card: null };
		const two = await bureau.patch(`/api/v1/elders/${elder.id}`, cleared, 2);
		assert.equal(two.status, 200, two.text);
		const expected = { ...one.json, ...cleared, tags: [], flags: ['no_identity_document'], version: 3, updated_at: two.json.updated_at };
		assert.deepEqual(two.json, expected);
		assert.deepEqual((await bureau.get(`/api/v1/elders/${elder.id}`)).json, expected);
		for (const field of ['name', 'sex', 'born_on', 'area'])
			assert.equal(codeOf(await bureau.patch(`/api/v1/elders/${elder.id}`, { [field]: null }, 3), `/${field}`), 'required');
	});

	test('nothing new keeps the version', async () => {
		const elder = await register(bureau, { address: '某处', phone: '13912345678', position: { lat: 37.5, lon: 121.25 }, tags: ['veteran', 'living_alone'] });
		for (const same of [{}, { name: elder.name }, { address: ' 某处 ' }, { phone: '139-1234-5678' }, { area: '370613001011' },
			{ position: { lat: 37.5, lon: 121.25 } }, { tags: ['living_alone', 'veteran'] }, { hukou_area: null }]) {
			const got = await bureau.patch(`/api/v1/elders/${elder.id}`, same, 1);
			assert.equal(got.status, 200, got.text);
			assert.equal(got.headers.etag, '"1"', JSON.stringify(same));
			assert.deepEqual(got.json, elder);
		}
	});

	test('takes merge-patch+json as well', async () => {
		const elder = await register(bureau);
		const got = await bureau.patch(`/api/v1/elders/${elder.id}`, { name: '合并' }, 1, { type: 'application/merge-patch+json' });
		assert.equal(got.json.name, '合并');
	});

	test('needs the version that was seen', async () => {
		const elder = await register(bureau);
		const path = `/api/v1/elders/${elder.id}`;
		assertProblem(await bureau.request('PATCH', path, { body: { name: 'x' } }), 428, 'precondition_required');
		assertProblem(await bureau.request('DELETE', path), 428, 'precondition_required');
		for (const tag of ['"2"', '"0"', 'W/"1"', '"abc"', '"01"', '1', '"2", "3"', '""', ',', '"-1"', '"99999999999999999999"', '"1']) {
			assertProblem(await bureau.request('PATCH', path, { body: { name: 'x' }, headers: { 'If-Match': tag } }), 412, 'stale');
			assertProblem(await bureau.request('DELETE', path, { headers: { 'If-Match': tag } }), 412, 'stale');
		}
		assert.deepEqual((await bureau.get(path)).json, elder);
		for (const [at, tag] of ['"9", "1"', '*', ' "3" '].entries())
			assert.equal((await bureau.request('PATCH', path, { body: { name: `x${at}` }, headers: { 'If-Match': tag } })).status, 200, tag);
	});

	test('of many writers with the same version one wins', async () => {
		const elder = await register(bureau);
		const all = await Promise.all(Array.from({ length: 10 }, (_, i) => bureau.patch(`/api/v1/elders/${elder.id}`, { name: `写者${i}` }, 1)));
		assert.equal(all.filter((got) => got.status === 200).length, 1, all.map((got) => `${got.status}`).join());
		assert.equal(all.filter((got) => got.status === 412).length, 9);
		const now = (await bureau.get(`/api/v1/elders/${elder.id}`)).json;
		assert.equal(now.version, 2);
		assert.equal(now.name, all.find((got) => got.status === 200).json.name);
	});

	test('an end keeps the record, out of the lists and out of reach', async () => {
		const elder = await register(bureau);
		const path = `/api/v1/elders/${elder.id}`;
		const got = await bureau.end(path, 1);
		assert.equal(got.status, 200, got.text);
		assert.equal(got.json.version, 2);
		assert.ok(got.json.ended_at);
		const list = await bureau.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'id' }, elder.id] })}`);
		assert.deepEqual(list.json.items, []);
		assertProblem(await bureau.patch(path, { name: 'x' }, 2), 404, 'not_found');
		assertProblem(await bureau.end(path, 2), 404, 'not_found');
		assert.ok((await bureau.get(path)).json.ended_at);
	});
});

describe('why and since when a record has ended', () => {
	const end = (elder, params) => bureau.end(`/api/v1/elders/${elder.id}?${new URLSearchParams(params)}`, elder.version);
	const today = () => new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);

	test('is said in the query, kept, and journalled', async () => {
		const elder = await register(bureau);
		const got = await end(elder, { end_reason: 'died', ended_on: '2026-01-02' });
		assert.equal(got.status, 200, got.text);
		assert.deepEqual([got.json.end_reason, got.json.ended_on], ['died', '2026-01-02']);
		assert.deepEqual((await bureau.get(`/api/v1/elders/${elder.id}`)).json, got.json);
		const line = await eventually(async () => (await bureau.get(`/api/v1/elders/${elder.id}/history`)).json.items.find((item) => item.action === 'end'));
		assert.deepEqual(line.changes, { end_reason: [null, 'died'], ended_on: [null, '2026-01-02'] });
	});

	test('may be said in Chinese; the day is today where none is said', async () => {
		const got = await end(await register(bureau), { end_reason: '迁出本区' });
		assert.deepEqual([got.json.end_reason, got.json.ended_on], ['moved_out', today()]);
		assert.equal((await end(await register(bureau), {})).json.end_reason, null);
	});

	test('is refused where it cannot be, and nothing ends', async () => {
		const elder = await register(bureau);
		const both = await end(elder, { end_reason: 'closed', ended_on: '2026-02-30' });
		assert.deepEqual([codeOf(both, '/end_reason'), codeOf(both, '/ended_on')], ['unknown_word', 'bad_date']);
		assert.equal(codeOf(await end(elder, { ended_on: '2099-01-01' }), '/ended_on'), 'out_of_range');
		assert.equal((await bureau.get(`/api/v1/elders/${elder.id}`)).json.ended_at, null);
	});
});

describe('Idempotency-Key', () => {
	const keyed = (client, key, body) => client.post('/api/v1/elders', body, { headers: { 'Idempotency-Key': key } });

	test('the same request again gives the same answer once', async () => {
		const wish = newElder();
		const first = await keyed(bureau, 'key-1', wish);
		assert.equal(first.status, 201, first.text);
		assert.equal(first.headers['idempotency-replayed'], undefined);
		const again = await keyed(bureau, 'key-1', wish);
		assert.equal(again.status, 201);
		assert.equal(again.headers['idempotency-replayed'], 'true');
		assert.equal(again.text, first.text);
		for (const name of ['etag', 'location', 'content-type'])
			assert.equal(again.headers[name], first.headers[name]);
	});

	test('the same key with another body is refused and changes nothing', async () => {
		const wish = newElder();
		const first = await keyed(bureau, 'key-2', wish);
		assertProblem(await keyed(bureau, 'key-2', newElder()), 422, 'idempotency_key_reused');
		assertProblem(await keyed(bureau, 'key-2', { ...wish, address: 'x' }), 422, 'idempotency_key_reused');
		const facility = await bureau.post('/api/v1/facilities', wish, { headers: { 'Idempotency-Key': 'key-2' } });
		assertProblem(facility, 422, 'idempotency_key_reused');
		assert.equal((await keyed(bureau, 'key-2', wish)).text, first.text);
	});

	test('the same key at the same time makes one record', async () => {
		for (let round = 0; round < 5; round++) {
			const wish = newElder({ id_card: undefined, name: `同时${round}` });
			const all = await Promise.all(Array.from({ length: 10 }, () => keyed(bureau, `key-3-${round}`, wish)));
			for (const got of all)
				assert.equal(got.status, 201, got.text);
			assert.equal(new Set(all.map((got) => got.json.id)).size, 1);
			assert.equal(all.filter((got) => got.headers['idempotency-replayed'] === 'true').length, 9);
			const found = await bureau.all(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, wish.name] })}`);
			assert.equal(found.length, 1);
		}
	});

	test('keys belong to whoever sent them', async () => {
		const one = await keyed(bureau, 'key-4', newElder());
		const two = await keyed(house.street1, 'key-4', newElder());
		assert.deepEqual([one.status, two.status], [201, 201]);
		assert.notEqual(one.json.id, two.json.id);
	});

	test('an answer is not given again to whoever has lost its area', async () => {
		const areas = ['370613001', '370613002'];
		const made = await house.admin.post('/api/v1/users', { user: 'mover', name: '调动', role: 'street', areas: [areas[0]], password: 'first-area-1' });
		assert.equal(made.status, 201, made.text);
		const mover = await house.server.as('mover', 'first-area-1');
		const wish = newElder();
		assert.equal((await keyed(mover, 'key-6', wish)).status, 201);
		assert.equal((await house.admin.patch(`/api/v1/users/${made.json.id}`, { areas: [areas[1]] }, made.json.version)).status, 200);
		assertProblem(await keyed(await house.server.as('mover', 'first-area-1'), 'key-6', wish), 422, 'idempotency_key_reused');
	});

	test('a refusal does not use the key up', async () => {
		assert.equal((await keyed(bureau, 'key-5', {})).status, 422);
		assert.equal((await keyed(bureau, 'key-5', newElder())).status, 201);
	});

	test('keys of a strange form are refused or taken, never a failure', async () => {
		assertProblem(await keyed(bureau, 'k'.repeat(201), newElder()), 400, 'bad_request');
		for (const key of ["'; DROP TABLE elder; --", 'ключ'.length ? '%00' : '', '"quoted"', '\u00e9\u00ff'])
			assert.ok([201, 400].includes((await keyed(bureau, key, newElder())).status), key);
	});
});

describe('text', () => {
	const nasty = ["Robert'); DROP TABLE elder;--", '"; DELETE FROM elder; --', "' OR '1'='1", '$1 ?1 %s %n \\', '%_\\%', '<script>alert(1)</script>',
		'{"a":[1,2]}', '𠮷野家🀄️é\u0301', '\u202Ertl', "E'\\x27' || pg_sleep(9)", 'NULL', '--', '/* */', '\\u0027', "''", '${x}', '\u007f', 'line one\nline two\ttab'];

	test('comes back as it was, whatever it looks like', async () => {
		for (const text of nasty) {
			const elder = await register(bureau, { name: text, address: text, id_card: undefined, document_kind: 'other', document_number: text.slice(0, 40) });
			assert.deepEqual([elder.name, elder.address], [text, text]);
			const again = (await bureau.get(`/api/v1/elders/${elder.id}`)).json;
			assert.deepEqual([again.name, again.address], [text, text]);
			const found = await bureau.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, text] })}`);
			assert.ok(found.json.items.some((one) => one.id === elder.id), text);
			const patched = await bureau.patch(`/api/v1/elders/${elder.id}`, { name: `${text}!`.slice(-50) }, 1);
			assert.equal(patched.json.name, `${text}!`.slice(-50));
		}
		assert.ok((await bureau.all('/api/v1/elders')).length >= 300, 'nobody was lost');
	});

	test('is refused in every field that is not free text', async () => {
		for (const text of nasty)
			for (const field of ['id_card', 'sex', 'born_on', 'area', 'hukou_area', 'residence', 'phone', 'document_kind', 'tags', 'position'])
				assert.ok(codeOf(await bureau.post('/api/v1/elders', newElder({ id_card: undefined, [field]: text })), `/${field}`), `${field}: ${text}`);
	});

	test('lengths are counted in characters', async () => {
		assert.equal((await register(bureau, { name: '𠮷'.repeat(50), address: '𠮷'.repeat(200) })).name, '𠮷'.repeat(50));
		assert.equal(codeOf(await bureau.post('/api/v1/elders', newElder({ name: '𠮷'.repeat(51) })), '/name'), 'too_long');
	});
});
