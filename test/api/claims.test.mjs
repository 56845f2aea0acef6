// SPDX-License-Identifier: Apache-2.0
// claims.test.mjs - one data, one source: the owner's word stays, what others say beside it is kept and decided.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, filterOf, idCardOf, newElder, openHouse, password, register } from '../harness.mjs';

let house, bureau, street1;

before(async () => {
	house = await openHouse({ demo: { elders: 30 } });
	({ bureau, street1 } = house);
});
after(cleanUp);

const path = (elder, more = '') => `/api/v1/elders/${elder.id}${more}`;
const sourcesOf = async (client, elder) => (await client.get(path(elder, '/sources'))).json;
const claimsOf = (client, elder, state = 'open') => client.all(`/api/v1/claims?${filterOf({ and: [{ '==': [{ var: 'record' }, elder.id] },
	{ '==': [{ var: 'state' }, state] }] })}`);

describe('one data, one source', () => {
	test('each owned field says whose it is, who said it, since when', async () => {
		const elder = await register(street1);
		const sources = await sourcesOf(bureau, elder);
		assert.deepEqual(Object.keys(sources).sort(), ['born_on', 'hukou_area', 'id_card', 'name', 'sex']);
		assert.deepEqual([sources.name.owner, sources.name.source, sources.name.claims], ['public_security', 'street', []]);
		assert.match(sources.name.since, /^\d{4}-\d\d-\d\d$/);
		const got = await bureau.patch(path(elder, '?source=public_security'), { name: '正名' }, 1);
		assert.deepEqual([got.status, got.json.name], [200, '正名']);
		const after = await sourcesOf(bureau, elder);
		assert.deepEqual([after.name.source, after.sex.source], ['public_security', 'street']);
	});

	test('what the owner has said stays; another word is a claim, said once however often', async () => {
		const elder = await register(bureau, { name: '原名', area: '370613001011' });
		await bureau.patch(path(elder, '?source=public_security'), { name: '户籍名' }, 1);
		const got = await street1.patch(path(elder), { name: '小名', address: '新址' }, 2);
		assert.equal(got.status, 200, got.text);
		assert.deepEqual([got.json.name, got.json.address, got.json.version, got.json.claimed], ['户籍名', '新址', 3, ['name']]);
		const only = await street1.patch(path(elder), { name: '小名' }, 3);
		assert.deepEqual([only.json.version, only.json.claimed], [3, ['name']]);
		let open = await claimsOf(street1, elder);
		assert.deepEqual(open.map((one) => [one.field, one.source, one.value]), [['name', 'street', '{"name":"小名"}']]);
		await street1.patch(path(elder), { name: '又名' }, 3);
		open = await claimsOf(bureau, elder);
		assert.deepEqual(open.map((one) => one.value), ['{"name":"又名"}']);
		assert.equal((await claimsOf(bureau, elder, 'superseded')).length, 1);
		assert.deepEqual((await sourcesOf(bureau, elder)).name.claims.map((one) => [one.source, one.says]), [['street', { name: '又名' }]]);
		assertProblem(await street1.patch(path(elder), { name: 5 }, 3), 422, 'invalid', '/name');
		assert.equal((await street1.patch(path(elder), { name: '户籍名' }, 3)).json.claimed, undefined);
	});

	test('somebody decides: accepted is applied, with its source', async () => {
		const elder = await register(bureau, { area: '370613001011' });
		await bureau.patch(path(elder, '?source=public_security'), { name: '甲' }, 1);
		await street1.patch(path(elder), { name: '乙' }, 2);
		const [claim] = await claimsOf(bureau, elder);
		assertProblem(await house.community1.post(`/api/v1/claims/${claim.id}/accept`, {}), 403, 'forbidden');
		const got = await bureau.post(`/api/v1/claims/${claim.id}/accept`, {});
		assert.equal(got.status, 200, got.text);
		assert.deepEqual([got.json.state, got.json.decided_by], ['accepted', 'bureau']);
		assert.equal((await bureau.get(path(elder))).json.name, '乙');
		assert.equal((await sourcesOf(bureau, elder)).name.source, 'street');
		assertProblem(await bureau.post(`/api/v1/claims/${claim.id}/reject`, {}), 409, 'wrong_state');
	});

	test('the owner\'s next word decides what is open', async () => {
		const elder = await register(bureau, { area: '370613001011' });
		await bureau.patch(path(elder, '?source=public_security'), { name: '甲' }, 1);
		await street1.patch(path(elder), { name: '乙' }, 2);
		await bureau.patch(path(elder, '?source=health'), { name: '丙' }, 2);
		assert.equal((await claimsOf(bureau, elder)).length, 2);
		assert.equal((await bureau.patch(path(elder, '?source=public_security'), { name: '乙' }, 2)).json.name, '乙');
		assert.deepEqual([(await claimsOf(bureau, elder)).length, (await claimsOf(bureau, elder, 'accepted')).map((one) => one.source),
			(await claimsOf(bureau, elder, 'rejected')).map((one) => one.source)], [0, ['street'], ['health']]);
	});

	test('a protected value is protected as a claim too', async () => {
		const born = '1944-05-06';
		const elder = await register(bureau, { area: '370613001011', id_card: idCardOf('905123', born, 11), sex: 'male', born_on: born });
		await bureau.patch(path(elder, '?source=public_security'), { id_card: idCardOf('905123', born, 13) }, 1);
		const got = await street1.patch(path(elder), { id_card: idCardOf('905123', born, 15) }, 2);
		assert.deepEqual(got.json.claimed, ['id_card']);
		const [claim] = await claimsOf(street1, elder);
		assert.equal(claim.value, null);
		assert.ok(claim.secret.includes('*'));
		assert.equal((await bureau.post(`/api/v1/claims/${claim.id}/accept`, {})).status, 200);
		assert.equal((await bureau.get(path(elder))).json.id_card, `${idCardOf('905123', born, 15).slice(0, 6)}********${idCardOf('905123', born, 15).slice(-4)}`);
	});

	test('the owner may say what was said before: then it is the owner\'s', async () => {
		const elder = await register(street1, { name: '同名' });
		const stream = await street1.events();
		const confirmed = await bureau.patch(path(elder, '?source=public_security'), { name: '同名' }, 1);
		assert.deepEqual([confirmed.status, confirmed.json.name, confirmed.json.version], [200, '同名', 2]);
		assert.deepEqual([(await sourcesOf(street1, elder)).name.source, (await sourcesOf(street1, elder)).sex.source], ['public_security', 'street']);
		assert.equal((await bureau.patch(path(elder, '?source=public_security'), { name: '同名' }, 2)).json.version, 2, 'said once more');
		const got = await street1.patch(path(elder), { name: '别名' }, 2);
		assert.deepEqual([got.json.name, got.json.claimed], ['同名', ['name']]);
		const { data } = await stream.until((event) => event.data.id === elder.id && event.data.version === 2);
		assert.deepEqual([data.action, data.fields], ['update', []]);
		stream.close();
		const [line] = (await bureau.get(path(elder, '/history'))).json.items;
		assert.deepEqual([line.action, line.version, line.actor, line.changes], ['update', 2, 'bureau', {}]);
	});

	test('of what was missing the owner has said nothing, unless that it is missing', async () => {
		const { id_card: left, ...wish } = newElder({ area: '370613001011' });
		const made = await bureau.post('/api/v1/elders?source=public_security', wish);
		assert.deepEqual([made.status, made.json.id_card, left.length], [201, null, 18]);
		const filled = await street1.patch(path(made.json), { hukou_area: '370613001011' }, 1);
		assert.deepEqual([filled.json.hukou_area, filled.json.claimed], ['370613001011000', undefined]);
		assert.equal((await sourcesOf(bureau, made.json)).hukou_area.source, 'street');
		await bureau.patch(path(made.json, '?source=public_security'), { hukou_area: null }, 2);
		const again = await street1.patch(path(made.json), { hukou_area: '370613001011', name: '别名' }, 3);
		assert.deepEqual([again.json.hukou_area, again.json.name, again.json.claimed], [null, wish.name, ['name', 'hukou_area']]);
	});

	test('claims go where the record goes', async () => {
		const elder = await register(bureau, { area: '370613001011' });
		await bureau.patch(path(elder, '?source=public_security'), { name: '甲', sex: elder.sex }, 1);
		await street1.patch(path(elder), { name: '乙' }, 2);
		await street1.patch(path(elder), { name: '丙' }, 2);
		const [open] = await claimsOf(street1, elder);
		const stream = await street1.events();
		/* The street of before still sees the person, by their household registration, and nothing that is said of them elsewhere. */
		assert.equal((await bureau.patch(path(elder), { area: '370613002', hukou_area: '370613001011' }, 2)).status, 200);
		assert.equal((await street1.get(path(elder))).status, 200);
		for (const state of ['open', 'superseded'])
			assert.deepEqual(await claimsOf(street1, elder, state), []);
		for (const verdict of ['accept', 'reject'])
			assertProblem(await street1.post(`/api/v1/claims/${open.id}/${verdict}`, {}), 404, 'not_found');
		await stream.until((event) => event.event === 'gone' && event.data.id === open.id);
		stream.close();
		assert.equal((await house.admin.post('/api/v1/users', { user: 'street2', role: 'street', areas: ['370613002'], password })).status, 201);
		const street2 = await house.server.as('street2');
		assert.deepEqual((await claimsOf(street2, elder)).map((one) => [one.id, one.value, one.area]), [[open.id, '{"name":"丙"}', '370613002000000']]);
		const again = await street2.patch(path(elder), { name: '丁' }, 3);
		assert.deepEqual([again.status, again.json.claimed], [200, ['name']]);
		assert.equal((await street2.patch(path(elder, '?source=public_security'), { name: '丁' }, 3)).status, 200);
		assert.deepEqual([(await claimsOf(street2, elder)).length, (await claimsOf(street2, elder, 'accepted')).length], [0, 1]);
	});

	test('of a record that has ended a claim is not accepted any more', async () => {
		const elder = await register(bureau, { area: '370613001011' });
		await bureau.patch(path(elder, '?source=public_security'), { name: '甲' }, 1);
		await street1.patch(path(elder), { name: '乙' }, 2);
		const ended = await bureau.end(path(elder), 2);
		const [claim] = await claimsOf(bureau, elder);
		assertProblem(await bureau.post(`/api/v1/claims/${claim.id}/accept`, {}), 409, 'wrong_state');
		assert.deepEqual((await bureau.get(path(elder))).json, ended.json);
		assert.equal((await bureau.post(`/api/v1/claims/${claim.id}/reject`, {})).json.state, 'rejected');
	});

	test('claims are seen where the record is', async () => {
		const elder = await register(bureau, { area: '370613002' });
		await bureau.patch(path(elder, '?source=public_security'), { name: '甲' }, 1);
		await bureau.patch(path(elder), { name: '乙' }, 2);
		const [claim] = await claimsOf(bureau, elder);
		assert.ok(claim);
		assert.equal((await claimsOf(street1, elder)).length, 0);
		assertProblem(await street1.post(`/api/v1/claims/${claim.id}/accept`, {}), 404, 'not_found');
		assertProblem(await street1.get(path(elder, '/sources')), 404, 'not_found');
	});
});
