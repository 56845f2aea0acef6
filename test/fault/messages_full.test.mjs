// SPDX-License-Identifier: Apache-2.0
// messages_full.test.mjs - no room to write down that a message was sent: it is not sent again, and written down when there is room.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Server, eventually, released } from '../harness.mjs';
import { Gateway, certificate } from '../gateway.mjs';
import { cleanUp, faultyDisk, fileStore, onSqlite } from './help.mjs';

after(cleanUp);

test('a message that was sent while the disk was full was sent once', { skip: !onSqlite && 'the disk is that of a SQLite file' }, async () => {
	const disk = faultyDisk(), certificates = certificate(), gateway = await Gateway.start(certificates);
	const server = await Server.start(`sqlite:${await fileStore()}`, { env: disk.env, args: ['--gateway-ca', certificates.cert,
		'--gateway-allow', `127.0.0.1/32:${gateway.port}`], bin: released });
	const bureau = await server.as('bureau');
	assert.equal((await bureau.post('/api/v1/gateways', { channel: 'sms', url: gateway.url, secret: gateway.secret })).status, 201);
	let held;
	gateway.answer = (call, response) => (held = response);
	const got = await bureau.post('/api/v1/messages', { channel: 'sms', kind: 'visit.missed', text: '请回电', to_phone: '13800138000', area: '370613001011' });
	assert.equal(got.status, 201, got.text);
	await eventually(() => held, 'the gateway has it');
	disk.fail('write ENOSPC -wal');
	held.writeHead(204).end();
	await eventually(() => server.log.includes('the store does not take what became of it'), 'a word in the log');
	const read = async () => (await bureau.get(`/api/v1/messages/${got.json.id}`)).json;
	assert.equal((await read()).state, 'waiting');
	disk.mend();
	await eventually(async () => (await read()).state === 'sent', 'it is written down');
	assert.deepEqual([gateway.ids, (await read()).attempts], [[`msg_${got.json.id}`], 1]);
	assert.equal(await server.stop(), 0);
});
