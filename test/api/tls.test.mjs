// SPDX-License-Identifier: Apache-2.0
// tls.test.mjs - certificate and key must belong together: at start, and when they are read again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Server, cleanUp, demoStore, eventually, run, temporaryDirectory } from '../harness.mjs';

after(cleanUp);

const algorithms = { ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'], rsa: ['rsa:2048'], ed25519: ['ed25519'] };

/** Makes NAME.cert and NAME.key in the directory. */
function make(directory, name, algorithm = 'ec') {
	const [cert, key] = [join(directory, `${name}.cert`), join(directory, `${name}.key`)];
	execFileSync('openssl', ['req', '-x509', '-newkey', ...algorithms[algorithm], '-nodes', '-days', '2', '-subj', `/CN=${name}`,
		'-keyout', key, '-out', cert], { stdio: 'ignore' });
	return { cert, key };
}

/** The name in the certificate that a handshake brings. */
function nameSeen(server) {
	const { port } = new URL(server.url);
	return new Promise((resolve, reject) => {
		https.get({ host: '127.0.0.1', port, path: '/livez', rejectUnauthorized: false, agent: false }, (response) => {
			const { subject } = response.socket.getPeerCertificate();
			response.resume();
			response.on('end', () => resolve(subject.CN));
		}).on('error', reject);
	});
}

test('a key that belongs to another certificate is refused at start', async () => {
	const directory = temporaryDirectory();
	const store = await demoStore({ elders: 1 });
	const [one, two, old] = [make(directory, 'one'), make(directory, 'two'), make(directory, 'old', 'rsa')];
	for (const [cert, key] of [[one.cert, two.key], [one.cert, old.key], [old.cert, one.key]]) {
		const got = await run(['serve', '--store', store, '--listen', '127.0.0.1:0', '--tls-cert', cert, '--tls-key', key], { deadlineMs: 20000 });
		assert.equal(got.code, 2, got.stderr);
		assert.match(got.stderr, /does not belong/);
	}
});

for (const algorithm of Object.keys(algorithms))
	test(`read again with only one of two files new, the server goes on with what it has: ${algorithm}`, async () => {
		const directory = temporaryDirectory();
		const files = make(directory, 'first', algorithm), next = make(directory, 'second', algorithm);
		const server = await Server.start(await demoStore({ elders: 1 }), { args: ['--tls-cert', files.cert, '--tls-key', files.key] });
		assert.equal(await nameSeen(server), 'first');
		copyFileSync(next.cert, files.cert);
		server.child.kill('SIGHUP');
		await eventually(() => server.log.includes('does not belong'), 'a word about the key');
		assert.equal(await nameSeen(server), 'first');
		copyFileSync(next.key, files.key);
		server.child.kill('SIGHUP');
		await eventually(async () => (await nameSeen(server)) === 'second', 'the new certificate');
		assert.equal(await server.stop(), 0);
	});
