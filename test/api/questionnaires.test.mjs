// SPDX-License-Identifier: Apache-2.0
// questionnaires.test.mjs - what is asked, for whoever makes a form of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertProblem, cleanUp, openHouse, TestClock } from '../harness.mjs';

let house, clock;

before(async () => {
	clock = new TestClock(Date.parse('2026-02-01T08:00:00+08:00'));
	house = await openHouse({ serve: { clock } });
});
after(cleanUp);

const ask = (query, client = house.community1) => client.get(`/api/v1/questionnaire?${query}`);

test('there are those of the program, in their versions, for everybody who is signed in', async () => {
	for (const client of [house.bureau, house.community1, house.auditor]) {
		const { items } = (await client.get('/api/v1/questionnaires')).json;
		const visit = items.find(({ name, version }) => name === 'welfare_visit' && version === 1);
		assert.deepEqual([visit.label, visit.en, visit.from], ['探访关爱记录', 'Welfare visit', '2026-01-01']);
		assert.match(visit.source, /指导意见/);
		assert.ok(items.some(({ name }) => name === 'care_needs'));
	}
	assertProblem(await house.nobody.get('/api/v1/questionnaires'), 401, 'not_signed_in');
	assertProblem(await ask('name=welfare_visit', house.nobody), 401, 'not_signed_in');
});

test('one is told as a form needs it', async () => {
	const { status, json, text } = await ask('name=welfare_visit');
	assert.equal(status, 200, text);
	assert.equal(json.needs_of, 'elder.needs');
	assert.ok(json.items.length >= 10);
	const seen = new Set();
	for (const item of json.items) {
		assert.ok(item.label && item.en && ['word', 'words', 'boolean', 'integer', 'text'].includes(item.type), item.name);
		for (const [, name] of JSON.stringify(item.when).matchAll(/"var":"(\w+)"/g))
			assert.ok(seen.has(name), `${item.name} asks about ${name}, which stands above it`);
		for (const { value, label, urgency, needs, score } of item.options) {
			assert.equal(typeof value, item.type === 'boolean' ? 'boolean' : 'string');
			assert.ok(label && ['none', 'soon', 'now'].includes(urgency) && Array.isArray(needs) && score === null);
		}
		seen.add(item.name);
	}
	const fell = json.items.find(({ name }) => name === 'fell');
	assert.deepEqual(fell.options.map(({ value, urgency, needs }) => [value, urgency, needs]), [[true, 'soon', ['home_adaptation']], [false, 'none', []]]);
	const falls = json.items.find(({ name }) => name === 'falls');
	assert.deepEqual([falls.min, falls.max, falls.must, falls.when], [1, 60, false, { '==': [{ var: 'fell' }, true] }]);
	assert.deepEqual(json.sums, []);
	assert.ok(json.items.flatMap(({ options }) => options).some(({ urgency }) => urgency === 'now'));
});

test('the version is that of the day, or the one that is named', async () => {
	const today = await ask('name=welfare_visit');
	assert.deepEqual((await ask('name=welfare_visit&on=2026-02-01')).json, today.json);
	assert.deepEqual((await ask('name=welfare_visit&version=1')).json, today.json);
	assertProblem(await ask('name=welfare_visit&on=2025-12-31'), 404, 'not_found');
	assertProblem(await ask('name=welfare_visit&version=99'), 404, 'not_found');
	assertProblem(await ask('name=nonsense'), 404, 'not_found');
	for (const query of ['', 'on=2026-02-01', 'name=welfare_visit&on=2026-02-30', 'name=welfare_visit&version=x', 'name=welfare_visit&version=-1',
		'name=welfare_visit&on=2026-02-01&version=1'])
		assertProblem(await ask(query), 400, 'bad_request');
});
