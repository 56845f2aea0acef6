// SPDX-License-Identifier: Apache-2.0
// listing.test.mjs - pages, cursors, filters, sorts, selected fields.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, filterOf, openHouse, register } from '../harness.mjs';

let house, bureau, everybody;

before(async () => {
	house = await openHouse();
	({ bureau } = house);
	everybody = await bureau.all('/api/v1/elders');
});
after(cleanUp);

const ids = (list) => list.map((one) => one.id);
const sorted = (list) => ids(list).sort();

describe('pages', () => {
	test('20 by default, 200 at most, and a next only when there is more', async () => {
		const first = (await bureau.get('/api/v1/elders')).json;
		assert.equal(first.items.length, 20);
		assert.equal(typeof first.next, 'string');
		assert.equal((await bureau.get('/api/v1/elders?limit=200')).json.items.length, 200);
		assert.equal(everybody.length, 300);
		const exact = await bureau.get(`/api/v1/elders?limit=20&${filterOf({ in: [{ var: 'id' }, ids(everybody.slice(0, 20))] })}`);
		assert.deepEqual([exact.json.items.length, exact.json.next], [20, null]);
		const none = await bureau.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, '没有这个人'] })}`);
		assert.deepEqual(none.json, { items: [], next: null });
	});

	test('a limit out of bounds is refused', async () => {
		for (const limit of ['0', '201', '-1', 'x', '1.5', '', '99999999999999999999', '+5', ' 5'])
			assertProblem(await bureau.get(`/api/v1/elders?limit=${encodeURIComponent(limit)}`), 400, 'bad_request');
	});

	test('every sort walks all rows once, in order, in pages of any size', async () => {
		for (const sort of ['id', '-id', 'born_on', '-born_on']) {
			for (const limit of [1, 7, 50, 200]) {
				if (limit === 1 && sort !== 'born_on')
					continue;
				const list = await bureau.all(`/api/v1/elders?sort=${sort}`, { limit });
				assert.deepEqual(sorted(list), sorted(everybody), `${sort} by ${limit}`);
				const down = sort.startsWith('-');
				const order = [...everybody].sort((a, b) => {
					const [x, y] = sort.endsWith('born_on') && a.born_on !== b.born_on ? [a.born_on, b.born_on] : [BigInt(a.id), BigInt(b.id)];
					return (x < y ? -1 : 1) * (down ? -1 : 1);
				});
				assert.deepEqual(ids(list), ids(order), `${sort} by ${limit}`);
			}
		}
	});

	test('rows added, changed and ended meanwhile do not double or hide others', async () => {
		for (const sort of ['born_on', '-born_on', 'id', '-id']) {
			const before = new Set(ids(await bureau.all('/api/v1/elders')));
			const made = [];
			const list = await bureau.all(`/api/v1/elders?sort=${sort}`, { limit: 37, between: async (count) => {
				made.push(await register(bureau, { id_card: undefined, born_on: `19${30 + (count % 60)}-06-06` }));
				const last = made.at(-1);
				await bureau.patch(`/api/v1/elders/${last.id}`, { address: '途中改动' }, 1);
				if (made.length % 2 === 0)
					await bureau.end(`/api/v1/elders/${made.at(-2).id}`, 2);
			} });
			const seen = ids(list);
			assert.equal(new Set(seen).size, seen.length, `${sort}: doubled`);
			for (const id of before)
				assert.ok(seen.includes(id), `${sort}: ${id} is hidden`);
			for (const elder of made)
				await bureau.end(`/api/v1/elders/${elder.id}`, 2);
		}
		everybody = await bureau.all('/api/v1/elders');
	});

	test('a page that was seen before shows each change at once', async () => {
		const elder = await register(bureau);
		const page = async () => (await bureau.get(`/api/v1/elders?sort=-id&limit=5`)).json.items;
		for (let version = 1; version <= 5; version++) {
			const list = await page();
			const whole = (await bureau.get(`/api/v1/elders/${elder.id}`)).json;
			assert.deepEqual(list[0], Object.fromEntries(Object.keys(list[0]).map((name) => [name, whole[name]])));
			assert.deepEqual([list[0].id, list[0].version], [elder.id, version]);
			assert.deepEqual(await page(), list);
			assert.equal((await bureau.patch(`/api/v1/elders/${elder.id}`, { address: `第 ${version} 次` }, version)).status, 200);
		}
		await bureau.end(`/api/v1/elders/${elder.id}`, 6);
		assert.notEqual((await page())[0].id, elder.id);
		everybody = await bureau.all('/api/v1/elders');
	});

	test('a cursor that was not given out is refused', async () => {
		const { next } = (await bureau.get('/api/v1/elders?sort=born_on&limit=5')).json;
		assertProblem(await bureau.get(`/api/v1/elders?sort=-born_on&cursor=${next}`), 400, 'bad_cursor');
		assertProblem(await bureau.get(`/api/v1/elders?sort=id&cursor=${next}`), 400, 'bad_cursor');
		const make = (text) => Buffer.from(text, 'latin1').toString('base64url');
		for (const cursor of ['', 'x', '!!!!', 'A'.repeat(2000), make('born_on\n1950-01-01'), make('born_on\n1950-01-01\nx'), make('born_on\n1950-01-01\n-1'),
			make('born_on\n1950-01-01\n0'), make('born_on\n\xff\xfe\n5'), make('\n\n'), make('born_on\0\n1950-01-01\n5'), `${next}=`, `${next}A`,
			make("born_on\n' OR 1=1 --\n99999999999999999999999")])
			assertProblem(await bureau.get(`/api/v1/elders?sort=born_on&cursor=${encodeURIComponent(cursor)}`), 400, 'bad_cursor');
		assertProblem(await bureau.get(`/api/v1/elders?sort=id&cursor=${make('id\nabc')}`), 400, 'bad_cursor');
		/* Made up but well formed: just a place in the list. */
		assert.equal((await bureau.get(`/api/v1/elders?sort=born_on&cursor=${make("born_on\n' OR 1=1 --\n5")}`)).status, 200);
	});

	test('only declared sorts', async () => {
		for (const sort of ['name', 'phone', '--id', 'id;DROP TABLE elder', 'born_on,id', '', '-', 'ID', 'born_on desc', 'lat'])
			assertProblem(await bureau.get(`/api/v1/elders?sort=${encodeURIComponent(sort)}`), 400, 'bad_request');
	});

	test('areas are walked as well', async () => {
		const all = await bureau.all('/api/v1/areas', { limit: 9 });
		assert.equal(new Set(all.map((area) => area.number)).size, all.length);
		assert.deepEqual(all.map((area) => area.number), all.map((area) => area.number).sort());
		const down = await bureau.all('/api/v1/areas?sort=-number', { limit: 11 });
		assert.deepEqual(down.map((area) => area.number), all.map((area) => area.number).reverse());
		assert.ok(all.length > 100);
		const streets = await bureau.all(`/api/v1/areas?${filterOf({ '==': [{ var: 'level' }, 'street'] })}`);
		assert.deepEqual(streets.map((area) => area.name), ['黄海路街道', '初家街道', '滨海路街道', '解甲庄街道', '莱山街道', '院格庄街道']);
		for (const street of streets)
			assert.equal(street.parent, '370613000000000');
	});

	test('a page of the journal that ends with its last line has no next', async () => {
		const lines = await house.auditor.all('/api/v1/journal');
		const page = await house.auditor.get(`/api/v1/journal?cursor=${lines.at(-6).position}&limit=5`);
		assert.deepEqual([page.json.items.length, page.json.next], [5, null]);
	});

	test('HEAD answers like GET without the body', async () => {
		const get = await bureau.get('/api/v1/elders?limit=3');
		const head = await bureau.request('HEAD', '/api/v1/elders?limit=3');
		assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', get.headers['content-length']]);
		assert.equal((await bureau.request('HEAD', '/api/v1/elders/1')).status, 404);
	});

	test('total counts all that fit', async () => {
		assert.equal((await bureau.get('/api/v1/elders?total=1&limit=1')).json.total, everybody.length);
		const women = everybody.filter((elder) => elder.sex === 'female').length;
		assert.equal((await bureau.get(`/api/v1/elders?total=1&limit=1&${filterOf({ '==': [{ var: 'sex' }, 'female'] })}`)).json.total, women);
	});

	test('fields picks columns', async () => {
		const { items } = (await bureau.get('/api/v1/elders?fields=id,born_on&limit=5')).json;
		for (const item of items)
			assert.deepEqual(Object.keys(item), ['id', 'born_on']);
		assert.equal((await bureau.get(`/api/v1/elders?fields=${'x,'.repeat(300)}`)).status, 200);
	});
});

describe('filters', () => {
	const v = (name) => ({ var: name });

	test('each operator agrees with a computed expectation', async () => {
		const day = [...everybody].sort((a, b) => (a.born_on < b.born_on ? -1 : 1))[100].born_on;
		const { name, area } = everybody[7];
		const known = everybody.find((elder) => elder.hukou_area)?.hukou_area ?? area;
		const cases = [
			[{ '==': [v('sex'), 'male'] }, (e) => e.sex === 'male'],
			[{ '!=': [v('sex'), 'male'] }, (e) => e.sex !== 'male'],
			[{ '==': [v('name'), name] }, (e) => e.name === name],
			[{ '==': [v('area'), area] }, (e) => e.area === area],
			[{ '==': [v('born_on'), day] }, (e) => e.born_on === day],
			[{ '<': [v('born_on'), day] }, (e) => e.born_on < day],
			[{ '<=': [v('born_on'), day] }, (e) => e.born_on <= day],
			[{ '>': [v('born_on'), day] }, (e) => e.born_on > day],
			[{ '>=': [v('born_on'), day] }, (e) => e.born_on >= day],
			[{ '>': [v('id'), everybody[50].id] }, (e) => BigInt(e.id) > BigInt(everybody[50].id)],
			[{ in: [v('residence'), ['away', 'migrant']] }, (e) => ['away', 'migrant'].includes(e.residence)],
			[{ within: [v('area'), '370613001'] }, (e) => e.area.startsWith('370613001')],
			[{ within: [v('area'), '370613'] }, () => true],
			[{ within: [v('area'), '3706'] }, () => true],
			[{ within: [v('area'), '11'] }, () => false],
			[{ '!': { within: [v('area'), '370613001'] } }, (e) => !e.area.startsWith('370613001')],
			[{ '!': [{ '==': [v('sex'), 'male'] }] }, (e) => e.sex !== 'male'],
			[{ '!=': [v('hukou_area'), known] }, (e) => e.hukou_area !== known],
			[{ '!': { '==': [v('hukou_area'), known] } }, (e) => e.hukou_area !== known],
			[{ and: [{ '==': [v('sex'), 'female'] }, { '>=': [v('born_on'), day] }, { within: [v('area'), '370613002'] }] },
				(e) => e.sex === 'female' && e.born_on >= day && e.area.startsWith('370613002')],
			[{ or: [{ '==': [v('sex'), 'female'] }, { and: [{ '<': [v('born_on'), day] }, { '==': [v('residence'), 'separated'] }] }] },
				(e) => e.sex === 'female' || (e.born_on < day && e.residence === 'separated')],
			[{ '!': { or: [{ '==': [v('sex'), 'female'] }, { '<': [v('born_on'), day] }] } }, (e) => e.sex !== 'female' && e.born_on >= day],
		];
		for (const [condition, fits] of cases)
			for (const sort of ['id', '-born_on']) {
				const got = await bureau.all(`/api/v1/elders?sort=${sort}&${filterOf(condition)}`, { limit: 83 });
				assert.deepEqual(sorted(got), sorted(everybody.filter(fits)), JSON.stringify(condition));
			}
	});

	test('what is not a filter is refused', async () => {
		const deep = (levels) => JSON.parse(`${'{"!":'.repeat(levels)}{"==":[{"var":"sex"},"male"]}${'}'.repeat(levels)}`);
		for (const condition of [[], {}, 'x', 5, null, { and: [] }, { and: {} }, { xor: [] }, { '==': [] }, { '==': [v('sex')] }, { '==': [v('sex'), 5] },
			{ '==': [v('sex'), 'male', 'x'] }, { '==': [v('phone'), '138'] }, { '==': [v('id_card'), 'x'] }, { '==': [v('district'), 1] }, { '==': [v('born_on'), 'x'] },
			{ '==': [v('born_on'), '1950-02-30'] }, { '==': [v('area'), 370613] }, { '==': [v('area'), '3706130'] }, { '==': [v('id'), '-1'] }, { '==': [v('id'), 5] },
			{ in: [v('sex'), []] }, { in: [v('sex'), 'male'] }, { in: [v('sex'), [null]] }, { within: [v('sex'), 'male'] }, { within: [v('area'), '0'] },
			{ '==': ['male', v('sex')] }, { '==': [{ var: 'sex', x: 1 }, 'male'] }, { '==': [v("sex' OR 1=1 --"), 'x'] }, { '==': [v('sex'), 'male'], '!=': [v('sex'), 'x'] },
			{ '!': {} }, { '!': [] }, { '!': [{ '==': [v('sex'), 'male'] }, { bogus: 1 }] }, { '+': [1, 2] }, { var: 'sex' }, true, deep(40)])
			assertProblem(await bureau.get(`/api/v1/elders?${filterOf(condition)}`), 400, 'bad_filter');
		for (const text of ['', '{', '{"==":[{"var":"sex"},"male"]', '\u00ff', '{"==":[{"var":"sex"},"male"]}x'])
			assertProblem(await bureau.get(`/api/v1/elders?filter=${encodeURIComponent(text)}`), 400, 'bad_filter');
	});

	test('a filter as long as an address may be is answered', async () => {
		for (const count of [20, 60, 64, 65, 100, 200]) {
			const got = await bureau.get(`/api/v1/elders?${filterOf({ in: [v('id'), Array(count).fill('5')] })}`);
			assert.ok(got.status === 200 || got.json.code === 'bad_filter', `${count}: ${got.text}`);
		}
		const wide = { or: Array.from({ length: 120 }, () => ({ '==': [v('sex'), 'a'] })) };
		const got = await bureau.get(`/api/v1/elders?${filterOf(wide)}`);
		assert.ok([200, 400, 414, 431].includes(got.status), `${got.status}`);
	});

	test('SQL in a value is a value', async () => {
		for (const text of ["' OR '1'='1", "male' --", '%', '_', "'; DELETE FROM elder; --"])
			assert.deepEqual((await bureau.get(`/api/v1/elders?${filterOf({ '==': [v('name'), text] })}`)).json.items, []);
		assert.equal((await bureau.all('/api/v1/elders')).length, everybody.length);
	});
});
