// SPDX-License-Identifier: Apache-2.0
// export_clear.test.mjs - who took a list away, and for what, stands in it; sealed fields are in clear only for who may see them so, and says why.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, eventually, filterOf, onSqlite, openHouse, register, run, Server } from '../harness.mjs';
import { cellsOf, rowsOfCsv, XLSX } from '../workbook.mjs';

let house, bureau, street1, here, there, other;
const phone = '13812345678';
const only = (...elders) => filterOf({ in: [{ var: 'id' }, elders.map(({ id }) => id)] });
const said = (text) => `for=${encodeURIComponent(text)}`;

before(async () => {
	house = await openHouse({ demo: { elders: 50 } });
	({ bureau, street1 } = house);
	other = (await bureau.all('/api/v1/areas')).find((area) => area.number.startsWith('370613002') && area.level === 'community').number;
	here = await register(bureau, { name: '本街人', phone, health_note: '高血压，\n药“甲”', document_kind: 'passport', document_number: 'E1234567', extra: '备注：=1+1' });
	there = await register(bureau, { name: '只有户籍', area: other, hukou_area: '370613001011', phone: '13912345678' });
});
after(cleanUp);

async function rows(client, query) {
	const got = await client.post(`/api/v1/elders/export?${query}`, {}, { clear: true });
	assert.equal(got.status, 200, got.text);
	return query.includes('as=xlsx') ? cellsOf(got.raw).map((cells) => Object.values(cells).map(({ value }) => value)) : rowsOfCsv(got.raw.toString('utf8'));
}

const lineOf = (reason) => eventually(async () => (await house.auditor.all('/api/v1/journal')).find(({ action, changes }) => action === 'export' && changes.reason === reason));

describe('the line above the header', () => {
	test('says who, when and for what, in both forms', async () => {
		for (const as of ['csv', 'xlsx']) {
			const [[line], header, row] = await rows(street1, `as=${as}&fields=name&${only(here)}&${said(`核对${as}, “甲”`)}`);
			assert.match(line, /^导出人：street1；时间：\d{4}-\d\d-\d\d \d\d:\d\d；用途：/);
			assert.ok(line.endsWith(`；用途：核对${as}, “甲”`), line);
			assert.deepEqual([header, row], [['姓名'], ['本街人']]);
			assert.deepEqual((await lineOf(`核对${as}, “甲”`)).changes, { fields: ['name'], reason: `核对${as}, “甲”`, filter: JSON.parse(decodeURIComponent(only(here).slice(7))), count: 1 });
		}
	});

	test('is in every workbook, and in a CSV only where something is said', async () => {
		assert.match((await rows(bureau, `as=xlsx&fields=name&${only(here)}`))[0][0], /^导出人：bureau；时间：[-\d: ]+$/);
		assert.deepEqual(await rows(bureau, `fields=name&${only(here)}`), [['姓名'], ['本街人']]);
	});

	test('is no row for an import', async () => {
		for (const as of ['csv', 'xlsx']) {
			for (const fields of ['name', 'name,kind,area,address,built_on']) {
				const got = await bureau.post(`/api/v1/facilities/export?as=${as}&fields=${fields}&${said('名称、类型、区划代码')}`, {});
				const back = await bureau.post('/api/v1/facilities/import?dry_run=true', got.raw, { type: as === 'csv' ? 'text/csv' : XLSX });
				assert.equal(back.status, 200, back.text);
				assert.equal(back.json.rows, (await bureau.all('/api/v1/facilities')).length, back.text);
				assert.deepEqual(Object.values(back.json.columns), fields.split(','));
			}
		}
	});

	test('is one line of sensible length', async () => {
		const ask = (text) => bureau.post(`/api/v1/elders/export?fields=name&${said(text)}`, {});
		assert.equal(assertProblem(await ask('一'), 422, 'invalid', '/for').errors[0].code, 'too_short');
		assert.equal(assertProblem(await ask('长'.repeat(201)), 422, 'invalid', '/for').errors[0].code, 'too_long');
		assert.equal(assertProblem(await ask('两\n行'), 422, 'invalid', '/for').errors[0].code, 'bad_characters');
		assert.equal((await ask('长'.repeat(200))).status, 200);
	});
});

describe('in clear', () => {
	test('are the sealed fields, behind a line of the journal that says so', async () => {
		const fields = 'name,id_card,phone,document_number,health_note,extra';
		for (const as of ['csv', 'xlsx']) {
			const [[line], header, row] = await rows(street1, `as=${as}&clear=true&fields=${fields}&${only(here)}&${said(`入户${as}`)}`);
			assert.match(line, /；含未遮盖的受保护信息；用途：入户/);
			assert.deepEqual(header.slice(0, 3), ['姓名', '公民身份号码', '联系电话']);
			assert.match(row[1], /^905123\d{11}[\dX]$/);
			assert.deepEqual(row.slice(2), [phone, 'E1234567', '高血压，\n药“甲”', '备注：=1+1']);
			const { changes } = await lineOf(`入户${as}`);
			assert.deepEqual([changes.fields, changes.clear, changes.count], [fields.split(','), fields.split(',').slice(1), 1]);
			assert.ok(!JSON.stringify(changes).includes(phone));
		}
	});

	test('are codes that no spreadsheet rounds', async () => {
		const got = await bureau.post(`/api/v1/elders/export?as=xlsx&clear=true&fields=id_card,phone&${only(here)}&${said('核对')}`, {}, { clear: true });
		const { A, B } = cellsOf(got.raw)[2];
		assert.deepEqual([A.kind, A.format, B], ['text', '@', { kind: 'text', value: phone, format: '@' }]);
	});

	test('nothing is, unless it is asked for', async () => {
		const [, , row] = await rows(bureau, `fields=id_card,phone,health_note&clear=false&${only(here)}&${said('核对')}`);
		assert.deepEqual(row, [here.id_card, here.phone, '***']);
	});

	test('needs the right to see them so, and a reason', async () => {
		for (const text of ['', `&${said('一')}`])
			assertProblem(await bureau.post(`/api/v1/elders/export?clear=true${text}`, {}), 422, 'invalid', '/for');
		assertProblem(await house.auditor.post(`/api/v1/facilities/export?clear=true&${said('审计')}`, {}), 403, 'forbidden');
		assertProblem(await house.auditor.post(`/api/v1/elders/export?clear=true&${said('审计')}`, {}), 403, 'forbidden');
		assertProblem(await bureau.post(`/api/v1/elders/export?clear=perhaps&${said('核对')}`, {}), 400, 'bad_request');
		const refused = (await house.auditor.all('/api/v1/journal')).filter(({ action, changes }) => action === 'export' && changes.reason === '审计');
		assert.deepEqual(refused, []);
	});

	test('is nobody whom one sees by the household registration only', async () => {
		const [, , ...seen] = await rows(street1, `clear=true&fields=id,id_card,phone&${only(here, there)}&${said('核对')}`);
		assert.deepEqual(Object.fromEntries(seen)[there.id], there.id_card);
		assert.deepEqual(seen.map(([, , number]) => number), [phone, there.phone]);
	});

	/* On SQLite a store has one server. */
	const another = onSqlite ? () => {} : test;
	another('is what another server has sealed, with a key that this one has not seen', async () => {
		assert.equal((await run(['key', 'rotate', '--store', house.store])).code, 0);
		const second = await Server.start(house.store);
		const later = await register(await second.as('bureau'), { name: '新钥', phone: '13712345678' });
		await second.stop();
		const [, , ...seen] = await rows(bureau, `clear=true&fields=phone&${only(here, later)}&${said('核对')}`);
		assert.deepEqual(seen, [[phone], ['13712345678']]);
	});

	test('what comes back is what is there', async () => {
		for (const as of ['csv', 'xlsx']) {
			const got = await bureau.post(`/api/v1/elders/export?as=${as}&clear=true&${only(here, there)}&${said('核对')}`, {}, { clear: true });
			const back = await bureau.post('/api/v1/elders/import?dry_run=true', got.raw, { type: as === 'csv' ? 'text/csv' : XLSX });
			assert.deepEqual([back.json.rows, back.json.same], [2, 2], back.text);
		}
	});
});
