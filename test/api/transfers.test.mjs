// SPDX-License-Identifier: Apache-2.0
// transfers.test.mjs - somebody is registered elsewhere in the district: asked for without learning where, decided by who keeps them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, filterOf, newElder, openHouse, register } from '../harness.mjs';

let house, bureau, street1, street2, community1;
const there = '370613002011', here = '370613001011', password = 'pine-and-crane 27';

before(async () => {
	house = await openHouse({ demo: { elders: 20 } });
	({ bureau, street1, community1 } = house);
	const [area] = (await bureau.get(`/api/v1/areas?${filterOf({ '==': [{ var: 'number' }, '370613002000000'] })}`)).json.items;
	assert.equal(area.level, 'street');
	await house.admin.post('/api/v1/users', { user: 'neighbours', role: 'street', areas: ['370613002'], password });
	street2 = await house.server.as('neighbours');
});
after(cleanUp);

const path = (transfer, what = '') => `/api/v1/transfers/${transfer.id}${what}`;
const ask = (client, elder, more) => client.post('/api/v1/transfers',
	{ name: elder.name, id_card: elder.plain, area: here, reason: '随女儿居住', ...more });
/** Registered in the other street; with the identity number in clear. */
async function neighbour(more) {
	const wish = newElder({ area: there, ...more });
	return { ...(await register(street2, wish)), plain: wish.id_card };
}
async function asked(more) {
	const elder = await neighbour(more), got = await ask(street1, elder);
	assert.equal(got.status, 201, got.text);
	return { elder, transfer: got.json };
}
const elderOf = async (client, elder) => (await client.get(`/api/v1/elders/${elder.id}`));

describe('a transfer', () => {
	test('is asked for by one street and agreed by the other, and only then is the person theirs', async () => {
		const { elder, transfer } = await asked();
		assert.equal(transfer.state, 'asked');
		assertProblem(await elderOf(street1, elder), 404, 'not_found');
		const seen = (await street2.get(path(transfer))).json;
		assert.deepEqual([seen.name, seen.reason, seen.elder], [elder.name, '随女儿居住', elder.id]);
		const got = await street2.post(path(transfer, '/agree'), { answer: '同意' });
		assert.deepEqual([got.status, got.json.state, got.json.moved_by], [200, 'agreed', 'neighbours'], got.text);
		assert.deepEqual(got.json.followed, [{ resource: 'elder', id: elder.id, action: 'update' }]);
		assert.deepEqual([(await elderOf(street1, elder)).json.area, (await elderOf(street1, elder)).json.version], [`${here}000`, 2]);
		assertProblem(await elderOf(street2, elder), 404, 'not_found');
	});

	test('takes the address along where it is said', async () => {
		const elder = await neighbour({ address: '旧址 1 号' });
		const transfer = (await ask(street1, elder, { address: '新址 2 号' })).json;
		assert.equal((await street2.post(path(transfer, '/agree'), {})).status, 200);
		assert.equal((await elderOf(street1, elder)).json.address, '新址 2 号');
	});

	test('says nothing of where the person is: not in the record, a list, its history, an export, nor to a filter', async () => {
		const { transfer } = await asked();
		for (const got of [await street1.get(path(transfer)), await street1.get(path(transfer, '/history')),
			await street1.get('/api/v1/transfers?limit=200'), await street1.post('/api/v1/transfers/export?as=ndjson', {})])
			assert.ok(!got.text.includes('370613002') && !got.text.includes('from_area'), got.text);
		assertProblem(await street1.get(`/api/v1/transfers?${filterOf({ '==': [{ var: 'from_area' }, '370613002'] })}`), 400, 'bad_filter');
		assertProblem(await street1.get('/api/v1/transfers?sort=from_area'), 400, 'bad_request');
		assert.ok(!(await street1.get(`${path(transfer)}?fields=from_area`)).text.includes('from_area'));
		assert.ok(!(await bureau.get('/api/v1/openapi.json')).text.includes('from_area'));
	});

	test('is refused with an answer, and by nobody but who keeps the person', async () => {
		const { elder, transfer } = await asked();
		assertProblem(await street1.post(path(transfer, '/agree'), {}), 403, 'forbidden');
		assertProblem(await street1.post(path(transfer, '/refuse'), { answer: '不' }), 403, 'forbidden');
		assertProblem(await community1.post(path(transfer, '/agree'), {}), 403, 'forbidden');
		assertProblem(await house.auditor.post(path(transfer, '/agree'), {}), 403, 'forbidden');
		assertProblem(await street2.post(path(transfer, '/withdraw'), {}), 403, 'forbidden');
		assertProblem(await street2.post(path(transfer, '/refuse'), {}), 422, 'invalid', '/answer');
		assertProblem(await street2.post(path(transfer, '/refuse'), { answer: '仍住本街道', area: here }), 422, 'invalid', '/area');
		const got = await street2.post(path(transfer, '/refuse'), { answer: '仍住本街道' });
		assert.deepEqual([got.status, got.json.state, got.json.answer], [200, 'refused', '仍住本街道'], got.text);
		assert.equal((await elderOf(street2, elder)).json.area, `${there}000`);
		assert.equal((await street1.get(path(transfer))).json.answer, '仍住本街道');
		assert.equal((await ask(street1, elder)).status, 201, 'it may be asked for again');
	});

	test('moves once: the second of two learns where it stands and who brought it there', async () => {
		const { transfer } = await asked();
		const got = await Promise.all([street2.post(path(transfer, '/agree'), {}), bureau.post(path(transfer, '/refuse'), { answer: '待核实' }),
			street1.post(path(transfer, '/withdraw'), {})]);
		assert.equal(got.filter(({ status }) => status === 200).length, 1, got.map(({ text }) => text).join());
		const state = got.find(({ status }) => status === 200).json;
		for (const late of got.filter(({ status }) => status !== 200)) {
			assertProblem(late, 409, 'wrong_state');
			assert.ok(late.json.detail.includes(state.moved_by) && late.json.detail_en.includes(state.state), late.text);
		}
		assertProblem(await street1.patch(path(transfer), { reason: '改' }, state.version), 409, 'wrong_state');
	});

	test('can be changed by who asked until it is answered, and not what the system keeps of it', async () => {
		const { transfer } = await asked();
		const got = await street1.patch(path(transfer), { reason: '随儿子居住' }, transfer.version);
		assert.deepEqual([got.status, got.json.reason], [200, '随儿子居住'], got.text);
		assertProblem(await street2.patch(path(transfer), { reason: '改' }, got.json.version), 403, 'forbidden');
		for (const wrong of [{ state: 'agreed' }, { from_area: here }, { elder: transfer.elder }, { answer: '同意' }])
			assertProblem(await street1.patch(path(transfer), wrong, got.json.version), 422, 'invalid', `/${Object.keys(wrong)[0]}`);
		assert.equal((await street1.post(path(transfer, '/withdraw'), {})).json.state, 'withdrawn');
	});

	test('is not asked for nobody, nor for one\'s own, nor twice', async () => {
		const { elder } = await asked();
		assertProblem(await ask(street1, elder), 422, 'invalid', '/id_card');
		assertProblem(await ask(street1, { ...elder, plain: newElder().id_card }), 422, 'invalid', '/id_card');
		const own = newElder({ area: here });
		await register(street1, own);
		assertProblem(await ask(street1, { ...own, plain: own.id_card }), 422, 'invalid', '/id_card');
		assertProblem(await ask(street1, await neighbour(), { area: there }), 422, 'invalid', '/area');
	});

	test('follows the person: another who keeps them by now answers, and a death closes it', async () => {
		const { elder, transfer } = await asked();
		const third = '370613003';
		const moved = await bureau.patch(`/api/v1/elders/${elder.id}`, { area: third }, elder.version);
		assert.deepEqual(moved.json.followed, [{ resource: 'transfer', id: transfer.id, action: 'rehome' }], moved.text);
		assertProblem(await street2.post(path(transfer, '/agree'), {}), 404, 'not_found');
		assert.equal((await bureau.get(path(transfer))).json.state, 'asked');
		const died = await bureau.end(`/api/v1/elders/${elder.id}?end_reason=died&ended_on=2026-01-02`, moved.json.version);
		assert.deepEqual(died.json.followed, [{ resource: 'transfer', id: transfer.id, action: 'lapse' }], died.text);
		assert.equal((await street1.get(path(transfer))).json.state, 'lapsed');
	});
});

describe('what waits', () => {
	const tasks = async (client) => (await client.all('/api/v1/tasks', { limit: 2 }));

	test('is listed for whoever has to answer, in the order in which it is due, and for nobody else', async () => {
		const [one, two] = [await asked(), await asked()];
		const mine = await tasks(street2), ids = mine.map(({ id }) => id);
		assert.ok(ids.indexOf(one.transfer.id) >= 0 && ids.indexOf(one.transfer.id) < ids.indexOf(two.transfer.id), ids.join());
		const task = mine.find(({ id }) => id === one.transfer.id);
		assert.deepEqual({ ...task, due_at: null }, { resource: 'transfer', path: path(one.transfer), id: one.transfer.id, state: 'asked',
			due_at: null, overdue: false, moves: ['agree', 'refuse'] });
		assert.equal(task.due_at, one.transfer.due_at);
		assert.ok(Date.parse(task.due_at) > Date.now() + 4 * 86400000, task.due_at);
		assert.deepEqual((await tasks(street1)).filter(({ id }) => ids.includes(id)), []);
		assert.deepEqual(await tasks(house.auditor), []);
		assert.equal((await street2.post(path(one.transfer, '/agree'), {})).json.due_at, null);
		assert.ok(!(await tasks(street2)).some(({ id }) => id === one.transfer.id));
		assertProblem(await street2.get('/api/v1/tasks?cursor=x'), 400, 'bad_cursor');
		assertProblem(await street2.get('/api/v1/tasks?limit=0'), 400, 'bad_request');
	});

	test('and what can be done is told with each record', async () => {
		const { transfer } = await asked();
		const moves = async (client) => (await client.get(path(transfer, '/moves'))).json.items.map(({ move }) => move);
		assert.deepEqual(await moves(street2), ['agree', 'refuse']);
		assert.deepEqual(await moves(street1), ['withdraw']);
		assert.deepEqual(await moves(bureau), ['agree', 'refuse', 'withdraw']);
		assert.deepEqual(await moves(house.auditor), []);
		assert.deepEqual((await street2.get(path(transfer, '/moves'))).json.items[1], { move: 'refuse', label: '不同意', label_en: 'refuse',
			to: 'refused', waits: true, needs: ['answer'], takes: [] });
		assertProblem(await community1.get(path({ id: '4611686018427387903' }, '/moves')), 404, 'not_found');
	});

	test('can be done for many at once, each with a result of its own', async () => {
		const [one, two, three] = [await asked(), await asked(), await asked()];
		await street1.post(path(two.transfer, '/withdraw'), {});
		const records = [one, two, three].map(({ transfer }) => transfer.id);
		const got = await street2.post('/api/v1/transfers/moves', { move: 'refuse', records: [...records, '17'], with: { answer: '不符合条件' } });
		assert.deepEqual(got.json.items.map(({ id, status, code }) => [id, status, code]), [[records[0], 200, null], [records[1], 409, 'wrong_state'],
			[records[2], 200, null], ['17', 404, 'not_found']], got.text);
		assert.equal((await street1.get(path(three.transfer))).json.answer, '不符合条件');
		for (const [wrong, pointer] of [[{ move: 'lapse', records }, '/move'], [{ move: 'refuse', records: [] }, '/records'],
			[{ move: 'refuse', records: Array(201).fill('1') }, '/records'], [{ move: 'refuse', records, with: 1 }, '/with'],
			[{ move: 'refuse', records, more: 1 }, '/more']])
			assertProblem(await street2.post('/api/v1/transfers/moves', wrong), 422, 'invalid', pointer);
		assertProblem(await house.auditor.post('/api/v1/transfers/moves', { move: 'refuse', records }), 403, 'forbidden');
	});
});
