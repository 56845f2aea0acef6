// SPDX-License-Identifier: Apache-2.0
// files.test.mjs - fields of the type file: sent, named by a record, looked at, encrypted on disk, told by verify when they are gone.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { assertProblem, cleanUp, eventually, filterOf, onSqlite, openHouse, password, run, temporaryDirectory, usccOf } from '../harness.mjs';

let house, bureau, street1, directory, organization;

before(async () => {
	directory = join(temporaryDirectory(), 'files');
	house = await openHouse({ demo: { elders: 20 }, serve: { args: ['--files', directory] } });
	({ bureau, street1 } = house);
	organization = await make('370613001011');
});
after(cleanUp);

let made = 0;

async function make(area) {
	const got = await bureau.post('/api/v1/organizations', { name: `机构${++made}`, kind: 'catering', area, uscc: usccOf(made) });
	assert.equal(got.status, 201, got.text);
	return got.json;
}

const marked = '许可证内容，不可见于磁盘';
/** A PDF of about so many bytes, its text recognisable. */
const pdfOf = (bytes) => Buffer.concat([Buffer.from(`%PDF-1.4\n${marked}\n`), Buffer.alloc(bytes, 'abcdefghij'), Buffer.from('\n%%EOF\n')]);
const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), deflateSync(Buffer.from('一像素'))]);

const send = (client, bytes, { type = 'application/pdf', field = 'licence_scan', plural = 'organizations', ...options } = {}) =>
	client.request('POST', `/api/v1/${plural}/files?field=${field}`, { body: bytes, type, ...options });
const name = (client, record, number) => client.patch(`/api/v1/organizations/${record.id}`, { licence_scan: number }, record.version);
const look = (client, id) => client.get(`/api/v1/organizations/${id}/file?field=licence_scan`);
const now = async (id) => (await bureau.get(`/api/v1/organizations/${id}`)).json;
const onDisk = () => readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));

describe('a file', () => {
	test('is sent, named by a record, and comes back as it was, whatever its size', async () => {
		for (const bytes of [pdfOf(1), pdfOf(65536 - 60), pdfOf(65536), pdfOf(3 * 65536 + 17), pdfOf((10 << 20) - 200), png]) {
			const type = bytes === png ? 'image/png' : 'application/pdf';
			const sent = await send(bureau, bytes, { type });
			assert.equal(sent.status, 201, sent.text);
			assert.deepEqual([sent.json.type, sent.json.bytes], [type, bytes.length]);
			const record = await make('370613001011');
			const got = await name(bureau, record, sent.json.id);
			assert.deepEqual(got.json?.licence_scan, sent.json, got.text);
			const back = await look(bureau, record.id);
			assert.equal(back.status, 200, back.text);
			assert.ok(back.raw.equals(bytes), `${bytes.length} bytes`);
			assert.equal(back.headers['content-type'], type);
			assert.equal(back.headers['content-disposition'], `attachment; filename="songhe.${type.split('/')[1]}"; filename*=UTF-8''${encodeURIComponent(`许可证扫描件.${type.split('/')[1]}`)}`);
		}
	});

	test('lies encrypted under a name that tells nothing', async () => {
		const files = onDisk();
		assert.ok(files.length >= 6);
		for (const path of files) {
			assert.match(path.slice(directory.length), /^\/1\/([0-9a-f]{2})\/\1[0-9a-f]{30}$/);
			const bytes = readFileSync(path);
			assert.ok(!bytes.includes('%PDF') && !bytes.includes(marked) && !bytes.includes('abcdefghij'), path);
			assert.equal(statSync(path).mode & 0o777, 0o600);
		}
	});

	test('may be named when the record is made, replaced and taken away; its history stays', async () => {
		const [first, second] = [await send(bureau, pdfOf(10)), await send(bureau, pdfOf(20))];
		const created = await bureau.post('/api/v1/organizations', { name: `机构${++made}`, kind: 'catering', area: '370613001011', uscc: usccOf(made), licence_scan: first.json.id });
		assert.deepEqual(created.json.licence_scan, first.json, created.text);
		/* A client that writes back what it read changes nothing. */
		const same = await name(bureau, created.json, created.json.licence_scan);
		assert.equal(same.json.version, 1, same.text);
		assert.deepEqual((await name(bureau, created.json, second.json.id)).json.licence_scan, second.json);
		const gone = await name(bureau, await now(created.json.id), null);
		assert.equal(gone.json.licence_scan, null);
		assertProblem(await look(bureau, created.json.id), 404, 'not_found');
		const changes = await eventually(async () => {
			const { items } = (await bureau.get(`/api/v1/organizations/${created.json.id}/history`)).json;
			return items.length === 3 && items.map((item) => item.changes?.licence_scan);
		});
		assert.deepEqual(changes, [[second.json, null], [first.json, second.json], [null, first.json]]);
		const missing = await bureau.get(`/api/v1/organizations?${filterOf({ and: [{ '==': [{ var: 'id' }, created.json.id] }, { missing: { var: 'licence_scan' } }] })}`);
		assert.equal(missing.json.items.length, 1);
	});

	test('is looked at in the journal', async () => {
		const sent = await send(street1, pdfOf(30));
		await name(street1, organization, sent.json.id);
		assert.equal((await look(street1, organization.id)).status, 200);
		const line = await eventually(async () => (await bureau.get(`/api/v1/organizations/${organization.id}/history`)).json.items.find((item) => item.action === 'look'));
		assert.deepEqual([line.actor, line.changes], ['street1', { fields: ['licence_scan'] }]);
	});
});

describe('what is refused', () => {
	test('other kinds of files, empty, too large, for no field of files', async () => {
		assertProblem(await send(bureau, Buffer.from('MZ\x90\x00 a program')), 415, 'unsupported_media_type');
		assert.match(assertProblem(await send(bureau, png, { type: 'image/gif' }), 415, 'unsupported_media_type').detail, /image\/png/);
		assertProblem(await send(bureau, Buffer.from('<svg xmlns="x"/>'), { type: 'image/svg+xml' }), 415, 'unsupported_media_type');
		assertProblem(await send(bureau, Buffer.alloc(0)), 415, 'unsupported_media_type');
		assertProblem(await send(bureau, pdfOf(10 << 20)), 413, 'too_large');
		assertProblem(await send(bureau, pdfOf(10 << 20), { chunked: true }), 413, 'too_large');
		for (const field of ['name', 'nothing', ''])
			assertProblem(await send(bureau, pdfOf(1), { field }), 400, 'bad_request');
		assertProblem(await house.nobody.request('POST', '/api/v1/organizations/files?field=licence_scan', { body: pdfOf(1), type: 'application/pdf' }), 401, 'not_signed_in');
		assertProblem(await send(house.auditor, pdfOf(1)), 403, 'forbidden');
		assert.equal((await bureau.get(`/api/v1/organizations/${organization.id}/file?field=name`)).status, 400);
	});

	test('somebody else\'s file, one of another field, one that another record has', async () => {
		const fresh = async () => now((await make('370613001011')).id);
		const refused = async (client, number) => {
			const got = await name(client, await fresh(), number);
			assertProblem(got, 422, 'invalid', '/licence_scan');
		};
		const mine = (await send(bureau, pdfOf(1))).json.id;
		await refused(street1, mine);
		const person = await send(bureau, pdfOf(1), { plural: 'staff', field: 'certificate_scan' });
		assert.equal(person.status, 201, person.text);
		await refused(bureau, person.json.id);
		assert.equal((await name(bureau, await fresh(), mine)).status, 200);
		await refused(bureau, mine);
		for (const number of ['1', '', 'x', '9'.repeat(30), [], 5, { id: 5 }, {}, true])
			await refused(bureau, number);
	});

	test('a look by who sees the record not, or no file of it', async () => {
		const far = await make('370613002');
		assert.equal((await name(bureau, far, (await send(bureau, pdfOf(1))).json.id)).status, 200);
		assertProblem(await look(street1, far.id), 404, 'not_found');
		assert.equal((await look(street1, far.id)).text, (await look(street1, '1000000000000000001')).text.replace('1000000000000000001', far.id));
		assert.equal((await look(house.auditor, far.id)).status, 200);
	});

	test('more than fifty that no record names', async () => {
		const got = await house.admin.post('/api/v1/users', { user: 'sender', role: 'street', areas: ['370613001'], password });
		assert.equal(got.status, 201, got.text);
		const sender = await house.server.as('sender');
		const all = await Promise.all(Array.from({ length: 51 }, () => send(sender, png, { type: 'image/png' })));
		assert.deepEqual(all.map((each) => each.status).sort().slice(-2), [201, 429]);
		const late = assertProblem(all.find((each) => each.status === 429), 429, 'rate_limited');
		assert.ok(late.detail);
	});
});

describe('on disk', () => {
	const verify = async () => {
		const got = await run(['verify', '--store', house.store, '--files', directory, '--json']);
		return { ...JSON.parse(got.stdout), code: got.code };
	};
	const withFile = async (bytes) => {
		const before = new Set(onDisk());
		const sent = await send(bureau, bytes);
		const [path] = onDisk().filter((each) => !before.has(each));
		const record = await make('370613001011');
		assert.equal((await name(bureau, record, sent.json.id)).status, 200);
		return { path, id: record.id, number: sent.json.id };
	};

	test('an altered, shortened or exchanged file is never shown', async () => {
		const [one, two] = [await withFile(pdfOf(70000)), await withFile(pdfOf(70000))];
		const whole = readFileSync(one.path);
		const damaged = async (bytes, how) => {
			writeFileSync(one.path, bytes);
			const got = await look(bureau, one.id).catch((error) => ({ status: 0, text: error.message }));
			assert.notEqual(got.status, 200, how);
		};
		const altered = (at) => {
			const bytes = Buffer.from(whole);
			bytes[at] ^= 1;
			return bytes;
		};
		await damaged(altered(40), 'a byte of the first piece');
		await damaged(altered(whole.length - 1), 'a byte of the last piece');
		await damaged(whole.subarray(0, -1), 'cut');
		await damaged(readFileSync(two.path), 'another file');
		const pieces = [whole.subarray(0, whole.length / 2), whole.subarray(whole.length / 2)];
		await damaged(Buffer.concat([pieces[1], pieces[0]]), 'turned');
		writeFileSync(one.path, whole);
		assert.equal((await look(bureau, one.id)).status, 200);
	});

	/* Beside a SQLite file there is a place. */
	const told = onSqlite ? () => {} : test;
	told('verify says that it was not told where to look', async () => {
		const got = await run(['verify', '--store', house.store, '--json'], { env: { SONGHE_FILES: '' } });
		const said = JSON.parse(got.stdout);
		assert.ok(said.ok && said.files > 0 && said.files_looked_for === false, got.stdout);
	});

	test('verify tells of files that are missing or cut', async () => {
		const fine = await verify();
		assert.deepEqual([fine.ok, fine.code], [true, 0], JSON.stringify(fine));
		assert.ok(fine.files > 6);
		const one = await withFile(pdfOf(100));
		truncateSync(one.path, 50);
		const cut = await verify();
		assert.deepEqual([cut.ok, cut.code === 0], [false, false]);
		assert.ok(cut.what.includes(one.number) && cut.what.startsWith('1 of '), cut.what);
		unlinkSync(one.path);
		assert.ok((await verify()).what.startsWith('1 of '));
	});
});
