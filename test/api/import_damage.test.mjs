// SPDX-License-Identifier: Apache-2.0
// import_damage.test.mjs - what people and Excel do to a ledger: understood where it is clear, refused by name where it is not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, filterOf, idCardOf, newElder, openHouse, register } from '../harness.mjs';
import { savedByLibreOffice, XLSX } from '../workbook.mjs';
import { workbook } from '../xlsx.mjs';

let house, bureau;

before(async () => {
	house = await openHouse({ demo: { elders: 20 } });
	({ bureau } = house);
});
after(cleanUp);

const documented = readFileSync(new URL('../../docs/importing.md', import.meta.url), 'utf8');

async function send(bytes, query = '', type = 'text/csv', client = bureau) {
	const got = await client.post(`/api/v1/elders/import${query}`, bytes, { type, clear: true });
	for (const { code } of [...(got.json?.errors ?? []), ...(got.json?.notes ?? [])])
		assert.ok(documented.includes(`\`${code}\``), `${code} is not in docs/importing.md`);
	return got;
}
const named = async (name) => (await bureau.get(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, name] })}&fields=id,name,sex,born_on,area,address,tags,id_card,phone,extra,flags,version`)).json.items;
const codes = (got) => got.json.errors.map(({ line, column, code }) => `${line} ${column} ${code}`);

/** One row under a header; gives the record. */
async function taken(header, row, query) {
	const got = await send(`${header}\n${row}\n`, query);
	assert.equal(got.json.accepted, 1, got.text);
	return (await named(row.split(',')[0]))[0];
}

describe('a cell', () => {
	test('dates are read in every order that is clear', async () => {
		let n = 0;
		for (const [written, read] of Object.entries({ '1948.3.5': '1948-03-05', '1948/3/5': '1948-03-05', '19480305': '1948-03-05',
			'1948年3月5日': '1948-03-05', '１９４８－０３－０５': '1948-03-05', '17597': '1948-03-05', '1948-3-5 0:00:00': '1948-03-05',
			' 1948-03-05 ': '1948-03-05', '1948 3 5': '1948-03-05', "'1948-03-05": '1948-03-05', '1948年03月05': '1948-03-05' }))
			assert.equal((await taken('姓名,性别,出生日期,区划代码', `日期人${n++},男,${written},370613001011`)).born_on, read, written);
		for (const written of ['5/3/1948', '48.3.5', '1948年3月', '1948', '60', '1948-13-01', '1948-02-30', '3.5', '二月'])
			assert.deepEqual(codes(await send(`姓名,性别,出生日期,区划代码\n坏日期,男,${written},370613001011\n`)), ['2 born_on bad_date'], written);
	});

	test('numbers that Excel has rounded are refused, never guessed', async () => {
		for (const [column, field] of [['身份证号', 'id_card'], ['联系电话', 'phone']])
			for (const written of ['3.70613E+17', '3.7e+17', '1.39123E+10'])
				assert.deepEqual(codes(await send(`姓名,性别,出生日期,区划代码,${column}\n四舍五入,男,1948-03-05,370613001011,${written}\n`)), [`2 ${field} rounded_number`], written);
		assert.deepEqual(codes(await send('姓名,区划代码,身份证号\n没有别的,370613001011,3.70613E+17\n')), ['2 id_card rounded_number'], 'what would follow from the card is not asked for');
		const got = await send('姓名,性别,出生日期,区划代码,身份证号\n原样,男,1948-03-05,370613001011,3.70613E+17\n');
		assert.deepEqual([got.json.errors[0].value, got.json.rejected], ['3.70613E+17', 1]);
		assert.match(got.json.errors[0].message, /文本/);
	});

	test('an ID card is read through what stands around it; one of 15 digits is converted, and said', async () => {
		const card = idCardOf('906001', '1948-03-05', 3);
		const row = await taken('姓名,身份证号,区划代码', `号码人一, ${[...card].map((c) => (/\d/.test(c) ? String.fromCharCode(c.charCodeAt(0) + 0xFEE0) : c.toLowerCase())).join('')}\u200b ,370613001011`);
		assert.deepEqual([row.sex, row.born_on, row.id_card.slice(-4)], ['male', '1948-03-05', card.slice(-4)]);
		const old = await send('姓名,身份证号,区划代码\n号码人二,370613480305001,370613001011\n');
		assert.deepEqual(old.json.notes.map(({ line, column, code }) => [line, column, code]), [[2, 'id_card', 'converted_15_digits']], old.text);
		assert.equal((await named('号码人二'))[0].id_card.length, 18);
		assert.deepEqual(codes(await send(`姓名,性别,出生日期,身份证号,区划代码\n矛盾,女,1948-03-06,${idCardOf('906001', '1948-03-05', 5)},370613001011\n`)),
			['2 sex contradicts_id_card', '2 born_on contradicts_id_card']);
	});

	test('telephones, blanks, quotes and what is not seen', async () => {
		const one = await taken('姓名,性别,出生日期,区划代码,电话', '张　 三丰,男,1948-03-05,370613001011,139-1234-5678').catch(() => null);
		assert.equal(one, undefined); // the blanks are gone, so that it is not found under the name as it was written
		assert.equal((await named('张三丰'))[0].phone, '139****5678');
		assert.equal((await taken('姓名,性别,出生日期,区划代码,电话', '隐身人,男\u00ad,1948-03-05,370613001011\u00a0,\ufeff１３９１２３４５６７９')).phone, '139****5679');
		assert.equal((await taken('姓名,性别,出生日期,区划代码,住址', '引号人,男,1948-03-05,370613001011,"一号,""东""单元\n二楼"')).address, '一号,"东"单元\n二楼');
		assert.equal((await taken('姓名,性别,出生日期,区划代码,电话', '小数点,男,1948-03-05,370613001011,13912345670.0')).phone, '139****5670');
		assert.deepEqual(codes(await send('姓名,性别,出生日期,区划代码,电话\n两个号,男,1948-03-05,370613001011,13912345678/13912345679\n')), ['2 phone bad_phone']);
	});

	test('words: of sex, yes and no, of tags in one column or in one for each', async () => {
		for (const [written, read] of [['男性', 'male'], ['M', 'male'], ['1', 'male'], ['女', 'female'], ['F', 'female'], ['2', 'female']])
			assert.equal((await taken('姓名,性别,出生日期,区划代码', `性别${written},${written},1948-03-05,370613001011`)).sex, read);
		const row = await taken('姓名,性别,出生日期,区划代码,是否独居,低保,失能老人,人员类别', '标签人,男,1948-03-05,370613001011,是,√,否,"留守老人、残疾"');
		assert.deepEqual(row.tags, ['living_alone', 'left_behind', 'disability', 'minimum_living_allowance']);
		assert.deepEqual(codes(await send('姓名,性别,出生日期,区划代码,是否独居\n也许,男,1948-03-05,370613001011,也许\n')), ['2 tags not_yes_or_no']);
	});
});

describe('a file', () => {
	const rows = [['姓名', '性别', '出生日期', '区划代码', '住址'], ['格式人', '男', '1948-03-05', '370613001011', '龙𠮷路一号']];
	const text = (between) => rows.map((row) => row.join(between)).join('\r\n');

	test('is read whatever it was saved as', async () => {
		const utf16 = Buffer.from(`\ufeff${text('\t')}`, 'utf16le');
		const gb18030 = execFileSync('iconv', ['-f', 'UTF-8', '-t', 'GB18030'], { input: text(',') });
		for (const [how, bytes] of Object.entries({ plain: text(','), mark: `\ufeff${text(',')}`, tabs: text('\t'), semicolons: text(';'), utf16, gb18030 })) {
			const got = await send(bytes, '?dry_run=true');
			assert.deepEqual([got.status, got.json?.accepted, got.json?.unknown_columns], [200, 1, []], `${how}: ${got.text}`);
		}
		await send(gb18030);
		assert.equal((await named('格式人'))[0].address, '龙𠮷路一号');
	});

	test('has its header below titles, the unit and blank rows; rows count as in Excel', async () => {
		const title = '某某街道老年人信息台账,,,,,\n,,,,,\n填报单位：,某某街道,,填报日期：,2026年3月,\n序号,姓 名（必填）,*性别：,出生日期,区划代码,备注\n';
		const got = await send(`${title}1,标题下,男,1948-03-05,370613001011,常来\n2,,男,1948-03-05,370613001011,\n`);
		assert.deepEqual([got.json.rows, got.json.accepted, codes(got), got.json.unknown_columns], [2, 1, ['6 name required'], ['备注']], got.text);
	});

	test('columns that are none of ours are kept beside the record, and shown for a reason', async () => {
		const got = await send('姓名,性别,出生日期,区划代码,备注,网格员\n旁列人,男,1948-03-05,370613001011,有狗,老李\n');
		assert.equal(got.json.accepted, 1, got.text);
		const [elder] = await named('旁列人');
		assert.equal(elder.extra, '***');
		const clear = await bureau.post(`/api/v1/elders/${elder.id}/reveal`, { fields: ['extra'], reason: '核对' }, { clear: true });
		assert.equal(clear.status, 200, clear.text);
		assert.equal(clear.json.extra,  '备注：有狗\n网格员：老李');
		const mapped = await send('名,性别,出生日期,区划代码,甲\n映射人,男,1948-03-05,370613001011,某路\n', `?map=${encodeURIComponent('{"名":"name","甲":"address"}')}`);
		assert.equal(mapped.json.accepted, 1, mapped.text);
		assert.equal((await named('映射人'))[0].address, '某路');
		assertProblem(await send('a\n', '?map=1'), 400, 'bad_request');
	});

	test('the area comes from a name, from the address, from what was said, or is to be found yet', async () => {
		const areas = await bureau.all('/api/v1/areas');
		const of = (number) => areas.find((area) => area.number.startsWith(number));
		const community = of('370613001011'), base = community.name.replace(/(居委会|村委会)$/, '');
		const head = '姓名,性别,出生日期,区划代码,住址';
		assert.equal((await taken(head, `地名一,男,1948-03-05,${community.name},`)).area, community.number);
		assert.equal((await taken(head, `地名二,男,1948-03-05,,${base}3号楼`)).area, community.number);
		assert.equal((await taken(head, '地名三,男,1948-03-05,,不知何处', '?area=370613002')).area, '370613002000000');
		const got = await send(`${head}\n地名四,男,1948-03-05,,不知何处\n`);
		assert.deepEqual(got.json.notes.map(({ code }) => code), ['to_be_placed']);
		const [placed] = await named('地名四');
		assert.deepEqual([placed.area, placed.flags.includes('to_be_placed')], ['370613000000000', true]);
		await send(`${head}\n地名五,男,1948-03-05,,不知何处\n`, '', 'text/csv', house.street1);
		assert.equal((await named('地名五'))[0].area, '370613001000000');
		assertProblem(await send('姓名\n', '?area=370613002', 'text/csv', house.street1), 400, 'bad_request');
		const elsewhere = of('370613003').name;
		const far = areas.find((area) => area.number.startsWith('370613003') && area.level === 'community').name.replace(/(居委会|村委会)$/, '');
		const refused = await send(`${head}\n地名六,男,1948-03-05,,${elsewhere}${far}3号楼\n`, '', 'text/csv', house.street1);
		assert.deepEqual(refused.json.errors.map(({ column, code, value }) => [column, code, value]), [['area', 'out_of_scope', `${elsewhere}${far}3号楼`]], 'it is said what led there');
	});

	test('looked at only, nothing is written; it comes back with what is wrong in front', async () => {
		const bad = `姓名,性别,出生日期,区划代码\n试一试,男,1948-03-05,370613001011\n,女,1948-03-05,370613001011\n`;
		const since = Date.now(); // lines of what was done before may get their position later
		const got = await send(bad, '?dry_run=true');
		assert.deepEqual([got.json.accepted, got.json.created, got.json.rejected, got.json.job], [1, 1, 1, undefined]);
		assert.equal((await named('试一试')).length, 0);
		const back = await send(bad, '/check');
		assert.deepEqual([back.status, back.headers['content-type']], [200, 'text/csv; charset=utf-8']);
		assert.deepEqual(back.raw.toString('utf8').split('\r\n'), ['\ufeff导入结果,姓名,性别,出生日期,区划代码', ',试一试,男,1948-03-05,370613001011', '姓名：必填,,女,1948-03-05,370613001011', '']);
		assert.deepEqual((await house.auditor.all('/api/v1/journal')).filter(({ at }) => Date.parse(at) >= since), []);
		const again = await send(back.raw, '?dry_run=true');
		assert.deepEqual([again.json.accepted, again.json.rejected, again.json.unknown_columns], [1, 1, []]);
		assertProblem(await send(bad, '?dry_run=maybe'), 400, 'bad_request');
	});
});

describe('a workbook', () => {
	test('is read like any table: titles, dates by style, numbers, the sheet that is named', async () => {
		const rows = [['某街道老年人台账'], [], ['姓名', '性别', '出生日期', '区划代码', '联系电话', '身份证号'],
			['簿中人一', '男', { date: 17597 }, 370613001011, 13912345678], ['簿中人二', '女', '1948.3.5', '370613001011', '', 370613194803050029],
			['簿中人三', '女', 17597, '370613001011', '139-1234-5670']];
		const got = await send(workbook({ 说明: [['填写说明']], 台账: rows }), `?sheet=${encodeURIComponent('台账')}`, XLSX);
		assert.deepEqual([got.json.rows, got.json.accepted, codes(got)], [3, 2, ['5 id_card rounded_number']], got.text);
		const [one] = await named('簿中人一');
		assert.deepEqual([one.born_on, one.phone, one.area], ['1948-03-05', '139****5678', '370613001011000']);
		assert.equal((await named('簿中人三'))[0].born_on, '1948-03-05');
		assertProblem(await send(workbook({ 台账: rows }), `?sheet=${encodeURIComponent('没有')}`, XLSX), 400, 'bad_table');
	});

	test('that LibreOffice has saved, with what it takes numbers and dates for', async () => {
		const card = idCardOf('906004', '1948-03-05', 2);
		const got = await send(await savedByLibreOffice(`某街道老年人台账,,,,,,,\n,,,,,,,\n序号,姓  名,身份证号,性 别,出生日期,住址,联系电话,是否独居\n`
			+ `1,办公一,${card.slice(0, 17)}${card.endsWith('X') ? 'x' : card[17]},女性,1948.3.5,"甲路1号,东单元",139-1234-5678,是\n`
			+ '2,办公二,,男,1948-03-05,乙路2号,13912345679,√\n3,办公三,,女,19480305,"丙路3号\n二楼",0535-6781234,否\n'
			+ '4,办公四,,1,1948/3/5,丁路4号,１３９１２３４５６７０,无\n5,办公五,,女,1948年3月5日,,,\n6,办公六,3.70613E+17,男,5/3/1948,,,也许\n'), '', XLSX);
		assert.deepEqual([got.json.rows, got.json.unknown_columns], [6, []], got.text);
		const lost = !card.endsWith('X'); // 18 digits are a number to it
		assert.deepEqual(codes(got).filter((code) => !code.startsWith('4 ')), ['9 id_card rounded_number', '9 tags not_yes_or_no']);
		assert.deepEqual(codes(got).filter((code) => code.startsWith('4 ')), lost ? ['4 id_card rounded_number'] : []);
		for (const [name, phone, alone] of [['办公二', '139****5679', true], ['办公三', '****1234', false], ['办公四', '139****5670', false], ['办公五', null, false]]) {
			const [elder] = await named(name);
			assert.equal(elder?.born_on, '1948-03-05', name);
			assert.deepEqual([elder.phone?.slice(-8) ?? null, elder.tags.includes('living_alone')], [phone?.slice(-8) ?? null, alone], name);
		}
	});

	test('that is damaged behind its first thousand rows leaves nothing behind', async () => {
		const rows = Array.from({ length: 3000 }, (_, i) => [`坏簿${i}`, '男', '1948-03-05', '370613001011', `某路${i}号`]);
		const bytes = workbook({ 台账: [['姓名', '性别', '出生日期', '区划代码', '住址'], ...rows] });
		const broken = Buffer.from(bytes);
		const at = broken.indexOf(Buffer.from('坏簿2900'));
		broken.fill('<', at, at + 4);
		assertProblem(await send(broken, '', XLSX), 400, 'bad_table');
		assert.equal((await bureau.get(`/api/v1/elders?${filterOf({ starts: [{ var: 'name' }, '坏簿'] })}`)).json.items.length, 0);
		assert.deepEqual((await bureau.all('/api/v1/jobs')).filter(({ state }) => state !== 'done'), []);
	});

	test('that cannot be read says what to do', async () => {
		const bytes = workbook({ 台账: [['姓名'], ['甲']] });
		for (const [what, body, says] of [['an old one', Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(2000)]), /xlsx/],
			['a picture', Buffer.from(Array.from({ length: 4000 }, (_, n) => (n * 7919 + (n >> 3)) & 255)), /CSV/],
			['one cut off', bytes.subarray(0, bytes.length - 30), /损坏/], ['a zip of something else', Buffer.concat([Buffer.from('PK\x05\x06'), Buffer.alloc(18)]), /./]]) {
			const got = await send(body, '', XLSX);
			assert.ok([400, 422].includes(got.status), `${what}: ${got.text}`);
			assert.match(got.text, says, what);
		}
	});
});

describe('a row about somebody who is there', () => {
	test('changes what it says, leaves what it does not say, and the same file again changes nothing', async () => {
		const wish = newElder({ name: '在册二', address: '旧址', phone: '13612345678' });
		const two = await register(bureau, wish);
		const file = `姓名,身份证号,住址\n在册二,${wish.id_card},新址\n`;
		const got = await send(file);
		assert.deepEqual([got.json.changed, got.json.created], [1, 0], got.text);
		const now = (await bureau.get(`/api/v1/elders/${two.id}`)).json;
		assert.deepEqual([now.address, now.phone, now.version], ['新址', '136****5678', 2]);
		const again = await send(file);
		assert.deepEqual([again.json.same, again.json.changed, (await bureau.get(`/api/v1/elders/${two.id}`)).json.version], [1, 0, 2]);
	});

	test('without an ID card it is found by name, birth date and area; several that fit are not guessed', async () => {
		const row = '无证人,男,1941-01-01,370613001011,';
		const head = '姓名,性别,出生日期,区划代码,住址\n';
		assert.equal((await send(`${head}${row}甲\n`)).json.created, 1);
		assert.deepEqual((await send(`${head}${row}乙\n`)).json.changed, 1);
		const card = idCardOf('906001', '1941-01-01', 7);
		assert.equal((await send(`姓名,区划代码,身份证号\n无证人,370613001011,${card}\n`)).json.changed, 1); // and gets it so
		assert.equal((await named('无证人')).length, 1);
		assert.equal((await send(`姓名,区划代码,身份证号\n无证人,370613001011,${idCardOf('906001', '1941-01-01', 9)}\n`)).json.created, 1); // somebody else
		assert.deepEqual(codes(await send(`${head}${row}丙\n`)), ['2 null several_fit']);
		assert.deepEqual(codes(await send(`${head}同名,男,1942-02-02,370613001011,甲\n同名,男,1942-02-02,370613001011,乙\n`)), ['3 null twice_in_file']);
	});

	test('what the owner has said stays, and the row is a claim', async () => {
		const wish = newElder({ name: '户籍名' });
		const elder = await register(bureau, wish);
		await bureau.patch(`/api/v1/elders/${elder.id}?source=public_security`, { name: '户籍正名' }, 1);
		const file = `姓名,身份证号\n小名,${wish.id_card}\n`;
		const got = await send(file, '?source=community');
		assert.deepEqual([got.json.claimed, got.json.changed, got.json.accepted], [1, 0, 1], got.text);
		assert.equal((await bureau.get(`/api/v1/elders/${elder.id}`)).json.name, '户籍正名');
		const claims = await bureau.all(`/api/v1/claims?${filterOf({ '==': [{ var: 'record' }, elder.id] })}`);
		assert.deepEqual(claims.map((claim) => [claim.field, claim.source, claim.value]), [['name', 'community', '{"name":"小名"}']]);
		await send(file, '?source=community');
		assert.equal((await bureau.all(`/api/v1/claims?${filterOf({ '==': [{ var: 'record' }, elder.id] })}`)).length, 1);
		const owner = `姓名,身份证号\n户籍正名,${wish.id_card}\n`;
		const first = await send(owner, '?source=public_security'), second = await send(owner, '?source=public_security');
		assert.deepEqual([first.json.accepted, second.json.same], [1, 1], second.text);
	});
});
