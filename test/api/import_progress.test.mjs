// SPDX-License-Identifier: Apache-2.0
// import_progress.test.mjs - who waits for a command at a terminal sees how far it is, and can leave it; nobody else does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cleanUp, demoStore, eventually, program, run, Server, temporaryDirectory } from '../harness.mjs';

const ROWS = 6000;
let store, server, bureau, directory;

before(async () => {
	store = await demoStore({ elders: 300 });
	directory = temporaryDirectory();
	server = await Server.start(store);
	bureau = await server.as('bureau');
});
after(cleanUp);

let files = 0;
/** A table of people who are in no other. */
function table(rows = ROWS) {
	const path = join(directory, `${++files}.csv`);
	const day = (i) => new Date(Date.UTC(1930, 0, 1 + i)).toISOString().slice(0, 10);
	writeFileSync(path, `姓名,性别,出生日期,区划代码,住址\n${Array.from({ length: rows }, (_, i) => `进度${files}之${i},男,${day(i)},370613001011,某路${i}号`).join('\n')}\n`);
	return path;
}

const script = (args, out) => ['--quiet', '--return', '--command', `${[program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')} > '${out}'`, '/dev/null'];

/** Runs the command with stderr on a terminal: what was shown there, line by line, and what it wrote to stdout. */
async function atTerminal(args) {
	const out = join(directory, 'stdout');
	const got = await run(script(args, out), { bin: 'script' });
	return { code: got.code, shown: got.stdout.split(/\r\n?/).map((line) => line.replace('\x1b[K', '')), raw: got.stdout, stdout: readFileSync(out, 'utf8') };
}

/** Runs it there, and types when it shows this. */
async function typedInto(args, awaited, keys) {
	const child = spawn('script', script(args, join(directory, 'stdout')), { stdio: ['pipe', 'pipe', 'ignore'] });
	let shown = '', typed = false;
	child.stdout.on('data', (part) => {
		shown += part;
		if (!typed && shown.includes(awaited))
			typed = child.stdin.write(keys);
	});
	const code = await new Promise((resolve) => child.once('close', resolve));
	return { code, shown };
}

/** Starts the command, and breaks it off when `when()` comes true. */
async function brokenOff(args, when) {
	const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	let said = '';
	child.stderr.on('data', (part) => (said += part));
	const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
	const found = await eventually(when, 'the batch to be under way');
	child.kill('SIGINT');
	return { ...(await ended), said, found };
}

const jobs = async () => JSON.parse((await run(['job', 'list', '--store', store])).stdout).items;
const running = async (before) => (await jobs()).find(({ id, state, progress }) => !before.includes(id) && state === 'running' && progress > 0);
const count = async () => JSON.parse((await run(['export', 'elders', '--store', store, '--out', join(directory, 'all.csv'), '--json'])).stdout).bytes;

describe('a command at a terminal', () => {
	test('shows how far an import is, on a line of its own that is gone in the end', async () => {
		const got = await atTerminal(['import', 'elders', table(), '--store', store]);
		assert.equal(got.code, 0, got.raw);
		assert.equal(got.stdout, `${ROWS} rows, ${ROWS} accepted, 0 rejected, ${ROWS} created, 0 changed, 0 same, 0 claimed\n`);
		const written = got.shown.map((line) => /^writing (\d+) of 6000 rows$/.exec(line)?.[1]).filter(Boolean).map(Number);
		assert.ok(written.length > 0, got.raw);
		assert.deepEqual(written, [...written].sort((a, b) => a - b));
		assert.ok(got.raw.endsWith('\r\x1b[K'), JSON.stringify(got.raw.slice(-60)));
		for (const line of got.shown)
			assert.match(line, /^((sending|receiving) [\d.]+ (of [\d.]+ )?MB|(checking|writing) (\d+ (of \d+ )?rows|rows, \d+ s)|)$/);
	});

	test('and nothing when stderr is a file', async () => {
		const got = await run(['import', 'elders', table(), '--store', store, '--json']);
		assert.deepEqual([got.code, got.stderr], [0, '']);
		const answer = JSON.parse(got.stdout);
		assert.deepEqual([answer.created, answer.state, answer.errors], [ROWS, 'done', []]);
	});

	test('is told what is wrong without the line', async () => {
		const path = join(directory, 'bad.csv');
		writeFileSync(path, '甲,乙\n');
		const got = await atTerminal(['import', 'elders', path, '--store', store]);
		assert.equal(got.code, 1);
		assert.match(got.raw, /no_header/);
	});
});

describe('an import that is broken off', () => {
	test('goes on behind, and says how it is taken back', async () => {
		const before = (await jobs()).map(({ id }) => id), path = table(20000), bytes = await count();
		const { signal, said, found } = await brokenOff(['import', 'elders', path, '--store', store], () => running(before));
		assert.equal(signal, 'SIGINT');
		assert.equal(said, `\nsonghe import: the batch goes on, now or when the store is served again; to take it back: songhe job cancel ${found.id}\n`);
		const cancelled = await run(['job', 'cancel', found.id, '--store', store]);
		assert.equal(cancelled.code, 0, cancelled.stderr);
		assert.equal(JSON.parse(cancelled.stdout).state, 'cancelled');
		assert.equal(await count(), bytes);
		const again = await run(['job', 'cancel', found.id, '--store', store]);
		assert.deepEqual([again.code, /wrong_state/.test(again.stderr)], [1, true], again.stderr);
	});

	test('without a server stands where it was, and goes on when there is one', async () => {
		const before = (await jobs()).map(({ id }) => id);
		await server.stop();
		const { code, shown } = await typedInto(['import', 'elders', table(20000), '--store', store], 'writing ', '\x03');
		assert.equal(code, 130, shown);
		assert.match(shown, /\nsonghe import: the batch goes on, now or when the store is served again; to take it back: songhe job cancel \d+\r\n$/);
		server = await Server.start(store);
		bureau = await server.as('bureau');
		const mine = (await jobs()).filter(({ id }) => !before.includes(id));
		assert.equal(mine.length, 1);
		for (const { id } of mine)
			await eventually(async () => JSON.parse((await run(['job', 'show', id, '--store', store])).stdout).state === 'done', 'the batch to be done', 60000);
	});

	test('leaves no half of an export', async () => {
		const out = join(directory, 'broken.xlsx');
		const { signal } = await brokenOff(['export', 'elders', '--store', store, '--out', out], () => existsSync(`${out}.part`));
		assert.equal(signal, 'SIGINT');
		assert.ok(!existsSync(`${out}.part`) && !existsSync(out));
	});
});

describe('songhe job', () => {
	test('wants a number that is one', async () => {
		for (const args of [[], ['dance'], ['show'], ['cancel', 'x'], ['list', '1'], ['show', '1', '2']])
			assert.equal((await run(['job', ...args, '--store', store])).code, 2, args.join(' '));
		for (const verb of ['show', 'cancel']) {
			const got = await run(['job', verb, '1', '--store', store]);
			assert.deepEqual([got.code, /not_found/.test(got.stderr)], [1, true], got.stderr);
		}
	});
});
