// SPDX-License-Identifier: Apache-2.0
// import.test.mjs - a CSV file becomes records; what is wrong is named by line and column, the rest goes in.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, filterOf, newElder, openHouse, register } from '../harness.mjs';

let house, other;
const columns = ['name', 'id_card', 'sex', 'born_on', 'area', 'address', 'phone'];

before(async () => {
	house = await openHouse();
	other = (await house.bureau.all('/api/v1/areas')).find((area) => area.number.startsWith('370613002') && area.level === 'community').number;
});
after(cleanUp);

const cell = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const csv = (rows, header = columns, end = '\n') => [header.join(','), ...rows.map((row) => columns.map((name) => cell(row[name] ?? '')).join(','))].join(end) + end;
const send = (client, text, options = {}) => client.post('/api/v1/elders/import', text, { type: 'text/csv', ...options });

function assertCounts(got, rows, accepted) {
	assert.equal(got.status, 200, got.text);
	assert.deepEqual([got.json.rows, got.json.accepted, got.json.rejected], [rows, accepted, rows - accepted], got.text);
}

async function named(name, client = house.bureau) {
	return client.all(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, name] })}`);
}

describe('import of elders', () => {
	test('takes a plain file', async () => {
		const rows = Array.from({ length: 250 }, (_, i) => newElder({ name: `表中人${i}`, address: `某路 ${i} 号`, phone: '13612345678' }));
		const got = await send(house.bureau, csv(rows));
		assertCounts(got, 250, 250);
		assert.deepEqual(got.json.errors, []);
		for (const i of [0, 99, 100, 249]) {
			const [elder] = await named(`表中人${i}`);
			assert.deepEqual([elder.address, elder.phone, elder.born_on, elder.version], [`某路 ${i} 号`, '136****5678', rows[i].born_on, 1]);
			assert.equal(elder.id_card.slice(-4), rows[i].id_card.slice(-4));
		}
	});

	test('takes what Excel writes: BOM, CRLF, quotes, Chinese headers and words, empty lines', async () => {
		const row = newElder({ name: '引,号"人', address: '第一行\n第二行' });
		const header = '\ufeff姓名,身份证号,性别,出生日期,区划代码,地址,电话,备注';
		const line = [row.name, row.id_card, row.sex === 'male' ? '男' : '女', row.born_on, row.area, row.address, '', '随便'].map(cell).join(',');
		const got = await send(house.bureau, `${header}\r\n\r\n${line}\r\n,,,,,,,\r\n`, { type: 'text/csv; charset=utf-8' });
		assertCounts(got, 1, 1);
		assert.deepEqual(got.json.unknown_columns, ['备注']);
		const [elder] = await named('引,号"人');
		assert.equal(elder.address, '第一行\n第二行');
		assert.equal((await send(house.bureau, csv([newElder({ name: '无尾换行' })]).trimEnd())).json.accepted, 1);
		assert.equal((await send(house.bureau, csv([newElder({ name: '老式换行' })], columns, '\r'))).json.accepted, 1);
	});

	test('takes tags, position and documents', async () => {
		const header = 'name,sex,born_on,area,tags,position,document_kind,document_number,residence';
		const got = await send(house.bureau, `${header}\n杂项人,女,1944-04-04,370613001011,独居、空巢 veteran,"37.5,121.5",护照,E7654321,外出\n`);
		assertCounts(got, 1, 1);
		const [elder] = await named('杂项人');
		assert.deepEqual([elder.tags, elder.position, elder.document_kind, elder.residence],
			[['living_alone', 'empty_nest', 'veteran'], { lat: 37.5, lon: 121.5 }, 'passport', 'away']);
	});

	test('names each mistake by line, column and code, and takes the other rows', async () => {
		const good = newElder({ name: '夹在中间的好人' });
		const text = [columns.join(','),
			',,male,1950-01-01,370613001011,,', // 2
			columns.map((name) => good[name] ?? '').join(','), // 3
			'坏性别,,其他,1950-01-01,370613001011,,', // 4
			'坏日子,,male,1950-02-31,370613001011,,', // 5
			'', // 6
			'坏地方,,male,1950-01-01,999999,,', // 7
			'坏号码,123,male,1950-01-01,370613001011,,', // 8
			'坏电话,,male,1950-01-01,370613001011,,打电话', // 9
			'全都坏,1,x,y,z,,w', // 10
			'"坏引"号,,male,1950-01-01,370613001011,,', // 11
			'少几列,,male', // 12
			''].join('\n');
		const got = await send(house.bureau, text);
		assertCounts(got, 10, 1);
		const errors = got.json.errors.map((error) => `${error.line} ${error.column} ${error.code}`);
		for (const expected of ['2 name required', '4 sex unknown_word', '5 born_on bad_date', '7 area unknown_area', '8 id_card bad_id_card_length',
			'9 phone bad_phone', '10 id_card bad_id_card_length', '10 sex unknown_word', '10 born_on bad_date', '10 area unknown_area', '10 phone bad_phone',
			'11 null stray_quote', '12 born_on required'])
			assert.ok(errors.includes(expected), `${expected} is not in ${errors.join('; ')}`);
		assert.equal(errors.length, 13, errors.join('; '));
		assert.ok(got.json.errors.every((error) => error.message));
		assert.equal((await named('夹在中间的好人')).length, 1);
	});

	test('lists the mistakes in the order of the file', async () => {
		const got = await send(house.bureau, `${columns.join(',')}\n,,,,,,\n,,male,1950-01-01,370613001011,,\n"x"y,,,,,,\n,,male,1950-01-01,370613001011,,\n`);
		const lines = got.json.errors.map((error) => error.line);
		assert.deepEqual(lines, [...lines].sort((a, b) => a - b));
	});

	test('a person twice in the file is taken once; one registered before is not made again', async () => {
		const twice = newElder({ name: '两次' }), before = newElder({ name: '早有' });
		await register(house.bureau, before);
		const got = await send(house.bureau, csv([twice, twice, before]));
		assertCounts(got, 3, 2);
		assert.deepEqual(got.json.errors.map((error) => [error.line, error.code]), [[3, 'twice_in_file']]);
		assert.deepEqual([got.json.created, got.json.changed, got.json.same], [1, 0, 1]);
		const again = await send(house.bureau, csv([twice, before]));
		assertCounts(again, 2, 2);
		assert.deepEqual([again.json.created, again.json.changed, again.json.same], [0, 0, 2]);
		assert.equal((await named('早有'))[0].version, 1);
	});

	test('street1 imports into its street only, and learns nothing of others', async () => {
		const there = newElder({ area: other, name: '街外之人', address: '街外之址' });
		const thereRecord = await register(house.bureau, there);
		const inside = newElder({ name: '街内之人' });
		const got = await send(house.street1, csv([newElder({ area: other }), newElder({ area: '370613' }), inside,
			{ ...there, area: '370613001011', name: '冒名', address: '' }]));
		assertCounts(got, 4, 1);
		assert.deepEqual(got.json.errors.map((error) => [error.line, error.column, error.code]),
			[[2, 'area', 'out_of_scope'], [3, 'area', 'out_of_scope'], [5, null, 'registered_elsewhere']]);
		for (const secret of [thereRecord.id, there.name, there.address])
			assert.ok(!got.text.includes(secret), got.text);
		assert.equal((await named('街内之人', house.street1)).length, 1);
		assert.equal((await named('冒名')).length, 0);
	});

	test('each row is a line in journal and feed', async () => {
		const stream = await house.street1.events();
		/* What was written before may still be on its way into the feed: it is through when this one is. */
		const witness = await register(house.street1);
		await stream.until((event) => event.data.id === witness.id);
		const from = stream.list.length;
		const rows = Array.from({ length: 130 }, (_, i) => newElder({ name: `逐行${i}` }));
		assertCounts(await send(house.street1, csv(rows)), 130, 130);
		const ofRows = () => stream.list.slice(from).filter((event) => event.data.resource === 'elder');
		await eventually(() => ofRows().length >= 130, 'the events of all rows');
		const told = ofRows();
		assert.equal(new Set(told.map((event) => event.data.id)).size, 130);
		assert.ok(told.every((event) => event.data.action === 'create' && event.data.actor === 'street1'));
		const [elder] = await named('逐行129');
		const line = (await house.auditor.all('/api/v1/journal')).find((one) => one.id === elder.id);
		assert.equal(line.channel, 'import');
		stream.close();
	});

	test('a file that is none changes nothing', async () => {
		for (const text of ['', '\n', 'a,b,c\n1,2,3\n', ',,,\n', '\ufeff', 'x'.repeat(100000)])
			assertProblem(await send(house.bureau, text), 422, 'invalid');
		assertCounts(await send(house.bureau, `${columns.join(',')}\n`), 0, 0);
		assertProblem(await house.bureau.post('/api/v1/elders/import', {}), 415, 'unsupported_media_type');
		assertProblem(await send(house.bureau, csv([newElder()]), { type: 'text/csv; charset=gbk' }), 415, 'unsupported_media_type');
		assertProblem(await send(house.bureau, csv([newElder()]), { type: 'text/plain' }), 415, 'unsupported_media_type');
		assertProblem(await send(house.bureau, csv([newElder()]), { type: null }), 415, 'unsupported_media_type');
		assertProblem(await house.bureau.get('/api/v1/elders/import'), 405, 'method_not_allowed');
	});

	test('bytes that are not UTF-8 are refused row by row', async () => {
		const good = newElder({ name: '编码正确' });
		const text = Buffer.concat([Buffer.from(`${columns.join(',')}\n`), Buffer.from([0xD5, 0xC5, 0xC8, 0xFD]), Buffer.from(',,male,1950-01-01,370613001011,,\n'),
			Buffer.from('零\u0000字节,,male,1950-01-01,370613001011,,\n'), Buffer.from(csv([good]).split('\n')[1])]);
		const got = await send(house.bureau, text);
		assertCounts(got, 3, 1);
		assert.deepEqual(got.json.errors.map((error) => [error.line, error.code]), [[2, 'not_utf8'], [3, 'not_utf8']]);
	});

	test('odd files end in an answer', async () => {
		const open = await send(house.bureau, `${columns.join(',')}\n"没有结束,,male,1950-01-01,370613001011,,\n`);
		assert.deepEqual(open.json.errors.map((error) => error.code), ['open_quote']);
		const wide = await send(house.bureau, `${columns.join(',')}\n${','.repeat(5000)}x\n`);
		assert.deepEqual(wide.json.errors.map((error) => error.code), ['too_many_cells']);
		const long = await send(house.bureau, `${columns.join(',')}\n${'长'.repeat(100000)},,male,1950-01-01,370613001011,,\n`);
		assert.equal(long.json.accepted, 0);
		const twice = await send(house.bureau, 'name,name,sex,born_on,area\n甲,乙,male,1950-01-01,370613001011\n');
		assert.equal(twice.status, 200, twice.text);
		const many = await send(house.bureau, `${columns.join(',')}\n${'x\n'.repeat(5000)}`);
		assertCounts(many, 5000, 0);
		assert.ok(many.json.errors.length <= 1000);
	});

	test('a row with more cells than the header is refused: a comma without quotes cut one in two', async () => {
		const one = csv([newElder({ address: '一号楼' })]).trimEnd();
		const got = await send(house.bureau, `${one},二单元\n${csv([newElder()]).split('\n')[1]},, \n`);
		assertCounts(got, 2, 1);
		assert.deepEqual([got.json.errors[0].line, got.json.errors[0].code], [2, 'too_many_cells']);
	});

	test('what other columns hold beyond all measure is not cut, but left out where somebody says so', async () => {
		const header = [...columns, ...Array.from({ length: 249 }, (_, i) => `备注${i}`)].join(',');
		const wide = `"${'宽'.repeat(3000)}""${'宽'.repeat(4000)}"`;
		const rows = csv(Array.from({ length: 12 }, () => newElder())).split('\n').slice(1, 13).map((row) => row + `,${wide}`.repeat(249));
		const text = `${header}\n${rows.join('\n')}\n`, got = await send(house.bureau, text);
		assertCounts(got, 12, 0);
		assert.ok(got.json.errors.every((error) => error.code === 'too_long' && error.column === 'extra'), got.text.slice(0, 500));
		const map = JSON.stringify(Object.fromEntries(Array.from({ length: 249 }, (_, i) => [`备注${i}`, null])));
		const without = await house.bureau.post(`/api/v1/elders/import?map=${encodeURIComponent(map)}`, text, { type: 'text/csv' });
		assertCounts(without, 12, 12);
	});

	test('names of unknown columns are shown as far as they help', async () => {
		const long = Array.from({ length: 50 }, (_, i) => `"${i}${'\u0001'.repeat(30000)}"`);
		const got = await send(house.bureau, csv([newElder()], [...columns, ...long]));
		assertCounts(got, 1, 1);
		assert.equal(got.json.unknown_columns.length, 50);
		assert.ok(got.json.unknown_columns.every((name) => name.length <= 200));
	});

	test('SQL and formulas in cells are text', async () => {
		for (const name of ["');DROP TABLE elder;--", '=HYPERLINK("http://x")', '@SUM(1)']) {
			assertCounts(await send(house.bureau, csv([newElder({ name, address: name })])), 1, 1);
			assert.equal((await named(name))[0].address, name);
		}
	});

	test('reads and single writes go on while a file is taken in', async () => {
		const rows = Array.from({ length: 3000 }, (_, i) => newElder({ name: `大表${i}`, id_card: undefined }));
		let done = false;
		const importing = send(house.bureau, csv(rows)).finally(() => (done = true));
		let meanwhile = 0;
		while (!done) {
			const elder = await register(house.street1);
			assert.equal((await house.street1.get(`/api/v1/elders/${elder.id}`)).status, 200);
			meanwhile++;
		}
		assertCounts(await importing, 3000, 3000);
		assert.ok(meanwhile > 0);
	});
});

test('import of facilities', async () => {
	const got = await house.bureau.post('/api/v1/facilities/import',
		'名称,类型,区划代码,护理型床位,普通床位,建成日期,产权归属\n导入的养老院,养老机构,370613001011,10,20,2010-10-10,国有\n坏的,宫殿,370613001011,x,,,\n', { type: 'text/csv' });
	assertCounts(got, 2, 1);
	assert.deepEqual(got.json.errors.map((error) => [error.line, error.column, error.code]), [[3, 'kind', 'unknown_word'], [3, 'beds_nursing', 'wrong_type']]);
	const [facility] = (await house.bureau.get(`/api/v1/facilities?${filterOf({ '==': [{ var: 'name' }, '导入的养老院'] })}`)).json.items;
	assert.deepEqual([facility.kind, facility.beds, facility.ownership], ['care_institution', 30, 'state']);
	assertProblem(await house.auditor.post('/api/v1/facilities/import', 'name\n', { type: 'text/csv' }), 403, 'forbidden');
});
