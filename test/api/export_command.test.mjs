// SPDX-License-Identifier: Apache-2.0
// export_command.test.mjs - songhe export: a list, or everything, as a file; with a server that holds the store, and without one.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertMasked, assertProblem, cleanUp, demoStore, eventually, filterOf, program, register, run, Server, temporaryDirectory } from '../harness.mjs';
import { described } from '../openapi.mjs';
import { cellsOf, rowsOfCsv } from '../workbook.mjs';

let store, server, bureau, auditor, ended, directory;

before(async () => {
	store = await demoStore({ elders: 1203 });
	server = await Server.start(store);
	[bureau, auditor] = [await server.as('bureau'), await server.as('auditor')];
	directory = temporaryDirectory();
	ended = await register(bureau, { name: '已迁出', phone: '13812345678' });
	assert.equal((await bureau.end(`/api/v1/elders/${ended.id}?end_reason=moved_out`, 1)).status, 200);
	ended = (await bureau.get(`/api/v1/elders/${ended.id}`)).json;
});
after(cleanUp);

let files = 0;

/** Runs the command; what it wrote, as bytes. */
async function exported(args, suffix) {
	const out = join(directory, `${++files}.${suffix}`);
	const got = await run(['export', ...args, '--store', store, '--out', out]);
	assert.equal(got.code, 0, got.stderr);
	assert.equal(got.stdout, `${statSync(out).size} bytes\n`);
	assert.equal(statSync(out).mode & 0o777, 0o600);
	assert.ok(!existsSync(`${out}.part`));
	return readFileSync(out);
}

const linesOf = (bytes) => bytes.toString('utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
const journalled = async () => (await auditor.all('/api/v1/journal')).filter(({ action, actor }) => action === 'export' && actor === 'local');

describe('songhe export', () => {
	test('of a list is what is answered over the network', async () => {
		const csv = await exported(['elders'], 'csv');
		assertMasked(csv.toString('utf8'), 'the file');
		assert.ok(csv.equals((await bureau.post('/api/v1/elders/export', {})).raw));
		const cells = cellsOf(await exported(['facilities'], 'xlsx'));
		assert.match(cells[0].A.value, /^导出人：local；/);
		assert.deepEqual(cells.slice(1), cellsOf((await bureau.post('/api/v1/facilities/export?as=xlsx', {})).raw).slice(1));
	});

	test('takes a filter, fields and what it is for', async () => {
		const rows = rowsOfCsv((await exported(['elders', '--filter', '{"==":[{"var":"sex"},"female"]}', '--fields', 'id,name', '--for', '年度核查 100%'], 'csv')).toString('utf8'));
		assert.ok(rows[0][0].endsWith('；用途：年度核查 100%'), rows[0][0]);
		const women = await bureau.all(`/api/v1/elders?${filterOf({ '==': [{ var: 'sex' }, 'female'] })}`);
		assert.deepEqual(rows.slice(1), [['编号', '姓名'], ...women.map(({ id, name }) => [id, name])]);
		const { changes, resource } = await eventually(async () => (await journalled()).find((line) => line.changes.reason === '年度核查 100%'));
		assert.deepEqual([resource, changes.fields, changes.count], ['elder', ['id', 'name'], women.length]);
	});

	test('is refused with what is wrong, and leaves no file', async () => {
		const out = join(directory, 'none.csv');
		const refused = async (args, code) => {
			const got = await run(['export', ...args, '--store', store]);
			assert.equal(got.code, code, `${args.join(' ')}: ${got.stdout}${got.stderr}`);
			assert.ok(got.stderr && !existsSync(out) && !existsSync(`${out}.part`));
		};
		for (const args of [['elders'], ['nothing', '--out', out], ['--all', '--out', out], ['--all', '--as', 'csv', '--out', out], ['elders', '--all', '--as', 'ndjson', '--out', out], ['--out', out]])
			await refused(args, 2);
		for (const args of [['--as', 'pdf'], ['--filter', '{'], ['--fields', 'nothing'], ['--for', '一']])
			await refused(['elders', '--out', out, ...args], 1);
		await refused(['elders', '--out', join(directory, 'nowhere', 'x.csv')], 74);
		writeFileSync(out, 'what was there before');
		assert.equal((await run(['export', 'elders', '--filter', '{', '--out', out, '--store', store])).code, 1);
		assert.equal(readFileSync(out, 'utf8'), 'what was there before');
	});
});

describe('everything', () => {
	test('is every record of every resource, as it is answered, in order', async () => {
		const lines = linesOf(await exported(['--all', '--as', 'ndjson'], 'ndjson'));
		const { resources } = described(program, 'json');
		const order = resources.map(({ name }) => name);
		for (const [i, { resource }] of lines.entries())
			assert.ok(i === 0 || order.indexOf(lines[i - 1].resource) <= order.indexOf(resource));
		for (const { name, path, key } of resources) {
			const own = lines.filter(({ resource }) => resource === name);
			for (const [i, record] of own.entries())
				assert.ok(i === 0 || BigInt(own[i - 1][key]) < BigInt(record[key]), `${name} is in the order of its ids`);
			const living = await bureau.get(`${path}?limit=1&total=1`);
			assert.equal(own.filter(({ ended_at }) => ended_at === null).length, living.json.total, name);
			for (const record of [...own.slice(0, 3), ...own.slice(-3)])
				assert.deepEqual({ resource: name, ...(await bureau.get(`${path}/${record[key]}`)).json }, record);
		}
		assert.deepEqual(lines.find(({ id }) => id === ended.id), { resource: 'elder', ...ended });
		assert.ok(ended.end_reason === 'moved_out' && ended.ended_at);
	});

	test('is masked, and the same each time, with a server and without', async () => {
		const first = await exported(['--all', '--as', 'ndjson'], 'ndjson');
		assertMasked(first.toString('utf8').replace(/"(id|household|record|organization)":"\d+"/g, ''), 'everything');
		assert.ok(first.equals(await exported(['--all', '--as', 'ndjson'], 'ndjson')));
		await server.stop();
		assert.ok(first.equals(await exported(['--all', '--as', 'ndjson', '--for', '离线备份'], 'ndjson')));
		server = await Server.start(store);
		auditor = await server.as('auditor');
		const { resources } = described(program, 'json');
		const lines = await eventually(async () => {
			const found = (await journalled()).filter(({ changes }) => changes.reason === '离线备份');
			return found.length >= resources.length && found;
		}, 'a line for each resource');
		assert.deepEqual(lines.map(({ resource }) => resource).sort(), resources.map(({ name }) => name).sort());
		assert.equal(lines.reduce((all, { changes }) => all + changes.count, 0), linesOf(first).length);
	});

	test('also over the network, one resource at a time; what has ended only so', async () => {
		bureau = await server.as('bureau');
		const got = await bureau.post('/api/v1/elders/export?as=ndjson&ended=true&fields=id,name', {});
		assert.equal(got.headers['content-type'], 'application/x-ndjson');
		assert.match(got.headers['content-disposition'], /\.ndjson$/);
		assert.deepEqual(linesOf(got.raw).find(({ id }) => id === ended.id), { resource: 'elder', id: ended.id, name: '已迁出' });
		assert.ok(!(await bureau.post('/api/v1/elders/export?as=ndjson&fields=id', {})).text.includes(ended.id));
		assertProblem(await bureau.post('/api/v1/elders/export?ended=true', {}), 400, 'bad_request');
	});
});
