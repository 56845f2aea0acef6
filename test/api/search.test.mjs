// SPDX-License-Identifier: Apache-2.0
// search.test.mjs - records found by what somebody types, and by the numbers of their cards and telephones; by whom, of whom, in
// which pages, and what stays of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertMasked, assertProblem, cleanUp, demoStore, eventually, idCardOf, newElder, onSqlite, password, psql, register, Server } from '../harness.mjs';

const street1 = '370613001011', street2 = '370613002011';
let house, bureau;

before(async () => {
	const store = await demoStore();
	const server = await Server.start(store);
	house = { store, server };
	for (const user of ['admin', 'bureau', 'street1', 'community1', 'auditor'])
		house[user] = await server.as(user);
	const users = [['operator1', { role: 'operator', areas: ['370613'] }], ['two', { role: 'street', areas: ['370613001011', '370613002011'] }]];
	for (const [user, more] of users) {
		const got = await house.admin.post('/api/v1/users', { user, name: user, password, ...more });
		assert.equal(got.status, 201, got.text);
		house[user] = await server.as(user);
	}
	({ bureau } = house);
});
after(cleanUp);

const search = (client, body, resource = 'elders') => client.post(`/api/v1/${resource}/search`, body);

/** Ids of what is found, in the order of the answer. */
async function found(client, body, resource) {
	const got = await search(client, body, resource);
	assert.equal(got.status, 200, got.text);
	return got.json.items.map((item) => item.id);
}

let numbers = 0;
const phone = () => `139${String(31000000 + numbers++ * 7919).slice(-8)}`;

async function elder(more = {}) {
	const wish = newElder({ area: street1, phone: phone(), ...more });
	return { wish, ...(await register(bureau, wish)) };
}

const journal = async () => (await house.auditor.all('/api/v1/journal')).filter((line) => line.action === 'list');

describe('what somebody types', () => {
	test('finds by name, in any part, by pinyin and by initials', async () => {
		const one = await elder({ name: '尉迟长荣', address: '滨海路88号甲3单元402室' });
		for (const q of ['尉迟长荣', '长荣', '荣', '尉迟 荣', 'yuchizhangrong', 'yuchiz', 'yczr', 'YCZ', 'zhangrong', '滨海路88号', '402 尉迟', '号甲3单元', '尉迟 滨海',
			'８８号甲'])
			assert.ok((await found(bureau, { q, limit: 200 })).includes(one.id), q);
		for (const q of ['尉荣', 'weichi', 'czr', '海滨', '40', '402号', '尉迟 李'])
			assert.ok(!(await found(bureau, { q, limit: 200 })).includes(one.id), q);
	});

	test('reads a surname as surnames are read', async () => {
		const one = await elder({ name: '单解放' }), other = await elder({ name: '吕解放' });
		for (const [q, who] of [['shan', one], ['shanjiefang', one], ['sjf', one], ['lv jiefang', other], ['lujie', other], ['ljf', other]])
			assert.ok((await found(bureau, { q, limit: 200 })).includes(who.id), q);
		assert.ok(!(await found(bureau, { q: 'danjiefang' })).includes(one.id));
	});

	test('answers as a list does, page by page', async () => {
		const name = '欧阳翻页';
		const ids = [];
		for (let i = 0; i < 7; i++)
			ids.push((await elder({ name })).id);
		const pages = [];
		for (let cursor; cursor !== null;) {
			const got = await search(bureau, { q: name, limit: 3, cursor });
			assert.equal(got.status, 200, got.text);
			pages.push(got.json.items.map((item) => item.id));
			cursor = got.json.next;
		}
		assert.deepEqual(pages, [ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)]);
		const [listed] = (await bureau.get(`/api/v1/elders?filter=${encodeURIComponent(JSON.stringify({ '==': [{ var: 'name' }, name] }))}&limit=1`)).json.items;
		assert.deepEqual((await search(bureau, { q: name, limit: 1 })).json.items[0], listed);
	});

	// On PostgreSQL with so many in the index that are no elders that none is among the nearest, and a sample tells how far to look.
	test('finds all of what very many have, page by page', async () => {
		const store = await demoStore({ elders: 1500 });
		if (!onSqlite)
			await psql(store, `CREATE TEMPORARY TABLE own AS SELECT min(district) AS district, min(id) AS first, max(id) AS last FROM elder_tokens;
				INSERT INTO elder_tokens SELECT district, first - n, '' FROM own, generate_series(1, 20000) AS n;
				INSERT INTO elder_tokens SELECT district, last + n, array_to_tsvector(ARRAY['街道', repeat('x', 1700)])
					FROM own, generate_series(1, 16000) AS n;
				ANALYZE elder, elder_tokens`);
		const server = await Server.start(store);
		const client = await server.as('bureau');
		const all = (await client.all('/api/v1/elders?sort=id')).filter((one) => one.address?.includes('街道')).map((one) => one.id);
		assert.ok(all.length > 400, String(all.length));
		const ids = [];
		for (let cursor; cursor !== null;) {
			const got = await search(client, { q: '街道', limit: 150, cursor });
			assert.equal(got.status, 200, got.text);
			ids.push(...got.json.items.map((item) => item.id));
			cursor = got.json.next;
		}
		assert.deepEqual(ids, all);
		await server.stop();
	});

	test('finds only what is in sight', async () => {
		const name = '慕容视野';
		const near = await elder({ name }), far = await elder({ name, area: street2 }), hukou = await elder({ name, area: street2, hukou_area: street1 });
		const elsewhere = await elder({ name, area: '370613003' });
		assert.deepEqual(await found(bureau, { q: name }), [near.id, far.id, hukou.id, elsewhere.id]);
		for (const client of [house.street1, house.community1])
			assert.deepEqual(await found(client, { q: name }), [near.id, hukou.id]);
		assert.deepEqual(await found(house.two, { q: name }), [near.id, far.id, hukou.id]);
		assert.deepEqual(await found(house.auditor, { q: 'mrsy' }), [near.id, far.id, hukou.id, elsewhere.id]);
		assertProblem(await search(house.admin, { q: name }), 403, 'forbidden');
		assertProblem(await search(house.server.client(), { q: name }), 401, 'not_signed_in');
	});

	test('goes with the record through its changes', async () => {
		const one = await elder({ name: '令狐原名', address: '原址路1号' });
		const has = async (client, q) => (await found(client, { q })).includes(one.id);
		assert.ok(await has(house.street1, '令狐原名') && await has(house.street1, '原址'));
		let got = await bureau.patch(`/api/v1/elders/${one.id}?source=public_security`, { name: '令狐改名' }, 1);
		assert.equal(got.status, 200, got.text);
		assert.ok(!(await has(bureau, '原名')) && !(await has(bureau, 'lhym')) && await has(bureau, '改名') && await has(bureau, 'lhgm') && await has(bureau, '原址'));
		got = await bureau.patch(`/api/v1/elders/${one.id}`, { area: street2, address: null }, 2);
		assert.equal(got.status, 200, got.text);
		assert.ok(!(await has(house.street1, '改名')) && await has(bureau, '改名') && await has(house.two, '改名') && !(await has(bureau, '原址')));
		assert.equal((await bureau.patch(`/api/v1/elders/${one.id}`, { residence: 'away' }, 3)).status, 200);
		assert.ok(await has(bureau, '改名'));
		assert.equal((await bureau.end(`/api/v1/elders/${one.id}`, 4)).status, 200);
		assert.ok(!(await has(bureau, '改名')));
	});

	test('finds what an import brought', async () => {
		const csv = `姓名,公民身份号码,性别,出生日期,区划代码,联系电话\n宇文导入,${idCardOf('905123', '1941-02-03', 902)},女,1941-02-03,${street1},13812340987\n`;
		const got = await bureau.post('/api/v1/elders/import', csv, { type: 'text/csv' });
		assert.equal(got.json.accepted, 1, got.text);
		const [id] = await found(bureau, { q: 'ywdr' });
		assert.deepEqual(await found(bureau, { exact: { phone: '13812340987' } }), [id]);
	});

	test('finds records of the other ledgers', async () => {
		for (const [resource, body, q] of [
			['facilities', { name: '向阳街道综合养老服务中心', kind: 'street_center', area: street1, address: '向阳路5号' }, ['向阳路', 'zhyl', 'yanglao', '养老 中心', '服']],
			['organizations', { name: '松鹤延年服务有限公司', uscc: '91350100M000100Y43', kind: 'home_service', area: '370613001' }, ['延年', 'shyn', 'songheyannian']],
			['households', { head: '诸葛户主', area: street1, address: '户籍巷9号' }, ['诸葛', 'zghz', '户籍巷 9']],
		]) {
			const made = await bureau.post(`/api/v1/${resource}`, body);
			assert.equal(made.status, 201, made.text);
			for (const one of q)
				assert.ok((await found(bureau, { q: one, limit: 200 }, resource)).includes(made.json.id), `${resource}: ${one}`);
		}
		assert.equal((await search(bureau, { q: '街道' }, 'areas')).status, 404);
	});

	test('is said in the body, and says what is wrong with it', async () => {
		for (const q of ['', '  ', '，。', null, undefined])
			assertProblem(await search(bureau, { q }), 422, 'invalid', '/q');
		assertProblem(await search(bureau, { q: 5 }), 422, 'invalid', '/q');
		assertProblem(await search(bureau, { q: '王'.repeat(65) }), 422, 'invalid', '/q');
		assertProblem(await search(bureau, { q: '王\u0001' }), 422, 'invalid', '/q');
		for (const limit of [0, 201, '5', 1.5])
			assertProblem(await search(bureau, { q: '王', limit }), 422, 'invalid', '/limit');
		assertProblem(await search(bureau, { q: '王', cursor: 'x' }), 400, 'bad_cursor');
		assertProblem(await search(bureau, { q: '王', sort: 'name' }), 422, 'invalid', '/sort');
		assertProblem(await search(bureau, { q: '王', exact: { phone: '1234' } }), 400, 'bad_request');
		assertProblem(await bureau.get('/api/v1/elders/search?q=x'), 405, 'method_not_allowed');
		for (const q of ['"', "'", '" OR "', "' | '", 'a* NOT b', '*', '\\', '#', '@370613', '{', ':*', 'a:*', '(', '王"'])
			assert.ok([200, 422].includes((await search(bureau, { q })).status), q);
		assert.deepEqual(await found(bureau, { q: '查无此人查无此人' }), []);
		assert.equal((await search(bureau, { q: '甲'.repeat(64) })).status, 200);
	});
});

describe('a number', () => {
	test('finds whole, and by its last four characters', async () => {
		const one = await elder({ phone: '0535-6891357', document_kind: 'passport', document_number: 'E12345678' }), { wish } = one;
		for (const exact of [{ id_card: wish.id_card }, { id_card: wish.id_card.slice(-4) }, { phone: '0535-6891357' }, { phone: '1357' },
			{ phone: ' 05356891357 ' }, { document_number: 'E12345678' }, { document_number: '5678' },
			{ id_card: wish.id_card, phone: '1357' }])
			assert.ok((await found(bureau, { exact, limit: 200 })).includes(one.id), JSON.stringify(exact));
		const orders = Array.from({ length: 50 }, (_, i) => 2 * i + 1);
		const card = orders.map((order) => idCardOf('905123', '1941-01-01', order)).find((number) => number.endsWith('X'));
		const x = await elder({ id_card: card, born_on: '1941-01-01', sex: 'male' });
		assert.ok((await found(bureau, { exact: { id_card: card.slice(-4).toLowerCase() } })).includes(x.id));
		assert.deepEqual(await found(bureau, { exact: { id_card: wish.id_card, phone: '13800138000' } }), []);
		assert.deepEqual(await found(bureau, { exact: { phone: '13899999999' } }), []);
	});

	test('finds by the field that was named', async () => {
		const one = await elder({ contact_name: '女儿', contact_phone: '13655550123' });
		assert.deepEqual(await found(bureau, { exact: { contact_phone: '13655550123' } }), [one.id]);
		assert.deepEqual(await found(bureau, { exact: { phone: '13655550123' } }), []);
	});

	test('goes with the record through its changes', async () => {
		const one = await elder({ phone: '13655551111' });
		assert.equal((await bureau.patch(`/api/v1/elders/${one.id}`, { phone: '13655552222' }, 1)).status, 200);
		assert.deepEqual(await found(bureau, { exact: { phone: '13655551111' } }), []);
		assert.deepEqual(await found(bureau, { exact: { phone: '13655552222' } }), [one.id]);
		assert.deepEqual(await found(bureau, { exact: { id_card: one.wish.id_card } }), [one.id]);
		assert.equal((await bureau.end(`/api/v1/elders/${one.id}`, 2)).status, 200);
		assert.deepEqual(await found(bureau, { exact: { phone: '13655552222' } }), []);
	});

	test('outside of one\'s sight is like one that nobody has', async () => {
		const near = await elder(), far = await elder({ area: street2 }), hukou = await elder({ area: street2, hukou_area: street1 });
		const none = await search(house.street1, { exact: { id_card: idCardOf('905123', '1931-01-01', 777) } });
		assert.deepEqual(none.json, { items: [], next: null });
		for (const client of [house.street1, house.community1]) {
			assert.deepEqual((await search(client, { exact: { id_card: far.wish.id_card } })).json, none.json);
			assert.deepEqual((await search(client, { exact: { phone: far.wish.phone } })).json, none.json);
			assert.deepEqual(await found(client, { exact: { id_card: near.wish.id_card } }), [near.id]);
			assert.deepEqual(await found(client, { exact: { id_card: hukou.wish.id_card } }), [hukou.id]);
		}
		assert.deepEqual(await found(house.operator1, { exact: { phone: far.wish.phone } }), [far.id]);
		assertProblem(await search(house.auditor, { exact: { phone: far.wish.phone } }), 403, 'forbidden');
		assertProblem(await search(house.auditor, { exact: { nonsense: 1 } }), 403, 'forbidden');
		assertProblem(await search(house.admin, { exact: { phone: '1' } }), 403, 'forbidden');
	});

	test('that is none is told by field', async () => {
		const wrong = async (exact, pointer, code) => {
			const problem = assertProblem(await search(bureau, { exact }), 422, 'invalid', pointer);
			assert.equal(problem.errors.find((error) => error.pointer === pointer).code, code);
		};
		await wrong({ id_card: '37061319400101' }, '/exact/id_card', 'bad_id_card_length');
		await wrong({ id_card: '370613194001010011' }, '/exact/id_card', 'bad_id_card_check');
		await wrong({ phone: '12' }, '/exact/phone', 'bad_phone');
		await wrong({ phone: null }, '/exact/phone', 'required');
		await wrong({ phone: 1234 }, '/exact/phone', 'wrong_type');
		await wrong({ name: '王' }, '/exact/name', 'unknown_field');
		await wrong({ health_note: '高血压' }, '/exact/health_note', 'unknown_field');
		await wrong({}, '/exact', 'wrong_type');
		await wrong([], '/exact', 'wrong_type');
		await wrong('x', '/exact', 'wrong_type');
	});

	test('leaves a line that says which fields and how many, and typing leaves none', async () => {
		const one = await elder({ name: '独孤留痕' });
		const before = await eventually(async () => { // on PostgreSQL what was written before may still be waiting for its position
			const all = (await house.auditor.all('/api/v1/journal')).map(({ id }) => id);
			return all.includes(one.id) && (await journal()).length + 1;
		}, 'the line of the record') - 1;
		await found(bureau, { q: '独孤' });
		await found(bureau, { exact: { phone: one.wish.phone } });
		await found(bureau, { exact: { id_card: idCardOf('905123', '1931-01-01', 779), phone: '9876' } });
		assertProblem(await search(bureau, { exact: { phone: 'x' } }), 422, 'invalid');
		const lines = (await eventually(async () => {
			const all = await journal();
			return all.length >= before + 2 && all;
		}, 'two lines')).slice(before);
		assert.deepEqual(lines.map((line) => [line.resource, line.actor, line.changes]), [
			['elder', 'bureau', { fields: ['phone'], count: 1 }], ['elder', 'bureau', { fields: ['id_card', 'phone'], count: 0 }]]);
	});
});

describe('an older store', () => {
	test('is indexed when it is opened', async () => {
		const store = await demoStore({ elders: 700 });
		const sql = "DELETE FROM store_fact WHERE name = 'tokens of elder'";
		const lost = onSqlite ? "INSERT INTO elder_tokens (elder_tokens) VALUES ('delete-all')" : 'DELETE FROM elder_tokens';
		if (onSqlite)
			execFileSync('sqlite3', [store.replace('sqlite:', ''), `${sql}; ${lost};`]);
		else
			await psql(store, `${sql}; ${lost};`);
		const server = await Server.start(store);
		const client = await server.as('bureau');
		const all = await client.all('/api/v1/elders');
		assert.equal(all.length, 700);
		for (const one of [all[0], all[399], all[699]])
			assert.ok((await found(client, { q: `${one.name} ${one.address.slice(-6)}`, limit: 200 })).includes(one.id), one.name);
		assert.ok(server.log.includes('the index of elders is made anew') && !server.log.includes('facilities'));
		await server.stop();
	});
});

describe('areas that are merged', () => {
	test('take what is found along', async () => {
		const server = await Server.start(await demoStore({ elders: 60 }));
		const [client, street] = [await server.as('bureau'), await server.as('street1')];
		const wish = newElder({ name: '司徒并入', area: street2, phone: phone() });
		const { id } = await register(client, wish);
		const gone = await register(client, newElder({ name: '司徒终止', area: street2 }));
		assert.equal((await client.end(`/api/v1/elders/${gone.id}`, 1)).status, 200);
		assert.deepEqual(await found(street, { q: '司徒' }), []);
		const job = await client.post('/api/v1/area_merges', { from: ['370613002'], into: '370613001', document: '鲁民〔2026〕1号', on: '2026-01-01' });
		assert.equal(job.status, 202, job.text);
		const over = await eventually(async () => {
			const got = (await client.get(`/api/v1/jobs/${job.json.id}`)).json;
			return got.finished_at && got;
		}, 'the end of the merge');
		assert.equal(over.state, 'done');
		for (const who of [street, client]) {
			assert.deepEqual(await found(who, { q: '司徒' }), [id]);
			assert.deepEqual(await found(who, { exact: { phone: wish.phone } }), [id]);
		}
		await server.stop();
	});
});

describe('in the store', () => {
	/** All bytes of the database, as they lie on the disk or as a dump. */
	async function bytes(store) {
		if (!onSqlite)
			return execFileSync('/usr/lib/postgresql/15/bin/pg_dump', [store], { maxBuffer: 1 << 30, encoding: 'latin1' });
		const path = store.replace('sqlite:', '');
		return readFileSync(path, 'latin1') + readFileSync(`${path}-wal`, 'latin1');
	}

	test('no number stands in clear, of whomever and wherever', async () => {
		const store = await demoStore({ elders: 400 });
		const server = await Server.start(store);
		const client = await server.as('bureau');
		const secret = new Set();
		for (const { id } of await client.all('/api/v1/elders')) {
			if (secret.size > 360) /* an account may look at so many within an hour */
				break;
			const got = await client.post(`/api/v1/elders/${id}/reveal`, { fields: ['id_card', 'phone'], reason: '测试' }, { clear: true });
			for (const value of Object.values(got.json))
				secret.add(value);
		}
		secret.delete(null);
		assert.ok(secret.size > 300, String(secret.size));
		const wish = newElder({ phone: '13712344321', document_kind: 'passport', document_number: 'G98765432', contact_phone: '13712344322',
			health_note: '患有高血压三级需每日服药' });
		const made = await client.post('/api/v1/elders', wish, { headers: { 'Idempotency-Key': 'once' } });
		assert.equal(made.status, 201, made.text);
		const other = newElder();
		assert.equal((await client.patch(`/api/v1/elders/${made.json.id}?source=public_security`, { phone: '13712344323' }, 1)).status, 200);
		assert.equal((await client.patch(`/api/v1/elders/${made.json.id}`, { id_card: other.id_card, sex: other.sex, born_on: other.born_on }, 2)).status, 200);
		for (const number of [wish.id_card, other.id_card, '13712344321', '13712344322', '13712344323', 'G98765432'])
			secret.add(number);
		for (const exact of [{ id_card: wish.id_card }, { phone: '13712344323' }, { document_number: 'G98765432' }])
			await search(client, { exact });
		await search(client, { q: wish.id_card });
		const all = await bytes(store);
		assert.ok(all.includes(Buffer.from(wish.name).toString('latin1')), 'names are there');
		for (const number of secret)
			assert.ok(!all.includes(number), `${number} stands in clear`);
		assert.ok(!all.includes(Buffer.from('高血压三级').toString('latin1')), 'health stands in clear');
		assertMasked(server.log, 'the log');
		assert.ok(!server.log.includes(wish.id_card));
		await server.stop();
	});
});
