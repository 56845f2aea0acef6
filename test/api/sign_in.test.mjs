// SPDX-License-Identifier: Apache-2.0
// sign_in.test.mjs - passwords as the policy has them, locks, sessions, tokens of programs, one-time codes.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Server, TestClock, assertProblem, cleanUp, demoStore, eventually, newElder, onSqlite, openHouse, password, run } from '../harness.mjs';

const [MINUTE, DAY] = [60000, 86400000];
let house;
let made = 0;

const nameOf = () => `s${++made}-${Math.random().toString(36).slice(2, 8)}`;

/** Makes an account and gives it. */
async function add(more = {}, admin = house.admin) {
	const got = await admin.post('/api/v1/users', { user: nameOf(), role: 'street', areas: ['370613001'], password, ...more });
	assert.equal(got.status, 201, got.text);
	return got.json;
}

/** Changes the policy of a house. */
async function decide(admin, values) {
	const { version } = (await admin.get('/api/v1/policy')).json;
	const got = await admin.patch('/api/v1/policy', values, version);
	assert.equal(got.status, 200, got.text);
	return got.json;
}

const login = (server, user, secret = password, code = undefined) => server.client().post('/api/v1/login', { user, password: secret, code });

before(async () => {
	house = await openHouse();
});
after(cleanUp);

describe('policy', () => {
	test('tells what holds, and takes what may hold', async () => {
		const { admin } = house;
		const got = await admin.get('/api/v1/policy');
		assert.equal(got.headers.etag, '"1"');
		assert.deepEqual(got.json, { version: 1, profile: 'asvs', password_days: 0, password_history: 0, lock_minutes: 5, session_idle_minutes: 30,
			session_hours: 12, separation: false, second_factor: 'optional', second_factor_roles: [], decided: [] });
		for (const [wish, pointer] of [[{ profile: 'lax' }, '/profile'], [{ password_days: -1 }, '/password_days'], [{ password_days: 366 }, '/password_days'],
			[{ lock_minutes: '5' }, '/lock_minutes'], [{ lock_minutes: 0 }, '/lock_minutes'], [{ session_hours: 25 }, '/session_hours'], [{ separation: 1 }, '/separation'],
			[{ second_factor_roles: ['emperor'] }, '/second_factor_roles'], [{ second_factor_roles: 'street' }, '/second_factor_roles'], [{ colour: 'red' }, '/colour']])
			assertProblem(await admin.patch('/api/v1/policy', wish, 1), 422, 'invalid', pointer);
		/* A long name is cut between two characters, not in one. */
		assertProblem(await admin.patch('/api/v1/policy', { [`a${'键'.repeat(25)}`]: 1 }, 1), 422, 'invalid', `/a${'键'.repeat(19)}`);
		assertProblem(await admin.request('PATCH', '/api/v1/policy', { body: {} }), 428, 'precondition_required');
		assertProblem(await admin.patch('/api/v1/policy', {}, 2), 412, 'stale');
		assertProblem(await house.bureau.get('/api/v1/policy'), 403, 'forbidden');
		assertProblem(await house.auditor.patch('/api/v1/policy', {}, 1), 403, 'forbidden');
		const keeper = await house.server.as((await add({ role: 'administrator' })).user);
		assertProblem(await keeper.patch('/api/v1/policy', { lock_minutes: 1 }, 1), 403, 'forbidden');
		const now = await decide(admin, { lock_minutes: 7, second_factor_roles: ['street', 'bureau'] });
		assert.deepEqual([now.version, now.lock_minutes, now.second_factor_roles, now.decided],
			[2, 7, ['bureau', 'street'], ['lock_minutes', 'second_factor_roles']]);
		const back = await decide(admin, { lock_minutes: null, second_factor_roles: null });
		assert.deepEqual([back.version, back.lock_minutes, back.decided], [3, 5, []]);
		const lines = await eventually(async () => {
			const own = (await house.auditor.all('/api/v1/journal')).filter((line) => line.resource === 'policy');
			return own.length === 2 && own;
		}, 'the lines of the policy');
		assert.deepEqual(lines.map((line) => line.changes),
			[{ lock_minutes: [5, 7], second_factor_roles: [[], ['bureau', 'street']] }, { lock_minutes: [7, 5], second_factor_roles: [['bureau', 'street'], []] }]);
	});

	test('limits of sessions hold at once, also for those that are open', async () => {
		const clock = new TestClock();
		const server = await Server.start(await demoStore({ elders: 3 }), { clock });
		const [admin, one] = [await server.as('admin'), await server.as('street1')];
		const stream = await one.events();
		clock.forward(8 * MINUTE);
		assert.equal((await admin.get('/api/v1/me')).status, 200);
		await decide(admin, { session_idle_minutes: 5 });
		assertProblem(await one.get('/api/v1/me'), 401, 'not_signed_in');
		await eventually(() => stream.ended, 'the stream of a session that was idle for too long', 5000);
		const two = await server.as('street1');
		clock.forward(4 * MINUTE);
		assert.equal((await two.get('/api/v1/me')).status, 200);
		clock.forward(5 * MINUTE + 1);
		assertProblem(await two.get('/api/v1/me'), 401, 'not_signed_in');
		const again = await server.as('admin');
		await decide(again, { session_idle_minutes: 720, session_hours: 2 });
		clock.forward(119 * MINUTE);
		assert.equal((await again.get('/api/v1/me')).status, 200);
		clock.forward(2 * MINUTE);
		assertProblem(await again.get('/api/v1/me'), 401, 'not_signed_in');
		assert.equal(await server.stop(), 0);
	});

	if (!onSqlite)
		test('reaches every server of the database', async () => {
			const second = await Server.start(house.store);
			const target = await add();
			const there = await second.as(target.user);
			assert.equal((await there.get('/api/v1/me')).json.must, null);
			await decide(house.admin, { second_factor: 'required', second_factor_roles: ['street'] });
			await eventually(async () => (await there.get('/api/v1/elders')).json.code === 'second_factor_required', 'the policy at the other server', 5000);
			await decide(house.admin, { second_factor: null, second_factor_roles: null });
			await eventually(async () => (await there.get('/api/v1/elders')).status === 200, 'the policy of before at the other server', 5000);
			assert.equal(await second.stop(), 0);
		});
});

describe('passwords', () => {
	const refused = async (secret, code, user = nameOf()) => {
		const got = await house.admin.post('/api/v1/users', { user, role: 'street', password: secret });
		const { errors } = assertProblem(got, 422, 'invalid', '/password');
		assert.deepEqual(errors.map((error) => error.code), [code], secret);
	};

	test('eight characters of any kind, but not common, and not the user\'s name', async () => {
		for (const secret of ['short 7', '松鹤延年', '松鹤延年长寿平', '', 7, null, ['a long password']])
			await refused(secret, 'bad_password');
		await refused('x'.repeat(257), 'bad_password');
		for (const secret of ['password', 'PASSWORD', 'Password1', '12345678', 'qwertyuiop', 'woaini1314', 'Admin@123', '88888888', 'iloveyou'])
			await refused(secret, 'common_password');
		await refused('songwei-2024', 'contains_user_name', 'songwei');
		await refused('my SongWei pass', 'contains_user_name', 'songwei');
		await refused('songwei27', 'contains_user_name', 'songwei27');
		await refused('我叫王小明同志你好', 'contains_user_name', '王小明同志');
		const named = await add();
		assertProblem(await house.admin.patch(`/api/v1/users/${named.id}`, { user: 'zhangsan27', password: 'zhangsan27 and more' }, 1), 422, 'invalid', '/password');
		for (const secret of ['lilililili', '松鹤延年长寿平安', 'only small letters', '一'.repeat(85), 'x'.repeat(256)])
			await house.server.as((await add({ user: `li${++made}`, password: secret })).user, secret);
	});

	test('one changes one\'s own, which ends the other sessions', async () => {
		const { user } = await add();
		const [here, elsewhere] = [await house.server.as(user), await house.server.as(user)];
		const [stream, other] = [await here.events(), await elsewhere.events()];
		const change = (old, fresh) => here.post('/api/v1/me/password', { old, new: fresh });
		for (const [old, fresh, pointer, code] of [['not it', 'a fresh password', '/old', 'wrong_password'], [undefined, 'a fresh password', '/old', 'required'],
			[password, undefined, '/new', 'required'], [password, 'short', '/new', 'bad_password'], [password, 'password', '/new', 'common_password'],
			[password, password, '/new', 'password_used_before']])
			assert.deepEqual(assertProblem(await change(old, fresh), 422, 'invalid').errors.map((error) => [error.pointer, error.code]), [[pointer, code]]);
		const got = await change(password, 'a fresh password');
		assert.deepEqual([got.status, got.text], [204, '']);
		assert.equal((await here.get('/api/v1/me')).json.version, 2);
		assertProblem(await elsewhere.get('/api/v1/me'), 401, 'not_signed_in');
		assertProblem(await login(house.server, user), 401, 'wrong_credentials');
		await house.server.as(user, 'a fresh password');
		await eventually(() => other.ended, 'the stream of the session elsewhere', 5000);
		assert.ok(!stream.ended);
		stream.close();
		assertProblem(await house.nobody.post('/api/v1/me/password', { old: 'x', new: 'a fresh password' }), 401, 'not_signed_in');
	});

	test('the old one is not guessed in a session either', async () => {
		const { user } = await add();
		const client = await house.server.as(user);
		for (let tries = 0; tries < 5; tries++)
			assertProblem(await client.post('/api/v1/me/password', { old: `guess ${tries}`, new: 'a fresh password' }), 422, 'invalid', '/old');
		assertProblem(await client.post('/api/v1/me/password', { old: password, new: 'a fresh password' }), 429, 'rate_limited');
		assertProblem(await login(house.server, user), 429, 'rate_limited');
	});

	test('in the profile dengbao: three kinds, ninety days, none of the last five, ten minutes of lock', async () => {
		const clock = new TestClock();
		const server = await Server.start(await demoStore({ elders: 3 }), { clock });
		const admin = await server.as('admin');
		const policy = await decide(admin, { profile: 'dengbao', separation: false });
		assert.deepEqual([policy.password_days, policy.password_history, policy.lock_minutes, policy.separation], [90, 5, 10, false]);
		for (const secret of ['only small letters', 'ONLY CAPITAL ONES', 'letters123', 'LETTERS123', '1234567890!'])
			assertProblem(await admin.post('/api/v1/users', { user: 'zhou', role: 'street', password: secret }), 422, 'invalid', '/password');
		const first = 'Number 0 of six';
		const { user, id } = await add({ password: first }, admin);
		let client = await server.as(user, first);
		for (let n = 1; n <= 5; n++)
			assert.equal((await client.post('/api/v1/me/password', { old: `Number ${n - 1} of six`, new: `Number ${n} of six` })).status, 204);
		for (let n = 1; n <= 5; n++)
			assertProblem(await client.post('/api/v1/me/password', { old: 'Number 5 of six', new: `Number ${n} of six` }), 422, 'invalid', '/new');
		assertProblem(await admin.patch(`/api/v1/users/${id}`, { password: 'Number 4 of six' }, 6), 422, 'invalid', '/password');
		assert.equal((await client.post('/api/v1/me/password', { old: 'Number 5 of six', new: first })).status, 204);

		clock.forward(90 * DAY);
		client = await server.as(user, first);
		assert.equal((await client.get('/api/v1/elders')).status, 200, 'the ninetieth day is one of them');
		clock.forward(1000);
		const late = await login(server, user, first);
		assert.deepEqual([late.status, late.json.must], [200, 'change_password']);
		client.cookie = late.headers['set-cookie'][0].split(';')[0];
		for (const path of ['/api/v1/elders', '/api/v1/areas', '/api/v1/events', '/api/v1/sessions', '/api/v1/tokens'])
			assertProblem(await client.get(path), 403, 'password_expired');
		assertProblem(await client.post('/api/v1/tokens', { name: 'x', until: '2099-01-01' }), 403, 'password_expired');
		assertProblem(await client.post('/api/v1/elders', newElder()), 403, 'password_expired');
		assertProblem(await client.post('/api/v1/me/totp'), 403, 'password_expired');
		assert.equal((await client.get('/api/v1/me')).json.must, 'change_password');
		assert.equal((await client.post('/api/v1/me/password', { old: first, new: 'Number 7 of six' })).status, 204);
		assert.equal((await client.get('/api/v1/elders')).status, 200);

		for (let tries = 0; tries < 5; tries++)
			assertProblem(await login(server, user, `guess ${tries}`), 401, 'wrong_credentials');
		const locked = assertProblem(await login(server, user, 'Number 7 of six'), 429, 'rate_limited') && await login(server, user);
		assert.ok(Number(locked.headers['retry-after']) > 9 * 60, locked.headers['retry-after']);
		clock.forward(9 * MINUTE);
		assertProblem(await login(server, user, 'Number 7 of six'), 429, 'rate_limited');
		clock.forward(MINUTE + 1);
		await server.as(user, 'Number 7 of six');
		assert.equal(await server.stop(), 0);
	});

	test('an administrator sees a lock and lifts it', async () => {
		const one = await add();
		const path = `/api/v1/users/${one.id}`;
		assert.equal((await house.admin.get(path)).json.locked_until, null);
		for (let tries = 0; tries < 5; tries++)
			assertProblem(await login(house.server, one.user, 'guess'), 401, 'wrong_credentials');
		assertProblem(await login(house.server, one.user), 429, 'rate_limited');
		const seen = (await house.admin.get(`/api/v1/users?user=${one.user}`)).json.items[0];
		assert.ok(Date.parse(seen.locked_until) > Date.now());
		assertProblem(await house.auditor.post(`${path}/unlock`), 403, 'forbidden');
		const got = await house.admin.post(`${path}/unlock`);
		assert.deepEqual([got.status, got.json.locked_until], [200, null]);
		await house.server.as(one.user);
		assertProblem(await house.admin.post('/api/v1/users/1/unlock'), 404, 'not_found');
		await eventually(async () => (await house.auditor.all('/api/v1/journal')).some((line) => line.id === one.id && line.action === 'unlock'), 'its line');
		for (let tries = 0; tries < 5; tries++)
			await login(house.server, one.user, 'guess');
		assertProblem(await login(house.server, one.user), 429, 'rate_limited');
		const done = await run(['user', 'unlock', one.user, '--store', house.store]);
		assert.equal(done.code, 0, done.stderr);
		await eventually(async () => (await login(house.server, one.user)).status === 200, 'the lock to be lifted', 5000);
	});
});

describe('sessions', () => {
	const agent = (name) => ({ headers: { 'User-Agent': name } });

	test('one sees one\'s own, and ends them', async () => {
		const one = await add();
		const clients = [];
		for (const name of ['first/1', '第二'.repeat(100), '']) {
			const client = house.server.client();
			const got = await client.post('/api/v1/login', { user: one.user, password }, agent(Buffer.from(name).toString('latin1')));
			client.cookie = got.headers['set-cookie'][0].split(';')[0];
			clients.push(client);
		}
		const { items } = (await clients[0].get('/api/v1/sessions')).json;
		assert.deepEqual(items.map((each) => [each.user, each.address, each.current]), [[one.id, '127.0.0.1', true], [one.id, '127.0.0.1', false], [one.id, '127.0.0.1', false]]);
		assert.deepEqual([items[0].agent, items[1].agent], ['first/1', '第二'.repeat(33)]);
		assert.equal(Date.parse(items[0].ends_at) - Date.parse(items[0].created_at), 12 * 60 * MINUTE);
		const stream = await clients[1].events();
		assert.equal((await clients[0].request('DELETE', `/api/v1/sessions/${items[1].id}`)).status, 204);
		assertProblem(await clients[1].get('/api/v1/me'), 401, 'not_signed_in');
		await eventually(() => stream.ended, 'the stream of a session that was ended', 5000);
		assert.equal((await clients[2].get('/api/v1/me')).status, 200);
		assertProblem(await clients[0].request('DELETE', `/api/v1/sessions/${items[1].id}`), 404, 'not_found');
		assert.deepEqual((await clients[2].get('/api/v1/sessions')).json.items.map((each) => each.current), [false, true]);
		const line = await eventually(async () => (await house.auditor.all('/api/v1/journal')).find((each) => each.id === one.id && each.action === 'end'), 'its line');
		assert.deepEqual([line.resource, line.changes], ['session', { session: [items[1].id, null] }]);
		/* One's last: then nothing is left. */
		assert.equal((await clients[0].request('DELETE', `/api/v1/sessions/${items[0].id}`)).status, 204);
		assertProblem(await clients[0].get('/api/v1/me'), 401, 'not_signed_in');
	});

	test('those of others are for who keeps accounts; for everybody else they do not exist', async () => {
		const one = await add();
		const client = await house.server.as(one.user);
		const [own] = (await client.get('/api/v1/sessions')).json.items;
		assertProblem(await house.bureau.get(`/api/v1/sessions?user=${one.id}`), 403, 'forbidden');
		assertProblem(await house.bureau.request('DELETE', `/api/v1/sessions/${own.id}`), 404, 'not_found');
		assertProblem(await house.auditor.request('DELETE', `/api/v1/sessions/${own.id}`), 404, 'not_found');
		assertProblem(await house.admin.get('/api/v1/sessions?user=x'), 400, 'bad_request');
		assertProblem(await house.admin.get('/api/v1/sessions?user=1'), 404, 'not_found');
		for (const who of [house.admin, house.auditor]) {
			const [seen] = (await who.get(`/api/v1/sessions?user=${one.id}`)).json.items;
			assert.deepEqual([seen.id, seen.current], [own.id, false]);
		}
		assert.equal((await house.admin.request('DELETE', `/api/v1/sessions/${own.id}`)).status, 204);
		assertProblem(await client.get('/api/v1/me'), 401, 'not_signed_in');
	});

	if (!onSqlite)
		test('one that is ended is over at every server of the database', async () => {
			const second = await Server.start(house.store);
			const one = await add();
			const client = await house.server.as(one.user);
			const there = second.client();
			there.cookie = client.cookie;
			assert.equal((await there.get('/api/v1/me')).status, 200);
			const [own] = (await client.get('/api/v1/sessions')).json.items;
			assert.equal((await house.admin.request('DELETE', `/api/v1/sessions/${own.id}`)).status, 204);
			await eventually(async () => (await there.get('/api/v1/me')).status === 401, 'the end of the session at the other server', 5000);
			assert.equal(await second.stop(), 0);
		});
});

describe('tokens', () => {
	const day = (offset = 30) => new Date(Date.now() + 8 * 60 * MINUTE + offset * DAY).toISOString().slice(0, 10);
	const bearer = (token) => ({ cookie: null, headers: { Authorization: `Bearer ${token}` } });
	const create = async (client, more = {}) => {
		const got = await client.post('/api/v1/tokens', { name: '数据接口', until: day(), ...more });
		assert.equal(got.status, 201, got.text);
		return got.json;
	};

	test('a program works with one, as far as its account and itself may', async () => {
		const one = await add();
		const client = await house.server.as(one.user);
		const all = await create(client), few = await create(client, { name: '只读', permissions: ['elder.read'] });
		assert.match(all.token, /^songhe_[A-Za-z0-9_-]{43}$/);
		assert.equal(all.permissions, null);
		const { nobody } = house;
		const [mine] = (await client.get('/api/v1/elders?limit=1')).json.items;
		for (const { token } of [all, few]) {
			assert.equal((await nobody.get(`/api/v1/elders/${mine.id}`, bearer(token))).status, 200);
			assert.equal((await nobody.get('/api/v1/me', bearer(token))).json.user, one.user);
		}
		assert.deepEqual((await nobody.get('/api/v1/me', bearer(few.token))).json.permissions, ['elder.read']);
		/* No browser made it: where it says it comes from does not count. */
		const options = bearer(all.token);
		const made = await nobody.post('/api/v1/elders', newElder(), { ...options, headers: { ...options.headers, Origin: 'https://elsewhere.example', 'Sec-Fetch-Site': 'cross-site' } });
		assert.equal(made.status, 201, made.text);
		assertProblem(await nobody.post('/api/v1/elders', newElder(), bearer(few.token)), 403, 'forbidden');
		assertProblem(await nobody.get('/api/v1/facilities', bearer(few.token)), 403, 'forbidden');
		const line = await eventually(async () => (await house.auditor.all('/api/v1/journal')).find((each) => each.id === made.json.id), 'its line');
		assert.deepEqual([line.actor, line.channel], [one.user, 'api']);
		/* It is shown once, and the store does not have it. */
		const listed = await client.get('/api/v1/tokens');
		assert.deepEqual(listed.json.items.map((each) => [each.id, each.name, each.permissions]), [[all.id, '数据接口', null], [few.id, '只读', ['elder.read']]]);
		const journal = await house.auditor.all('/api/v1/journal');
		assert.ok(![listed.text, JSON.stringify(journal)].some((text) => text.includes(all.token.slice(7))));
		assert.deepEqual(journal.filter((each) => each.resource === 'token' && each.id === one.id).map((each) => [each.action, each.changes.name[1]]),
			[['create', '数据接口'], ['create', '只读']]);
	});

	test('rights that are taken are gone at once', async () => {
		const one = await add();
		const client = await house.server.as(one.user);
		const { token } = await create(client), { nobody } = house;
		const stream = await nobody.events(bearer(token));
		assert.equal((await nobody.get('/api/v1/elders', bearer(token))).status, 200);
		assert.equal((await house.admin.patch(`/api/v1/users/${one.id}`, { role: 'administrator' }, 1)).status, 200);
		assertProblem(await nobody.get('/api/v1/elders', bearer(token)), 403, 'forbidden');
		await eventually(() => stream.ended, 'the stream with the rights of before', 5000);
		assert.equal((await house.admin.patch(`/api/v1/users/${one.id}`, { disabled: true }, 2)).status, 200);
		assertProblem(await nobody.get('/api/v1/me', bearer(token)), 401, 'not_signed_in');
	});

	test('ends by hand, by its last day, and with a password that was reset', async () => {
		const clock = new TestClock();
		const server = await Server.start(await demoStore({ elders: 3 }), { clock });
		const [admin, client] = [await server.as('admin'), await server.as('street1')];
		const nobody = server.client();
		const works = async (token) => (await nobody.get('/api/v1/me', bearer(token))).status === 200;
		const [one, two, three] = [await create(client, { until: day(0) }), await create(client), await create(client)];
		assert.equal((await client.request('DELETE', `/api/v1/tokens/${two.id}`)).status, 204);
		assert.deepEqual([await works(one.token), await works(two.token), await works(three.token)], [true, false, true]);
		assertProblem(await client.request('DELETE', `/api/v1/sessions/${three.id}`), 404, 'not_found');
		clock.set(Date.parse(`${day(0)}T23:59:59.999+08:00`));
		assert.equal(await works(one.token), true);
		clock.forward(1);
		assert.deepEqual([await works(one.token), await works(three.token)], [false, true]);
		const me = (await nobody.get('/api/v1/me', bearer(three.token))).json;
		const again = await server.as('street1');
		assert.equal((await again.post('/api/v1/me/password', { old: password, new: 'another long one' })).status, 204);
		assert.equal(await works(three.token), true, 'one\'s own new password is no reason');
		const keeper = await server.as('admin');
		assert.equal((await keeper.patch(`/api/v1/users/${me.id}`, { password: 'set by the keeper' }, 2)).status, 200);
		assert.equal(await works(three.token), false);
		assert.ok(admin);
		assert.equal(await server.stop(), 0);
	});

	test('what a new one must say', async () => {
		const client = await house.server.as((await add()).user);
		for (const [wish, pointer] of [[{ name: '' }, '/name'], [{ name: undefined }, '/name'], [{ name: '长'.repeat(61) }, '/name'], [{ until: undefined }, '/until'], [{ until: day(-1) }, '/until'],
			[{ until: day(368) }, '/until'], [{ until: '2027-02-30' }, '/until'], [{ permissions: ['user.write'] }, '/permissions'], [{ permissions: ['nothing'] }, '/permissions'],
			[{ permissions: 'elder.read' }, '/permissions'], [{ permissions: [7] }, '/permissions'], [{ colour: 'red' }, '/colour']])
			assertProblem(await client.post('/api/v1/tokens', { name: 'x', until: day(), ...wish }), 422, 'invalid', pointer);
		assertProblem(await client.post('/api/v1/tokens', { name: 'x', until: day(), [`a${'键'.repeat(25)}`]: 1 }), 422, 'invalid', `/a${'键'.repeat(19)}`);
		for (let n = 0; n < 20; n++)
			await create(client, { until: day(365) });
		assertProblem(await client.post('/api/v1/tokens', { name: 'x', until: day() }), 403, 'forbidden');
	});

	test('is no session of a person, and a session is no token', async () => {
		const client = await house.server.as((await add({ role: 'administrator' })).user);
		const { token, id } = await create(client), { nobody } = house;
		for (const [method, path] of [['POST', '/api/v1/tokens'], ['DELETE', `/api/v1/tokens/${id}`], ['DELETE', '/api/v1/sessions/1'], ['POST', '/api/v1/me/password'],
			['POST', '/api/v1/me/totp'], ['DELETE', '/api/v1/me/totp'], ['POST', '/api/v1/logout'], ['PATCH', '/api/v1/policy']])
			assertProblem(await nobody.request(method, path, { body: {}, ...bearer(token) }), 403, 'forbidden');
		/* Nor by way of the account, where the token may keep accounts. */
		const { id: own, version } = (await client.get('/api/v1/me')).json;
		assertProblem(await nobody.patch(`/api/v1/users/${own}`, { password: 'by the token itself' }, version, bearer(token)), 403, 'forbidden');
		assertProblem(await nobody.request('DELETE', `/api/v1/users/${own}/totp`, bearer(token)), 403, 'forbidden');
		const session = client.cookie.split('=')[1];
		for (const wrong of [session, token.slice(7), `${token}x`, token.slice(0, -1), '', 'songhe_', `songhe_${'A'.repeat(43)}`])
			assertProblem(await nobody.get('/api/v1/me', bearer(wrong)), 401, 'not_signed_in');
		for (const cookie of [`songhe=${token}`, `songhe=${token.slice(7)}`])
			assertProblem(await nobody.get('/api/v1/me', { cookie }), 401, 'not_signed_in');
		/* With one that is wrong the cookie does not count either. */
		assertProblem(await client.get('/api/v1/me', { headers: { Authorization: 'Bearer x' } }), 401, 'not_signed_in');
		assert.equal((await nobody.get('/api/v1/me', { headers: { Authorization: `bearer ${token}` } })).status, 200);
		assert.equal((await client.get('/api/v1/me', { headers: { Authorization: 'Basic eDp5' } })).status, 200);
	});

	test('many wrong ones are slowed down, and disturb none that is at work', async () => {
		const server = await Server.start(await demoStore({ elders: 3 }));
		const client = await server.as('street1');
		const { token } = await create(client);
		const nobody = server.client();
		assert.equal((await nobody.get('/api/v1/me', bearer(token))).status, 200);
		const wrong = (n) => `songhe_${String(n).padStart(43, 'w')}`;
		for (let n = 0; n < 60; n++)
			assertProblem(await nobody.get('/api/v1/me', bearer(wrong(n))), 401, 'not_signed_in');
		const got = await nobody.get('/api/v1/me', bearer(wrong(60)));
		assertProblem(got, 429, 'rate_limited');
		assert.ok(Number(got.headers['retry-after']) > 0);
		assert.equal((await nobody.get('/api/v1/me', bearer(token))).status, 200);
		assert.equal(await server.stop(), 0);
	});
});

describe('one-time codes', () => {
	/** RFC 6238, by ourselves. */
	function codeOf(secret, atMs) {
		const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
		const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
		const counter = Buffer.alloc(8);
		counter.writeBigUInt64BE(BigInt(Math.floor(atMs / 30000)));
		const mac = createHmac('sha1', key).update(counter).digest();
		return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
	}
	let clock, server, admin, auditor;

	/** A code that is none of now. */
	const wrongCode = (secret) => ['000000', '111111', '222222', '333333'].find((code) => ![-30000, 0, 30000].some((off) => codeOf(secret, clock.now + off) === code));

	/** Sets up codes for the client's account; the secret. */
	async function setUp(client) {
		const got = await client.post('/api/v1/me/totp');
		assert.equal(got.status, 201, got.text);
		const { secret } = got.json;
		assert.equal((await client.post('/api/v1/me/totp/confirm', { code: codeOf(secret, clock.now) })).status, 204);
		clock.forward(30000);
		return secret;
	}

	before(async () => {
		clock = new TestClock();
		server = await Server.start(await demoStore({ elders: 3 }), { clock });
		[admin, auditor] = [await server.as('admin'), await server.as('auditor')];
	});

	test('set up, confirmed, asked for, each taken once', async () => {
		const { user, id } = await add({ user: '王 / 明' }, admin);
		const client = await server.as(user);
		assertProblem(await client.post('/api/v1/me/totp/confirm', { code: '123456' }), 401, 'wrong_code');
		const got = await client.post('/api/v1/me/totp');
		assert.equal(got.status, 201, got.text);
		assert.match(got.json.secret, /^[A-Z2-7]{32}$/);
		const uri = new URL(got.json.uri);
		assert.deepEqual([uri.protocol, decodeURIComponent(uri.pathname), uri.searchParams.get('secret'), uri.searchParams.get('issuer'), uri.searchParams.get('period')],
			['otpauth:', `/Songhe:${user}`, got.json.secret, 'Songhe', '30']);
		assert.equal((await login(server, user)).status, 200, 'before it is confirmed nobody is asked for it');
		const { secret } = (await client.post('/api/v1/me/totp')).json;
		assert.notEqual(secret, got.json.secret);
		assertProblem(await client.post('/api/v1/me/totp/confirm', { code: codeOf(got.json.secret, clock.now) }), 401, 'wrong_code');
		assertProblem(await client.post('/api/v1/me/totp/confirm', {}), 422, 'invalid', '/code');
		assert.equal((await client.post('/api/v1/me/totp/confirm', { code: codeOf(secret, clock.now) })).status, 204);
		assert.equal((await client.get('/api/v1/me')).json.second_factor, true);
		assertProblem(await client.post('/api/v1/me/totp'), 409, 'duplicate');

		assertProblem(await login(server, user), 401, 'second_factor_needed');
		assertProblem(await login(server, user, 'not the password'), 401, 'wrong_credentials');
		assertProblem(await login(server, user, 'not the password', codeOf(secret, clock.now)), 401, 'wrong_credentials');
		assertProblem(await login(server, user, password, codeOf(secret, clock.now)), 401, 'wrong_code'); /* it has counted */
		clock.forward(30000);
		const code = codeOf(secret, clock.now);
		assert.equal((await login(server, user, password, code)).status, 200);
		assertProblem(await login(server, user, password, code), 401, 'wrong_code');
		assert.equal((await login(server, user, password, codeOf(secret, clock.now + 30000))).status, 200, 'a clock that is a step ahead');
		for (const odd of ['', '12345', '1234567', 'abcdef'])
			assertProblem(await login(server, user, password, odd), 401, 'wrong_code');
		assertProblem(await login(server, user, password, 123456), 422, 'invalid', '/code');
		const lines = await eventually(async () => {
			const own = (await auditor.all('/api/v1/journal')).filter((line) => line.id === id && line.action.startsWith('second_factor'));
			return own.length > 0 && own;
		}, 'its line');
		assert.deepEqual(lines.map((line) => [line.action, line.actor, line.changes]), [['second_factor_on', user, {}]]);
		assert.ok(!JSON.stringify(await auditor.all('/api/v1/journal')).includes(secret));
	});

	test('many tries at once with one code: it counts once', async () => {
		const { user } = await add({}, admin);
		const secret = await setUp(await server.as(user));
		const code = codeOf(secret, clock.now);
		const got = await Promise.all(Array.from({ length: 4 }, () => login(server, user, password, code)));
		assert.equal(got.filter((one) => one.status === 200).length, 1);
	});

	test('another secret at the same time: the one that is confirmed is the one whose code was given', async () => {
		const { user, id } = await add({}, admin);
		const client = await server.as(user);
		for (let round = 0; round < 40; round++) {
			const { secret } = (await client.post('/api/v1/me/totp')).json;
			const code = codeOf(secret, clock.now);
			const [confirmed, ...others] = await Promise.all([client.post('/api/v1/me/totp/confirm', { code }), client.post('/api/v1/me/totp'), client.post('/api/v1/me/totp')]);
			assert.ok(confirmed.status !== 204 || others.every((one) => one.status === 409), [confirmed, ...others].map((one) => one.status).join());
			if (confirmed.status === 204)
				assert.equal((await admin.request('DELETE', `/api/v1/users/${id}/totp`)).status, 204);
		}
	});

	test('to confirm one forgives no wrong password', async () => {
		const { user } = await add({}, admin);
		const client = await server.as(user);
		const guess = () => client.post('/api/v1/me/password', { old: 'a guess', new: 'a fresh password' });
		for (let tries = 0; tries < 4; tries++)
			assertProblem(await guess(), 422, 'invalid', '/old');
		await setUp(client);
		assertProblem(await guess(), 422, 'invalid', '/old');
		assertProblem(await guess(), 429, 'rate_limited');
	});

	test('codes are not guessed, and asking without one neither counts nor forgives', async () => {
		const { user } = await add({}, admin);
		const secret = await setUp(await server.as(user));
		for (let tries = 0; tries < 5; tries++) {
			assertProblem(await login(server, user, password, wrongCode(secret)), 401, 'wrong_code');
			if (tries < 4)
				assertProblem(await login(server, user), 401, 'second_factor_needed');
		}
		assertProblem(await login(server, user, password, codeOf(secret, clock.now)), 429, 'rate_limited');
	});

	test('is ended with the password, or by who keeps the account', async () => {
		const { user, id } = await add({}, admin);
		const client = await server.as(user);
		await setUp(client);
		assertProblem(await client.request('DELETE', '/api/v1/me/totp', { body: {} }), 422, 'invalid', '/password');
		assertProblem(await client.request('DELETE', '/api/v1/me/totp', { body: { password: 'not it' } }), 422, 'invalid', '/password');
		assert.equal((await client.request('DELETE', '/api/v1/me/totp', { body: { password } })).status, 204);
		await server.as(user);
		await setUp(client);
		assertProblem(await login(server, user), 401, 'second_factor_needed');
		assertProblem(await auditor.request('DELETE', `/api/v1/users/${id}/totp`), 403, 'forbidden');
		assert.equal((await admin.request('DELETE', `/api/v1/users/${id}/totp`)).status, 204);
		assertProblem(await admin.request('DELETE', `/api/v1/users/${id}/totp`), 404, 'not_found');
		await server.as(user);
		await setUp(client);
		const done = await run(['user', 'forget-codes', user, '--store', server.store]);
		assert.equal(done.code, 0, done.stderr);
		await server.as(user);
	});

	test('where the policy requires it, nothing else is done before', async () => {
		const [street, provider] = [await add({}, admin), await add({ role: 'bureau' }, admin)];
		const [open, free] = [await server.as(street.user), await server.as(provider.user)];
		await decide(admin, { second_factor: 'required', second_factor_roles: ['street'] });
		assertProblem(await open.get('/api/v1/elders'), 403, 'second_factor_required');
		assert.equal((await free.get('/api/v1/elders')).status, 200);
		const got = await login(server, street.user);
		assert.deepEqual([got.status, got.json.must], [200, 'set_up_second_factor']);
		assertProblem(await open.post('/api/v1/tokens', { name: 'x', until: '2099-01-01' }), 403, 'second_factor_required');
		const secret = await setUp(open);
		assert.equal((await open.get('/api/v1/elders')).status, 200);
		await decide(admin, { second_factor: 'off' });
		assert.equal((await login(server, street.user)).status, 200, 'nobody is asked where it is off');
		assertProblem(await free.post('/api/v1/me/totp'), 403, 'forbidden');
		await decide(admin, { second_factor: null, second_factor_roles: null });
		assertProblem(await login(server, street.user), 401, 'second_factor_needed');
		clock.forward(30000);
		assert.equal((await login(server, street.user, password, codeOf(secret, clock.now))).status, 200);
	});
});
