// SPDX-License-Identifier: Apache-2.0
// organizations.test.mjs - organizations and their staff: declared in rows, complete without code of their own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, filterOf, idCardOf, openHouse, usccOf } from '../harness.mjs';

let house, bureau;
let made = 0;

const wish = (more = {}) => ({ name: '松鹤居家养老服务中心', uscc: usccOf(++made), kind: 'home_service', area: '370613001', ...more });
const worker = (organization, more = {}) => ({ name: '王护理', id_card: idCardOf('905123', '1980-05-06', ++made % 1000), organization,
	area: '370613001', post: 'carer', state: 'applicant', ...more });

before(async () => {
	house = await openHouse();
	({ bureau } = house);
});
after(cleanUp);

async function found(client, more) {
	const got = await client.post('/api/v1/organizations', wish(more));
	assert.equal(got.status, 201, got.text);
	return got.json;
}

describe('organizations', () => {
	test('a full record comes back as it was sent', async () => {
		const all = wish({ nature: 'nonprofit', medical_level: 'primary', address: '海滨路 5 号', position: { lat: 37.4, lon: 121.5 },
			legal_person: '赵', contact: '钱', phone: '0535-6891234', licence_number: '鲁养 1', licence_from: '2024-01-01',
			licence_until: '2027-01-01', capacity: 0 });
		const got = await bureau.post('/api/v1/organizations', all);
		assert.equal(got.status, 201, got.text);
		const { id, version, created_at, updated_at, ended_at, phone, ...rest } = got.json;
		assert.ok(id && version === 1 && created_at && updated_at && ended_at === null && phone.endsWith('1234'));
		delete all.phone;
		assert.deepEqual(rest, { ...all, area: '370613001000000', licence_scan: null, extra: null });
		assert.deepEqual((await bureau.get(`/api/v1/organizations/${id}`)).json, got.json);
	});

	test('what is not said is missing, and not nought', async () => {
		const one = await found(bureau);
		assert.equal(one.capacity, null);
		const none = await found(bureau, { capacity: 0 });
		const by = async (condition) => (await bureau.all(`/api/v1/organizations?${filterOf(condition)}`)).map((each) => each.id);
		const below = await by({ '<': [{ var: 'capacity' }, 1] });
		assert.ok(below.includes(none.id) && !below.includes(one.id));
		const not = await by({ '!': { '<': [{ var: 'capacity' }, 1] } });
		assert.ok(!not.includes(none.id) && not.includes(one.id));
	});

	test('everything wrong is named at once', async () => {
		const got = await bureau.post('/api/v1/organizations', { uscc: '91350100M000100Y44', kind: 'x', capacity: -1, licence_from: '2025-01-01',
			licence_until: '2024-01-01', name: 5 });
		const problem = assertProblem(got, 422, 'invalid');
		assert.deepEqual(problem.errors.map((error) => [error.pointer, error.code]).sort(), [['/area', 'required'], ['/capacity', 'out_of_range'],
			['/kind', 'unknown_word'], ['/licence_until', 'out_of_range'], ['/name', 'wrong_type'], ['/uscc', 'bad_uscc']]);
	});

	test('a credit code is registered once, and whoever may not see it is not told where', async () => {
		const one = await found(bureau, { area: '370613002' });
		const again = assertProblem(await bureau.post('/api/v1/organizations', wish({ uscc: one.uscc })), 409, 'duplicate');
		assert.ok(again.detail.includes(one.id) && again.detail.includes('统一社会信用代码'));
		const hidden = assertProblem(await house.street1.post('/api/v1/organizations', wish({ uscc: one.uscc })), 409, 'registered_elsewhere');
		assert.ok(!JSON.stringify(hidden).includes(one.id));
		assert.equal((await bureau.end(`/api/v1/organizations/${one.id}`, 1)).status, 200);
		assert.equal((await bureau.post('/api/v1/organizations', wish({ uscc: one.uscc }))).status, 201);
	});

	test('the roles that may are those declared', async () => {
		assertProblem(await house.community1.post('/api/v1/organizations', wish()), 403, 'forbidden');
		assertProblem(await house.auditor.post('/api/v1/organizations', wish()), 403, 'forbidden');
		assertProblem(await house.admin.get('/api/v1/organizations'), 403, 'forbidden');
		assertProblem(await house.street1.post('/api/v1/organizations', wish({ area: '370613002' })), 422, 'invalid', '/area');
	});

	test('a file of them is taken by its Chinese headers', async () => {
		const csv = `机构名称,统一社会信用代码,类型,区划代码,床位数,许可有效期至\n甲,${usccOf(++made)},养老机构,370613001,120,2030-01-01\n乙,1,养老机构,370613001,x,\n`;
		const got = await bureau.post('/api/v1/organizations/import', csv, { type: 'text/csv' });
		assert.equal(got.status, 200, got.text);
		assert.deepEqual([got.json.accepted, got.json.rejected], [1, 1]);
		assert.deepEqual(got.json.errors.map((error) => [error.line, error.column, error.code]), [[3, 'uscc', 'bad_uscc'], [3, 'capacity', 'wrong_type']]);
	});
});

describe('staff', () => {
	test('belong to an organization that one sees', async () => {
		const own = await found(house.street1), other = await found(bureau, { area: '370613002' });
		const got = await house.street1.post('/api/v1/staff', worker(own.id));
		assert.equal(got.status, 201, got.text);
		assert.equal(got.json.organization, own.id);
		for (const organization of [other.id, '1', 'x', 5, null])
			assertProblem(await house.street1.post('/api/v1/staff', worker(organization)), 422, 'invalid', '/organization');
		const away = assertProblem(await house.street1.post('/api/v1/staff', worker(other.id)), 422, 'invalid');
		const nowhere = assertProblem(await house.street1.post('/api/v1/staff', worker('1')), 422, 'invalid');
		assert.deepEqual(away, nowhere);
	});

	test('are active only after the training for the post', async () => {
		const own = await found(bureau);
		assertProblem(await bureau.post('/api/v1/staff', worker(own.id, { state: 'active' })), 422, 'invalid', '/trained_on');
		assertProblem(await bureau.post('/api/v1/staff', worker(own.id, { trained_on: '2999-01-01' })), 422, 'invalid', '/trained_on');
		const got = await bureau.post('/api/v1/staff', worker(own.id, { state: '在岗', trained_on: '2024-03-01', training_hours: 40,
			skills: ['急救', 'meals'] }));
		assert.equal(got.status, 201, got.text);
		assert.deepEqual([got.json.state, got.json.skills], ['active', ['meals', 'first_aid']]);
		assertProblem(await bureau.patch(`/api/v1/staff/${got.json.id}`, { trained_on: null }, 1), 422, 'invalid', '/trained_on');
	});

	test('a list by organization and post', async () => {
		const own = await found(bureau);
		for (const post of ['carer', 'cook', 'carer'])
			assert.equal((await bureau.post('/api/v1/staff', worker(own.id, { post }))).status, 201);
		const path = (condition) => `/api/v1/staff?sort=-post&${filterOf(condition)}`;
		const all = await bureau.all(path({ '==': [{ var: 'organization' }, own.id] }), { limit: 2 });
		assert.deepEqual(all.map((one) => one.post), ['cook', 'carer', 'carer']);
		const carers = await bureau.all(path({ and: [{ '==': [{ var: 'organization' }, own.id] }, { '==': [{ var: 'post' }, 'carer'] }] }));
		assert.equal(carers.length, 2);
	});
});
