// SPDX-License-Identifier: Apache-2.0
// template.test.mjs - an empty table with a column for each field: it says what belongs into it, and what was filled in is imported as it is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, newElder, openHouse, program } from '../harness.mjs';
import { described } from '../openapi.mjs';
import { cellsOf, filledIn, partsOf, rowsOfCsv, seenByLibreOffice, XLSX } from '../workbook.mjs';

let house, bureau, resources;

before(async () => {
	house = await openHouse({ demo: { elders: 20 } });
	({ bureau } = house);
	const declared = described(program, 'json');
	resources = declared.resources.filter(({ write }) => write);
	assert.ok(resources.length >= 6);
});
after(cleanUp);

async function template(path, as = 'xlsx') {
	const got = await bureau.get(`${path}/template?as=${as}`);
	assert.equal(got.status, 200, got.text);
	return got.raw;
}

const labelled = (resource) => resource.fields.filter(({ kept, type, name }) => !kept && type !== 'file' && name !== 'extra');
/** Letters of the column, from 0. */
const letters = (i) => (i >= 26 ? letters(Math.floor(i / 26) - 1) : '') + String.fromCharCode(65 + (i % 26));

describe('a template', () => {
	test('has a column for every field that people fill in, required ones with a star', async () => {
		for (const resource of resources) {
			const headers = labelled(resource).map(({ label, must }) => `${label}${must ? '*' : ''}`);
			const [row, ...more] = cellsOf(await template(resource.path));
			assert.deepEqual([Object.values(row).map(({ value }) => value), more], [headers, []]);
			assert.deepEqual(rowsOfCsv((await template(resource.path, 'csv')).toString('utf8')), [headers]);
		}
	});

	test('is understood by an import without a word, of every resource and in both forms', async () => {
		for (const resource of resources)
			for (const [as, type] of [['xlsx', XLSX], ['csv', 'text/csv']]) {
				const got = await bureau.post(`${resource.path}/import?dry_run=true`, await template(resource.path, as), { type });
				assert.equal(got.status, 200, got.text);
				assert.deepEqual(Object.values(got.json.columns), labelled(resource).map(({ name }) => name));
				assert.deepEqual([got.json.rows, got.json.unknown_columns], [0, []]);
			}
	});

	test('filled in, makes records', async () => {
		const elders = resources.find(({ name }) => name === 'elder');
		const at = Object.fromEntries(labelled(elders).map(({ name }, i) => [name, letters(i)]));
		const { name, id_card, area } = newElder({ name: '模板中人' });
		const row = { [at.name]: name, [at.id_card]: id_card, [at.area]: area, [at.phone]: '13812345678', [at.tags]: '独居、空巢', [at.health]: '良好' };
		const born = `${id_card.slice(6, 10)}-${id_card.slice(10, 12)}-${id_card.slice(12, 14)}`;
		row[at.born_on] = Math.round(Date.parse(born) / 86400000) + 25569;
		row[at.sex] = Number(id_card[16]) % 2 ? '男' : '女';
		const got = await bureau.post('/api/v1/elders/import', filledIn(await template('/api/v1/elders'), [row]), { type: XLSX });
		assert.deepEqual([got.json.created, got.json.errors, got.json.notes], [1, [], []], got.text);
		const [elder] = (await bureau.all('/api/v1/elders')).filter((each) => each.name === '模板中人');
		assert.deepEqual([elder.born_on, elder.area, elder.tags, elder.phone], [born, `${area}000`, ['living_alone', 'empty_nest'], '138****5678']);
	});

	test('keeps codes as text, and days as days', async () => {
		for (const resource of resources) {
			const parts = partsOf(await template(resource.path));
			const styles = [...parts['xl/styles.xml'].match(/<cellXfs.*?<\/cellXfs>/s)[0].matchAll(/<xf numFmtId="(\d+)"/g)].map(([, id]) => Number(id));
			const columns = [...parts['xl/worksheets/sheet1.xml'].matchAll(/<col [^>]*?(?: style="(\d+)")? customWidth/g)].map(([, style]) => styles[style ?? 0]);
			for (const [i, { type, name }] of labelled(resource).entries())
				assert.equal(columns[i], ['integer', 'money', 'decimal'].includes(type) ? 0 : type === 'date' ? 164 : 49, `${resource.name}.${name}`);
		}
	});

	test('offers the words of every dictionary, and says of every column what belongs into it', async () => {
		for (const resource of resources) {
			const parts = partsOf(await template(resource.path));
			const offered = [...parts['xl/worksheets/sheet1.xml'].matchAll(/<dataValidation type="list"([^>]*) sqref="([A-Z]+)2:[A-Z]+1048576"><formula1>'填写说明'!\$([A-Z]+)\$(\d+):\$[A-Z]+\$(\d+)/g)];
			const shared = [...parts['xl/sharedStrings.xml'].matchAll(/<si><t[^>]*>([^<]*)<\/t><\/si>/g)].map(([, text]) => text);
			const notes = Object.fromEntries([...parts['xl/worksheets/sheet2.xml'].matchAll(/<c r="([A-Z]+\d+)"[^>]*t="s"><v>(\d+)<\/v>/g)].map(([, cell, text]) => [cell, shared[text]]));
			const comments = [...parts['xl/comments1.xml'].matchAll(/<comment ref="[A-Z]+1".*?<t[^>]*>([^<]*)<\/t>/gs)].map(([, text]) => text);
			assert.equal(comments.length, labelled(resource).length);
			for (const [i, { words, must, type, label }] of labelled(resource).entries()) {
				assert.match(comments[i], must ? /^必填。[^]+例：/ : /^(?!必填)[^]+例：/);
				const note = letters(i + 1);
				assert.equal(notes[`${note}4`], label);
				assert.match(notes[`${note}7`] ?? '', /./, `an example of ${resource.name}.${label}`);
				const found = offered.find(([, , column]) => column === letters(i));
				assert.equal(Boolean(found), Boolean(words?.length), label);
				if (!found)
					continue;
				const [, rest, , column, from, to] = found;
				const listed = Array.from({ length: to - from + 1 }, (_, k) => notes[`${column}${Number(from) + k}`]);
				assert.deepEqual(listed, words.map(({ zh }) => zh));
				assert.equal(/showErrorMessage="1"/.test(rest), type === 'word', `${label}: several words are no mistake`);
			}
		}
	});

	test('its examples are nobody, also when somebody imports them', async () => {
		const bytes = await template('/api/v1/elders');
		const got = await bureau.post(`/api/v1/elders/import?dry_run=true&sheet=${encodeURIComponent('填写说明')}`, bytes, { type: XLSX });
		assert.equal(got.json.accepted, 0, got.text);
	});

	test('opens in LibreOffice', async () => {
		const [header] = await seenByLibreOffice(await template('/api/v1/elders'));
		assert.deepEqual(header.slice(0, 3), ['姓名*', '公民身份号码', '证件类型']);
	});

	test('is for those who may write', async () => {
		assertProblem(await house.auditor.get('/api/v1/elders/template'), 403, 'forbidden');
		assertProblem(await house.nobody.get('/api/v1/elders/template'), 401, 'not_signed_in');
		assertProblem(await bureau.get('/api/v1/elders/template?as=pdf'), 400, 'bad_request');
		const { headers } = await house.street1.get('/api/v1/elders/template');
		assert.equal(headers['content-type'], XLSX);
		assert.ok(headers['content-disposition'].endsWith(encodeURIComponent('老人-导入模板.xlsx')));
	});
});
