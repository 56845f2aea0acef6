// SPDX-License-Identifier: Apache-2.0
// accounts.test.mjs - what an account is tied to, who keeps it, the three separate administrators, whose journal an auditor reads.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server, assertProblem, cleanUp, emptyStore, eventually, filterOf, idCardOf, openHouse, password, register, run, usccOf } from '../harness.mjs';

const [street, otherStreet] = ['370613001', '370613002'];
const here = '370613001011';
let house;
let there; // a community of another street
let made = 0;

/** A valid unified social credit code. */
const organization = async (area = here) => {
	const got = await house.bureau.post('/api/v1/organizations', { name: `组织${++made}`, uscc: usccOf(made), kind: 'home_service', area });
	assert.equal(got.status, 201, got.text);
	return got.json;
};

const staff = async (owner, area = here) => {
	const got = await house.bureau.post('/api/v1/staff', { name: `员工${++made}`, id_card: idCardOf('905123', '1980-01-01', made), organization: owner.id, area,
		post: 'home_carer', state: 'applicant' });
	assert.equal(got.status, 201, got.text);
	return got.json;
};

const account = (more = {}) => ({ user: `a${++made}-${Math.random().toString(36).slice(2, 8)}`, role: 'street', password, ...more });

/** Makes an account and gives it. */
async function add(more, by = house.admin) {
	const got = await by.post('/api/v1/users', account(more));
	assert.equal(got.status, 201, got.text);
	return got.json;
}

before(async () => {
	house = await openHouse();
	const areas = await house.bureau.all(`/api/v1/areas?${filterOf({ '==': [{ var: 'parent' }, otherStreet] })}`);
	there = areas[0].number;
});
after(cleanUp);

describe('ties', () => {
	test('each role needs what bounds it, and takes no other', async () => {
		const one = await organization(), worker = await staff(one), elder = await register(house.bureau);
		const refused = async (wish, pointer, code) => {
			const { errors } = assertProblem(await house.admin.post('/api/v1/users', account(wish)), 422, 'invalid', pointer);
			assert.deepEqual(errors.map((error) => [error.pointer, error.code]), [[pointer, code]], JSON.stringify(errors));
		};
		await refused({ role: 'provider' }, '/organization', 'required');
		await refused({ role: 'worker', organization: one.id }, '/person', 'required');
		await refused({ role: 'worker', person: worker.id }, '/organization', 'required');
		const both = assertProblem(await house.admin.post('/api/v1/users', account({ role: 'worker', areas: ['1'] })), 422, 'invalid');
		assert.deepEqual(both.errors.map((error) => error.pointer), ['/areas', '/organization', '/person'], 'all at once');
		await refused({ role: 'elder' }, '/person', 'required');
		await refused({ role: 'family' }, '/family', 'required');
		await refused({ role: 'family', family: [] }, '/family', 'required');
		await refused({ role: 'street', organization: one.id }, '/organization', 'not_for_role');
		await refused({ role: 'provider', organization: one.id, person: worker.id }, '/person', 'not_for_role');
		await refused({ role: 'elder', person: elder.id, family: [elder.id] }, '/family', 'not_for_role');
		/* Of another ledger, of none, or no number at all. */
		for (const person of [worker.id, one.id, '1', 'x', '', 7, [elder.id]])
			await refused({ role: 'elder', person }, '/person', 'unknown_record');
		for (const family of [worker.id, [worker.id], [elder.id, '1'], [Number(elder.id)], Array(9).fill(elder.id), {}])
			await refused({ role: 'family', family }, '/family', 'unknown_record');
		for (const wish of [{ role: 'provider', organization: one.id }, { role: 'worker', organization: one.id, person: worker.id },
			{ role: 'elder', person: elder.id }, { role: 'family', family: [elder.id] }, { role: 'operator', areas: [street] }]) {
			const got = await add(wish);
			const { organization: o = null, person = null, family = [] } = wish;
			assert.deepEqual([got.roles, got.organization, got.person, got.family], [[wish.role], o, person, family]);
			assert.deepEqual((await house.admin.get(`/api/v1/users/${got.id}`)).json, got);
		}
	});

	test('one sees by one\'s ties what is one\'s own, and nothing else', async () => {
		const one = await organization(), two = await organization();
		const [mine, theirs] = [await staff(one), await staff(two)];
		const [elder, sister, stranger] = [await register(house.bureau), await register(house.bureau), await register(house.bureau)];
		const as = async (wish) => house.server.as((await add(wish)).user);
		const ids = async (client, path) => (await client.all(path)).map((each) => each.id).sort();
		const provider = await as({ role: 'provider', organization: one.id });
		assert.deepEqual(await ids(provider, '/api/v1/organizations'), [one.id]);
		assert.deepEqual(await ids(provider, '/api/v1/staff'), [mine.id]);
		assertProblem(await provider.get(`/api/v1/staff/${theirs.id}`), 404, 'not_found');
		assertProblem(await provider.get('/api/v1/elders'), 403, 'forbidden');
		const worker = await as({ role: 'worker', organization: one.id, person: mine.id });
		assert.deepEqual(await ids(worker, '/api/v1/staff'), [mine.id]);
		const self = await as({ role: 'elder', person: elder.id });
		assert.deepEqual(await ids(self, '/api/v1/elders'), [elder.id]);
		assertProblem(await self.get(`/api/v1/elders/${stranger.id}`), 404, 'not_found');
		const family = await as({ role: 'family', family: [elder.id, sister.id] });
		assert.deepEqual(await ids(family, '/api/v1/elders'), [elder.id, sister.id].sort());
		const me = (await family.get('/api/v1/me')).json;
		assert.deepEqual([me.roles, me.family, me.must, me.permissions], [['family'], [elder.id, sister.id], null,
			['elder.read', 'request.read', 'visit.read']]);
	});

	test('new ties hold from the next request on, and end the streams opened with the old ones', async () => {
		const [elder, sister] = [await register(house.bureau), await register(house.bureau)];
		const got = await add({ role: 'family', family: [elder.id] });
		const client = await house.server.as(got.user);
		const stream = await client.events();
		assert.equal((await client.get(`/api/v1/elders/${elder.id}`)).status, 200);
		assert.equal((await house.admin.patch(`/api/v1/users/${got.id}`, { family: [sister.id] }, 1)).status, 200);
		assertProblem(await client.get(`/api/v1/elders/${elder.id}`), 404, 'not_found');
		assert.equal((await client.get(`/api/v1/elders/${sister.id}`)).status, 200);
		await eventually(() => stream.ended, 'the stream with the ties of before', 5000);
	});

	test('with another role the ties of the old one are gone', async () => {
		const one = await organization(), worker = await staff(one), elder = await register(house.bureau);
		const got = await add({ role: 'worker', organization: one.id, person: worker.id });
		const patch = (body, version) => house.admin.patch(`/api/v1/users/${got.id}`, body, version);
		assertProblem(await patch({ role: 'elder' }, 1), 422, 'invalid', '/person');
		let now = (await patch({ role: 'elder', person: elder.id }, 1)).json;
		assert.deepEqual([now.roles, now.organization, now.person, now.family], [['elder'], null, elder.id, []]);
		assertProblem(await patch({ person: null }, 2), 422, 'invalid', '/person');
		now = (await patch({ role: 'family', family: [elder.id] }, 2)).json;
		assert.deepEqual([now.person, now.family], [null, [elder.id]]);
		now = (await patch({ role: 'street', areas: [street] }, 3)).json;
		assert.deepEqual([now.person, now.family, now.areas], [null, [], ['370613001000000']]);
		now = (await patch({ name: '只改名' }, 4)).json;
		assert.deepEqual([now.name, now.version], ['只改名', 5]);
		const lines = await eventually(async () => {
			const own = (await house.auditor.all('/api/v1/journal')).filter((line) => line.id === got.id);
			return own.length === 5 && own;
		}, 'the lines of the account');
		assert.deepEqual([lines[0].changes.organization, lines[0].changes.person], [[null, one.id], [null, worker.id]]);
		assert.deepEqual(lines[1].changes, { role: ['worker', 'elder'], organization: [one.id, null], person: [worker.id, elder.id] });
		assert.deepEqual(lines[2].changes, { role: ['elder', 'family'], person: [elder.id, null], family: [[], [elder.id]] });
	});

	test('a record that has ended takes no new account', async () => {
		const elder = await register(house.bureau);
		await house.bureau.end(`/api/v1/elders/${elder.id}`, 1);
		assertProblem(await house.admin.post('/api/v1/users', account({ role: 'elder', person: elder.id })), 422, 'invalid', '/person');
	});

	test('an administrator keeps the accounts of the records in their areas, and hears of no other', async () => {
		const own = await add({ role: 'administrator', areas: [street] });
		const keeper = await house.server.as(own.user);
		const near = { organization: await organization(), elder: await register(house.bureau) };
		const far = { organization: await organization(there), elder: await register(house.bureau, { area: there }) };
		near.worker = await staff(near.organization);
		far.worker = await staff(near.organization, there);
		const byHukou = await register(house.bureau, { area: there, hukou_area: here });
		/* What lies elsewhere is answered like what does not exist. */
		for (const [role, ties] of [['provider', { organization: far.organization.id }], ['elder', { person: far.elder.id }], ['elder', { person: byHukou.id }],
			['family', { family: [near.elder.id, far.elder.id] }], ['worker', { organization: near.organization.id, person: far.worker.id }]]) {
			const got = await keeper.post('/api/v1/users', account({ role, ...ties }));
			const [pointer] = assertProblem(got, 422, 'invalid').errors.map((error) => error.pointer);
			const none = Object.fromEntries(Object.entries(ties).map(([name, value]) => [name, `/${name}` === pointer ? (Array.isArray(value) ? ['1'] : '1') : value]));
			assert.equal((await keeper.post('/api/v1/users', account({ role, ...none }))).text, got.text);
		}
		const stream = await keeper.events();
		const outside = [await add({ role: 'provider', organization: far.organization.id }), await add({ role: 'elder', person: far.elder.id }),
			await add({ role: 'family', family: [near.elder.id, far.elder.id] }), await add({ role: 'worker', organization: near.organization.id, person: far.worker.id })];
		const inside = [await add({ role: 'provider', organization: near.organization.id }, keeper), await add({ role: 'elder', person: near.elder.id }, keeper),
			await add({ role: 'family', family: [near.elder.id] }), await add({ role: 'worker', organization: near.organization.id, person: near.worker.id })];
		const listed = (await keeper.get('/api/v1/users')).json.items.map((each) => each.id);
		for (const each of inside) {
			assert.ok(listed.includes(each.id), each.roles[0]);
			assert.equal((await keeper.get(`/api/v1/users/${each.id}`)).status, 200);
			assert.equal((await keeper.get(`/api/v1/users?user=${each.user}`)).json.items.length, 1);
		}
		for (const each of outside) {
			assert.ok(!listed.includes(each.id), each.roles[0]);
			assertProblem(await keeper.get(`/api/v1/users/${each.id}`), 404, 'not_found');
			assertProblem(await keeper.patch(`/api/v1/users/${each.id}`, { password: 'taken over by me' }, 1), 404, 'not_found');
			assertProblem(await keeper.post(`/api/v1/users/${each.id}/unlock`), 404, 'not_found');
			assertProblem(await keeper.get(`/api/v1/sessions?user=${each.id}`), 404, 'not_found');
			assert.deepEqual((await keeper.get(`/api/v1/users?user=${each.user}`)).json.items, []);
			assert.equal((await house.admin.get(`/api/v1/users/${each.id}`)).status, 200);
		}
		await stream.until((event) => event.data.id === inside[3].id);
		/* On PostgreSQL the line of one's own account may get its place only after the stream has begun. */
		const told = stream.list.map((event) => event.data.id).filter((id) => id !== own.id);
		assert.deepEqual(told, inside.map((each) => each.id));
		stream.close();
		/* The elder moves away, and the account with them. */
		const moved = (await house.bureau.get(`/api/v1/elders/${near.elder.id}`)).json;
		await house.bureau.patch(`/api/v1/elders/${moved.id}`, { area: there }, moved.version);
		assertProblem(await keeper.get(`/api/v1/users/${inside[1].id}`), 404, 'not_found');
		assertProblem(await keeper.get(`/api/v1/users/${inside[2].id}`), 404, 'not_found');
	});

	test('the command line knows them too', async () => {
		const one = await organization(), elder = await register(house.bureau), sister = await register(house.bureau);
		const cli = (args) => run(['user', ...args, '--password-stdin', '--store', house.store, '--json'], { input: password });
		const provider = JSON.parse((await cli(['add', `p${++made}`, '--role', 'provider', '--organization', one.id])).stdout);
		assert.deepEqual([provider.roles, provider.organization], [['provider'], one.id]);
		const self = JSON.parse((await cli(['add', `e${++made}`, '--role', 'elder', '--person', elder.id])).stdout);
		assert.equal(self.person, elder.id);
		const family = JSON.parse((await cli(['add', `名 &=%${++made}`, '--role', 'family', '--family', `${elder.id},${sister.id}`])).stdout);
		assert.deepEqual(family.family, [elder.id, sister.id]);
		assert.equal((await cli(['add', `x${++made}`, '--role', 'family', '--family', one.id])).code, 1);
		const got = await run(['user', 'disable', family.user, '--store', house.store, '--json']);
		assert.deepEqual([got.code, JSON.parse(got.stdout).disabled], [0, true]);
	});
});

describe('the three administrators (三员分立)', () => {
	const secret = '四个字 and More 27';
	let store, server, admin, security, auditor;

	before(async () => {
		store = await emptyStore();
		const got = await run(['init', '--store', store, '--plan', 'laishan', '--policy', 'dengbao', '--password-stdin'], { input: 'First-Of-All 1' });
		assert.equal(got.code, 0, got.stderr);
		assert.match(got.stdout, /admin security auditor/);
		server = await Server.start(store);
		[admin, security, auditor] = [await renewed('admin'), await renewed('security'), await renewed('auditor')];
	});

	/** Signs in with a password that somebody else has given, and makes it their own. */
	async function renewed(user, given = 'First-Of-All 1', own = secret) {
		const client = await server.as(user, given);
		assert.equal((await client.get('/api/v1/me')).json.must, 'change_password');
		assertProblem(await client.get('/api/v1/areas'), 403, 'password_expired');
		assert.equal((await client.post('/api/v1/me/password', { old: given, new: own })).status, 204);
		assert.equal((await client.get('/api/v1/me')).json.must, null);
		return client;
	}

	test('init wants a password of the policy, and a policy that there is', async () => {
		for (const [policy, input] of [['dengbao', 'only small letters'], ['strict', secret], ['asvs', 'password1']])
			assert.equal((await run(['init', '--store', await emptyStore(), '--plan', 'laishan', '--policy', policy, '--password-stdin'], { input })).code, 2, policy);
	});

	test('who keeps accounts grants no rights, and who grants rights keeps no accounts', async () => {
		for (const rights of [{ role: 'bureau' }, { areas: ['370613'] }, { organization: null }, { person: null }, { family: [] }])
			assertProblem(await admin.post('/api/v1/users', { user: 'early', password: secret, ...rights }), 403, 'forbidden');
		const got = await admin.post('/api/v1/users', { user: 'chief', name: '局长', password: secret });
		assert.equal(got.status, 201, got.text);
		assert.deepEqual([got.json.roles, got.json.areas], [[], []]);
		const path = `/api/v1/users/${got.json.id}`;
		const client = await renewed('chief', secret, 'My-Own-One 27');
		assertProblem(await client.get('/api/v1/elders'), 403, 'forbidden');
		assert.deepEqual((await client.get('/api/v1/me')).json.permissions, []);
		assertProblem(await admin.patch(path, { role: 'bureau', areas: ['370613'] }, 2), 403, 'forbidden');
		for (const kept of [{ user: 'other' }, { name: '别名' }, { password: 'Another-Long 1' }, { disabled: true }])
			assertProblem(await security.patch(path, kept, 2), 403, 'forbidden');
		assertProblem(await security.post('/api/v1/users', { user: 'x', password: secret, role: 'bureau' }), 403, 'forbidden');
		assert.equal((await security.patch(path, { role: 'bureau', areas: ['370613'] }, 2)).status, 200);
		assert.equal((await client.get('/api/v1/elders')).status, 200);
		assert.equal((await security.patch(path, { role: null }, 3)).status, 200);
		assertProblem(await client.get('/api/v1/elders'), 403, 'forbidden');
		assert.equal((await admin.patch(path, { name: '前局长', disabled: true }, 4)).status, 200);
		assertProblem(await client.get('/api/v1/me'), 401, 'not_signed_in');
	});

	test('neither sees an elder, and the journal is the auditor\'s', async () => {
		for (const client of [admin, security])
			for (const path of ['/api/v1/elders', '/api/v1/facilities', '/api/v1/journal', '/metrics'])
				assertProblem(await client.get(path), 403, 'forbidden');
		assert.equal((await auditor.get('/api/v1/journal')).status, 200);
		for (const client of [admin, auditor])
			assertProblem(await client.patch('/api/v1/policy', { separation: false }, 1), 403, 'forbidden');
		for (const client of [admin, auditor, security])
			assert.equal((await client.get('/api/v1/policy')).json.separation, true);
	});

	test('nobody changes their own rights', async () => {
		const me = (await security.get('/api/v1/me')).json;
		for (const rights of [{ role: 'bureau' }, { areas: [] }, { role: 'security' }])
			assertProblem(await security.patch(`/api/v1/users/${me.id}`, rights, me.version), 403, 'forbidden');
		const admins = (await admin.get('/api/v1/me')).json;
		assertProblem(await admin.patch(`/api/v1/users/${admins.id}`, { role: 'bureau' }, admins.version), 403, 'forbidden');
	});

	test('the password of one of the three is theirs; who forgot it asks the operator of the machine', async () => {
		for (const user of ['security', 'auditor', 'admin']) {
			const [one] = (await admin.get(`/api/v1/users?user=${user}`)).json.items;
			for (const guess of ['Mine-From-Now 1', secret, 'First-Of-All 1'])
				assertProblem(await admin.patch(`/api/v1/users/${one.id}`, { password: guess }, one.version), 403, 'forbidden');
			assertProblem(await admin.end(`/api/v1/users/${one.id}/totp`, one.version), 403, 'forbidden');
		}
		const got = await run(['user', 'password', 'auditor', '--password-stdin', '--store', store], { input: 'Reset-By-Hand 1' });
		assert.equal(got.code, 0, got.stderr);
		auditor = await renewed('auditor', 'Reset-By-Hand 1', 'Mine-Once-More 1');
	});

	test('who cannot change an account is not told whether a password is its own', async () => {
		const { id } = (await admin.post('/api/v1/users', { user: 'watched', password: secret })).json;
		for (const guess of [secret, 'Some-Other-One 1']) {
			assertProblem(await admin.patch(`/api/v1/users/${id}`, { password: guess }, 7), 412, 'stale');
			assertProblem(await admin.request('PATCH', `/api/v1/users/${id}`, { body: { password: guess } }), 428, 'precondition_required');
		}
		assertProblem(await admin.patch(`/api/v1/users/${id}`, { password: secret }, 1), 422, 'invalid', '/password');
	});

	test('without the switch administrators do both, as long as the policy says so', async () => {
		const version = (await security.get('/api/v1/policy')).json.version;
		assert.equal((await security.patch('/api/v1/policy', { separation: false }, version)).status, 200);
		const got = await admin.post('/api/v1/users', { user: 'both', password: secret, role: 'bureau', areas: ['370613'] });
		assert.equal(got.status, 201, got.text);
		assert.equal((await security.patch(`/api/v1/users/${got.json.id}`, { areas: [street] }, 1)).status, 200);
		assertProblem(await admin.post('/api/v1/users', { user: 'none', password: secret }), 422, 'invalid', '/role');
		assert.equal((await security.patch('/api/v1/policy', { separation: null }, version + 1)).json.separation, true);
		assertProblem(await admin.patch(`/api/v1/users/${got.json.id}`, { areas: [] }, 2), 403, 'forbidden');
		const lines = await eventually(async () => {
			const own = (await auditor.all('/api/v1/journal')).filter((one) => one.resource === 'policy' && one.actor === 'security');
			return own.length === 2 && own;
		}, 'the lines of the policy');
		assert.deepEqual(lines.map((line) => line.changes), [{ separation: [true, false] }, { separation: [false, true] }]);
	});
});

describe('the journal by areas', () => {
	test('an auditor of a street, whoever made them, reads what happened there and nothing else', async () => {
		const keeper = await house.server.as((await add({ role: 'administrator', areas: [street] })).user);
		const auditor = await house.server.as((await add({ role: 'auditor', areas: [street] }, keeper)).user);
		const stream = await auditor.events();
		const elder = await register(house.bureau);
		const foreign = await register(house.bureau, { area: there });
		const byHukou = await register(house.bureau, { area: there, hukou_area: here });
		const moved = await register(house.bureau);
		await house.bureau.patch(`/api/v1/elders/${moved.id}`, { area: there, address: '新址' }, 1);
		await house.server.as('street1');
		await house.server.as('bureau');
		const last = await register(house.bureau);
		const lines = await eventually(async () => {
			const all = await auditor.all('/api/v1/journal', { limit: 7 });
			return all.some((line) => line.id === last.id) && all;
		}, 'the line of the last elder');
		const about = (id) => lines.filter((line) => line.id === id).map((line) => line.action);
		assert.deepEqual([about(elder.id), about(foreign.id), about(byHukou.id), about(moved.id)], [['create'], [], ['create'], ['create']]);
		assert.ok(!JSON.stringify(lines).includes('新址'));
		const signedIn = lines.filter((line) => line.action === 'sign_in').map((line) => line.actor);
		assert.ok(signedIn.includes('street1') && !signedIn.includes('bureau'), signedIn.join());
		assert.ok(lines.every((line, i) => i === 0 || line.position > lines[i - 1].position));
		const all = await house.auditor.all('/api/v1/journal');
		assert.ok(lines.length < all.length);
		const [first] = (await auditor.get('/api/v1/journal?limit=1')).json.items;
		assert.deepEqual(first, lines[0]);
		await stream.until((event) => event.data.id === last.id);
		const heard = stream.list.filter((event) => event.data.resource === 'session');
		assert.deepEqual(heard.map((event) => event.data.actor).filter((name) => ['street1', 'bureau'].includes(name)), ['street1']);
		stream.close();
	});

	test('one without areas reads no line', async () => {
		const auditor = await house.server.as((await add({ role: 'auditor' })).user);
		assert.deepEqual(await auditor.all('/api/v1/journal'), []);
	});
});
