// SPDX-License-Identifier: Apache-2.0
// verify.test.mjs - what was done to a journal behind the program's back is found; what a restored dump needs is done.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { Server, cleanUp, emptyStore, eventually, onSqlite, orderedStore, password, psql, register, run, temporaryDirectory } from '../harness.mjs';

after(cleanUp);

function sqlOf(store) {
	if (!onSqlite)
		return (text) => psql(store, text);
	return async (text) => {
		const got = await run([store.replace('sqlite:', ''), text], { bin: 'sqlite3' });
		assert.equal(got.code, 0, got.stderr);
		return got.stdout.trimEnd();
	};
}

async function verdictOf(store, ...args) {
	const got = await run(['verify', '--store', store, '--json', ...args]);
	assert.ok([0, 1].includes(got.code), `${got.code}: ${got.stderr}`);
	assert.equal(JSON.parse(got.stdout).ok, got.code === 0, got.stdout);
	return JSON.parse(got.stdout);
}

const numbers = ['record_id', 'version', 'area', 'hukou_area', 'was_area', 'was_hukou_area', 'organization', 'was_organization', 'subject'];
const texts = ['actor', 'channel', 'action', 'resource'], missable = ['behalf', 'fields', 'detail'];
const columns = ['at_ms', 'user_id', ...texts, ...numbers, ...missable].join(', ');

test('a district missing among the tenants hides none of its lines', async () => {
	const store = await orderedStore({ elders: 20 });
	const { lines } = await verdictOf(store);
	await sqlOf(store)('DELETE FROM district');
	assert.equal((await verdictOf(store)).lines, lines);
});

const tampering = onSqlite ? {
	'a line before the first': `INSERT INTO journal (district, pos, hash, ${columns}) SELECT district, 0, hash, ${columns} FROM journal WHERE pos = 5`,
	'a line of another district': `INSERT INTO journal (district, pos, hash, ${columns}) SELECT district + 1, pos, hash, ${columns} FROM journal WHERE pos = 5`,
	'a line of a district that cannot be': `INSERT INTO journal (district, pos, hash, ${columns}) SELECT -3, 1, hash, ${columns} FROM journal WHERE pos = 1`,
	'a line longer than any': `UPDATE journal SET detail = hex(zeroblob(400000)) WHERE pos = 7`,
} : {
	'an entry without a place': `INSERT INTO journal_entry (district, id, xid, ${columns}) SELECT district, id + 1, xid, ${columns} FROM journal_entry
		WHERE id = (SELECT entry FROM journal_order WHERE pos = 5)`,
	'an entry that is gone': 'DELETE FROM journal_entry WHERE id = (SELECT entry FROM journal_order WHERE pos = 5)',
	'a line before the first': 'INSERT INTO journal_order SELECT district, 0, xid, entry, record, hash FROM journal_order WHERE pos = 5',
	'a line longer than any': `UPDATE journal_entry SET detail = repeat('0', 800000) WHERE id = (SELECT entry FROM journal_order WHERE pos = 7)`,
};
for (const [what, text] of Object.entries(tampering))
	test(`${what} is found`, async () => {
		const store = await orderedStore({ elders: 20 });
		await sqlOf(store)(text);
		assert.equal((await verdictOf(store)).ok, false);
		assert.equal((await run(['verify', '--store', store])).code, 1);
	});

// ---- the chain, computed once more ----

function long(number) {
	const bytes = Buffer.alloc(8);
	bytes.writeBigInt64BE(BigInt(number));
	return bytes;
}

function counted(text) {
	const bytes = Buffer.from(text ?? ''), length = Buffer.alloc(4);
	length.writeUInt32BE(text === null ? 0xffffffff : bytes.length);
	return Buffer.concat([length, bytes]);
}

/** Gives every line from `first` on the hash that it ought to have, as somebody would who can write to the whole database. */
async function chainAnew(sql, first) {
	const as = (name) => `CAST(${name} AS TEXT)`;
	const array = onSqlite ? 'json_array' : 'json_build_array';
	const blob = onSqlite ? 'lower(hex(hash))' : "encode(hash, 'hex')";
	const rows = (await sql(`SELECT ${array}(${['district', 'pos', 'at_ms', 'user_id'].map(as)}, ${texts}, ${numbers.map(as)}, ${missable}, ${blob})
		FROM journal_line ORDER BY district, pos`)).split('\n').map((line) => JSON.parse(line));
	let before = Buffer.alloc(32);
	const updates = [];
	for (const row of rows) {
		const parts = row.slice(0, -1).map((value, i) => (i < 4 || (i >= 8 && i < 8 + numbers.length) ? long(value) : counted(value)));
		const hash = createHash('sha256').update(Buffer.concat([before, ...parts])).digest();
		if (Number(row[1]) < first)
			assert.equal(hash.toString('hex'), row.at(-1), `line ${row[1]}`);
		else
			updates.push(`UPDATE ${onSqlite ? 'journal' : 'journal_order'} SET hash = ${onSqlite ? `x'${hash.toString('hex')}'`
				: `'\\x${hash.toString('hex')}'`} WHERE district = ${row[0]} AND pos = ${row[1]}`);
		before = hash;
	}
	for (let i = 0; i < updates.length; i += 500)
		await sql(updates.slice(i, i + 500).join(';'));
	return rows.length;
}

const tables = onSqlite ? { journal: 'pos = 30' }
	: { journal_entry: 'id = (SELECT entry FROM journal_order WHERE pos = 30)', journal_order: 'pos = 30' };

/** The columns of line 30 in a table: [{ name, kind, bytes }]; bytes are null where there is nothing. */
async function cellsOf(sql, table) {
	const types = { INTEGER: 'number', TEXT: 'text', BLOB: 'blob', bigint: 'number', text: 'text', bytea: 'blob' };
	const described = (await sql(onSqlite ? `SELECT name || ' ' || type FROM pragma_table_info('${table}')`
		: `SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_name = '${table}'`)).split('\n');
	const cells = [];
	for (const [name, type] of described.map((line) => line.split(' '))) {
		const hex = onSqlite ? `hex(${name})` : types[type] === 'blob' ? `encode(${name}, 'hex')` : `encode(convert_to(${name}::text, 'UTF8'), 'hex')`;
		const found = await sql(`SELECT CASE WHEN ${name} IS NULL THEN 'null' ELSE ${hex} END FROM ${table} WHERE ${tables[table]}`);
		cells.push({ name, kind: types[type], bytes: found === 'null' ? null : Buffer.from(found, 'hex') });
	}
	return cells;
}

function literal({ kind }, bytes) {
	if (bytes === null)
		return 'NULL';
	if (kind === 'blob')
		return onSqlite ? `x'${bytes.toString('hex')}'` : `'\\x${bytes.toString('hex')}'`;
	return kind === 'number' ? bytes.toString() : `'${bytes.toString().replaceAll("'", "''")}'`;
}

/** The same with one bit, or one character, changed; something where there was nothing, and the other way round. */
function alterations({ name, kind, bytes }) {
	if (bytes === null)
		return [Buffer.from('')];
	const at = Math.floor(Math.random() * bytes.length);
	/* Of a key, to a place where nothing is: a lower bit of an id may make it that of a line some milliseconds away. */
	const low = name === 'district' ? 20n : 38n;
	if (kind === 'number')
		return [low, low + BigInt(Math.floor(Math.random() * 12))]
			.map((bit) => Buffer.from(String(BigInt(bytes.toString()) ^ (1n << bit))));
	if (kind === 'blob')
		return [Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte))), bytes.subarray(1)];
	const characters = [...bytes.toString()], place = Math.floor(Math.random() * characters.length);
	const other = characters.map((one, i) => (i === place ? (one === 'x' ? 'y' : 'x') : one)).join('');
	return [Buffer.from(other), Buffer.from(characters.slice(1).join('')), ...(missable.includes(name) ? [null] : [])];
}

test('one byte of any column is enough', async () => {
	const store = await orderedStore({ elders: 20 });
	const sql = sqlOf(store);
	const { lines } = await verdictOf(store);
	/* What no part of the program fills yet is filled here. */
	await sql('DELETE FROM journal_checkpoint');
	await sql(`UPDATE ${onSqlite ? 'journal' : 'journal_entry'} SET behalf = '女儿', organization = 77, was_organization = 78, subject = 79
		WHERE ${Object.values(tables)[0]}`);
	assert.equal((await verdictOf(store)).wrong_position, 30);
	assert.equal(await chainAnew(sql, 30), lines);
	assert.equal((await verdictOf(store)).ok, true);
	for (const [table, where] of Object.entries(tables))
		for (const cell of await cellsOf(sql, table))
			for (const altered of alterations(cell)) {
				/* By its key, which may be what is changed. */
				const key = onSqlite ? where : (await sql(`SELECT ctid FROM ${table} WHERE ${where}`)).trim();
				const set = `UPDATE ${table} SET ${cell.name} = ${literal(cell, altered)}`;
				const back = onSqlite && ['district', 'pos'].includes(cell.name) ? `${cell.name} = ${altered}` : where;
				const moved = await sql(onSqlite ? `${set} WHERE ${where}` : `${set} WHERE ctid = '${key}' RETURNING ctid`);
				const verdict = await verdictOf(store);
				assert.deepEqual([verdict.ok, verdict.wrong_position], [false, 30], `${table}.${cell.name} = ${altered}: ${verdict.what}`);
				await sql(`UPDATE ${table} SET ${cell.name} = ${literal(cell, cell.bytes)} WHERE ${onSqlite ? back : `ctid = '${moved.trim()}'`}`);
			}
	assert.equal((await verdictOf(store)).ok, true);
});

// ---- checkpoints ----

/** A store with three checkpoints outside: { store, sql, file, at, args }; `at` are their positions. */
async function signedStore() {
	const store = await orderedStore({ elders: 20 });
	const directory = temporaryDirectory(), path = store.replace('sqlite:', '');
	const file = onSqlite ? `${path}.checkpoints` : join(directory, 'checkpoints');
	const args = onSqlite ? [] : ['--sign-key-file', join(directory, 'key'), '--checkpoints', file];
	const sql = sqlOf(store);
	while (!existsSync(file) || readFileSync(file, 'utf8').split('\n').length < 4) {
		const server = await Server.start(store, { args });
		await register(await server.as('bureau'), { id_card: undefined });
		if (!onSqlite)
			await eventually(async () => await sql('SELECT (SELECT count(*) FROM journal_entry) = (SELECT count(*) FROM journal_order)') === 't',
				'every line has its place');
		assert.equal(await server.stop(), 0);
	}
	const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
	return { store, sql, file, args, lines, at: lines.map((line) => Number(/ pos=(\d+) /.exec(line)[1])), key: / key=(\S+) /.exec(lines[0])[1] };
}

const lineTable = onSqlite ? 'journal' : 'journal_order';
const forget = (sql) => sql('DELETE FROM journal_checkpoint');

async function says(store, position, pattern, ...args) {
	const verdict = await verdictOf(store, ...args);
	assert.deepEqual([verdict.ok, verdict.wrong_position], [false, position], verdict.what);
	assert.match(verdict.what, pattern);
	const words = await run(['verify', '--store', store, ...args]);
	assert.deepEqual([words.code, words.stdout.includes(verdict.what)], [1, true], words.stdout);
	return verdict;
}

describe('checkpoints', () => {
	test('stand outside, signed, and agree', async () => {
		const { store, file, at, lines, key } = await signedStore();
		assert.deepEqual([...at].sort((a, b) => a - b), at);
		for (const line of lines)
			assert.match(line, /^songhe-checkpoint 1 district=1 pos=\d+ hash=[0-9a-f]{64} at=\d{4}-\d\d-\d\dT\S+\+08:00 key=\S{60} sig=\S{88}$/);
		assert.equal(statSync(file).mode & 0o777, 0o600);
		const verdict = await verdictOf(store, '--against', file, '--key', key);
		assert.deepEqual([verdict.ok, verdict.checkpoints], [true, 2 * lines.length]);
		assert.equal((await run(['verify', '--store', store])).stdout, `${verdict.lines} journal lines in order, ${lines.length} checkpoints agree\n`);
		/* The server goes on from there, and verify may run beside it. */
		const last = await verdictOf(store, '--against', file);
		assert.equal(last.lines, at.at(-1));
	});

	test('find a journal that was cut', async () => {
		const { store, sql, file, at } = await signedStore();
		await sql(`DELETE FROM ${lineTable} WHERE pos > 100`);
		if (!onSqlite)
			await sql('DELETE FROM journal_entry WHERE id NOT IN (SELECT entry FROM journal_order)');
		for (const args of [[], ['--against', file]])
			await says(store, 101, new RegExp(`^cut: the journal ends at 100, the checkpoint of \\S+ says ${at[0]}$`), ...args);
		await forget(sql);
		assert.equal((await verdictOf(store)).ok, true);
		await says(store, 101, /^cut/, '--against', file);
		await sql(`DELETE FROM ${lineTable}`);
		if (!onSqlite)
			await sql('DELETE FROM journal_entry');
		await says(store, 1, /^cut: the journal ends at 0/, '--against', file);
	});

	test('find a chain that was computed anew', async () => {
		const { store, sql, file, at } = await signedStore();
		const line = at[1] + 1;
		await sql(onSqlite ? `UPDATE journal SET actor = 'nobody' WHERE pos = ${line}`
			: `UPDATE journal_entry SET actor = 'nobody' WHERE id = (SELECT entry FROM journal_order WHERE pos = ${line})`);
		await chainAnew(sql, line);
		for (const args of [[], ['--against', file]]) {
			const verdict = await says(store, at[2], /is not the one that was signed at/, ...args);
			assert.equal(verdict.wrong_from, line);
		}
		await forget(sql);
		assert.equal((await verdictOf(store)).ok, true);
		assert.equal((await says(store, at[2], /is not the one that was signed at/, '--against', file)).wrong_from, line);
		/* With lines added after it, too. */
		await sql(`DELETE FROM ${lineTable} WHERE pos = 20`);
		await says(store, 20, /journal line 20 is missing/, '--against', file);
	});

	test('find two lines that changed places', async () => {
		const { store, sql, file } = await signedStore();
		if (onSqlite)
			await sql('UPDATE journal SET pos = -1 WHERE pos = 20; UPDATE journal SET pos = 20 WHERE pos = 21; UPDATE journal SET pos = 21 WHERE pos = -1');
		else
			await sql(`UPDATE journal_order o SET xid = p.xid, entry = p.entry, record = p.record, hash = p.hash FROM journal_order p
				WHERE o.pos IN (20, 21) AND p.pos = 41 - o.pos`);
		await says(store, 20, /journal line 20 is altered or out of place/);
		await chainAnew(sql, 20);
		await forget(sql);
		await says(store, JSON.parse((await run(['verify', '--store', store, '--json', '--against', file])).stdout).wrong_position,
			/is not the one that was signed at/, '--against', file);
	});

	test('find a store that was made anew with a key of its own', async () => {
		const [one, other] = [await signedStore(), await signedStore()];
		const verdict = await says(one.store, other.at[0], /^signed with another key/, '--against', other.file);
		assert.equal(verdict.file_line, 1);
		await says(one.store, 0, /the store names another key/, '--key', other.key);
		/* Its own lines, when the key that is trusted is told. */
		await one.sql(`UPDATE store_fact SET value = '${other.key}' WHERE name = 'checkpoint_key'`);
		await says(one.store, one.at[0], /^signed with another key/, '--against', one.file);
		await says(one.store, one.at[0], /the checkpoint that the store keeps of it is signed with another key/);
		await one.sql("DELETE FROM store_fact WHERE name = 'checkpoint_key'");
		await says(one.store, one.at[0], /signed with another key/);
		assert.equal((await run(['verify', '--store', one.store, '--against', one.file])).code, 2);
		assert.equal((await verdictOf(one.store, '--against', one.file, '--key', one.key)).ok, true);
		/* A server does not sign there with a new key: what was there would no longer be told from it. */
		if (onSqlite) {
			const server = await Server.start(one.store);
			assert.equal(await server.stop(), 0);
			assert.match(server.log, /checkpoints: the key in \S+ is not the one that the store names/);
		} else {
			const env = { SONGHE_SIGN_KEY_FILE: one.args[1] };
			assert.equal((await run(['serve', '--store', one.store, '--listen', '127.0.0.1:0'], { env, deadlineMs: 20000 })).code, 2);
		}
		assert.equal(readFileSync(one.file, 'utf8').trimEnd().split('\n').length, one.lines.length);
	});

	test('are told apart from what is none', async () => {
		const { store, sql, file, lines, key } = await signedStore();
		const other = join(temporaryDirectory(), 'other');
		const against = async (text, line, pattern) => {
			writeFileSync(other, text);
			const verdict = await verdictOf(store, '--against', other);
			assert.deepEqual([verdict.ok, verdict.file_line], [false, line], text);
			assert.match(verdict.what, pattern);
			assert.equal((await run(['verify', '--store', store, '--against', other])).stdout, `${other}, line ${line}: ${verdict.what}\n`);
		};
		await against('', 1, /there is none in the file/);
		await against('root:x:0:0\n', 1, /^not a checkpoint$/);
		await against(Buffer.from([0, 1, 2, 10, 255]), 1, /^not a checkpoint$/);
		await against(`${lines[0]}\n\n${lines[1]}\n`, 2, /^not a checkpoint$/);
		await against(`${lines[0]}\n${lines[1].replace(' pos=', ' pos=1')}\n`, 2, /^not as it was signed$/);
		await against(`${lines[0]}\n${lines[1].replace('+08:00', '+07:00')}\n`, 2, /^not as it was signed$/);
		/* The last line may just be being written; lines twice, and not in order, come from several servers. */
		writeFileSync(other, `${lines[2]}\n${lines[0]}\n${lines[0]}\n${lines[1].slice(0, 100)}`);
		assert.equal((await verdictOf(store, '--against', other)).checkpoints, 3 + lines.length);
		for (const args of [['--against', join(other, 'x')], ['--against', '/'], ['--key', 'AAAA'], ['--against', file, '--key', `${key}x`]])
			assert.equal((await run(['verify', '--store', store, ...args])).code, 2, args.join(' '));
		/* Those that the store keeps. */
		const at = Number(/ pos=(\d+) /.exec(lines[1])[1]);
		await sql(`UPDATE journal_checkpoint SET line = replace(line, ' hash=', ' hash=0') WHERE pos = ${at}`);
		await says(store, at, /the checkpoint that the store keeps of it is not a checkpoint/);
		await sql(`UPDATE journal_checkpoint SET line = replace('${lines[1]}', ' pos=', ' pos=1') WHERE pos = ${at}`);
		await says(store, at, /the checkpoint that the store keeps of it is not as it was signed/);
		await sql(`UPDATE journal_checkpoint SET line = '${lines[0]}' WHERE pos = ${at}`);
		await says(store, at, /the checkpoint that the store keeps of it is that of another place/);
	});

	test('are signed with SM2 in a store of that suite', async () => {
		const store = await emptyStore(), directory = temporaryDirectory(), file = join(directory, 'checkpoints');
		const args = ['--key-file', join(directory, 'seal'), '--sign-key-file', join(directory, 'sign'), '--checkpoints', file];
		const made = await run(['init', '--store', store, '--plan', 'laishan', '--password', password, '--suite', 'sm', ...args]);
		assert.equal(made.code, 0, made.stderr);
		for (let tries = 0; tries < 50 && readFileSync(file, 'utf8') === ''; tries++) {
			const server = await Server.start(store, { args });
			await server.as('admin');
			assert.equal(await server.stop(), 0);
		}
		assert.match(readFileSync(file, 'utf8'), / key=\S{124} sig=\S{92,96}\n$/);
		const verdict = await verdictOf(store, '--against', file);
		assert.ok(verdict.ok && verdict.checkpoints >= 2, verdict.what);
	});

	test('need a key: what is not as asked for stops the start, what was not asked for does not', async () => {
		const { store, args } = await signedStore();
		const nothing = join(temporaryDirectory(), 'none', 'at all');
		for (const wrong of [['--sign-key-file', nothing], ['--checkpoints', nothing, ...args.slice(0, 2)]])
			assert.equal((await run(['serve', '--store', store, '--listen', '127.0.0.1:0', ...wrong], { deadlineMs: 20000 })).code, 2, wrong.join(' '));
		if (onSqlite) {
			const path = store.replace('sqlite:', '');
			copyFileSync(`${path}.sign`, `${path}.kept`);
			writeFileSync(`${path}.sign`, 'no key');
		}
		const server = await Server.start(store);
		await register(await server.as('bureau'), { id_card: undefined });
		assert.equal(await server.stop(), 0);
		assert.match(server.log, /warn checkpoints: none are written/);
		assert.equal((await verdictOf(store)).ok, true);
	});
});

/* A dump restored into another cluster has seen transaction numbers that this one has not reached. */
if (!onSqlite) test('a restored database goes on in order', async () => {
	const store = await orderedStore({ elders: 20 });
	await psql(store, 'UPDATE journal_entry SET xid = xid + 5000000000; UPDATE journal_order SET xid = xid + 5000000000');
	const { lines } = await verdictOf(store);
	const [one, two] = [await Server.start(store), await Server.start(store)];
	const bureau = await one.as('bureau');
	const feed = await (await two.as('bureau')).events();
	const elder = await register(bureau);
	await feed.until((event) => event.data?.id === elder.id, 'the other server tells it');
	feed.close();
	assert.equal(await one.stop(), 0);
	assert.equal(await two.stop(), 0);
	assert.ok((await verdictOf(store)).lines > lines);
});
