// SPDX-License-Identifier: Apache-2.0
// kill_nine.test.mjs - killed at any moment under write load: what was acknowledged is there, once.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { ask, cleanUp, faults, keepAlive, kind, newest, onSqlite, post, serve, signIn, smallStore, verify } from './help.mjs';

after(cleanUp);

const writers = 8;
const readyMs = 2000;

/** Writes until the server is gone. Every second request carries a key, so that it may be asked again. */
async function write(server, cookie, prefix, notes) {
	const agent = keepAlive(1);
	for (let n = 0; ; n++) {
		const name = `${prefix}n${n}`;
		const key = n % 2 ? `key-${name}` : undefined;
		const answer = await post(server, cookie, name, { key, agent }).catch(() => undefined);
		if (!answer) {
			notes.open.push({ name, key });
			break;
		}
		assert.equal(answer.status, 201, answer.text);
		notes.acknowledged.set(name, answer.json.id);
		notes.onAnswer();
	}
	agent.destroy();
}

/** Load, then SIGKILL after `moment` ms of it; names that were acknowledged, and those without an answer. */
async function killUnderLoad(server, cookie, round, moment) {
	const notes = { acknowledged: new Map(), open: [] };
	const busy = new Promise((first) => (notes.onAnswer = first));
	const load = Promise.all(Array.from({ length: writers }, (_, w) => write(server, cookie, `r${round}w${w}`, notes)));
	await busy;
	await new Promise((due) => setTimeout(due, moment));
	await server.end('SIGKILL');
	await load;
	return notes;
}

/** A request that had no answer is asked again under its key: twice, and both times the same record answers. */
async function askAgain(server, cookie, { open, acknowledged }, agent) {
	let replayed = 0;
	for (const { name, key } of open.filter((request) => request.key)) {
		const [first, second] = [await post(server, cookie, name, { key, agent }), await post(server, cookie, name, { key, agent })];
		assert.equal(first.status, 201, first.text);
		assert.equal(second.status, 201, second.text);
		assert.equal(second.headers['idempotency-replayed'], 'true');
		assert.equal(second.json.id, first.json.id);
		replayed += first.headers['idempotency-replayed'] === 'true' ? 1 : 0;
		acknowledged.set(name, first.json.id);
	}
	return replayed;
}

function assertRound(listed, notes) {
	assert.deepEqual(faults(listed, notes.acknowledged), []);
	const names = listed.map(({ name }) => name);
	assert.equal(new Set(names).size, names.length, 'a record is there twice');
}

/** Each elder has one line of its making in the journal. */
async function assertJournal(server, auditor, elders, agent) {
	const lines = new Map();
	for (let cursor = '0'; cursor;) {
		const page = await ask(server, 'GET', `/api/v1/journal?limit=200&cursor=${cursor}`, { cookie: auditor, agent });
		assert.equal(page.status, 200, page.text);
		for (const line of page.json.items)
			if (line.resource === 'elder' && line.action === 'create')
				lines.set(line.id, (lines.get(line.id) ?? 0) + 1);
		cursor = page.json.next;
	}
	const wrong = elders.filter(({ id }) => lines.get(id) !== 1);
	assert.deepEqual(wrong, [], 'records without exactly one journal line');
}

async function manyRounds(t, store, rounds) {
	let server = await serve(t, store);
	const [cookie, auditor] = [await signIn(server, 'bureau'), await signIn(server, 'auditor')];
	const all = new Map();
	let [slowest, replays, unanswered] = [0, 0, 0];
	for (let round = 0; round < rounds; round++) {
		const notes = await killUnderLoad(server, cookie, round, Math.random() * 60);
		server = await serve(t, store);
		slowest = Math.max(slowest, await server.ready());
		const agent = keepAlive(4);
		unanswered += notes.open.length;
		replays += await askAgain(server, cookie, notes, agent);
		const own = `r${round}w`;
		const listed = await newest(server, cookie, (page) => page.at(-1).name.startsWith(own), agent);
		assertRound(listed.filter(({ name }) => name.startsWith(own)), notes);
		for (const [name, id] of notes.acknowledged)
			all.set(name, id);
		agent.destroy();
	}
	const agent = keepAlive(1);
	const listed = await newest(server, cookie, () => true, agent);
	assert.deepEqual(faults(listed, all), []);
	await assertJournal(server, auditor, listed.filter(({ name }) => /^r\d+w/.test(name)), agent);
	agent.destroy();
	assert.deepEqual(await server.end(), { code: 0, signal: null });
	assert.equal((await verify(store)).ok, true);
	t.diagnostic(`${rounds} kills, ${all.size} acknowledged, ${unanswered} without an answer, ${replays} of them were there; ` +
		`slowest start ${Math.round(slowest)} ms (wanted: under ${readyMs})`);
	assert.ok(all.size > rounds, 'there was load');
	assert.ok(slowest < 5 * readyMs, `ready after ${slowest} ms`);
}

test(`kill -9 under write load, on ${kind}`, async (t) => {
	const rounds = Number(process.env.SONGHE_FAULT_ROUNDS ?? 200);
	await manyRounds(t, await smallStore(), onSqlite ? rounds : Math.ceil(rounds / 10));
});
