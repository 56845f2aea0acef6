// SPDX-License-Identifier: Apache-2.0
// twins.test.mjs - two records of one person: found, compared, made one, made two again; and one that comes back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, idCardOf, newElder, openHouse } from '../harness.mjs';

let house, bureau;

before(async () => {
	house = await openHouse({ demo: { elders: 200 } });
	({ bureau } = house);
});
after(cleanUp);

const day = (n) => `1929-01-${String(n).padStart(2, '0')}`;
let days = 1;
const person = (bornOn, more) => ({ name: '王秀英', sex: 'female', born_on: bornOn, area: '370613001011', ...more });
async function register(client, wish) {
	const got = await client.post('/api/v1/elders', wish);
	assert.equal(got.status, 201, got.text);
	return got.json;
}
const path = (elder, what = '') => `/api/v1/elders/${elder.id}${what}`;
const actions = async (elder) => (await bureau.get(path(elder, '/history'))).json.items.map(({ action }) => action);
const merge = (client, elder, body, version = elder.version) => client.post(path(elder, '/merge'), body, { headers: { 'If-Match': `"${version}"` } });
const split = (client, elder, body, version) => client.post(path(elder, '/split'), body, { headers: { 'If-Match': `"${version}"` } });

async function pairs(client = bureau) {
	const found = [];
	for (let cursor = ''; cursor !== null;) {
		const got = await client.get(`/api/v1/elders/twins?limit=2${cursor && `&cursor=${cursor}`}`);
		assert.equal(got.status, 200, got.text);
		found.push(...got.json.items);
		cursor = got.json.next;
	}
	return found;
}

/** Registers two people; gives the reasons for which they are listed together, or none. */
async function listed(one, two) {
	const a = await register(bureau, one), b = await register(bureau, two);
	return (await pairs()).find((pair) => [pair.record, pair.other].sort().join() === [a.id, b.id].sort().join())?.reasons;
}

describe('who may be registered twice', () => {
	test('by the name, its sound, or a character where telephone or address speak for it', async () => {
		let born = day(days++);
		assert.deepEqual(await listed(person(born), person(born)), ['same_name']);
		born = day(days++);
		assert.deepEqual(await listed(person(born, { name: '张晓明' }), person(born, { name: '章小明' })), ['same_sound']);
		born = day(days++);
		assert.equal(await listed(person(born, { name: '王秀英' }), person(born, { name: '王秀荣' })), undefined);
		born = day(days++);
		assert.deepEqual(await listed(person(born, { name: '王秀英', phone: '13812345678' }), person(born, { name: '王秀荣', phone: '138 1234 5678' })), ['one_character', 'same_phone']);
		born = day(days++);
		assert.deepEqual(await listed(person(born, { name: '王秀英', address: '滨海路 12 号 3 单元 201' }), person(born, { name: '王秀荣', address: '滨海路 12 号 3 单元' })), ['one_character', 'near_address']);
		assert.equal(await listed(person(day(days++)), person(day(days++))), undefined, 'born on two days');
	});

	test('two with two ID cards are two, unless more speaks against it', async () => {
		const born = day(days++), card = (order) => idCardOf('906002', born, order);
		assert.equal(await listed(person(born, { id_card: card(2) }), person(born, { id_card: card(4) })), undefined);
		const other = day(days++), cardOf = (order) => idCardOf('906002', other, order);
		assert.deepEqual(await listed(person(other, { id_card: cardOf(2), phone: '13812345600' }), person(other, { id_card: cardOf(4), phone: '13812345600' })), ['same_name', 'same_phone']);
	});

	test('is told of one\'s own area only, page by page, to who may mend it', async () => {
		const all = await pairs();
		assert.ok(all.length >= 5);
		const born = day(days++);
		await register(bureau, person(born, { area: '370613003' }));
		await register(bureau, person(born, { area: '370613001011' }));
		assert.equal((await pairs()).length, all.length + 1);
		assert.equal((await pairs(house.street1)).length, all.length);
		assertProblem(await house.auditor.get('/api/v1/elders/twins'), 403, 'forbidden');
		assertProblem(await bureau.get('/api/v1/elders/twins?limit=0'), 400, 'bad_request');
		assertProblem(await bureau.get('/api/v1/elders/twins?cursor=x'), 400, 'bad_cursor');
	});

	test('two are compared, protected values unseen', async () => {
		const born = day(days++);
		const a = await register(bureau, person(born, { phone: '13812345678', address: '甲' })), b = await register(bureau, person(born, { phone: '13812345678', address: '乙' }));
		const got = await bureau.get(path(a, `/compare?with=${b.id}`));
		assert.equal(got.status, 200, got.text);
		assert.deepEqual(got.json.differ, ['address']);
		assert.ok(got.json.same.includes('phone') && got.json.same.includes('name'));
		assertProblem(await bureau.get(path(a, '/compare')), 400, 'bad_request');
		assertProblem(await bureau.get(path(a, '/compare?with=1')), 404, 'not_found');
	});
});

describe('two made one', () => {
	test('what the one lacks, and what is said, comes from the other, which ends; both keep their history; and back', async () => {
		const born = day(days++), card = idCardOf('906003', born, 2);
		const a = await register(bureau, person(born, { address: '甲路', phone: '13811112222', tags: ['living_alone'] }));
		const b = await register(bureau, person(born, { address: '乙路', phone: '13833334444', id_card: card, living: 'alone' }));
		const got = await merge(bureau, a, { other: b.id, take: ['phone'] });
		assert.equal(got.status, 200, got.text);
		assert.deepEqual([got.json.address, got.json.phone, got.json.id_card.slice(-4), got.json.living], ['甲路', '138****4444', card.slice(-4), 'alone']);
		const ended = (await bureau.get(path(b))).json;
		assert.deepEqual([ended.end_reason, ended.ended_at !== null], ['duplicate', true]);
		await eventually(async () => (await actions(a)).join() === 'merge,update,create', 'its lines');
		assertProblem(await merge(bureau, a, { other: b.id }, got.json.version), 409, 'wrong_state');

		const two = await split(bureau, a, { other: b.id }, got.json.version);
		assert.equal(two.status, 200, two.text);
		assert.deepEqual([two.json.address, two.json.phone, two.json.id_card, two.json.living], ['甲路', '138****2222', null, null]);
		const back = (await bureau.get(path(b))).json;
		assert.deepEqual([back.ended_at, back.id_card.slice(-4), back.phone], [null, card.slice(-4), '138****4444']);
		const clear = await bureau.post(path(a, '/reveal'), { fields: ['phone'], reason: '核对' }, { clear: true });
		assert.equal(clear.json.phone, '13811112222');
		assertProblem(await split(bureau, a, { other: b.id }, two.json.version), 409, 'wrong_state');
	});

	test('what has changed since is kept when they become two again', async () => {
		const born = day(days++);
		const a = await register(bureau, person(born)), b = await register(bureau, person(born, { address: '乙路' }));
		const one = await merge(bureau, a, { other: b.id });
		const changed = await bureau.patch(path(a), { address: '丙路' }, one.json.version);
		const two = await split(bureau, a, { other: b.id }, changed.json.version);
		assert.deepEqual([two.status, two.json.address], [200, '丙路']);
		assert.equal((await bureau.get(path(b))).json.address, '乙路');
	});

	test('only by who keeps both, of one version, and not with itself', async () => {
		const born = day(days++);
		const a = await register(bureau, person(born)), far = await register(bureau, person(born, { area: '370613003', hukou_area: '370613001011' }));
		assertProblem(await merge(house.street1, a, { other: far.id }), 403, 'forbidden');
		assertProblem(await merge(house.street1, a, { other: '1' }), 404, 'not_found');
		assertProblem(await merge(bureau, a, { other: a.id }), 422, 'invalid', '/other');
		assertProblem(await merge(bureau, a, { other: far.id, take: ['nonsense'] }), 422, 'invalid', '/take/0');
		assertProblem(await merge(bureau, a, { other: far.id }, 7), 412, 'stale');
		assertProblem(await bureau.post(path(a, '/merge'), { other: far.id }), 428, 'precondition_required');
		assertProblem(await merge(house.auditor, a, { other: far.id }), 403, 'forbidden');
		assert.equal((await bureau.get(path(far))).json.ended_at, null);
	});
});

describe('somebody who comes back', () => {
	const back = (client, elder, version) => client.post(path(elder, '/return'), undefined, { headers: { 'If-Match': `"${version}"` } });
	const end = (elder, version) => bureau.request('DELETE', path(elder, '?end_reason=moved_out'), { headers: { 'If-Match': `"${version}"` } });

	test('is there again, found and listed, with what was known', async () => {
		const wish = newElder({ name: '归来人', phone: '13812345678' }), elder = await register(bureau, wish);
		const ended = await end(elder, 1);
		assert.equal(ended.status, 200, ended.text);
		const search = async () => (await bureau.post('/api/v1/elders/search', { q: '归来人' })).json.items.length;
		assert.equal(await search(), 0);
		const got = await back(bureau, elder, 2);
		assert.equal(got.status, 200, got.text);
		assert.deepEqual([got.json.ended_at, got.json.end_reason, got.json.version], [null, undefined, 3]);
		assert.equal(await search(), 1);
		assertProblem(await back(bureau, elder, 3), 409, 'wrong_state');
		await eventually(async () => (await actions(elder)).join() === 'return,end,create', 'its lines');
	});

	test('not when the ID card is somebody else\'s record by now', async () => {
		const wish = newElder(), elder = await register(bureau, wish);
		await end(elder, 1);
		await register(bureau, wish);
		assertProblem(await back(bureau, elder, 2), 409, 'duplicate');
		assertProblem(await back(house.auditor, elder, 2), 403, 'forbidden');
	});
});
