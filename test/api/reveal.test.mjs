// SPDX-License-Identifier: Apache-2.0
// reveal.test.mjs - sealed fields in clear: who may, of whom, for which reason, how often; and what stays of it in the journal.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { assertMasked, assertProblem, cleanUp, demoStore, eventually, newElder, onSqlite, psql, register, run, Server, TestClock } from '../harness.mjs';

const street1 = '370613001011', street2 = '370613002011';
let house, clock;

before(async () => {
	const store = await demoStore();
	clock = new TestClock();
	const server = await Server.start(store, { clock });
	house = { store, server };
	for (const user of ['admin', 'bureau', 'street1', 'community1', 'auditor'])
		house[user] = await server.as(user);
	for (const [user, role] of [['operator1', 'operator'], ['bureau2', 'bureau']]) {
		const got = await house.admin.post('/api/v1/users', { user, name: user, role, areas: ['370613'], password: 'pine-and-crane 27' });
		assert.equal(got.status, 201, got.text);
		house[user] = await server.as(user);
	}
});
after(cleanUp);

const reveal = (client, id, body = {}, options = {}) =>
	client.post(`/api/v1/elders/${id}/reveal`, { fields: ['id_card'], reason: '入户核对证件', ...body }, { clear: true, ...options });

async function elderIn(area, more = {}) {
	const wish = newElder({ area, phone: '13800138000', ...more });
	return { wish, ...(await register(house.bureau, wish)) };
}

/** The lines of the journal about looks. */
async function looks(id) {
	return (await house.bureau.all(`/api/v1/elders/${id}/history`)).filter((line) => line.action === 'look');
}

describe('reveal', () => {
	test('answers what was asked for, and nothing else', async () => {
		const one = await elderIn(street1);
		const got = await reveal(house.bureau, one.id, { fields: ['id_card', 'phone', 'document_number', 'phone'] });
		assert.equal(got.status, 200, got.text);
		assert.deepEqual(got.json, { id_card: one.wish.id_card, phone: '13800138000', document_number: null });
		assert.equal(got.headers['cache-control'], 'no-store');
		assert.equal((await house.bureau.get(`/api/v1/elders/${one.id}`)).json.version, 1, 'to look is no change');
	});

	test('leaves a line with the fields and the reason, and no value', async () => {
		const one = await elderIn(street1);
		assert.equal((await reveal(house.street1, one.id, { fields: ['phone', 'id_card'], reason: ' 电话回访 ' })).status, 200);
		const lines = await eventually(async () => {
			const found = await looks(one.id);
			return found.length > 0 && found;
		}, 'the line of the look');
		assert.equal(lines.length, 1);
		assert.deepEqual(lines[0].changes, { fields: ['phone', 'id_card'], reason: '电话回访' });
		assert.deepEqual([lines[0].actor, lines[0].resource, lines[0].id], ['street1', 'elder', one.id]);
	});

	test('is for those who keep the record', async () => {
		const near = await elderIn(street1), far = await elderIn(street2), hukou = await elderIn(street2, { hukou_area: street1 });
		for (const client of [house.bureau, house.street1, house.community1])
			assert.equal((await reveal(client, near.id)).status, 200);
		for (const client of [house.street1, house.community1]) {
			assertProblem(await reveal(client, far.id), 404, 'not_found');
			assert.equal((await client.get(`/api/v1/elders/${hukou.id}`)).status, 200);
			assertProblem(await reveal(client, hukou.id), 403, 'forbidden');
			assertProblem(await reveal(client, '1'), 404, 'not_found');
		}
		for (const client of [house.auditor, house.admin, house.operator1])
			assertProblem(await reveal(client, near.id), 403, 'forbidden');
		assertProblem(await reveal(house.server.client(), near.id), 401, 'not_signed_in');
		assert.equal((await looks(far.id)).length + (await looks(hukou.id)).length, 0);
	});

	test('needs fields that are sealed, and a reason', async () => {
		const { id } = await elderIn(street1);
		const wrong = async (body, pointer, code) => {
			const problem = assertProblem(await reveal(house.bureau, id, body), 422, 'invalid', pointer);
			assert.equal(problem.errors.find((error) => error.pointer === pointer).code, code);
		};
		await wrong({ fields: ['id_card', 'name'] }, '/fields/1', 'not_sealed');
		await wrong({ fields: ['id_card_box'] }, '/fields/0', 'unknown_field');
		await wrong({ fields: ['id_card', 5] }, '/fields/1', 'wrong_type');
		await wrong({ fields: 'id_card' }, '/fields', 'wrong_type');
		for (const fields of [[], null, undefined])
			await wrong({ fields }, '/fields', 'required');
		for (const reason of ['', '  ', null, undefined])
			await wrong({ reason }, '/reason', 'required');
		await wrong({ reason: '看' }, '/reason', 'too_short');
		await wrong({ reason: '看'.repeat(201) }, '/reason', 'too_long');
		await wrong({ reason: 5 }, '/reason', 'wrong_type');
		await wrong({ why: 1 }, '/why', 'unknown_field');
		assert.equal((await looks(id)).length, 0);
	});

	test('is not kept under an Idempotency-Key', async () => {
		const one = await elderIn(street1);
		for (let time = 0; time < 2; time++) {
			const got = await reveal(house.bureau, one.id, {}, { headers: { 'Idempotency-Key': 'look' } });
			assert.equal(got.json.id_card, one.wish.id_card);
			assert.equal(got.headers['idempotency-replayed'], undefined);
		}
		await eventually(async () => (await looks(one.id)).length === 2, 'a line for each');
	});

	test('of what was altered answers nothing, and says so in the log', async () => {
		const one = await elderIn(street1), other = await elderIn(street1);
		const sql = `UPDATE elder SET phone_box = (SELECT phone_box FROM elder WHERE id = ${other.id}) WHERE id = ${one.id}`;
		if (onSqlite)
			execFileSync('sqlite3', [house.store.replace('sqlite:', ''), `PRAGMA busy_timeout = 10000; ${sql}`]);
		else
			await psql(house.store, sql);
		assertProblem(await reveal(house.bureau, one.id, { fields: ['id_card', 'phone'] }), 500, 'internal');
		await eventually(() => house.server.log.includes(`phone of elder ${one.id} does not open`), 'a line in the log');
		assert.equal((await looks(one.id)).length, 0);
		assert.equal((await reveal(house.bureau, one.id)).json.id_card, one.wish.id_card);
	});

	/* A SQLite file has one server. */
	if (!onSqlite)
		test('of what another server sealed with a newer key', async () => {
			const made = await run(['key', 'rotate', '--store', house.store]);
			assert.equal(made.code, 0, made.stderr);
			const server = await Server.start(house.store, { clock });
			const wish = newElder({ area: street1 });
			const one = await register(await server.as('bureau'), wish);
			assert.equal((await reveal(house.bureau, one.id)).json.id_card, wish.id_card);
			await server.stop();
		});

	test('of staff is for the bureau alone', async () => {
		const organization = await house.bureau.post('/api/v1/organizations', { name: '松鹤', uscc: '91350100M000100Y43', kind: 'home_service',
			area: '370613001', phone: '0535-6891234' });
		assert.equal(organization.status, 201, organization.text);
		const wish = newElder();
		const worker = await house.street1.post('/api/v1/staff', { name: '王', id_card: wish.id_card, organization: organization.json.id,
			area: '370613001', post: 'carer', state: 'applicant' });
		assert.equal(worker.status, 201, worker.text);
		const body = { fields: ['id_card'], reason: '核对资质' };
		const path = `/api/v1/staff/${worker.json.id}/reveal`;
		assert.equal((await house.bureau.post(path, body, { clear: true })).json.id_card, wish.id_card);
		assertProblem(await house.street1.post(path, body), 403, 'forbidden');
		const phone = await house.street1.post(`/api/v1/organizations/${organization.json.id}/reveal`, { fields: ['phone'], reason: '联系机构' });
		assert.deepEqual(phone.json, { phone: '0535-6891234' });
		assert.equal((await house.bureau.post('/api/v1/areas/370613001000000/reveal', body)).status, 404);
	});

	test('shows up nowhere else', async () => {
		const journal = await house.auditor.all('/api/v1/journal');
		assert.ok(journal.some((line) => line.action === 'look'));
		assertMasked(house.server.log, 'the log');
	});

	test('has a limit within an hour, for each account', async () => {
		const { id } = await elderIn(street1);
		let got;
		for (let time = 0; time < 200; time++) {
			got = await reveal(house.bureau2, id);
			assert.equal(got.status, 200, `${time}: ${got.text}`);
		}
		clock.forward(600000);
		got = await reveal(house.bureau2, id);
		assertProblem(got, 429, 'rate_limited');
		const wait = Number(got.headers['retry-after']);
		assert.ok(wait > 2900 && wait <= 3001, String(wait));
		assert.equal((await reveal(house.bureau, id)).status, 200);
		for (let minute = 0; minute < 50; minute += 10) { /* a session is not left alone for long */
			assert.equal((await house.bureau2.get('/api/v1/me')).status, 200);
			clock.forward(600000);
		}
		clock.forward(2000);
		assert.equal((await reveal(house.bureau2, id)).status, 200);
	});
});
