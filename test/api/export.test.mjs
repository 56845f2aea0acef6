// SPDX-License-Identifier: Apache-2.0
// export.test.mjs - a list as a CSV file: complete, in order, masked, harmless to a spreadsheet, and journalled.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, filterOf, openHouse, register } from '../harness.mjs';

let house, bureau, street1;

before(async () => {
	house = await openHouse({ demo: { elders: 1203 } });
	({ bureau, street1 } = house);
});
after(cleanUp);

/** RFC 4180, by ourselves. */
function rowsOf(text) {
	assert.equal(text.codePointAt(0), 0xfeff, 'Excel wants a byte order mark');
	const rows = [];
	for (const [, quoted, plain, end] of text.slice(1).matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
		if (rows.length === 0 || rows.at(-1).whole)
			rows.push([]);
		rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
		rows.at(-1).whole = end === '\r\n';
	}
	return rows.map((row) => [...row]);
}

async function exported(client, path) {
	const got = await client.post(path, {});
	assert.equal(got.status, 200, got.text);
	assert.match(got.headers['content-type'], /^text\/csv; charset=utf-8/);
	return rowsOf(got.raw.toString('utf8'));
}

describe('an export', () => {
	test('has every record of the list, in its order', async () => {
		const list = await bureau.all('/api/v1/elders?sort=-born_on');
		const [header, ...rows] = await exported(bureau, '/api/v1/elders/export?sort=-born_on&fields=id,name,born_on,sex,area');
		assert.deepEqual(header, ['编号', '姓名', '出生日期', '性别', '居住地区划']);
		assert.ok(list.length >= 1203);
		assert.deepEqual(rows, list.map(({ id, name, born_on, sex, area }) => [id, name, born_on, sex === 'male' ? '男' : '女', area]));
	});

	test('has a name, and all fields that people fill in where none are asked for', async () => {
		const got = await bureau.post('/api/v1/facilities/export', {});
		const today = new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);
		assert.equal(got.headers['content-disposition'], `attachment; filename="songhe.csv"; filename*=UTF-8''${encodeURIComponent(`养老服务设施-${today}.csv`)}`);
		const [header] = rowsOf(got.raw.toString('utf8'));
		assert.deepEqual(header.slice(0, 4), ['名称', '类型', '区划代码', '地址']);
	});

	test('shows of what is protected what a list shows, of tags those that hold', async () => {
		const elder = await register(bureau, { phone: '13812345678', tags: [{ word: 'veteran' }, { word: 'disabled', to: '2020-01-01', from: '2019-01-01' }, 'living_alone'],
			needs: ['meals', 'bathing'], position: { lat: 37.5, lon: 121.25 } });
		const [, row] = await exported(bureau, `/api/v1/elders/export?fields=id_card,phone,tags,needs,position,health_note&${filterOf({ '==': [{ var: 'id' }, elder.id] })}`);
		assert.deepEqual(row, [elder.id_card, elder.phone, '独居、优抚', '助餐、助浴', '37.500000,121.250000', '']);
		assert.match(row[0], /\*{8}/);
	});

	test('has nothing that a spreadsheet takes for a formula, and comes back as it was', async () => {
		const odd = ['=1+1', '+86', '-2', '@SUM(A1)', '他说"好", 又\n走了', ' 空 格 ', "'=已有"];
		const made = [];
		for (const name of odd)
			made.push((await bureau.post('/api/v1/facilities', { name: `${name}`, kind: 'canteen', area: '370613001011', address: name, beds_nursing: 3, built_on: '2001-02-03' })).json);
		const filter = filterOf({ in: [{ var: 'id' }, made.map(({ id }) => id)] });
		const got = await bureau.post(`/api/v1/facilities/export?fields=name,kind,area,address,built_on,beds_nursing&${filter}`, {});
		for (const row of rowsOf(got.raw.toString('utf8')))
			for (const cell of row)
				assert.doesNotMatch(cell, /^[=+\-@\t\r]/);
		const back = await bureau.post('/api/v1/facilities/import', got.raw, { type: 'text/csv' });
		assert.deepEqual([back.json.accepted, back.json.same], [odd.length, odd.length], back.text);
		for (const one of made)
			assert.deepEqual((await bureau.get(`/api/v1/facilities/${one.id}`)).json, one);
	});

	test('has no files in it, and is no way to bring one in', async () => {
		const got = await bureau.post('/api/v1/organizations', { name: '扫描件单位', kind: 'catering', area: '370613001011', uscc: '91350100M000100Y43' });
		assert.equal(got.status, 201, got.text);
		const [header] = await exported(bureau, '/api/v1/organizations/export');
		assert.ok(header.includes('统一社会信用代码') && !header.includes('许可证扫描件'), header.join());
		assertProblem(await bureau.post('/api/v1/organizations/export?fields=name,licence_scan', {}), 400, 'bad_request');
		const back = await bureau.post('/api/v1/organizations/import', '名称,许可证扫描件\n甲,1\n', { type: 'text/csv' });
		assert.deepEqual(back.json.unknown_columns, ['许可证扫描件'], back.text);
	});

	test('of areas, whose numbers are their keys, is whole and in order', async () => {
		const rows = await exported(bureau, '/api/v1/areas/export?fields=number,name');
		assert.deepEqual(rows.slice(1), (await bureau.all('/api/v1/areas')).map(({ number, name }) => [number, name]));
	});

	test('leaves one line in the journal: fields, filter, count', async () => {
		const filter = { '==': [{ var: 'sex' }, 'female'] };
		const rows = await exported(street1, `/api/v1/elders/export?fields=name,phone&${filterOf(filter)}`);
		const lines = async () => (await house.auditor.all('/api/v1/journal')).filter((line) => line.action === 'export' && line.actor === 'street1');
		const [line, more] = await eventually(async () => (await lines()).length > 0 && lines());
		assert.equal(more, undefined);
		assert.deepEqual(line.changes, { fields: ['name', 'phone'], filter, count: rows.length - 1 });
		assert.equal(line.resource, 'elder');
	});

	test('is of what one sees, and only for those who may', async () => {
		const mine = await street1.all('/api/v1/elders');
		assert.equal((await exported(street1, '/api/v1/elders/export?fields=id')).length, mine.length + 1);
		assertProblem(await house.auditor.post('/api/v1/elders/export', {}), 403, 'forbidden');
		assertProblem(await house.nobody.post('/api/v1/elders/export', {}), 401, 'not_signed_in');
	});

	test('is refused with what is wrong', async () => {
		assertProblem(await bureau.post('/api/v1/elders/export?fields=name,nothing', {}), 400, 'bad_request');
		assertProblem(await bureau.post('/api/v1/elders/export?sort=name', {}), 400, 'bad_request');
		assertProblem(await bureau.post(`/api/v1/elders/export?${filterOf({ '==': [{ var: 'phone' }, '13812345678'] })}`, {}), 400, 'bad_filter');
		assert.deepEqual(await exported(bureau, `/api/v1/elders/export?fields=name&${filterOf({ '==': [{ var: 'id' }, '1'] })}`), [['姓名']]);
	});
});
