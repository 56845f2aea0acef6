// SPDX-License-Identifier: Apache-2.0
// run.mjs - every speed beside its floor, measured in the same run: prints a table, writes build/bench.json.
//
// The server runs free, the load generator on the last core. Floor and ours alternate and the median counts, so that a
// noisy minute meets both. Speeds are printed, never asserted: the exit status is 1 only when something failed to run,
// an answer was an error, or an event or a record was lost.
import { execFileSync, spawn } from 'node:child_process';
import {
	closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startPostgres } from '../test/postgres.mjs';
import { manyRows, workbook } from '../test/xlsx.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');
const usage = `node bench/run.mjs [--quick] [--no-postgres] [--no-sqlite] [--only start,get,list,post,sse,mixed,import]
  [--threads N] [--elders N] [--mixed-rate R] [--million] [--songhe FILE] [--tools DIR] [--out FILE] [--keep]
--million: also a workbook of 1,000,000 elders into an empty SQLite store`;

function readOptions() {
	try {
		return parseArgs({ options: {
			quick: { type: 'boolean', default: false },
			'no-postgres': { type: 'boolean', default: false },
			'no-sqlite': { type: 'boolean', default: false },
			only: { type: 'string', default: 'start,get,list,post,sse,mixed,import' },
			threads: { type: 'string', default: String(os.availableParallelism()) },
			elders: { type: 'string', default: '66198' },
			'mixed-rate': { type: 'string', default: '2000' },
			songhe: { type: 'string', default: join(root, 'build/songhe') },
			tools: { type: 'string', default: join(root, 'build/bench') },
			out: { type: 'string', default: join(root, 'build/bench.json') },
			million: { type: 'boolean', default: false },
			keep: { type: 'boolean', default: false },
		} }).values;
	} catch (error) {
		console.error(`${error.message}\n${usage}`);
		process.exit(2);
	}
}

const options = readOptions();
const only = new Set(options.only.split(','));
const elders = Number(options.elders);
const times = options.quick
	? { rounds: 1, warm: 0.5, seconds: 1.5, starts: 3, sse: 4, mixed: 10 }
	: { rounds: 3, warm: 1, seconds: 5, starts: 7, sse: 20, mixed: 60 };
const password = 'Bench-2718-松鹤';
const user = 'bureau';
const scope = [370613000000000, 370613999999999];
const cores = os.availableParallelism();
const directory = mkdtempSync('/var/tmp/songhe-bench-'); // on a disk: /tmp may be memory, where fsync costs nothing
const rows = [];
const failures = [];
const children = new Set();

// ---- processes: ours only, by handle ----

function start(command, args, stdio) {
	const child = spawn(command, args, { stdio });
	children.add(child);
	child.ended = new Promise((resolve) => {
		child.once('error', (error) => resolve({ code: null, signal: null, error }));
		child.once('exit', (code, signal) => resolve({ code, signal }));
	}).finally(() => children.delete(child));
	return child;
}

// Runs to the end; gives { code, out, err }.
async function finish(command, args) {
	const child = start(command, args, ['ignore', 'pipe', 'pipe']);
	let out = '';
	let err = '';
	child.stdout?.on('data', (bytes) => { out += bytes; });
	child.stderr?.on('data', (bytes) => { err += bytes; });
	const closed = new Promise((resolve) => child.once('close', resolve));
	const { code, signal, error } = await child.ended;
	if (error)
		throw new Error(`${command}: ${error.message}`);
	await closed;
	return { code: code ?? `signal ${signal}`, out, err };
}

async function must(command, args) {
	const { code, out, err } = await finish(command, args);
	if (code !== 0)
		throw new Error(`${command} ${args[0]} ended with ${code}: ${(err || out).slice(-2000)}`);
	return out;
}

function fail(what) {
	failures.push(what);
	console.error(`FAILED: ${what}`);
}

// One part of the run; when it fails the others still run.
async function part(name, work) {
	if (!only.has(name.split(' ')[0]))
		return;
	console.error(`... ${name}`);
	try {
		await work();
	} catch (error) {
		fail(`${name}: ${error.message}`);
	}
}

const pinned = (command, args) => cores > 1
	? ['taskset', ['-c', String(cores - 1), command, ...args]]
	: [command, args];

async function load(mode, port, args) {
	const [command, all] = pinned(join(options.tools, 'load'),
		[mode, '--port', String(port), '--json', ...args.map(String)]);
	const { code, out, err } = await finish(command, all);
	if (code !== 0)
		fail(`load ${mode}: exit ${code}\n${err.slice(-1500)}`);
	if (!out.startsWith('{'))
		throw new Error(`load ${mode} printed nothing: ${err.slice(-500)}`);
	return JSON.parse(out);
}

// ---- servers ----

async function freePort() {
	const server = net.createServer().listen(0, '127.0.0.1');
	await new Promise((resolve) => server.once('listening', resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

function answers(port) {
	return new Promise((resolve) => {
		const socket = net.connect(port, '127.0.0.1');
		let seen = '';
		socket.on('connect', () => socket.write(
			`GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`));
		socket.on('data', (bytes) => {
			seen += bytes;
			if (seen.length >= 12) {
				socket.destroy();
				resolve(seen.startsWith('HTTP/1.1 200'));
			}
		});
		socket.on('error', () => resolve(false));
		socket.on('close', () => resolve(false));
	});
}

// Gives { port, pid, firstAnswerMs, stop() } once the server has answered.
async function serve(store) {
	const port = await freePort();
	const log = join(directory, 'serve.log');
	const begun = performance.now();
	const logFile = openSync(log, 'a');
	const child = start(options.songhe, ['serve', '--store', store, '--listen', `127.0.0.1:${port}`,
		'--threads', options.threads], ['ignore', 'ignore', logFile]);
	closeSync(logFile);
	let over = false;
	child.ended.then(() => { over = true; });
	while (!await answers(port)) {
		if (over || performance.now() - begun > 60000)
			throw new Error(`the server does not answer: ${readFileSync(log, 'utf8').slice(-2000)}`);
		await pause(1);
	}
	const firstAnswerMs = performance.now() - begun;
	const stop = async () => {
		child.kill('SIGTERM');
		const late = setTimeout(() => child.kill('SIGKILL'), 30000);
		const { code, signal } = await child.ended;
		clearTimeout(late);
		if (code !== 0)
			fail(`the server ended with ${code ?? signal}: ${readFileSync(log, 'utf8').slice(-2000)}`);
	};
	return { port, pid: child.pid, firstAnswerMs, stop };
}

function rssMb(pid) {
	return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

/* What is its own: pages of mapped files are the system's to take back. */
function watchMemory(pid) {
	let most = 0;
	const look = () => {
		const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
		most = Math.max(most, Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
	};
	const timer = setInterval(look, 50);
	return () => (clearInterval(timer), look(), most);
}

async function startHello() {
	const child = start(join(options.tools, 'floor_http'), ['0', options.threads], ['ignore', 'pipe', 'inherit']);
	const line = await Promise.race([
		new Promise((resolve) => child.stdout.once('data', (bytes) => resolve(String(bytes)))),
		child.ended.then(() => ''),
	]);
	const port = Number(/^ready (\d+)/.exec(line)?.[1]);
	if (!port)
		throw new Error('floor_http does not start (make build/bench/floor_http)');
	return { port, stop: () => (child.kill('SIGTERM'), child.ended) };
}

// ---- what is asked for ----

async function signIn(port) {
	const answer = await fetch(`http://127.0.0.1:${port}/api/v1/login`, { method: 'POST',
		headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user, password }) });
	if (answer.status !== 200)
		throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
	return answer.headers.get('set-cookie').split(';')[0];
}

// A shuffle that is the same in every run.
function shuffle(list) {
	let seed = 42;
	for (let at = list.length - 1; at > 0; at--) {
		seed = (seed * 1103515245 + 12345) % 2147483648;
		const other = seed % (at + 1);
		[list[at], list[other]] = [list[other], list[at]];
	}
	return list;
}

// Reads every elder's id and area through the API, and writes the files of paths for the load generator: the first page of
// every community, or of `some` of them where the floor knows no more.
async function learn(port, some) {
	const cookie = await signIn(port);
	const ids = [];
	const byArea = new Map();
	let cursor = '';
	do {
		const from = cursor && `&cursor=${encodeURIComponent(cursor)}`;
		const answer = await fetch(`http://127.0.0.1:${port}/api/v1/elders?limit=200${from}`,
			{ headers: { Cookie: cookie } });
		if (answer.status !== 200)
			throw new Error(`list: ${answer.status} ${await answer.text()}`);
		const page = await answer.json();
		for (const { id, area } of page.items) {
			ids.push(id);
			byArea.set(area, (byArea.get(area) ?? 0) + 1);
		}
		cursor = page.next;
	} while (cursor);
	if (ids.length !== elders)
		throw new Error(`the store has ${ids.length} elders instead of ${elders}`);
	const areas = [...byArea].filter(([, count]) => count > 20).sort((a, b) => b[1] - a[1]).map(([area]) => area);
	const listAreas = some ? Array.from({ length: some }, (_, at) => areas[at % areas.length]) : shuffle([...areas]);
	const getFile = join(directory, 'get.paths');
	const listFile = join(directory, 'list.paths');
	writeFileSync(getFile, shuffle(ids).map((id) => `/api/v1/elders/${id}\n`).join(''));
	writeFileSync(listFile, listAreas.map((area) => {
		const filter = encodeURIComponent(JSON.stringify({ '==': [{ var: 'area' }, area] }));
		return `/api/v1/elders?filter=${filter}&sort=born_on&limit=20\n`;
	}).join(''));
	return { getFile, listFile, listAreas, areas: areas.slice(0, 64).join(',') };
}

let nextElder = 0;
const signed = ['--user', user, '--password', password];
const timed = ['--warm', times.warm, '--seconds', times.seconds];

async function loadElders(mode, port, args) {
	const result = await load(mode, port, [...signed, '--first', nextElder, ...args]);
	nextElder = result.elders_to + 1;
	return result;
}

// ---- rows of the table ----

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const shown = (value, unit) => value === undefined ? '-' : unit === '/s' ? `${Math.round(value)}/s`
	: `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;

function ratioRow(work, floors, ours, reach, detail) {
	const floor = median(floors);
	const own = median(ours);
	const ratio = own / floor;
	rows.push({ work, unit: '/s', floor, ours: own, ratio, reach: `>= ${reach}`, ok: ratio >= reach, floors, all: ours,
		...detail });
}

function limitRow(work, value, unit, limit, detail) {
	rows.push({ work, unit, ours: value, reach: `<= ${limit} ${unit}`, ok: value <= limit, ...detail });
}

// Floor and ours in turn.
async function inTurn(floor, ours) {
	const floors = [];
	const own = [];
	const last = {};
	for (let round = 0; round < times.rounds; round++) {
		floors.push(await floor());
		const result = await ours();
		own.push(result.rate);
		Object.assign(last, result.detail);
	}
	return [floors, own, last];
}

async function oursOf(kind, mode, port, args) {
	const result = await (mode === 'post' ? loadElders(mode, port, args) : load(mode, port, [...signed, ...args]));
	const k = result.kinds[kind];
	if (!k)
		throw new Error(`no ${kind} was answered`);
	return { rate: k.per_second,
		detail: { p50_ms: k.p50_ms, p99_ms: k.p99_ms, max_ms: k.max_ms, load_cpu: result.load_cpu } };
}

async function startRow(name, store) {
	await part(`start ${name}`, async () => {
		const all = [];
		let rss;
		for (let at = 0; at < times.starts; at++) {
			const server = await serve(store);
			all.push(server.firstAnswerMs);
			if (at === times.starts - 1) {
				await signIn(server.port);
				await pause(1000);
				rss = rssMb(server.pid);
			}
			await server.stop();
		}
		limitRow(`start to first answer, ${name}`, median(all), 'ms', 200, { all });
		limitRow(`idle memory, ${elders} elders, ${name}`, rss, 'MB', 60);
	});
}

async function sseRow(name, server, facts) {
	await part(`sse ${name}`, async () => {
		const result = await loadElders('sse', server.port, ['--listeners', 500, '--rate', 1000, '-c', 64,
			'--areas', facts.areas, '--warm', 2, '--seconds', times.sse]);
		const { feed, kinds } = result;
		if (feed.lost || feed.doubled || feed.disorder)
			fail(`feed on ${name}: ${JSON.stringify(feed)}`);
		limitRow(`SSE 500 listeners, 1000/s, p99, ${name}`, kinds.event?.p99_ms ?? NaN, 'ms', 100,
			{ feed, event: kinds.event, post: kinds.post, load_cpu: result.load_cpu });
	});
}

// ---- a bulk import, again and again while the mixed load runs ----

let nextImported = 0;
const cardWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

const csvColumns = ['name', 'id_card', 'sex', 'born_on', 'area', 'address', 'phone'];

function csvCells(number, areas) {
	const card = (number * 7368787 + 999) % 1e10; // scattered, each number one card; 907 is nobody else's here
	const sequence = card % 1000;
	const day = Math.floor(card / 1000) % 10000;
	const pad = (value, digits) => String(value).padStart(digits, '0');
	const born = [1930 + Math.floor(day / 336), pad(Math.floor(day % 336 / 28) + 1, 2), pad(day % 28 + 1, 2)];
	const digits = `907${pad(Math.floor(card / 1e7), 3)}${born.join('')}${pad(sequence, 3)}`;
	const check = '10X98765432'[cardWeights.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0) % 11];
	const sex = sequence % 2 ? 'male' : 'female';
	return [`李${pad(number, 8)}`, digits + check, sex, born.join('-'), areas[number % areas.length], `滨海路${number}号`, `139${pad(number % 1e8, 8)}`];
}

function makeCsv(areas) {
	let csv = `${csvColumns}\n`;
	for (let at = 0; at < 66198; at++)
		csv += `${csvCells(nextImported++, areas)}\n`;
	return Buffer.from(csv);
}

function importOnce(port, cookie, body, type = 'text/csv') {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port, path: '/api/v1/elders/import', method: 'POST',
			agent: false, headers: { Cookie: cookie, 'Content-Type': type, 'Content-Length': body.length },
		}, (answer) => {
			let text = '';
			answer.setEncoding('utf8');
			answer.on('data', (piece) => { text += piece; });
			answer.on('end', () => {
				if (answer.statusCode < 200 || answer.statusCode > 299)
					reject(new Error(`import: ${answer.statusCode} ${text.slice(0, 500)}`));
				else
					resolve(JSON.parse(text));
			});
		});
		request.on('error', reject);
		request.end(body);
	});
}

async function importUntil(isOver, port, areas, ready) {
	const cookie = await signIn(port);
	let body = makeCsv(areas);
	let accepted = 0;
	let ms = 0;
	ready();
	while (!isOver()) {
		const begun = performance.now();
		const result = await importOnce(port, cookie, body);
		ms += performance.now() - begun;
		accepted += result.accepted;
		if (result.accepted !== 66198)
			throw new Error(`import: ${JSON.stringify(result).slice(0, 500)}`);
		if (!isOver())
			body = makeCsv(areas);
	}
	return { import_rows: accepted, import_rows_per_second: Math.round(accepted / (ms / 1000)) };
}

function watchSize(file) {
	let largest = 0;
	const look = () => {
		try {
			largest = Math.max(largest, statSync(file).size);
		} catch {
			// no WAL now
		}
	};
	const timer = setInterval(look, 50);
	return () => (clearInterval(timer), look(), largest / (1 << 20));
}

async function mixedRow(name, server, facts, walFile) {
	await part(`mixed ${name}`, async () => {
		let over = false;
		let problem;
		let begin;
		const begun = new Promise((resolve) => { begin = resolve; });
		const importing = importUntil(() => over, server.port, facts.areas.split(','), begin)
			.catch((error) => { problem = error; begin(); return {}; });
		await begun;
		const walMb = walFile ? watchSize(walFile) : () => undefined;
		const result = await loadElders('mixed', server.port, ['-c', 64, '--rate', options['mixed-rate'],
			'--areas', facts.areas, '--paths', facts.getFile, '--lists', facts.listFile, '--warm', 1,
			'--seconds', times.mixed]).finally(() => { over = true; });
		const imported = await importing;
		const wal = walMb();
		if (problem)
			fail(`mixed on ${name}: ${problem.message}`);
		const write = Math.max(result.kinds.post?.p99_ms ?? NaN, result.kinds.patch?.p99_ms ?? NaN);
		const detail = { kinds: result.kinds, rate: Number(options['mixed-rate']), ...imported };
		if (wal === 0)
			fail(`mixed on ${name}: ${walFile} was never there, so nothing was watched`);
		if (walFile)
			limitRow(`mixed ${times.mixed} s, largest WAL, ${name}`, wal || NaN, 'MB', 128, imported);
		limitRow(`mixed ${times.mixed} s, write p99 beside import, ${name}`, write, 'ms', 50, detail);
		const read = Math.max(result.kinds.get?.p99_ms ?? NaN, result.kinds.list?.p99_ms ?? NaN);
		limitRow(`mixed ${times.mixed} s, read p99 beside import, ${name}`, read, 'ms', 20, detail);
	});
}

// ---- a ledger in, and out again ----

const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

async function importedOnce(port, cookie, body, type, count = 66198) {
	const begun = performance.now();
	const result = await importOnce(port, cookie, body, type);
	if (result.accepted !== count || result.created !== count)
		throw new Error(`import: ${JSON.stringify(result).slice(0, 500)}`);
	return { rate: result.accepted / ((performance.now() - begun) / 1000), detail: { bytes: body.length } };
}

function post(port, cookie, path) {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent: false,
			headers: { Cookie: cookie, 'Content-Type': 'application/json', 'Content-Length': 2 } }, (answer) => {
			let lines = 0;
			answer.on('data', (bytes) => {
				for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1))
					lines++;
			});
			answer.on('end', () => (answer.statusCode === 200 ? resolve(lines) : reject(new Error(`${path}: ${answer.statusCode}`))));
		});
		request.on('error', reject);
		request.end('{}');
	});
}

async function exportRow(name, server) {
	const cookie = await signIn(server.port);
	const rates = [];
	for (let round = 0; round < times.rounds; round++) {
		const begun = performance.now();
		const lines = await post(server.port, cookie, '/api/v1/elders/export');
		rates.push((lines - 1) / ((performance.now() - begun) / 1000));
	}
	const own = median(rates);
	rows.push({ work: `export all elders as CSV, ${name}`, unit: '/s', ours: own, reach: '>= 100000/s', ok: own >= 100000, all: rates });
}

async function importRows(name, server, facts, floor) {
	const areas = facts.areas.split(',');
	await part(`import ${name}`, async () => {
		const cookie = await signIn(server.port);
		const memoryMb = watchMemory(server.pid);
		const csv = () => importedOnce(server.port, cookie, makeCsv(areas));
		ratioRow(`import 66,198 elders from CSV, ${name}`, ...spread(await inTurn(floor, csv), 0.25));
		const lines = () => [csvColumns, ...Array.from({ length: 66198 }, () => csvCells(nextImported++, areas))];
		const xlsx = () => importedOnce(server.port, cookie, workbook({ 台账: lines() }), xlsxType);
		ratioRow(`import 66,198 elders from XLSX, ${name}`, ...spread(await inTurn(floor, xlsx), 0.25));
		await exportRow(name, server);
		limitRow(`most memory of its own meanwhile, ${name}`, memoryMb(), 'MB', 150);
	});
}

async function millionRows() {
	const store = `sqlite:${join(directory, 'million.db')}`, count = 1000000;
	await demo(store, 20);
	const server = await serve(store);
	try {
		const cookie = await signIn(server.port);
		const all = await fetch(`http://127.0.0.1:${server.port}/api/v1/areas?limit=200`, { headers: { Cookie: cookie } });
		const areas = (await all.json()).items.filter(({ level }) => level === 'community').map(({ number }) => number);
		const body = workbook({ 台账: manyRows(count + 1, (at) => (at === 0 ? csvColumns : csvCells(at, areas))) });
		const memoryMb = watchMemory(server.pid);
		const walMb = watchSize(join(directory, 'million.db-wal'));
		const { rate } = await importedOnce(server.port, cookie, body, xlsxType, count);
		const detail = { megabytes: body.length / (1 << 20), seconds: count / rate };
		rows.push({ work: 'import 1,000,000 elders from XLSX, SQLite', unit: '/s', ours: rate, reach: '>= 5000/s', ok: rate >= 5000, ...detail });
		limitRow('most memory of its own meanwhile, 1,000,000, SQLite', memoryMb(), 'MB', 150);
		limitRow('largest WAL meanwhile, 1,000,000, SQLite', walMb(), 'MB', 128);
	} finally {
		await server.stop();
	}
	await verify('SQLite with 1,000,000', store);
}

// ---- the two stores ----

async function demo(store, count = elders) {
	const begun = performance.now();
	await must(options.songhe, ['demo', '--store', store, '--plan', 'laishan', '--elders', String(count),
		'--seed', '1', '--password', password]);
	console.error(`... demo made in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
}

async function verify(name, store) {
	const { code, out, err } = await finish(options.songhe, ['verify', '--store', store]);
	if (code !== 0)
		fail(`verify on ${name} ended with ${code}: ${(err || out).slice(-1000)}`);
}

async function sqliteRows() {
	const file = join(directory, 'songhe.db');
	const floorFile = join(directory, 'floor.db');
	const store = `sqlite:${file}`;
	await demo(store);
	copyFileSync(file, floorFile);
	await startRow('SQLite', store);
	const hello = await startHello();
	const server = await serve(store);
	try {
		const facts = await learn(server.port);
		const floor = async () => (await load('get', hello.port, ['--path', '/', ...timed])).kinds.get.per_second;
		await part('get SQLite', async () => ratioRow('GET one elder, SQLite', ...spread(await inTurn(floor,
			() => oursOf('get', 'get', server.port, ['--paths', facts.getFile, ...timed])), 0.5)));
		await part('list SQLite', async () => ratioRow('list page of 20, SQLite', ...spread(await inTurn(floor,
			() => oursOf('get', 'get', server.port, ['--paths', facts.listFile, ...timed])), 0.25)));
		for (const connections of [32, 128])
			await part(`post SQLite ${connections}`, async () => {
				const tool = join(options.tools, 'floor_sqlite');
				const args = ['--waiters', connections, '--seconds', times.seconds, '--json'].map(String);
				const bare = async () => JSON.parse(await must(tool, [floorFile, ...args])).rows_per_second;
				const ours = () => oursOf('post', 'post', server.port,
					['-c', connections, '--areas', facts.areas, ...timed]);
				ratioRow(`POST an elder, ${connections} connections, SQLite`, ...spread(await inTurn(bare, ours), 0.6));
			});
		await sseRow('SQLite', server, facts);
		await mixedRow('SQLite', server, facts, `${file}-wal`);
		/* The same rows in the same tables by SQLite alone, a thousand in a transaction. */
		await importRows('SQLite', server, facts, async () => JSON.parse(await must(join(options.tools, 'floor_sqlite'),
			[floorFile, '--alone', '1000', '--seconds', String(times.seconds), '--json'])).rows_per_second);
		console.error(`... memory after the load: ${rssMb(server.pid).toFixed(1)} MB`);
	} finally {
		await hello.stop();
		await server.stop();
	}
	await verify('SQLite', store);
}

const spread = ([floors, ours, detail], reach) => [floors, ours, reach, detail];

async function postgresRows() {
	const postgres = await startPostgres({ parent: directoryForPostgres(),
		settings: { log_min_messages: 'fatal' } });
	process.env.SONGHE_KEY_FILE = join(directory, 'postgres.key');
	try {
		const store = await postgres.newDatabase('songhe');
		await demo(store);
		await postgres.sql('songhe', 'VACUUM');
		await postgres.sql('songhe', 'ANALYZE');
		const floorUrl = await postgres.newDatabase('floor', 'songhe');
		await must('/usr/lib/postgresql/15/bin/psql', ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--file',
			join(here, 'pg_floor.sql'), floorUrl]);
		await startRow('PostgreSQL', store);
		const server = await serve(store);
		try {
			await postgresServed(postgres, server, floorUrl);
		} finally {
			await server.stop();
		}
		await verify('PostgreSQL', store);
	} finally {
		delete process.env.SONGHE_KEY_FILE;
		await postgres.stop();
	}
}

// As root the server runs as another user, who must be able to reach its files.
function directoryForPostgres() {
	execFileSync('chmod', ['755', directory]);
	return directory;
}

async function postgresServed(postgres, server, floorUrl) {
	const facts = await learn(server.port, 8);
	const district = await postgres.sql('floor', 'SELECT district FROM elder LIMIT 1');
	const values = [`district=${district}`, `elders=${elders}`, `scope_from=${scope[0]}`, `scope_to=${scope[1]}`,
		...facts.listAreas.map((area, at) => `area${at}=${area.padEnd(15, '0')}`)];
	const bench = (work, connections) => async () => {
		const [command, args] = pinned('sh', [join(here, 'floor_pg.sh'), work, floorUrl, String(connections),
			String(Math.max(1, Math.round(times.seconds))), ...values]);
		return Number(await must(command, args));
	};
	const read = (file) => () => oursOf('get', 'get', server.port, ['--paths', file, ...timed]);
	await part('get PostgreSQL', async () => ratioRow('GET one elder, PostgreSQL',
		...spread(await inTurn(bench('get', 32), read(facts.getFile)), 0.6)));
	await part('list PostgreSQL', async () => ratioRow('list page of 20, PostgreSQL',
		...spread(await inTurn(bench('list', 32), read(facts.listFile)), 0.6)));
	for (const connections of [32, 128])
		await part(`post PostgreSQL ${connections}`, async () => {
			const ours = () => oursOf('post', 'post', server.port,
				['-c', connections, '--areas', facts.areas, ...timed]);
			ratioRow(`POST an elder, ${connections} connections, PostgreSQL`,
				...spread(await inTurn(bench('post', connections), ours), 0.5));
		});
	await sseRow('PostgreSQL', server, facts);
	await mixedRow('PostgreSQL', server, facts, undefined);
	await importRows('PostgreSQL', server, facts, async () => 1000 * await bench('import', 1)());
}

// ---- the end ----

function printTable() {
	const lines = [['work', 'floor', 'ours', 'ratio', 'reach', 'ok?'],
		...rows.map((row) => [row.work, shown(row.floor, row.unit), shown(row.ours, row.unit),
			row.ratio?.toFixed(2) ?? '-', row.reach, row.ok ? 'yes' : 'NO'])];
	const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
	lines.splice(1, 0, widths.map((width) => '-'.repeat(width)));
	const padded = (cell, at) => at === 0 || at > 3 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]);
	for (const line of lines)
		console.log(`| ${line.map(padded).join(' | ')} |`);
}

function writeJson() {
	const memory = Math.round(os.totalmem() / 2 ** 20);
	const machine = { cpu: os.cpus()[0]?.model, cores, memory_mb: memory, kernel: os.release() };
	mkdirSync(join(options.out, '..'), { recursive: true });
	writeFileSync(options.out, `${JSON.stringify({ at: new Date().toISOString(), machine, quick: options.quick,
		threads: Number(options.threads), elders, times, rows, failures }, null, '\t')}\n`);
}

function endChildren() {
	for (const child of children)
		child.kill('SIGKILL');
}

function cleanUp() {
	endChildren();
	if (!options.keep)
		rmSync(directory, { recursive: true, force: true });
}

process.on('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, () => process.exit(130));

const stores = [
	[options['no-sqlite'], 'SQLite', sqliteRows],
	[options['no-postgres'], 'PostgreSQL', postgresRows],
	[!options.million, 'a million', millionRows],
];
for (const [skip, name, work] of stores) {
	if (skip)
		continue;
	try {
		await work();
	} catch (error) {
		fail(`${name}: ${error.stack}`);
	}
}
printTable();
writeJson();
if (failures.length)
	console.log(`${failures.length} failed:\n${failures.map((what) => `  ${what.split('\n')[0]}`).join('\n')}`);
process.exitCode = failures.length ? 1 : 0;
