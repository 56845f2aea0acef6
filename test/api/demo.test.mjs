// SPDX-License-Identifier: Apache-2.0
// demo.test.mjs - the demo district: as large as the plan says, of one piece, and the same on every database.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { atEnd, cleanUp, emptyStore, filterOf, onSqlite, password, run, Server, TestClock } from '../harness.mjs';

after(cleanUp);

const CENSUS = 66198, CENSUS_65 = 44837;
const NOON = Date.parse('2026-05-20T12:00:00+08:00');

/** A server on a demo that was made at noon of that day. */
async function demoOf({ plan = 'laishan', elders, seed = 1, at = NOON }) {
	const store = await emptyStore(), clock = new TestClock(at);
	const made = await run(['demo', '--store', store, '--plan', plan, '--elders', String(elders), '--seed', String(seed), '--password', password,
		'--test-clock', clock.path]);
	assert.equal(made.code, 0, made.stderr);
	assert.ok(!made.stderr.includes('refused'), made.stderr);
	const server = await Server.start(store, { clock });
	atEnd(() => server.stop());
	return { server, bureau: await server.as('bureau') };
}

const total = async (client, plural, condition) => {
	const got = await client.get(`/api/v1/${plural}?limit=1&total=1${condition ? `&${filterOf(condition)}` : ''}`);
	assert.equal(got.status, 200, got.text);
	return got.json.total;
};
const aged = (years) => ({ '>=': [{ age: { var: 'born_on' } }, years] });
const tagged = (tag) => ({ in: [tag, { var: 'tags' }] });
const is = (name, value) => ({ '==': [{ var: name }, value] });

describe('Laishan', () => {
	/* On PostgreSQL, where each slice waits longer, a part of it with the same shares. */
	const elders = onSqlite ? CENSUS : 4000;
	let bureau;

	before(async () => {
		({ bureau } = await demoOf({ elders }));
	});

	test('has the elders of the census: 66,198, of whom 44,837 are 65 or older', async () => {
		assert.equal(await total(bureau, 'elders'), elders);
		assert.equal(await total(bureau, 'elders', aged(65)), Math.round(elders * CENSUS_65 / CENSUS));
		assert.equal(await total(bureau, 'elders', aged(60)), elders);
		assert.equal(await total(bureau, 'elders', tagged('oldest_old')), await total(bureau, 'elders', aged(80)));
	});

	test('has 2,286 beds, 863 of them for nursing, all of them in houses of 2020', async () => {
		const houses = await bureau.all('/api/v1/facilities');
		const sum = (name) => houses.reduce((all, one) => all + (one[name] ?? 0), 0);
		assert.deepEqual([sum('beds'), sum('beds_nursing')], [2286, 863]);
		assert.ok(houses.every((one) => one.beds === 0 || one.built_on <= '2020-12-31'));
	});

	test('has 100 places for the aged, 58 of them by the end of 2020, beside 8 canteens and 60 meal points', async () => {
		const places = { '!': { in: [{ var: 'kind' }, ['canteen', 'meal_point']] } };
		assert.equal(await total(bureau, 'facilities', places), 100);
		assert.equal(await total(bureau, 'facilities', { and: [places, { '<=': [{ var: 'built_on' }, '2020-12-31'] }] }), 58);
		assert.equal(await total(bureau, 'facilities', is('kind', 'canteen')), 8);
		assert.equal(await total(bureau, 'facilities', is('kind', 'meal_point')), 60);
	});

	test('its households and its elders say the same', async () => {
		const alone = await total(bureau, 'households', is('structure', 'single'));
		assert.ok(alone > 0);
		assert.equal(await total(bureau, 'elders', tagged('living_alone')), alone);
		const { items } = (await bureau.get(`/api/v1/households?limit=20&${filterOf({ and: [is('structure', 'couple'), is('elders', 2)] })}`)).json;
		assert.equal(items.length, 20);
		for (const household of items) {
			const two = (await bureau.get(`/api/v1/elders?${filterOf(is('household', household.id))}`)).json.items;
			assert.deepEqual(two.map((one) => [one.area, one.address, one.tags.includes('empty_nest')]), Array(2).fill([household.area, household.address, true]));
			assert.notEqual(two[0].sex, two[1].sex);
			assert.equal(household.members, 2);
		}
	});

	test('its institutions have a licence, one of them several houses; whoever works there was trained', async () => {
		const licensed = await bureau.all(`/api/v1/organizations?${filterOf(is('kind', 'care_institution'))}`);
		const houses = await bureau.all(`/api/v1/facilities?${filterOf(is('kind', 'care_institution'))}`);
		assert.ok(licensed.length > 0 && licensed.length < houses.length);
		assert.equal(licensed.reduce((all, one) => all + one.capacity, 0), 2286);
		for (const one of licensed) {
			assert.ok(one.licence_number && one.licence_from < one.licence_until, one.name);
			assert.ok(await total(bureau, 'facilities', is('organization', one.id)) > 0, one.name);
		}
		const staff = await bureau.all('/api/v1/staff');
		assert.ok(staff.length > 60);
		for (const one of staff.filter((each) => each.state === 'active'))
			assert.ok(one.trained_on < one.hired_on, one.name);
		assert.ok(await total(bureau, 'staff', { and: [{ '>': [{ var: 'certificate_until' }, '2026-05-20'] }, { '<': [{ var: 'certificate_until' }, '2026-07-20'] }] }) > 0);
	});
});

describe('the same seed on the same day', () => {
	const lists = {
		elders: 'name,id_card,sex,born_on,area,hukou_area,residence,address,phone,position,tags,living,income,health,health_note,care,difficulties,needs,surveyed_on,'
			+ 'guardian_name,guardian_relation,guardian_phone,contact_name,contact_relation,contact_phone,second_contact_name,second_contact_relation,second_contact_phone',
		households: 'head,area,address,position,structure,members,elders,phone',
		organizations: 'name,uscc,kind,nature,medical_level,area,address,position,legal_person,contact,phone,licence_number,licence_from,licence_until,capacity',
		facilities: 'name,kind,area,address,position,built_on,use_years,ownership,responsible_unit,manager,phone,size_m2,floors,beds_nursing,beds_general,beds_dementia',
		staff: 'name,id_card,area,post,state,skills,phone,certificate_level,certificate_number,certificate_until,health_certificate_until,trained_on,training_hours,hired_on',
	};

	async function exportOf(wish) {
		const { server, bureau } = await demoOf({ elders: 300, ...wish });
		const hash = createHash('sha256');
		for (const [plural, fields] of Object.entries(lists)) {
			const got = await bureau.post(`/api/v1/${plural}/export?fields=${fields}`, {});
			assert.equal(got.status, 200, got.text);
			assert.ok(got.text.split('\r\n').length > 5, plural);
			hash.update(got.raw);
		}
		await server.stop();
		return hash.digest('hex');
	}

	test('give the same export, byte by byte, whatever the database', async () => {
		/* Whoever changes the generator changes this. */
		assert.equal(await exportOf({}), 'a77b38b531a27b48a2620eff893f173dda7ce6053afbe8013404b173ee2e5781');
	});

	test('and another seed, or another day, another one', async () => {
		const all = new Set([await exportOf({ seed: 2 }), await exportOf({ at: NOON + 86400_000 }), await exportOf({})]);
		assert.equal(all.size, 3);
	});

	test('a demo of three is whole', async () => {
		const { bureau } = await demoOf({ elders: 3 });
		assert.equal(await total(bureau, 'elders'), 3);
		assert.equal(await total(bureau, 'elders', aged(65)), 2);
		assert.equal(await total(bureau, 'facilities'), 168);
	});
});
