// SPDX-License-Identifier: Apache-2.0
// saved_lists.test.mjs - lists that people come back to: conditions that are kept, and asked each time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertProblem, cleanUp, openHouse, TestClock } from '../harness.mjs';

let house, bureau, clock;

before(async () => {
	clock = new TestClock();
	house = await openHouse({ demo: { elders: 400 }, serve: { clock } });
	({ bureau } = house);
});
after(cleanUp);

const lists = (client = bureau) => client.all('/api/v1/saved_lists');
const on = async (list, client = bureau) => client.all(`/api/v1/${list.ledger === 'elder' ? 'elders' : 'staff'}?filter=${encodeURIComponent(list.filter)}`);

test('a district begins with those that its plan asks for, and each of them works', async () => {
	const all = await lists();
	assert.ok(all.length >= 8);
	for (const list of all)
		await on(list);
	const special = await on(all.find(({ name }) => name === '80周岁以上困难失能老年人'));
	const five = ['minimum_living_allowance', 'extreme_poverty', 'childless_widowed', 'living_alone', 'family_planning_special'];
	for (const elder of special)
		assert.ok(elder.tags.includes('disabled') && five.some((tag) => elder.tags.includes(tag)), elder.tags.join());
	assert.deepEqual((await lists(house.street1)).map(({ name }) => name), all.map(({ name }) => name));
});

test('nobody has to be put on one: a birthday does', async () => {
	const list = (await lists()).find(({ name }) => name === '80周岁以上老年人');
	const today = new Date(clock.now + 8 * 3600000), year = today.getUTCFullYear() - 80;
	const tomorrow = new Date(Date.UTC(year, today.getUTCMonth(), today.getUTCDate() + 1)).toISOString().slice(0, 10);
	const made = await bureau.post('/api/v1/elders', { name: '明天八十', sex: 'male', born_on: tomorrow, area: '370613001011' });
	assert.equal(made.status, 201, made.text);
	const isOn = async () => (await on(list)).some(({ id }) => id === made.json.id);
	assert.equal(await isOn(), false);
	clock.forward(86400000);
	bureau = await house.server.as('bureau'); // nobody stays signed in for a day
	house.street1 = await house.server.as('street1');
	assert.equal(await isOn(), true);
});

test('one is made by the bureau, of conditions that hold; a name stands once', async () => {
	const wish = { name: '重点名单', ledger: 'elder', filter: '{"in":["dementia",{"var":"tags"}]}', roles: ['street'] };
	const made = await bureau.post('/api/v1/saved_lists', wish);
	assert.equal(made.status, 201, made.text);
	assert.equal((await on(made.json)).every(({ tags }) => tags.includes('dementia')), true);
	assertProblem(await bureau.post('/api/v1/saved_lists', wish), 409, 'duplicate');
	assertProblem(await bureau.post('/api/v1/saved_lists', { ...wish, name: '甲', filter: '{"==":[{"var":"id_card"},"1"]}' }), 422, 'invalid', '/filter');
	assertProblem(await bureau.post('/api/v1/saved_lists', { ...wish, name: '乙', filter: 'x' }), 422, 'invalid', '/filter');
	assertProblem(await house.street1.post('/api/v1/saved_lists', { ...wish, name: '丙' }), 403, 'forbidden');
	assertProblem(await bureau.patch(`/api/v1/saved_lists/${made.json.id}`, { filter: '{"missing":{"var":"nonsense"}}' }, 1), 422, 'invalid', '/filter');
});
