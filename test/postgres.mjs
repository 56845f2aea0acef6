// SPDX-License-Identifier: Apache-2.0
// postgres.mjs - a PostgreSQL 15 of one's own: in a temporary directory, on a Unix socket only, gone at the end.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const bin = '/usr/lib/postgresql/15/bin';
const superuser = 'postgres';

// The server refuses to run as root, so it then runs as the user that the Debian package made. It ends with us, however
// we end: setpriv has the kernel send it SIGINT (fast shutdown).
function asServer(command, args) {
	const who = process.getuid() === 0 ? ['--reuid', superuser, '--regid', superuser, '--clear-groups'] : [];
	return ['setpriv', ['--pdeathsig', 'INT', ...who, command, ...args]];
}

function makeCluster(directory) {
	if (process.getuid() === 0) {
		const id = (what) => Number(execFileSync('id', [what, superuser], { encoding: 'utf8' }));
		chownSync(directory, id('-u'), id('-g'));
	}
	const [command, args] = asServer(join(bin, 'initdb'), ['--pgdata', join(directory, 'data'), '--username', superuser,
		'--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C.UTF-8', '--no-sync', '--no-instructions']);
	execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: directory });
}

async function untilReady(server, directory, log) {
	for (let tries = 0; tries < 600; tries++) {
		if (server.exitCode !== null || server.signalCode !== null)
			throw new Error(`PostgreSQL ended at its start:\n${readFileSync(log, 'utf8')}`);
		try {
			await run(join(bin, 'pg_isready'), ['--quiet', '--host', directory]);
			return;
		} catch {
			await pause(50);
		}
	}
	throw new Error(`PostgreSQL is not ready after 30 s:\n${readFileSync(log, 'utf8')}`);
}

/**
 * Starts a server of its own, with fsync on as in earnest.
 * options: parent (directory for its files, /var/tmp), settings (more settings, { name: value }).
 * Gives { url, directory, stop(), kill(), newDatabase(name, template), urlOf(name), sql(name, text) }:
 * `url` is the database `postgres`; newDatabase makes one and gives its URL; sql runs statements through psql and gives
 * what it prints (unaligned, no headers); stop() ends the server and removes its files; kill() ends it like a crash,
 * and leaves the files to restart().
 */
export async function startPostgres({ parent = '/var/tmp', settings = {} } = {}) {
	if (!existsSync(join(bin, 'postgres')))
		throw new Error(`no PostgreSQL 15 in ${bin} (Debian package postgresql-15)`);
	const directory = mkdtempSync(join(parent, 'songhe-pg-'));
	makeCluster(directory);
	const log = join(directory, 'server.log');
	let server;
	let ended;
	const start = async () => {
		const all = { listen_addresses: '', unix_socket_directories: directory, max_connections: 300, fsync: 'on',
			synchronous_commit: 'on', shared_buffers: '128MB', log_min_messages: 'warning', ...settings };
		const [command, args] = asServer(join(bin, 'postgres'), ['-D', join(directory, 'data'),
			...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]);
		// Into a file: a pipe that nobody empties, while the test waits for a program, would stop the server.
		const logFile = openSync(log, 'a');
		server = spawn(command, args, { stdio: ['ignore', 'ignore', logFile], cwd: directory });
		closeSync(logFile);
		ended = new Promise((resolve) => server.once('exit', resolve));
		await untilReady(server, directory, log);
	};
	const end = async (signal) => {
		if (server.exitCode === null && server.signalCode === null)
			server.kill(signal);
		await ended;
	};
	const urlOf = (name) => `postgresql:///${name}?host=${encodeURIComponent(directory)}&user=${superuser}`;
	const sql = async (name, text) => {
		const { stdout } = await run(join(bin, 'psql'),
			['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set', 'ON_ERROR_STOP=1', '--command', text,
				urlOf(name)], { maxBuffer: 1 << 28 });
		return stdout.trimEnd();
	};
	const stop = async () => {
		await end('SIGINT');
		rmSync(directory, { recursive: true, force: true });
	};
	try {
		await start();
	} catch (error) {
		await stop();
		throw error;
	}
	return {
		url: urlOf('postgres'),
		directory,
		urlOf,
		sql,
		stop,
		kill: () => end('SIGQUIT'),
		restart: start,
		async newDatabase(name, template = 'template0') {
			await sql('postgres', `CREATE DATABASE "${name}" TEMPLATE "${template}"`);
			return urlOf(name);
		},
	};
}
