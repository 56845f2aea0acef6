// SPDX-License-Identifier: Apache-2.0
// failing_storage.test.mjs - the disk fails, or the database dies: nothing more is acknowledged, nothing acknowledged is lost.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startPostgres } from '../postgres.mjs';
import { ask, cleanUp, faults, faultyDisk, fileStore, keepAlive, newest, onSqlite, password, post, serve, Server, signIn,
	songhe, until, verify } from './help.mjs';

const writers = 8;
const exitIo = 74;
const exitStore = 3;

after(cleanUp);

/** Writes from many sides until `over()`; gives what was acknowledged, what had no answer, and other answers. */
function load(server, cookie, prefix, over) {
	const notes = { acknowledged: new Map(), open: [], refused: [] };
	notes.done = Promise.all(Array.from({ length: writers }, async (_, w) => {
		const agent = keepAlive(1);
		for (let n = 0; !over(); n++) {
			const name = `${prefix}w${w}n${n}`;
			const answer = await post(server, cookie, name, { agent, key: name }).catch(() => undefined);
			if (answer?.status === 201)
				notes.acknowledged.set(name, answer.json.id);
			else if (answer)
				notes.refused.push({ name, answer });
			else
				notes.open.push(name);
		}
		agent.destroy();
	}));
	return notes;
}

async function failUnderLoad(t, fault) {
	const store = `sqlite:${await fileStore()}`;
	const disk = faultyDisk();
	const server = await serve(t, store, { env: disk.env });
	const cookie = await signIn(server, 'bureau');
	const notes = load(server, cookie, '', () => !server.running);
	await until('there is load', () => notes.acknowledged.size > 100);
	disk.fail(fault);
	const failed = performance.now();
	let late = 0;
	assert.deepEqual(await Promise.race([server.gone, until('it ends', () => !server.running).then(() => server.gone)]),
		{ code: exitIo, signal: null });
	t.diagnostic(`ended ${Math.round(performance.now() - failed)} ms after the first failure`);
	await notes.done;
	assert.match(server.log, /nothing more is acknowledged/);
	assert.deepEqual(notes.refused.filter(({ answer }) => answer.status < 500), []);
	disk.mend();
	const again = await serve(t, store);
	assert.deepEqual(faults(await newest(again, cookie), notes.acknowledged), []);
	for (const name of notes.open) {
		const answer = await post(again, cookie, name, { key: name });
		late += answer.headers['idempotency-replayed'] === 'true' ? 1 : 0;
		assert.equal(answer.status, 201, answer.text);
		notes.acknowledged.set(name, answer.json.id);
	}
	assert.deepEqual(faults(await newest(again, cookie), notes.acknowledged), []);
	t.diagnostic(`${notes.acknowledged.size} acknowledged, ${notes.open.length} without an answer, ${late} of them were there`);
	assert.deepEqual(await again.end(), { code: 0, signal: null });
	assert.equal((await verify(store)).ok, true);
}

function onFile() {
	for (const fault of ['sync EIO -wal', 'write EIO -wal'])
		test(`the disk fails under load: ${fault}`, (t) => failUnderLoad(t, fault));

	for (const fault of ['sync EIO .db', 'write EIO .db'])
		test(`the disk fails in a checkpoint: ${fault}`, async (t) => {
			const store = `sqlite:${await fileStore()}`;
			const disk = faultyDisk();
			const server = await serve(t, store, { env: disk.env });
			const cookie = await signIn(server, 'bureau');
			const { json } = await post(server, cookie, 'acknowledged');
			disk.fail(fault);
			const rows = Array.from({ length: 20000 }, (_, n) => `n${n},male,1939-12-31,370613001011`);
			await ask(server, 'POST', '/api/v1/elders/import', { cookie, headers: { 'content-type': 'text/csv' },
				body: ['name,sex,born_on,area', ...rows].join('\n') }).catch(() => {});
			await until('it ends', () => !server.running);
			assert.deepEqual(await server.gone, { code: exitIo, signal: null });
			disk.mend();
			const again = await serve(t, store);
			const listed = await newest(again, cookie, () => true, undefined);
			assert.deepEqual(faults(listed, new Map([['acknowledged', json.id]])), []);
			assert.deepEqual(await again.end(), { code: 0, signal: null });
			assert.equal((await verify(store)).ok, true);
		});

	test('it does not start until the disk has proved to work', async (t) => {
		const store = `sqlite:${await fileStore()}`;
		const disk = faultyDisk();
		disk.fail('sync EIO .probe');
		const refused = Server.spawn(store, { env: disk.env });
		t.after(() => refused.end('SIGKILL'));
		await until('it has decided', () => refused.starts > 0 || !refused.running);
		assert.deepEqual(await refused.end('SIGKILL'), { code: exitStore, signal: null });
		disk.mend();
		const server = await serve(t, store, { env: disk.env });
		assert.ok(await server.ready());
	});
}

function onDatabase() {
	test('the database dies under load and comes back', async (t) => {
		const database = await startPostgres();
		t.after(() => database.stop());
		const store = await database.newDatabase('songhe');
		const made = await songhe(['demo', '--store', store, '--plan', 'laishan', '--elders', '20', '--seed', '1', '--password', password]);
		assert.equal(made.code, 0, made.stderr);
		const server = await serve(t, store);
		const cookie = await signIn(server, 'bureau');
		let over = false;
		t.after(() => (over = true));
		const notes = load(server, cookie, '', () => over);
		for (let round = 1; round <= 3; round++) {
			const before = notes.acknowledged.size;
			await until('there is load', () => notes.acknowledged.size > before + 100);
			await database.kill();
			const refusals = notes.refused.length;
			await until('everybody is refused', () => notes.refused.length > refusals + writers);
			assert.equal((await ask(server, 'GET', '/livez')).status, 200);
			assert.equal((await ask(server, 'GET', '/readyz')).status, 503);
			await database.restart();
		}
		const before = notes.acknowledged.size;
		await until('all is as before', () => notes.acknowledged.size > before + 100);
		over = true;
		await notes.done;
		assert.deepEqual(notes.open, [], 'each request has an answer');
		assert.deepEqual([...new Set(notes.refused.map(({ answer }) => answer.status))], [503]);
		const listed = await newest(server, cookie);
		assert.deepEqual(faults(listed, notes.acknowledged), []);
		/* A 503 may have been written all the same; asked again under its key it is there once. */
		for (const { name } of notes.refused.slice(-20)) {
			const answer = await post(server, cookie, name, { key: name });
			assert.equal(answer.status, 201, answer.text);
			notes.acknowledged.set(name, answer.json.id);
		}
		assert.deepEqual(faults(await newest(server, cookie), notes.acknowledged), []);
		assert.deepEqual(await server.end(), { code: 0, signal: null });
		assert.equal((await verify(store)).ok, true);
	});
}

if (onSqlite)
	onFile();
else
	onDatabase();
