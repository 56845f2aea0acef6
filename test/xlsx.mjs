// SPDX-License-Identifier: Apache-2.0
// xlsx.mjs - workbooks made by hand: the smallest that Excel would open, cell by cell as it writes them.
import { constants, deflateRawSync } from 'node:zlib';

const crcs = Int32Array.from({ length: 256 }, (_, n) => {
	for (let bit = 0; bit < 8; bit++)
		n = n & 1 ? (n >>> 1) ^ 0xEDB88320 : n >>> 1;
	return n;
});

function crc32(bytes, before = 0) {
	let crc = ~before;
	for (const byte of bytes)
		crc = crcs[(crc ^ byte) & 255] ^ (crc >>> 8);
	return ~crc >>> 0;
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);

/** What packageOf takes for a part that is too large for one text: its pieces, packed as they come. */
export function packedPart(pieces) {
	const packed = [];
	let crc = 0, size = 0;
	const deflate = (bytes, last) => deflateRawSync(bytes, { level: 1, finishFlush: last ? constants.Z_FINISH : constants.Z_FULL_FLUSH });
	for (const piece of pieces) {
		const bytes = Buffer.from(piece);
		crc = crc32(bytes, crc);
		size += bytes.length;
		packed.push(deflate(bytes, false));
	}
	return { crc, size, packed: Buffer.concat([...packed, deflate(Buffer.alloc(0), true)]) };
}

/** A package of these parts, as they are, or as packedPart gave them. */
export function packageOf(parts) {
	const files = [], directory = [];
	let at = 0;
	for (const [name, part] of Object.entries(parts)) {
		const plain = part.packed ? null : Buffer.from(part), bytes = part.packed ?? plain;
		const path = Buffer.from(name), head = Buffer.alloc(30), entry = Buffer.alloc(46);
		head.writeUInt32LE(0x04034b50, 0);
		head.writeUInt16LE(20, 4);
		head.writeUInt16LE(plain ? 0 : 8, 8);
		head.writeUInt32LE(plain ? crc32(plain) : part.crc, 14);
		head.writeUInt32LE(bytes.length, 18);
		head.writeUInt32LE(plain ? plain.length : part.size, 22);
		head.writeUInt16LE(path.length, 26);
		entry.writeUInt32LE(0x02014b50, 0);
		entry.writeUInt16LE(20, 6);
		head.copy(entry, 10, 8, 28);
		entry.writeUInt32LE(at, 42);
		files.push(head, path, bytes);
		directory.push(entry, path);
		at += 30 + path.length + bytes.length;
	}
	const all = Buffer.concat(directory), end = Buffer.alloc(22);
	end.writeUInt32LE(0x06054b50, 0);
	end.writeUInt16LE(directory.length / 2, 8);
	end.writeUInt16LE(directory.length / 2, 10);
	end.writeUInt32LE(all.length, 12);
	end.writeUInt32LE(at, 16);
	return Buffer.concat([...files, all, end]);
}

export const columnName = (index) => (index >= 26 ? columnName(Math.floor(index / 26) - 1) : '') + String.fromCharCode(65 + index % 26);

/** A text is a cell of text; a number one of a number; { date: serial } a number that is shown as a date. */
function cell(value, row, column) {
	const place = `${columnName(column)}${row}`;
	if (value === undefined || value === null || value === '')
		return '';
	if (typeof value === 'number')
		return `<c r="${place}"><v>${value}</v></c>`;
	if (typeof value === 'object')
		return `<c r="${place}" s="1"><v>${value.date}</v></c>`;
	return `<c r="${place}" t="inlineStr"><is><t xml:space="preserve">${escaped(value)}</t></is></c>`;
}

const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const row = (cells, at) => (cells.length ? `<row r="${at + 1}">${cells.map((value, column) => cell(value, at + 1, column)).join('')}</row>` : '');

/** One sheet of many rows, which rowAt(i) gives, as workbook takes it. */
export function manyRows(count, rowAt) {
	const pieceRows = 5000;
	return packedPart((function* pieces() {
		yield `<worksheet ${main}><sheetData>`;
		for (let at = 0; at < count; at += pieceRows)
			yield Array.from({ length: Math.min(pieceRows, count - at) }, (_, i) => row(rowAt(at + i), at + i)).join('');
		yield '</sheetData></worksheet>';
	})());
}

/** Sheets by name, each a list of rows, or manyRows; a row is a list of cells. */
export function workbook(sheets) {
	const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
	const names = Object.keys(sheets), packages = 'http://schemas.openxmlformats.org/package/2006';
	const sheet = (rows) => (rows.packed ? rows : `<worksheet ${main}><sheetData>${rows.map(row).join('')}</sheetData></worksheet>`);
	return packageOf({
		'[Content_Types].xml': `<Types xmlns="${packages}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`,
		'_rels/.rels': `<Relationships xmlns="${packages}/relationships"><Relationship Id="r1" Type="${relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		'xl/workbook.xml': `<workbook ${main} xmlns:r="${relations}"><sheets>${names.map((name, at) =>
			`<sheet name="${escaped(name)}" sheetId="${at + 1}" r:id="s${at + 1}"/>`).join('')}</sheets></workbook>`,
		'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${packages}/relationships">${names.map((_, at) =>
			`<Relationship Id="s${at + 1}" Type="${relations}/worksheet" Target="worksheets/sheet${at + 1}.xml"/>`).join('')}`
			+ `<Relationship Id="st" Type="${relations}/styles" Target="styles.xml"/></Relationships>`,
		'xl/styles.xml': `<styleSheet ${main}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`,
		...Object.fromEntries(names.map((name, at) => [`xl/worksheets/sheet${at + 1}.xml`, sheet(sheets[name])])),
	});
}
