// SPDX-License-Identifier: Apache-2.0
// harness.mjs - a store, a server on it, and somebody who asks: what every black-box test begins with.
//
// SONGHE_STORE_KIND  sqlite (default) or postgres
// SONGHE_BUILD       directory of the programs, build/ by default; SONGHE_BIN names one program to use for everything
// SONGHE_TEST_PG     URL of a PostgreSQL that may be used; without it, one is started
// SONGHE_HOLD        every answer is held against the description of the API
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const build = process.env.SONGHE_BUILD ?? join(root, 'build');

export const kind = process.env.SONGHE_STORE_KIND ?? 'sqlite';
export const onSqlite = kind === 'sqlite';
/** The program as it is shipped, and the same with --test-clock. */
export const released = process.env.SONGHE_BIN ?? join(build, 'songhe');
export const program = process.env.SONGHE_BIN ?? join(build, 'songhe-test');
export const password = 'pine-and-crane 27';
export const DEADLINE_MS = 30000;

assert.ok(kind === 'sqlite' || kind === 'postgres', `SONGHE_STORE_KIND is sqlite or postgres, not ${kind}`);

const description = process.env.SONGHE_HOLD
	? await import('./openapi.mjs').then(({ Description, described }) => new Description(described(program, 'openapi'))) : null;

// ---- waiting ----

/** Asks `condition` again and again until it gives something true, which is returned. */
export async function eventually(condition, what, deadlineMs = DEADLINE_MS) {
	const until = Date.now() + deadlineMs;
	for (;;) {
		const got = await condition();
		if (got)
			return got;
		assert.ok(Date.now() < until, `still not after ${deadlineMs} ms: ${what}`);
		await pause(10);
	}
}

function within(promise, what, deadlineMs = DEADLINE_MS) {
	let timer;
	const late = new Promise((resolve, reject) => {
		timer = setTimeout(() => reject(new Error(`still not after ${deadlineMs} ms: ${what}`)), deadlineMs);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// ---- what must never be seen ----

// Record numbers are long too; they are taken out before the search.
const recordNumbers = /"id":"\d+"|(elders|facilities|users|areas)\/\d+|\bid: \d+|(record|记录) \d+/g;
// A number with a birth date in its middle; its check character tells it from a reference or a credit code.
const idCard = /(?<![\dA-Za-z])\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])/g;
const mobile = /(?<![\d.])1[3-9]\d{9}(?!\d)/;

/** The last character of an ID card number (GB 11643). */
function checkCharacter(digits) {
	const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
	return '10X98765432'[weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0) % 11];
}

/** Whether it is the number of a record of these days: the time and the district, 1, stand in it. */
function isRecordNumber(digits) {
	if (!/^\d+$/.test(digits) || (BigInt(digits) >> 10n & 4095n) !== 1n)
		return false;
	const madeAt = Number(BigInt(digits) >> 22n) + Date.UTC(2024, 0, 1);
	return Math.abs(madeAt - Date.now()) < 30 * 86400_000;
}

/** Fails when the text holds a whole ID card or mobile number. */
export function assertMasked(text, where) {
	const rest = text.replace(recordNumbers, '');
	const card = [...rest.matchAll(idCard)]
		.find(([number]) => number.slice(-1).toUpperCase() === checkCharacter(number) && !isRecordNumber(number));
	for (const [what, found] of [['ID card', card ?? null], ['telephone', mobile.exec(rest)]]) {
		assert.equal(found, null, `${where}: a whole ${what} number in ${found && rest.slice(Math.max(0, found.index - 80), found.index + 80)}`);
	}
}

// ---- asking ----

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });

/** One request: { status, headers, text, json }. `body` is sent as JSON unless it is a string or Buffer. `clear`: whole numbers may
 * be in the answer. */
export function send(url, method, path, { body, headers = {}, type = 'application/json', cookie, chunked = false, clear = false } = {}) {
	const bytes = body === undefined ? undefined
		: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
	const all = { ...headers };
	if (bytes && type !== null)
		all['Content-Type'] ??= type;
	if (bytes && !chunked)
		all['Content-Length'] ??= bytes.length;
	if (cookie)
		all.Cookie ??= cookie;
	const { hostname, port } = new URL(url);
	const answer = new Promise((resolve, reject) => {
		const request = http.request({ agent, hostname, port, method, path, headers: all }, (response) => {
			const parts = [];
			response.on('data', (part) => parts.push(part));
			response.on('error', reject);
			response.on('end', () => {
				const raw = Buffer.concat(parts);
				const text = raw.toString('utf8');
				resolve({ status: response.statusCode, headers: response.headers, text, raw });
			});
		});
		request.on('error', reject);
		request.end(bytes);
	});
	return within(answer, `the answer to ${method} ${path}`).then((got) => {
		if (!clear)
			assertMasked(got.text, `${method} ${path}`);
		if (/\bjson/.test(got.headers['content-type'] ?? '') && got.text !== '') {
			assert.ok(got.raw.equals(Buffer.from(got.text)), `${method} ${path}: the answer is not UTF-8`);
			got.json = JSON.parse(got.text);
		}
		description?.hold(method, path, got);
		return got;
	});
}

/** Bytes as they are over a socket of their own; the bytes that come back until the server (or the deadline) ends it.
 * `enough(text)` ends it earlier. */
export async function rawExchange(url, bytes, { enough = () => false, deadlineMs = DEADLINE_MS } = {}) {
	const { hostname, port } = new URL(url);
	const socket = net.connect(Number(port), hostname);
	let got = '';
	const ended = new Promise((resolve) => {
		socket.on('error', () => resolve());
		socket.on('close', () => resolve());
		socket.on('data', (part) => {
			got += part.toString('latin1');
			if (enough(got))
				resolve();
		});
	});
	socket.write(bytes);
	try {
		await within(ended, 'the end of a raw exchange', deadlineMs);
	} finally {
		socket.destroy();
	}
	assertMasked(got, 'a raw exchange');
	return got;
}

/** Somebody who asks, signed in or not. */
export class Client {
	constructor(url, cookie = null) {
		this.url = url;
		this.cookie = cookie;
	}

	request(method, path, options = {}) {
		return send(this.url, method, path, { cookie: this.cookie, ...options });
	}

	get(path, options) {
		return this.request('GET', path, options);
	}

	post(path, body, options) {
		return this.request('POST', path, { body, ...options });
	}

	patch(path, body, version, options = {}) {
		return this.request('PATCH', path, { body, ...options, headers: { 'If-Match': `"${version}"`, ...options.headers } });
	}

	end(path, version, options = {}) {
		return this.request('DELETE', path, { ...options, headers: { 'If-Match': `"${version}"`, ...options.headers } });
	}

	/** All items of a list, page by page. */
	async all(path, { limit = 200, between } = {}) {
		const items = [];
		let cursor = null;
		do {
			const join = path.includes('?') ? '&' : '?';
			const page = await this.get(`${path}${join}limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
			assert.equal(page.status, 200, page.text);
			items.push(...page.json.items);
			cursor = page.json.next;
			if (cursor && between)
				await between(items.length);
		} while (cursor);
		return items;
	}

	events(options) {
		return Events.open(this.url, { cookie: this.cookie, ...options });
	}

	async signIn(user, secret = password) {
		const got = await this.post('/api/v1/login', { user, password: secret });
		assert.equal(got.status, 200, got.text);
		this.cookie = got.headers['set-cookie'][0].split(';')[0];
		return got;
	}
}

export const filterOf = (condition) => `filter=${encodeURIComponent(JSON.stringify(condition))}`;

// ---- the feed ----

/** An event stream: `list` holds what came, each { id, event, data }. */
export class Events {
	static async open(url, { cookie, lastEventId, headers = {} } = {}) {
		const { hostname, port } = new URL(url);
		const all = { Accept: 'text/event-stream', ...headers };
		if (cookie)
			all.Cookie = cookie;
		if (lastEventId !== undefined)
			all['Last-Event-ID'] = String(lastEventId);
		const events = new Events();
		await within(new Promise((resolve, reject) => {
			events.request = http.get({ agent: false, hostname, port, path: '/api/v1/events', headers: all }, (response) => {
				events.status = response.statusCode;
				events.headers = response.headers;
				response.setEncoding('utf8');
				response.on('data', (part) => events.#take(part));
				response.on('error', () => events.#finish());
				response.on('close', () => events.#finish());
				resolve();
			});
			events.request.on('error', reject);
		}), 'the event stream');
		/* The stream first tells where it begins: from then on nothing is missed. */
		if (events.status === 200)
			await eventually(() => events.lastId !== null || events.ended, 'the beginning of the event stream');
		return events;
	}

	list = [];
	lastId = null;
	ended = false;
	#rest = '';

	#finish() {
		this.ended = true;
	}

	#take(part) {
		this.#rest += part;
		for (let end; (end = this.#rest.indexOf('\n\n')) >= 0; this.#rest = this.#rest.slice(end + 2))
			this.#block(this.#rest.slice(0, end));
	}

	#block(text) {
		assertMasked(text, 'the event stream');
		const block = {};
		for (const line of text.split('\n')) {
			const colon = line.indexOf(':');
			if (colon > 0)
				block[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
		}
		if (block.id !== undefined)
			this.lastId = Number(block.id);
		if (block.data !== undefined)
			this.list.push({ id: Number(block.id), event: block.event, data: JSON.parse(block.data) });
	}

	/** Waits until an event fits, and returns it. */
	until(fits, what = 'an event') {
		return eventually(() => this.list.find(fits), what);
	}

	close() {
		this.request.destroy();
	}
}

// ---- programs ----

/** Runs a command to its end: { code, stdout, stderr }; `code` is the signal when one ended it (SIGKILL: it took too long). */
export function run(args, { input, bin = program, env, deadlineMs = 120000 } = {}) {
	return new Promise((resolve) => {
		const options = { maxBuffer: 1 << 28, env: { ...process.env, ...env }, timeout: deadlineMs, killSignal: 'SIGKILL' };
		const child = execFile(bin, args, options, (error, stdout, stderr) => {
			resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr });
		});
		child.stdin.on('error', () => {});
		child.stdin.end(input ?? '');
	});
}

const cleanups = [];

/* Beside a database there is no place for its key file, and for files: one for all stores of this test. */
if (!onSqlite && !process.env.SONGHE_KEY_FILE)
	process.env.SONGHE_KEY_FILE = join(temporaryDirectory(), 'songhe.key');
if (!onSqlite)
	process.env.SONGHE_FILES ??= join(temporaryDirectory(), 'files');

/** Remembers something to be undone at the end of the test file, last first. */
export function atEnd(undo) {
	cleanups.push(undo);
}

/** To be called once, in after() of every test file. */
export async function cleanUp() {
	while (cleanups.length > 0)
		await cleanups.pop()();
	agent.destroy();
}

export function temporaryDirectory() {
	const directory = mkdtempSync(join(tmpdir(), 'songhe-test-'));
	atEnd(() => rmSync(directory, { recursive: true, force: true }));
	return directory;
}

// ---- stores ----

let ownPostgres = null;

async function postgresUrl() {
	if (process.env.SONGHE_TEST_PG)
		return process.env.SONGHE_TEST_PG;
	if (!ownPostgres) {
		const { startPostgres } = await import('./postgres.mjs');
		ownPostgres = await startPostgres();
		atEnd(() => ownPostgres.stop());
	}
	return ownPostgres.url;
}

/** Runs SQL through psql. */
export async function psql(url, text) {
	const args = ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set', 'ON_ERROR_STOP=1', '--command', text, url];
	const got = await run(args, { bin: 'psql' });
	assert.equal(got.code, 0, got.stderr);
	return got.stdout.trimEnd();
}

/** The URL of a place where a store can be made, with nothing there yet. */
export async function emptyStore() {
	if (onSqlite)
		return `sqlite:${join(temporaryDirectory(), 'store.db')}`;
	const server = await postgresUrl();
	const name = `songhe_test_${process.pid}_${Math.random().toString(36).slice(2, 10)}`;
	await psql(server, `CREATE DATABASE "${name}" TEMPLATE template0`);
	atEnd(() => psql(server, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
	const url = new URL(server);
	url.pathname = `/${name}`;
	return url.href;
}

/** A demo store: its URL. */
export async function demoStore({ plan = 'laishan', elders = 300, seed = 1 } = {}) {
	const store = await emptyStore();
	const made = await run(['demo', '--store', store, '--plan', plan, '--elders', String(elders), '--seed', String(seed),
		'--password', password]);
	assert.equal(made.code, 0, made.stderr);
	return store;
}

/**
 * The same, where every line of the journal has its place. On PostgreSQL lines get theirs soon after, and not before every
 * older transaction of the whole cluster has ended: also those of the tests beside this one.
 */
export async function orderedStore(wish) {
	const store = await demoStore(wish);
	if (onSqlite)
		return store;
	const server = await Server.start(store);
	const all = 'SELECT (SELECT count(*) FROM journal_entry) = (SELECT count(*) FROM journal_order)';
	await eventually(async () => await psql(store, all) === 't', 'every line has its place');
	await server.stop();
	return store;
}

/** The time of a server: a file of eight bytes. */
export class TestClock {
	constructor(at = Date.now()) {
		this.path = join(temporaryDirectory(), 'clock');
		writeFileSync(this.path, Buffer.alloc(8));
		this.fd = openSync(this.path, 'r+');
		atEnd(() => closeSync(this.fd));
		this.set(at);
	}

	set(ms) {
		const bytes = Buffer.alloc(8);
		bytes.writeBigInt64LE(BigInt(ms));
		writeSync(this.fd, bytes, 0, 8, 0);
		this.now = ms;
	}

	forward(ms) {
		this.set(this.now + ms);
	}
}

// ---- servers ----

export class Server {
	static async start(store, { args = [], listen = '127.0.0.1:0', bin = program, clock, env } = {}) {
		const server = new Server();
		const all = ['serve', '--store', store, '--listen', listen, ...(clock ? ['--test-clock', clock.path] : []), ...args];
		server.store = store;
		server.child = spawn(bin, all, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
		server.log = '';
		server.exited = new Promise((resolve) => {
			server.child.once('exit', (code, signal) => resolve({ code, signal }));
		});
		let said = '';
		server.child.stdout.on('data', (part) => (said += part));
		server.child.stderr.on('data', (part) => (server.log = (server.log + part).slice(-65536)));
		atEnd(() => server.stop());
		await eventually(() => said.includes('\n') || server.child.exitCode !== null || server.child.signalCode !== null,
			`the server's first line (${all.join(' ')})`);
		server.url = said.split('\n')[0].trim();
		assert.match(server.url, /^https?:\/\//, `the server did not start: ${said}${server.log}`);
		return server;
	}

	get running() {
		return this.child.exitCode === null && this.child.signalCode === null;
	}

	/** Asks it to stop and waits; gives its exit code. */
	async stop() {
		if (this.running)
			this.child.kill('SIGTERM');
		const { code } = await within(this.exited, 'the server to stop', 60000);
		return code;
	}

	async kill() {
		if (this.running)
			this.child.kill('SIGKILL');
		await within(this.exited, 'the server to be gone');
	}

	client() {
		return new Client(this.url);
	}

	/** Somebody signed in. */
	async as(user, secret = password) {
		const client = this.client();
		await client.signIn(user, secret);
		return client;
	}
}

/** A demo store with a server on it and its five accounts signed in. */
export async function openHouse({ demo = {}, serve = {}, users = ['admin', 'bureau', 'street1', 'community1', 'auditor'] } = {}) {
	const store = await demoStore(demo);
	const server = await Server.start(store, serve);
	const house = { store, server, nobody: server.client() };
	for (const user of users)
		house[user] = await server.as(user);
	return house;
}

// ---- what goes in ----

/** An ID card number: area, birth date (YYYY-MM-DD), order number (odd: male). */
export function idCardOf(area, bornOn, order) {
	const digits = `${area}${bornOn.replaceAll('-', '')}${String(order).padStart(3, '0')}`;
	return digits + checkCharacter(digits);
}

/** A unified social credit code (GB 32100) of some number, with the right check character. */
export function usccOf(number) {
	const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY';
	const body = `52370613M${String(number).padStart(8, '0')}`;
	const sum = [...body].reduce((total, c, i) => total + alphabet.indexOf(c) * (3 ** i % 31), 0);
	return body + alphabet[(31 - (sum % 31)) % 31];
}

let people = 0;

/** A new elder that nobody has registered yet: what to POST. */
export function newElder(more = {}) {
	const number = people++;
	const bornOn = `19${40 + (number % 18)}-0${1 + (number % 9)}-1${number % 10}`;
	const male = number % 2 === 0;
	return {
		name: `测试${number}`,
		id_card: idCardOf('905123', bornOn, ((number * 2) % 998) + (male ? 1 : 0)),
		sex: male ? 'male' : 'female',
		born_on: bornOn,
		area: '370613001011',
		...more,
	};
}

/** Registers an elder and gives the record. */
export async function register(client, more = {}) {
	const got = await client.post('/api/v1/elders', newElder(more));
	assert.equal(got.status, 201, got.text);
	return got.json;
}

/** Asserts a problem document and returns it. */
export function assertProblem(got, status, code, pointer) {
	assert.equal(got.status, status, got.text);
	assert.match(got.headers['content-type'] ?? '', /^application\/problem\+json/);
	const problem = got.json;
	assert.equal(problem.code, code, got.text);
	assert.equal(problem.status, status);
	assert.equal(problem.type, `urn:songhe:problem:${code}`);
	assert.ok(problem.title && problem.title_en, got.text);
	if (pointer !== undefined)
		assert.ok(problem.errors.some((error) => error.pointer === pointer && error.code && error.message),
			`no error for ${pointer} in ${got.text}`);
	return problem;
}

export const readText = (path) => readFileSync(path, 'utf8');
