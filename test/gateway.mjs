// SPDX-License-Identifier: Apache-2.0
// gateway.mjs - a gateway that takes messages: an HTTPS server that keeps what came, and answers as it is told.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { atEnd, eventually, temporaryDirectory } from './harness.mjs';

/** A certificate for this machine, which is its own authority. */
export function certificate() {
	const directory = temporaryDirectory();
	const [cert, key] = [join(directory, 'gateway.cert'), join(directory, 'gateway.key')];
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-subj', '/CN=gateway', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
	return { cert, key };
}

export const newSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`;

export class Gateway {
	/** What came, in its order: { id, at, type, data, path }. */
	calls = [];
	/** Answers the request: (call, response). */
	answer = (call, response) => response.writeHead(204).end();
	secret = newSecret();

	static async start({ cert, key }, port = 0) {
		const gateway = new Gateway();
		gateway.server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => gateway.#take(request, response));
		gateway.server.on('connection', (socket) => socket.on('error', () => {}));
		await new Promise((resolve) => gateway.server.listen(port, '127.0.0.1', resolve));
		gateway.port = gateway.server.address().port;
		gateway.url = `https://127.0.0.1:${gateway.port}/take?from=songhe`;
		atEnd(() => {
			gateway.server.closeAllConnections();
			gateway.server.close();
		});
		return gateway;
	}

	#take(request, response) {
		const parts = [];
		request.on('error', () => {});
		response.on('error', () => {});
		request.on('data', (part) => parts.push(part));
		request.on('end', () => {
			const body = Buffer.concat(parts).toString('utf8'), { headers } = request;
			try {
				this.calls.push({ ...this.#verify(headers, body), path: request.url, method: request.method, agent: headers['user-agent'] });
			} catch (error) {
				this.wrong = error;
				response.writeHead(401).end();
				return;
			}
			this.answer(this.calls.at(-1), response);
		});
	}

	/* By ourselves, and by the reference implementation. */
	#verify(headers, body) {
		const id = headers['webhook-id'], at = Number(headers['webhook-timestamp']);
		const mac = createHmac('sha256', Buffer.from(this.secret.slice('whsec_'.length), 'base64')).update(`${id}.${at}.${body}`).digest('base64');
		assert.equal(headers['webhook-signature'], `v1,${mac}`);
		assert.equal(headers['webhook-signature'], new Webhook(this.secret).sign(id, new Date(at * 1000), body));
		assert.equal(headers['content-type'], 'application/json');
		const { type, timestamp, data, ...more } = JSON.parse(body);
		assert.deepEqual(more, {});
		return { id, at: at * 1000, type, timestamp, data, body };
	}

	/** Waits until that many calls have come. */
	async until(count, what = `${count} calls of the gateway`) {
		await eventually(() => this.calls.length >= count || this.wrong, what);
		assert.ifError(this.wrong);
		return this.calls.at(-1);
	}

	/** Which messages came, each once for each time. */
	get ids() {
		return this.calls.map(({ id }) => id);
	}
}
