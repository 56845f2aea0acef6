// SPDX-License-Identifier: Apache-2.0
// openapi.test.mjs - the API is what it says of itself: the description is clean, every operation in it works and answers as
// described, and there is none beside them. All of it from the declarations: a new resource is tested without a line here.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { assertProblem, Client, cleanUp, emptyStore, Events, eventually, filterOf, idCardOf, kind, onSqlite, openHouse, password, program, psql,
	released, run, TestClock, usccOf } from '../harness.mjs';
import { Description, described } from '../openapi.mjs';

let house, declared, description, clock;
const accounts = { bureau: 'bureau', street1: 'street', community1: 'community', auditor: 'auditor', admin: 'administrator' };
const area = '370613001011';

before(async () => {
	clock = new TestClock();
	house = await openHouse({ serve: { clock } });
	declared = described(program, 'json');
	description = new Description(described(program, 'openapi'));
});
after(cleanUp);

// ---- what to ask with ----

let made = 0;

/** A value that the field takes. */
async function valueFor(field) {
	const values = {
		text: () => `测试${++made}`.slice(0, field.max), word: () => field.words[0].word, words: () => [field.words[0].word],
		integer: () => Math.max(field.min, 1), money: () => Math.max(field.min, 100), decimal: () => Math.max(field.min, 1),
		boolean: () => true, date: () => `1950-01-${10 + (++made % 18)}`, instant: () => '2024-01-02T08:00:00+08:00', area: () => area,
		point: () => ({ lat: 37.4, lon: 121.5 }), phone: () => '0535-6891234', id_card: () => idCardOf('905123', '1950-06-07', ++made % 1000),
		uscc: () => usccOf(900000 + ++made), ref: async () => (await recordOf(field.to)).id, refs: async () => [(await recordOf(field.to)).id],
		answers: () => ({ welfare_visit: { reached: 'not_reached', away: 'unknown' } })[field.questionnaire],
	};
	assert.ok(values[field.type], `how to fill in a ${field.type} (${field.name})?`);
	return values[field.type]();
}

/* What some rule of a resource asks for beyond its rows. */
/** The day so many days from now. */
const inDays = (days) => new Date(clock.now + days * 86400000).toISOString().slice(0, 10);
const ruled = {
	visit: () => ({ due_on: inDays(2) }),
	cadence: { filter: '{"missing":{"var":"address"}}' },
	area: { level: 'community', parent: '370613001' },
	saved_list: { ledger: 'elder', filter: '{"missing":{"var":"address"}}' },
};
/* Somebody who is registered, but not where the transfer is asked for. */
ruled.transfer = async () => {
	const wish = { ...(await newRecord('elder')), id_card: idCardOf('905123', '1950-06-07', ++made % 1000), area: '370613002011',
		sex: made % 2 ? 'male' : 'female', born_on: '1950-06-07' };
	assert.equal((await house.bureau.post('/api/v1/elders', wish)).status, 201);
	return { name: wish.name, id_card: wish.id_card };
};

/* No gateway takes these: they are told by hand. */
ruled.message = { channel: 'wechat', to_phone: '13800138000', area };
const secret = `whsec_${'A'.repeat(43)}=`;
/* A channel has one. */
ruled.gateway = async () => {
	const { id, version } = (await house.bureau.get('/api/v1/gateways')).json.items.find(({ channel }) => channel === 'sms') ?? {};
	if (id)
		await house.bureau.end(`/api/v1/gateways/${id}?end_reason=closed`, version);
	return { url: 'https://gateway.invalid/', secret };
};

/** Until no job is under way: it holds the areas that it is about. */
function quiet() {
	const open = filterOf({ in: [{ var: 'state' }, ['waiting', 'running', 'cancelling']] });
	return eventually(async () => (await house.bureau.get(`/api/v1/jobs?${open}`)).json.items.length === 0, 'the end of every job');
}

/** What makes a record of the resource: all that it must have. */
async function newRecord(name) {
	const resource = declared.resources.find((each) => each.name === name);
	const body = { ...(typeof ruled[name] === 'function' ? await ruled[name]() : ruled[name]) };
	if (name === 'area')
		await quiet();
	for (const field of resource.fields)
		if (field.must && !field.kept)
			body[field.name] ??= await valueFor(field);
	return body;
}

/** What the owner of a field has said, and somebody else says otherwise. */
async function aClaim() {
	const elder = await recordOf('elder');
	const said = await house.bureau.patch(`/api/v1/elders/${elder.id}?source=public_security`, { name: '户籍名' }, elder.version);
	const got = await house.street1.patch(`/api/v1/elders/${elder.id}`, { name: `小名${++made}` }, said.json.version);
	assert.deepEqual(got.json.claimed, ['name'], got.text);
	return (await house.bureau.get('/api/v1/claims?sort=-id&limit=1')).json.items[0];
}

/** Of the visit's questionnaire. */
const script = { reached: 'through_others', body: 'well', fell: false, meals: 'regular', medicine: 'none', carer: 'family' };

async function anActive() {
	const staff = await recordOf('staff');
	const got = await house.bureau.patch(`/api/v1/staff/${staff.id}`, { state: 'active', trained_on: '2025-01-02' }, staff.version);
	assert.equal(got.status, 200, got.text);
	return got.json;
}

/** One that nobody has made in time: days pass, and sessions end. */
async function lateVisit(state) {
	const visit = await recordOf('visit');
	for (const each of state === 'missed' ? ['missed'] : ['missed', 'escalated']) {
		clock.forward(3 * 86400000);
		for (const [user, client] of Object.entries(house))
			if (client instanceof Client && client.cookie)
				await client.signIn(user);
		await eventually(async () => (await house.bureau.get(`/api/v1/visits/${visit.id}`)).json.state === each, `the visit is ${each}`);
	}
	return visit;
}

/** A new record behind a move. */
async function moved(name, move, body) {
	const { path } = declared.resources.find((each) => each.name === name), record = await recordOf(name);
	const got = await house.bureau.post(`${path}/${record.id}/${move}`, body);
	assert.equal(got.status, 200, got.text);
	return got.json;
}

const document = '鲁民〔2026〕1号';
const newMove = async () => ({ area: (await recordOf('area')).number, to_parent: '370613002', document, on: '2025-01-01' });

async function aJob() {
	return (await house.bureau.post('/api/v1/area_moves', await newMove())).json;
}

/** A new one; of a resource that nobody writes by hand, one that something else has made. */
async function recordOf(name) {
	const { path, write } = declared.resources.find((each) => each.name === name);
	if (!write)
		return { claim: aClaim, job: aJob }[name]();
	const got = await house.bureau.post(path, await newRecord(name));
	assert.equal(got.status, 201, `${name}: ${got.text}`);
	return got.json;
}

/** Something to change: a text that must be there, which no rule is about; or else some other field. */
async function changeOf(name) {
	if (name === 'gateway')
		return { provider: '某公司' };
	const { fields } = declared.resources.find((each) => each.name === name);
	const may = fields.filter((field) => !field.kept && !field.fixed && field.type !== 'area' && field.type !== 'ref');
	const field = may.find((each) => each.must && each.type === 'text') ?? may[0];
	return { [field.name]: name === 'visit' ? inDays(3) : await valueFor(field) };
}

/** Somebody of the demo who may. */
function whoMay(operation) {
	const [user] = Object.entries(accounts).find(([, role]) => operation.roles[role] !== 'no') ?? [];
	assert.ok(user, `${operation.id}: nobody of the demo may do it`);
	return house[user];
}

const newUser = () => ({ user: `api${++made}`, role: 'street', areas: [area], password });

async function anAccount() {
	return (await house.admin.post('/api/v1/users', newUser())).json;
}

/** Somebody whose account nobody else uses: the account, and `client`, signed in. */
async function aPerson() {
	const account = await anAccount();
	return { ...account, client: await house.server.as(account.user) };
}

/** The same with one-time codes. */
async function withCodes() {
	const person = await aPerson();
	const { secret } = (await person.client.post('/api/v1/me/totp')).json;
	assert.equal((await person.client.post('/api/v1/me/totp/confirm', { code: codeOf(secret) })).status, 204);
	return person;
}

/** RFC 6238, by ourselves. */
function codeOf(secret) {
	const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(clock.now / 30000)));
	const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))).update(counter).digest();
	return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}

/** One that is not on hold, or is. */
async function aTimer(held) {
	const timer = await eventually(async () => (await house.bureau.get('/api/v1/timers')).json.items[0], 'a timer');
	const path = `/api/v1/timers/${timer.id}`;
	if ((timer.state === 'held') !== held)
		await house.bureau.post(`${path}/${held ? 'hold' : 'release'}`, held ? { reason: '维护' } : {});
	return timer;
}

const aToken = () => ({ name: '报表', until: inDays(1), permissions: ['elder.read'] });

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
/** A body that is none of the JSON ones; null where it is one. */
const uploads = { table: { type: 'text/csv', body: 'x\n' }, file: { type: 'image/png', body: png } };

// How the operations of every resource are asked.
const ofResources = {
	list: ({ path, resource }) => {
		const { key, fields } = declared.resources.find(({ name }) => name === resource);
		const filter = encodeURIComponent(JSON.stringify({ '!': { missing: { var: fields.find(({ operators }) => operators.includes('missing')).name } } }));
		return { path: `${path}?limit=2&total=1&sort=-${key}&filter=${filter}` };
	},
	create: async ({ resource }) => ({ body: await newRecord(resource), headers: { 'Idempotency-Key': `key${++made}` } }),
	get: async ({ resource }) => ({ record: await recordOf(resource) }),
	history: async ({ resource }) => ({ record: await recordOf(resource) }),
	sources: async ({ resource }) => ({ record: await recordOf(resource) }),
	change: async ({ resource }) => ({ record: await recordOf(resource), body: await changeOf(resource) }),
	end: async ({ resource }) => ({ record: await recordOf(resource) }),
	search: async ({ resource }) => {
		await recordOf(resource);
		return { body: { q: '松鹤', limit: 5 } };
	},
	export: async ({ path, resource }) => {
		await recordOf(resource);
		return { path: `${path}?sort=-${declared.resources.find(({ name }) => name === resource).key}` };
	},
	template: ({ path }) => ({ path: `${path}?as=csv` }),
	send_a_file: () => ({ body: png, type: 'image/png' }),
	look_at_a_file: async ({ path, resource }) => {
		const sent = await house.bureau.request('POST', path.replace('{id}/file', 'files'), { body: png, type: 'image/png' });
		const { name } = declared.resources.find((each) => each.name === resource).fields.find(({ type }) => type === 'file');
		const record = await recordOf(resource);
		const got = await house.bureau.patch(path.replace('{id}/file', record.id), { [name]: sent.json.id }, record.version);
		assert.equal(got.status, 200, got.text);
		return { record };
	},
	reveal: async ({ resource }) => {
		const field = declared.resources.find(({ name }) => name === resource).fields.find(({ sealed }) => sealed);
		return { record: await recordOf(resource), body: { fields: [field.name], reason: '电话核对' } };
	},
	list_moves_of: async ({ resource }) => ({ record: await recordOf(resource) }),
	move_many: async ({ resource }) => {
		const [{ name, needs }] = declared.resources.find((each) => each.name === resource).flow.moves.filter(({ permission }) => permission);
		return { body: { move: name, records: [(await recordOf(resource)).id], with: Object.fromEntries(needs.map((field) => [field, '批量'])) } };
	},
	list_twins_of: () => ({}),
	compare: async ({ path, resource }) => ({ record: await recordOf(resource), path: `${path}?with=${(await recordOf(resource)).id}` }),
	merge: async ({ resource }) => ({ record: await recordOf(resource), body: { other: (await recordOf(resource)).id } }),
	split: async ({ path, resource }) => {
		const one = await recordOf(resource), two = await recordOf(resource);
		const merged = await house.bureau.post(path.replace('{id}/split', `${one.id}/merge`), { other: two.id }, { headers: { 'If-Match': '"1"' } });
		assert.equal(merged.status, 200, merged.text);
		return { record: merged.json, body: { other: two.id } };
	},
	return: async ({ path, resource }) => {
		const record = await recordOf(resource);
		const ended = await house.bureau.request('DELETE', path.replace('{id}/return', `${record.id}?end_reason=other`), { headers: { 'If-Match': `"${record.version}"` } });
		assert.equal(ended.status, 200, ended.text);
		return { record: ended.json, body: undefined };
	},
	check_import: (operation) => ofResources.import(operation),
	import: async ({ resource }) => {
		const fields = Object.entries(await newRecord(resource));
		return { body: `${fields.map(([name]) => name).join(',')}\n${fields.map(([, value]) => `"${String(value).replaceAll('"', '""')}"`).join(',')}\n`, type: 'text/csv' };
	},
};
// And those that a module wrote by hand.
const byHand = {
	agree_transfer: async () => ({ record: await recordOf('transfer'), body: {} }),
	refuse_transfer: async () => ({ record: await recordOf('transfer'), body: { answer: '仍住本街道' } }),
	withdraw_transfer: async () => ({ record: await recordOf('transfer'), body: {} }),
	accept_request: async () => ({ record: await recordOf('request'), body: {} }),
	answer_request: async () => ({ record: await recordOf('request'), body: { result: '已答复' } }),
	help_request: async () => ({ record: await recordOf('request'), body: { result: '已解决' } }),
	withdraw_request: async () => ({ record: await recordOf('request'), body: { result: '本人撤销' } }),
	refer_request: async () => ({ record: await recordOf('request'), body: { organization: (await recordOf('organization')).id } }),
	coverage_visit: async ({ path }) => ({ path: `${path}?cadence=${(await recordOf('cadence')).id}&period_from=2026-01-01` }),
	plan_visit: () => ({ body: {} }),
	assign_visit: async () => ({ record: await recordOf('visit'), body: { worker: (await anActive()).id } }),
	unassign_visit: async () => ({ record: await moved('visit', 'assign', { worker: (await anActive()).id }) }),
	check_in_visit: async () => ({ record: await moved('visit', 'assign', { worker: (await anActive()).id }), body: {} }),
	finish_visit: async () => ({ record: await recordOf('visit'), body: { script } }),
	no_answer_visit: async () => ({ record: await moved('visit', 'assign', { worker: (await anActive()).id }), body: {} }),
	make_up_visit: async () => ({ record: await lateVisit('missed'), body: { script } }),
	explain_visit: async () => ({ record: await lateVisit('missed'), body: { explanation: '人手不足' } }),
	settle_visit: async () => ({ record: await lateVisit('escalated'), body: { explanation: '已整改' }, client: house.bureau }),
	exempt_visit: async () => ({ record: await recordOf('visit'), body: { exemption: 'hospital' } }),
	login: () => ({ body: { user: 'bureau', password } }),
	logout: async () => ({ client: await house.server.as('auditor') }),
	change_my_password: async () => ({ client: (await aPerson()).client, body: { old: password, new: `${password} neu` } }),
	begin_totp: async () => ({ client: (await aPerson()).client }),
	confirm_totp: async () => {
		const { client } = await aPerson();
		return { client, body: { code: codeOf((await client.post('/api/v1/me/totp')).json.secret) } };
	},
	end_totp: async () => ({ client: (await withCodes()).client, body: { password } }),
	end_session: async () => {
		const { client, id } = await aPerson();
		return { client: house.admin, record: { id: (await client.get(`/api/v1/sessions?user=${id}`)).json.items[0].id } };
	},
	create_token: () => ({ body: aToken() }),
	end_token: async () => ({ client: house.bureau, record: (await house.bureau.post('/api/v1/tokens', aToken())).json }),
	unlock_user: async () => ({ record: await anAccount(), body: {} }),
	end_user_totp: async () => ({ record: await withCodes() }),
	change_policy: async () => ({ record: (await house.admin.get('/api/v1/policy')).json, body: { lock_minutes: 6, password_days: null } }),
	create_user: () => ({ body: newUser() }),
	get_user: async () => ({ record: await anAccount() }),
	accept_claim: async () => ({ record: await aClaim(), body: {} }),
	reject_claim: async () => ({ record: await aClaim(), body: {} }),
	call_message: async () => ({ record: await recordOf('message'), body: { result: '已告知' } }),
	resend_message: async () => {
		const voice = await house.bureau.post('/api/v1/gateways', { channel: 'voice', url: 'https://gateway.invalid/', secret });
		assert.ok([201, 409].includes(voice.status), voice.text);
		const message = (await house.bureau.post('/api/v1/messages', { ...(await newRecord('message')), channel: 'voice', to_phone: undefined,
			to_openid: 'o-1' })).json;
		return { record: (await house.bureau.patch(`/api/v1/messages/${message.id}`, { to_phone: '13800138000' }, message.version)).json, body: {} };
	},
	test_gateway: async () => ({ record: await recordOf('gateway') }),
	list_area_code: async () => ({ record: await recordOf('area') }),
	recode_area: async () => ({ record: await recordOf('area'), body: { code: '370613001999', document, from_on: '2025-01-01' } }),
	merge_area: async () => ({ body: { from: [(await recordOf('area')).number], into: (await recordOf('area')).number, document, on: '2025-01-01' } }),
	move_area: async () => ({ body: await newMove() }),
	cancel_job: async () => ({ record: await aJob(), body: {} }),
	get_timer: async () => ({ record: await aTimer(false) }),
	hold_timer: async () => ({ record: await aTimer(false), body: { reason: '系统维护' } }),
	release_timer: async () => ({ record: await aTimer(true), body: {} }),
	change_user: async () => ({ record: await anAccount(), body: { name: '改名' } }),
	get_questionnaire: ({ path }) => ({ path: `${path}?name=welfare_visit` }),
};
const needNothing = ['get_me', 'list_user', 'list_session', 'list_token', 'get_policy', 'front', 'livez', 'readyz', 'metrics', 'list_journal', 'get_openapi', 'list_task', 'list_timer', 'list_questionnaire'];

async function requestFor(operation) {
	const verb = operation.resource && operation.id.slice(0, -operation.resource.length - 1);
	const make = byHand[operation.id] ?? (verb ? ofResources[verb] : needNothing.includes(operation.id) ? () => ({}) : null);
	assert.ok(make, `${operation.id}: say here how it is asked`);
	const { client = whoMay(operation), record, path = operation.path, body, type, headers = {} } = await make(operation);
	return { client, path: path.replace('{id}', record?.id ?? record?.number), body, type,
		headers: operation.if_match ? { ...headers, 'If-Match': `"${record.version}"` } : headers };
}

// ---- the description ----

describe('the description', () => {
	test('a linter finds nothing in it', async () => {
		const config = await createConfig({ extends: ['recommended'] });
		const source = described(program, 'openapi');
		const found = await lintFromString({ source: JSON.stringify(source), absoluteRef: 'openapi.json', config });
		assert.deepEqual(found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]), []);
		delete source.paths['/api/v1/me'].get.summary;
		const broken = await lintFromString({ source: JSON.stringify(source), absoluteRef: 'openapi.json', config });
		assert.ok(broken.length > 0, 'the linter looks at nothing');
	});

	test('the server gives the same to everybody', async () => {
		const got = await house.nobody.get('/api/v1/openapi.json');
		assert.equal(got.status, 200);
		assert.equal(got.headers['content-type'], 'application/json');
		assert.deepEqual(got.json, description.document);
	});

	test('it has every route, and no other', async () => {
		const key = ({ id, method, path }) => `${id} ${method} ${path}`;
		assert.deepEqual(description.operations.map(key).sort(), declared.operations.map(key).sort());
		for (const [path, methods] of Object.entries(description.document.paths)) {
			const there = Object.keys(methods).map((method) => method.toUpperCase());
			for (const method of ['GET', 'POST', 'PATCH', 'DELETE'].filter((each) => !there.includes(each))) {
				const got = await house.bureau.request(method, path.replace('{id}', '1'));
				assertProblem(got, 405, 'method_not_allowed');
				assert.deepEqual(got.headers.allow.split(', ').filter((each) => each !== 'HEAD').sort(), there.sort());
			}
		}
	});
});

// ---- every operation ----

describe('every operation', () => {
	test('works as described', async () => {
		for (const operation of declared.operations.filter(({ gives }) => gives.body !== 'events')) {
			let got, client, path, asked;
			/* A job may be over before it is cancelled: then another one is made. */
			for (let tries = 0; tries === 0 || (operation.id === 'cancel_job' && got.status === 409 && tries < 20); tries++) {
				({ client, path, ...asked } = await requestFor(operation));
				got = await client.request(operation.method, path, { ...asked, clear: ['clear', 'table'].includes(operation.gives.body) });
			}
			assert.equal(got.status, operation.status, `${operation.id}: ${got.text}`);
			description.hold(operation.method, path, got);
			if (operation.gives.body === 'part') {
				const { required } = description.document.components.schemas[title(operation.resource)] ?? { required: [] };
				assert.deepEqual(required.filter((name) => !(name in got.json)), [], `${operation.id}: all fields are answered`);
				const some = await client.request('GET', `${path}?fields=version`);
				assert.deepEqual(Object.keys(some.json), ['version']);
			}
		}
	});

	test('and what it takes is what is described', async () => {
		for (const operation of declared.operations.filter(({ takes }) => !['none', 'table', 'file'].includes(takes.body))) {
			const { body } = await requestFor(operation);
			const content = description.document.paths[operation.path][operation.method.toLowerCase()].requestBody.content;
			for (const type of Object.keys(content)) {
				const pointer = ['paths', operation.path, operation.method.toLowerCase(), 'requestBody', 'content', type, 'schema'];
				assert.equal(description.wrong(pointer, body), null, operation.id);
				assert.match(description.wrong(pointer, { ...body, nonsense: 1 }), /additional properties/, operation.id);
			}
		}
	});

	test('refuses as described: nobody, somebody who may not, and what is wrong', async () => {
		const many = Array.from({ length: 17 }, (_, i) => `p${i}=1`).join('&');
		for (const operation of declared.operations) {
			const path = operation.path.replace('{id}', '4611686018427387903');
			const ask = async (client, status, code, options = {}, target = path) => {
				const got = await client.request(operation.method, target, options);
				assertProblem(got, status, code);
				description.hold(operation.method, target, got);
				assert.ok(operation.problems.includes(code), `${operation.id} may answer ${code}`);
			};
			const typed = uploads[operation.takes.body] ?? (operation.method === 'GET' ? {} : { body: {} });
			await ask(house.nobody, 400, 'bad_request', typed, `${path}?${many}`);
			if (!operation.open)
				await ask(house.nobody, 401, 'not_signed_in', typed);
			if (operation.if_match)
				await ask(whoMay(operation), 428, 'precondition_required', typed, (await requestFor(operation)).path);
			if (operation.path.includes('{id}'))
				await ask(whoMay(operation), 404, 'not_found', { ...(await requestFor(operation)), path: undefined, client: undefined });
			if (['create', 'members'].includes(operation.takes.body) && !operation.if_match)
				await ask(whoMay(operation), 422, 'invalid', { body: { nonsense: 1 } }, (await requestFor(operation)).path);
			if (operation.method !== 'GET')
				await ask(house.nobody, 415, 'unsupported_media_type', { body: 'x', type: 'text/plain' });
		}
	});

	test('is open to those whom the matrix names', async () => {
		const [head, ...rows] = described(program, 'matrix').trim().split('\n').map((line) => line.split(','));
		assert.equal(rows.length, declared.operations.length);
		for (const row of rows) {
			const operation = Object.fromEntries(row.map((cell, i) => [head[i], cell]));
			assert.deepEqual(declared.roles.map(({ name }) => operation[name]),
				Object.values(declared.operations.find(({ id }) => id === operation.operation).roles));
			if (['login', 'logout', 'follow_events'].includes(operation.operation))
				continue;
			const path = operation.path.replace('{id}', '4611686018427387903');
			const { takes } = declared.operations.find(({ id }) => id === operation.operation);
			const options = uploads[takes.body] ?? (operation.method === 'GET' ? {} : { body: {} });
			for (const [user, role] of Object.entries(accounts)) {
				const got = await house[user].request(operation.method, path, options);
				assert.equal(got.status !== 403, operation[role] !== 'no', `${operation.operation} as ${user}: ${got.status}`);
			}
			assert.equal((await house.nobody.request(operation.method, path, options)).status !== 401, operation.nobody === 'yes');
		}
	});

	test('a stream is one', async () => {
		const said = description.document.paths['/api/v1/events'].get;
		const stream = await Events.open(house.server.url, { cookie: house.bureau.cookie });
		assert.equal(String(stream.status), Object.keys(said.responses)[0]);
		assert.ok(said.responses[200].content[stream.headers['content-type']]);
		stream.close();
		assertProblem(await new Client(house.server.url).get('/api/v1/events'), 401, 'not_signed_in');
	});
});

const title = (name) => name.split('_').map((part) => part[0].toUpperCase() + part.slice(1)).join('');

// ---- the other forms ----

/** On both databases: columns, indexes, views, and what is remembered of them. */
async function comparePostgres(said, own, sql) {
	await psql(said, sql);
	/* What transactions are counted on top of differs from one database to the next. */
	const plain = (text) => text.replace(/(xact_id\(\)\)::text\)::bigint) \+ \d+/g, '$1');
	for (const all of [
		'SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name FROM information_schema.columns'
			+ " WHERE table_schema = 'public' ORDER BY 1, 2",
		"SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
		"SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
		'SELECT owner, step FROM store_schema ORDER BY 1, 2',
		'SELECT name, definition FROM store_index ORDER BY 1',
	])
		assert.equal(plain(await psql(said, all)), plain(await psql(own, all)));
}

describe('songhe schema', () => {
	test('the statements make the tables that a store has', async () => {
		const sql = described(program, 'sql', ['--database', kind]);
		const [own, said] = [await emptyStore(), await emptyStore()];
		const init = await run(['init', '--store', own, '--plan', 'laishan', '--password-stdin'], { input: `${password}\n` });
		assert.equal(init.code, 0, init.stderr);
		if (onSqlite) {
			const ask = async (store, text) => (await run([store.replace('sqlite:', ''), text], { bin: 'sqlite3' })).stdout;
			const all = 'SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2';
			const made = await run([said.replace('sqlite:', '')], { bin: 'sqlite3', input: sql });
			assert.equal(made.code, 0, made.stderr);
			assert.equal(await ask(said, all), await ask(own, all));
			const rows = 'SELECT owner, step FROM store_schema ORDER BY 1, 2; SELECT * FROM store_index ORDER BY 1';
			assert.equal(await ask(said, rows), await ask(own, rows));
		} else {
			await comparePostgres(said, own, sql);
		}
		const after = await run(['init', '--store', said, '--plan', 'laishan', '--password-stdin'], { input: `${password}\n` });
		assert.equal(after.code, 0, `an empty database with these tables is none that init can use: ${after.stderr}`);
	});

	test('every table is spread, or stays', () => {
		const citus = described(program, 'citus');
		const tables = [...citus.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g)].map(([, name]) => name);
		const spread = [...citus.matchAll(/create_(reference|distributed)_table\('(\w+)'/g)].map(([, how, name]) => [name, how]);
		const stay = [...citus.matchAll(/^-- (\w+) stays/gm)].map(([, name]) => name);
		assert.deepEqual([...spread.map(([name]) => name), ...stay].sort(), [...new Set(tables)].sort());
		const how = Object.fromEntries(spread);
		assert.deepEqual([how.elder, how.journal_entry, how.account, how.area], ['distributed', 'distributed', 'reference', 'reference']);
		/* Citus takes nothing unique that does not begin with what is distributed by. */
		for (const [, table, first] of citus.matchAll(/CREATE UNIQUE INDEX \w+ ON (\w+) \((\w+)/g))
			assert.ok(how[table] === 'reference' || first === 'district', table);
	});

	test('what is declared is without a mistake, and quickly looked at', async () => {
		const began = process.hrtime.bigint();
		const got = await run(['schema', '--check'], { bin: released });
		assert.deepEqual([got.code, got.stdout, got.stderr], [0, '', '']);
		assert.ok(process.hrtime.bigint() - began < 5_000_000_000n);
	});

	test('what is not understood is said', async () => {
		for (const args of [[], ['--as', 'xml'], ['--as', 'json', '--check'], ['--as', 'sql', '--database', 'oracle']])
			assert.equal((await run(['schema', ...args])).code, 2, args.join(' '));
	});
});
