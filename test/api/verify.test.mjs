// SPDX-License-Identifier: Apache-2.0
// verify.test.mjs - what was done to a journal behind the program's back is found; what a restored dump needs is done.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Server, cleanUp, onSqlite, orderedStore, psql, register, run } from '../harness.mjs';

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

async function verdictOf(store) {
	const got = await run(['verify', '--store', store, '--json']);
	assert.ok([0, 1].includes(got.code), `${got.code}: ${got.stderr}`);
	assert.equal(JSON.parse(got.stdout).ok, got.code === 0, got.stdout);
	return JSON.parse(got.stdout);
}

const columns = 'at_ms, user_id, actor, channel, action, resource, record_id, version, area, hukou_area, was_area, was_hukou_area, fields, detail';

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
	'a line before the first': 'INSERT INTO journal_order SELECT district, 0, xid, entry, hash FROM journal_order WHERE pos = 5',
	'a line longer than any': `UPDATE journal_entry SET detail = repeat('0', 800000) WHERE id = (SELECT entry FROM journal_order WHERE pos = 7)`,
};
for (const [what, text] of Object.entries(tampering))
	test(`${what} is found`, async () => {
		const store = await orderedStore({ elders: 20 });
		await sqlOf(store)(text);
		assert.equal((await verdictOf(store)).ok, false);
		assert.equal((await run(['verify', '--store', store])).code, 1);
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
