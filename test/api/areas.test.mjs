// SPDX-License-Identifier: Apache-2.0
// areas.test.mjs - the tree of areas: estates and grid cells, ending, codes, merges and moves as jobs that lose nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, DEADLINE_MS, Events, eventually, filterOf, idCardOf, kind, newElder, openHouse, password, register, run, Server }
	from '../harness.mjs';

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
});
