// SPDX-License-Identifier: Apache-2.0
// import_masked.test.mjs - what was exported is imported again: masks change nothing where they are the record's own, and are refused elsewhere.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cleanUp, filterOf, idCardOf, newElder, openHouse, register, usccOf } from '../harness.mjs';
import { cellsOf, XLSX } from '../workbook.mjs';

let house, bureau, organization;
const area = '370613001011';
const only = (...elders) => filterOf({ in: [{ var: 'id' }, elders.map(({ id }) => id)] });

async function made(path, body) {
	const got = await bureau.post(`/api/v1/${path}`, body);
	assert.equal(got.status, 201, got.text);
	return got.json;
}

/* Something of everything that a record can hold. */
before(async () => {
	house = await openHouse({ demo: { elders: 803 } });
	({ bureau } = house);
	organization = await made('organizations', { name: '松鹤养老', kind: 'catering', area, uscc: usccOf(7), phone: '13612345678', licence_until: '2031-01-31', capacity: 0,
		position: { lat: 37.123456789012, lon: 121.1 } });
	const household = await made('households', { head: '户主甲', area, address: '某路 1 号', members: 3, phone: '0535-6891234', position: { lat: 37.5, lon: 121.25 } });
	for (const [i, name] of ['员工甲', '员工甲', '员工乙'].entries())
		await made('staff', { name, id_card: idCardOf('905123', '1990-06-07', 100 + i), organization: organization.id, area, post: 'carer', state: 'applicant', skills: ['meals'].slice(i) });
	await register(bureau, { name: '有标签', phone: '13812345678', health_note: '高血压', household: household.id, tags: [{ word: 'veteran' }, { word: 'disabled', from: '2019-01-01', to: '2020-01-01' },
		{ word: 'living_alone', from: '2099-01-01' }], needs: ['meals', 'bathing'], income: ['pension'],
		contact_name: '甲', contact_phone: '13912345678', document_kind: 'passport', document_number: 'E1234567', extra: '备注：x' });
	/* Twins of one name, whom only their numbers tell apart. */
	for (const order of [201, 401])
		await register(bureau, { name: '同名', sex: 'male', born_on: '1944-05-06', id_card: idCardOf('905123', '1944-05-06', order) });
});
after(cleanUp);

const types = { csv: 'text/csv', xlsx: XLSX };
const exported = async (resource, as, query = '') => (await bureau.post(`/api/v1/${resource}/export?as=${as}&${query}`, {})).raw;
const imported = (resource, bytes, as = 'csv', query = '') => bureau.post(`/api/v1/${resource}/import?${query}`, bytes, { type: types[as] });
/** As texts and numbers, without the line that says when. */
const content = (bytes, as) => (as === 'csv' ? bytes.toString('utf8') : cellsOf(bytes).slice(1));

describe('what was exported', () => {
	for (const resource of ['elders', 'facilities', 'organizations', 'households', 'staff'])
		test(`of ${resource} is the same when it is looked at, imported, and exported again`, async () => {
			for (const as of ['csv', 'xlsx']) {
				const first = await exported(resource, as);
				for (const query of ['dry_run=true', '']) {
					const { json, text } = await imported(resource, first, as, query);
					assert.ok(json.rows > 0, text);
					assert.deepEqual([json.same, json.rejected, json.unknown_columns], [json.rows, 0, []], text);
				}
				assert.deepEqual(content(await exported(resource, as), as), content(first, as));
			}
		});
});

describe('a masked value', () => {
	test('leaves alone what is there, while the rest of the row counts', async () => {
		const elder = await register(bureau, { name: '改地址', phone: '13812345678', health_note: '高血压', address: '旧址' });
		const file = (await exported('elders', 'csv', only(elder))).toString('utf8').replace('旧址', '新址');
		const { json, text } = await imported('elders', file);
		assert.deepEqual([json.changed, json.rejected], [1, 0], text);
		const now = (await bureau.get(`/api/v1/elders/${elder.id}`)).json;
		assert.deepEqual([now.address, now.phone, now.id_card, now.health_note], ['新址', elder.phone, elder.id_card, '***']);
		const clear = await bureau.post(`/api/v1/elders/${elder.id}/reveal`, { fields: ['phone', 'health_note'], reason: '核对' }, { clear: true });
		assert.deepEqual(clear.json, { phone: '13812345678', health_note: '高血压' });
	});

	test('that is not the record\'s own is refused in its cell, and says what to do', async () => {
		const elder = await register(bureau, { name: '别人的', phone: '13812345678' });
		const file = (await exported('elders', 'csv', `fields=name,born_on,area,sex,phone,guardian_phone,health_note&${only(elder)}`)).toString('utf8');
		for (const [from, to, column] of [['138****5678', '138****5679', 'phone'], ['138****5678', '***', 'phone'],
			[',138****5678,,', ',138****5678,139****0000,', 'guardian_phone'], [/,\r\n$/, ',***\r\n', 'health_note']]) {
			const { json, text } = await imported('elders', file.replace(from, to), 'csv', 'dry_run=true');
			assert.deepEqual(json.errors.map((error) => [error.line, error.column, error.code]), [[2, column, 'masked_value']], text);
			assert.match(json.errors[0].message, /填写完整内容/);
		}
	});

	test('makes nobody new', async () => {
		const elder = newElder({ name: '没有此人' });
		const { json, text } = await imported('elders', `name,id_card,sex,born_on,area,phone\n没有此人,905123********0018,男,${elder.born_on},${area},138****5678\n`);
		assert.deepEqual([json.created, json.rejected], [0, 1], text);
		assert.deepEqual(json.errors.map(({ column, code }) => `${column} ${code}`), ['id_card masked_value', 'phone masked_value']);
		const staff = await imported('staff', `name,id_card,organization,area,post,state\n没有此人,905123********0018,${organization.id},${area},护理员,待上岗\n`, 'csv', 'dry_run=true');
		assert.ok(staff.json.errors.some(({ column, code }) => column === 'id_card' && code === 'masked_value'), staff.text);
	});

	test('of a number tells two of one name apart, and one row is not taken for the other', async () => {
		const two = await bureau.all(`/api/v1/elders?${filterOf({ '==': [{ var: 'name' }, '同名'] })}`);
		const file = (await exported('elders', 'csv', `fields=name,id_card,born_on,area,address&${only(...two)}`)).toString('utf8');
		const lines = file.split('\r\n');
		const { json, text } = await imported('elders', [lines[0], `${lines[1]}甲址`, `${lines[2]}乙址`, ''].join('\r\n'));
		assert.deepEqual([json.changed, json.rejected], [2, 0], text);
		const now = await Promise.all(two.map(async ({ id }) => (await bureau.get(`/api/v1/elders/${id}`)).json.address));
		assert.deepEqual(now, ['甲址', '乙址']);
		const twice = await imported('elders', [lines[0], lines[1], lines[1], ''].join('\r\n'), 'csv', 'dry_run=true');
		assert.deepEqual(twice.json.errors.map(({ code }) => code), ['twice_in_file']);
	});

	test('stars in what people wrote are theirs', async () => {
		const elder = await register(bureau, { name: '有星' });
		const { json, text } = await imported('elders', `name,born_on,area,health_note\n有星,${elder.born_on},${elder.area},**过敏**\n`);
		assert.deepEqual([json.changed, json.rejected], [1, 0], text);
	});
});
