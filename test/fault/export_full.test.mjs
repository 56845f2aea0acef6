// SPDX-License-Identifier: Apache-2.0
// export_full.test.mjs - no room for temporary files: a list is refused, never cut off, and leaves nothing behind.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { demoStore, run, temporaryDirectory } from '../harness.mjs';
import { cellsOf } from '../workbook.mjs';
import { cleanUp, kind, smallDisk } from './help.mjs';

after(cleanUp);

test(`a list and little room, on ${kind}`, async (t) => {
	const store = await demoStore({ elders: 3000 });
	const directory = temporaryDirectory(), little = smallDisk(8);
	if (!little) {
		t.diagnostic('mounting is not allowed here: nothing was looked at');
		return;
	}
	const exported = async (form, env) => {
		const out = join(directory, `list.${form}`);
		const got = await run(['export', 'elders', '--store', store, '--out', out], { env });
		return got.code === 0 ? readFileSync(out) : got;
	};
	const rowsOf = (bytes) => cellsOf(bytes).slice(1);
	const whole = rowsOf(await exported('xlsx'));
	assert.ok(whole.length > 3000);
	let refused = 0, fine = 0;
	/* Full while the rows come; while they are copied, and what is copied makes room for the rest; not at all. */
	for (const kilobytes of [256, 1500, 1900, 2100, 2300, 2600, 3000, 3500, 4000, 4400, 5000, 8000]) {
		execFileSync('mount', ['-o', `remount,size=${kilobytes}k`, little], { stdio: 'pipe' });
		const got = await exported('xlsx', { TMPDIR: little });
		if (Buffer.isBuffer(got)) {
			assert.deepEqual(rowsOf(got), whole, `${kilobytes} KB`);
			fine++;
		} else {
			assert.equal(got.code, 1, got.stderr);
			assert.match(got.stderr, /"code":"storage_full"/);
			refused++;
		}
		assert.deepEqual([readdirSync(little), readdirSync(directory).filter((name) => name.endsWith('.part'))], [[], []]);
	}
	assert.ok(refused >= 5 && fine >= 1, `${refused} refused, ${fine} written`);
	execFileSync('mount', ['-o', 'remount,size=256k', little], { stdio: 'pipe' });
	const csv = await exported('csv', { TMPDIR: little });
	assert.match(csv.stderr, /"code":"storage_full"/);
});
