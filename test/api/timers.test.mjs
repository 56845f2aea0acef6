// SPDX-License-Identifier: Apache-2.0
// timers.test.mjs - timers are listed, held and released by who has the whole district; what is due fires within a second; holidays
// that are missing are told.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, demoStore, eventually, onSqlite, password, psql, run, Server, temporaryDirectory, TestClock } from '../harness.mjs';

const DAY = 86400_000;
const district = 1;
const nowhere = '4611686018427387903';
/** China Standard Time. */
const at = (text) => Date.parse(`${text}:00+08:00`);

async function sql(store, text) {
	if (!onSqlite)
		return psql(store, text);
	const got = await run([store.replace('sqlite:', ''), text], { bin: 'sqlite3' });
	assert.equal(got.code, 0, got.stderr);
	return got.stdout.trimEnd();
}

/* Timers as some capability would have set them, that this program does not know. */
const insert = (rows) => `INSERT INTO timer (district, id, kind, resource, record, due_ms, next_ms, set_ms, from_on, workdays, tries) VALUES ${rows
	.map(({ id, kind = 'thing.late', due, from, workdays }) => `(${district}, ${id}, '${kind}', 'thing', ${id * 10}, ${due ?? '9223372036854775807'}, ${due ?? 'NULL'}, 0, `
		+ `${from ? `'${from}'` : 'NULL'}, ${workdays ?? 'NULL'}, 0)`).join(', ')}`;

let store, clock, server, bureau, admin, auditor;

async function start(args = []) {
	server = await Server.start(store, { clock, args });
	await signIn();
}

/* A session does not last for days. */
async function signIn() {
	[bureau, admin, auditor] = await Promise.all(['bureau', 'admin', 'auditor'].map((user) => server.as(user)));
}

const daily = async (client = bureau) => (await client.get('/api/v1/timers?kind=holidays.check')).json.items[0];

before(async () => {
	store = await demoStore({ elders: 5 });
	clock = new TestClock(at('2026-10-30T12:00'));
	await start();
	await eventually(daily, 'what is done every day is there');
});
after(cleanUp);

describe('timers', () => {
	test('what is done every day is listed, and moves on within a second of its moment', async () => {
		const timer = await daily();
		assert.deepEqual({ ...timer, id: undefined, set_at: undefined }, {
			id: undefined, kind: 'holidays.check', title: '检查节假日数据', periodic: true, resource: null, record: null, state: 'waiting',
			due_at: '2026-10-31T08:00:00.000+08:00', next_at: '2026-10-31T08:00:00.000+08:00', set_at: undefined, counted_from: null,
			workdays: null, tries: 0, error: null, reason: null, held_by: null });
		assert.deepEqual((await bureau.get(`/api/v1/timers/${timer.id}`)).json, timer);
		assert.equal((await bureau.get('/api/v1/timers')).json.holidays_missing, null);
		clock.set(at('2026-10-31T08:00'));
		await signIn();
		const began = Date.now();
		await eventually(async () => (await daily()).due_at === '2026-11-01T08:00:00.000+08:00', 'the next day', 5000);
		assert.ok(Date.now() - began < 5000);
		assert.ok(!server.log.includes('holidays of'), 'nothing is missing in October');
	});

	test('from 1 November on the missing year is told: in the log and in the list', async () => {
		clock.set(at('2026-11-03T07:00'));
		await signIn();
		await eventually(async () => (await daily()).due_at === '2026-11-03T08:00:00.000+08:00', 'the days between are made up for once');
		assert.equal(server.log.split('the holidays of 2027 are not known').length, 2);
		assert.equal((await bureau.get('/api/v1/timers')).json.holidays_missing, 2027);
	});

	test('one on hold does not fire until it is released, also behind a restart', async () => {
		const { id } = await daily();
		const held = await bureau.post(`/api/v1/timers/${id}/hold`, { reason: '系统维护' });
		assert.equal(held.status, 200, held.text);
		assert.deepEqual([held.json.state, held.json.reason, held.json.held_by, held.json.next_at], ['held', '系统维护', 'bureau', null]);
		assertProblem(await bureau.post(`/api/v1/timers/${id}/hold`, { reason: '再来' }), 409, 'wrong_state');
		await server.kill();
		clock.forward(3 * DAY);
		await start();
		assert.deepEqual((await bureau.get('/api/v1/timers?state=held')).json.items.map((each) => each.id), [id]);
		assert.equal((await bureau.get('/api/v1/timers?state=waiting&kind=holidays.check')).json.items.length, 0);
		assert.equal((await daily()).due_at, '2026-11-03T08:00:00.000+08:00');
		const released = await admin.post(`/api/v1/timers/${id}/release`, {});
		assert.equal(released.status, 200, released.text);
		assert.deepEqual([released.json.reason, released.json.held_by, released.json.id], [null, null, id]);
		await eventually(async () => (await daily()).due_at === '2026-11-06T08:00:00.000+08:00', 'it is done at once');
		assertProblem(await bureau.post(`/api/v1/timers/${id}/release`, {}), 409, 'wrong_state');
		const lines = async () => (await auditor.all('/api/v1/journal')).filter((line) => line.resource === 'timer');
		await eventually(async () => (await lines()).length === 2, 'both are in the journal');
		assert.deepEqual((await lines()).map((line) => [line.action, line.actor, line.id, line.changes]),
			[['hold', 'bureau', id, { reason: [null, '系统维护'] }], ['release', 'admin', id, { reason: ['系统维护', null] }]]);
	});

	test('only who has the whole district sees them, and not everybody of those holds them', async () => {
		const { id } = await daily();
		const made = await admin.post('/api/v1/users', { user: 'part', role: 'bureau', areas: ['370613001'], password });
		assert.equal(made.status, 201, made.text);
		const [part, street] = [await server.as('part'), await server.as('street1')];
		for (const client of [part, street]) {
			assertProblem(await client.get('/api/v1/timers'), 403, 'forbidden');
			assertProblem(await client.get(`/api/v1/timers/${id}`), 403, 'forbidden');
			assertProblem(await client.post(`/api/v1/timers/${id}/hold`, { reason: '系统维护' }), 403, 'forbidden');
			assertProblem(await client.post(`/api/v1/timers/${id}/release`, {}), 403, 'forbidden');
		}
		assert.equal((await auditor.get(`/api/v1/timers/${id}`)).status, 200);
		assertProblem(await auditor.post(`/api/v1/timers/${id}/hold`, { reason: '系统维护' }), 403, 'forbidden');
		assert.equal((await daily()).state, 'waiting');
	});

	test('what is wrong is told', async () => {
		const { id } = await daily();
		for (const query of ['state=late', 'limit=0', 'limit=201', 'limit=x', 'record=x', 'record=-1'])
			assertProblem(await bureau.get(`/api/v1/timers?${query}`), 400, 'bad_request');
		for (const cursor of ['x', '1', '1-', '-1', '1-x', '1--2', '99999999999999999999-1'])
			assertProblem(await bureau.get(`/api/v1/timers?cursor=${cursor}`), 400, 'bad_cursor');
		for (const body of [{}, { reason: '' }, { reason: '短' }, { reason: 5 }, { reason: '长'.repeat(201) }, { reason: '系统维护', more: 1 }])
			assertProblem(await bureau.post(`/api/v1/timers/${id}/hold`, body), 422, 'invalid');
		assertProblem(await bureau.post(`/api/v1/timers/${nowhere}/hold`, { reason: '系统维护' }), 404, 'not_found');
		assertProblem(await bureau.get(`/api/v1/timers/${nowhere}`), 404, 'not_found');
		assert.deepEqual((await bureau.get(`/api/v1/timers?kind=${encodeURIComponent("' OR 1=1 --")}`)).json.items, []);
	});

	test('one that cannot be fired is there with its error; lists have pages, in the order in which timers are due', async () => {
		await server.stop();
		const due = clock.now - 60_000;
		await sql(store, insert(Array.from({ length: 25 }, (_, i) => ({ id: 1000 + i, due: i % 2 ? clock.now + (30 - i) * DAY : due }))));
		await start();
		const failing = () => bureau.all('/api/v1/timers?state=failing', { limit: 4 });
		await eventually(async () => (await failing()).length === 13, 'thirteen have been tried');
		for (const timer of await failing())
			assert.match(timer.error, /^internal: 这一版本的程序不认识此定时$/);
		const all = await bureau.all('/api/v1/timers?resource=thing', { limit: 7 });
		assert.deepEqual(all.map(({ id }) => Number(id)), [...Array.from({ length: 13 }, (_, i) => 1000 + 2 * i), ...Array.from({ length: 12 }, (_, i) => 1023 - 2 * i)]);
		assert.deepEqual((await bureau.get('/api/v1/timers?record=10030')).json.items.map(({ id, title }) => [id, title]), [['1003', null]]);
		assert.equal((await bureau.all('/api/v1/timers')).filter(({ periodic }) => !periodic).length, 25);
		assert.ok(server.log.includes('(thing.late) cannot be fired'));
	});

	test('a deadline in a year whose holidays are missing gets its time with another file', async () => {
		await server.stop();
		clock.set(at('2026-12-29T12:00'));
		await sql(store, insert([{ id: 2000, kind: 'thing.open', from: '2026-12-28', workdays: 5 }]));
		await start();
		const open = async () => (await bureau.get('/api/v1/timers?kind=thing.open')).json.items[0];
		assert.deepEqual([(await open()).state, (await open()).due_at, (await open()).counted_from, (await open()).workdays],
			['unresolved', null, '2026-12-28', 5]);
		assert.equal((await bureau.get('/api/v1/timers?state=unresolved')).json.items.length, 1);
		const held = await bureau.post('/api/v1/timers/2000/hold', { reason: '等一等' });
		assert.deepEqual([held.json.state, held.json.due_at], ['held', null]);
		assert.equal((await bureau.post('/api/v1/timers/2000/release', {})).json.state, 'unresolved');
		await server.stop();
		const file = join(temporaryDirectory(), 'holidays.txt');
		writeFileSync(file, '# another\nyear 2026 通知\n2026-10-01 off 国庆节\nyear 2027 通知\n2027-01-01 off 元旦\n2027-01-03 work 调休\n');
		await start(['--holidays', file]);
		/* 29, 30, 31 December, Sunday 3 and Monday 4 January */
		await eventually(async () => (await open()).due_at === '2027-01-05T00:00:00.000+08:00', 'it has its time');
		assert.equal((await open()).state, 'waiting');
		assert.equal((await bureau.get('/api/v1/timers')).json.holidays_missing, null);
	});

	test('a file of holidays that cannot be read stops the start', async () => {
		const file = join(temporaryDirectory(), 'holidays.txt');
		writeFileSync(file, 'year 2026 通知\n2026-10-01 off\n2026-10-32 off\n');
		for (const [name, said] of [[file, ':3: '], [`${file}.not`, 'cannot read']]) {
			const got = await run(['serve', '--store', `sqlite:${file}.db`, '--holidays', name]);
			assert.equal(got.code, 2);
			assert.ok(got.stderr.includes(said), got.stderr);
		}
	});
});
