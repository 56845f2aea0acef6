// SPDX-License-Identifier: Apache-2.0
// bad_input.test.mjs - whatever comes in gets a coded answer, changes nothing, and leaves the server well.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { assertProblem, cleanUp, newElder, openHouse, rawExchange } from '../harness.mjs';

let house, bureau, count;
const MEGABYTE = 1 << 20;

async function howMany() {
	return (await bureau.get('/api/v1/elders?total=1&limit=1')).json.total;
}

before(async () => {
	house = await openHouse({ demo: { elders: 50 } });
	({ bureau } = house);
	count = await howMany();
});
afterEach(async () => {
	assert.equal(await howMany(), count, 'something was registered');
	assert.ok(house.server.running, house.server.log);
});
after(cleanUp);

const post = (body, options) => bureau.post('/api/v1/elders', body, options);

describe('bodies', () => {
	test('what is not JSON', async () => {
		const name = JSON.stringify(newElder());
		for (const body of ['{', '}', '{]', 'null x', '{"name":}', "{'name':'x'}", '{"name":"x",}', '// c\n{}', 'NaN', '\ufeff{}', `${name}${name}`, `${name} x`,
			'{"name":"\\ud800"}', '{"name":"\\x41"}', '{"name":"a\nb"}', '{"a":1e999}', '{"a":99999999999999999999999}', '{"a":01}', '{"a":+1}', '\u0000', '{}\u0000'])
			assertProblem(await post(body), 400, 'malformed_json');
	});

	test('JSON that is no object', async () => {
		for (const body of ['[]', '5', '"text"', 'null', 'true', '[{"name":"x"}]'])
			assertProblem(await post(body), 400, 'malformed_json');
	});

	test('no body, and an empty one', async () => {
		assertProblem(await bureau.request('POST', '/api/v1/elders'), 422, 'invalid', '/name');
		assertProblem(await post('{}'), 422, 'invalid', '/name');
		assertProblem(await post(''), 422, 'invalid', '/name');
	});

	test('the same key twice', async () => {
		const text = JSON.stringify(newElder());
		assertProblem(await post(`${text.slice(0, -1)},"name":"另一个"}`), 400, 'malformed_json');
		assertProblem(await post('{"position":{"lat":1,"lat":2,"lon":3}}'), 400, 'malformed_json');
		assertProblem(await post('{"name":"x","n\\u0061me":"y"}'), 400, 'malformed_json');
	});

	test('depth', async () => {
		for (const depth of [33, 1000, 100000]) {
			assertProblem(await post(`${'['.repeat(depth)}${']'.repeat(depth)}`), 400, 'malformed_json');
			assertProblem(await post(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`), 400, 'malformed_json');
			assertProblem(await post('['.repeat(depth)), 400, 'malformed_json');
		}
		assertProblem(await post({ name: '['.repeat(40), tags: [[[[[]]]]] }), 422, 'invalid', '/tags');
	});

	test('size: up to one megabyte is looked at, above it is 413', async () => {
		const filled = (bytes) => `{"name":"${'x'.repeat(bytes - 11)}"}`;
		assertProblem(await post(filled(MEGABYTE)), 422, 'invalid', '/name');
		assertProblem(await post(filled(MEGABYTE + 1)), 413, 'too_large');
		assertProblem(await post(filled(MEGABYTE + 1), { chunked: true }), 413, 'too_large');
		assertProblem(await post(filled(3 * MEGABYTE), { chunked: true }), 413, 'too_large');
		assertProblem(await bureau.patch('/api/v1/elders/1', filled(MEGABYTE + 1), 1), 413, 'too_large');
		assertProblem(await house.nobody.post('/api/v1/login', filled(MEGABYTE + 1)), 413, 'too_large');
		const login = { user: 'bureau', password: 'x' };
		const padded = (bytes) => JSON.stringify(login).padEnd(bytes);
		assertProblem(await house.nobody.post('/api/v1/login', padded(4096)), 401, 'wrong_credentials');
		assertProblem(await house.nobody.post('/api/v1/login', padded(4097)), 413, 'too_large');
		assertProblem(await house.nobody.post('/api/v1/login', padded(4097), { chunked: true }), 413, 'too_large');
		const wide = (fields) => `{${Array.from({ length: fields }, (_, i) => `"k${i}":${i}`).join()}}`;
		assertProblem(await post(wide(15000)), 422, 'invalid');
		assertProblem(await post(wide(60000)), 413, 'too_large');
		assertProblem(await post(`{"tags":[${'{},'.repeat(300000)}{}]}`), 413, 'too_large');
	});

	test('a length that is promised and too large is refused before it is sent', async () => {
		const got = await rawExchange(house.server.url, `POST /api/v1/elders HTTP/1.1\r\nHost: x\r\nCookie: ${bureau.cookie}\r\nExpect: 100-continue\r\n`
			+ 'Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n', { enough: (text) => text.includes('too_large') });
		assert.match(got, /^HTTP\/1\.1 413 /);
		const upload = await rawExchange(house.server.url, `POST /api/v1/elders/import HTTP/1.1\r\nHost: x\r\nCookie: ${bureau.cookie}\r\n`
			+ 'Content-Type: text/csv\r\nContent-Length: 536870913\r\n\r\n', { enough: (text) => text.includes('too_large') });
		assert.match(upload, /^HTTP\/1\.1 413 /);
	});

	test('a body is looked at only for somebody who may send it', async () => {
		const unknown = `songhe=${'A'.repeat(43)}`;
		for (const path of ['/api/v1/elders', '/api/v1/facilities', '/api/v1/users', '/api/v1/logout'])
			for (const body of ['{', `{"a":[${Array(300000).fill('{}').join()}]}`]) {
				assertProblem(await house.nobody.post(path, body), 401, 'not_signed_in');
				assertProblem(await house.nobody.post(path, body, { cookie: unknown }), 401, 'not_signed_in');
			}
		assertProblem(await house.auditor.post('/api/v1/elders', '{'), 403, 'forbidden');
		assertProblem(await house.auditor.patch('/api/v1/elders/1', '{', 1), 403, 'forbidden');
		assertProblem(await bureau.post('/api/v1/users', '{'), 403, 'forbidden');
		assertProblem(await house.admin.post('/api/v1/users', '{'), 400, 'malformed_json');
		assertProblem(await house.nobody.post('/api/v1/login', '{'), 400, 'malformed_json');
	});

	test('NUL and other characters that are none', async () => {
		assertProblem(await post('{"name":"a\\u0000b"}'), 400, 'malformed_json');
		assertProblem(await post('{"a\\u0000b":"x"}'), 400, 'malformed_json');
		assertProblem(await post(Buffer.from('{"name":"a\0b"}')), 400, 'malformed_json');
		for (const bytes of [[0xff, 0xfe], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe4, 0xb8], [0x80]])
			assertProblem(await post(Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from('"}')])), 400, 'malformed_json');
		assertProblem(await post(Buffer.from('{"name":"x"}', 'utf16le')), 400, 'malformed_json');
	});

	test('another content type or charset', async () => {
		const body = JSON.stringify(newElder());
		for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/csv', 'application/jsonx', 'application/json; charset=gbk',
			'application/json; charset="gbk"', 'application/json; charset=', 'application/json; charset', 'application/json; charset="utf-8', 'application/json; charset=utf-8x',
			'application/json; x=y; CHARSET=gb18030', 'application/json; charset=utf-8; charset=gbk', 'application/json; x="\\"; charset=utf-8"; charset=gbk',
			'application/json charset=utf-8', ';charset=utf-8', 'x'.repeat(1000), 'application/xml', ''])
			assertProblem(await post(body, { type }), 415, 'unsupported_media_type');
		assertProblem(await post(body, { type: null }), 415, 'unsupported_media_type');
		assertProblem(await house.nobody.post('/api/v1/login', 'user=bureau&password=x', { type: 'application/x-www-form-urlencoded' }), 415, 'unsupported_media_type');
		for (const type of ['application/json;charset=UTF-8', 'APPLICATION/JSON', 'application/json ; charset=utf-8', 'application/json; charset="utf-8"', 'application/json; charset="UTF-8";',
			'application/json;', 'application/json;;', 'application/json; charset=utf-8; x=y', 'application/json; x=y; Charset=Utf-8', 'application/json; x="; charset=gbk"',
			'application/json; x="\\"; charset=gbk"', 'application/merge-patch+json; charset=utf-8'])
			assertProblem(await post('{}', { type }), 422, 'invalid');
		for (const type of ['text/csv; header=present; charset=UTF-8', 'text/csv; charset="utf-8"; header=absent', 'TEXT/CSV;'])
			assertProblem(await bureau.post('/api/v1/elders/import', 'nothing of ours\n', { type }), 422, 'invalid');
		for (const type of ['text/csv; header=present; charset=gbk', 'text/plain', 'application/json'])
			assertProblem(await bureau.post('/api/v1/elders/import', 'nothing of ours\n', { type }), 415, 'unsupported_media_type');
	});
});

describe('another site', () => {
	test('may not make a browser change anything', async () => {
		const { host } = new URL(house.server.url);
		for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }, { Origin: 'https://evil.example' }, { Origin: 'null' },
			{ Origin: `http://${host}.evil.example` }, { Origin: 'http://127.0.0.1:1' }]) {
			assertProblem(await post(newElder(), { headers }), 403, 'cross_site');
			assertProblem(await house.nobody.post('/api/v1/login', { user: 'bureau', password: 'x' }, { headers }), 403, 'cross_site');
			assertProblem(await bureau.patch('/api/v1/elders/1', {}, 1, { headers }), 403, 'cross_site');
			assertProblem(await bureau.end('/api/v1/elders/1', 1, { headers }), 403, 'cross_site');
			assertProblem(await bureau.post('/api/v1/logout', undefined, { headers }), 403, 'cross_site');
			assert.equal((await bureau.get('/api/v1/me', { headers })).status, 200, 'reading is harmless: the answer cannot be seen');
		}
		for (const headers of [{ 'Sec-Fetch-Site': 'same-origin', Origin: house.server.url }, { 'Sec-Fetch-Site': 'none' }])
			assertProblem(await post({}, { headers }), 422, 'invalid');
	});
});

describe('addresses and methods', () => {
	test('what does not exist is 404', async () => {
		for (const path of ['/api', '/api/v1', '/api/v1/', '/api/v2/elders', '/api/v1/elder', '/api/v1/elders/', '/api/v1/elders/x', '/api/v1/elders/0', '/api/v1/elders/-1',
			'/api/v1/elders/01', '/api/v1/elders/1/2', '/api/v1/elders/99999999999999999999', '/api/v1/elders/1%20', '/api/v1/elders/%31%2f', '/API/V1/ELDERS', '/etc/passwd',
			'/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/api/v1/elders/../elders', '/api/v1//elders', '/api/v1/elders;x', "/api/v1/elders/1'--", '/favicon.ico', '/.git/config'])
			assertProblem(await bureau.get(path), 404, 'not_found');
	});

	test('a NUL in the address does not cut it short', async () => {
		const path = `/api/v1/elders/${(await bureau.get('/api/v1/elders?limit=1')).json.items[0].id}`;
		for (const odd of [`${path}%00`, `${path}%00x`, '/livez%00', '/api/v1/elders%00/1', '/api/v1/me%00.json']) {
			const got = await bureau.get(odd);
			assert.ok([400, 404].includes(got.status), `${odd}: ${got.status}`);
		}
	});

	test('a method that an address does not have is 405 and says which it has', async () => {
		for (const [method, path, allowed] of [['PUT', '/api/v1/elders', 'GET, HEAD, POST'], ['DELETE', '/api/v1/elders', 'GET, HEAD, POST'], ['PATCH', '/api/v1/elders', 'GET, HEAD, POST'],
			['POST', '/api/v1/elders/1', 'GET, HEAD, PATCH, DELETE'], ['GET', '/api/v1/login', 'POST'], ['HEAD', '/api/v1/login', 'POST'], ['POST', '/api/v1/me', 'GET, HEAD'],
			['POST', '/api/v1/events', 'GET, HEAD'], ['POST', '/livez', 'GET, HEAD'], ['DELETE', '/api/v1/users/1', 'GET, HEAD, PATCH'], ['OPTIONS', '/api/v1/elders', 'GET, HEAD, POST']]) {
			const got = await bureau.request(method, path);
			if (method !== 'HEAD')
				assertProblem(got, 405, 'method_not_allowed');
			assert.equal(got.status, 405);
			assert.equal(got.headers.allow, allowed, `${method} ${path}`);
		}
	});

	test('an address in absolute form, as a proxy asks for it', async () => {
		const { host } = new URL(house.server.url);
		const person = JSON.stringify((await bureau.get('/api/v1/me')).json);
		const asked = async (target, more = '', line = `GET ${target} HTTP/1.1`) => {
			const got = await rawExchange(house.server.url, `${line}\r\nHost: ${host}\r\nCookie: ${bureau.cookie}\r\n${more}Connection: close\r\n\r\n`);
			return [Number(got.slice(9, 12)), got];
		};
		for (const target of [`http://${host}/api/v1/me`, `HTTP://${host}/api/v1/me`, 'https://elsewhere.example/api/v1/me', `http://${host}/api/v1/me?a=b`]) {
			const [status, got] = await asked(target);
			assert.equal(status, 200, target);
			assert.ok(got.endsWith(Buffer.from(person).toString('latin1')), target);
		}
		for (const [target, expected] of [[`http://${host}`, 200], [`http://${host}?a=b`, 200], [`http://${host}/`, 200], [`http://${host}/nothing`, 404], ['http:///api/v1/me', 400], ['http://', 400],
			['http://somebody@x/api/v1/me', 400], ['ftp://x/api/v1/me', 404], ['x/api/v1/me', 404], ['http:/api/v1/me', 404], [`//${host}/api/v1/me`, 404]])
			assert.equal((await asked(target))[0], expected, target);
		/* The host of the address counts, not the one of the header. */
		const post = (target, origin) => asked(target, `Origin: ${origin}\r\nContent-Length: 0\r\n`, `POST ${target} HTTP/1.1`);
		assert.equal((await post('http://a.example/api/v1/elders', 'http://a.example'))[0], 422);
		assert.equal((await post('http://a.example/api/v1/elders', `http://${host}`))[0], 403);
		assert.equal((await post('/api/v1/elders', `http://${host}`))[0], 422);
	});

	test('nobody is told to send a body that will be refused', async () => {
		const json = 'Content-Type: application/json\r\n';
		const mine = `Cookie: ${bureau.cookie}\r\n`;
		const asked = (line, more) => rawExchange(house.server.url, `${line} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n${more}\r\n`,
			{ enough: (text) => text.startsWith('HTTP/1.1 100') });
		for (const [line, more, status] of [['POST /api/v1/elders', json, 401], ['POST /api/v1/elders', `Cookie: songhe=${'A'.repeat(43)}\r\n${json}`, 401],
			['POST /api/v1/users', mine + json, 403], ['POST /api/v1/elders', mine, 415], ['POST /api/v1/nothing', mine + json, 404], ['PUT /api/v1/elders', mine + json, 405],
			['POST /api/v1/elders/import', 'Content-Type: text/csv\r\n', 401], ['POST /api/v1/elders', `${mine}${json}Origin: http://evil.example\r\n`, 403]]) {
			const got = await asked(line, more);
			assert.match(got, new RegExp(`^HTTP/1\\.1 ${status} `), `${line} ${more}`);
			assert.match(got, /^Connection: close\r$/im);
		}
		const large = await rawExchange(house.server.url, `POST /api/v1/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4097\r\n${json}\r\n`);
		assert.match(large, /^HTTP\/1\.1 413 /);
		for (const [line, more] of [['POST /api/v1/elders', mine + json], ['POST /api/v1/login', json], ['POST /api/v1/elders/import', `${mine}Content-Type: text/csv\r\n`]])
			assert.match(await asked(line, more), /^HTTP\/1\.1 100 Continue/, line);
		const whole = await rawExchange(house.server.url, `POST /api/v1/elders HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n${mine}${json}Connection: close\r\n\r\n{}`);
		assert.match(whole, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 422 /);
	});

	test('a long address is 414', async () => {
		assertProblem(await bureau.get(`/api/v1/${'x'.repeat(3000)}`), 414, 'uri_too_long');
		assert.match(await rawExchange(house.server.url, `GET /${'x'.repeat(100000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 414 /);
	});

	test('odd query strings', async () => {
		for (const query of ['filter=%00', 'sort=%ff%fe', 'filter=%c0%80', 'cursor=%00', 'limit=%00', 'sort=id%2', 'sort=%zz', Array(20).fill('a=b').join('&'), 'limit=5%00'])
			assert.equal((await bureau.get(`/api/v1/elders?${query}`)).status, 400, query);
		for (const query of ['', '&', '=', 'a', 'a=', '=b', 'unknown=1', '&&&&', 'limit=1&limit=2', '?', '#'])
			assert.equal((await bureau.get(`/api/v1/elders?${query}`)).status, 200, query);
	});

	test('very many query parameters get an answer', async () => {
		const got = await rawExchange(house.server.url, `GET /api/v1/elders?${'a=b&'.repeat(500)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, { deadlineMs: 10000 });
		assert.match(got, /^HTTP\/1\.1 4\d\d /);
	});
});

describe('headers, over a bare socket', () => {
	const head = (more, line = 'GET /livez HTTP/1.1') => `${line}\r\nHost: x\r\n${more}Connection: close\r\n\r\n`;
	const login = 'POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
	/* What comes after a body that two readers may measure differently must not be taken for a request of its own. */
	const second = 'GET /api/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

	async function statusOf(bytes) {
		const got = await rawExchange(house.server.url, bytes, { deadlineMs: 10000 });
		return got === '' ? 'closed' : got.slice(9, 12);
	}

	for (const [what, expected, bytes] of [
		['no Host', ['400'], 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'],
		['an unknown version', ['400', '505'], head('', 'GET /livez HTTP/9.9')],
		['no HTTP at all', ['400', 'closed'], '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n'],
		['a header without a colon', ['400'], head('NoColon\r\n')],
		['one huge header', ['431', '400'], head(`X-A: ${'a'.repeat(100000)}\r\n`)],
		['thousands of headers', ['431', '400'], head(Array.from({ length: 3000 }, (_, i) => `X-${i}: a\r\n`).join(''))],
		['a negative length', ['400'], `${login}Content-Length: -2\r\n\r\n{}`],
		['a length with a sign', ['400'], `${login}Content-Length: +2\r\n\r\n{}`],
		['a length that is a word', ['400'], `${login}Content-Length: two\r\n\r\n{}`],
		['a length beyond all numbers', ['400', '413'], `${login}Content-Length: 99999999999999999999999\r\n\r\n{}`],
		['two hosts', ['400'], head('Host: x\r\n')],
		['no name', ['400'], head(': x\r\n')],
		['no name and no value', ['400'], head(':\r\n')],
		['no name in the first header', ['400'], `GET /livez HTTP/1.0\r\n: x\r\n\r\n`],
		['values that are empty, and blanks behind one', ['200'], 'GET /livez HTTP/1.1\r\nHost: x\r\nX-A:\r\nConnection: close\r\nX-B: \t \r\n\r\n'],
		['lines that end with a bare line feed', ['200'], 'GET /livez HTTP/1.1\nHost: x\nConnection: close\nX-A:\n\n'],
		['a name with a blank in it', ['400'], head('X A: x\r\n')],
		['a name with a byte above ASCII', ['400'], Buffer.from(head('X-\xe9: x\r\n'), 'latin1')],
		['a first header that begins with a blank', ['400'], 'GET /livez HTTP/1.1\r\n Host: x\r\nHost: x\r\nConnection: close\r\n\r\n'],
		['every character that a name may have', ['200'], head("!#$%&'*+-.^_`|~aZ09: x\r\n")],
		['two lengths', ['400'], `${login}Content-Length: 2\r\nContent-Length: 30\r\nConnection: close\r\n\r\n{}`],
		['a chunk without a size', ['400'], `${login}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
		['a transfer encoding that is unknown', ['400', '501'], `${login}Transfer-Encoding: xchunked\r\nConnection: close\r\n\r\n0\r\n\r\n`],
		['CONNECT', ['400', '404', '405'], head('', 'CONNECT x:1 HTTP/1.1')],
		['TRACE', ['405'], head('', 'TRACE /livez HTTP/1.1')],
		['an invented method', ['405', '501'], head('', 'FROBNICATE /livez HTTP/1.1')],
		['a cookie that never ends', ['200', '400', '431'], head(`Cookie: songhe="${'a'.repeat(200)}\r\n`)],
	])
		test(what, async () => {
			const status = await statusOf(bytes);
			assert.ok(expected.includes(status), `${status} is none of ${expected.join(', ')}`);
		});

	test('a length beside chunks is refused, or ends the connection', async () => {
		const got = await rawExchange(house.server.url, `${login}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`, { deadlineMs: 10000 });
		assert.equal(got.match(/HTTP\/1\.1 \d\d\d /g).length, 1, got.match(/HTTP\/1\.1 \d\d\d /g).join());
	});

	for (const [what, header, body] of [
		['a length', 'Content-Length :', second.length],
		['a length behind a tab', 'Content-Length\t:', second.length],
		['a length on two lines', 'Content-Length: 2\r\n', ` ${second.length}`],
		['a length on the next line', 'Content-Length:\r\n', ` ${second.length}`],
		['a header without a name', '', ': x'],
		['chunks', 'Transfer-Encoding :', ' chunked'],
		['chunks on the next line', 'Transfer-Encoding:\r\n', '\tchunked'],
	])
		test(`${what} that only somebody before us understands hides no request`, async () => {
			const got = await rawExchange(house.server.url, `${login}${header}${body}\r\n\r\n${second}`, { deadlineMs: 10000 });
			assert.match(got, /^HTTP\/1\.1 400 /);
			assert.match(got, /^Connection: close\r$/im);
			assert.equal(got.match(/HTTP\/1\.1 \d\d\d /g).length, 1, got);
		});

	test('bytes above ASCII in a key', async () => {
		const body = '{"name":"x"}';
		const got = await rawExchange(house.server.url, Buffer.from(`POST /api/v1/elders HTTP/1.1\r\nHost: x\r\nCookie: ${bureau.cookie}\r\nIdempotency-Key: \xff\xfe\r\n`
			+ `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`, 'latin1'));
		assert.match(got, /^HTTP\/1\.1 4(00|22) /);
	});

	test('a key that is not UTF-8 never fails the server', async () => {
		const body = Buffer.from(JSON.stringify(newElder()));
		const got = await rawExchange(house.server.url, Buffer.concat([Buffer.from(`POST /api/v1/elders HTTP/1.1\r\nHost: x\r\nCookie: ${bureau.cookie}\r\n`
			+ `Idempotency-Key: \xff\xfe\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`, 'latin1'), body]));
		count = await howMany();
		assert.match(got, /^HTTP\/1\.1 (201|400) /);
	});

	test('requests in one packet are answered in order', async () => {
		const got = await rawExchange(house.server.url, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
		assert.deepEqual(got.match(/HTTP\/1\.1 (\d\d\d)/g).map((line) => line.slice(9)), ['200', '404', '200']);
	});

	test('a client that leaves half-way changes nothing and holds nobody up', async () => {
		const body = JSON.stringify(newElder());
		const begin = `POST /api/v1/elders HTTP/1.1\r\nHost: x\r\nCookie: ${bureau.cookie}\r\nContent-Type: application/json\r\nContent-Length: ${body.length + 5}\r\n\r\n`;
		const { connect } = await import('node:net');
		const { port } = new URL(house.server.url);
		await Promise.all(Array.from({ length: 20 }, () => new Promise((resolve) => {
			const socket = connect(Number(port), '127.0.0.1', () => socket.write(begin + body, () => {
				socket.destroy();
				resolve();
			}));
		})));
		assert.equal((await bureau.get('/api/v1/me')).status, 200);
	});
});

describe('every answer', () => {
	test('carries the headers that keep a browser safe', async () => {
		for (const got of [await bureau.get('/api/v1/elders?limit=1'), await house.nobody.get('/api/v1/me'), await bureau.get('/nothing')]) {
			assert.equal(got.headers['x-content-type-options'], 'nosniff');
			assert.equal(got.headers['cache-control'], 'no-store');
			assert.match(got.headers['content-security-policy'], /default-src 'none'/);
		}
	});

	test('refusals tell nothing of the inside', async () => {
		for (const got of [await post('{'), await post({ x: 1 }), await bureau.get('/api/v1/elders/1'), await bureau.get('/api/v1/elders?filter=x')])
			assert.ok(!/sqlite|postgres|select |insert |\.c:|0x[0-9a-f]{6}/i.test(got.text), got.text);
	});
});
