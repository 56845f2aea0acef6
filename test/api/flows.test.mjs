// SPDX-License-Identifier: Apache-2.0
// flows.test.mjs - every declared flow, driven by random moves of random roles: no state outside the table, no move without the right
// to it, and what is open always has a deadline and somebody for whom it waits. A new flow is driven without a line here, but for how
// its records begin and what its moves are told.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cleanUp, newElder, openHouse, password, program, register } from '../harness.mjs';
import { described } from '../openapi.mjs';

let house, declared, actors, staff, organization;
const here = '370613001011', there = '370613002011';
const script = { reached: 'through_others', body: 'well', fell: true, fall_harm: 'none', meals: 'regular', medicine: 'none', carer: 'family' };
const inDays = (days) => new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);
let seed = Number(process.env.SONGHE_SEED ?? 20261201);
const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
const one = (list) => list[random(list.length)];

before(async () => {
	house = await openHouse({ demo: { elders: 20 } });
	declared = described(program, 'json');
	[organization] = (await house.bureau.get('/api/v1/organizations?limit=1')).json.items;
	staff = (await house.bureau.post('/api/v1/staff', { name: '流程员', id_card: newElder().id_card, organization: organization.id, area: here,
		post: 'visitor', state: 'active', trained_on: '2026-01-05' })).json;
	const accounts = [{ user: 'street-two', role: 'street', areas: ['370613002'] }, { user: 'desk', role: 'operator', areas: ['370613'] },
		{ user: 'walker', role: 'worker', organization: organization.id, person: staff.id },
		{ user: 'firm', role: 'provider', organization: organization.id }];
	for (const account of accounts)
		assert.equal((await house.admin.post('/api/v1/users', { ...account, password })).status, 201);
	actors = [['bureau', 'bureau'], ['street', 'street1'], ['community', 'community1'], ['auditor', 'auditor']].map(([role, user]) => ({ role, client: house[user] }));
	for (const { user, role } of accounts)
		actors.push({ role, client: await house.server.as(user) });
});
after(cleanUp);

// How records begin, and what is said with moves.
const begin = {
	transfer: async () => {
		const wish = newElder({ area: there });
		await register(house.bureau, wish);
		return house.street1.post('/api/v1/transfers', { name: wish.name, id_card: wish.id_card, area: here, reason: '随子女' });
	},
	request: async () => house.community1.post('/api/v1/requests', { area: here, kind: one(['meals', 'policy', 'safety']), urgency: one(['normal', 'soon', 'now']),
		channel: 'phone', what: '随机诉求' }),
	message: async () => house.bureau.post('/api/v1/messages', { channel: 'sms', kind: 'notice', to_phone: '13800138000', area: here, text: '随机消息' }),
	visit: async () => {
		const elder = await register(house.bureau, newElder({ area: here }));
		return house.community1.post('/api/v1/visits', { elder: elder.id, due_on: inDays(5), channel: one(['door', 'phone']) });
	},
};
const begins = { message: 'by_hand' /* as there is no gateway */ };
const said = {
	answer: () => '随机答复', result: () => '随机结果', worker: () => staff.id, second_worker: () => staff.id, script: () => script, finding: () => '随机情况',
	exemption: () => 'hospital', explanation: () => '随机说明', organization: () => organization.id, handler: () => '经办人',
	arrived_where: () => ({ lat: 37.5, lon: 121.4 }), outside_reason: () => '公园',
};

/** What the record may be told with the move: mostly all that it needs. */
function bodyOf(move) {
	const body = {};
	for (const field of move.needs)
		if (random(10) > 0)
			body[field] = said[field]?.();
	for (const field of move.takes)
		if (random(2))
			body[field] = said[field]?.();
	return body;
}

/** One random move by somebody; what is answered must follow from the table. */
async function step(resource, record) {
	const move = one(resource.flow.moves), { role, client } = one(actors), path = `${resource.path}/${record.id}`;
	const before = (await house.bureau.get(path)).json;
	const offered = await client.get(`${path}/moves`);
	const got = await client.post(`${path}/${move.name}`, move.needs.length + move.takes.length ? bodyOf(move) : undefined);
	const now = (await house.bureau.get(path)).json, about = `${resource.name}.${move.name} by ${role}: ${before.state} → ${now.state} ${got.text}`;
	const permitted = move.permission && declared.roles.find(({ name }) => name === role).permissions.includes(move.permission);
	if (got.status !== 200) {
		assert.ok([403, 404, 405, 409, 422].includes(got.status), about);
		assert.deepEqual([now.state, now.version], [before.state, before.version], about);
		if (permitted && got.status === 409 && got.json.code === 'wrong_state')
			return null;
		if (!permitted)
			assert.ok([403, 404, 405].includes(got.status), about);
		return null;
	}
	assert.ok(permitted, about);
	assert.ok(move.from.includes(before.state), about);
	assert.equal(now.state, move.to ?? before.state, about);
	assert.ok(offered.json.items.some((each) => each.move === move.name), `it was offered: ${about} ${offered.text}`);
	assert.equal(now.version, before.version + 1, about);
	return move.name;
}

/** What is open is due, and waits for somebody who finds it among their tasks; what is closed does not. */
async function look(resource, record, tasks) {
	const now = (await house.bureau.get(`${resource.path}/${record.id}`)).json, field = resource.fields.find(({ name }) => name === 'state');
	assert.ok(field.words.some(({ word }) => word === now.state), now.state);
	const open = resource.flow.open.some(({ state }) => state === now.state);
	const waits = resource.flow.moves.some(({ waits, from }) => waits && from.includes(now.state));
	assert.equal(now.due_at !== null, open, JSON.stringify(now));
	assert.ok(!open || waits || resource.flow.open.find(({ state }) => state === now.state).late, 'somebody, or time');
	assert.equal(tasks.has(record.id), open && waits, JSON.stringify(now));
}

async function fresh(resource) {
	const got = await begin[resource.name]();
	assert.equal(got.status, 201, got.text);
	assert.equal(got.json.state, begins[resource.name] ?? resource.flow.start);
	return got.json;
}

/** Those that can be reached by asking: some states only time brings about. */
function movesInTime({ name, flow }) {
	const byTime = flow.open.map(({ late }) => flow.moves.find(({ name }) => name === late)?.to);
	const without = name === 'message' ? ['resend'] : []; /* which needs a gateway */
	return new Set(flow.moves.filter(({ permission, from }) => permission && from.some((state) => !byTime.includes(state)))
		.map((move) => move.name).filter((move) => !without.includes(move)));
}

describe('every flow', () => {
	test('keeps to its table, whoever tries whatever', async () => {
		for (const resource of declared.resources.filter(({ flow }) => flow)) {
			assert.ok(begin[resource.name], `${resource.name}: say here how its records begin`);
			const records = [], missing = movesInTime(resource);
			for (let i = 0; i < 600 || (missing.size > 0 && i < 6000); i++) {
				if (i % 15 === 0)
					records.push(await fresh(resource));
				missing.delete(await step(resource, one(records.slice(-10))));
			}
			assert.deepEqual([...missing], [], `${resource.name}: moves that were never made`);
			const waiting = new Set();
			for (const { client } of actors)
				for (const { id } of await client.all('/api/v1/tasks'))
					waiting.add(id);
			for (const record of records)
				await look(resource, record, waiting);
		}
	});
});
