// SPDX-License-Identifier: Apache-2.0
// workbook.mjs - what stands in a workbook: by its XML, and as LibreOffice sees it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { run, temporaryDirectory } from './harness.mjs';
import { packageOf } from './xlsx.mjs';

export const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** The parts of a package: { name: text }. */
export function partsOf(bytes) {
	const parts = {};
	let at = bytes.readUInt32LE(bytes.length - 22 + 16);
	for (let left = bytes.readUInt16LE(bytes.length - 22 + 10); left > 0; left--) {
		assert.equal(bytes.readUInt32LE(at), 0x02014b50, 'an entry of the directory');
		const [size, name, extra, comment] = [bytes.readUInt32LE(at + 20), ...[28, 30, 32].map((more) => bytes.readUInt16LE(at + more))];
		const local = bytes.readUInt32LE(at + 42);
		const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
		const packed = bytes.subarray(begin, begin + size);
		parts[bytes.toString('utf8', at + 46, at + 46 + name)] = (bytes.readUInt16LE(at + 10) ? inflateRawSync(packed) : packed).toString('utf8');
		at += 46 + name + extra + comment;
	}
	return parts;
}

const plain = (xml) => xml.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

/** The cells of the first sheet: rows of { kind: 'text' | 'number' | 'formula', value, format }, by column letters. */
export function cellsOf(bytes) {
	const parts = partsOf(bytes);
	const custom = Object.fromEntries([...parts['xl/styles.xml'].matchAll(/<numFmt numFmtId="(\d+)" formatCode="([^"]*)"/g)].map(([, id, code]) => [id, plain(code)]));
	const styles = [...parts['xl/styles.xml'].match(/<cellXfs.*?<\/cellXfs>/s)[0].matchAll(/<xf numFmtId="(\d+)"/g)].map(([, id]) => custom[id] ?? { 0: 'General', 2: '0.00', 49: '@' }[id] ?? id);
	const shared = [...(parts['xl/sharedStrings.xml'] ?? '').matchAll(/<si><t[^>]*>([^<]*)<\/t><\/si>/g)].map(([, text]) => plain(text));
	return [...parts['xl/worksheets/sheet1.xml'].matchAll(/<row [^>]*>(.*?)<\/row>/gs)].map(([, row]) => {
		const cells = {};
		for (const [, column, rest, inner] of row.matchAll(/<c r="([A-Z]+)\d+"([^>]*)>(.*?)<\/c>/gs)) {
			const text = inner.match(/<t[^>]*>([^<]*)<\/t>/)?.[1] ?? inner.match(/<v>([^<]*)<\/v>/)[1];
			const kind = inner.includes('<f>') ? 'formula' : /t="(inlineStr|s)"/.test(rest) ? 'text' : 'number';
			const style = Number(rest.match(/ s="(\d+)"/)?.[1] ?? 0);
			cells[column] = { kind, value: kind === 'number' ? Number(text) : / t="s"/.test(rest) ? shared[text] : plain(text), format: styles[style] };
		}
		return cells;
	});
}

/** The rows of RFC 4180 text, by ourselves. */
export function rowsOfCsv(text) {
	const rows = [];
	for (const [, quoted, bare, end] of text.replace(/^\ufeff/, '').matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n)/g)) {
		if (rows.length === 0 || rows.at(-1).whole)
			rows.push(Object.assign([], { whole: false }));
		rows.at(-1).push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
		rows.at(-1).whole = end !== ',';
	}
	return rows.map((row) => [...row]);
}

/** The first sheet as LibreOffice shows it, as rows of texts. */
export async function seenByLibreOffice(bytes) {
	const directory = temporaryDirectory();
	writeFileSync(join(directory, 'book.xlsx'), bytes);
	const got = await run([`-env:UserInstallation=file://${directory}/profile`, '--headless', '--convert-to', 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false',
		'--outdir', directory, join(directory, 'book.xlsx')], { bin: 'soffice', deadlineMs: 120000 });
	assert.equal(got.code, 0, got.stderr);
	return rowsOfCsv(readFileSync(join(directory, 'book.csv'), 'utf8'));
}

/** The workbook that LibreOffice makes of a table, taking what looks like numbers and dates for such. */
export async function savedByLibreOffice(csv) {
	const directory = temporaryDirectory();
	writeFileSync(join(directory, 'table.csv'), csv);
	const got = await run([`-env:UserInstallation=file://${directory}/profile`, '--headless', '--infilter=CSV:44,34,76,1', '--convert-to', 'xlsx',
		'--outdir', directory, join(directory, 'table.csv')], { bin: 'soffice', deadlineMs: 120000 });
	assert.equal(got.code, 0, got.stderr);
	return readFileSync(join(directory, 'table.xlsx'));
}

/** The same workbook with these rows of { column letters: text or number } behind those of its first sheet. */
export function filledIn(bytes, rows) {
	const parts = partsOf(bytes);
	const first = [...parts['xl/worksheets/sheet1.xml'].matchAll(/<row r="(\d+)"/g)].length + 1;
	const cell = (at, value) => (typeof value === 'number' ? `<c r="${at}"><v>${value}</v></c>` : `<c r="${at}" t="inlineStr"><is><t>${value}</t></is></c>`);
	const inOrder = ([a], [b]) => a.length - b.length || (a < b ? -1 : 1);
	const xml = rows.map((row, i) => `<row r="${first + i}">${Object.entries(row).sort(inOrder).map(([column, value]) => cell(`${column}${first + i}`, value)).join('')}</row>`).join('');
	parts['xl/worksheets/sheet1.xml'] = parts['xl/worksheets/sheet1.xml'].replace('</sheetData>', `${xml}</sheetData>`);
	return packageOf(parts);
}
