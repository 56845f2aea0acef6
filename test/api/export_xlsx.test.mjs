// SPDX-License-Identifier: Apache-2.0
// export_xlsx.test.mjs - a list as a workbook: what each cell is, what LibreOffice makes of it, and that it comes back as it was.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, filterOf, openHouse, register } from '../harness.mjs';
import { cellsOf, partsOf, rowsOfCsv, seenByLibreOffice, XLSX } from '../workbook.mjs';

let house, bureau, oddOnes, oddFilter;
/** What makes a spreadsheet do something, or lose something. */
const odd = ['=1+1', '+86', '-2', '@SUM(A1)', '=HYPERLINK("http://x","y")', '\t=1', '他说"好", <又>&\n走了', "'=已有", '_x0041_', '1e5', '007', 'TRUE', '2001-02-03'];

before(async () => {
	house = await openHouse({ demo: { elders: 1203 } });
	({ bureau } = house);
	const posts = odd.map((name, i) => bureau.post('/api/v1/facilities', { name: `${i}号`, kind: 'canteen', area: '370613001011', address: `甲${name.trim()}`, manager: name,
		beds_nursing: 3, built_on: i % 2 ? '2001-02-03' : '1898-05-06', phone: '0535-6891234' }));
	oddOnes = (await Promise.all(posts)).map((got) => got.json).sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
	oddFilter = filterOf({ in: [{ var: 'id' }, oddOnes.map(({ id }) => id)] });
});
after(cleanUp);

async function workbook(client, path) {
	const got = await client.post(`${path}${path.includes('?') ? '&' : '?'}as=xlsx`, {});
	assert.equal(got.status, 200, got.text);
	assert.equal(got.headers['content-type'], XLSX);
	return got.raw;
}

async function csv(client, path) {
	const got = await client.post(path, {});
	assert.equal(got.status, 200, got.text);
	return rowsOfCsv(got.raw.toString('utf8'));
}

const values = (rows) => rows.map((cells) => Object.values(cells).map(({ value }) => value));
const imported = (client, path, bytes, more = '') => client.post(`${path}/import?${more}`, bytes, { type: XLSX });

describe('a workbook', () => {
	test('has every record of the list, in its order, under a title', async () => {
		const list = await bureau.all('/api/v1/elders?sort=-born_on');
		const rows = cellsOf(await workbook(bureau, '/api/v1/elders/export?sort=-born_on&fields=id,name,area,sex'));
		assert.deepEqual(values(rows.slice(-list.length - 1)), [['编号', '姓名', '居住地区划', '性别'],
			...list.map(({ id, name, area, sex }) => [id, name, area, sex === 'male' ? '男' : '女'])]);
		assert.ok(list.length >= 1203);
	});

	test('has codes as text, numbers as numbers and days as days', async () => {
		const rows = cellsOf(await workbook(bureau, `/api/v1/facilities/export?fields=id,area,phone,beds_nursing,built_on,kind&${oddFilter}`)).slice(-odd.length);
		for (const [i, { A, B, C, D, E, F }] of rows.entries()) {
			assert.deepEqual([A.value, B.value, C.value], [oddOnes[i].id, oddOnes[i].area, oddOnes[i].phone]);
			for (const { kind, format } of [A, B, C, F])
				assert.deepEqual([kind, format], ['text', '@']);
			assert.match(F.value, /[\u4e00-\u9fff]/);
			assert.deepEqual([D.kind, D.value], ['number', 3]);
			/* No sheet counts the days of the century before. */
			assert.deepEqual(E, oddOnes[i].built_on > '1900' ? { kind: 'number', value: 36925, format: 'yyyy-mm-dd' } : { kind: 'text', value: '1898-05-06', format: '@' });
		}
	});

	test('its header is bold and stays, and can be filtered by', async () => {
		const parts = partsOf(await workbook(bureau, `/api/v1/facilities/export?fields=name,phone,built_on&${oddFilter}`));
		const sheet = parts['xl/worksheets/sheet1.xml'];
		const [, header] = sheet.match(/<autoFilter ref="A(\d+):C\d+"\/>/);
		assert.match(sheet, new RegExp(`<pane ySplit="${header}" topLeftCell="A${Number(header) + 1}" activePane="bottomLeft" state="frozen"/>`));
		const style = Number(sheet.match(new RegExp(`<c r="A${header}" s="(\\d+)"`))[1]);
		const font = [...parts['xl/styles.xml'].match(/<cellXfs.*<\/cellXfs>/s)[0].matchAll(/<xf [^>]*fontId="(\d+)"/g)][style][1];
		assert.match([...parts['xl/styles.xml'].match(/<fonts.*<\/fonts>/s)[0].matchAll(/<font>.*?<\/font>/gs)][font][0], /<b\/>/);
		const widths = [...sheet.matchAll(/<col [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
		assert.ok(widths.length === 3 && widths.every((width) => width >= 8 && width <= 60), widths.join());
		assert.match(sheet, /numberStoredAsText="1"/);
	});

	test('has nothing in it that is carried out, and comes back as it was', async () => {
		const bytes = await workbook(bureau, `/api/v1/facilities/export?fields=name,kind,area,address,manager,built_on,beds_nursing&${oddFilter}`);
		const rows = cellsOf(bytes).slice(-odd.length);
		assert.ok(rows.every((cells) => Object.values(cells).every(({ kind }) => kind !== 'formula')));
		const back = await imported(bureau, '/api/v1/facilities', bytes);
		assert.deepEqual([back.json.accepted, back.json.same], [odd.length, odd.length], back.text);
		for (const one of oddOnes)
			assert.deepEqual((await bureau.get(`/api/v1/facilities/${one.id}`)).json, one);
	});

	test('LibreOffice sees in it what is in the CSV', async () => {
		const path = '/api/v1/elders/export?fields=id,name,sex,born_on,area,address,position,tags,surveyed_on';
		const [own, seen] = [await csv(bureau, path), await seenByLibreOffice(await workbook(bureau, path))];
		assert.deepEqual(seen.slice(-own.length), own);
		const numbers = `/api/v1/facilities/export?fields=name,built_on,beds_nursing,size_m2,phone,manager&${oddFilter}`;
		const [left, right] = [await csv(bureau, numbers), await seenByLibreOffice(await workbook(bureau, numbers))];
		const bare = (rows) => rows.map((row) => row.map((cell) => cell.replace(/^'+(?=[=+\-@])/, '')));
		assert.deepEqual(bare(right.slice(-left.length)), bare(left));
	});

	test('of a list, read again and written again, is the same', async () => {
		for (const resource of ['facilities', 'households']) {
			const path = `/api/v1/${resource}`, some = resource === 'facilities' ? 'name,kind,area,address,position,built_on,use_years,beds_nursing,size_m2' : 'head,area,address,members';
			const first = await workbook(bureau, `${path}/export?fields=${some}`);
			const back = await imported(bureau, path, first);
			assert.equal(back.json.same, back.json.rows, back.text);
			assert.deepEqual(cellsOf(await workbook(bureau, `${path}/export?fields=${some}`)).slice(1), cellsOf(first).slice(1));
		}
	});

	test('of nothing has its header', async () => {
		const rows = cellsOf(await workbook(bureau, `/api/v1/elders/export?fields=name&${filterOf({ '==': [{ var: 'id' }, '1'] })}`));
		assert.deepEqual(values(rows.slice(-1)), [['姓名']]);
	});

	test('leaves a line in the journal, has a name, and is only for those who may', async () => {
		await register(bureau);
		const got = await house.street1.post('/api/v1/elders/export?as=xlsx&fields=name', {});
		assert.match(got.headers['content-disposition'], /\.xlsx$/);
		const line = await eventually(async () => (await house.auditor.all('/api/v1/journal')).find(({ action, actor }) => action === 'export' && actor === 'street1'));
		assert.deepEqual(line.changes, { fields: ['name'], count: (await house.street1.all('/api/v1/elders')).length });
		assertProblem(await house.auditor.post('/api/v1/elders/export?as=xlsx', {}), 403, 'forbidden');
		assertProblem(await bureau.post('/api/v1/elders/export?as=pdf', {}), 400, 'bad_request');
	});
});
