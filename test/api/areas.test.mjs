// SPDX-License-Identifier: Apache-2.0
// areas.test.mjs - the tree of areas: estates and grid cells, ending, codes, merges and moves as jobs that lose nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, Client, eventually, filterOf, idCardOf, newElder, onSqlite, openHouse, password, register, run, Server, usccOf } from '../harness.mjs';

const DISTRICT = '370613000000000';
const DOCUMENT = '鲁民〔2026〕1号';
let house, bureau;
after(cleanUp);

const under = (client, parent) => client.all(`/api/v1/areas?${filterOf({ '==': [{ var: 'parent' }, parent] })}`);
const area = async (client, number) => (await client.get(`/api/v1/areas/${number}`)).json;

async function found(client, level, parent, name = '新区划') {
	const got = await client.post('/api/v1/areas', { name, level, parent });
	assert.equal(got.status, 201, got.text);
	return got.json;
}

/** Asks for a job and gives it when it is over. */
async function ask(client, path, body) {
	const got = await client.post(path, body);
	assert.equal(got.status, 202, got.text);
	assert.equal(got.headers.location, `/api/v1/jobs/${got.json.id}`);
	assert.equal(got.json.state, 'waiting');
	return ended(client, got.json.id);
}

async function ended(client, id) {
	return eventually(async () => {
		const got = await client.get(`/api/v1/jobs/${id}`);
		assert.equal(got.status, 200, got.text);
		return got.json.finished_at && got.json;
	}, `the end of job ${id}`);
}

async function done(client, path, body) {
	const job = await ask(client, path, body);
	assert.equal(job.state, 'done', JSON.stringify(job));
	assert.equal(job.progress, job.total);
	assert.equal(job.cancellable, false);
	return job;
}

describe('the tree', () => {
	before(async () => {
		house = await openHouse({ demo: { elders: 50 } });
		({ bureau } = house);
	});

	test('estates and grid cells get the next number under their community', async () => {
		const estate = await found(bureau, 'estate', '370613001011', '祥和小区');
		assert.deepEqual([estate.number, estate.parent, estate.level, estate.code], ['370613001011001', '370613001011000', 'estate', null]);
		assert.equal((await found(bureau, 'grid', '370613001011', '第一网格')).number, '370613001011500');
		assert.equal((await found(bureau, '小区', '370613001011')).number, '370613001011002');
		const elder = await register(bureau, { area: estate.number });
		const listed = await bureau.all(`/api/v1/elders?${filterOf({ within: [{ var: 'area' }, '370613001011'] })}`);
		assert.ok(listed.some((one) => one.id === elder.id));
		assert.equal((await house.community1.get(`/api/v1/elders/${elder.id}`)).status, 200);
	});

	test('a level belongs under the level above it, and what is above the street comes with the pack', async () => {
		for (const [level, parent] of [['estate', '370613001'], ['community', '370613'], ['street', '370613001'], ['district', '3706'], ['grid', '370613001011001']])
			assertProblem(await bureau.post('/api/v1/areas', { name: '不合规则', level, parent }), 422, 'invalid', '/parent');
		assertProblem(await bureau.post('/api/v1/areas', { name: '无上级', level: 'street' }), 422, 'invalid', '/parent');
		assertProblem(await bureau.post('/api/v1/areas', { name: '不存在', level: 'grid', parent: '370613001999' }), 422, 'invalid', '/parent');
		assertProblem(await bureau.post('/api/v1/areas', { number: '370613999', name: '自带编号', level: 'street', parent: DISTRICT }), 422, 'invalid', '/number');
		for (const client of [house.street1, house.community1, house.auditor, house.admin])
			assertProblem(await client.post('/api/v1/areas', { name: '越权', level: 'grid', parent: '370613001011' }), 403, 'forbidden');
	});

	test('a new street and its community; names and codes are changed, level and parent are not', async () => {
		const streets = (await under(bureau, DISTRICT)).map((one) => one.number).sort();
		const street = await found(bureau, 'street', '370613', '新街道');
		assert.equal(Number(street.number), Number(streets.at(-1)) + 1000000);
		const community = await found(bureau, 'community', street.number);
		assert.equal(community.number, `${street.number.slice(0, 9)}001000`);
		const path = `/api/v1/areas/${street.number}`;
		const patched = await bureau.patch(path, { name: '滨海街道', code: '370613099000', code_date: '2025-06-01' }, 1);
		assert.deepEqual([patched.status, patched.json.name, patched.json.code], [200, '滨海街道', '370613099000']);
		const problem = assertProblem(await bureau.patch(path, { level: 'community', parent: '370613001' }, 2), 422, 'invalid');
		assert.deepEqual(problem.errors.map((error) => [error.pointer, error.code]).sort(), [['/level', 'read_only'], ['/parent', 'read_only']]);
		const lines = await eventually(async () => {
			const { items } = (await bureau.get(`${path}/history`)).json;
			return items.length === 2 && items;
		}, 'both lines of the street have their place');
		assert.deepEqual(lines.map((line) => line.action), ['update', 'create']);
	});

	test('an area ends when nothing lives in it, and its number is not given again', async () => {
		const community = await found(bureau, 'community', '370613001');
		const grid = await found(bureau, 'grid', community.number);
		const elder = await register(bureau, { area: grid.number });
		const away = await register(bureau, { area: '370613002', hukou_area: grid.number });
		const path = `/api/v1/areas/${community.number}`;
		const problem = assertProblem(await bureau.end(path, 1), 409, 'area_in_use');
		assert.match(problem.detail, /区划 1.*老人 2/);
		assert.match(problem.detail_en, /area: 1.*elder: 2/);
		assert.equal((await bureau.end(`/api/v1/elders/${elder.id}`, 1)).status, 200);
		assert.equal((await bureau.patch(`/api/v1/elders/${away.id}`, { hukou_area: null }, 1)).status, 200);
		assertProblem(await bureau.end(path, 1), 409, 'area_in_use');
		assert.equal((await bureau.end(`/api/v1/areas/${grid.number}`, 1)).status, 200);
		assert.equal((await bureau.end(path, 1)).status, 200);
		assert.ok((await area(bureau, community.number)).ended_at);
		assert.ok(!(await under(bureau, '370613001000000')).some((one) => one.number === community.number));
		assertProblem(await bureau.post('/api/v1/elders', newElder({ area: community.number })), 422, 'invalid', '/area');
		assertProblem(await bureau.post('/api/v1/areas', { name: '迟', level: 'grid', parent: community.number }), 422, 'invalid', '/parent');
		assert.equal(Number((await found(bureau, 'community', '370613001')).number), Number(community.number) + 1000);
	});

	test('somebody who works there keeps an area from ending', async () => {
		const community = await found(bureau, 'community', '370613001');
		const user = { user: 'grid-worker', name: '网格员', role: 'community', areas: [community.number], password };
		const made = (await house.admin.post('/api/v1/users', user)).json;
		assert.match(assertProblem(await bureau.end(`/api/v1/areas/${community.number}`, 1), 409, 'area_in_use').detail, /账号 1/);
		assert.equal((await house.admin.patch(`/api/v1/users/${made.id}`, { areas: ['370613001'] }, 1)).status, 200);
		assert.equal((await bureau.end(`/api/v1/areas/${community.number}`, 1)).status, 200);
		assertProblem(await house.admin.patch(`/api/v1/users/${made.id}`, { areas: [community.number] }, 2), 422, 'invalid', '/areas');
	});

	test('a district is re-coded with all below it; numbers stay, and the codes of before are kept', async () => {
		const wish = { code: '370692', from_on: '2025-10-01', document: DOCUMENT };
		const path = `/api/v1/areas/${DISTRICT}/recode`;
		assertProblem(await house.street1.post(path, wish), 403, 'forbidden');
		assertProblem(await bureau.post(path, { ...wish, code: '370692001' }), 422, 'invalid', '/code');
		assertProblem(await bureau.post(path, { ...wish, code: '370613' }), 422, 'invalid', '/code');
		assertProblem(await bureau.post(path, { ...wish, from_on: '2999-01-01' }), 422, 'invalid', '/from_on');
		assertProblem(await bureau.post('/api/v1/areas/370613999000000/recode', wish), 404, 'not_found');
		const before = await area(bureau, '370613001011000'), estate = await area(bureau, '370613001011001');
		const job = await done(bureau, path, wish);
		assert.deepEqual(job.input, { area: DISTRICT, code: '370692000000', document: DOCUMENT, from_on: '2025-10-01', was: '370613' });
		const district = await area(bureau, DISTRICT), community = await area(bureau, '370613001011000');
		assert.deepEqual([district.number, district.code, district.code_date, district.code_document], [DISTRICT, '370692000000', '2025-10-01', DOCUMENT]);
		assert.deepEqual([community.code, community.version], ['370692001011', before.version + 1]);
		assert.deepEqual(await area(bureau, estate.number), estate);
		const codes = (await bureau.get('/api/v1/areas/370613001011000/codes')).json.items;
		assert.deepEqual(codes, [
			{ code: '370613001011', from_on: before.code_date, to_on: '2025-10-01', document: null },
			{ code: '370692001011', from_on: '2025-10-01', to_on: null, document: DOCUMENT },
		]);
		assert.deepEqual((await bureau.get(`/api/v1/areas/${estate.number}/codes`)).json.items, []);
		assertProblem(await house.community1.get('/api/v1/areas/370613002000000/codes'), 404, 'not_found');
		assert.equal((await house.community1.get('/api/v1/areas/370613001011000/codes')).json.items.length, 2);
		assertProblem(await bureau.post(path, { ...wish, code: '370693' }), 422, 'invalid', '/from_on');
	});
});

// ---- merging and moving ----

const INTO = '370613001000000', FROM = '370613002000000';
const merge = (more = {}) => ({ from: [FROM], into: INTO, document: DOCUMENT, on: '2026-01-01', ...more });
const within = (number) => filterOf({ within: [{ var: 'area' }, number] });
const listed = (client, what, number) => client.all(`/api/v1/${what}?${within(number)}`);

/** What lives in the two streets, by id. */
async function census(client) {
	const all = new Map();
	for (const what of ['elders', 'facilities', 'organizations', 'staff'])
		for (const one of [...await listed(client, what, INTO), ...await listed(client, what, FROM)])
			all.set(`${what}/${one.id}`, one);
	return all;
}

/** Nothing is lost, nothing is doubled, and each is where its area now is. */
async function assertMerged(client, was) {
	const now = await census(client);
	assert.deepEqual([...now.keys()].sort(), [...was.keys()].sort());
	const successors = new Map();
	for (const [key, one] of now) {
		const old = was.get(key);
		if (!successors.has(old.area))
			successors.set(old.area, (await area(client, old.area)).successor ?? old.area);
		assert.equal(one.area, successors.get(old.area), key);
		assert.ok(one.area.startsWith('370613001'), key);
		for (const name of Object.keys(one).filter((each) => !['area', 'hukou_area', 'version', 'updated_at'].includes(each)))
			assert.deepEqual(one[name], old[name], `${key} ${name}`);
		assert.equal(one.version, old.version + (one.area !== old.area || one.hukou_area !== old.hukou_area ? 1 : 0), key);
	}
	for (const what of ['elders', 'facilities', 'organizations', 'staff'])
		assert.equal((await listed(client, what, FROM)).length, 0, what);
	assert.equal((await client.all(`/api/v1/elders?${filterOf({ within: [{ var: 'hukou_area' }, FROM] })}`)).length, 0);
}

async function assertVerified(store) {
	const got = await run(['verify', '--store', store, '--json']);
	assert.equal(got.code, 0, got.stdout + got.stderr);
}

let made = 0;

async function addOrganization(client, at) {
	const got = await client.post('/api/v1/organizations', { name: `机构${++made}`, uscc: usccOf(made), kind: 'home_service', area: at });
	assert.equal(got.status, 201, got.text);
	const worker = await client.post('/api/v1/staff', { name: '王护理', id_card: idCardOf('905123', '1980-05-06', made), organization: got.json.id,
		area: at, post: 'carer', state: 'applicant' });
	assert.equal(worker.status, 201, worker.text);
}

async function twoStreets(elders) {
	house = await openHouse({ demo: { elders } });
	({ bureau } = house);
	for (const at of [INTO, FROM, (await under(bureau, FROM))[0].number])
		await addOrganization(bureau, at);
	const community = (await under(bureau, FROM))[0].number;
	house.estate = (await found(bureau, 'estate', community)).number;
	await register(bureau, { area: house.estate });
	await register(bureau, { area: FROM });
	const account = async (user, role, areas) => {
		assert.equal((await house.admin.post('/api/v1/users', { user, name: user, role, areas, password })).status, 201);
		return house.server.as(user);
	};
	house.street2 = await account('street2', 'street', [FROM]);
	house.community2 = await account('community2', 'community', [community]);
	house.community = community;
}

describe('two streets become one', () => {
	before(() => twoStreets(400));

	test('what cannot be merged is refused', async () => {
		assertProblem(await house.street1.post('/api/v1/area_merges', merge()), 403, 'forbidden');
		assertProblem(await house.admin.post('/api/v1/area_moves', { area: FROM, to_parent: DISTRICT, document: DOCUMENT, on: '2026-01-01' }), 403, 'forbidden');
		for (const [wish, pointer] of [[{ from: [] }, '/from'], [{ from: 'x' }, '/from'], [{ from: [INTO] }, '/from'], [{ from: [FROM, FROM] }, '/from'],
			[{ from: [house.community] }, '/from'], [{ from: ['370613999'] }, '/from'], [{ into: '370613999' }, '/into'], [{ on: '2999-01-01' }, '/on'],
			[{ document: null }, '/document'], [{ more: 1 }, '/more'], [{ from: [DISTRICT], into: FROM }, '/from']])
			assertProblem(await bureau.post('/api/v1/area_merges', merge(wish)), 422, 'invalid', pointer);
		assertProblem(await bureau.post('/api/v1/area_moves', { area: house.community, to_parent: FROM, document: DOCUMENT, on: '2026-01-01' }), 422, 'invalid', '/to_parent');
		assert.equal((await bureau.get('/api/v1/jobs')).json.items.length, 0);
		assert.deepEqual((await house.street1.get('/api/v1/jobs')).json.items, []); // jobs of the whole district are none of a street's
	});

	test('nothing is lost, rights act at once, and the feed tells', async () => {
		const was = await census(bureau);
		const gone = await register(house.street2, { area: house.community });
		assert.equal((await house.street2.end(`/api/v1/elders/${gone.id}`, 1)).status, 200);
		const [all, street, other] = await Promise.all([bureau, house.street1, house.community1].map((client) => client.events()));
		const key = { headers: { 'Idempotency-Key': 'merge-once' } };
		const first = await bureau.post('/api/v1/area_merges', merge(), key), second = await bureau.post('/api/v1/area_merges', merge(), key);
		assert.deepEqual([first.status, second.status, second.json.id], [202, 202, first.json.id]);
		const job = await ended(bureau, first.json.id);
		assert.equal(job.state, 'done', JSON.stringify(job));
		await assertMerged(bureau, was);
		const old = await area(bureau, FROM), community = await area(bureau, house.community), estate = await area(bureau, house.estate);
		assert.deepEqual([old.successor, old.end_reason, old.ended_on, old.end_document], [INTO, 'merged', '2026-01-01', DOCUMENT]);
		assert.ok(old.ended_at && community.ended_at && community.successor.startsWith('370613001'));
		assert.equal(estate.successor, community.successor.slice(0, 12) + house.estate.slice(12));
		const heir = await area(bureau, community.successor);
		assert.deepEqual([heir.parent, heir.name, heir.code, heir.successor, heir.ended_at], [INTO, community.name, community.code, null, null]);
		assert.equal((await under(bureau, FROM)).length, 0);

		const me = async (client) => (await client.get('/api/v1/me')).json.areas;
		assert.deepEqual([await me(house.street2), await me(house.community2)], [[INTO], [community.successor]]);
		assert.equal((await listed(house.street2, 'elders', INTO)).length, (await listed(bureau, 'elders', INTO)).length);
		const [moved] = await listed(house.community2, 'elders', community.successor);
		const hits = (await house.community2.post('/api/v1/elders/search', { q: moved.name })).json.items;
		assert.ok(hits.some((one) => one.id === moved.id), 'found by name where it lies now');
		const record = (await bureau.get(`/api/v1/elders/${gone.id}`)).json;
		assert.deepEqual([record.area, record.version], [community.successor, 3]);

		const taken = [...was.entries()].filter(([key_, one]) => key_.startsWith('elders') && one.area.startsWith('370613002'));
		const told = (events, event, id) => events.list.some((one) => one.event === event && one.data.resource === 'elder' && one.data.id === id);
		for (const [, one] of taken) {
			await eventually(() => told(all, 'change', one.id) && told(street, 'change', one.id), `the feed tells of ${one.id}`);
			assert.ok(!told(other, 'change', one.id));
		}
		assert.ok(all.list.some((one) => one.data.resource === 'job' && one.data.action === 'progress'));
		for (const events of [all, street, other])
			events.close();
		const line = (await bureau.get(`/api/v1/elders/${taken[0][1].id}/history`)).json.items[0];
		assert.deepEqual([line.action, line.channel, line.actor], ['renumber', 'job', 'bureau']);
		assert.equal(line.changes.area[0], taken[0][1].area);
	});

	test('whoever names an area of before is told its successor', async () => {
		const { successor } = await area(bureau, house.community);
		const problem = assertProblem(await bureau.post('/api/v1/elders', newElder({ area: house.community.slice(0, 12) })), 422, 'invalid', '/area');
		assert.equal(problem.errors[0].code, 'unknown_area');
		assert.ok(problem.errors[0].message.includes(successor) && problem.errors[0].message_en.includes(successor));
		assertProblem(await bureau.post('/api/v1/area_merges', merge()), 422, 'invalid', '/from');
		assertProblem(await house.admin.post('/api/v1/users', { user: 'late', name: '迟', role: 'street', areas: [FROM], password }), 422, 'invalid', '/areas');
		const csv = `姓名,性别,出生日期,区划代码\n迟,女,1940-01-01,${FROM}\n`;
		const got = (await bureau.post('/api/v1/elders/import', csv, { type: 'text/csv' })).json;
		assert.deepEqual([got.accepted, got.errors[0].code], [0, 'unknown_area']);
		assert.ok(got.errors[0].message.includes(INTO));
	});

	test('a community moves to another street with its estates, and there it has another number', async () => {
		const { successor } = await area(bureau, house.community);
		const there = await listed(bureau, 'elders', successor), target = '370613003000000';
		const job = await done(bureau, '/api/v1/area_moves', { area: successor, to_parent: target, document: DOCUMENT, on: '2026-01-02' });
		const now = await area(bureau, job.result.area);
		assert.deepEqual([now.parent, now.level], [target, 'community']);
		assert.deepEqual((await listed(bureau, 'elders', now.number)).map((one) => one.id).sort(), there.map((one) => one.id).sort());
		assert.equal((await area(bureau, successor)).end_reason, 'moved');
		assert.deepEqual((await under(bureau, now.number)).map((one) => one.number), [`${now.number.slice(0, 12)}001`]);
		assert.deepEqual((await house.community2.get('/api/v1/me')).json.areas, [now.number]);
		const problem = assertProblem(await bureau.post('/api/v1/elders', newElder({ area: house.community })), 422, 'invalid', '/area');
		assert.ok(problem.errors[0].message.includes(now.number), 'the last of several successors');
		await assertVerified(house.store);
	});
});

describe('a job under way', () => {
	let elders;
	before(async () => {
		await twoStreets(6000);
		elders = await census(bureau);
	});

	const started = async () => {
		const got = await bureau.post('/api/v1/area_merges', merge());
		assert.equal(got.status, 202, got.text);
		return got.json.id;
	};
	const progressed = (client, id, beyond) => eventually(async () => {
		const { json } = await client.get(`/api/v1/jobs/${id}`);
		return (json.progress > beyond || json.finished_at) && json;
	}, 'progress');

	test('what is cancelled is as it was', async () => {
		assert.equal((await house.admin.post('/api/v1/users', { user: 'elsewhere', role: 'bureau', areas: ['370613003'], password })).status, 201);
		const elsewhere = await house.server.as('elsewhere');
		const id = await started();
		assertProblem(await bureau.post('/api/v1/area_merges', merge()), 409, 'job_under_way');
		assertProblem(await bureau.post('/api/v1/area_moves', { area: house.community, to_parent: '370613003', document: DOCUMENT, on: '2026-01-01' }), 409, 'job_under_way');
		assertProblem(await bureau.post(`/api/v1/areas/${DISTRICT}/recode`, { code: '370692', from_on: '2025-10-01', document: DOCUMENT }), 409, 'job_under_way');
		assertProblem(await bureau.post('/api/v1/areas', { name: '迟', level: 'grid', parent: house.community }), 409, 'job_under_way');
		assertProblem(await house.street1.post(`/api/v1/jobs/${id}/cancel`), 404, 'not_found');
		assertProblem(await elsewhere.post(`/api/v1/jobs/${id}/cancel`), 404, 'not_found');
		assertProblem(await bureau.post('/api/v1/jobs/1/cancel'), 404, 'not_found');
		const seen = await progressed(bureau, id, 150);
		const cancelled = await bureau.post(`/api/v1/jobs/${id}/cancel`);
		assert.deepEqual([cancelled.status, cancelled.json?.state], [200, 'cancelling'], `${cancelled.text} at ${JSON.stringify(seen)}`);
		assert.equal((await ended(bureau, id)).state, 'cancelled');
		assertProblem(await bureau.post(`/api/v1/jobs/${id}/cancel`), 409, 'wrong_state');
		const now = await census(bureau);
		assert.equal(now.size, elders.size);
		for (const [key, one] of now)
			assert.deepEqual([one.area, one.hukou_area], [elders.get(key).area, elders.get(key).hukou_area], key);
		assert.deepEqual((await house.street2.get('/api/v1/me')).json.areas, [FROM]);
		assert.equal((await area(bureau, FROM)).successor, null);
		assert.ok((await under(bureau, INTO)).every((one) => one.successor === null));
		elders = now;
	});

	test('whoever works in two areas that change at the same time keeps nothing of the change that is taken back', async () => {
		const other = { from: ['370613004000000'], into: '370613003000000' };
		const account = { user: 'two-streets', role: 'street', areas: [FROM, ...other.from], password };
		assert.equal((await house.admin.post('/api/v1/users', account)).status, 201);
		const worker = await house.server.as(account.user);
		const areas = async () => (await worker.get('/api/v1/me')).json.areas.sort();
		const id = await started();
		await eventually(async () => (await areas()).includes(INTO), 'the areas of the first change');
		const second = (await bureau.post('/api/v1/area_merges', merge(other))).json.id;
		await eventually(async () => (await areas()).includes(other.into), 'those of the second');
		assert.equal((await bureau.post(`/api/v1/jobs/${id}/cancel`)).status, 200);
		assert.equal((await ended(bureau, id)).state, 'cancelled');
		assert.equal((await ended(bureau, second)).state, 'done');
		assert.deepEqual(await areas(), [FROM, other.into]);
		elders = await census(bureau);
	});

	test('a claim on a record that was taken over is kept', async () => {
		const path = (one) => `/api/v1/elders/${one.id}`;
		const some = (await listed(bureau, 'elders', FROM)).slice(0, 40);
		for (const one of some)
			assert.equal((await bureau.patch(`${path(one)}?source=public_security`, { name: '户籍名' }, one.version)).status, 200);
		const id = await started();
		let taken = 0;
		for (let round = 0; taken === 0; round++) {
			const any = { headers: { 'If-Match': '*' } };
			const answers = await Promise.all(some.map((one) => bureau.patch(path(one), { name: `小名${round}` }, 0, any)));
			for (const got of answers)
				assert.deepEqual([got.status, got.json.claimed], [200, ['name']], got.text);
			taken = answers.filter((got) => got.json.area.startsWith('370613001')).length;
		}
		assert.equal((await bureau.post(`/api/v1/jobs/${id}/cancel`)).status, 200);
		assert.equal((await ended(bureau, id)).state, 'cancelled');
		for (const one of some) {
			const { area: place } = (await bureau.get(path(one))).json;
			const claims = await bureau.all(`/api/v1/claims?${filterOf({ and: [{ '==': [{ var: 'record' }, one.id] }, { '==': [{ var: 'state' }, 'open'] }] })}`);
			assert.deepEqual([claims.map((claim) => claim.area), place], [[one.area], one.area]);
		}
		elders = await census(bureau);
	});

	test('killed in the middle it goes on, while others read and write', async () => {
		/* On PostgreSQL another server is asked for it, and goes on with it when the one that does it is gone. */
		const other = onSqlite ? null : await Server.start(house.store);
		if (other)
			bureau = new Client(other.url, bureau.cookie);
		const id = await started();
		const seen = await progressed(bureau, id, 100);
		await house.server.kill();
		assert.ok(!seen.finished_at, 'it was under way');
		const server = other ?? await Server.start(house.store);
		const again = new Client(server.url, bureau.cookie), street2 = new Client(server.url, house.street2.cookie);
		const late = [];
		for (let job = { finished_at: null }; !job.finished_at; ({ json: job } = await again.get(`/api/v1/jobs/${id}`))) {
			const got = await street2.post('/api/v1/elders', newElder({ area: FROM }));
			if (got.status === 201)
				late.push(got.json);
			else
				assert.ok(assertProblem(got, 422, 'invalid', '/area').errors[0].message.includes(INTO));
		}
		assert.equal((await ended(again, id)).state, 'done');
		for (const one of late)
			elders.set(`elders/${one.id}`, one);
		const now = await census(again);
		assert.equal(now.size, elders.size);
		for (const one of now.values())
			assert.ok(one.area.startsWith('370613001'));
		await assertMerged(again, elders);
		assert.deepEqual((await street2.get('/api/v1/me')).json.areas, [INTO]);
		assert.equal(await server.stop(), 0);
		await assertVerified(house.store);
	});
});
