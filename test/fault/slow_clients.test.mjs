// SPDX-License-Identifier: Apache-2.0
// slow_clients.test.mjs - those who do not read, dawdle, or leave half-way: nobody else notices, nothing stays behind.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { ask, cleanUp, connect, faults, keepAlive, kind, metric, newest, post, serve, signIn, smallStore, until,
	verify } from './help.mjs';

const rounds = 100;
const slowMs = 1000; /* generous: the machine may be busy with other things */
/* A sanitizer keeps several bytes of its own for each. */
const growthKb = 80 * 1024 * (process.env.ASAN_OPTIONS || process.env.TSAN_OPTIONS ? 5 : 1);
const idle = 1000;
const leavers = 200;

after(cleanUp);

/** Somebody with ordinary work, and how long each answer took. */
class Worker {
	times = [];
	acknowledged = new Map();
	agent = keepAlive(1);

	constructor(server, cookie) {
		Object.assign(this, { server, cookie });
	}

	async round(name) {
		for (const work of [
			() => post(this.server, this.cookie, name, { agent: this.agent }),
			() => ask(this.server, 'GET', '/api/v1/elders?limit=20', { cookie: this.cookie, agent: this.agent }),
			() => ask(this.server, 'GET', '/api/v1/me', { cookie: this.cookie }),
		]) {
			const since = performance.now();
			const answer = await work();
			this.times.push(performance.now() - since);
			assert.ok(answer.status === 200 || answer.status === 201, `${answer.status} ${answer.text}`);
			if (answer.status === 201)
				this.acknowledged.set(name, answer.json.id);
		}
	}

	async rounds(prefix, count, between = () => {}) {
		for (let n = 0; n < count; n++) {
			await this.round(`${prefix}n${n}`);
			await between(n);
		}
		const sorted = this.times.sort((a, b) => a - b);
		const said = { p50: sorted[sorted.length >> 1], p99: sorted[Math.floor(sorted.length * 0.99)], longest: sorted.at(-1) };
		this.times = [];
		assert.ok(said.longest < slowMs, `${prefix}: an answer took ${Math.round(said.longest)} ms`);
		return `${prefix}: ${Object.entries(said).map(([what, ms]) => `${what} ${ms.toFixed(1)} ms`).join(', ')}`;
	}
}

const headers = (cookie) => `Host: songhe\r\nCookie: ${cookie}\r\n`;

/** Opens the feed and, after the head of the answer, reads no more. */
async function openAndStopReading(server, cookie) {
	const socket = await connect(server);
	socket.write(`GET /api/v1/events HTTP/1.1\r\n${headers(cookie)}\r\n`);
	await new Promise((heard) => socket.once('data', heard));
	socket.pause();
	return socket;
}

async function house(t) {
	const store = await smallStore();
	const server = await serve(t, store);
	const [cookie, auditor] = [await signIn(server, 'bureau'), await signIn(server, 'auditor')];
	const worker = new Worker(server, cookie);
	t.after(() => worker.agent.destroy());
	await worker.rounds('warm', rounds);
	return { store, server, cookie, auditor, worker, before: server.memoryKb() };
}

function assertNoGrowth(t, { server, before }) {
	const grown = server.memoryKb() - before;
	t.diagnostic(`memory: ${before} kB, ${grown} kB more at the end`);
	assert.ok(grown < growthKb, `memory grew by ${grown} kB`);
}

async function assertNothingLost({ store, server, cookie, worker }) {
	assert.deepEqual(faults(await newest(server, cookie, () => true, worker.agent), worker.acknowledged), []);
	assert.deepEqual(await server.end(), { code: 0, signal: null });
	assert.equal((await verify(store)).ok, true);
}

const csv = (prefix, rows) => ['name,sex,born_on,area',
	...Array.from({ length: rows }, (_, n) => `${prefix}n${n},male,1939-12-31,370613001011`)].join('\n');

test(`listeners that stop reading, on ${kind}`, async (t) => {
	const all = await house(t);
	const { server, cookie, auditor, worker } = all;
	const stalled = await Promise.all(Array.from({ length: 20 }, () => openAndStopReading(server, cookie)));
	await until('the listeners are counted', async () => await metric(server, auditor, 'songhe_feed_listeners') === 20);
	/* More than the sockets' buffers and the feed's ring hold, so that every stream stands still. */
	const flood = ask(server, 'POST', '/api/v1/elders/import', { cookie, body: csv('flood', 12000),
		headers: { 'content-type': 'text/csv' } });
	t.diagnostic(await worker.rounds('beside', rounds));
	const { json } = await flood;
	assert.equal(json.accepted, 12000);
	assertNoGrowth(t, all);
	/* One of them reads again: it has lost nothing. */
	let heard = '';
	stalled[0].on('data', (bytes) => (heard += bytes));
	stalled[0].resume();
	await worker.round('the last of all');
	await until('the one that reads again has heard everything', () =>
		heard.includes(worker.acknowledged.get('the last of all')), 30000);
	const positions = [...heard.matchAll(/^id: (\d+)\nevent: /gm)].map(([, pos]) => Number(pos));
	assert.equal(new Set(positions).size, positions.length, 'nothing twice');
	assert.ok(positions.length > 12000, `${positions.length} events`);
	stalled.forEach((socket) => socket.destroy());
	await until('no listener is left', async () => {
		await worker.round(`wake ${performance.now()}`);
		return await metric(server, auditor, 'songhe_feed_listeners') === 0;
	});
	await assertNothingLost(all);
});

test(`clients that send a byte now and then, on ${kind}`, async (t) => {
	const all = await house(t);
	const { server, cookie, worker } = all;
	const head = `POST /api/v1/elders HTTP/1.1\r\n${headers(cookie)}Content-Type: application/json\r\n`;
	const slow = [];
	let cutOff = 0;
	for (let n = 0; n < 200; n++) {
		const socket = await connect(server);
		socket.on('close', () => cutOff++);
		const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n400\r\n{"name":"`;
		socket.write(['', head, `${head}Content-Length: 1000\r\n\r\n{"name":"`, chunked][n % 4]);
		slow.push(socket);
	}
	t.after(() => slow.forEach((socket) => socket.destroy()));
	t.diagnostic(await worker.rounds('beside', rounds, () => slow.forEach((socket, n) =>
		socket.write(n % 4 === 0 ? 'G' : n % 4 === 1 ? 'X' : '.'))));
	assert.equal(cutOff, 0, 'nobody was cut off before the deadline');
	assertNoGrowth(t, all);
	slow.forEach((socket) => socket.destroy());
	await assertNothingLost(all);
});

test(`each request's headers have thirty seconds, on ${kind}`, async (t) => {
	const server = await serve(t, await smallStore());
	const whole = 'GET /livez HTTP/1.1\r\nHost: songhe\r\n\r\n';
	const open = await Promise.all(Array.from({ length: 4 }, async () => {
		const socket = await connect(server);
		return { socket, gone: new Promise((done) => socket.once('close', () => done(performance.now()))) };
	}));
	t.after(() => open.forEach(({ socket }) => socket.destroy()));
	const answered = ({ socket }) => new Promise((heard) => socket.once('data', heard));
	const [first, second, pipelined, idle] = open;
	const begun = performance.now();
	first.socket.write('GET /livez HTTP/1.1\r\nHost: songhe\r\nX-');
	pipelined.socket.write(whole + 'GET /livez HTTP/1.1\r\n');
	second.socket.write(whole);
	idle.socket.write(whole);
	await Promise.all([second, pipelined, idle].map(answered));
	second.socket.write('GET /livez HTTP/1.1\r\nHost: songhe\r\nX-');
	/* A byte now and then makes no difference. */
	const dawdling = setInterval(() => [first, second].forEach(({ socket }) => socket.write('a')), 1000);
	t.after(() => clearInterval(dawdling));
	for (const { gone } of [first, second, pipelined]) {
		const took = Math.round(await gone - begun);
		t.diagnostic(`cut after ${took} ms`);
		assert.ok(took > 29500 && took < 35000, `cut after ${took} ms`);
	}
	idle.socket.write(whole);
	assert.match(String(await answered(idle)), /^HTTP\/1\.1 200 /, 'a connection between two requests has longer');
});

test(`${leavers} clients that leave half-way through a body, on ${kind}`, async (t) => {
	const all = await house(t);
	const { server, cookie, worker } = all;
	const start = (type, path) => `POST ${path} HTTP/1.1\r\n${headers(cookie)}Content-Type: ${type}\r\nContent-Length: 60000\r\n\r\n`;
	const leave = async (n) => {
		const socket = await connect(server);
		socket.on('error', () => {});
		const bytes = n % 2 ? start('application/json', '/api/v1/elders') + `{"name":"${'x'.repeat(5000)}`
			: start('text/csv', '/api/v1/elders/import') + csv(`left${n}`, 100);
		await new Promise((sent) => socket.write(bytes, sent));
		if (n % 4 < 2)
			socket.resetAndDestroy();
		else
			socket.end();
	};
	let left = 0;
	t.diagnostic(await worker.rounds('beside', rounds, async () => {
		await Promise.all([leave(left++), leave(left++)]);
	}));
	assert.equal(left, leavers);
	assertNoGrowth(t, all);
	const listed = await newest(server, cookie, () => true, worker.agent);
	assert.equal(listed.filter(({ name }) => name.startsWith('left')).length, 0, 'half a file changed nothing');
	await assertNothingLost(all);
});

test(`${idle} open connections that say nothing, on ${kind}`, async (t) => {
	const all = await house(t);
	const { server, worker } = all;
	const open = [];
	t.after(() => open.forEach((socket) => socket.destroy()));
	for (let n = 0; n < idle; n += 50)
		open.push(...await Promise.all(Array.from({ length: 50 }, () => connect(server))));
	t.diagnostic(await worker.rounds('beside', rounds));
	assertNoGrowth(t, all);
	open.forEach((socket) => socket.destroy());
	t.diagnostic(await worker.rounds('afterwards', rounds));
	await assertNothingLost(all);
});

test(`clients that ask and do not read the answers, on ${kind}`, async (t) => {
	const all = await house(t);
	const { server, cookie, worker } = all;
	const open = [];
	t.after(() => open.forEach((socket) => socket.destroy()));
	for (let n = 0; n < 100; n++) {
		const socket = await connect(server);
		socket.pause();
		socket.on('error', () => {});
		socket.write(`GET /api/v1/elders?limit=20 HTTP/1.1\r\n${headers(cookie)}\r\n`.repeat(500));
		open.push(socket);
	}
	t.diagnostic(await worker.rounds('beside', rounds));
	assertNoGrowth(t, all);
	await assertNothingLost({ ...all, server: { ...all.server, port: server.port, end: async () => {
		open.forEach((socket) => socket.destroy());
		return server.end();
	} } });
});
