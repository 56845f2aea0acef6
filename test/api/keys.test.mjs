// SPDX-License-Identifier: Apache-2.0
// keys.test.mjs - the key file and the store's keys: who may read the file, what opens without it, rotate and rewrap.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Server, cleanUp, demoStore, emptyStore, eventually, newElder, onSqlite, password, psql, register, run, temporaryDirectory } from '../harness.mjs';

after(cleanUp);

const format = /^songhe-key 1 (aes|sm)\nid [0-9a-f]{16}\nkey [A-Za-z0-9_-]{43}\n$/;

/** A place for a store, with a key file of its own: { store, file, args }. */
async function ownPlace() {
	const file = join(temporaryDirectory(), 'own.key');
	const store = await emptyStore();
	return { store, file, args: ['--store', store, '--key-file', file] };
}

async function ownStore(more = []) {
	const place = await ownPlace();
	const made = await run(['demo', ...place.args, '--plan', 'laishan', '--elders', '3', '--password', password, ...more]);
	assert.equal(made.code, 0, made.stderr);
	return place;
}

async function sql(store, text) {
	if (!onSqlite)
		return psql(store, text);
	const got = await run([store.replace('sqlite:', ''), text], { bin: 'sqlite3' });
	assert.equal(got.code, 0, got.stderr);
	return got.stdout.trimEnd();
}

/** What needs the store's keys ends with 3 and says why; `verify`, which needs none, does not mind. */
async function assertShut({ store, file, args }, why, env) {
	const csv = join(temporaryDirectory(), 'ledger.csv');
	writeFileSync(csv, 'name,sex,born_on,area\n张三,male,1940-01-01,370613001011\n');
	const secret = existsSync(file) ? readFileSync(file, 'utf8').split('key ')[1]?.trim() : undefined;
	for (const command of [['user', 'list'], ['serve', '--listen', '127.0.0.1:0'], ['import', 'elders', csv], ['key', 'rotate']]) {
		const got = await run([...command, ...args], { env, deadlineMs: 20000 });
		assert.equal(got.code, 3, `${command}: ${got.stdout}${got.stderr}`);
		assert.equal(got.stdout, '');
		assert.match(got.stderr, why);
		assert.ok(!secret || !(got.stdout + got.stderr).includes(secret), `${command} shows the key`);
	}
	const verified = await run(['verify', '--store', store], { env });
	assert.equal(verified.code, 0, verified.stderr);
}

async function assertOpen({ args }, env) {
	const got = await run(['user', 'list', ...args], { env });
	assert.equal(got.code, 0, got.stderr);
}

describe('the key file', () => {
	test('is made with the store, for its owner alone, and told of', async () => {
		const place = await ownPlace();
		const made = await run(['init', ...place.args, '--plan', 'wuhua', '--password-stdin'], { input: password });
		assert.equal(made.code, 0, made.stderr);
		assert.ok(made.stderr.includes(place.file), made.stderr);
		const text = readFileSync(place.file, 'utf8');
		assert.match(text, format);
		assert.ok(text.startsWith('songhe-key 1 aes\n'));
		assert.ok(!made.stderr.includes(text.split('key ')[1].trim()));
		assert.equal(statSync(place.file).mode & 0o777, 0o600);
		await assertOpen(place);
	});

	test('lies beside a SQLite file; for PostgreSQL it must be named', async () => {
		const env = { SONGHE_KEY_FILE: '' };
		const store = await emptyStore();
		const made = await run(['demo', '--store', store, '--plan', 'laishan', '--elders', '1', '--password', password], { env });
		if (onSqlite) {
			assert.equal(made.code, 0, made.stderr);
			assert.match(readFileSync(`${store.replace('sqlite:', '')}.key`, 'utf8'), format);
			await assertOpen({ args: ['--store', store] }, env);
		} else {
			assert.equal(made.code, 3);
			assert.match(made.stderr, /--key-file FILE, or SONGHE_KEY_FILE/);
			await assertShut({ ...(await ownStore()), args: ['--store', store] }, /--key-file FILE, or SONGHE_KEY_FILE/, env);
		}
	});

	test('may be named in the environment; the command line comes first', async () => {
		const { store, file } = await ownStore();
		await assertOpen({ args: ['--store', store] }, { SONGHE_KEY_FILE: file });
		await assertOpen({ args: ['--store', store, '--key-file', file] }, { SONGHE_KEY_FILE: '/nonexistent' });
		await assertShut({ store, file, args: ['--store', store] }, /no key file \/nonexistent/, { SONGHE_KEY_FILE: '/nonexistent' });
	});

	test('may serve several stores, and is never written over', async () => {
		const { file } = await ownStore();
		const text = readFileSync(file, 'utf8');
		const store = await emptyStore();
		const made = await run(['demo', '--store', store, '--key-file', file, '--plan', 'laishan', '--elders', '1', '--password', password]);
		assert.equal(made.code, 0, made.stderr);
		assert.equal(readFileSync(file, 'utf8'), text);
		await assertOpen({ args: ['--store', store, '--key-file', file] });
	});

	test('without it nothing opens but verify; put back, everything does', async () => {
		const place = await ownStore();
		renameSync(place.file, `${place.file}.away`);
		await assertShut(place, /no key file .*own\.key/);
		assert.ok(!existsSync(place.file), 'another one was made');
		renameSync(`${place.file}.away`, place.file);
		await assertOpen(place);
	});

	test('another one, or a damaged one, opens nothing', async () => {
		const place = await ownStore();
		const text = readFileSync(place.file, 'utf8');
		const other = readFileSync((await ownStore()).file, 'utf8');
		writeFileSync(place.file, other);
		await assertShut(place, /does not open this store/);
		for (const damaged of ['', 'rubbish', text.slice(0, -10), text.replace('key ', 'key A'), text.replace('aes', 'des')]) {
			writeFileSync(place.file, damaged);
			await assertShut(place, /no key file of this program, or is damaged/);
		}
		writeFileSync(place.file, text);
		await assertOpen(place);
	});

	test('that others may read is refused, with what to do', async () => {
		const place = await ownStore();
		for (const mode of [0o640, 0o604, 0o644]) {
			chmodSync(place.file, mode);
			await assertShut(place, /chmod 600/);
		}
		chmodSync(place.file, 0o400);
		await assertOpen(place);
	});

	test('that cannot be made leaves no store that would need it', async () => {
		const { store } = await ownPlace();
		const place = { store, args: ['--store', store, '--key-file', join(temporaryDirectory(), 'no', 'such', 'own.key')] };
		const demo = ['demo', ...place.args, '--plan', 'laishan', '--elders', '1', '--password', password];
		const refused = await run(demo);
		assert.equal(refused.code, 3, refused.stderr);
		assert.match(refused.stderr, /cannot make the key file/);
		mkdirSync(join(place.args[3], '..'), { recursive: true });
		const made = await run(demo);
		assert.equal(made.code, 0, made.stderr);
		await assertOpen(place);
	});
});

describe('suites', () => {
	for (const suite of ['aes', 'sm'])
		test(`a store of suite ${suite} is served`, async () => {
			const place = await ownStore(['--suite', suite]);
			assert.ok(readFileSync(place.file, 'utf8').startsWith(`songhe-key 1 ${suite}\n`));
			assert.equal(await sql(place.store, 'SELECT DISTINCT suite FROM data_key'), suite);
			const server = await Server.start(place.store, { args: ['--key-file', place.file] });
			await register(await server.as('bureau'));
			assert.equal(await server.stop(), 0);
			assert.equal((await run(['key', 'rotate', ...place.args])).code, 0);
			await assertOpen(place);
		});

	test('the key file there already must be of the suite that is wanted', async () => {
		const { file } = await ownStore();
		const store = await emptyStore();
		const demo = ['demo', '--store', store, '--key-file', file, '--plan', 'laishan', '--elders', '1', '--password', password];
		const refused = await run([...demo, '--suite', 'sm']);
		assert.equal(refused.code, 3);
		assert.match(refused.stderr, /for --suite aes/);
		assert.equal((await run(demo)).code, 0);
	});

	test('there are two', async () => {
		const place = await ownPlace();
		const refused = await run(['demo', ...place.args, '--plan', 'laishan', '--elders', '1', '--password', password, '--suite', 'des']);
		assert.equal(refused.code, 2);
	});
});

describe('the store\'s keys', () => {
	const seals = (store) => sql(store, 'SELECT count(*) FROM data_key WHERE purpose = \'seal\'');

	test('rotate adds a version and tells the journal', async () => {
		const place = await ownStore();
		const got = await run(['key', 'rotate', ...place.args]);
		assert.equal(got.code, 0, got.stderr);
		assert.equal(got.stdout, 'version 2 seals what is written from now on\n');
		assert.deepEqual(JSON.parse((await run(['key', 'rotate', ...place.args, '--json'])).stdout), { version: 3 });
		assert.equal(await seals(place.store), '3');
		const server = await Server.start(place.store, { args: ['--key-file', place.file] });
		const auditor = await server.as('auditor');
		const lines = await eventually(async () => {
			const all = (await auditor.all('/api/v1/journal')).filter((line) => line.resource === 'data_key');
			return all.length >= 2 && all;
		}, 'both lines have their place');
		assert.deepEqual(lines.map((line) => [line.action, line.id, line.channel]), [['rotate', '2', 'local'], ['rotate', '3', 'local']]);
		await server.stop();
		assert.equal((await run(['verify', '--store', place.store])).code, 0);
	});

	test('beside a server: on PostgreSQL it goes on, on SQLite it must be stopped first', async () => {
		const place = await ownStore();
		const server = await Server.start(place.store, { args: ['--key-file', place.file] });
		const got = await run(['key', 'rotate', ...place.args]);
		assert.equal(got.code, onSqlite ? 4 : 0, got.stderr);
		await register(await server.as('bureau'));
		assert.equal(await server.stop(), 0);
		assert.equal(await seals(place.store), onSqlite ? '1' : '2');
	});

	test('rewrap takes another key file, and the old one opens nothing any more', async () => {
		const place = await ownStore();
		const next = join(temporaryDirectory(), 'next.key');
		await run(['key', 'rotate', ...place.args]);
		const got = await run(['key', 'rewrap', ...place.args, '--new-key-file', next]);
		assert.equal(got.code, 0, got.stderr);
		const id = readFileSync(next, 'utf8').split('\n')[1].replace('id ', '');
		assert.ok(got.stdout.includes(id), got.stdout);
		assert.equal(statSync(next).mode & 0o777, 0o600);
		await assertShut(place, new RegExp(`wrapped under key ${id}`));
		const after = { ...place, args: ['--store', place.store, '--key-file', next] };
		await assertOpen(after);
		assert.equal((await run(['key', 'rotate', ...after.args])).code, 0);
		assert.equal(await seals(place.store), '3');
	});

	test('rewrap refuses a file that is not fit, and changes nothing', async () => {
		const place = await ownStore();
		const { file: other } = await ownStore(['--suite', 'sm']);
		const exposed = (await ownStore()).file;
		chmodSync(exposed, 0o644);
		for (const next of [other, exposed, '/nonexistent/next.key']) {
			const got = await run(['key', 'rewrap', ...place.args, '--new-key-file', next]);
			assert.equal(got.code, 1, got.stderr);
			assert.notEqual(got.stderr, '');
		}
		await assertOpen(place);
	});

	test('what cannot be understood is 2', async () => {
		const place = await ownStore();
		for (const words of [['key'], ['key', 'dance'], ['key', 'rewrap'], ['key', 'rotate', 'twice']])
			assert.equal((await run([...words, ...place.args])).code, 2, words.join(' '));
	});

	/* As an earlier program left it. */
	test('a store without keys gets them when it is next served', async () => {
		const store = await demoStore({ elders: 3 });
		await sql(store, 'DELETE FROM data_key');
		assert.equal((await run(['verify', '--store', store])).code, 0);
		const server = await Server.start(store);
		const bureau = await server.as('bureau');
		assert.equal((await bureau.post('/api/v1/elders', newElder())).status, 201);
		await server.stop();
		assert.equal(await seals(store), '1');
	});
});
