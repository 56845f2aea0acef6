// SPDX-License-Identifier: Apache-2.0
// import_batch.test.mjs - a batch is carried out whole, once, whatever happens meanwhile; and can be taken back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, filterOf, newElder, onSqlite, openHouse, psql, register, Server } from '../harness.mjs';

let house, bureau;

before(async () => {
	house = await openHouse({ demo: { elders: 20 } });
	({ bureau } = house);
});
after(cleanUp);

const columns = ['name', 'id_card', 'sex', 'born_on', 'area', 'address'];
const csv = (rows) => [columns.join(','), ...rows.map((row) => columns.map((name) => row[name] ?? '').join(','))].join('\n');
const send = (client, text, query = '') => client.post(`/api/v1/elders/import${query}`, text, { type: 'text/csv' });
const people = (count, address) => Array.from({ length: count }, () => newElder({ address }));
const living = async (client, address) => (await client.all(`/api/v1/elders?${filterOf({ '==': [{ var: 'address' }, address] })}`)).length;
const job = async (client, id) => (await client.get(`/api/v1/jobs/${id}`)).json;

/** Waits until the job is over; gives it. */
async function over(client, id) {
	let got;
	await eventually(async () => !['waiting', 'running', 'cancelling'].includes((got = await job(client, id)).state), 'the end of the job');
	return got;
}

describe('a batch', () => {
	test('is told as a job, which can be waited for or not', async () => {
		const rows = people(250, '不等');
		const got = await send(bureau, csv(rows), '?wait=false');
		assert.deepEqual([got.status, got.json.accepted, got.json.created], [202, 250, 250], got.text);
		assert.equal(got.headers.location, `/api/v1/jobs/${got.json.job}`);
		const done = await over(bureau, got.json.job);
		assert.deepEqual([done.state, done.progress, done.total, done.result.accepted, done.result.created], ['done', 250, 250, 250, 250]);
		assert.equal(await living(bureau, '不等'), 250);
		assert.ok(!JSON.stringify(done).includes(rows[0].id_card) && !JSON.stringify(done).includes(rows[0].name));
	});

	test('that is done can be taken back: what it made ends, what it changed is as it was, what others changed since stays', async () => {
		const there = newElder({ address: '撤回前' }), record = await register(bureau, there);
		const rows = [...people(150, '撤回'), { ...there, address: '撤回' }];
		const got = await send(bureau, csv(rows));
		assert.deepEqual([got.json.created, got.json.changed], [150, 1], got.text);
		const [touched] = await bureau.all(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, rows[0].name] })}`);
		assert.equal((await bureau.patch(`/api/v1/elders/${touched.id}`, { living: 'alone' }, 1)).status, 200);
		const cancelled = await bureau.post(`/api/v1/jobs/${got.json.job}/cancel`, {});
		assert.equal(cancelled.status, 200, cancelled.text);
		const done = await over(bureau, got.json.job);
		assert.deepEqual([done.state, done.result.undone, done.result.kept], ['cancelled', 150, 1], JSON.stringify(done));
		assert.equal(await living(bureau, '撤回'), 1);
		const back = (await bureau.get(`/api/v1/elders/${record.id}`)).json;
		assert.deepEqual([back.address, back.version], ['撤回前', 3]);
		assertProblem(await bureau.post(`/api/v1/jobs/${got.json.job}/cancel`, {}), 409, 'wrong_state');
		const again = await send(bureau, csv(rows));
		assert.deepEqual([again.json.created, again.json.changed, again.json.same], [149, 1, 1], again.text);
	});

	test('a protected value that was changed comes back too', async () => {
		const wish = newElder({ phone: '13611112222' }), record = await register(bureau, wish);
		const got = await send(bureau, `姓名,身份证号,电话\n${wish.name},${wish.id_card},13633334444\n`);
		assert.equal(got.json.changed, 1, got.text);
		assert.equal((await bureau.get(`/api/v1/elders/${record.id}`)).json.phone, '136****4444');
		await bureau.post(`/api/v1/jobs/${got.json.job}/cancel`, {});
		await over(bureau, got.json.job);
		const clear = await bureau.post(`/api/v1/elders/${record.id}/reveal`, { fields: ['phone'], reason: '核对' }, { clear: true });
		assert.equal(clear.json.phone, '13611112222');
	});

	test('is its maker\'s: others of another place neither see it nor take it back', async () => {
		const got = await send(house.street1, csv(people(3, '街道的')));
		assert.equal(got.json.accepted, 3, got.text);
		assert.equal((await job(house.street1, got.json.job)).state, 'done');
		assert.equal((await job(bureau, got.json.job)).state, 'done');
		await house.admin.post('/api/v1/users', { user: 'street2', role: 'street', areas: ['370613002'], password: 'pine-and-crane 27' });
		const street2 = await house.server.as('street2');
		assertProblem(await street2.get(`/api/v1/jobs/${got.json.job}`), 404, 'not_found');
		assertProblem(await street2.post(`/api/v1/jobs/${got.json.job}/cancel`, {}), 404, 'not_found');
		assertProblem(await house.auditor.post(`/api/v1/jobs/${got.json.job}/cancel`, {}), 403, 'forbidden');
		assert.equal((await house.street1.post(`/api/v1/jobs/${got.json.job}/cancel`, {})).status, 200);
		assert.equal((await over(house.street1, got.json.job)).state, 'cancelled');
	});

	test('two at once about the same people make each of them once', async () => {
		const rows = people(300, '两份');
		const both = await Promise.all([send(bureau, csv(rows)), send(bureau, csv([...rows].reverse()))]);
		assert.deepEqual(both.map((got) => [got.status, got.json.rejected]), [[200, 0], [200, 0]]);
		assert.equal(both[0].json.created + both[1].json.created, 300);
		assert.equal(await living(bureau, '两份'), 300);
	});

	test('what was fine when it was read and is not any more is told by row', async () => {
		const rows = people(1500, '迟了');
		const got = await send(house.street1, csv(rows), '?wait=false');
		assert.equal(got.status, 202, got.text);
		const off = await house.admin.get('/api/v1/users?user=street1');
		assert.equal((await house.admin.patch(`/api/v1/users/${off.json.items[0].id}`, { areas: ['370613003'] }, off.json.items[0].version)).status, 200);
		const done = await over(bureau, got.json.job);
		assert.equal(done.state, 'done');
		assert.equal(done.result.accepted + done.result.rejected, 1500);
		assert.equal(await living(bureau, '迟了'), done.result.accepted);
		assert.ok(done.result.errors.every(({ code, line }) => code === 'out_of_scope' && line > 1), JSON.stringify(done.result.errors[0]));
	});
});

describe('a large batch', () => {
	test('leaves a database that knows how much it holds', async () => {
		const got = await send(bureau, csv(people(2500, '很多')));
		assert.deepEqual([got.status, got.json.created], [200, 2500], got.text);
		assert.equal((await job(bureau, got.json.job)).state, 'done');
		if (onSqlite)
			return;
		const known = "SELECT count(*) FROM pg_stat_user_tables WHERE relname IN ('elder', 'elder_tokens') AND last_analyze IS NOT NULL";
		await eventually(async () => await psql(house.store, known) === '2', 'its statistics to be told');
		assert.ok(Number(await psql(house.store, "SELECT reltuples FROM pg_class WHERE relname = 'elder'")) >= 2500, 'the last rows as well');
		assert.equal(await psql(house.store, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND query LIKE '%ANALYZE%'"), '0');
	});
});

describe('killed in the middle', () => {
	const kill = async () => {
		house.server.child.kill('SIGKILL');
		await house.server.exited;
	};

	test('it goes on where it stood, and makes each record once; cancelled, it is as if it had never been', async () => {
		const rows = people(3000, '断电');
		const got = await send(bureau, csv(rows), '?wait=false');
		assert.equal(got.status, 202, got.text);
		await eventually(async () => (await job(bureau, got.json.job)).progress >= 200, 'some progress');
		await kill();
		const server = await Server.start(house.server.store);
		const again = await server.as('bureau');
		const done = await over(again, got.json.job);
		assert.deepEqual([done.state, done.result.created], ['done', 3000], JSON.stringify(done));
		assert.equal(await living(again, '断电'), 3000);
		await again.post(`/api/v1/jobs/${got.json.job}/cancel`, {});
		await eventually(async () => (await job(again, got.json.job)).result.undone >= 200, 'some of it to be taken back');
		server.child.kill('SIGKILL');
		await server.exited;
		const third = await Server.start(house.server.store);
		const last = await third.as('bureau');
		assert.equal((await over(last, got.json.job)).state, 'cancelled');
		assert.equal(await living(last, '断电'), 0);
	});
});
