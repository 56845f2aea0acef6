// SPDX-License-Identifier: Apache-2.0
// upload.test.mjs - whether somebody may send a file is settled before it is taken, and nobody else waits for that.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { psql, rawExchange } from '../harness.mjs';
import { ask, cleanUp, kind, onSqlite, serve, signIn, smallStore, until } from './help.mjs';

after(cleanUp);

const row = (name) => `${name},male,1939-12-31,370613001011\n`;
const file = `name,sex,born_on,area\n${row('上传之人')}${row('x'.repeat(20000)).repeat(20)}`;
const headers = { 'content-type': 'text/csv' };

/** Nobody can look a session up for this long; `over` resolves at its end. Where a read never waits, nothing happens. */
async function withoutSessions(store, seconds) {
	if (onSqlite)
		return { over: Promise.resolve() };
	const over = psql(store, `BEGIN; LOCK TABLE session IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(${seconds}); COMMIT`);
	await until('the sessions are locked', async () => '1' === await psql(store,
		"SELECT count(*) FROM pg_locks WHERE relation = 'session'::regclass AND mode = 'AccessExclusiveLock' AND granted"));
	return { over };
}

test(`a session that only the store knows, on ${kind}`, async (t) => {
	const store = await smallStore();
	const before = await serve(t, store);
	const cookies = [await signIn(before, 'bureau'), await signIn(before, 'auditor'), await signIn(before, 'admin')];
	await before.end();
	const server = await serve(t, store, { args: ['--threads', '1'] });
	const upload = (cookie) => ask(server, 'POST', '/api/v1/elders/import', { cookie, body: file, headers });
	/* Also somebody unknown to the memory is told to go on. */
	const told = await rawExchange(`http://127.0.0.1:${server.port}`, 'POST /api/v1/users HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n'
		+ `Cookie: ${cookies[2]}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
	assert.match(told, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 422 /);
	const { over } = await withoutSessions(store, 4);
	const since = performance.now();
	const waiting = Array.from({ length: 6 }, () => upload(cookies[0]));
	assert.equal((await ask(server, 'GET', '/livez')).status, 200);
	const took = Math.round(performance.now() - since);
	t.diagnostic(`somebody else was answered after ${took} ms`);
	assert.ok(took < 1000, `the only loop answered somebody else after ${took} ms`);
	await Promise.all(waiting);
	await over;
	const answers = await Promise.all([...cookies.slice(0, 2), `${cookies[0]}x`, `songhe=${'A'.repeat(43)}`, undefined].map(upload));
	assert.deepEqual(answers.map(({ status }) => status), [200, 403, 401, 401, 401]);
	assert.deepEqual([answers[0].json.rows, answers[0].json.accepted], [21, 1]);
});
