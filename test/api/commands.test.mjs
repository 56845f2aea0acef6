// SPDX-License-Identifier: Apache-2.0
// commands.test.mjs - init, serve, demo, import, user, verify: what they do, what they say, how they exit.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Server, assertProblem, cleanUp, demoStore, emptyStore, eventually, filterOf, newElder, onSqlite, password, program, register, released, run,
	temporaryDirectory } from '../harness.mjs';

after(cleanUp);

const secret = 'operator secret 9';
const columns = ['name', 'id_card', 'sex', 'born_on', 'area'];

function csvFile(rows) {
	const path = join(temporaryDirectory(), 'ledger.csv');
	writeFileSync(path, `${columns.join(',')}\n${rows.map((row) => columns.map((name) => row[name]).join(',')).join('\n')}\n`);
	return path;
}

describe('help and usage', () => {
	test('--help tells the commands and exit codes', async () => {
		const got = await run(['--help'], { bin: released });
		assert.equal(got.code, 0);
		for (const word of ['init', 'serve', 'demo', 'import', 'job', 'user', 'key', 'verify', '--store', '--key-file', 'exit'])
			assert.ok(got.stdout.includes(word), word);
		assert.equal(got.stderr, '');
	});

	for (const command of ['init', 'serve', 'demo', 'import', 'job', 'user', 'key', 'verify'])
		test(`${command} --help tells about it and needs no store`, async () => {
			const got = await run([command, '--help'], { bin: released });
			assert.deepEqual([got.code, got.stderr], [0, '']);
			assert.match(got.stdout, new RegExp(`^songhe ${command}`));
		});

	test('what cannot be understood is 2, on the error output', async () => {
		const store = await emptyStore();
		for (const args of [[], ['dance'], ['serve'], ['serve', '--store'], ['serve', '--nonsense', '--store', store], ['verify'], ['import', '--store', store],
			['import', 'people', 'x.csv', '--store', store], ['import', 'elders', '/nonexistent.csv', '--store', store], ['user', '--store', store],
			['user', 'dance', '--store', store], ['user', 'add', '--store', store], ['demo', '--store', store], ['demo', '--store', store, '--plan', 'atlantis', '--password', password],
			['demo', '--store', store, '--plan', 'laishan', '--elders', 'many', '--password', password], ['demo', '--store', store, '--plan', 'laishan', '--password', 'short'],
			['init', '--store', store, '--plan', 'laishan']]) {
			const got = await run(args);
			assert.equal(got.code, 2, `${args.join(' ')}: ${got.stdout}${got.stderr}`);
			assert.equal(got.stdout, '', args.join(' '));
			assert.notEqual(got.stderr, '', args.join(' '));
		}
	});

	test('the released program has no clock of its own', async () => {
		const store = await demoStore({ elders: 1 });
		const got = await run(['verify', '--store', store, '--test-clock', '/dev/null'], { bin: released });
		assert.equal(got.code, 2);
	});

	test('no store is 3', async () => {
		const missing = onSqlite ? `sqlite:${join(temporaryDirectory(), 'none.db')}` : (await emptyStore());
		for (const args of [['serve', '--listen', '127.0.0.1:0'], ['verify'], ['user', 'list'], ['import', 'elders', csvFile([newElder()])]]) {
			const got = await run([...args, '--store', missing]);
			assert.equal(got.code, 3, `${args.join(' ')}: ${got.stderr}`);
		}
		if (onSqlite) {
			assert.ok(!existsSync(missing.replace('sqlite:', '')), 'looking made a file');
		} else {
			assert.equal((await run(['verify', '--store', 'postgresql:///nobody_made_this?host=/nonexistent'])).code, 3);
		}
		assert.ok([2, 3].includes((await run(['verify', '--store', 'mysql://x'])).code));
	});

	test('a file that is no store is 3', async () => {
		const path = join(temporaryDirectory(), 'letter.txt');
		writeFileSync(path, 'This is no database. '.repeat(500));
		for (const args of [['verify'], ['user', 'list'], ['serve', '--listen', '127.0.0.1:0']]) {
			const got = await run([...args, '--store', `sqlite:${path}`], { deadlineMs: 10000 });
			assert.equal(got.code, 3, `${args.join(' ')}: ${got.stderr}`);
		}
	});
});

describe('init and demo', () => {
	test('a password that nobody could sign in with is refused', async () => {
		for (const wrong of ['short', 'x'.repeat(257), 'x'.repeat(5000)]) {
			const made = await run(['init', '--store', await emptyStore(), '--plan', 'wuhua', '--password-stdin'], { input: `${wrong}\n` });
			assert.equal(made.code, 2, made.stdout);
		}
	});

	test('init makes a district with an administrator, who is told the rest by command', async () => {
		const store = await emptyStore();
		const made = await run(['init', '--store', store, '--plan', 'wuhua', '--password-stdin', '--json'], { input: `${secret}\n` });
		assert.equal(made.code, 0, made.stderr);
		assert.equal(JSON.parse(made.stdout).district, '五华区');
		assert.equal((await run(['init', '--store', store, '--plan', 'wuhua', '--password-stdin'], { input: secret })).code, 1);
		const added = await run(['user', 'add', 'chief', '--role', 'bureau', '--area', '530102', '--name', '局长', '--password-stdin', '--store', store], { input: secret });
		assert.equal(added.code, 0, added.stderr);
		const server = await Server.start(store);
		const admin = await server.as('admin', secret);
		assert.deepEqual((await admin.get('/api/v1/me')).json.roles, ['administrator']);
		const chief = await server.as('chief', secret);
		assert.deepEqual((await chief.get('/api/v1/elders')).json.items, []);
		assert.ok((await chief.all('/api/v1/areas')).some((area) => area.level === 'community'));
		/* Outside a demo, an ID card of no real area is refused. */
		const problem = assertProblem(await chief.post('/api/v1/elders', newElder({ area: '530102' })), 422, 'invalid', '/id_card');
		assert.equal(problem.errors[0].code, 'bad_id_card_area');
	});

	test('the same seed gives the same people, another seed others', async () => {
		const people = async (seed) => {
			const server = await Server.start(await demoStore({ elders: 40, seed }));
			const list = await (await server.as('bureau')).all('/api/v1/elders?sort=born_on');
			await server.stop();
			return JSON.stringify(list.map(({ id, created_at, updated_at, ...rest }) => rest).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
		};
		const [one, same, other] = [await people(7), await people(7), await people(8)];
		assert.equal(one, same);
		assert.notEqual(one, other);
	});

	for (const plan of ['laishan', 'wuhua', 'tianning', 'changning', 'ningbo'])
		test(`the demo of ${plan} can be signed in to by all`, async () => {
			const server = await Server.start(await demoStore({ plan, elders: 30 }));
			for (const user of ['admin', 'bureau', 'street1', 'community1', 'auditor'])
				await server.as(user);
			assert.equal((await (await server.as('bureau')).get('/api/v1/elders?total=1')).json.total, 30);
			assert.equal(await server.stop(), 0);
		});

	test('demo says what it made, in words or as JSON, and makes it once', async () => {
		const store = await emptyStore();
		const args = ['demo', '--store', store, '--plan', 'laishan', '--elders', '3', '--seed', '1', '--password', password];
		const made = await run([...args, '--json']);
		assert.equal(made.code, 0, made.stderr);
		assert.equal(JSON.parse(made.stdout).elders, 3);
		assert.equal((await run(args)).code, 1);
	});
});

describe('serve', () => {
	test('says its address first, answers, and stops at a signal with 0', async () => {
		const server = await Server.start(await demoStore({ elders: 3 }), { bin: released });
		assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
		assert.equal((await server.client().get('/readyz')).status, 200);
		assert.equal(await server.stop(), 0);
	});

	test('off loopback without TLS or a proxy it refuses to start', async () => {
		const store = await demoStore({ elders: 1 });
		const refused = async (args) => {
			const got = await run(['serve', '--store', store, ...args], { deadlineMs: 10000 });
			assert.equal(got.code, 2, `${args.join(' ')}: ${got.stdout}${got.stderr}`);
			return got.stderr;
		};
		for (const listen of ['0.0.0.0:0', '[::]:0', '192.0.2.1:0'])
			assert.match(await refused(['--listen', listen]), /tls-cert|behind-proxy/);
		for (const listen of ['127.0.0.1', 'localhost:x', ':0', 'nowhere.invalid:0'])
			await refused(['--listen', listen]);
		await refused(['--listen', '127.0.0.1:0', '--threads', '0']);
		await refused(['--listen', '127.0.0.1:0', '--tls-cert', '/nonexistent']);
		await refused(['--listen', '127.0.0.1:0', '--behind-proxy', 'a name']);
	});

	test('a port beyond 65535 is refused, not folded into another', async () => {
		const store = await demoStore({ elders: 1 });
		assert.equal((await run(['serve', '--store', store, '--listen', '127.0.0.1:99999'], { deadlineMs: 5000 })).code, 2);
	});

	test('behind a proxy it listens to that one only, and marks its cookie as secure', async () => {
		const store = await demoStore({ elders: 1 });
		const server = await Server.start(store, { args: ['--behind-proxy', '127.0.0.1'], listen: '0.0.0.0:0' });
		server.url = server.url.replace('0.0.0.0', '127.0.0.1');
		const got = await server.client().post('/api/v1/login', { user: 'bureau', password });
		assert.equal(got.status, 200);
		assert.match(got.headers['set-cookie'][0], /^__Host-songhe=.*; Secure/);
		assert.ok(got.headers['strict-transport-security']);
		await server.stop();
		const closed = await Server.start(store, { args: ['--behind-proxy', '192.0.2.7'], listen: '0.0.0.0:0' });
		closed.url = closed.url.replace('0.0.0.0', '127.0.0.1');
		await assert.rejects(closed.client().get('/livez'));
	});

	test('with certificate files it speaks TLS, and reads new ones at SIGHUP', async () => {
		const directory = temporaryDirectory();
		const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
		const make = (name) => execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
			'-keyout', key, '-out', cert], { stdio: 'ignore' });
		make('first.test');
		const server = await Server.start(await demoStore({ elders: 1 }), { args: ['--tls-cert', cert, '--tls-key', key], listen: '0.0.0.0:0' });
		assert.match(server.url, /^https:/);
		const { port } = new URL(server.url);
		const nameSeen = () => new Promise((resolve, reject) => {
			https.get({ host: '127.0.0.1', port, path: '/livez', rejectUnauthorized: false, agent: false }, (response) => {
				const { subject } = response.socket.getPeerCertificate();
				response.resume();
				response.on('end', () => resolve([response.statusCode, subject.CN]));
			}).on('error', reject);
		});
		assert.deepEqual(await nameSeen(), [200, 'first.test']);
		make('second.test');
		server.child.kill('SIGHUP');
		await eventually(async () => (await nameSeen())[1] === 'second.test', 'the new certificate');
		writeFileSync(cert, 'no certificate');
		server.child.kill('SIGHUP');
		await eventually(() => /tls|certificate/i.test(server.log.split('read again').at(-1)), 'a word about the bad certificate');
		assert.deepEqual(await nameSeen(), [200, 'second.test']);
		assert.equal(await server.stop(), 0);
	});

	test('started again by SIGUSR2, the socket and the sessions go on', async () => {
		const server = await Server.start(await demoStore({ elders: 3 }));
		const bureau = await server.as('bureau');
		server.child.kill('SIGUSR2');
		let answered = 0;
		for (let i = 0; i < 200; i++) {
			const got = await bureau.get('/api/v1/me', { headers: { Connection: 'close' } });
			assert.equal(got.status, 200);
			answered++;
		}
		assert.equal(answered, 200);
		assert.ok(server.running);
		assert.equal(await server.stop(), 0);
	});
});

describe('beside a running server', () => {
	test('a second server on the same file exits with 4; on PostgreSQL two share the work', async () => {
		const store = await demoStore({ elders: 3 });
		const server = await Server.start(store);
		if (onSqlite) {
			const got = await run(['serve', '--store', store, '--listen', '127.0.0.1:0']);
			assert.equal(got.code, 4, got.stderr);
			assert.match(got.stderr, /holds/);
		} else {
			const second = await Server.start(store);
			const elder = await register(await server.as('bureau'));
			assert.equal((await (await second.as('bureau')).get(`/api/v1/elders/${elder.id}`)).json.name, elder.name);
			await second.stop();
		}
		assert.equal((await server.client().get('/readyz')).status, 200);
	});

	test('import and user are carried out, journalled and heard of', async () => {
		const store = await demoStore({ elders: 3 });
		const server = await Server.start(store);
		const bureau = await server.as('bureau');
		const auditor = await server.as('auditor');
		const stream = await bureau.events();
		const rows = Array.from({ length: 120 }, (_, i) => newElder({ name: `旁路${i}` }));
		const imported = await run(['import', 'elders', csvFile([...rows, newElder({ name: '', area: '1' })]), '--store', store, '--json']);
		assert.equal(imported.code, 1, imported.stderr);
		const counts = JSON.parse(imported.stdout);
		assert.deepEqual([counts.rows, counts.accepted, counts.rejected], [121, 120, 1]);
		await eventually(() => stream.list.length >= 120, 'the events of the rows');
		const clean = await run(['import', 'elders', csvFile([newElder()]), '--store', store]);
		assert.deepEqual([clean.code, clean.stdout], [0, '1 rows, 1 accepted, 0 rejected, 1 created, 0 changed, 0 same, 0 claimed\n']);
		const added = await run(['user', 'add', 'late', '--role', 'street', '--area', '370613001', '--password-stdin', '--store', store], { input: secret });
		assert.equal(added.code, 0, added.stderr);
		const late = await server.as('late', secret);
		assert.ok((await late.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, '旁路7'] })}`)).json.items.length === 1);
		assert.equal((await run(['user', 'add', 'late', '--role', 'street', '--password-stdin', '--store', store], { input: secret })).code, 1);
		assert.equal((await run(['user', 'add', 'x', '--role', 'emperor', '--password-stdin', '--store', store], { input: secret })).code, 1);
		assert.equal((await run(['user', 'password', 'late', '--password-stdin', '--store', store], { input: 'another secret 1' })).code, 0);
		await eventually(async () => (await late.get('/api/v1/me')).status === 401, 'the old session to end');
		const again = await server.as('late', 'another secret 1');
		assert.equal((await run(['user', 'disable', 'late', '--store', store])).code, 0);
		await eventually(async () => (await again.get('/api/v1/me')).status === 401, 'the disabled session to end');
		assert.equal((await run(['user', 'disable', 'nobody', '--store', store])).code, 1);
		const list = await run(['user', 'list', '--store', store, '--json']);
		const late2 = JSON.parse(list.stdout).items.find((one) => one.user === 'late');
		assert.deepEqual([late2.disabled, late2.roles], [true, ['street']]);
		assert.ok(!list.stdout.includes('argon2'));
		const line = (await auditor.all('/api/v1/journal')).find((one) => one.resource === 'user' && one.id === late2.id);
		assert.equal(line.channel, 'local');
		stream.close();
	});

	test('without a server they do the same by themselves', async () => {
		const store = await demoStore({ elders: 3 });
		assert.equal((await run(['import', 'elders', csvFile([newElder({ name: '独行' })]), '--store', store])).code, 0);
		assert.equal((await run(['import', 'facilities', csvFile([newElder()]), '--store', store])).code, 1);
		assert.equal((await run(['user', 'password', 'street1', '--password-stdin', '--store', store], { input: secret })).code, 0);
		assert.equal((await run(['verify', '--store', store])).code, 0);
		const server = await Server.start(store, { bin: program });
		assert.equal((await (await server.as('bureau')).get(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, '独行'] })}`)).json.items.length, 1);
		await server.as('street1', secret);
	});

	test('a server that was killed leaves nothing in the way', async () => {
		const store = await demoStore({ elders: 3 });
		const first = await Server.start(store);
		const elder = await register(await first.as('bureau'));
		await first.kill();
		assert.equal((await run(['user', 'list', '--store', store])).code, 0);
		const second = await Server.start(store);
		assert.equal((await (await second.as('bureau')).get(`/api/v1/elders/${elder.id}`)).status, 200);
		assert.equal((await run(['verify', '--store', store])).code, 0);
	});
});
