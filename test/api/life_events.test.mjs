// SPDX-License-Identifier: Apache-2.0
// life_events.test.mjs - people die, move away, come back: one by one or as a file, with what depends on them, and taken back.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, newElder, openHouse, program, register, run, temporaryDirectory } from '../harness.mjs';

let house, bureau, street1;

before(async () => {
	house = await openHouse({ demo: { elders: 20 } });
	({ bureau, street1 } = house);
});
after(cleanUp);

const csv = (header, ...rows) => `${header}\n${rows.map((row) => row.join(',')).join('\n')}\n`;
const send = (client, text, query = '') => client.post(`/api/v1/elders/import${query}`, text, { type: 'text/csv' });
const state = async (elder) => (await bureau.get(`/api/v1/elders/${elder.id}`)).json;
const counts = ({ json }) => [json.accepted, json.rejected, json.ended, json.returned, json.same, json.followed];
async function someone(more) {
	const wish = newElder(more);
	return { ...(await register(bureau, wish)), card: wish.id_card };
}
const job = async (id) => (await bureau.get(`/api/v1/jobs/${id}`)).json;
const over = (id) => eventually(async () => !['waiting', 'running', 'cancelling'].includes((await job(id)).state), 'the end of the job');

describe('a file of deaths', () => {
	const header = '姓名,身份证号码,死亡日期';

	test('ends the records of those who are in it, on their days, once', async () => {
		const people = [await someone(), await someone()];
		const file = csv(header, ...people.map(({ name, card }, i) => [name, card, `2026.3.${i + 1}`]));
		const looked = await send(bureau, file, '?event=died&dry_run=true');
		assert.deepEqual(counts(looked), [2, 0, 2, 0, 0, 0], looked.text);
		assert.equal((await state(people[0])).ended_at, null);
		const got = await send(bureau, file, '?event=died');
		assert.deepEqual(counts(got), [2, 0, 2, 0, 0, 0], got.text);
		const ended = await state(people[1]);
		assert.deepEqual([ended.end_reason, ended.ended_on, ended.version], ['died', '2026-03-02', 2]);
		assert.deepEqual(counts(await send(bureau, file, '?event=died')), [2, 0, 0, 0, 2, 0]);
		assert.equal((await state(people[1])).version, 2);
	});

	test('says in a column what happened, and on the day of the import where no day is said', async () => {
		const [died, moved] = [await someone(), await someone()];
		const got = await send(bureau, csv('姓名,身份证号,变动类型,变动日期', [died.name, died.card, '死亡', '2026年2月3日'],
			[moved.name, moved.card, 'moved_out', '']));
		assert.deepEqual(counts(got), [2, 0, 2, 0, 0, 0], got.text);
		assert.deepEqual([(await state(died)).end_reason, (await state(died)).ended_on], ['died', '2026-02-03']);
		assert.equal((await state(moved)).end_reason, 'moved_out');
		assert.match((await state(moved)).ended_on, /^20\d\d-/);
	});

	test('makes nobody dead by a slip: who is unknown, otherwise called, or elsewhere is told with the row', async () => {
		const one = await someone(), far = await someone({ area: '370613002011' });
		const got = await send(street1, csv(header, ['王别名', one.card, '2026-01-01'], [one.name, newElder().id_card, '2026-01-01'],
			[far.name, far.card, '2026-01-01']), '?event=died');
		assert.deepEqual(got.json.errors.map(({ line, column, code }) => [line, column, code]),
			[[2, 'name', 'contradicts_record'], [3, null, 'not_found'], [4, null, 'registered_elsewhere']], got.text);
		const wrong = await send(bureau, csv('姓名,身份证号,变动类型,死亡日期', [one.name, one.card, '失踪', ''], [one.name, one.card, '', '2026-01-01'],
			[one.name, one.card, '死亡', '2099-01-01'], [one.name, one.card, '死亡', '2026-13-01']));
		assert.deepEqual(wrong.json.errors.map(({ line, column, code }) => [line, column, code]), [[2, 'end_reason', 'unknown_word'],
			[3, 'end_reason', 'required'], [4, 'ended_on', 'out_of_range'], [5, 'ended_on', 'bad_date']], wrong.text);
		assert.equal((await state(one)).ended_at, null);
		assertProblem(await send(bureau, csv(header, [one.name, one.card, '']), '?event=vanished'), 400, 'bad_request');
	});

	test('changes nothing else of the record', async () => {
		const one = await someone({ address: '旧址' });
		const got = await send(bureau, csv('姓名,身份证号,地址,变动类型', [one.name, one.card, '殡仪馆', '死亡']));
		assert.deepEqual(counts(got), [1, 0, 1, 0, 0, 0], got.text);
		assert.equal((await state(one)).address, '旧址');
	});

	test('ends what depends on them, and says what that was', async () => {
		const home = (await bureau.post('/api/v1/households', { head: '独户', area: '370613001011', structure: 'single' })).json;
		const one = await someone({ household: home.id });
		const asked = (await house.bureau.post('/api/v1/transfers', { name: one.name, id_card: one.card, area: '370613002011', reason: '随子' })).json;
		const got = await send(bureau, csv(header, [one.name, one.card, '2026-04-05']), '?event=died');
		assert.deepEqual(counts(got), [1, 0, 1, 0, 0, 2], got.text);
		const { result } = await job(got.json.job);
		assert.deepEqual(result.followers.map(({ line, ...rest }) => [line, rest]), [[2, { resource: 'household', id: home.id, action: 'end' }],
			[2, { resource: 'transfer', id: asked.id, action: 'lapse' }]]);
		const closed = (await bureau.get(`/api/v1/households/${home.id}`)).json;
		assert.deepEqual([closed.end_reason, closed.ended_on], ['all_died', '2026-04-05']);
	});

	test('can be taken back, but for whom something has happened to since', async () => {
		const people = [await someone(), await someone()];
		const got = await send(bureau, csv(header, ...people.map(({ name, card }) => [name, card, '2026-05-01'])), '?event=died');
		const back = await bureau.post(`/api/v1/elders/${people[0].id}/return`, undefined, { headers: { 'If-Match': '"2"' } });
		assert.equal(back.status, 200, back.text);
		assert.equal((await bureau.post(`/api/v1/jobs/${got.json.job}/cancel`, {})).status, 200);
		await over(got.json.job);
		const { result } = await job(got.json.job);
		assert.deepEqual([result.undone, result.kept], [1, 1]);
		assert.deepEqual([(await state(people[1])).ended_at, (await state(people[1])).end_reason], [null, undefined]);
		const found = await bureau.post('/api/v1/elders/search', { exact: { id_card: people[1].card } });
		assert.equal(found.json.items.length, 1, 'they are found again');
	});

	test('from the command line', async () => {
		const one = await someone(), path = join(temporaryDirectory(), 'deaths.csv');
		writeFileSync(path, csv(header, [one.name, one.card, '2026-06-07']));
		const got = await run(['import', 'elders', path, '--event', 'died', '--store', house.server.store]);
		assert.equal(got.code, 0, got.stderr);
		assert.match(got.stdout, /1 accepted.* 1 ended/);
		assert.equal((await state(one)).end_reason, 'died');
	});
});

describe('a file of those who came back', () => {
	test('opens their records again, and can be taken back too', async () => {
		const one = await someone();
		await bureau.end(`/api/v1/elders/${one.id}?end_reason=moved_out&ended_on=2026-01-05`, 1);
		const file = csv('姓名,身份证号', [one.name, one.card]);
		const got = await send(bureau, file, '?event=returned');
		assert.deepEqual(counts(got), [1, 0, 0, 1, 0, 0], got.text);
		assert.equal((await state(one)).ended_at, null);
		assert.deepEqual(counts(await send(bureau, file, '?event=returned')), [1, 0, 0, 0, 1, 0]);
		assert.equal((await bureau.post(`/api/v1/jobs/${got.json.job}/cancel`, {})).status, 200);
		await over(got.json.job);
		assert.deepEqual([(await state(one)).end_reason, (await state(one)).ended_on], ['moved_out', '2026-01-05']);
	});
});

describe('an end on the screen', () => {
	test('answers what ended with it; a home where others live stays', async () => {
		const home = async (structure) => (await bureau.post('/api/v1/households', { head: '户主', area: '370613001011', structure })).json;
		const couple = await home('couple'), family = await home('three_generations');
		const [he, she, granny] = [await someone({ household: couple.id }), await someone({ household: couple.id }), await someone({ household: family.id })];
		const end = async (elder, why) => (await bureau.end(`/api/v1/elders/${elder.id}?end_reason=${why}`, 1)).json;
		assert.equal((await end(he, 'died')).followed, undefined);
		assert.deepEqual((await end(she, 'moved_out')).followed, [{ resource: 'household', id: couple.id, action: 'end' }]);
		assert.equal((await bureau.get(`/api/v1/households/${couple.id}`)).json.end_reason, 'moved_out');
		assert.equal((await end(granny, 'died')).followed, undefined);
		assert.equal((await bureau.get(`/api/v1/households/${family.id}`)).json.ended_at, null);
	});
});
