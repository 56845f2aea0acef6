// SPDX-License-Identifier: Apache-2.0
// tags.test.mjs - tags with who says so, since when and until when.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server, TestClock, assertProblem, cleanUp, demoStore, eventually, filterOf, register } from '../harness.mjs';

const DAY_MS = 24 * 3600 * 1000;
let clock, server, bureau, street1, auditor;

before(async () => {
	clock = new TestClock(Date.parse('2026-03-10T04:00:00Z'));
	const store = await demoStore({ elders: 50 });
	server = await Server.start(store, { clock });
	[bureau, street1, auditor] = [await server.as('bureau'), await server.as('street1'), await server.as('auditor')];
});
after(cleanUp);

const has = (word) => ({ in: [word, { var: 'tags' }] });
const found = async (condition) => (await bureau.all(`/api/v1/elders?${filterOf(condition)}`)).map((one) => one.id);

/** On PostgreSQL a line has its place soon after the change. */
function newest(client, path, version) {
	return eventually(async () => {
		const { items, next } = (await client.get(`${path}/history?limit=1`)).json;
		return items[0]?.version === version && { line: items[0], next };
	}, `version ${version} in the history`);
}

describe('tags', () => {
	test('hold from their first day until the day before their last', async () => {
		const elder = await register(bureau, { tags: [{ word: '低保', source: '民政', from: '2026-03-11', to: '2026-03-13' }, 'veteran'] });
		const seen = async () => {
			const one = (await bureau.get(`/api/v1/elders/${elder.id}`)).json;
			const [listed] = (await bureau.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'id' }, elder.id] })}`)).json.items;
			assert.deepEqual(listed.tags, one.tags);
			assert.equal((await found(has('minimum_living_allowance'))).includes(elder.id), one.tags.includes('minimum_living_allowance'));
			assert.ok((await found({ and: [has('veteran'), { '!': has('oldest_old') }] })).includes(elder.id));
			return one.tags;
		};
		const days = [];
		for (let day = 0; day < 4; day++, clock.forward(DAY_MS)) {
			bureau = await server.as('bureau');
			days.push(await seen());
		}
		const both = ['minimum_living_allowance', 'veteran'];
		assert.deepEqual(days, [['veteran'], both, both, ['veteran']]);
		bureau = await server.as('bureau');
		street1 = await server.as('street1');
		auditor = await server.as('auditor');
	});

	test('a word that goes on holding keeps what was said of it', async () => {
		const elder = await register(street1, { tags: ['veteran'] });
		const path = `/api/v1/elders/${elder.id}`;
		assert.equal((await bureau.patch(path, { tags: ['veteran'] }, 1)).json.version, 1);
		assert.equal((await bureau.patch(`${path}?source=health`, { tags: ['失能', 'veteran'] }, 1)).json.version, 2);
		const { line } = await newest(bureau, path, 2);
		const [, now] = line.changes.tags;
		assert.deepEqual(now.map((tag) => [tag.word, tag.source]), [['disabled', 'health'], ['veteran', 'street']]);
		assert.ok(now.every((tag) => /^\d{4}-\d\d-\d\d$/.test(tag.from)));
		assert.deepEqual((await bureau.patch(path, { tags: null }, 2)).json.tags, []);
		assert.ok(!(await found(has('veteran'))).includes(elder.id));
	});

	test('what is wrong is said', async () => {
		const cases = { unknown_word: [[{ word: 'rich' }], [{}], [{ word: 'veteran', source: 'rumour' }]],
			bad_date: [[{ word: 'veteran', from: '2026-02-30' }], [{ word: 'veteran', from: '2026-02-02', to: '2026-02-02' }], [{ word: 'veteran', to: 5 }]],
			wrong_type: [[{ word: 'veteran', form: '2026-01-01' }], [{ word: 'veteran', until: '2026-01-01', from: '2025-01-01' }]] };
		const elder = await register(bureau);
		for (const [code, values] of Object.entries(cases))
			for (const tags of values) {
				const problem = assertProblem(await bureau.patch(`/api/v1/elders/${elder.id}`, { tags }, 1), 422, 'invalid', '/tags');
				assert.equal(problem.errors[0].code, code, JSON.stringify(tags));
			}
		assertProblem(await bureau.patch(`/api/v1/elders/${elder.id}?source=rumour`, { tags: ['veteran'] }, 1), 400, 'bad_request');
	});

	test('the history of a record masks what is protected, and is of those who see the record', async () => {
		const elder = await register(bureau, { phone: '13812345678', area: '370613002' });
		await bureau.patch(`/api/v1/elders/${elder.id}`, { phone: '13987654321', address: '新址' }, 1);
		const { line, next } = await newest(auditor, `/api/v1/elders/${elder.id}`, 2);
		assert.deepEqual(line.changes.phone, ['138****5678', '139****4321']);
		assert.deepEqual(line.changes.address, [null, '新址']);
		const [first] = (await auditor.get(`/api/v1/elders/${elder.id}/history?limit=1&cursor=${next}`)).json.items;
		assert.deepEqual([first.action, first.changes.phone], ['create', [null, '138****5678']]);
		assertProblem(await street1.get(`/api/v1/elders/${elder.id}/history`), 404, 'not_found');
	});
});
