// SPDX-License-Identifier: Apache-2.0
// bulk_beside_interactive.test.mjs - a large import beside people at work: all of both is there, once, and nobody waits long.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { ask, cleanUp, faults, keepAlive, kind, listen, newest, post, serve, signIn, smallStore, until,
	verify } from './help.mjs';

const rows = 5000;
const writers = 8;
const patience = 2000; /* ms, generous: `make bench` measures, this only notices who is locked out */

after(cleanUp);

/** A file with some rows that are refused; `accepted` names the others. */
function ledger(prefix) {
	const lines = ['name,sex,born_on,area'];
	const accepted = [];
	for (let n = 0; n < rows; n++) {
		const name = `${prefix}n${n}`;
		const wrong = n % 50 === 7;
		lines.push(wrong ? `${name},neither,1939-12-31,370613001011` : `${name},male,1939-12-31,370613001011`);
		if (!wrong)
			accepted.push(name);
	}
	return { text: lines.join('\n'), accepted };
}

test(`an import of ${rows} rows beside ${writers} writers, on ${kind}`, async (t) => {
	const store = await smallStore();
	const server = await serve(t, store);
	const cookie = await signIn(server, 'bureau');
	const existing = (await newest(server, cookie)).length;
	const feed = await listen(server, cookie);
	t.after(() => feed.close());
	const file = ledger('file');
	const acknowledged = new Map();
	const times = [];
	let [importing, during] = [true, 0];
	const work = Array.from({ length: writers }, async (_, w) => {
		const agent = keepAlive(1);
		for (let n = 0; importing || n < 20; n++) {
			const since = performance.now();
			const answer = await post(server, cookie, `w${w}n${n}`, { agent });
			assert.equal(answer.status, 201, answer.text);
			acknowledged.set(`w${w}n${n}`, answer.json.id);
			if (importing) {
				during++;
				times.push(performance.now() - since);
			}
		}
		agent.destroy();
	});
	/* Enough before it that a database has made up its mind how to read a short journal; then the journal grows. */
	await until('there is load', () => acknowledged.size >= 200);
	const since = performance.now();
	const answer = await ask(server, 'POST', '/api/v1/elders/import', { cookie, body: file.text,
		headers: { 'content-type': 'text/csv' } });
	importing = false;
	const took = performance.now() - since;
	await Promise.all(work);
	const ended = performance.now();
	const changes = acknowledged.size + file.accepted.length;
	await until('the feed tells everything', () => feed.events.length >= changes, 60000);
	const behind = Math.round(performance.now() - ended);
	assert.equal(new Set(feed.events.map(({ data }) => data.id)).size, changes, 'each change once');
	feed.close();
	assert.equal(answer.status, 200, answer.text);
	const { rows: read, accepted, rejected, errors } = answer.json;
	assert.deepEqual({ read, accepted, rejected, errors: errors.length },
		{ read: rows, accepted: file.accepted.length, rejected: rows / 50, errors: rows / 50 });
	assert.ok(errors.every(({ column, line }) => column === 'sex' && (line - 2) % 50 === 7), 'each error names its line');
	const listed = await newest(server, cookie);
	assert.equal(listed.length, existing + acknowledged.size + file.accepted.length);
	assert.deepEqual(faults(listed, acknowledged), []);
	const imported = listed.map(({ name }) => name).filter((name) => name.startsWith('file')).sort();
	assert.deepEqual(imported, [...file.accepted].sort());
	times.sort((a, b) => a - b);
	const [p50, p99, longest] = [0.5, 0.99, 1].map((part) => times[Math.ceil(times.length * part) - 1].toFixed(1));
	t.diagnostic(`${rows} rows in ${Math.round(took)} ms beside ${during} writes; ` +
		`a write: p50 ${p50} ms, p99 ${p99} ms, longest ${longest} ms`);
	t.diagnostic(`the feed was ${behind} ms behind at the end`);
	assert.ok(behind < patience, `the feed was ${behind} ms behind`);
	assert.ok(during > writers, 'there were writes while the file was read');
	assert.ok(times.at(-1) < patience, `somebody waited ${Math.round(times.at(-1))} ms`);
	assert.deepEqual(await server.end(), { code: 0, signal: null });
	assert.equal((await verify(store)).ok, true);
});

test(`the feed keeps up with an import, on ${kind}`, async (t) => {
	const server = await serve(t, await smallStore());
	const cookie = await signIn(server, 'bureau');
	const feed = await listen(server, cookie);
	t.after(() => feed.close());
	/* A database that plans once, while the journal is short, must not be slow when it has grown. */
	for (let n = 0; n < 100; n++)
		assert.equal((await post(server, cookie, `one by one ${n}`)).status, 201);
	const file = ['name,sex,born_on,area', ...Array.from({ length: 12000 }, (_, n) => `n${n},male,1939-12-31,370613001011`)];
	const answer = await ask(server, 'POST', '/api/v1/elders/import', { cookie, body: file.join('\n'),
		headers: { 'content-type': 'text/csv' } });
	assert.equal(answer.json.accepted, 12000);
	const ended = performance.now();
	await until('the feed tells everything', () => feed.events.length >= 12100, 60000);
	const behind = Math.round(performance.now() - ended);
	t.diagnostic(`the feed was ${behind} ms behind at the end`);
	assert.ok(behind < patience, `the feed was ${behind} ms behind`);
});
