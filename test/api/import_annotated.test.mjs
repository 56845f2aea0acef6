// SPDX-License-Identifier: Apache-2.0
// import_annotated.test.mjs - the table that somebody sends comes back as what it came, with what is wrong in it; put right, it is sent again.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, filterOf, idCardOf, openHouse, run, temporaryDirectory } from '../harness.mjs';
import { cellsOf, partsOf, rowsOfCsv, savedByLibreOffice, seenByLibreOffice, XLSX } from '../workbook.mjs';
import { columnName, packageOf, workbook } from '../xlsx.mjs';

let house, bureau;

before(async () => {
	house = await openHouse({ demo: { elders: 20 } });
	({ bureau } = house);
});
after(cleanUp);

const send = (bytes, query = '', type = XLSX) => bureau.post(`/api/v1/elders/import${query}`, bytes, { type, clear: true });
const named = async (name) => (await bureau.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, name] })}`)).json.items;
const card = idCardOf('906004', '1948-03-05', 7);
const header = ['姓名', '性别', '出生日期', '区划代码', '住址', '身份证号', '备注一'];
const rows = [['某街道老年人台账', '', '', '', '', '', '', '', '宽标题'], [], header,
	['批注一', '男', { date: 17597 }, 370613001011, '=1+1', card, '_x005F_x000D_'], [],
	['批注二', '女', '5/3/1948', '370613001011', '@甲路', 370613194803050029, 12.5],
	['', '男', '1948-03-05', '370613001011', '', '', '', '', '多出来的'],
	['批注三', '女', '1948-03-05', '370613001011', "'=2+2", '', '']];
const book = () => workbook({ 说明: [['填写说明']], '台账 & 表': rows });
const query = `?sheet=${encodeURIComponent('台账 & 表')}`;

/** What stands in it, row by row as Excel numbers them, as texts. */
function numberedOf(bytes) {
	const numbers = [...partsOf(bytes)['xl/worksheets/sheet1.xml'].matchAll(/<row r="(\d+)"/g)].map(([, row]) => Number(row));
	return Object.fromEntries(cellsOf(bytes).map((row, i) => [numbers[i], Object.fromEntries(Object.entries(row).map(([column, { value }]) => [column, value]))]));
}

describe('a workbook that is checked', () => {
	test('comes back as one: every row where it was, every cell a text, and what is wrong behind the last column', async () => {
		const got = await send(book(), `/check${query}`);
		assert.deepEqual([got.status, got.headers['content-type']], [200, XLSX]);
		assert.match(decodeURIComponent(got.headers['content-disposition']), /老人-试导入结果\.xlsx/);
		const back = numberedOf(got.raw);
		assert.deepEqual(Object.keys(back), ['1', '3', '4', '6', '7', '8']);
		assert.deepEqual(back[1], { A: '某街道老年人台账', J: '宽标题' });
		assert.deepEqual(Object.values(back[3]), [...header, '导入结果']);
		assert.deepEqual(back[4], { A: '批注一', B: '男', C: '1948-03-05', D: '370613001011', E: '=1+1', F: card, G: '_x005F_x000D_' });
		assert.deepEqual([back[6].C, back[6].F.slice(0, 7), back[6].G], ['5/3/1948', '3.70613', '12.5']);
		assert.match(back[6].H, /^(出生日期|公民身份号码)：.*；(出生日期|公民身份号码)：/);
		assert.match(back[7].H, /^列太多/);
		assert.equal(back[7].J, '多出来的');
		assert.deepEqual(back[8], { A: '批注三', B: '女', C: '1948-03-05', D: '370613001011', E: "'=2+2" });
		for (const [, cell] of cellsOf(got.raw).slice(1).flatMap((row) => Object.entries(row)))
			assert.deepEqual([cell.kind, cell.format], ['text', '@'], cell.value);
		assert.match(partsOf(got.raw)['xl/workbook.xml'], /name="台账 &amp; 表"/);
		assert.match(partsOf(got.raw)['xl/worksheets/sheet1.xml'], /<autoFilter ref="A3:H8"/);
		assert.equal((await named('批注一')).length, 0, 'nothing was written');
	});

	test('is seen so by LibreOffice', async () => {
		const seen = await seenByLibreOffice((await send(book(), `/check${query}`)).raw);
		assert.deepEqual(seen[2].slice(0, 8), [...header, '导入结果']);
		assert.deepEqual(seen[3].slice(0, 8), ['批注一', '男', '1948-03-05', '370613001011', '=1+1', card, '_x000D_', '']);
		assert.match(seen[6][7], /^列太多/);
	});

	test('is checked again with one such column, and taken when it is put right', async () => {
		const first = (await send(book(), `/check${query}`)).raw;
		const again = await send(first, `/check${query}`);
		assert.deepEqual(numberedOf(again.raw), numberedOf(first));
		const looked = await send(first, '?dry_run=true');
		assert.deepEqual([looked.json.rows, looked.json.accepted, looked.json.unknown_columns, looked.json.errors.map(({ line }) => line)],
			[4, 2, ['备注一'], [6, 6, 7]], looked.text);
		const parts = partsOf(first), sheet = 'xl/worksheets/sheet1.xml';
		const put = (xml, at, text) => xml.replace(new RegExp(`<c r="${at}"[^>]*>.*?</c>`), text ? `<c r="${at}" t="inlineStr"><is><t>${text}</t></is></c>` : '');
		parts[sheet] = put(put(put(put(parts[sheet], 'C6', '1948-03-05'), 'F6', idCardOf('906004', '1948-03-05', 8)), 'J7', ''), 'B7', '').replace(/<row r="7".*?<\/row>/s, '');
		const taken = await send(packageOf(parts));
		assert.deepEqual([taken.json.accepted, taken.json.rejected], [3, 0], taken.text);
		assert.deepEqual([(await named('批注一'))[0].address, (await named('批注三'))[0].address], ['=1+1', '=2+2']);
		const [two] = await named('批注二');
		assert.equal(two.extra, undefined, two.extra);
	});

	test('that LibreOffice has saved is taken after it was put right there', async () => {
		const text = `姓名,性别,出生日期,区划代码,住址\n批注四,男,1948.3.5,370613001011,甲路\n批注五,男,,370613001011,乙路\n`;
		const back = (await send(await savedByLibreOffice(text), '/check')).raw;
		const seen = await seenByLibreOffice(back);
		assert.match(seen[2][5], /^出生日期：/);
		seen[2][2] = '1948-03-06';
		const put = seen.map((row) => row.join(',')).join('\n');
		const taken = await send(await savedByLibreOffice(`${put}\n`));
		assert.deepEqual([taken.json.accepted, taken.json.rejected, taken.json.unknown_columns], [2, 0, []], taken.text);
	});

	test('may have names and texts that no workbook of ours would', async () => {
		const long = 'x'.repeat(32768), escapes = '_x005F_x000D_'.repeat(2300);
		const odd = workbook({ "'[a]:*?/\\ a name of more than thirty-one characters'": [['姓名', '住址', '备注'], ['长', long, escapes]] });
		const got = await send(odd, '/check');
		assert.equal(got.status, 200, got.text);
		const [, row] = cellsOf(got.raw);
		assert.deepEqual([row.A.value, row.B.value, row.C.value], ['长', long.slice(1), escapes]);
		assert.match(partsOf(got.raw)['xl/workbook.xml'], /name="老人"/);
		const wide = workbook({ 台账: [['姓名', '性别', ...Array.from({ length: 254 }, (_, i) => `其他${i}`)], ['宽', ...Array(255).fill('1')]] });
		const all = cellsOf((await send(wide, '/check')).raw);
		assert.deepEqual([all[0][columnName(255)].value, all[0][columnName(256)].value, all[1][columnName(255)].value], ['其他253', '导入结果', '1']);
	});

	test('that is none, or is damaged, is refused as it is without', async () => {
		assertProblem(await send(workbook({ 台账: [['甲', '乙']] }), '/check'), 422, 'invalid', '');
		const rows = Array.from({ length: 500 }, (_, i) => [`坏${i}`, '男', '1948-03-05']);
		const broken = Buffer.from(workbook({ 台账: [['姓名', '性别', '出生日期'], ...rows] }));
		broken.fill('<', broken.indexOf('坏480'), broken.indexOf('坏480') + 4);
		assertProblem(await send(broken, '/check'), 400, 'bad_table');
		assertProblem(await send(workbook({ 台账: [['姓名']] }), `/check?sheet=none`), 400, 'bad_table');
	});
});

describe('a text that is checked', () => {
	test('keeps its blank rows, and has one column in front however often it is sent', async () => {
		const text = '台账\n\n姓名,性别,出生日期,区划代码\n\n批注六,男,1948-03-05,370613001011\n,女,"a ""b""",370613001011\n批注六,男,1948-03-05,370613001011,多\n';
		const first = await send(text, '/check', 'text/csv');
		assert.deepEqual([first.status, first.headers['content-type']], [200, 'text/csv; charset=utf-8']);
		const lines = first.raw.toString('utf8').split('\r\n');
		assert.deepEqual(lines.slice(0, 5), ['\ufeff,台账', '', '导入结果,姓名,性别,出生日期,区划代码', '', ',批注六,男,1948-03-05,370613001011']);
		assert.match(lines[5], /^"?姓名：必填.*,,女,"a ""b""",370613001011$/);
		assert.match(lines[6], /列太多.*,批注六,男,1948-03-05,370613001011,多$/);
		assert.ok((await send(first.raw, '/check', 'text/csv')).raw.equals(first.raw));
	});
});

describe('songhe import --annotated', () => {
	test('takes what comes, with a server that holds the store', async () => {
		const directory = temporaryDirectory();
		const at = (name) => join(directory, name);
		const many = [['姓名', '性别', '出生日期', '区划代码'], ...Array.from({ length: 30000 }, (_, i) => [`命令${i}`, i % 2 ? '男' : '', '1948-03-05', '370613001011'])];
		writeFileSync(at('台账.xlsx'), workbook({ 台账: many }));
		writeFileSync(at('台账.csv'), `${many.map((row) => `${row.join(',')},${'长'.repeat(90)}`).join('\n')}\n`);
		const command = (from, to) => run(['import', 'elders', at(from), '--annotated', at(to), '--store', house.store]);
		const packed = await command('台账.xlsx', '结果.xlsx');
		assert.deepEqual([packed.code, packed.stdout, packed.stderr], [0, '', '']);
		const cells = cellsOf(readFileSync(at('结果.xlsx')));
		assert.equal(cells.length, 30001);
		assert.deepEqual([cells[1].E.value, cells[2].E], ['性别：必填', undefined]);
		assert.equal(statSync(at('结果.xlsx')).mode & 0o777, 0o600);
		const text = await command('台账.csv', '结果.csv');
		assert.deepEqual([text.code, text.stderr], [0, '']);
		assert.equal(rowsOfCsv(readFileSync(at('结果.csv'), 'utf8')).length, 30001, 'all of a table of more than 8 MB');
		const other = await command('台账.xlsx', '别名.csv');
		assert.equal(other.code, 0);
		assert.match(other.stderr, /别名\.csv/);
		assert.equal(readFileSync(at('别名.csv')).subarray(0, 2).toString(), 'PK');
	});

	test('leaves what was there where the table cannot be read or the file not written', async () => {
		const directory = temporaryDirectory(), out = join(directory, '结果.xlsx'), from = join(directory, '无.csv');
		writeFileSync(from, '甲,乙\n');
		writeFileSync(out, 'before');
		const refused = await run(['import', 'elders', from, '--annotated', out, '--store', house.store]);
		assert.equal(refused.code, 1, refused.stderr);
		assert.equal(readFileSync(out, 'utf8'), 'before');
		assert.ok(!existsSync(`${out}.part`));
		const nowhere = await run(['import', 'elders', from, '--annotated', join(directory, 'none', 'a.csv'), '--store', house.store]);
		assert.equal(nowhere.code, 74, nowhere.stderr);
	});
});
