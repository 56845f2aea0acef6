// SPDX-License-Identifier: Apache-2.0
// restart.test.mjs - the server starts again, or stops, while clients work: nobody notices, nothing is lost.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { psql } from '../harness.mjs';
import { area, ask, cleanUp, connect, faults, kind, listen, newest, onSqlite, post, serve, signIn, smallStore, songhe, until,
	verify } from './help.mjs';

after(cleanUp);

const clients = 32;
const restarts = 4;
const drainMs = 5000; /* a stop waits no longer than this for somebody who does not read or does not finish */

/** One answer out of the bytes received so far, or undefined: { status, close, rest }. */
function takeAnswer(bytes) {
	const end = bytes.indexOf('\r\n\r\n');
	if (end < 0)
		return undefined;
	const head = bytes.toString('latin1', 0, end);
	const length = Number(/^content-length: (\d+)$/im.exec(head)[1]);
	if (bytes.length < end + 4 + length)
		return undefined;
	return { status: Number(head.slice(9, 12)), close: /^connection: close$/im.test(head), rest: bytes.subarray(end + 4 + length) };
}

/** A keep-alive client on a bare socket: asks, waits for the answer, asks again. Counts; never forgives. */
class Client {
	answers = 0;
	connections = 0;
	failures = [];

	constructor(server, request) {
		Object.assign(this, { server, request });
	}

	run() {
		this.done = this.#ask();
		return this;
	}

	async #ask() {
		while (!this.stopped)
			await this.#connection();
	}

	#connection() {
		return new Promise((over) => {
			const socket = net.connect({ host: '127.0.0.1', port: this.server.port, noDelay: true });
			let received = Buffer.alloc(0);
			let [asked, closing] = [false, false];
			const next = () => {
				asked = !this.stopped;
				if (asked)
					socket.write(this.request);
				else
					socket.end();
			};
			socket.on('connect', () => {
				this.connections++;
				next();
			});
			socket.on('data', (bytes) => {
				received = Buffer.concat([received, bytes]);
				const answer = takeAnswer(received);
				if (!answer)
					return;
				received = answer.rest;
				asked = false;
				closing = answer.close;
				this.answers++;
				if (answer.status !== 200)
					this.failures.push(`status ${answer.status}`);
				if (!closing)
					next();
			});
			socket.on('error', (error) => this.failures.push(error.message));
			socket.on('close', () => {
				if (asked)
					this.failures.push('a request was sent and not answered');
				else if (!closing && !this.stopped)
					this.failures.push('closed without saying so');
				over();
			});
		});
	}

	async stop() {
		this.stopped = true;
		await this.done;
	}
}

const everyoneWasAnswered = (all, times) => {
	const goals = all.map((client) => client.answers + times);
	return until('everybody is answered', () => all.every((client, i) => client.answers >= goals[i]));
};

test(`restart by SIGUSR2 beside ${clients} keep-alive clients, on ${kind}`, async (t) => {
	const server = await serve(t, await smallStore());
	const cookie = await signIn(server, 'bureau');
	const request = (path) => `GET ${path} HTTP/1.1\r\nHost: songhe\r\nCookie: ${cookie}\r\n\r\n`;
	const paths = ['/api/v1/elders?limit=20', '/api/v1/me', '/readyz', '/api/v1/areas?limit=5'];
	const all = Array.from({ length: clients }, (_, i) => new Client(server, request(paths[i % paths.length])).run());
	const slowest = [];
	for (let restart = 1; restart <= restarts; restart++) {
		await everyoneWasAnswered(all, 20);
		const since = performance.now();
		server.signal('SIGUSR2');
		await server.untilStarted(restart + 1);
		await everyoneWasAnswered(all, 1);
		slowest.push(Math.round(performance.now() - since));
	}
	await everyoneWasAnswered(all, 20);
	await Promise.all(all.map((client) => client.stop()));
	const failures = all.flatMap((client) => client.failures);
	const answers = all.reduce((sum, client) => sum + client.answers, 0);
	t.diagnostic(`${answers} answers over ${restarts} restarts; everybody answered again after ${slowest.join(', ')} ms`);
	assert.deepEqual(failures, []);
	assert.ok(all.every((client) => client.connections > restarts), 'everybody was moved over at each restart');
	assert.equal(server.running, true);
});

test(`SIGTERM and SIGUSR2 beside writers and listeners, on ${kind}`, async (t) => {
	const store = await smallStore();
	const first = await serve(t, store);
	const cookie = await signIn(first, 'bureau');
	const acknowledged = new Map();
	const refused = [];
	let stopping = false;
	const write = async (server, prefix) => {
		for (let n = 0; !stopping; n++) {
			const answer = await post(server, cookie, `${prefix}n${n}`).catch((error) => error);
			if (answer.status === 201)
				acknowledged.set(`${prefix}n${n}`, answer.json.id);
			else if (answer.code !== 'ECONNREFUSED' && answer.code !== 'ECONNRESET')
				refused.push(answer.text ?? answer.message);
		}
	};
	const streams = [];
	let listeners = await Promise.all(Array.from({ length: 5 }, () => listen(first, cookie)));
	const followOn = async (server) => {
		assert.deepEqual(await Promise.all(listeners.map(({ ended }) => ended)), [true, true, true, true, true]);
		streams.push(listeners);
		listeners = await Promise.all(listeners.map(({ pos }) => listen(server, cookie, pos)));
	};
	const untilLoad = () => {
		const before = acknowledged.size;
		return until('there is load', () => acknowledged.size > before + 100);
	};
	t.after(() => (stopping = true));
	let writing = Array.from({ length: 8 }, (_, w) => write(first, `a${w}`));
	await untilLoad();
	for (let restart = 1; restart <= restarts; restart++) {
		first.signal('SIGUSR2');
		await first.untilStarted(restart + 1);
		await followOn(first);
		await untilLoad();
	}
	first.signal('SIGTERM');
	stopping = true;
	await Promise.all(writing);
	assert.deepEqual(await first.gone, { code: 0, signal: null });
	const second = await serve(t, store);
	await followOn(second);
	stopping = false;
	writing = Array.from({ length: 8 }, (_, w) => write(second, `b${w}`));
	await untilLoad();
	stopping = true;
	await Promise.all(writing);
	streams.push(listeners);
	assert.deepEqual(refused, []);
	const listed = await newest(second, cookie);
	assert.deepEqual(faults(listed, acknowledged), []);
	const made = listed.filter(({ name: who }) => /^[ab]\dn/.test(who)).map(({ id }) => id).sort();
	for (let who = 0; who < 5; who++) {
		const events = () => streams.flatMap((generation) => generation[who].events);
		await until('the feed tells everything', () => events().length >= made.length);
		assert.deepEqual(events().map(({ data }) => data.id).sort(), made, 'each change once');
		const order = events().map(({ pos }) => Number(pos));
		assert.deepEqual(order, [...order].sort((a, b) => a - b), 'in order');
	}
	listeners.forEach((listener) => listener.close());
	assert.deepEqual(await second.end(), { code: 0, signal: null });
	assert.equal((await verify(store)).ok, true);
});

test(`a restart does not wait long for those who do not read or do not finish, on ${kind}`, async (t) => {
	const server = await serve(t, await smallStore());
	const cookie = await signIn(server, 'bureau');
	const head = `Host: songhe\r\nCookie: ${cookie}\r\n`;
	const stuck = [await connect(server), await connect(server), await connect(server)];
	t.after(() => stuck.forEach((socket) => socket.destroy()));
	stuck[0].write(`POST /api/v1/elders HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"name":`);
	stuck[1].write(`POST /api/v1/elders HTTP/1.1\r\n${head}Content-`);
	stuck[2].pause();
	stuck[2].write(`GET /api/v1/elders?limit=200 HTTP/1.1\r\n${head}\r\n`.repeat(400));
	assert.equal((await post(server, cookie, 'before')).status, 201);
	const since = performance.now();
	server.signal('SIGUSR2');
	await server.untilStarted(2);
	assert.equal((await post(server, cookie, 'after')).status, 201);
	const took = Math.round(performance.now() - since);
	t.diagnostic(`the server was back after ${took} ms`);
	assert.ok(took < drainMs, `the server was back only after ${took} ms`);
});

test(`a stop waits for a body that goes on coming and an answer that is being read, on ${kind}`, async (t) => {
	const server = await serve(t, await smallStore());
	const cookie = await signIn(server, 'bureau');
	const head = `Host: songhe\r\nCookie: ${cookie}\r\n`;
	const name = '慢'.repeat(40);
	const body = Buffer.from(JSON.stringify({ name, sex: 'male', born_on: '1939-12-31', area }));
	const csv = (rows) => `name,sex,born_on,area,address\n${
		Array.from({ length: rows }, (_, n) => `读者${rows}n${n},male,1939-12-31,${area},${'远'.repeat(200)}\n`).join('')}`;
	const rows = Buffer.from(csv(20));
	const filled = await ask(server, 'POST', '/api/v1/elders/import', { cookie, body: csv(200), headers: { 'content-type': 'text/csv' } });
	assert.equal(filled.json.accepted, 200);
	const [writer, uploader, stuck, reader] = await Promise.all(Array.from({ length: 4 }, () => connect(server)));
	t.after(() => [writer, uploader, stuck, reader].forEach((socket) => socket.destroy()));
	const got = new Map([writer, uploader, stuck, reader].map((socket) => [socket, Buffer.alloc(0)]));
	const ended = (socket) => new Promise((done) => socket.once('close', () => done(performance.now())));
	const ends = [writer, uploader, stuck, reader].map(ended);
	for (const socket of [writer, uploader, stuck])
		socket.on('data', (bytes) => got.set(socket, Buffer.concat([got.get(socket), bytes])));
	const post = (type, path, length) => `POST ${path} HTTP/1.1\r\n${head}Content-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;
	writer.write(post('application/json', '/api/v1/elders', body.length));
	uploader.write(post('text/csv', '/api/v1/elders/import', rows.length));
	stuck.write(post('application/json', '/api/v1/elders', body.length) + '{');
	/* More than the sockets hold, so that an answer stands half-way; then it is read a little at a time. */
	reader.pause();
	reader.write(`GET /api/v1/elders?limit=200&sort=-id HTTP/1.1\r\n${head}\r\n`.repeat(50));
	await pause(2000);
	const since = performance.now();
	server.signal('SIGTERM');
	const pieces = 60; /* over six seconds */
	for (let n = 0; n < pieces; n++) {
		const piece = (all) => all.subarray(Math.floor(all.length * n / pieces), Math.floor(all.length * (n + 1) / pieces));
		writer.write(piece(body));
		uploader.write(piece(rows));
		got.set(reader, Buffer.concat([got.get(reader), reader.read() ?? Buffer.alloc(0)]));
		await pause(100);
	}
	reader.on('data', (bytes) => got.set(reader, Buffer.concat([got.get(reader), bytes])));
	reader.resume();
	const times = (await Promise.all(ends)).map((at) => Math.round(at - since));
	t.diagnostic(`writer, uploader, stuck and reader were gone after ${times.join(', ')} ms`);
	assert.equal(takeAnswer(got.get(writer)).status, 201);
	assert.ok([200, 202].includes(takeAnswer(got.get(uploader)).status)); // the rows are laid down; what is left of them is made later
	assert.equal(got.get(stuck).length, 0);
	assert.ok(times[2] < drainMs, 'who stands still is cut');
	let answers = 0;
	for (let rest = got.get(reader), last; rest.length > 0; rest = last.rest, answers++) {
		last = takeAnswer(rest);
		assert.ok(last, 'an answer broke off');
		assert.equal(last.status, 200);
	}
	t.diagnostic(`the reader had ${answers} answers`);
	assert.deepEqual(await server.gone, { code: 0, signal: null });
});

test(`what is with the store for longer than a stop waits is finished and answered, on ${kind}`, async (t) => {
	const store = await smallStore();
	/* One slice of an import that takes 33 seconds; nothing makes SQLite as slow. */
	if (!onSqlite)
		await psql(store, `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM pg_sleep(0.33); RETURN NEW; END'; CREATE TRIGGER dawdle BEFORE INSERT ON elder FOR EACH ROW EXECUTE FUNCTION dawdle()`);
	const server = await serve(t, store);
	const cookie = await signIn(server, 'bureau');
	const body = ['name,sex,born_on,area', ...Array.from({ length: 100 }, (_, n) => `slown${n},male,1939-12-31,${area}`)].join('\n');
	const since = performance.now();
	const importing = ask(server, 'POST', '/api/v1/elders/import', { cookie, body, headers: { 'content-type': 'text/csv' } });
	await until('the import writes', async () => onSqlite || '1' === await psql(store,
		"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"));
	server.signal('SIGUSR2');
	const answer = await importing;
	const took = Math.round(performance.now() - since);
	t.diagnostic(`the import took ${took} ms and was answered ${answer.status}`);
	/* Whoever sent it is told that it goes on; the server is gone when what it does now is done. */
	assert.ok([200, 202, 503].includes(answer.status), answer.text);
	await server.untilStarted(2);
	const made = async () => (await newest(server, cookie)).filter(({ name }) => name.startsWith('slown')).length;
	await until('the rest is made', async () => await made() === 100, 90000);
	assert.deepEqual(await server.end(), { code: 0, signal: null });
	assert.equal((await verify(store)).ok, true);
});

test(`commands beside restarts do not keep the server from its store, on ${kind}`, async (t) => {
	const store = await smallStore();
	const server = await serve(t, store);
	let over = false;
	const codes = new Map();
	const commands = Array.from({ length: 2 }, async () => {
		while (!over) {
			const { code } = await songhe(['user', 'list', '--store', store]);
			codes.set(code, (codes.get(code) ?? 0) + 1);
		}
	});
	try {
		for (let restart = 1; restart <= 8; restart++) {
			server.signal('SIGUSR2');
			await server.untilStarted(restart + 1);
		}
	} finally {
		over = true;
		await Promise.all(commands);
	}
	t.diagnostic(`exit codes of the commands: ${[...codes].map(([code, times]) => `${code}: ${times}`).join(', ')}`);
	assert.equal(server.running, true);
});
