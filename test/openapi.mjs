// SPDX-License-Identifier: Apache-2.0
// openapi.mjs - the API as it describes itself, and answers held against it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import Ajv from 'ajv/dist/2020.js';

const escape = (name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

/** What the program says of itself: `schema --as FORM`. */
export function described(program, form, more = []) {
	const text = execFileSync(program, ['schema', '--as', form, ...more], { maxBuffer: 1 << 28 }).toString();
	return form === 'json' || form === 'openapi' ? JSON.parse(text) : text;
}

export class Description {
	constructor(document) {
		this.document = document;
		this.ajv = new Ajv({ strict: false, allErrors: true });
		this.ajv.addFormat('date', /^\d{4}-\d\d-\d\d$/);
		this.ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
		this.ajv.addSchema(document, 'api');
		this.paths = Object.keys(document.paths)
			.map((path) => ({ path, fits: new RegExp(`^${path.replaceAll('.', '\\.').replace('{id}', '[^/]+')}$`) }))
			.sort((a, b) => a.path.includes('{') - b.path.includes('{'));
	}

	/** Every operation: { id, method, path, ...as it is described }. */
	get operations() {
		return Object.entries(this.document.paths).flatMap(([path, methods]) => Object.entries(methods)
			.map(([method, said]) => ({ ...said, id: said.operationId, method: method.toUpperCase(), path })));
	}

	resolve(node) {
		return node?.$ref?.startsWith('#/') ? node.$ref.slice(2).split('/').reduce((at, key) => at[key], this.document) : node;
	}

	/** What is wrong with the value, by the schema at the JSON pointer (an array of keys); null when nothing is. */
	wrong(pointer, value) {
		const $ref = `api#/${pointer.map(escape).join('/')}`;
		const validate = this.ajv.getSchema($ref) ?? this.ajv.compile({ $ref });
		return validate(value) ? null : this.ajv.errorsText(validate.errors, { separator: '\n' });
	}

	/** Fails where an answer is none that is described. Of what no route exists for, only refusals are. */
	hold(method, target, got) {
		const path = target.split('?')[0];
		const template = this.paths.find(({ fits }) => fits.test(path))?.path;
		const verb = (method === 'HEAD' ? 'GET' : method).toLowerCase();
		const said = this.document.paths[template]?.[verb];
		const where = `${method} ${path} ${got.status}`;
		if (!said)
			return assert.ok(got.status >= 400, `${where}: a route that is not described`);
		const answer = this.resolve(said.responses[got.status]);
		assert.ok(answer, `${where}: this status is not described, but ${Object.keys(said.responses).join(' ')}\n${got.text}`);
		for (const [name, header] of Object.entries(answer.headers ?? {}))
			this.holdHeader(where, name, this.resolve(header), got.headers[name.toLowerCase()]);
		const [type] = (got.headers['content-type'] ?? '').split(';');
		if (!answer.content || got.text === '')
			return assert.equal(got.text, '', `${where}: a body that is not described`);
		assert.ok(answer.content[type], `${where}: ${type} is not described`);
		if (got.json === undefined)
			return undefined;
		const pointer = ['paths', template, verb, 'responses', String(got.status), 'content', type, 'schema'];
		assert.equal(this.wrong(pointer, got.json), null, `${where}: ${got.text.slice(0, 2000)}`);
		return undefined;
	}

	holdHeader(where, name, header, value) {
		assert.ok(value !== undefined || !header.required, `${where}: there is no ${name}`);
		if (value !== undefined && header.schema.pattern)
			assert.match(String(value), new RegExp(header.schema.pattern), `${where}: ${name}`);
	}
}
