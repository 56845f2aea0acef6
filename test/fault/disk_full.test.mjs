// SPDX-License-Identifier: Apache-2.0
// disk_full.test.mjs - no room left: writes are refused in plain words, reads go on, and with room all is as before.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { Server, eventually, released } from '../harness.mjs';
import { Gateway, certificate } from '../gateway.mjs';
import { startPostgres } from '../postgres.mjs';
import { ask, cleanUp, faults, faultyDisk, fileStore, fillUp, keepAlive, newest, onSqlite, password, post, serve, signIn,
	smallDisk, songhe, storeAt, until, verify } from './help.mjs';

const writers = 4;

after(cleanUp);

/** A store whose disk can be full: { store, env, fill(), makeRoom() }. */
async function fullableStore(t) {
	const directory = smallDisk(90);
	if (directory) {
		const disk = { store: await storeAt(join(directory, 'songhe.db')), env: {} };
		disk.fill = () => (disk.makeRoom = fillUp(directory));
		return disk;
	}
	t.diagnostic('mounting is not allowed here: the full disk is played by fail_fsync.so');
	const faulty = faultyDisk();
	return { store: `sqlite:${await fileStore()}`, env: faulty.env, fill: () => faulty.fail('write ENOSPC -wal'), makeRoom: faulty.mend };
}

/** Writers go on until each has been refused some times; other answers than 201 and `refusals` are collected. */
async function writeUntilRefused(server, cookie, prefix, acknowledged, refusals = [507]) {
	const odd = [];
	await Promise.all(Array.from({ length: writers }, async (_, w) => {
		const agent = keepAlive(1);
		for (let n = 0, refused = 0; refused < 5; n++) {
			const answer = await post(server, cookie, `${prefix}w${w}n${n}`, { agent });
			refused += refusals.includes(answer.status);
			if (answer.status === 201)
				acknowledged.set(`${prefix}w${w}n${n}`, answer.json.id);
			else if (!refusals.includes(answer.status))
				odd.push(`${answer.status} ${answer.text}`);
			else if (answer.status === 507)
				assert.equal(answer.json.code, 'storage_full');
			if (odd.length > 10)
				break;
		}
		agent.destroy();
	}));
	assert.deepEqual(odd, []);
}

async function assertReads(server, cookie, acknowledged) {
	for (const path of ['/readyz', '/api/v1/me', '/api/v1/areas?limit=5', '/api/v1/facilities?limit=5'])
		assert.equal((await ask(server, 'GET', path, { cookie })).status, 200, path);
	assert.deepEqual(faults(await newest(server, cookie), acknowledged), []);
}

async function assertWritesAgain(server, cookie, name, acknowledged) {
	const answer = await until('writes are taken again', async () => {
		const got = await post(server, cookie, name);
		return got.status === 201 ? got : undefined;
	});
	acknowledged.set(name, answer.json.id);
}

function onFile() {
	test('a full disk', async (t) => {
		const disk = await fullableStore(t);
		const server = await serve(t, disk.store, { env: disk.env });
		const cookie = await signIn(server, 'bureau');
		const acknowledged = new Map();
		for (let round = 0; round < 3; round++) {
			await assertWritesAgain(server, cookie, `room ${round}`, acknowledged);
			disk.fill();
			await writeUntilRefused(server, cookie, `full${round}`, acknowledged);
			await assertReads(server, cookie, acknowledged);
			const signedIn = await ask(server, 'POST', '/api/v1/login', { body: { user: 'street1', password } });
			assert.ok(signedIn.status === 200 || signedIn.json.code === 'storage_full', signedIn.text);
			disk.makeRoom();
		}
		await assertWritesAgain(server, cookie, 'room at last', acknowledged);
		assert.deepEqual(faults(await newest(server, cookie), acknowledged), []);
		assert.deepEqual(await server.end(), { code: 0, signal: null });
		assert.equal((await verify(disk.store)).ok, true);
	});

	test('starting, stopping and dying on a full disk', async (t) => {
		const disk = await fullableStore(t);
		let server = await serve(t, disk.store, { env: disk.env });
		const cookie = await signIn(server, 'bureau');
		const acknowledged = new Map();
		await assertWritesAgain(server, cookie, 'before', acknowledged);
		for (const [how, expected] of [['SIGKILL', { code: null, signal: 'SIGKILL' }], ['SIGTERM', { code: 0, signal: null }]]) {
			disk.fill();
			await writeUntilRefused(server, cookie, `before ${how} `, acknowledged);
			assert.deepEqual(await server.end(how), expected);
			assert.equal((await verify(disk.store)).ok, true);
			server = await serve(t, disk.store, { env: disk.env });
			await assertReads(server, cookie, acknowledged);
			await writeUntilRefused(server, cookie, `after ${how} `, acknowledged);
			disk.makeRoom();
			await assertWritesAgain(server, cookie, `room after ${how}`, acknowledged);
		}
		assert.deepEqual(faults(await newest(server, cookie), acknowledged), []);
		assert.deepEqual(await server.end(), { code: 0, signal: null });
		assert.equal((await verify(disk.store)).ok, true);
	});

	test('a message that was sent while the disk was full was sent once', async () => {
		const disk = faultyDisk(), certificates = certificate(), gateway = await Gateway.start(certificates);
		const server = await Server.start(`sqlite:${await fileStore()}`, { env: disk.env, args: ['--gateway-ca', certificates.cert,
			'--gateway-allow', `127.0.0.1/32:${gateway.port}`], bin: released });
		const bureau = await server.as('bureau');
		assert.equal((await bureau.post('/api/v1/gateways', { channel: 'sms', url: gateway.url, secret: gateway.secret })).status, 201);
		let held;
		gateway.answer = (call, response) => (held = response);
		const got = await bureau.post('/api/v1/messages', { channel: 'sms', kind: 'visit.missed', text: '请回电', to_phone: '13800138000', area: '370613001011' });
		assert.equal(got.status, 201, got.text);
		await eventually(() => held, 'the gateway has it');
		disk.fail('write ENOSPC -wal');
		held.writeHead(204).end();
		await eventually(() => server.log.includes('the store does not take what became of it'), 'a word in the log');
		const read = async () => (await bureau.get(`/api/v1/messages/${got.json.id}`)).json;
		assert.equal((await read()).state, 'waiting');
		disk.mend();
		await eventually(async () => (await read()).state === 'sent', 'it is written down');
		assert.deepEqual([gateway.ids, (await read()).attempts], [[`msg_${got.json.id}`], 1]);
		assert.equal(await server.stop(), 0);
	});
}

/** PostgreSQL itself stops at a full disk for its log, and comes back by itself: that is 503. */
function onDatabase() {
	test('a full disk under the database', async (t) => {
		const directory = smallDisk(160);
		assert.ok(directory, 'this needs a small file system: run it as root');
		const database = await startPostgres({ parent: directory, settings: { min_wal_size: '32MB', max_wal_size: '32MB' } });
		t.after(() => database.stop());
		const store = await database.newDatabase('songhe');
		const made = await songhe(['demo', '--store', store, '--plan', 'laishan', '--elders', '20', '--seed', '1', '--password', password]);
		assert.equal(made.code, 0, made.stderr);
		const server = await serve(t, store);
		const cookie = await signIn(server, 'bureau');
		const acknowledged = new Map();
		await assertWritesAgain(server, cookie, 'before', acknowledged);
		const makeRoom = fillUp(directory);
		await writeUntilRefused(server, cookie, 'full ', acknowledged, [507, 503]);
		makeRoom();
		await assertWritesAgain(server, cookie, 'after', acknowledged);
		assert.deepEqual(faults(await newest(server, cookie), acknowledged), []);
		assert.deepEqual(await server.end(), { code: 0, signal: null });
		assert.equal((await verify(store)).ok, true);
	});
}

if (onSqlite)
	onFile();
else
	onDatabase();
