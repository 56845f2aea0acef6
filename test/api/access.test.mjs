// SPDX-License-Identifier: Apache-2.0
// access.test.mjs - signing in, roles, areas: who sees what, and who may not even learn that it exists.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Server, TestClock, assertProblem, cleanUp, demoStore, eventually, filterOf, newElder, onSqlite, openHouse,
	password, register, run } from '../harness.mjs';

const MINUTE = 60000;
const STREET = '370613001000000';
const inStreet = (area) => area !== null && area.startsWith('370613001');
let house;
let other; // a community of another street
let away; // an elder who lives there

before(async () => {
	house = await openHouse();
	const areas = await house.bureau.all(`/api/v1/areas?${filterOf({ '==': [{ var: 'parent' }, '370613002'] })}`);
	other = areas[0].number;
	away = await register(house.bureau, { area: other, name: '彼处独有之名', address: '彼处独有之址一号' });
});
after(cleanUp);

describe('signing in', () => {
	test('every demo account signs in with its role and areas', async () => {
		const roles = { admin: 'administrator', bureau: 'bureau', street1: 'street', community1: 'community', auditor: 'auditor' };
		for (const [user, role] of Object.entries(roles)) {
			const client = house.nobody;
			const got = await client.post('/api/v1/login', { user, password });
			assert.equal(got.status, 200);
			assert.equal(got.json.user, user);
			assert.deepEqual(got.json.roles, [role]);
			assert.equal(got.json.areas.length, 1);
			const me = await house[user].get('/api/v1/me');
			assert.equal(me.status, 200);
			assert.equal(me.json.user, user);
			assert.deepEqual(me.json.roles, [role]);
			assert.deepEqual(me.json.areas, got.json.areas);
			assert.ok(me.json.name && me.json.district);
		}
	});

	test('the cookie cannot be read by scripts or sent by other sites', async () => {
		const got = await house.nobody.post('/api/v1/login', { user: 'bureau', password });
		const [cookie] = got.headers['set-cookie'];
		assert.match(cookie, /^songhe=[A-Za-z0-9_-]{20,};/);
		for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/'])
			assert.ok(cookie.includes(attribute), cookie);
		assert.ok(!got.text.includes(cookie.split(/[=;]/)[1]), 'the token is in the body');
	});

	test('a wrong password and an unknown user get the same answer', async () => {
		const wrong = await house.nobody.post('/api/v1/login', { user: 'community1', password: 'not this one' });
		const unknown = await house.nobody.post('/api/v1/login', { user: 'nobody-at-all', password: 'not this one' });
		assertProblem(wrong, 401, 'wrong_credentials');
		assert.equal(unknown.status, 401);
		assert.equal(unknown.text, wrong.text);
		assert.equal(wrong.headers['set-cookie'], undefined);
	});

	test('missing, empty and ill-typed credentials are named', async () => {
		assertProblem(await house.nobody.post('/api/v1/login', {}), 422, 'invalid', '/user');
		assertProblem(await house.nobody.post('/api/v1/login', { user: 'bureau' }), 422, 'invalid', '/password');
		assertProblem(await house.nobody.post('/api/v1/login', { user: 7, password: [] }), 422, 'invalid', '/password');
		assertProblem(await house.nobody.post('/api/v1/login', { user: '', password: '' }), 422, 'invalid', '/user');
		assertProblem(await house.nobody.post('/api/v1/login', { user: 'x'.repeat(3000), password }), 422, 'invalid', '/user');
		assertProblem(await house.nobody.post('/api/v1/login', { user: 'bureau', password: 'x'.repeat(3000) }), 422, 'invalid', '/password');
	});

	test('SQL in the credentials is just a wrong password', async () => {
		for (const user of ["bureau' --", "' OR 1=1 --", 'bureau"; DROP TABLE account; --', '%', 'bureau\n'])
			assertProblem(await house.nobody.post('/api/v1/login', { user, password: "' OR '1'='1" }), 401, 'wrong_credentials');
		await house.server.as('bureau');
	});

	test('without a session everything but the open pages is 401', async () => {
		for (const path of ['/api/v1/me', '/api/v1/elders', '/api/v1/elders/1', '/api/v1/facilities', '/api/v1/areas',
			'/api/v1/users', '/api/v1/journal', '/api/v1/events', '/metrics'])
			assertProblem(await house.nobody.get(path), 401, 'not_signed_in');
		for (const path of ['/api/v1/elders', '/api/v1/facilities', '/api/v1/users', '/api/v1/logout'])
			assertProblem(await house.nobody.post(path, {}), 401, 'not_signed_in');
		assertProblem(await house.nobody.post('/api/v1/elders/import', 'name\nx\n', { type: 'text/csv' }), 401, 'not_signed_in');
		assertProblem(await house.nobody.patch('/api/v1/elders/1', {}, 1), 401, 'not_signed_in');
		assertProblem(await house.nobody.end('/api/v1/elders/1', 1), 401, 'not_signed_in');
		for (const path of ['/', '/livez', '/readyz'])
			assert.equal((await house.nobody.get(path)).status, 200);
	});

	test('a made-up, cut or repeated cookie signs nobody in', async () => {
		const token = house.bureau.cookie.split('=')[1];
		for (const value of ['', 'x', 'A'.repeat(token.length), token.slice(1), `${token}A`, token.toLowerCase(), '%00'])
			assertProblem(await house.nobody.get('/api/v1/me', { cookie: `songhe=${value}` }), 401, 'not_signed_in');
		assertProblem(await house.nobody.get('/api/v1/me', { cookie: `other=${token}` }), 401, 'not_signed_in');
	});

	test('signing out ends that session and no other of the same user', async () => {
		const one = await house.server.as('street1');
		const two = await house.server.as('street1');
		const got = await one.post('/api/v1/logout');
		assert.equal(got.status, 204);
		assert.equal(got.text, '');
		assert.match(got.headers['set-cookie'][0], /^songhe=;.*Max-Age=0/);
		assertProblem(await one.get('/api/v1/me'), 401, 'not_signed_in');
		assertProblem(await one.get('/api/v1/elders'), 401, 'not_signed_in');
		assert.equal((await two.get('/api/v1/me')).status, 200);
	});

	test('signing out ends the session, whatever else is asked with it at that moment', async () => {
		for (let round = 0; round < 40; round++) {
			const one = await house.server.as('street1');
			const ask = () => one.get('/api/v1/me').then((got) => assert.ok(got.status === 200 || got.status === 401, got.text));
			const beside = Array.from({ length: 4 }, ask);
			const out = one.post('/api/v1/logout').then((got) => got.status === 204);
			for (let left = false; !left; left = await Promise.race([out, ask().then(() => false)]))
				beside.push(ask(), ask());
			await Promise.all(beside);
			assertProblem(await one.get('/api/v1/me'), 401, 'not_signed_in');
		}
	});

	if (!onSqlite)
		test('signing out ends the session at every server of the database', async () => {
			const second = await Server.start(house.store);
			const one = await house.server.as('street1');
			const there = second.client();
			there.cookie = one.cookie;
			assert.equal((await there.get('/api/v1/me')).status, 200);
			assert.equal((await one.post('/api/v1/logout')).status, 204);
			await eventually(async () => (await there.get('/api/v1/me')).status === 401, 'the end of the session at the other server', 5000);
			assert.equal(await second.stop(), 0);
		});

	test('signing out ends the event stream of that session', async () => {
		const one = await house.server.as('street1');
		const stream = await one.events();
		await one.post('/api/v1/logout');
		const elder = await register(house.street1);
		const witness = await house.street1.events({ lastEventId: stream.lastId });
		await witness.until((event) => event.data.id === elder.id);
		await eventually(() => stream.ended, 'the stream of a session that has ended', 5000);
		assert.ok(!stream.list.some((event) => event.data.id === elder.id), 'an ended session still hears of changes');
		stream.close();
		witness.close();
	});
});

describe('time', () => {
	test('sessions end after 30 idle minutes and after 12 hours; guessing is slowed down', async () => {
		const clock = new TestClock();
		const server = await Server.start(await demoStore({ elders: 5 }), { clock });

		const idle = await server.as('bureau');
		clock.forward(29 * MINUTE);
		assert.equal((await idle.get('/api/v1/me')).status, 200);
		clock.forward(29 * MINUTE);
		assert.equal((await idle.get('/api/v1/me')).status, 200, 'use keeps a session alive');
		clock.forward(31 * MINUTE);
		assertProblem(await idle.get('/api/v1/me'), 401, 'not_signed_in');
		assertProblem(await idle.get('/api/v1/me'), 401, 'not_signed_in');

		const busy = await server.as('bureau');
		for (let minutes = 0; minutes < 12 * 60; minutes += 20) {
			assert.equal((await busy.get('/api/v1/me')).status, 200, `after ${minutes} minutes of use`);
			clock.forward(20 * MINUTE);
		}
		clock.forward(MINUTE);
		assertProblem(await busy.get('/api/v1/me'), 401, 'not_signed_in');

		const guesser = server.client();
		for (let tries = 0; tries < 5; tries++)
			assertProblem(await guesser.post('/api/v1/login', { user: 'street1', password: `guess ${tries}` }), 401, 'wrong_credentials');
		for (const secret of ['guess 6', password]) {
			const got = await guesser.post('/api/v1/login', { user: 'street1', password: secret });
			assertProblem(got, 429, 'rate_limited');
			const wait = Number(got.headers['retry-after']);
			assert.ok(Number.isInteger(wait) && wait > 0 && wait <= 301, `Retry-After: ${got.headers['retry-after']}`);
		}
		await server.as('community1');
		clock.forward(5 * MINUTE + 1000);
		await server.as('street1');
	});

	test('an event stream ends with its session, and is no use of it', async () => {
		const clock = new TestClock();
		const server = await Server.start(await demoStore({ elders: 5 }), { clock });
		const old = await server.as('street1');
		const oldStream = await old.events();
		for (let minutes = 0; minutes < 11 * 60 + 40; minutes += 20) {
			clock.forward(20 * MINUTE);
			assert.equal((await old.get('/api/v1/me')).status, 200);
		}
		const [idle, busy] = [await server.as('street1'), await server.as('street1')];
		const [idleStream, busyStream] = [await idle.events(), await busy.events()];
		clock.forward(15 * MINUTE);
		assert.equal((await busy.get('/api/v1/me')).status, 200);
		assert.equal((await old.get('/api/v1/me')).status, 200);
		assert.ok(!oldStream.ended);
		clock.forward(16 * MINUTE);
		await eventually(() => idleStream.ended, 'the end of a stream whose session was idle', 20000);
		await eventually(() => oldStream.ended, 'the end of a stream whose session is twelve hours old', 20000);
		const elder = await register(busy);
		await busyStream.until((event) => event.data.id === elder.id);
		assert.equal(await server.stop(), 0);
	});

	test('guesses for users that do not exist are slowed down all the same', async () => {
		for (let tries = 0; tries < 5; tries++)
			assertProblem(await house.nobody.post('/api/v1/login', { user: 'ghost', password: 'x' }), 401, 'wrong_credentials');
		assertProblem(await house.nobody.post('/api/v1/login', { user: 'ghost', password: 'x' }), 429, 'rate_limited');
	});

	test('tries under other names give no more tries', async () => {
		/* Names that a hash without a key puts together. */
		const fnv = (name) => [...Buffer.from(name)].reduce((hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 1099511628211n),
			14695981039346656037n);
		const others = Array.from({ length: 20000 }, (_, n) => `other${n}`).filter((name) => (fnv(name) - fnv('victim')) % 1024n === 0n);
		assert.ok(others.length > 5);
		const guess = (user) => house.nobody.post('/api/v1/login', { user, password: 'x' });
		for (let tries = 0; tries < 5; tries++) {
			assertProblem(await guess('victim'), 401, 'wrong_credentials');
			assertProblem(await guess(others[tries]), 401, 'wrong_credentials');
		}
		assertProblem(await guess('victim'), 429, 'rate_limited');
	});

	test('many tries at once are no more than one after the other', async () => {
		const got = await Promise.all(Array.from({ length: 40 }, () => house.nobody.post('/api/v1/login', { user: 'hasty', password: 'x' })));
		assert.deepEqual([401, 429].map((status) => got.filter((one) => one.status === status).length), [5, 35]);
		assertProblem(await house.nobody.post('/api/v1/login', { user: 'hasty', password: 'x' }), 429, 'rate_limited');
	});

	test('signing in begins the count anew, and many may do so at once', async () => {
		for (let round = 0; round < 3; round++) {
			for (let tries = 0; tries < 4; tries++)
				assertProblem(await house.nobody.post('/api/v1/login', { user: 'auditor', password: 'x' }), 401, 'wrong_credentials');
			await house.server.as('auditor');
		}
		await Promise.all(Array.from({ length: 20 }, () => eventually(async () => {
			const got = await house.nobody.post('/api/v1/login', { user: 'auditor', password });
			if (got.status === 429)
				assert.equal(got.headers['retry-after'], '1', 'those under way are right: there is little to wait for');
			return got.status === 200;
		}, 'one of many to sign in')));
	});

	test('a session outlives a restart of the server', async () => {
		const store = await demoStore({ elders: 5 });
		const first = await Server.start(store);
		const client = await first.as('street1');
		assert.equal(await first.stop(), 0);
		const second = await Server.start(store);
		client.url = second.url;
		assert.equal((await client.get('/api/v1/me')).json.user, 'street1');
	});
});

describe('roles', () => {
	test('the administrator keeps accounts and sees no elder', async () => {
		const { admin } = house;
		for (const path of ['/api/v1/elders', `/api/v1/elders/${away.id}`, '/api/v1/elders/1', '/api/v1/facilities', '/api/v1/journal', '/metrics'])
			assertProblem(await admin.get(path), 403, 'forbidden');
		assertProblem(await admin.post('/api/v1/elders', newElder()), 403, 'forbidden');
		assertProblem(await admin.patch(`/api/v1/elders/${away.id}`, { name: 'x' }, 1), 403, 'forbidden');
		assertProblem(await admin.end(`/api/v1/elders/${away.id}`, 1), 403, 'forbidden');
		assertProblem(await admin.post('/api/v1/elders/import', 'name\nx\n', { type: 'text/csv' }), 403, 'forbidden');
		assert.equal((await admin.get('/api/v1/users')).status, 200);
	});

	test('the auditor reads everything and changes nothing', async () => {
		const { auditor } = house;
		for (const path of ['/api/v1/elders', `/api/v1/elders/${away.id}`, '/api/v1/facilities', '/api/v1/areas', '/api/v1/users',
			'/api/v1/journal', '/metrics'])
			assert.equal((await auditor.get(path)).status, 200, path);
		assertProblem(await auditor.post('/api/v1/elders', newElder()), 403, 'forbidden');
		assertProblem(await auditor.patch(`/api/v1/elders/${away.id}`, { name: 'x' }, 1), 403, 'forbidden');
		assertProblem(await auditor.end(`/api/v1/elders/${away.id}`, 1), 403, 'forbidden');
		assertProblem(await auditor.post('/api/v1/facilities', {}), 403, 'forbidden');
		assertProblem(await auditor.post('/api/v1/users', {}), 403, 'forbidden');
		assertProblem(await auditor.post('/api/v1/elders/import', 'name\nx\n', { type: 'text/csv' }), 403, 'forbidden');
		assert.equal((await house.bureau.get(`/api/v1/elders/${away.id}`)).json.version, 1);
	});

	test('journal, accounts and metrics are closed to those who keep the ledgers', async () => {
		for (const user of ['bureau', 'street1', 'community1'])
			for (const path of ['/api/v1/journal', '/api/v1/users', '/metrics'])
				assertProblem(await house[user].get(path), 403, 'forbidden');
	});
});

describe('areas', () => {
	test('street1 lists its street and nothing else', async () => {
		const everybody = await house.bureau.all('/api/v1/elders');
		const expected = everybody.filter((elder) => inStreet(elder.area) || inStreet(elder.hukou_area)).map((elder) => elder.id).sort();
		const seen = (await house.street1.all('/api/v1/elders')).map((elder) => elder.id).sort();
		assert.ok(seen.length > 0 && seen.length < everybody.length);
		assert.deepEqual(seen, expected);
		const facilities = await house.bureau.all('/api/v1/facilities');
		const own = (await house.street1.all('/api/v1/facilities')).map((facility) => facility.id).sort();
		assert.deepEqual(own, facilities.filter((facility) => inStreet(facility.area)).map((facility) => facility.id).sort());
		assert.ok(own.length > 0 && own.length < facilities.length);
	});

	test('no filter, sort or total reaches out of the street', async () => {
		const { street1 } = house;
		for (const condition of [{ within: [{ var: 'area' }, '370613002'] }, { '==': [{ var: 'area' }, other] },
			{ or: [{ '==': [{ var: 'name' }, away.name] }, { '==': [{ var: 'id' }, away.id] }] }, { '==': [{ var: 'id' }, away.id] },
			{ '!': { within: [{ var: 'area' }, STREET] } }])
			for (const elder of await street1.all(`/api/v1/elders?${filterOf(condition)}`))
				assert.ok(inStreet(elder.area) || inStreet(elder.hukou_area), JSON.stringify(elder));
		const total = (await street1.get('/api/v1/elders?total=1&limit=1')).json.total;
		assert.equal(total, (await street1.all('/api/v1/elders')).length);
	});

	test('a cursor made by the bureau shows the street nothing more', async () => {
		const { next } = (await house.bureau.get('/api/v1/elders?limit=1')).json;
		const page = await house.street1.get(`/api/v1/elders?limit=200&cursor=${next}`);
		for (const elder of page.json.items)
			assert.ok(inStreet(elder.area) || inStreet(elder.hukou_area));
	});

	test('community1 sees less than street1', async () => {
		const [own] = (await house.community1.get('/api/v1/me')).json.areas;
		const street = (await house.street1.all('/api/v1/elders'));
		const community = (await house.community1.all('/api/v1/elders'));
		const expected = street.filter((elder) => elder.area === own || elder.hukou_area === own).map((elder) => elder.id).sort();
		assert.deepEqual(community.map((elder) => elder.id).sort(), expected);
		assert.ok(community.length < street.length);
		const neighbour = street.find((elder) => elder.area !== own && elder.hukou_area !== own);
		assertProblem(await house.community1.get(`/api/v1/elders/${neighbour.id}`), 404, 'not_found');
	});

	test('the area tree ends at one\'s own areas', async () => {
		for (const area of await house.street1.all('/api/v1/areas'))
			assert.ok(inStreet(area.number), area.number);
		assert.equal((await house.street1.get(`/api/v1/areas/${STREET}`)).json.level, 'street');
		assertProblem(await house.street1.get(`/api/v1/areas/${other}`), 404, 'not_found');
		assertProblem(await house.street1.get('/api/v1/areas/370613000000000'), 404, 'not_found');
	});

	test('another street\'s record and one that does not exist cannot be told apart', async () => {
		const facility = (await house.bureau.all('/api/v1/facilities')).find((one) => !inStreet(one.area));
		for (const [resource, real] of [['elders', away], ['facilities', facility]]) {
			const none = String(BigInt(real.id) + 12345n);
			for (const ask of [(id) => house.street1.get(`/api/v1/${resource}/${id}`),
				(id) => house.street1.patch(`/api/v1/${resource}/${id}`, { name: '改名' }, real.version),
				(id) => house.street1.patch(`/api/v1/${resource}/${id}`, { name: '改名' }, 99),
				(id) => house.street1.patch(`/api/v1/${resource}/${id}`, { name: '', unknown: 1 }, real.version),
				(id) => house.street1.end(`/api/v1/${resource}/${id}`, real.version)]) {
				const foreign = await ask(real.id), missing = await ask(none);
				assertProblem(foreign, 404, 'not_found');
				assert.equal(foreign.text, missing.text);
				delete foreign.headers.date;
				delete missing.headers.date;
				assert.deepEqual(foreign.headers, missing.headers);
			}
			assert.deepEqual((await house.bureau.get(`/api/v1/${resource}/${real.id}`)).json.version, real.version);
		}
	});

	test('nothing is created in or moved to another street', async () => {
		const { street1 } = house;
		for (const area of [other, '370613002', '370613000000000', '370613']) {
			const problem = assertProblem(await street1.post('/api/v1/elders', newElder({ area })), 422, 'invalid', '/area');
			assert.equal(problem.errors.find((error) => error.pointer === '/area').code, 'out_of_scope');
		}
		const problem = assertProblem(await street1.post('/api/v1/facilities', { name: '食堂', kind: 'canteen', area: other }), 422, 'invalid', '/area');
		assert.equal(problem.errors[0].code, 'out_of_scope');
		const mine = await register(street1);
		assertProblem(await street1.patch(`/api/v1/elders/${mine.id}`, { area: other }, 1), 422, 'invalid', '/area');
		assert.equal((await street1.get(`/api/v1/elders/${mine.id}`)).json.version, 1);
	});

	test('who is only registered here by hukou is seen, and kept elsewhere', async () => {
		const elder = await register(house.bureau, { area: other, hukou_area: '370613001011' });
		assert.equal((await house.street1.get(`/api/v1/elders/${elder.id}`)).json.name, elder.name);
		assertProblem(await house.street1.patch(`/api/v1/elders/${elder.id}`, { name: '改' }, 1), 403, 'forbidden');
		assertProblem(await house.street1.end(`/api/v1/elders/${elder.id}`, 1), 403, 'forbidden');
		assertProblem(await house.street1.patch(`/api/v1/elders/${elder.id}`, { area: '370613001011' }, 1), 403, 'forbidden');
		assert.equal((await house.bureau.get(`/api/v1/elders/${elder.id}`)).json.version, 1);
	});

	test('an ID card registered in another street is refused without a word about that record', async () => {
		const person = newElder({ area: other, name: '秘而不宣', address: '绝不外泄之地', phone: '13812345678' });
		const there = (await house.bureau.post('/api/v1/elders', person)).json;
		const again = { ...person, name: '另一人', address: null, phone: null, area: '370613001011' };
		const got = await house.street1.post('/api/v1/elders', again);
		assertProblem(got, 409, 'registered_elsewhere');
		for (const secret of [there.id, person.name, person.address, other, other.slice(0, 9), '5678', person.id_card.slice(-4)])
			assert.ok(!got.text.includes(secret), `${secret} in ${got.text}`);
		const mine = await register(house.street1, { id_card: null, sex: person.sex, born_on: person.born_on });
		assertProblem(await house.street1.patch(`/api/v1/elders/${mine.id}`, { id_card: person.id_card }, 1), 409, 'registered_elsewhere');
		assert.equal((await house.street1.get(`/api/v1/elders/${mine.id}`)).json.version, 1);
		/* In one's own area the record is named. */
		const own = await register(house.street1, { ...newElder() });
		assert.ok(own.id);
		const twice = newElder();
		const first = (await house.street1.post('/api/v1/elders', twice)).json;
		assert.ok(assertProblem(await house.street1.post('/api/v1/elders', twice), 409, 'duplicate').detail.includes(first.id));
	});
});

describe('accounts', () => {
	const account = (more = {}) => ({ user: `u${Math.random().toString(36).slice(2, 10)}`, name: '新同事', role: 'street', areas: ['370613002'],
		password: 'a long enough one', ...more });

	test('the administrator adds somebody, who signs in and sees their own street only', async () => {
		const wish = account();
		const got = await house.admin.post('/api/v1/users', wish);
		assert.equal(got.status, 201, got.text);
		assert.equal(got.headers.location, `/api/v1/users/${got.json.id}`);
		assert.equal(got.headers.etag, '"1"');
		assert.deepEqual([got.json.user, got.json.roles, got.json.areas], [wish.user, ['street'], ['370613002000000']]);
		assert.ok(!got.text.includes('argon2') && !got.text.includes(wish.password));
		const client = await house.server.as(wish.user, wish.password);
		const seen = await client.all('/api/v1/elders');
		assert.ok(seen.length > 0);
		for (const elder of seen)
			assert.ok(elder.area.startsWith('370613002') || elder.hukou_area?.startsWith('370613002'));
		assert.ok((await house.auditor.get('/api/v1/users')).json.items.some((one) => one.user === wish.user));
	});

	test('a disabled account is out at once, with its streams', async () => {
		const wish = account();
		const made = (await house.admin.post('/api/v1/users', wish)).json;
		const client = await house.server.as(wish.user, wish.password);
		const stream = await client.events();
		const got = await house.admin.patch(`/api/v1/users/${made.id}`, { disabled: true }, 1);
		assert.equal(got.status, 200, got.text);
		assert.equal(got.headers.etag, '"2"');
		assertProblem(await client.get('/api/v1/elders'), 401, 'not_signed_in');
		assertProblem(await house.nobody.post('/api/v1/login', { user: wish.user, password: wish.password }), 401, 'wrong_credentials');
		await eventually(() => stream.ended, 'the stream of a disabled account');
	});

	test('a change from outside the server reaches the streams of the account, and of no other', async () => {
		const wish = account({ areas: ['370613001'] });
		const made = (await house.admin.post('/api/v1/users', wish)).json;
		const client = await house.server.as(wish.user, wish.password);
		const [stream, neighbour] = [await client.events(), await house.street1.events()];
		const got = await run(['user', 'disable', wish.user, '--store', house.store]);
		assert.equal(got.code, 0, got.stderr);
		await eventually(() => stream.ended, 'the stream of a disabled account', 5000);
		assertProblem(await client.get('/api/v1/me'), 401, 'not_signed_in');
		const elder = await register(house.bureau);
		await neighbour.until((event) => event.data.id === elder.id);
		assert.equal((await house.admin.get(`/api/v1/users/${made.id}`)).json.disabled, true);
		neighbour.close();
	});

	if (!onSqlite)
		test('what is done at one server reaches the streams at another', async () => {
			const second = await Server.start(house.store);
			const there = async (client) => {
				const same = second.client();
				same.cookie = client.cookie;
				return same.events();
			};
			const wish = account({ areas: ['370613001'] });
			const made = (await house.admin.post('/api/v1/users', wish)).json;
			const [out, stays] = [await house.server.as(wish.user, wish.password), await house.server.as(wish.user, wish.password)];
			const [outStream, staysStream] = [await there(out), await there(stays)];
			assert.equal((await out.post('/api/v1/logout')).status, 204);
			await eventually(() => outStream.ended, 'the stream of a session that was ended elsewhere', 5000);
			assert.equal((await house.admin.patch(`/api/v1/users/${made.id}`, { name: '改名' }, 1)).status, 200);
			const first = await register(house.bureau);
			await staysStream.until((event) => event.data.id === first.id);
			assert.equal((await house.admin.patch(`/api/v1/users/${made.id}`, { areas: ['370613002'] }, 2)).status, 200);
			const hidden = await register(house.bureau);
			await eventually(() => staysStream.ended, 'the stream with the areas of before', 5000);
			const fresh = await there(stays);
			const shown = await register(house.bureau, { area: other });
			await fresh.until((event) => event.data.id === shown.id);
			for (const stream of [staysStream, fresh])
				assert.ok(!stream.list.some((event) => event.data.id === hidden.id), 'heard of what is no longer theirs');
			assert.ok(!fresh.ended);
			assert.equal(await second.stop(), 0);
		});

	test('a new password ends the old sessions', async () => {
		const wish = account();
		const made = (await house.admin.post('/api/v1/users', wish)).json;
		const client = await house.server.as(wish.user, wish.password);
		assert.equal((await house.admin.patch(`/api/v1/users/${made.id}`, { password: 'another long one' }, 1)).status, 200);
		assertProblem(await client.get('/api/v1/me'), 401, 'not_signed_in');
		assertProblem(await house.nobody.post('/api/v1/login', { user: wish.user, password: wish.password }), 401, 'wrong_credentials');
		await house.server.as(wish.user, 'another long one');
	});

	test('a new password also ends the sessions that were being opened with the old one', async () => {
		for (let round = 0; round < 6; round++) {
			const wish = account();
			const made = (await house.admin.post('/api/v1/users', wish)).json;
			const changed = pause(round * 15).then(() => house.admin.patch(`/api/v1/users/${made.id}`, { password: 'another long one' }, 1));
			const opened = [];
			const signInOften = async () => {
				for (let n = 0; n < 5; n++) {
					const client = house.server.client();
					const got = await client.post('/api/v1/login', { user: wish.user, password: wish.password });
					client.cookie = got.headers['set-cookie']?.[0].split(';')[0];
					if (client.cookie)
						opened.push(client);
				}
			};
			await Promise.all([signInOften(), signInOften(), signInOften()]);
			assert.equal((await changed).status, 200);
			for (const client of opened)
				assertProblem(await client.get('/api/v1/me'), 401, 'not_signed_in');
		}
	});

	test('new areas and a new role hold from the next request on', async () => {
		const wish = account();
		const made = (await house.admin.post('/api/v1/users', wish)).json;
		const client = await house.server.as(wish.user, wish.password);
		assert.equal((await client.get(`/api/v1/elders/${away.id}`)).status, 200);
		assert.equal((await house.admin.patch(`/api/v1/users/${made.id}`, { areas: ['370613003'] }, 1)).status, 200);
		assertProblem(await client.get(`/api/v1/elders/${away.id}`), 404, 'not_found');
		assert.equal((await house.admin.patch(`/api/v1/users/${made.id}`, { role: 'auditor' }, 2)).status, 200);
		assertProblem(await client.post('/api/v1/elders', newElder({ area: '370613003' })), 403, 'forbidden');
	});

	test('wrong accounts are refused field by field', async () => {
		const { admin } = house;
		assertProblem(await admin.post('/api/v1/users', account({ role: 'emperor' })), 422, 'invalid', '/role');
		assertProblem(await admin.post('/api/v1/users', account({ areas: ['370613999'] })), 422, 'invalid', '/areas');
		assertProblem(await admin.post('/api/v1/users', account({ areas: ['110101'] })), 422, 'invalid', '/areas');
		assertProblem(await admin.post('/api/v1/users', account({ areas: 'all' })), 422, 'invalid', '/areas');
		assertProblem(await admin.post('/api/v1/users', account({ areas: Array(9).fill('370613001') })), 422, 'invalid', '/areas');
		assertProblem(await admin.post('/api/v1/users', account({ password: 'short' })), 422, 'invalid', '/password');
		assertProblem(await admin.post('/api/v1/users', account({ password: undefined })), 422, 'invalid', '/password');
		assertProblem(await admin.post('/api/v1/users', account({ disabled: 'no' })), 422, 'invalid', '/disabled');
		assertProblem(await admin.post('/api/v1/users', account({ user: undefined })), 422, 'invalid', '/user');
		assertProblem(await admin.post('/api/v1/users', account({ password_hash: 'x' })), 422, 'invalid', '/password_hash');
		assertProblem(await admin.post('/api/v1/users', account({ district: 2 })), 422, 'invalid', '/district');
		assertProblem(await admin.post('/api/v1/users', account({ user: 'bureau' })), 409, 'duplicate');
	});

	test('a user name is one line of printable characters', async () => {
		const made = (await house.admin.post('/api/v1/users', account())).json;
		for (const user of ['a\nb', 'a\tb', 'a\rb', 'a\u0001b', 'a\u001b[2Jb', 'a\u007fb', 'a\u0085b', 'a\u2028b', 'a\u2029b'])
			for (const got of [await house.admin.post('/api/v1/users', account({ user })), await house.admin.patch(`/api/v1/users/${made.id}`, { user }, 1)]) {
				const { errors } = assertProblem(got, 422, 'invalid', '/user');
				assert.deepEqual(errors.map((error) => error.code), ['bad_characters'], JSON.stringify(user));
			}
		assert.equal((await house.admin.patch(`/api/v1/users/${made.id}`, { user: `${made.user}‧—«é»` }, 1)).status, 200);
		assertProblem(await house.admin.post('/api/v1/users', account({ user: '鹤'.repeat(61) })), 422, 'invalid', '/user');
	});

	test('a user name cannot be taken away', async () => {
		const made = (await house.admin.post('/api/v1/users', account())).json;
		assertProblem(await house.admin.patch(`/api/v1/users/${made.id}`, { user: null }, 1), 422, 'invalid', '/user');
		assertProblem(await house.admin.patch(`/api/v1/users/${made.id}`, { user: '  ' }, 1), 422, 'invalid', '/user');
		assertProblem(await house.admin.patch(`/api/v1/users/${made.id}`, { user: 'bureau' }, 1), 409, 'duplicate');
		assert.equal((await house.admin.get(`/api/v1/users/${made.id}`)).json.version, 1);
	});

	test('an administrator of one street keeps its accounts; those that reach further do not exist for them', async () => {
		const made = await house.admin.post('/api/v1/users', account({ role: 'administrator', areas: ['370613001'] }));
		const keeper = await house.server.as(made.json.user, 'a long enough one');
		const both = (await house.admin.post('/api/v1/users', account({ areas: ['370613001', '370613002'] }))).json;
		const none = (await house.admin.post('/api/v1/users', account({ areas: [] }))).json;
		const mine = (await keeper.post('/api/v1/users', account({ areas: ['370613001'] }))).json;
		const all = (await house.admin.get('/api/v1/users')).json.items;
		const own = all.filter((one) => one.areas.every(inStreet)).map((one) => one.user);
		const seen = (await keeper.get('/api/v1/users')).json.items.map((one) => one.user);
		assert.deepEqual(seen, own);
		for (const user of ['street1', 'community1', mine.user, none.user, made.json.user])
			assert.ok(seen.includes(user), user);
		for (const user of ['admin', 'bureau', 'auditor', both.user]) {
			const { id, version } = all.find((one) => one.user === user);
			const missing = await keeper.get(`/api/v1/users/${BigInt(id) + 12345n}`);
			for (const got of [await keeper.get(`/api/v1/users/${id}`), await keeper.patch(`/api/v1/users/${id}`, { password: 'taken over' }, version),
				await keeper.patch(`/api/v1/users/${id}`, { name: '' }, 99)]) {
				assertProblem(got, 404, 'not_found');
				assert.equal(got.text, missing.text);
			}
			assert.equal((await house.admin.get(`/api/v1/users/${id}`)).json.version, version);
		}
		assert.equal((await keeper.patch(`/api/v1/users/${mine.id}`, { password: 'another long one' }, 1)).status, 200);
	});

	test('the feed tells an administrator of the accounts that exist for them', async () => {
		const made = await house.admin.post('/api/v1/users', account({ role: 'administrator', areas: ['370613001'] }));
		const keeper = await house.server.as(made.json.user, 'a long enough one');
		const [one, two] = [(await house.admin.post('/api/v1/users', account({ areas: ['370613001'] }))).json,
			(await house.admin.post('/api/v1/users', account())).json];
		const all = await house.admin.events();
		await house.admin.patch(`/api/v1/users/${one.id}`, { name: '始' }, 1);
		await all.until((event) => event.data.id === one.id && event.data.version === 2);
		const stream = await keeper.events();
		const wide = (await house.admin.post('/api/v1/users', account({ areas: ['370613001', '370613002'] }))).json;
		await house.admin.patch(`/api/v1/users/${two.id}`, { name: '彼处' }, 1);
		await house.admin.patch(`/api/v1/users/${one.id}`, { name: '此处' }, 2);
		await house.admin.patch(`/api/v1/users/${one.id}`, { areas: ['370613001', '370613003'] }, 3);
		await house.admin.patch(`/api/v1/users/${wide.id}`, { areas: ['370613001011', '370613001012'] }, 1);
		await stream.until((event) => event.data.id === wide.id);
		assert.deepEqual(stream.list.map((event) => [event.event, event.data.id, event.data.version]),
			[['change', one.id, 3], ['gone', one.id, undefined], ['change', wide.id, 2]]);
		await all.until((event) => event.data.id === wide.id && event.data.version === 2);
		assert.ok(all.list.every((event) => event.event === 'change'));
		stream.close();
		all.close();
	});

	test('changing an account needs its version', async () => {
		const made = (await house.admin.post('/api/v1/users', account())).json;
		assertProblem(await house.admin.request('PATCH', `/api/v1/users/${made.id}`, { body: { name: 'x' } }), 428, 'precondition_required');
		assertProblem(await house.admin.patch(`/api/v1/users/${made.id}`, { name: 'x' }, 7), 412, 'stale');
		assertProblem(await house.admin.patch('/api/v1/users/1', { name: 'x' }, 1), 404, 'not_found');
	});

	test('a name that may be given may also sign in, and stays whole in journal and feed', async () => {
		for (const user of [`a${'松'.repeat(21)}`, '鹤'.repeat(60), '𠮷'.repeat(60), `a${'𠮷'.repeat(59)}`, '"\\'.repeat(30)]) {
			const made = await house.admin.post('/api/v1/users', account({ user, areas: ['370613001'] }));
			assert.equal(made.status, 201, made.text);
			const stream = await house.bureau.events();
			const client = await house.server.as(user, 'a long enough one');
			const elder = await register(client);
			const event = await stream.until((one) => one.data.id === elder.id);
			stream.close();
			assert.equal(event.data.actor, user);
			const lines = await eventually(async () => {
				const own = (await house.auditor.all('/api/v1/journal')).filter((line) => line.id === elder.id);
				return own.length > 0 && own;
			}, 'the line of the new elder');
			assert.equal(lines[0].actor, user);
			assert.equal((await client.get('/api/v1/me')).json.user, user);
		}
	});
});
