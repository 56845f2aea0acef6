// SPDX-License-Identifier: Apache-2.0
// second_server.test.mjs - a file has one server; commands beside it go through it. A database may have several servers.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';

import { Server, ask, cleanUp, faults, fileStore, listen, newest, onSqlite, post, serve, signIn, smallStore, songhe, storeAt,
	temporaryDirectory, until, verify } from './help.mjs';

after(cleanUp);

const exitHeld = 4;

/** How a second server on this name ends: its exit code, or 'it serves'. */
async function secondServer(name) {
	const server = Server.spawn(`sqlite:${name}`);
	await until('it has decided', () => server.starts > 0 || !server.running);
	const serves = server.starts > 0;
	const { code } = await server.end('SIGKILL');
	return serves ? 'it serves' : code;
}

function onFile() {
	test('a second server is refused, under whatever name it comes to the file', async (t) => {
		const path = await fileStore();
		const server = await serve(t, `sqlite:${path}`);
		const cookie = await signIn(server, 'bureau');
		const directory = dirname(path);
		symlinkSync(path, join(directory, 'other name.db'));
		symlinkSync(directory, `${directory}-link`);
		t.after(() => rmSync(`${directory}-link`));
		const names = { same: path, roundabout: `${directory}/../${basename(directory)}/${basename(path)}`,
			'a link to the folder': join(`${directory}-link`, basename(path)), 'a link to the file': join(directory, 'other name.db') };
		const outcomes = {};
		for (const [what, name] of Object.entries(names))
			outcomes[what] = await secondServer(name);
		assert.deepEqual(outcomes, Object.fromEntries(Object.keys(names).map((what) => [what, exitHeld])));
		assert.equal((await post(server, cookie, 'still here')).status, 201);
		assert.deepEqual(await server.end(), { code: 0, signal: null });
	});

	test('a file with two names is refused: each would have a lock of its own', async () => {
		const path = await fileStore();
		linkSync(path, `${path}.second`);
		for (const name of [path, `${path}.second`])
			assert.equal(await secondServer(name), 3);
		rmSync(`${path}.second`);
		assert.equal(await secondServer(path), 'it serves');
	});

	test('a new store through a link is locked where its file is', async () => {
		const directory = temporaryDirectory();
		symlinkSync(join(directory, 'real.db'), join(directory, 'link.db'));
		await storeAt(join(directory, 'link.db'));
		assert.deepEqual(readdirSync(directory).filter((name) => name.startsWith('link')), ['link.db']);
		assert.ok(readdirSync(directory).includes('real.db.lock'));
	});

	test('commands go through the server that holds the file', async (t) => {
		const path = await fileStore();
		const store = `sqlite:${path}`;
		const server = await serve(t, store);
		const [cookie, auditor] = [await signIn(server, 'bureau'), await signIn(server, 'auditor')];
		const feed = await listen(server, cookie);
		const file = join(temporaryDirectory(), 'ledger.csv');
		writeFileSync(file, 'name,sex,born_on,area\n经过服务器一,male,1940-01-01,370613001011\n经过服务器二,female,1941-01-01,370613001011\n');
		const imported = await songhe(['import', 'elders', file, '--store', store, '--json']);
		assert.equal(imported.code, 0, imported.stderr);
		assert.equal(JSON.parse(imported.stdout).accepted, 2);
		await until('the server told it to its listeners', () => feed.events.length === 2);
		feed.close();
		const listed = (await newest(server, cookie)).map(({ name }) => name);
		assert.ok(listed.includes('经过服务器一') && listed.includes('经过服务器二'));
		const added = await songhe(['user', 'add', 'second', '--role', 'auditor', '--password-stdin', '--store', store],
			{ input: 'another long password\n' });
		assert.equal(added.code, 0, added.stderr);
		const signedIn = await ask(server, 'POST', '/api/v1/login', { body: { user: 'second', password: 'another long password' } });
		assert.equal(signedIn.status, 200);
		const lines = [];
		for (let next = ''; next !== null;) {
			const page = await ask(server, 'GET', `/api/v1/journal?limit=200${next && `&cursor=${next}`}`, { cookie: auditor });
			lines.push(...page.json.items);
			({ next } = page.json);
		}
		assert.ok(lines.some((line) => line.resource === 'user' && line.id === JSON.parse(added.stdout).id),
			'journalled');
		assert.equal((await verify(store)).ok, true);
	});

	test('what stands beside the file is for the server alone', async (t) => {
		const path = await fileStore();
		const server = await serve(t, `sqlite:${path}`);
		const mode = (suffix) => (statSync(path + suffix).mode & 0o777).toString(8);
		assert.ok(statSync(`${path}.sock`).isSocket());
		assert.equal(mode('.sock'), '600', 'the command socket');
		for (const suffix of ['.lock', '', '-wal', '-shm'])
			assert.equal(mode(suffix), '600', `songhe.db${suffix}`);
		assert.deepEqual(await server.end(), { code: 0, signal: null });
	});

	test('after kill -9 neither socket nor lock is in the way', async (t) => {
		const path = await fileStore();
		const store = `sqlite:${path}`;
		const acknowledged = new Map();
		let cookie;
		for (let round = 0; round < 5; round++) {
			const server = await serve(t, store);
			cookie ??= await signIn(server, 'bureau');
			const answer = await post(server, cookie, `round ${round}`);
			acknowledged.set(`round ${round}`, answer.json.id);
			await server.end('SIGKILL');
			assert.ok(statSync(`${path}.sock`).isSocket(), 'the socket is left behind');
			const users = await songhe(['user', 'list', '--store', store, '--json']);
			assert.equal(users.code, 0, users.stderr);
			assert.equal(JSON.parse(users.stdout).items.length, 5);
		}
		const server = await serve(t, store);
		assert.deepEqual(faults(await newest(server, cookie), acknowledged), []);
	});

	test('a file deep in the tree has its socket too', async (t) => {
		const directory = join(temporaryDirectory(), 'a'.repeat(100), 'b'.repeat(100));
		mkdirSync(directory, { recursive: true });
		const store = await storeAt(join(directory, 'songhe.db'));
		await serve(t, store);
		const users = await songhe(['user', 'list', '--store', store, '--json']);
		assert.equal(users.code, 0, users.stderr);
	});
}

function onDatabase() {
	test('two servers on one database: what one acknowledges the other shows and tells', async (t) => {
		const store = await smallStore();
		const servers = [await serve(t, store), await serve(t, store)];
		const cookie = await signIn(servers[0], 'bureau');
		const feeds = await Promise.all(servers.map((server) => listen(server, cookie)));
		const acknowledged = new Map();
		await Promise.all(servers.flatMap((server, s) => Array.from({ length: 4 }, async (_, w) => {
			for (let n = 0; n < 25; n++) {
				const answer = await post(server, cookie, `s${s}w${w}n${n}`);
				assert.equal(answer.status, 201, answer.text);
				acknowledged.set(`s${s}w${w}n${n}`, answer.json.id);
			}
		})));
		for (const server of servers)
			assert.deepEqual(faults(await newest(server, cookie), acknowledged), []);
		const ids = [...acknowledged.values()].sort();
		for (const feed of feeds) {
			await until('the feed tells everything', () => feed.events.length >= ids.length);
			assert.deepEqual(feed.events.map(({ data }) => data.id).sort(), ids, 'each change once');
			feed.close();
		}
		await servers[0].end('SIGKILL');
		assert.equal((await post(servers[1], cookie, 'alone')).status, 201);
		assert.deepEqual(await servers[1].end(), { code: 0, signal: null });
		assert.equal((await verify(store)).ok, true);
	});

	test('a client that changes servers hears each change once, whichever of them has read further', async (t) => {
		const store = await smallStore();
		const servers = [await serve(t, store), await serve(t, store)];
		const cookie = await signIn(servers[0], 'bureau');
		let writes = true, heard = [], made = [], feed = await listen(servers[0], cookie);
		const writing = (async () => {
			for (let n = 0; writes; n++)
				made.push((await post(servers[0], cookie, `n${n}`)).json.id);
		})();
		for (let turn = 1; turn <= 60; turn++) {
			const now = heard.length;
			await until('it hears something', () => heard.length + feed.events.length > now + 1);
			feed.close();
			heard.push(...feed.events);
			feed = await listen(servers[turn % 2], cookie, heard.at(-1).pos);
		}
		writes = false;
		await writing;
		await until('it has heard all', () => heard.length + feed.events.length >= made.length);
		feed.close();
		heard.push(...feed.events);
		assert.deepEqual(heard.map(({ data }) => data.id), [...new Set(heard.map(({ data }) => data.id))], 'none twice');
		assert.deepEqual(heard.map(({ data }) => data.id).sort(), made.sort());
	});

	test('commands work beside a server', async (t) => {
		const store = await smallStore();
		const server = await serve(t, store);
		const cookie = await signIn(server, 'bureau');
		const feed = await listen(server, cookie);
		const file = join(temporaryDirectory(), 'ledger.csv');
		writeFileSync(file, 'name,sex,born_on,area\n旁边导入,male,1940-01-01,370613001011\n');
		const imported = await songhe(['import', 'elders', file, '--store', store, '--json']);
		assert.equal(imported.code, 0, imported.stderr);
		await until('the server tells it to its listeners', () => feed.events.length === 1);
		feed.close();
		assert.ok((await newest(server, cookie)).some(({ name }) => name === '旁边导入'));
	});
}

if (onSqlite)
	onFile();
else
	onDatabase();
