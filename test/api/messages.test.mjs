// SPDX-License-Identifier: Apache-2.0
// messages.test.mjs - messages go to a gateway signed, in their order, once where nothing fails, again on schedule where it does;
// where nobody takes them, somebody has to call.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, demoStore, eventually, filterOf, password, register, run, Server, TestClock } from '../harness.mjs';
import { Gateway, certificate, newSecret } from '../gateway.mjs';

const SECOND = 1000, HOUR = 3600 * SECOND;
const waits = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 72000].map((seconds) => seconds * SECOND);
const mobile = '13800138000';

let store, clock, server, sms, voice, certificates, admin, bureau, ops, community, auditor, elder;

async function start() {
	server = await Server.start(store, { clock, args: ['--gateway-ca', certificates.cert,
		'--gateway-allow', `127.0.0.1/32:${sms.port},127.0.0.1/32:${voice.port}`] });
	await signIn();
}

/* A session does not last for days. */
async function signIn() {
	[admin, bureau, community, auditor] = await Promise.all(['admin', 'bureau', 'community1', 'auditor'].map((user) => server.as(user)));
	ops = await server.as('ops').catch(() => null);
}

async function forward(ms) {
	clock.forward(ms);
	await signIn();
}

before(async () => {
	store = await demoStore({ elders: 5 });
	clock = new TestClock();
	certificates = certificate();
	[sms, voice] = [await Gateway.start(certificates), await Gateway.start(certificates)];
	await start();
	const made = await admin.post('/api/v1/users', { user: 'ops', role: 'operator', areas: ['370613'], password });
	assert.equal(made.status, 201, made.text);
	await signIn();
	elder = await register(bureau, { phone: mobile });
});
after(cleanUp);

const path = (message, what = '') => `/api/v1/messages/${message.id}${what}`;
const ask = (wish = {}, client = bureau) => client.post('/api/v1/messages',
	{ channel: 'sms', kind: 'visit.missed', to_elder: elder.id, text: '今天上午没有见到您，请回电。', ...wish });
async function send(wish, client) {
	const got = await ask(wish, client);
	assert.equal(got.status, 201, got.text);
	return got.json;
}
const read = async (message) => (await bureau.get(path(message))).json;
const timerOf = async (message) => (await bureau.get(`/api/v1/timers?record=${message.id}&kind=message.send`)).json.items[0];
async function becomes(message, state) {
	let last;
	await eventually(async () => (last = await read(message)).state === state, `the message is ${state}`).catch((error) => {
		throw new Error(`${error.message}: ${JSON.stringify(last)}\n${server.log}`);
	});
	return last;
}
/** Has been tried that often, without success. */
async function tried(message, attempts) {
	await eventually(async () => (await read(message)).attempts === attempts, `attempt ${attempts}`);
	return read(message);
}
const newGateway = (wish = {}) => ({ channel: 'sms', url: sms.url, secret: sms.secret, ...wish });
async function open(wish) {
	const got = await bureau.post('/api/v1/gateways', newGateway(wish));
	assert.equal(got.status, 201, got.text);
	return got.json;
}
const ended = (state) => (call, response) => response.writeHead(state).end();

describe('without a gateway', () => {
	test('a message is somebody\'s task at once: they call, and say what came of it', async () => {
		const message = await send();
		assert.deepEqual([message.state, message.error, message.version, message.to_name, message.area, message.attempts],
			['by_hand', 'no_gateway', 1, elder.name, elder.area, 0]);
		assert.equal(Date.parse(message.due_at), Date.parse(message.created_at) + 24 * HOUR);
		const tasks = (await community.get('/api/v1/tasks')).json.items;
		assert.ok(tasks.some((task) => JSON.stringify(task).includes(message.id)), JSON.stringify(tasks));
		assertProblem(await community.post(path(message, '/call'), {}), 422, 'invalid', '/result');
		assertProblem(await auditor.post(path(message, '/call'), { result: '已告知' }), 403, 'forbidden');
		const seen = await community.post(path(message, '/reveal'), { fields: ['text', 'to_phone'], reason: '电话告知' }, { clear: true });
		assert.deepEqual(seen.json, { text: '今天上午没有见到您，请回电。', to_phone: mobile });
		const called = await community.post(path(message, '/call'), { result: '本人接听，平安' });
		assert.deepEqual([called.status, called.json.state, called.json.due_at, called.json.result], [200, 'called', null, '***'], called.text);
		assertProblem(await community.post(path(message, '/call'), { result: '再次' }), 409, 'wrong_state');
		assertProblem(await bureau.post(path(message, '/resend'), {}), 409, 'wrong_state');
		assert.equal(await timerOf(message), undefined);
	});

	test('neither can one be sent that has no number; it is told by hand', async () => {
		const silent = await register(bureau);
		assert.deepEqual([(await send({ to_elder: silent.id })).error, (await send({ channel: 'wechat' })).error], ['no_phone', 'no_openid']);
	});

	test('what is wrong is told', async () => {
		assertProblem(await ask({ to_elder: undefined }), 422, 'invalid', '/to_elder');
		assertProblem(await ask({ to_elder: undefined, to_phone: mobile }), 422, 'invalid', '/area');
		assertProblem(await ask({ to_elder: '1' }), 422, 'invalid', '/to_elder');
		assertProblem(await ask({ to_phone: '138' }), 422, 'invalid', '/to_phone');
		assertProblem(await ask({ channel: 'fax' }), 422, 'invalid', '/channel');
		assertProblem(await ask({ text: '长'.repeat(1001) }), 422, 'invalid', '/text');
		assertProblem(await ask({ attempts: 5 }), 422, 'invalid', '/attempts');
		assertProblem(await ask({ error: 'none' }), 422, 'invalid', '/error');
		assertProblem(await ask({}, community), 403, 'forbidden');
		const message = await send();
		assertProblem(await bureau.post('/api/v1/gateways/4611686018427387903/test', {}), 404, 'not_found');
		for (const move of ['deliver', 'retry', 'hand_over'])
			assert.ok([404, 405].includes((await bureau.post(path(message, `/${move}`), {})).status), move);
		assertProblem(await bureau.post(path(message, '/resend'), {}), 409, 'wrong_state');
	});
});

describe('a gateway', () => {
	test('is an https address with a secret of Standard Webhooks', async () => {
		for (const url of ['http://sms.example.cn/', 'https://', 'https:///x', 'https://user@sms.example.cn/', 'https://user:word@sms.example.cn/',
			'https://sms.example.cn/#part', 'https://sms.example.cn:0/', 'https://sms.example.cn:65536/', 'https://sms.example.cn:x/',
			'https://sms.example.cn:/', 'https://sms example.cn/', 'https://短信.example.cn/', 'https://sms.example.cn\\@10.0.0.1/', 'ftp://sms.example.cn/',
			'https://[::1', 'https://[x]/', 'javascript:alert(1)', 'file:///etc/passwd', 'HTTPS://sms.example.cn/', 'https://sms.example.cn/\r\nX: y'])
			assertProblem(await bureau.post('/api/v1/gateways', newGateway({ url })), 422, 'invalid', '/url');
		for (const secret of ['', 'whsec_', 'secret', newSecret(23), newSecret(65), newSecret().slice(0, -1), newSecret().replace('whsec_', 'whsk_'),
			`whsec_${'-'.repeat(44)}`, 'whsec_====', `whsec_${'A'.repeat(43)}==`])
			assertProblem(await bureau.post('/api/v1/gateways', newGateway({ secret })), 422, 'invalid', '/secret');
		assertProblem(await community.post('/api/v1/gateways', newGateway()), 403, 'forbidden');
		assertProblem(await community.get('/api/v1/gateways'), 403, 'forbidden');
	});

	test('shows its secret to nobody, not even for a reason', async () => {
		const gateway = await open();
		assert.equal(gateway.secret, '***');
		const second = await bureau.post('/api/v1/gateways', newGateway());
		assertProblem(second, 409, 'duplicate');
		const where = `/api/v1/gateways/${gateway.id}`;
		assert.equal((await admin.patch(where, { provider: '某短信公司' }, 1)).status, 200);
		const plain = sms.secret.slice('whsec_'.length);
		for (const got of [await bureau.get(where), await bureau.get('/api/v1/gateways'), await auditor.get(`${where}/history`),
			await auditor.get('/api/v1/journal?limit=200'), await bureau.post('/api/v1/gateways/export?as=ndjson', {}),
			await bureau.post(`${where}/reveal`, { fields: ['secret'], reason: '核对密钥' })])
			assert.ok(!got.text.includes(plain), got.text);
		assertProblem(await admin.post(`${where}/reveal`, { fields: ['secret'], reason: '核对密钥' }), 404, 'not_found');
		assert.equal((await bureau.end(`${where}?end_reason=closed`, 2)).status, 200);
	});

	test('can be tried out', async () => {
		const gateway = await open(), where = `/api/v1/gateways/${gateway.id}`;
		const fine = await bureau.post(`${where}/test`, {});
		assert.deepEqual([fine.status, fine.json.delivered, fine.json.status, fine.json.error], [200, true, 204, null], fine.text);
		const call = await sms.until(1);
		assert.deepEqual([call.type, call.data, call.method, call.path, call.agent], ['gateway.test', {}, 'POST', '/take?from=songhe', 'Songhe']);
		assert.match(call.id, /^test_\d+_\d+$/);
		sms.answer = ended(410);
		assert.deepEqual((await admin.post(`${where}/test`, {})).json.error, 'http_410');
		assert.equal((await bureau.get(where)).json.ended_at, null, 'a trial ends nothing');
		sms.answer = ended(204);
		const other = newSecret();
		assert.equal((await bureau.patch(where, { secret: other }, 1)).status, 200);
		assert.equal((await bureau.post(`${where}/test`, {})).json.error, 'http_401');
		sms.wrong = undefined;
		assertProblem(await ops.post(`${where}/test`, {}), 403, 'forbidden');
		assert.equal((await bureau.end(`${where}?end_reason=closed`, 2)).status, 200);
		assertProblem(await bureau.post(`${where}/test`, {}), 409, 'wrong_state');
	});

	test('is never at an address that the program may not call', async () => {
		const gateway = await open(), where = `/api/v1/gateways/${gateway.id}`;
		let version = 1;
		const [open_port, other_port] = [sms.port, new URL(server.url).port];
		for (const [url, error] of [[`https://127.0.0.1:${other_port}/`, 'refused_address'], [`https://127.0.0.2:${open_port}/`, 'refused_address'],
			[`https://2130706433:${other_port}/`, 'refused_address'], [`https://0x7f.1:${other_port}/`, 'refused_address'],
			[`https://localhost:${other_port}/`, 'refused_address'], ['https://localhost/', 'refused_address'], [`https://[::1]:${open_port}/`, 'refused_address'],
			[`https://[::ffff:127.0.0.1]:${open_port}/`, 'refused_address'], ['https://0.0.0.0/', 'refused_address'],
			['https://169.254.169.254/latest/meta-data/', 'refused_address'], ['https://10.0.0.1/', 'refused_address'],
			['https://192.168.1.1:8443/', 'refused_address'], ['https://100.100.100.200/', 'refused_address'], ['https://8.8.8.8:25/', 'refused_address'],
			['https://gateway.invalid/', 'no_such_host']]) {
			const changed = await bureau.patch(where, { url }, version++);
			assert.equal(changed.status, 200, `${url}: ${changed.text}`);
			const got = await bureau.post(`${where}/test`, {});
			assert.deepEqual([got.json.delivered, got.json.status, got.json.error], [false, null, error], `${url}: ${got.text}`);
		}
		assert.equal((await bureau.end(`${where}?end_reason=closed`, version)).status, 200);
	});

	test('is known by its certificate, or not called', async () => {
		const stranger = await Gateway.start(certificate(), 0);
		const gateway = await open({ channel: 'wechat', url: `https://127.0.0.1:${stranger.port}/` });
		const allowed = await Server.start(await demoStore({ elders: 1 }), { args: ['--gateway-ca', certificates.cert,
			'--gateway-allow', '127.0.0.0/8:' + stranger.port] });
		const client = await allowed.as('bureau');
		const there = (await client.post('/api/v1/gateways', newGateway({ url: `https://127.0.0.1:${stranger.port}/` }))).json;
		assert.equal((await client.post(`/api/v1/gateways/${there.id}/test`, {})).json.error, 'bad_certificate');
		assert.equal(stranger.calls.length, 0);
		await allowed.stop();
		assert.equal((await bureau.end(`/api/v1/gateways/${gateway.id}?end_reason=closed`, 1)).status, 200);
	});

	test('that is to be used later is not used before', async () => {
		const day = new Date(clock.now + 3 * 24 * HOUR).toISOString().slice(0, 10);
		const gateway = await open({ valid_from: day });
		assert.equal((await send()).error, 'no_gateway');
		assert.equal((await bureau.end(`/api/v1/gateways/${gateway.id}?end_reason=mistake`, 1)).status, 200);
	});

	test('nets that are none are refused at the start', async () => {
		for (const nets of ['10.0.0.0', '10.0.0.1/8', 'localhost/8', '10.0.0.0/8:0']) {
			const got = await run(['serve', '--store', store, '--listen', '127.0.0.1:0', '--gateway-allow', nets], { deadlineMs: 20000 });
			assert.equal(got.code, 2, got.stderr);
			assert.match(got.stderr, /--gateway-allow/);
		}
		const got = await run(['serve', '--store', store, '--listen', '127.0.0.1:0', '--gateway-ca', '/nowhere'], { deadlineMs: 20000 });
		assert.equal(got.code, 2, got.stderr);
	});
});

describe('sending', () => {
	let gateway;
	before(async () => {
		sms.calls.length = 0;
		gateway = await open();
	});

	test('a message is sent once, signed, and says only what the gateway has to know', async () => {
		const message = await send();
		assert.deepEqual([message.state, message.error], ['waiting', null]);
		const sent = await becomes(message, 'sent');
		assert.deepEqual([sent.attempts, sent.error, sent.due_at, sent.moved_by, sent.repeats], [1, null, null, 'system', 0]);
		const call = await sms.until(1);
		assert.deepEqual([call.id, call.type, Date.parse(call.timestamp), call.data], [`msg_${message.id}`, 'message.sms', Date.parse(message.created_at),
			{ id: message.id, kind: 'visit.missed', to: mobile, text: '今天上午没有见到您，请回电。' }]);
		assert.ok(Math.abs(call.at - clock.now) < 2 * SECOND);
		assert.equal(await timerOf(message), undefined);
		assertProblem(await bureau.patch(path(message), { to_phone: '13800138001' }, sent.version), 409, 'wrong_state');
	});

	test('many are sent in their order, each once', async () => {
		const from = sms.calls.length, messages = [];
		for (let i = 0; i < 30; i++)
			messages.push(await send({ text: `第 ${i} 条`, to_elder: undefined, to_phone: `138001380${10 + i}`, area: elder.area }));
		await sms.until(from + 30);
		for (const message of messages)
			await becomes(message, 'sent');
		assert.deepEqual(sms.ids.slice(from), messages.map(({ id }) => `msg_${id}`));
		assert.deepEqual(sms.calls.slice(from).map(({ data }) => data.to), messages.map((_, i) => `138001380${10 + i}`));
	});

	test('what fails is tried again on schedule, the same bytes under the same number, for three days; then somebody calls', async () => {
		sms.answer = ended(503);
		const from = sms.calls.length, message = await send(), began = clock.now;
		for (const [i, wait] of waits.entries()) {
			const seen = await tried(message, i + 1);
			assert.deepEqual([seen.state, seen.error], ['waiting', 'http_503']);
			assert.equal(Date.parse(seen.tried_at), clock.now);
			assert.equal(Date.parse((await timerOf(message)).due_at), clock.now + wait);
			await forward(wait - 1);
			assert.equal((await read(message)).attempts, i + 1);
			await forward(1);
		}
		const last = await becomes(message, 'by_hand');
		assert.deepEqual([last.attempts, last.error], [10, 'http_503']);
		assert.ok(clock.now - began < 72 * HOUR && clock.now - began > 71 * HOUR);
		const calls = sms.calls.slice(from);
		assert.deepEqual(calls.map(({ id }) => id), Array(10).fill(`msg_${message.id}`));
		assert.equal(new Set(calls.map(({ body }) => body)).size, 1);
		assert.equal(new Set(calls.map(({ at }) => at)).size, 10, 'each with the time at which it was sent');
		assert.equal(await timerOf(message), undefined);
		sms.answer = ended(204);
		const again = await bureau.post(path(message, '/resend'), {});
		assert.deepEqual([again.status, again.json.state, again.json.attempts, again.json.error], [200, 'waiting', 0, null], again.text);
		await becomes(message, 'sent');
		assert.equal(sms.ids.at(-1), `msg_${message.id}`, 'nobody has taken it yet: it is the same one');
	});

	test('what was taken is sent again under a new number', async () => {
		const message = await send();
		await becomes(message, 'sent');
		assertProblem(await community.post(path(message, '/resend'), {}), 403, 'forbidden');
		assert.equal((await ops.post(path(message, '/resend'), {})).status, 200);
		assert.equal((await becomes(message, 'sent')).repeats, 1);
		assert.equal((await bureau.post(path(message, '/resend'), {})).status, 200);
		assert.equal((await becomes(message, 'sent')).repeats, 2);
		assert.deepEqual(sms.ids.slice(-3), ['', '_1', '_2'].map((behind) => `msg_${message.id}${behind}`));
	});

	test('what waits for its next attempt is sent at once where somebody says so; many in one request', async () => {
		sms.answer = ended(500);
		const messages = [await send(), await send(), await send()];
		for (const message of messages)
			await tried(message, 1);
		sms.answer = ended(204);
		assert.equal((await bureau.post(path(messages[0], '/resend'), {})).status, 200);
		const moved = await bureau.post('/api/v1/messages/moves', { move: 'resend', records: messages.slice(1).map(({ id }) => id) });
		assert.equal(moved.status, 200, moved.text);
		for (const message of messages)
			assert.deepEqual([(await becomes(message, 'sent')).attempts, (await read(message)).repeats], [2, 0]);
		assert.deepEqual(sms.ids.slice(-3).sort(), messages.map(({ id }) => `msg_${id}`).sort());
	});

	test('the gateway may ask for more time', async () => {
		sms.answer = (call, response) => response.writeHead(429, { 'Retry-After': '3600' }).end();
		const message = await send(), late = await tried(message, 1);
		assert.equal(late.error, 'http_429');
		assert.equal(Date.parse((await timerOf(message)).due_at), clock.now + HOUR);
		sms.answer = (call, response) => response.writeHead(503, { 'Retry-After': '99999999' }).end();
		await forward(HOUR);
		await tried(message, 2);
		assert.equal(Date.parse((await timerOf(message)).due_at), clock.now + 24 * HOUR);
		sms.answer = ended(204);
		await forward(24 * HOUR);
		await becomes(message, 'sent');
	});

	test('no redirect is followed, and no answer read without end', async () => {
		const from = voice.calls.length;
		sms.answer = (call, response) => response.writeHead(307, { Location: voice.url }).end();
		const message = await send();
		assert.equal((await tried(message, 1)).error, 'http_307');
		assert.equal(voice.calls.length, from);
		sms.answer = (call, response) => {
			response.writeHead(200);
			const more = () => {
				while (!response.destroyed && response.write('x'.repeat(65536)))
					;
			};
			response.on('drain', more);
			more();
		};
		await forward(5 * SECOND);
		assert.deepEqual([(await becomes(message, 'sent')).attempts], [2]);
		sms.answer = ended(204);
	});

	test('a connection that is cut is a failure', async () => {
		sms.answer = (call, response) => response.socket.destroy();
		const message = await send();
		assert.equal((await tried(message, 1)).error, 'unreachable');
		sms.answer = ended(204);
		await forward(5 * SECOND);
		await becomes(message, 'sent');
	});

	test('on hold it waits until it is released', async () => {
		sms.answer = ended(500);
		const message = await send();
		await tried(message, 1);
		const timer = await timerOf(message), from = sms.calls.length;
		assert.equal((await bureau.post(`/api/v1/timers/${timer.id}/hold`, { reason: '核对号码' })).status, 200);
		sms.answer = ended(204);
		await forward(HOUR);
		const other = await send();
		await becomes(other, 'sent');
		assert.deepEqual([(await read(message)).attempts, sms.ids.slice(from)], [1, [`msg_${other.id}`]]);
		const seen = await read(message);
		assert.equal((await bureau.patch(path(message), { to_phone: '13900139000' }, seen.version)).status, 200);
		assert.equal((await bureau.post(`/api/v1/timers/${timer.id}/release`, {})).status, 200);
		await becomes(message, 'sent');
		assert.equal(sms.calls.at(-1).data.to, '13900139000');
	});

	test('one that is still on hold after three days is told by hand', async () => {
		sms.answer = ended(500);
		const message = await send();
		await tried(message, 1);
		const timer = await timerOf(message);
		assert.equal((await bureau.post(`/api/v1/timers/${timer.id}/hold`, { reason: '核对号码' })).status, 200);
		await forward(72 * HOUR);
		await becomes(message, 'by_hand');
		assert.equal(await timerOf(message), undefined);
		sms.answer = ended(204);
	});

	test('one that has ended is not sent', async () => {
		sms.answer = ended(500);
		const message = await send(), seen = await tried(message, 1), from = sms.calls.length;
		assert.equal((await bureau.end(`${path(message)}?end_reason=mistake`, seen.version)).status, 200);
		sms.answer = ended(204);
		await forward(HOUR);
		await becomes(await send(), 'sent');
		assert.equal(sms.calls.length, from + 1);
		assert.equal((await read(message)).attempts, 1);
	});

	test('killed between sending and writing it down, it is sent again under the same number, and is sent once as far as anybody sees', async () => {
		let held;
		sms.answer = (call, response) => (held = response);
		const from = sms.calls.length, message = await send(), second = await send();
		await sms.until(from + 1);
		await eventually(() => held, 'the gateway holds it');
		await server.kill();
		sms.answer = ended(204);
		await start();
		await becomes(message, 'sent');
		await becomes(second, 'sent');
		assert.deepEqual(sms.ids.slice(from), [message, message, second].map(({ id }) => `msg_${id}`));
		assert.equal((await read(message)).attempts, 1);
		assert.equal(await server.stop(), 0);
		await start();
		assert.equal(sms.calls.length, from + 3);
	});

	test('a server that stops does not wait for a gateway', async () => {
		let held;
		sms.answer = (call, response) => (held = response);
		const from = sms.calls.length, message = await send();
		await eventually(() => held, 'the gateway holds it');
		const began = Date.now();
		assert.equal(await server.stop(), 0);
		assert.ok(Date.now() - began < 10 * SECOND);
		sms.answer = ended(204);
		await start();
		await becomes(message, 'sent');
		assert.deepEqual(sms.ids.slice(from), Array(2).fill(`msg_${message.id}`));
	});

	test('a gateway that hangs keeps no other from its turn, and is given up after 15 seconds', async () => {
		const other = await open({ channel: 'voice', url: voice.url, secret: voice.secret });
		voice.answer = () => {};
		const from = voice.calls.length, stuck = await send({ channel: 'voice' });
		await voice.until(from + 1);
		await becomes(await send(), 'sent');
		assert.equal((await read(stuck)).attempts, 0);
		assert.equal((await tried(stuck, 1)).error, 'timeout');
		voice.answer = ended(204);
		await forward(5 * SECOND);
		await becomes(stuck, 'sent');
		assert.equal(voice.calls.at(-1).type, 'message.voice');
		assert.equal((await bureau.end(`/api/v1/gateways/${other.id}?end_reason=closed`, 1)).status, 200);
	});

	test('one that answers 410 has ended: what waits for it is told by hand', async () => {
		sms.answer = ended(500);
		const early = await send();
		await tried(early, 1);
		sms.answer = ended(410);
		const message = await send(), last = await becomes(message, 'by_hand');
		assert.deepEqual([last.error, last.attempts], ['http_410', 1]);
		const closed = (await bureau.get(`/api/v1/gateways/${gateway.id}`)).json;
		assert.deepEqual([closed.end_reason, closed.ended_at !== null], ['gone', true]);
		await eventually(() => server.log.includes('answers 410'), 'a word in the log');
		assert.equal((await send()).error, 'no_gateway');
		const from = sms.calls.length;
		await forward(5 * SECOND);
		assert.deepEqual([(await becomes(early, 'by_hand')).error, sms.calls.length], ['no_gateway', from]);
		assertProblem(await bureau.post(path(message, '/resend'), {}), 409, 'wrong_state');
	});

	test('nothing of it is in the log', async () => {
		assert.ok(!/1[3-9]\d{9}|whsec_|请回电/.test(server.log.replace(/\bmessage \d+|gateway \d+/g, '')), server.log);
	});

	test('a list of what is to be told has pages and conditions', async () => {
		const waiting = await bureau.all(`/api/v1/messages?${filterOf({ '==': [{ var: 'state' }, 'by_hand'] })}`, { limit: 3 });
		assert.ok(waiting.length > 3);
		assert.ok(waiting.every(({ state, text }) => state === 'by_hand' && text === '***'));
	});
});
