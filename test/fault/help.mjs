// SPDX-License-Identifier: Apache-2.0
// help.mjs - what the fault tests share: stores, servers that may die, sessions, elders with names of their own.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { dirname, join } from 'node:path';

import { atEnd, demoStore, eventually, password, released, run, temporaryDirectory } from '../harness.mjs';

export { cleanUp, kind, onSqlite, password, temporaryDirectory } from '../harness.mjs';

/** A demo store with few elders of its own. */
export const smallStore = () => demoStore({ elders: 20 });

/** A demo store at this path. */
export async function storeAt(path) {
	const made = await songhe(['demo', '--store', `sqlite:${path}`, '--plan', 'laishan', '--elders', '20', '--seed', '1',
		'--password', password]);
	if (made.code !== 0)
		throw new Error(`demo ended with ${made.code}: ${made.stderr}`);
	return `sqlite:${path}`;
}

/** The path of a new demo store on SQLite. */
export async function fileStore() {
	const path = join(temporaryDirectory(), 'songhe.db');
	await storeAt(path);
	return path;
}

/** Runs a command of the program to its end: { code, stdout, stderr }. */
export const songhe = (args, options) => run(args, { bin: released, ...options });

/** What happens soon by itself: asks until `wanted` gives something true. */
export const until = (what, wanted, ms = 20000) => eventually(wanted, what, ms);

/** A server as a process. It says its address once for each start (a restart by SIGUSR2 says it again). */
export class Server {
	static spawn(store, { args = [], env = {}, port = 0 } = {}) {
		const server = new Server();
		const all = ['serve', '--store', store, '--listen', `127.0.0.1:${port}`, ...args];
		Object.assign(server, { store, started: performance.now(), starts: 0, log: '' });
		server.child = spawn(released, all, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
		server.gone = new Promise((done) => server.child.once('exit', (code, signal) => done({ code, signal })));
		server.child.stdout.on('data', (bytes) => server.#heard(String(bytes)));
		server.child.stderr.on('data', (bytes) => (server.log = (server.log + bytes).slice(-20000)));
		return server;
	}

	static async start(store, options) {
		const server = Server.spawn(store, options);
		await server.untilStarted(1);
		return server;
	}

	#heard(text) {
		const found = [...text.matchAll(/https?:\/\/127\.0\.0\.1:(\d+)/g)];
		this.starts += found.length;
		if (found.length)
			this.port = Number(found.at(-1)[1]);
	}

	get pid() {
		return this.child.pid;
	}

	get running() {
		return this.child.exitCode === null && this.child.signalCode === null;
	}

	async untilStarted(starts) {
		await until(`start number ${starts}`, () => this.starts >= starts || !this.running, 60000);
		if (this.starts < starts)
			throw new Error(`the server ended (${this.child.exitCode ?? this.child.signalCode}):\n${this.log}`);
	}

	/** Milliseconds from its process to the first 200 of /readyz. */
	async ready() {
		await until('/readyz says 200', async () => (await ask(this, 'GET', '/readyz').catch(() => ({}))).status === 200);
		return performance.now() - this.started;
	}

	signal(name) {
		this.child.kill(name);
	}

	/** Sends a signal and gives how the process ended. */
	async end(name = 'SIGTERM') {
		if (this.running)
			this.child.kill(name);
		return this.gone;
	}

	memoryKb() {
		return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]);
	}
}

/** A server that is killed, at the latest, when the test ends. */
export async function serve(t, store, options) {
	const server = await Server.start(store, options);
	t.after(() => server.end('SIGKILL'));
	return server;
}

export function keepAlive(sockets = 64) {
	return new http.Agent({ keepAlive: true, maxSockets: sockets });
}

/** One request: { status, headers, text, json }. Rejects when there is no whole answer. */
export function ask(server, method, path, { cookie, body, headers = {}, agent } = {}) {
	return new Promise((done, failed) => {
		const bytes = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
		const all = { ...headers };
		if (cookie)
			all.cookie = cookie;
		if (bytes !== undefined) {
			all['content-type'] ??= 'application/json';
			all['content-length'] = Buffer.byteLength(bytes);
		}
		const request = http.request({ host: '127.0.0.1', port: server.port, method, path, headers: all, agent: agent ?? false });
		request.on('error', failed);
		request.on('response', (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('error', failed);
			answer.on('close', () => {
				if (!answer.complete)
					return failed(new Error('the answer broke off'));
				const text = Buffer.concat(parts).toString();
				const json = /json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(text) : undefined;
				done({ status: answer.statusCode, headers: answer.headers, text, json });
			});
		});
		request.end(bytes);
	});
}

/** Signs in; the cookie. */
export async function signIn(server, user) {
	const answer = await ask(server, 'POST', '/api/v1/login', { body: { user, password } });
	if (answer.status !== 200)
		throw new Error(`${user} cannot sign in: ${answer.status} ${answer.text}`);
	return answer.headers['set-cookie'][0].split(';')[0];
}

export const area = '370613001011000';

export function elder(name) {
	return { name, sex: 'female', born_on: '1940-02-29', area };
}

export function post(server, cookie, name, { key, agent } = {}) {
	return ask(server, 'POST', '/api/v1/elders', { cookie, agent, body: elder(name),
		headers: key ? { 'idempotency-key': key } : {} });
}

/** Elders from the newest back, as long as `more(page)`; [{ id, name }]. */
export async function newest(server, cookie, more = () => true, agent = undefined) {
	const all = [];
	for (let cursor = ''; ;) {
		const page = await ask(server, 'GET', `/api/v1/elders?sort=-id&fields=id,name&limit=200${cursor}`, { cookie, agent });
		if (page.status !== 200)
			throw new Error(`the list answers ${page.status}: ${page.text}`);
		all.push(...page.json.items);
		if (!page.json.next || !more(page.json.items))
			return all;
		cursor = `&cursor=${encodeURIComponent(page.json.next)}`;
	}
}

/** What is wrong with a list, given what was acknowledged (name → id): missing, doubled, under another id. */
export function faults(listed, acknowledged) {
	const wrong = [];
	const byName = new Map();
	const ids = new Set();
	for (const { id, name } of listed) {
		if (ids.has(id))
			wrong.push(`id ${id} is listed twice`);
		ids.add(id);
		byName.set(name, [...(byName.get(name) ?? []), id]);
	}
	for (const [name, id] of acknowledged) {
		const found = byName.get(name) ?? [];
		if (found.length !== 1 || found[0] !== id)
			wrong.push(`${name} was acknowledged as ${id}, there is ${found.join(' and ') || 'nothing'}`);
	}
	return wrong;
}

/** `verify` of a store, beside or without a server. */
export async function verify(store) {
	const done = await songhe(['verify', '--store', store, '--json']);
	if (done.code !== 0)
		throw new Error(`verify ends with ${done.code}: ${done.stdout}${done.stderr}`);
	return JSON.parse(done.stdout);
}

/** One number of /metrics. */
export async function metric(server, auditor, name) {
	const { text } = await ask(server, 'GET', '/metrics', { cookie: auditor });
	return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)[1]);
}

/** A plain connection; never throws by itself. */
export function connect(server) {
	return new Promise((done, failed) => {
		const socket = net.connect({ host: '127.0.0.1', port: server.port, noDelay: true }, () => done(socket));
		socket.on('error', failed);
	});
}

/** Listens to the feed: events as [{ pos, event, data }], `ended` resolves true for a clean end, false for a broken one. */
export function listen(server, cookie, lastEventId) {
	const listener = { events: [], pos: undefined };
	let rest = '';
	const take = (text) => {
		const blocks = (rest + text).split('\n\n');
		rest = blocks.pop();
		for (const block of blocks) {
			const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
			listener.pos = field('id') ?? listener.pos;
			const data = field('data') && JSON.parse(field('data'));
			if (data && data.resource !== 'job') /* how far an import is, is told too */
				listener.events.push({ pos: field('id'), event: field('event'), data });
		}
	};
	return new Promise((open, failed) => {
		const headers = { cookie, ...(lastEventId ? { 'last-event-id': lastEventId } : {}) };
		const request = http.request({ host: '127.0.0.1', port: server.port, path: '/api/v1/events', headers, agent: false });
		listener.close = () => request.destroy();
		request.on('error', failed);
		request.on('response', (answer) => {
			if (answer.statusCode !== 200)
				return failed(new Error(`the feed answers ${answer.statusCode}`));
			answer.setEncoding('utf8');
			answer.on('data', take);
			answer.on('error', () => {});
			listener.ended = new Promise((done) => answer.on('close', () => done(answer.complete)));
			open(listener);
		});
		request.end();
	});
}

/** A disk that fails on demand (fail_fsync.c): `env` for the server; `fail('sync EIO -wal')`, `mend()`. */
export function faultyDisk() {
	const shim = process.env.SONGHE_FAIL_FSYNC ?? join(dirname(released), 'fail_fsync.so');
	if (!existsSync(shim))
		throw new Error(`${shim} is not there: make it first`);
	const trigger = join(temporaryDirectory(), 'fault');
	/* The sanitizers want to be loaded first, and need not be. */
	const asan = `${process.env.ASAN_OPTIONS ? `${process.env.ASAN_OPTIONS}:` : ''}verify_asan_link_order=0`;
	return {
		env: { LD_PRELOAD: shim, SONGHE_DISK_FAULT: trigger, ASAN_OPTIONS: asan },
		fail(what) {
			/* Whole at once: a server that looks meanwhile sees the old or the new. */
			writeFileSync(`${trigger}.new`, `${what}\n`);
			renameSync(`${trigger}.new`, trigger);
		},
		mend: () => rmSync(trigger, { force: true }),
	};
}

/** A file system of its own and of this size, or undefined where mounting is not allowed. */
export function smallDisk(megabytes) {
	const directory = temporaryDirectory();
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=1777`, 'tmpfs', directory], { stdio: 'pipe' });
	} catch {
		return undefined;
	}
	atEnd(() => execFileSync('umount', ['--lazy', directory]));
	return directory;
}

/** Leaves no block free. */
export function fillUp(directory) {
	const ballast = join(directory, 'ballast');
	const block = Buffer.alloc(65536, 'x');
	const file = openSync(ballast, 'w');
	try {
		for (let size = block.length; size >= 512; size >>= 1)
			for (let full = false; !full;) {
				try {
					writeSync(file, block, 0, size);
				} catch (error) {
					if (error.code !== 'ENOSPC')
						throw error;
					full = true;
				}
			}
	} finally {
		closeSync(file);
	}
	return () => rmSync(ballast, { force: true });
}
