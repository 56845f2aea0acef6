// SPDX-License-Identifier: Apache-2.0
// facilities.test.mjs - the ledger of facilities.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, filterOf, openHouse } from '../harness.mjs';

let house, bureau;
const wish = (more = {}) => ({ name: '测试日间照料中心', kind: 'day_care_center', area: '370613001011', ...more });
const full = { address: '海滨路 2 号', position: { lat: 37.4, lon: 121.5 }, built_on: '2015-06-01', use_years: 50, ownership: 'state',
	responsible_unit: '街道办', manager: '李主任', phone: '0535-6891234', size_m2: 1200, floors: 3, beds_nursing: 10, beds_general: 20,
	beds_dementia: 5 };

before(async () => {
	house = await openHouse();
	({ bureau } = house);
});
after(cleanUp);

async function build(client, more) {
	const got = await client.post('/api/v1/facilities', wish(more));
	assert.equal(got.status, 201, got.text);
	return got.json;
}

describe('facilities', () => {
	test('a full record comes back as it was sent, with its beds added up', async () => {
		const got = await bureau.post('/api/v1/facilities', wish(full));
		assert.equal(got.status, 201, got.text);
		assert.equal(got.headers.etag, '"1"');
		assert.equal(got.headers.location, `/api/v1/facilities/${got.json.id}`);
		const { id, version, created_at, updated_at, phone, ...rest } = got.json;
		assert.ok(id && version === 1 && created_at === updated_at);
		assert.ok(phone.includes('*') && phone.endsWith('1234'));
		const expected = { ...wish(full), area: '370613001011000', beds: 35, ended_at: null, organization: null, extra: null };
		delete expected.phone;
		assert.deepEqual(rest, expected);
		assert.deepEqual((await bureau.get(`/api/v1/facilities/${id}`)).json, got.json);
	});

	test('name, kind and area are needed; everything wrong is named at once', async () => {
		const problem = assertProblem(await bureau.post('/api/v1/facilities', {}), 422, 'invalid');
		assert.deepEqual(problem.errors.map((error) => [error.pointer, error.code]).sort(), [['/area', 'required'], ['/kind', 'required'], ['/name', 'required']]);
		const cases = {
			name: [7, '名'.repeat(101), '\u0002'], kind: ['palace', 1, null], area: ['370613999', 5, null], address: ['x'.repeat(201), {}],
			position: ['1,2', { lat: 100, lon: 0 }], built_on: ['2015', '2015-13-01', 2015], use_years: [-1, 201, '50', 1.5, true, 9007199254740993],
			ownership: ['mine'], responsible_unit: ['x'.repeat(101)], manager: ['x'.repeat(51)], phone: ['1234567', 'x'], size_m2: [-1, 1000001],
			floors: [101, -1], beds_nursing: [10001, '10'], beds_general: [-5], beds_dementia: [[]], version: [3], colour: ['red'],
		};
		for (const [field, values] of Object.entries(cases))
			for (const value of values)
				assertProblem(await bureau.post('/api/v1/facilities', wish({ [field]: value })), 422, 'invalid', `/${field}`);
	});

	test('merge-patch changes, null clears, nothing new keeps the version', async () => {
		const made = await build(bureau, full);
		const path = `/api/v1/facilities/${made.id}`;
		const same = await bureau.patch(path, { floors: 3, beds_nursing: 10, ownership: '国有', phone: '05356891234' }, 1);
		assert.equal(same.status, 200, same.text);
		assert.deepEqual(same.json, made);
		const one = await bureau.patch(path, { beds_nursing: 30, built_on: null, use_years: null, manager: null, position: null, phone: null }, 1);
		assert.equal(one.status, 200, one.text);
		assert.deepEqual(one.json, { ...made, beds_nursing: 30, beds: 55, built_on: null, use_years: 0, manager: null, position: null, phone: null,
			version: 2, updated_at: one.json.updated_at });
		assertProblem(await bureau.request('PATCH', path, { body: {} }), 428, 'precondition_required');
		assertProblem(await bureau.patch(path, { floors: 4 }, 1), 412, 'stale');
		assertProblem(await bureau.patch(path, { kind: null }, 2), 422, 'invalid', '/kind');
	});

	test('an end takes it out of the list', async () => {
		const made = await build(bureau, { name: '将停用' });
		assertProblem(await bureau.request('DELETE', `/api/v1/facilities/${made.id}`), 428, 'precondition_required');
		assertProblem(await bureau.end(`/api/v1/facilities/${made.id}`, 5), 412, 'stale');
		assert.equal((await bureau.end(`/api/v1/facilities/${made.id}`, 1)).json.version, 2);
		assert.deepEqual((await bureau.get(`/api/v1/facilities?${filterOf({ '==': [{ var: 'name' }, '将停用'] })}`)).json.items, []);
		assertProblem(await bureau.patch(`/api/v1/facilities/${made.id}`, { floors: 2 }, 2), 404, 'not_found');
	});

	test('street1 keeps its own; the bureau may move one away', async () => {
		const made = await build(house.street1);
		const path = `/api/v1/facilities/${made.id}`;
		assertProblem(await house.street1.patch(path, { area: '370613002' }, 1), 422, 'invalid', '/area');
		assert.equal((await bureau.patch(path, { area: '370613002' }, 1)).status, 200);
		assertProblem(await house.street1.get(path), 404, 'not_found');
		assertProblem(await house.street1.patch(path, { floors: 2 }, 2), 404, 'not_found');
	});

	test('the list filters and sorts by kind, area and beds', async () => {
		await build(bureau, full);
		const all = await bureau.all('/api/v1/facilities');
		const by = async (condition) => (await bureau.all(`/api/v1/facilities?${filterOf(condition)}`)).map((one) => one.id).sort();
		const expect = (fits) => all.filter(fits).map((one) => one.id).sort();
		assert.deepEqual(await by({ '==': [{ var: 'kind' }, 'day_care_center'] }), expect((one) => one.kind === 'day_care_center'));
		assert.deepEqual(await by({ '>=': [{ var: 'beds_nursing' }, 5] }), expect((one) => one.beds_nursing >= 5));
		assert.deepEqual(await by({ within: [{ var: 'area' }, '370613002'] }), expect((one) => one.area.startsWith('370613002')));
		for (const sort of ['kind', '-kind', 'area', '-area', '-id']) {
			const list = await bureau.all(`/api/v1/facilities?sort=${sort}`, { limit: 7 });
			assert.equal(new Set(list.map((one) => one.id)).size, all.length, sort);
			const key = sort.replace('-', ''), down = sort.startsWith('-') ? -1 : 1;
			for (let i = 1; i < list.length; i++)
				assert.ok((list[i - 1][key] <= list[i][key] ? 1 : -1) * down > 0 || list[i - 1][key] === list[i][key], sort);
		}
	});

	test('a replayed key builds once', async () => {
		const ask = () => bureau.post('/api/v1/facilities', wish({ name: '只建一次' }), { headers: { 'Idempotency-Key': 'build-1' } });
		const all = await Promise.all([ask(), ask(), ask()]);
		assert.equal(new Set(all.map((got) => `${got.status} ${got.text}`)).size, 1, all.map((got) => got.text).join('\n'));
		assert.equal(all[0].status, 201);
	});
});
