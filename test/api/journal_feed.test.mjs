// SPDX-License-Identifier: Apache-2.0
// journal_feed.test.mjs - every change leaves a line; the feed tells it once to whoever may know.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Server, assertProblem, cleanUp, demoStore, eventually, newElder, onSqlite, orderedStore, openHouse, password, psql, rawExchange,
	register, run } from '../harness.mjs';
import { startPostgres } from '../postgres.mjs';

/* What a demo is made of, and the feed tells of. */
const LEDGERS = ['organization', 'facility', 'staff', 'household', 'elder', 'saved_list'];
let house, other;

before(async () => {
	house = await openHouse();
	other = (await house.bureau.all('/api/v1/areas')).find((area) => area.number.startsWith('370613002') && area.level === 'community').number;
});
after(cleanUp);

/** A stream that begins behind everything that was done before: the feed follows a moment after the answers. */
async function freshStream(client) {
	const witness = await house.bureau.events();
	const elder = await register(house.bureau, { area: '370613006', id_card: undefined });
	await witness.until((event) => event.data.id === elder.id);
	witness.close();
	return client.events();
}

const positions = (list) => list.map((event) => event.id);

function assertOrdered(list) {
	for (let i = 1; i < list.length; i++)
		assert.ok(list[i - 1].id < list[i].id, `${list[i].id} came after ${list[i - 1].id}`);
}

/** The same positions, each once; says only where they part. */
function assertSame(got, expected) {
	const at = expected.findIndex((position, i) => got[i] !== position);
	const first = at >= 0 ? at : expected.length;
	assert.ok(at < 0 && got.length === expected.length,
		`after ${first} as expected: came ${got.slice(first, first + 5)}, not ${expected.slice(first, first + 5)}; ${got.length} of ${expected.length}`);
}

/** The journal lines about one record. On PostgreSQL they get their place a moment after the answer. */
function linesOf(id, count) {
	return eventually(async () => {
		const lines = (await house.auditor.all('/api/v1/journal')).filter((line) => line.id === id);
		return lines.length >= count ? lines : null;
	}, `${count} journal lines about ${id}`);
}

describe('journal', () => {
	test('has a line for each change, with who, what and from where', async () => {
		const elder = await register(house.street1, { phone: '13712345678', address: '旧址' });
		await house.street1.patch(`/api/v1/elders/${elder.id}`, { address: '新址', phone: '13787654321' }, 1);
		await house.street1.patch(`/api/v1/elders/${elder.id}`, { address: '新址' }, 2);
		await house.bureau.end(`/api/v1/elders/${elder.id}`, 2);
		const lines = await linesOf(elder.id, 3);
		assert.deepEqual(lines.map((line) => [line.actor, line.action, line.resource, line.version, line.channel]), [
			['street1', 'create', 'elder', 1, 'web'], ['street1', 'update', 'elder', 2, 'web'], ['bureau', 'end', 'elder', 3, 'web']]);
		assert.deepEqual(lines[1].changes.address, ['旧址', '新址']);
		assert.deepEqual(Object.keys(lines[1].changes), ['address', 'phone']);
		assert.ok(lines[1].changes.phone.every((phone) => phone.includes('**')), lines[1].changes.phone.join());
		assert.equal(lines[0].changes.name[1], elder.name);
		assert.deepEqual(lines[0].changes.id_card, [null, elder.id_card]);
		for (const line of lines)
			assert.match(line.at, /^\d{4}-\d\d-\d\dT/);
	});

	test('is gapless from the first line, page by page', async () => {
		const lines = await house.auditor.all('/api/v1/journal', { limit: 33 });
		assert.ok(lines.length > 300);
		lines.forEach((line, i) => assert.equal(line.position, i + 1));
		assertProblem(await house.auditor.get('/api/v1/journal?cursor=x'), 400, 'bad_cursor');
		assertProblem(await house.auditor.get('/api/v1/journal?limit=0'), 400, 'bad_request');
		assert.deepEqual((await house.auditor.get('/api/v1/journal?cursor=999999999')).json, { items: [], next: null });
	});

	test('what was refused leaves no line', async () => {
		const stream = await freshStream(house.bureau);
		await house.street1.post('/api/v1/elders', newElder({ area: other }));
		await house.street1.post('/api/v1/elders', {});
		await house.auditor.post('/api/v1/elders', newElder());
		const witness = await register(house.bureau);
		await stream.until((event) => event.data.id === witness.id);
		assert.deepEqual(stream.list.map((event) => event.data.id), [witness.id]);
		stream.close();
	});

	test('tells what has changed of an account, and of its password only that', async () => {
		const stream = await freshStream(house.admin);
		const secrets = ['the first password', 'the second password'];
		const made = (await house.admin.post('/api/v1/users', { user: 'kept', name: '初名', role: 'street', areas: ['370613001'], password: secrets[0] })).json;
		await house.admin.patch(`/api/v1/users/${made.id}`, { name: '新名', areas: ['370613001', '370613002'], password: secrets[1] }, 1);
		await house.admin.patch(`/api/v1/users/${made.id}`, { role: 'auditor', user: 'kept2', areas: [] }, 2);
		await house.admin.patch(`/api/v1/users/${made.id}`, { disabled: true }, 3);
		const same = await house.admin.patch(`/api/v1/users/${made.id}`, { disabled: true, name: '新名', role: 'auditor' }, 4);
		assert.deepEqual([same.status, same.json.version], [200, 4]);
		const lines = await linesOf(made.id, 4);
		assert.deepEqual(lines.map((line) => [line.actor, line.action, line.resource, line.version]),
			[['admin', 'create', 'user', 1], ['admin', 'update', 'user', 2], ['admin', 'update', 'user', 3], ['admin', 'update', 'user', 4]]);
		const [one, two] = ['370613001000000', '370613002000000'];
		assert.deepEqual(lines.map((line) => line.changes), [
			{ user: [null, 'kept'], name: [null, '初名'], role: [null, 'street'], areas: [[], [one]], password: [null, null] },
			{ name: ['初名', '新名'], areas: [[one], [one, two]], password: [null, null] },
			{ user: ['kept', 'kept2'], role: ['street', 'auditor'], areas: [[one, two], []] },
			{ disabled: [false, true] },
		]);
		const text = JSON.stringify(await house.auditor.all('/api/v1/journal'));
		for (const secret of [...secrets, 'argon2'])
			assert.ok(!text.includes(secret), secret);
		await stream.until((event) => event.data.id === made.id && event.data.version === 4);
		assert.deepEqual(stream.list.filter((event) => event.data.id === made.id).map((event) => event.data.fields),
			[[], ['name', 'areas', 'password'], ['user', 'role', 'areas'], ['disabled']]);
		stream.close();
	});

	test('tells of signing in, and of new accounts', async () => {
		await house.server.as('community1');
		const made = (await house.admin.post('/api/v1/users', { user: 'in-journal', role: 'street', areas: ['370613001'], password: 'long enough' })).json;
		await linesOf(made.id, 1);
		const lines = await house.auditor.all('/api/v1/journal');
		assert.ok(lines.some((line) => line.action === 'sign_in' && line.resource === 'session'));
		assert.ok(lines.every((line) => !JSON.stringify(line).includes('argon2')));
	});
});

describe('feed', () => {
	test('is an event stream that tells a change as it happens', async () => {
		const stream = await house.street1.events();
		assert.equal(stream.status, 200);
		assert.match(stream.headers['content-type'], /^text\/event-stream/);
		assert.equal(stream.headers['cache-control'], 'no-store');
		const elder = await register(house.street1);
		await house.street1.patch(`/api/v1/elders/${elder.id}`, { address: '一号', tags: ['veteran'] }, 1);
		await house.street1.end(`/api/v1/elders/${elder.id}`, 2);
		await stream.until((event) => event.data.action === 'end' && event.data.id === elder.id);
		const own = stream.list.filter((event) => event.data.id === elder.id);
		assert.deepEqual(own.map((event) => [event.event, event.data.action, event.data.version, event.data.actor]),
			[['change', 'create', 1, 'street1'], ['change', 'update', 2, 'street1'], ['change', 'end', 3, 'street1']]);
		assert.deepEqual(own[1].data.fields, ['address', 'tags']);
		for (const event of own)
			assert.deepEqual([event.data.resource, typeof event.data.at, Object.keys(event.data).sort().join()],
				['elder', 'string', 'action,actor,at,fields,id,resource,version']);
		assertOrdered(stream.list);
		stream.close();
	});

	test('tells street1 of its street only', async () => {
		const stream = await freshStream(house.street1);
		const community = await house.community1.events();
		const foreign = await register(house.bureau, { area: other });
		await house.bureau.patch(`/api/v1/elders/${foreign.id}`, { name: '改名' }, 1);
		await house.bureau.post('/api/v1/facilities', { name: '彼处', kind: 'canteen', area: other });
		await house.server.as('bureau');
		await house.admin.post('/api/v1/users', { user: 'not-heard-of', role: 'street', areas: ['370613001'], password: 'long enough' });
		const neighbour = await register(house.bureau, { area: '370613001012' });
		const byHukou = await register(house.bureau, { area: other, hukou_area: '370613001011' });
		const mine = await register(house.bureau);
		await stream.until((event) => event.data.id === mine.id);
		await community.until((event) => event.data.id === mine.id);
		assert.deepEqual(stream.list.map((event) => event.data.id), [neighbour.id, byHukou.id, mine.id]);
		assert.deepEqual(community.list.map((event) => event.data.id), [byHukou.id, mine.id]);
		stream.close();
		community.close();
	});

	test('says gone, and no more, when the bureau moves an elder or a facility away', async () => {
		const elder = await register(house.street1);
		const facility = (await house.street1.post('/api/v1/facilities', { name: '将迁', kind: 'canteen', area: '370613001011' })).json;
		const stream = await freshStream(house.street1);
		await house.bureau.patch(`/api/v1/elders/${elder.id}`, { area: other, address: '彼处新址' }, 1);
		await house.bureau.patch(`/api/v1/facilities/${facility.id}`, { area: other }, 1);
		await house.bureau.patch(`/api/v1/elders/${elder.id}`, { address: '又搬' }, 2);
		await house.bureau.patch(`/api/v1/elders/${elder.id}`, { area: '370613001012' }, 3);
		await stream.until((event) => event.data.action === 'update');
		assert.deepEqual(stream.list.map((event) => [event.event, event.data]).slice(0, 2),
			[['gone', { resource: 'elder', id: elder.id }], ['gone', { resource: 'facility', id: facility.id }]]);
		assert.deepEqual([stream.list.length, stream.list[2].data.id, stream.list[2].data.version], [3, elder.id, 4]);
		stream.close();
	});

	test('names every field of a facility, whoever changed it', async () => {
		const user = '鹤'.repeat(60);
		const made = await house.admin.post('/api/v1/users', { user, role: 'bureau', areas: ['370613'], password });
		assert.equal(made.status, 201, made.text);
		const client = await house.server.as(user);
		const facility = (await client.post('/api/v1/facilities', { name: '旧', kind: 'canteen', area: other })).json;
		const change = { name: '新', kind: 'meal_point', area: '370613001011', address: '一号', position: { lat: 37.4, lon: 121.4 }, built_on: '2001-01-01',
			use_years: 50, ownership: 'state', responsible_unit: '街道办', manager: '王', phone: '0535-6881234', size_m2: 900, floors: 3,
			beds_nursing: 10, beds_general: 20, beds_dementia: 5 };
		const stream = await house.bureau.events();
		assert.equal((await client.patch(`/api/v1/facilities/${facility.id}`, change, 1)).status, 200);
		const { data } = await stream.until((event) => event.data.id === facility.id && event.data.version === 2);
		assert.deepEqual([data.actor, data.fields, data.more], [user, Object.keys(change), undefined]);
		stream.close();
	});

	test('tells the administrator of accounts and of no elder', async () => {
		const stream = await freshStream(house.admin);
		await register(house.bureau);
		const made = (await house.admin.post('/api/v1/users', { user: 'heard-of', role: 'street', areas: ['370613001'], password: 'long enough' })).json;
		await stream.until((event) => event.data.id === made.id);
		assert.deepEqual(stream.list.map((event) => event.data.resource), ['user']);
		stream.close();
	});

	test('resumes behind Last-Event-ID: nothing lost, nothing doubled', async () => {
		const first = await freshStream(house.bureau);
		const expected = [];
		for (let i = 0; i < 10; i++)
			expected.push((await register(house.bureau)).id);
		await first.until((event) => event.data.id === expected[9]);
		first.close();
		const cut = first.list[4].id;
		for (let i = 0; i < 10; i++)
			expected.push((await register(house.bureau)).id);
		const second = await house.bureau.events({ lastEventId: cut });
		await second.until((event) => event.data.id === expected[19]);
		assert.deepEqual([...first.list.filter((event) => event.id <= cut), ...second.list].map((event) => event.data.id), expected);
		second.close();
	});

	test('a position that is none, or is yet to come, begins with what comes', async () => {
		for (const lastEventId of ['x', '-1', '99999999999', '1e3', '', '9'.repeat(30)]) {
			await (await freshStream(house.bureau)).close();
			const stream = await house.bureau.events({ lastEventId });
			assert.equal(stream.status, 200);
			const elder = await register(house.bureau);
			await stream.until((event) => event.data.id === elder.id);
			assert.deepEqual(stream.list.map((event) => event.data.id), [elder.id], lastEventId);
			stream.close();
		}
	});

	test('HEAD ends at once and leaves no listener behind', async () => {
		const server = await Server.start(await demoStore({ elders: 5 }));
		const auditor = await server.as('auditor');
		const listeners = async () => Number(/^songhe_feed_listeners (\d+)$/m.exec((await auditor.get('/metrics')).text)[1]);
		assert.equal((await auditor.request('HEAD', '/api/v1/events')).status, 200);
		await eventually(async () => (await listeners()) === 0, 'the listener of HEAD gone', 5000);
	});

	/* What the headers take of a connection's memory is not there for the events. */
	test('tells every event whole, however little room the headers leave', async () => {
		const server = await Server.start(await demoStore({ elders: 5 }));
		const bureau = await server.as('bureau');
		const whole = (text) => text.replaceAll(/\r\n[\da-f]+\r\n/g, '').includes('"actor":"bureau","fields":[]}\n\n');
		const open = [];
		for (let length = 62000; length < 65000; length += length < 63500 ? 500 : 20)
			open.push(rawExchange(server.url, `GET /api/v1/events HTTP/1.1\r\nHost: x\r\nCookie: ${bureau.cookie}\r\nX-Long: ${'x'.repeat(length)}\r\n\r\n`,
				{ enough: whole }));
		let answered = false;
		const all = Promise.all(open).finally(() => (answered = true));
		while (!answered) {
			await register(bureau, { id_card: undefined });
			await pause(20);
		}
		const got = await all;
		assert.ok(server.running);
		assert.ok(got.filter((text) => text.startsWith('HTTP/1.1 200')).length > 10, 'hardly a stream was opened');
		for (const text of got)
			assert.ok(text === '' || text.startsWith('HTTP/1.1 431') || whole(text), text);
	});

	test('ends when the server stops', async () => {
		const server = await Server.start(await demoStore({ elders: 5 }));
		const stream = await (await server.as('bureau')).events();
		assert.equal(await server.stop(), 0);
		await eventually(() => stream.ended, 'the end of the stream');
	});
});

describe('far behind', () => {
	test('everything from the first line on, whole and in order, for each of many listeners', async () => {
		const all = await house.auditor.all('/api/v1/journal');
		assert.ok(all.length > 500 || (await fill(600)), 'more than one read of the store');
		const witness = await register(house.bureau);
		const streams = await Promise.all(Array.from({ length: 8 }, () => house.bureau.events({ lastEventId: 0 })));
		for (const stream of streams) {
			await stream.until((event) => event.data.id === witness.id);
			assertOrdered(stream.list);
		}
		const lines = (await house.auditor.all('/api/v1/journal')).filter((line) => LEDGERS.includes(line.resource));
		const upTo = lines.find((line) => line.id === witness.id).position;
		for (const stream of streams) {
			assertSame(positions(stream.list).filter((id) => id <= upTo), lines.map((line) => line.position).filter((id) => id <= upTo));
			stream.close();
		}
	});

	async function fill(count) {
		for (let done = 0; done < count; done += 50)
			await Promise.all(Array.from({ length: 50 }, () => register(house.bureau)));
		return true;
	}

	if (!onSqlite)
		test('without the database the stream ends, and comes again when there is one', async () => {
			const postgres = await startPostgres();
			try {
				const store = await postgres.newDatabase('behind');
				const made = await run(['demo', '--store', store, '--plan', 'laishan', '--elders', '50', '--seed', '1', '--password', password]);
				assert.equal(made.code, 0, made.stderr);
				const server = await Server.start(store);
				const bureau = await server.as('bureau');
				await postgres.kill();
				const streams = await Promise.all(Array.from({ length: 4 }, () => bureau.events({ lastEventId: 0 })));
				for (const stream of streams)
					await eventually(() => stream.ended, 'the end of a stream that cannot catch up', 10000);
				await postgres.restart();
				await eventually(async () => (await server.client().get('/readyz')).status === 200, 'the database again');
				const stream = await bureau.events({ lastEventId: 0 });
				await stream.until((event) => event.data.resource === 'elder');
				stream.close();
				await server.stop();
			} finally {
				await postgres.stop();
			}
		});

	test('while others write: nothing lost, nothing doubled', async () => {
		let writing = true;
		const writers = Array.from({ length: 6 }, async () => {
			while (writing)
				await register(house.bureau, { id_card: undefined });
		});
		const seen = [];
		try {
			/* Listeners come in from far behind and from just behind while lines are added. */
			for (let round = 0; round < 12; round++) {
				const head = (await house.bureau.events()).lastId;
				const streams = await Promise.all([0, 0, 1, head - 400, head - 50, head].map((lastEventId) =>
					house.bureau.events({ lastEventId: Math.max(0, lastEventId) })));
				await Promise.all(streams.map((stream) => eventually(() => (stream.list.at(-1)?.id ?? 0) > head + 30, 'the stream to catch up')));
				for (const stream of streams) {
					stream.close();
					seen.push(stream.list);
				}
			}
		} finally {
			writing = false;
			await Promise.all(writers);
		}
		const told = (await house.auditor.all('/api/v1/journal')).filter((line) => LEDGERS.includes(line.resource)).map((line) => line.position);
		for (const list of seen) {
			const first = list[0].id, last = list.at(-1).id;
			assertSame(positions(list), told.filter((position) => position >= first && position <= last));
		}
	});
});

/** Runs SQL on a store that no server holds. */
async function alter(store, text) {
	if (!onSqlite)
		return psql(store, text);
	const got = await run([store.replace('sqlite:', ''), text], { bin: 'sqlite3' });
	return assert.equal(got.code, 0, got.stderr);
}

test('of more fields than an event holds it names those that fit, and says that there are more', async () => {
	const store = await demoStore({ elders: 5 });
	const names = Array.from({ length: 200 }, (_, n) => `field_${n}`);
	await alter(store, `UPDATE ${onSqlite ? 'journal' : 'journal_entry'} SET action = 'update', fields = '${names.join()}' WHERE resource = 'elder'`);
	const server = await Server.start(store);
	const stream = await (await server.as('bureau')).events({ lastEventId: 0 });
	const { data } = await stream.until((event) => event.data.resource === 'elder');
	assert.equal(data.more, true);
	assert.ok(data.fields.length > 50, `${data.fields.length} names`);
	assert.deepEqual(data.fields, names.slice(0, data.fields.length));
	stream.close();
	await server.stop();
});

/* After a restart nothing stands ready-made: what a listener missed comes from the store, while new lines come in. */
test('resuming at a server that was just started, while others write: nothing lost, nothing doubled', async () => {
	const store = await demoStore({ elders: 100 });
	for (let round = 0; round < 3; round++) {
		const server = await Server.start(store);
		const bureau = await server.as('bureau');
		const auditor = await server.as('auditor');
		/* On PostgreSQL a server just started may not have given all of the demo's lines their places yet. */
		const from = Math.max((await bureau.events()).lastId - 20, 0);
		let writing = true;
		const writers = Array.from({ length: 3 }, async () => {
			while (writing)
				await register(bureau, { id_card: undefined });
		});
		const streams = [];
		try {
			for (let i = 0; i < 20; i++) {
				const stream = await bureau.events({ lastEventId: from });
				streams.push(stream);
				await eventually(() => stream.list.length > 0 && stream.list.at(-1).id > stream.list[0].id + 40, 'the stream to catch up');
			}
			const last = Math.max(...streams.map((stream) => stream.list.at(-1).id));
			await Promise.all(streams.map((stream) => eventually(() => stream.list.at(-1).id > last, 'the stream to go on')));
		} finally {
			writing = false;
			await Promise.all(writers);
		}
		/* What was heard is fixed before the journal is read: on PostgreSQL the last lines get their order a moment later. */
		const heard = streams.map((stream) => {
			stream.close();
			return positions(stream.list);
		});
		const told = (await auditor.all('/api/v1/journal')).filter((line) => LEDGERS.includes(line.resource)).map((line) => line.position);
		for (const list of heard)
			assertSame(list, told.filter((position) => position > from && position <= list.at(-1)));
		await server.stop();
	}
});

describe('verify', () => {
	test('finds the chain in order, beside the server and after it', async () => {
		const store = await orderedStore({ elders: 50 });
		const server = await Server.start(store);
		await register(await server.as('bureau'));
		const beside = await run(['verify', '--store', store, '--json']);
		assert.equal(beside.code, 0, beside.stderr);
		assert.equal(await server.stop(), 0);
		const after = await run(['verify', '--store', store, '--json']);
		assert.equal(after.code, 0, after.stderr);
		const verdict = JSON.parse(after.stdout);
		assert.equal(verdict.ok, true);
		assert.ok(verdict.lines > 50 && verdict.lines >= JSON.parse(beside.stdout).lines);
		assert.match((await run(['verify', '--store', store])).stdout, new RegExp(`^${verdict.lines} journal lines in order(, \\d+ checkpoints agree)?\n$`));
	});

	test('names the line that somebody altered or took out behind its back', async () => {
		const store = await orderedStore({ elders: 50 });
		const sql = (text) => alter(store, text);
		const check = async (position) => {
			const got = await run(['verify', '--store', store, '--json']);
			assert.equal(got.code, 1, got.stdout);
			assert.deepEqual([JSON.parse(got.stdout).ok, JSON.parse(got.stdout).wrong_position], [false, position]);
			const words = await run(['verify', '--store', store]);
			assert.equal(words.code, 1);
			assert.ok(words.stdout.includes(String(position)), words.stdout);
		};
		const name = onSqlite ? 'journal' : 'journal_entry';
		const where = onSqlite ? 'pos = 30' : 'id = (SELECT entry FROM journal_order WHERE pos = 30)';
		await sql(`UPDATE ${name} SET actor = 'nocal' WHERE ${where}`);
		await check(30);
		await sql(`UPDATE ${name} SET actor = 'local' WHERE ${where}`);
		assert.equal((await run(['verify', '--store', store])).code, 0);
		await sql(`DELETE FROM ${onSqlite ? 'journal' : 'journal_order'} WHERE pos = 20`);
		await check(20);
	});
});
