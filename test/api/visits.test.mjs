// SPDX-License-Identifier: Apache-2.0
// visits.test.mjs - welfare visits: who is due, who goes, what is found, what follows, who was missed and who is told.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, filterOf, newElder, openHouse, password, register, TestClock } from '../harness.mjs';

let house, bureau, street1, community1, clock, worker, staff, other;
const here = '370613001011';
const start = '2026-03-02T09:00:00+08:00'; /* a Monday */
const HOUR = 3600000, DAY = 24 * HOUR;

before(async () => {
	clock = new TestClock(Date.parse(start));
	house = await openHouse({ demo: { elders: 20 }, serve: { clock } });
	({ bureau, street1, community1 } = house);
	staff = await makeStaff('探访甲');
	other = await makeStaff('探访乙');
	worker = await house.server.as('visitor1');
});
after(cleanUp);

let made = 0;
async function makeStaff(name) {
	const [organization] = (await bureau.get('/api/v1/organizations?limit=1')).json.items, n = ++made;
	const wish = { name, id_card: newElder().id_card, organization: organization.id, area: here, post: 'visitor', state: 'active', trained_on: '2026-01-05' };
	const got = await bureau.post('/api/v1/staff', wish);
	assert.equal(got.status, 201, got.text);
	const account = await house.admin.post('/api/v1/users', { user: `visitor${n}`, role: 'worker', organization: organization.id, person: got.json.id, password });
	assert.equal(account.status, 201, account.text);
	return got.json;
}

const script = (more) => ({ reached: 'seen', spirits: 'good', body: 'well', fell: false, meals: 'regular', medicine: 'regular', heating: 'fine', money: 'none', carer: 'not_needed', ...more });
const path = (visit, what = '') => `/api/v1/visits/${visit.id}${what}`;
const job = async (id) => (await bureau.get(`/api/v1/jobs/${id}`)).json;
async function plan(body = {}) {
	const got = await bureau.post('/api/v1/visit_plans', body);
	assert.equal(got.status, 202, got.text);
	await eventually(async () => ['done', 'failed'].includes((await job(got.json.id)).state), 'the plan');
	const done = await job(got.json.id);
	assert.equal(done.state, 'done', JSON.stringify(done));
	return done.result;
}
const visitsOf = (client, elder) => client.all(`/api/v1/visits?${filterOf({ '==': [{ var: 'elder' }, elder.id] })}&sort=due_on`);
const byName = (name) => JSON.stringify({ '==': [{ var: 'name' }, name] });
async function rule(name, more) {
	const got = await bureau.post('/api/v1/cadences', { name, filter: byName(name), channel: 'door', period: 'month', at_least: 1,
		visitor: 'community', from_on: '2026-01-01', ...more });
	assert.equal(got.status, 201, got.text);
	return got.json;
}
/** Somebody with a rule of their own, and their visit of this month. */
async function due(name, more, wish) {
	const elder = await register(bureau, newElder({ name, area: here, ...wish }));
	await rule(name, more);
	await plan();
	const [visit] = await visitsOf(bureau, elder);
	return { elder, visit };
}

describe('the plan', () => {
	test('gives whoever fits a rule a visit in its period, once, and lets it lapse where they do not fit any more', async () => {
		const one = await register(bureau, newElder({ name: '规则一', area: here, tags: ['living_alone'] }));
		const filter = JSON.stringify({ and: [{ '==': [{ var: 'name' }, '规则一'] }, { in: ['living_alone', { var: 'tags' }] }] });
		const monthly = await rule('规则一', { filter });
		assert.deepEqual(await plan(), { made: 1, lapsed: 0 });
		assert.deepEqual(await plan(), { made: 0, lapsed: 0 });
		const [visit] = await visitsOf(street1, one);
		assert.deepEqual([visit.state, visit.period_from, visit.due_on, visit.channel, visit.cadence, visit.name, visit.area],
			['planned', '2026-03-01', '2026-03-31', 'door', monthly.id, '规则一', `${here}000`]);
		assert.equal(visit.due_at, '2026-04-01T00:00:00.000+08:00');
		await bureau.patch(`/api/v1/elders/${one.id}`, { tags: [] }, one.version);
		assert.deepEqual(await plan(), { made: 0, lapsed: 1 });
		assert.equal((await visitsOf(street1, one))[0].state, 'lapsed');
		await bureau.patch(`/api/v1/elders/${one.id}`, { tags: ['living_alone'] }, one.version + 1);
		assert.deepEqual(await plan(), { made: 1, lapsed: 0 });
		assert.deepEqual(await plan({ day: '2026-04-15' }), { made: 1, lapsed: 0 });
	});

	test('knows weeks, months and quarters, several times in one, and rules that hold side by side', async () => {
		const elder = await register(bureau, newElder({ name: '规则多', area: here }));
		const rules = [await rule('规则多'), await rule('规则多周', { filter: byName('规则多'), period: 'week', channel: 'phone' }),
			await rule('规则多季', { filter: byName('规则多'), period: 'quarter', at_least: 3 }),
			await rule('已停', { filter: byName('规则多'), to_on: '2026-02-28' }), await rule('未来', { filter: byName('规则多'), from_on: '2026-04-01' })];
		assert.equal((await plan()).made, 5);
		const visits = await visitsOf(bureau, elder), of = (cadence) => visits.filter((each) => each.cadence === cadence.id);
		assert.deepEqual(of(rules[1]).map(({ period_from, due_on, channel }) => [period_from, due_on, channel]), [['2026-03-02', '2026-03-08', 'phone']]);
		assert.deepEqual(of(rules[2]).map(({ period_from, due_on }) => [period_from, due_on]), Array(3).fill(['2026-01-01', '2026-03-31']));
		assert.deepEqual([of(rules[3]).length, of(rules[4]).length], [0, 0]);
	});

	test('is refused where a rule makes no sense, or somebody may not', async () => {
		assertProblem(await bureau.post('/api/v1/cadences', { name: '错', filter: '{"==":[{"var":"nobody"},1]}', channel: 'door', period: 'month',
			at_least: 1, visitor: 'community', from_on: '2026-01-01' }), 422, 'invalid', '/filter');
		assertProblem(await bureau.post('/api/v1/cadences', { name: '错', filter: byName('x'), channel: 'door', period: 'day', at_least: 0,
			visitor: 'community', from_on: '2026-01-01' }), 422, 'invalid', '/period');
		assertProblem(await street1.post('/api/v1/cadences', {}), 403, 'forbidden');
		assertProblem(await community1.post('/api/v1/visit_plans', {}), 403, 'forbidden');
		assertProblem(await bureau.post('/api/v1/visit_plans', { day: 'soon' }), 422, 'invalid', '/day');
	});
});

describe('a visit', () => {
	test('goes from due to assigned to checked in to done, and what is found becomes requests', async () => {
		const { elder, visit } = await due('走一遍', {}, { position: { lat: 37.51, lon: 121.44 } });
		const assigned = await community1.post(path(visit, '/assign'), { worker: staff.id });
		assert.deepEqual([assigned.status, assigned.json.state, assigned.json.worker], [200, 'assigned', staff.id], assigned.text);
		const mine = (await worker.get('/api/v1/tasks')).json.items;
		assert.deepEqual(mine.map(({ id, moves }) => [id, moves]), [[visit.id, ['check_in', 'finish']]]);
		assert.deepEqual([(await worker.get(path(visit))).json.name, (await worker.get(path(visit))).json.address], ['走一遍', elder.address]);
		assertProblem(await worker.post(path(visit, '/finish'), { script: script() }), 409, 'wrong_state');
		const there = await worker.post(path(visit, '/check_in'), { arrived_where: { lat: 37.5101, lon: 121.4401 } });
		assert.deepEqual([there.json.state, there.json.outside, there.json.distance_m < 20], ['arrived', false, true], there.text);
		assertProblem(await worker.post(path(visit, '/finish'), {}), 422, 'invalid', '/script');
		assertProblem(await worker.post(path(visit, '/finish'), { script: { reached: 'seen' } }), 422, 'invalid', '/script/spirits');
		const done = await worker.post(path(visit, '/finish'), { script: script({ meals: 'lacking' }), finding: '家里只有冷饭' });
		assert.deepEqual([done.status, done.json.state, done.json.urgency, done.json.needs, done.json.finding], [200, 'done', 'soon', ['meals'], '***'], done.text);
		const [request] = await community1.all(`/api/v1/requests?${filterOf({ '==': [{ var: 'elder' }, elder.id] })}`);
		assert.deepEqual([request.kind, request.urgency, request.channel, request.visit, request.state], ['meals', 'soon', 'visit', visit.id, 'open']);
		assert.deepEqual(done.json.followed, [{ resource: 'request', id: request.id, action: 'create' }]);
		assert.equal(Date.parse(request.due_at) - clock.now, 24 * HOUR);
		assertProblem(await worker.post(path(visit, '/finish'), { script: script() }), 409, 'wrong_state');
		const shown = await street1.post(path(visit, '/reveal'), { fields: ['finding'], reason: '回访' });
		assert.equal(shown.json.finding, '家里只有冷饭', shown.text);
	});

	test('far from the address is flagged with a reason, and goes on', async () => {
		const { visit } = await due('远处', {}, { position: { lat: 37.51, lon: 121.44 } });
		await community1.post(path(visit, '/assign'), { worker: staff.id });
		const got = await worker.post(path(visit, '/check_in'), { arrived_where: { lat: 37.52, lon: 121.44 }, outside_reason: '在公园见到' });
		assert.deepEqual([got.json.state, got.json.outside, got.json.outside_reason, Math.round(got.json.distance_m / 100)], ['arrived', true, '在公园见到', 11], got.text);
	});

	test('is handed over, given back, and belongs to nobody else', async () => {
		const { visit } = await due('转交人');
		assertProblem(await worker.get(path(visit)), 404, 'not_found');
		assertProblem(await bureau.post(path(visit, '/assign'), { worker: '17' }), 422, 'invalid', '/worker');
		await community1.post(path(visit, '/assign'), { worker: staff.id });
		const next = await house.server.as('visitor2');
		assertProblem(await next.post(path(visit, '/check_in'), {}), 404, 'not_found');
		assertProblem(await worker.post(path(visit, '/assign'), { worker: other.id }), 403, 'forbidden');
		assert.equal((await community1.post(path(visit, '/assign'), { worker: other.id })).json.worker, other.id);
		assertProblem(await worker.post(path(visit, '/check_in'), {}), 404, 'not_found');
		assert.equal((await next.post(path(visit, '/unassign'), {})).json.state, 'planned');
	});

	test('with nobody at home is tried again, and the third time somebody has to look', async () => {
		const { elder, visit } = await due('无人应');
		await community1.post(path(visit, '/assign'), { worker: staff.id });
		for (let n = 1; n <= 3; n++) {
			const got = await worker.post(path(visit, '/no_answer'), {});
			assert.deepEqual([got.json.state, got.json.tries], ['assigned', n], got.text);
			assert.equal((got.json.followed ?? []).length, n === 3 ? 1 : 0);
		}
		const [request] = await community1.all(`/api/v1/requests?${filterOf({ '==': [{ var: 'elder' }, elder.id] })}`);
		assert.deepEqual([request.kind, request.urgency], ['unreachable', 'now']);
		assert.equal(Date.parse(request.due_at) - clock.now, 2 * HOUR);
	});

	test('follows the person, and lapses with their record', async () => {
		const { elder, visit } = await due('搬家人');
		const moved = await bureau.patch(`/api/v1/elders/${elder.id}`, { area: '370613002011', address: '新家' }, elder.version);
		assert.deepEqual(moved.json.followed.map(({ id, action }) => [id, action]), [[visit.id, 'follow'], [visit.id, 'follow']]);
		assert.deepEqual([(await bureau.get(path(visit))).json.area, (await bureau.get(path(visit))).json.address], ['370613002011000', '新家']);
		assertProblem(await street1.get(path(visit)), 404, 'not_found');
		const ended = await bureau.end(`/api/v1/elders/${elder.id}?end_reason=died`, moved.json.version);
		assert.deepEqual(ended.json.followed, [{ resource: 'visit', id: visit.id, action: 'lapse' }]);
	});

	test('that is not made in time climbs: to the street, to the district, each with its task, and is settled', async () => {
		const { visit } = await due('逾期人', { period: 'week' });
		const state = async () => (await bureau.get(path(visit))).json.state;
		const waits = async (client) => (await client.all('/api/v1/tasks')).some(({ id }) => id === visit.id);
		clock.forward(7 * DAY);
		const again = async () => {
			for (const client of [bureau, street1, community1])
				await client.signIn(client === bureau ? 'bureau' : client === street1 ? 'street1' : 'community1');
		};
		await again();
		await eventually(async () => await state() === 'missed', 'the visit is missed');
		assert.ok(await waits(street1));
		assertProblem(await community1.post(path(visit, '/explain'), { explanation: '人手不足' }), 403, 'forbidden');
		clock.forward(3 * DAY);
		await again();
		await eventually(async () => await state() === 'escalated', 'it climbs on');
		assert.ok(await waits(bureau));
		assertProblem(await street1.post(path(visit, '/explain'), { explanation: '人手不足' }), 409, 'wrong_state');
		const made_up = await bureau.post(path(visit, '/settle'), { explanation: '已责成街道整改' });
		assert.deepEqual([made_up.json.state, made_up.json.due_at], ['closed', null]);
		assert.ok(!await waits(bureau));
	});
});

describe('the coverage', () => {
	const states = { done: ['done', 'signalled'], open: ['planned', 'assigned', 'arrived'], missed: ['missed', 'escalated', 'closed'],
		made_up: ['made_up'], exempt: ['exempt'], lapsed: ['lapsed'] };
	const of = async (client, cadence, query = '') => {
		const got = await client.get(`/api/v1/visit_coverage?cadence=${cadence.id}&period_from=2026-03-01${query}`);
		assert.equal(got.status, 200, got.text);
		return got.json;
	};

	/** What a list of the rows behind a number says of it. */
	async function counted(part, extra = {}) {
		const rows = await bureau.all(`/api/v1/visits?${filterOf(part.filter)}`), number = {};
		for (const [name, which] of Object.entries(states))
			number[name] = rows.filter(({ state }) => which.includes(state)).length;
		number.due = number.done + number.open + number.missed + number.made_up;
		return { ...number, ...extra };
	}

	test('is what a count of the visits says, by street and community, whatever happens to them', async () => {
		const areas = ['370613001011', '370613001012', '370613002011', '370613002', '370613003'];
		for (let i = 0; i < 30; i++)
			await register(bureau, newElder({ name: '统计人', area: areas[i % areas.length] }));
		const cadence = await rule('统计人');
		await plan({ day: '2026-03-20' });
		const visits = await bureau.all(`/api/v1/visits?${filterOf({ '==': [{ var: 'cadence' }, cadence.id] })}`);
		assert.equal(visits.length, 30);
		let seed = 7;
		const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
		for (let i = 0; i < 60; i++) {
			const visit = visits[random(visits.length)];
			const [move, body] = [['assign', { worker: staff.id }], ['finish', { script: script() }], ['exempt', { exemption: 'hospital' }],
				['check_in', {}], ['unassign']][random(5)];
			const got = await bureau.post(path(visit, `/${move}`), body);
			assert.ok([200, 409].includes(got.status), got.text);
		}
		const moving = (await bureau.get(`/api/v1/elders/${visits[0].elder}`)).json;
		await bureau.patch(`/api/v1/elders/${moving.id}`, { area: '370613004' }, moving.version);
		const leaving = (await bureau.get(`/api/v1/elders/${visits[1].elder}`)).json;
		await bureau.end(`/api/v1/elders/${leaving.id}?end_reason=moved_out`, leaving.version);
		const whole = await of(bureau, cadence);
		assert.equal(whole.due + whole.exempt + whole.lapsed, 30);
		assert.ok(whole.done > 0 && whole.exempt > 0 && whole.open > 0, JSON.stringify(whole));
		assert.equal(whole.rate, Math.floor(whole.done * 10000 / whole.due) / 100);
		const sum = (name) => whole.items.reduce((all, item) => all + item[name], 0);
		for (const name of ['due', 'done', 'open', 'missed', 'made_up', 'exempt', 'lapsed'])
			assert.equal(sum(name), whole[name], name);
		for (const item of whole.items.filter(({ area }) => area !== whole.area)) {
			const { area, name, filter, rate, ...numbers } = item;
			assert.deepEqual(numbers, await counted(item), `${area} ${name}`);
		}
		const street = await of(bureau, cadence, '&area=370613001');
		assert.deepEqual(street.items.filter(({ due }) => due > 0).map(({ area }) => area), ['370613001011000', '370613001012000']);
		assert.deepEqual(await of(street1, cadence), street);
		assertProblem(await street1.get(`/api/v1/visit_coverage?cadence=${cadence.id}&period_from=2026-03-01&area=370613002`), 404, 'not_found');
		for (const wrong of ['', `cadence=${cadence.id}`, 'cadence=x&period_from=2026-03-01', `cadence=${cadence.id}&period_from=2026`])
			assertProblem(await bureau.get(`/api/v1/visit_coverage?${wrong}`), 400, 'bad_request');
	});
});
