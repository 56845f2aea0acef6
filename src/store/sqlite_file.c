/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_file.c - one SQLite file: who holds it, its readers, and the one thread that writes and checkpoints.
 *
 * SQLite 3.40 has a corruption bug in WAL mode that needs two connections which write or checkpoint at the same
 * moment (sqlite.org/wal.html#walresetbug). Here one connection does both, and a second process is kept out by a lock. */
#include "store/sqlite.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ALONE_AFTER_MS = 1000, /* who wrote a moment ago will write again, and would wait for a long transaction's commit too */
	WRITER_CACHE_KB = 16 * 1024,
	READER_CACHE_KB = 2 * 1024, /* beside the mapped file */
	CHECKPOINT_PAGES = 2000, /* 8 MB: a checkpoint of that takes a few milliseconds */
	PAGE_BYTES = 4096,
	RESERVE_BYTES = 64 << 20,
	RESERVE_RETRY_MS = 60000,
	RESET_AGAIN_MS = 1000,
	EXIT_IO = 74
};

struct queue {
	struct job *first, **end;
};

struct lite_file {
	struct store *store;
	int lock_fd;
	struct lite_db *writer;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the queues */
	pthread_cond_t work;
	struct queue queues[LANE_COUNT];
	unsigned waiting;
	int64_t people_ms; /* when somebody last wrote who waits for it: not in the bulk lane; steady */
	bool stopping, reserve_spent;
	int64_t reserve_try_ms; /* steady: when the spent reserve is tried again */
	int wal_pages; /* as of the last commit; the writer's alone */
	int64_t reset_again_ms; /* steady: before that it is not tried to reset the WAL, as a reader elsewhere was in the way */
	pthread_mutex_t readers_lock;
	pthread_cond_t readers_change;
	struct lite_db *free_readers;
	unsigned readers_active;
	_Atomic uint64_t commits; /* a reader's snapshot is good for as long as this stands */
	bool readers_held; /* the writer wants the WAL to itself for a moment */
};

static struct command *command_of(struct job *job)
{
	return (struct command *)(void *)((char *)job - offsetof(struct command, job));
}

static char *beside(const struct store *store, const char *suffix)
{
	char *name = sqlite3_mprintf("%s%s", store->path, suffix);
	if (!name)
		abort();
	return name;
}

/* ---- the disk ---- */

static void give_up(const char *what)
{
	log_error("store: %s failed (%s): nothing more is acknowledged; the program ends. Check the disk, then start again.",
	          what, strerror(errno));
	_exit(EXIT_IO);
}

/* After a failed write or fsync the kernel may have dropped dirty pages: a start needs proof that the disk works. */
static bool disk_works(struct store *store)
{
	char *name = beside(store, ".probe");
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	bool works = fd >= 0 && write(fd, "songhe", 6) == 6 && fsync(fd) == 0;
	if (!works && errno == ENOSPC)
		works = true; /* a full disk still reads */
	if (!works)
		log_error("store: writing beside the file failed: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(name);
	sqlite3_free(name);
	return works;
}

/* Room kept for alarms when the disk is full. */
static void keep_reserve(struct lite_file *file)
{
	char *name = beside(file->store, ".reserve");
	int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	struct stat now;
	if (fd < 0 || (fstat(fd, &now) == 0 && now.st_blocks * 512 < RESERVE_BYTES && posix_fallocate(fd, 0, RESERVE_BYTES) != 0)) {
		log_warn("store: no room for the 64 MB reserve; alarms have none when the disk is full");
		unlink(name);
		file->reserve_spent = true;
		file->reserve_try_ms = clock_steady_ms() + RESERVE_RETRY_MS;
	} else {
		file->reserve_spent = false;
	}
	if (fd >= 0)
		close(fd);
	sqlite3_free(name);
}

static bool spend_reserve(struct lite_file *file)
{
	if (file->reserve_spent)
		return false;
	char *name = beside(file->store, ".reserve");
	file->reserve_spent = true;
	log_error("store: the disk is full; the reserve is released for alarms. Make room on the disk now.");
	bool released = unlink(name) == 0;
	sqlite3_free(name);
	return released;
}

/* Lock, socket and WAL belong to a name: a file with two names could be served twice. */
static bool has_one_name(const char *path)
{
	struct stat now;
	if (stat(path, &now) != 0)
		return true; /* it will be made, or its absence be told */
	if (S_ISREG(now.st_mode) && now.st_nlink == 1)
		return true;
	log_error("store: it must be an ordinary file with one name only (no hard links)");
	return false;
}

static enum store_open_result hold_file(struct lite_file *file)
{
	if (!has_one_name(file->store->path))
		return STORE_UNUSABLE;
	char *name = beside(file->store, ".lock");
	file->lock_fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	sqlite3_free(name);
	if (file->lock_fd < 0) {
		log_error("store: cannot make the lock beside the file: %s", strerror(errno));
		return errno == ENOENT ? STORE_MISSING : STORE_UNUSABLE;
	}
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	return fcntl(file->lock_fd, F_OFD_SETLK, &whole) == 0 ? STORE_OPENED : STORE_HELD;
}

/* ---- checkpoints: only on the writer ---- */

/* Readers that lie idle may keep a snapshot, which would keep the WAL from being reset. */
static void drop_idle_snapshots(struct lite_file *file)
{
	pthread_mutex_lock(&file->readers_lock);
	for (struct lite_db *db = file->free_readers; db; db = db->next_free)
		lite_snapshot_end(db);
	pthread_mutex_unlock(&file->readers_lock);
}

static void hold_readers(struct lite_file *file)
{
	pthread_mutex_lock(&file->readers_lock);
	file->readers_held = true;
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1 + READ_MS_MAX / 1000; /* no read is longer than that */
	while (file->readers_active > 0 && pthread_cond_timedwait(&file->readers_change, &file->readers_lock, &until) == 0)
		;
	pthread_mutex_unlock(&file->readers_lock);
}

static void release_readers(struct lite_file *file)
{
	pthread_mutex_lock(&file->readers_lock);
	file->readers_held = false;
	pthread_cond_broadcast(&file->readers_change);
	pthread_mutex_unlock(&file->readers_lock);
}

/* Readers of this process are kept back while the WAL is reset. One of another process (verify) is not waited for: the
 * writer has people waiting. */
static void checkpoint(struct lite_file *file, int mode)
{
	bool alone = mode == SQLITE_CHECKPOINT_TRUNCATE;
	if (alone)
		hold_readers(file);
	drop_idle_snapshots(file);
	sqlite3_busy_timeout(file->writer->handle, 0);
	int result = sqlite3_wal_checkpoint_v2(file->writer->handle, NULL, mode, NULL, NULL);
	sqlite3_busy_timeout(file->writer->handle, LITE_BUSY_MS);
	if (alone)
		release_readers(file);
	if ((result & 0xFF) == SQLITE_IOERR)
		give_up("the checkpoint");
	if (alone && (result & 0xFF) == SQLITE_BUSY)
		file->reset_again_ms = clock_steady_ms() + RESET_AGAIN_MS;
	__atomic_add_fetch(&file->store->counters.checkpoints, 1, __ATOMIC_RELAXED);
}

static int saw_wal(void *arg, sqlite3 *handle, const char *schema, int pages)
{
	struct lite_file *file = arg;
	(void)handle;
	(void)schema;
	file->wal_pages = pages;
	return SQLITE_OK;
}

static void tend_wal(struct lite_file *file)
{
	if (file->wal_pages >= WAL_BYTES_MAX / PAGE_BYTES && clock_steady_ms() >= file->reset_again_ms)
		checkpoint(file, SQLITE_CHECKPOINT_TRUNCATE);
	else if (file->wal_pages >= CHECKPOINT_PAGES)
		checkpoint(file, SQLITE_CHECKPOINT_PASSIVE);
	__atomic_store_n(&file->store->counters.wal_bytes, (uint64_t)file->wal_pages * PAGE_BYTES, __ATOMIC_RELAXED);
	file->wal_pages = 0;
}

/* ---- the writer ---- */

/* NULL when nothing waits; blocks for the first command of a group only. */
static struct command *next_command(struct lite_file *file, bool block)
{
	struct command *command = NULL;
	pthread_mutex_lock(&file->lock);
	while (block && file->waiting == 0 && !file->stopping)
		pthread_cond_wait(&file->work, &file->lock);
	for (int lane = 0; lane < LANE_COUNT && !command; lane++) {
		struct queue *queue = &file->queues[lane];
		if (!queue->first)
			continue;
		command = command_of(queue->first);
		queue->first = queue->first->next;
		if (!queue->first)
			queue->end = &queue->first;
		file->waiting--;
	}
	pthread_mutex_unlock(&file->lock);
	return command;
}

static enum store_code run_in_savepoint(struct lite_db *writer, struct tx *tx, struct command *command)
{
	writer->base.code = STORE_OK;
	enum store_code code = command->run(tx, command->arg);
	return writer->base.code != STORE_OK ? writer->base.code : code;
}

/* Runs one command in its savepoint. False when SQLite dropped the whole transaction. */
static bool run_one(struct lite_file *file, struct command *command, int64_t now_ms)
{
	struct lite_db *writer = file->writer;
	struct tx tx = { .db = &writer->base, .store = file->store, .now_ms = now_ms };
	size_t waiting = writer->last_count;
	enum store_code code = lite_do(writer, "SAVEPOINT command");
	writer->gathers = true;
	if (code == STORE_OK)
		code = run_in_savepoint(writer, &tx, command);
	if (code == STORE_DUPLICATE && lite_do(writer, "ROLLBACK TO command") == STORE_OK) {
		tx.again = true;
		writer->last_count = waiting;
		code = run_in_savepoint(writer, &tx, command);
	}
	command->code = code;
	if (code == STORE_BROKEN && (sqlite3_errcode(writer->handle) & 0xFF) == SQLITE_IOERR)
		give_up("a write");
	if (sqlite3_get_autocommit(writer->handle))
		return false;
	if (code != STORE_OK) {
		__atomic_add_fetch(&file->store->counters.rolled_back, 1, __ATOMIC_RELAXED);
		lite_do(writer, "ROLLBACK TO command");
		writer->last_count = waiting;
	}
	lite_do(writer, "RELEASE command");
	return true;
}

/* The end of a transaction: what waited for it, then COMMIT. */
static enum store_code commit(struct lite_file *file)
{
	enum store_code code = lite_run_last(file->writer);
	if (code == STORE_BROKEN && (sqlite3_errcode(file->writer->handle) & 0xFF) == SQLITE_IOERR)
		give_up("a write");
	if (code != STORE_OK)
		return code;
	code = lite_do(file->writer, "COMMIT");
	if (code == STORE_BROKEN)
		give_up("a commit");
	return code;
}

/* Also what waited for the end is forgotten. */
static void roll_back(struct lite_file *file)
{
	file->writer->last_count = 0;
	if (!sqlite3_get_autocommit(file->writer->handle))
		lite_do(file->writer, "ROLLBACK");
}

/* One command in a transaction of its own: when a group was dropped, to find who is to blame. */
static void run_alone(struct lite_file *file, struct command *command)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (lite_do(file->writer, "BEGIN IMMEDIATE") != STORE_OK)
			give_up("BEGIN");
		bool kept = run_one(file, command, clock_now_ms(file->store->options.clock));
		if (kept && command->code == STORE_OK)
			command->code = commit(file);
		roll_back(file);
		bool alarm_without_room = command->code == STORE_FULL && command->job.lane == LANE_ALARM;
		if (!alarm_without_room || !spend_reserve(file))
			break;
	}
}

static void finish(struct lite_file *file, struct command *first)
{
	for (struct command *command = first, *next; command; command = next) {
		next = command->job.next ? command_of(command->job.next) : NULL;
		__atomic_add_fetch(&file->store->counters.commands, 1, __ATOMIC_RELAXED);
		command->done(command, command->code); /* may free it */
	}
}

/* Takes what waits into one transaction, for at most GROUP_MS_MAX. */
static void write_group(struct lite_file *file, struct command *command)
{
	struct command *first = command, *last = NULL;
	int64_t started_us = clock_steady_us(), now_ms = clock_now_ms(file->store->options.clock);
	if (lite_do(file->writer, "BEGIN IMMEDIATE") != STORE_OK)
		give_up("BEGIN");
	bool whole = true;
	for (; command; command = next_command(file, false)) {
		command->job.next = NULL;
		if (last)
			last->job.next = &command->job;
		last = command;
		whole = run_one(file, command, now_ms);
		if (!whole || clock_steady_us() - started_us > GROUP_MS_MAX * 1000)
			break;
	}
	enum store_code code = whole ? commit(file) : STORE_FULL;
	roll_back(file);
	if (code != STORE_OK) {
		for (command = first; command; command = command->job.next ? command_of(command->job.next) : NULL)
			run_alone(file, command);
	} else if (file->reserve_spent && clock_steady_ms() > file->reserve_try_ms) {
		keep_reserve(file);
	}
	__atomic_add_fetch(&file->store->counters.groups, 1, __ATOMIC_RELAXED);
	file->commits++; /* before anybody is told: who has the answer reads what it says */
	finish(file, first);
	store_notify(file->store);
	if (file->wal_pages >= CHECKPOINT_PAGES)
		tend_wal(file);
}

static void *write_all(void *arg)
{
	struct lite_file *file = arg;
	for (struct command *command; (command = next_command(file, true)) != NULL;)
		write_group(file, command);
	return NULL;
}

static void file_submit(struct store *store, struct command *command)
{
	struct lite_file *file = store->inner;
	pthread_mutex_lock(&file->lock);
	bool accepted = !file->stopping && (command->job.lane == LANE_ALARM || file->waiting < STORE_QUEUE_MAX);
	if (accepted) {
		struct queue *queue = &file->queues[command->job.lane];
		if (command->job.lane != LANE_BULK)
			file->people_ms = clock_steady_ms();
		command->job.next = NULL;
		*queue->end = &command->job;
		queue->end = &command->job.next;
		if (file->waiting++ == 0)
			pthread_cond_signal(&file->work);
	}
	pthread_mutex_unlock(&file->lock);
	if (!accepted)
		command->done(command, STORE_BUSY);
}

static bool file_wanted(const struct store *store)
{
	struct lite_file *file = store->inner;
	pthread_mutex_lock(&file->lock);
	bool wanted = file->waiting > 0 || clock_steady_ms() - file->people_ms < ALONE_AFTER_MS;
	pthread_mutex_unlock(&file->lock);
	return wanted;
}

/* ---- readers ---- */

static struct db *reader_take(struct store *store, unsigned budget_ms)
{
	struct lite_file *file = store->inner;
	pthread_mutex_lock(&file->readers_lock);
	while (file->readers_held)
		pthread_cond_wait(&file->readers_change, &file->readers_lock);
	struct lite_db *db = file->free_readers;
	if (db)
		file->free_readers = db->next_free;
	file->readers_active++;
	pthread_mutex_unlock(&file->readers_lock);
	if (!db)
		db = lite_open(store->path, SQLITE_OPEN_READONLY, READER_CACHE_KB);
	if (!db) {
		pthread_mutex_lock(&file->readers_lock);
		file->readers_active--;
		pthread_mutex_unlock(&file->readers_lock);
		return NULL;
	}
	db->base.code = STORE_OK;
	int64_t now_us = clock_steady_us();
	lite_snapshot(db, file->commits, now_us);
	db->deadline_us = now_us + (int64_t)budget_ms * 1000;
	return &db->base;
}

static enum store_code reader_give(struct store *store, struct db *base)
{
	struct lite_file *file = store->inner;
	struct lite_db *db = (struct lite_db *)(void *)base;
	enum store_code code = base->code;
	/* Beside a server nobody here hears of its commits, and its WAL waits for us. */
	if (code != STORE_OK || store->options.read_only)
		lite_snapshot_end(db);
	pthread_mutex_lock(&file->readers_lock);
	db->next_free = file->free_readers;
	file->free_readers = db;
	file->readers_active--;
	if (file->readers_held)
		pthread_cond_broadcast(&file->readers_change);
	pthread_mutex_unlock(&file->readers_lock);
	return code;
}

/* ---- opening and closing ---- */

static struct lite_file *file_new(struct store *store)
{
	struct lite_file *file = calloc(1, sizeof *file);
	if (!file)
		abort();
	file->store = store;
	file->lock_fd = -1;
	pthread_mutex_init(&file->lock, NULL);
	/* Held for a few instructions by every read: a short spin is cheaper than a sleep. */
	pthread_mutexattr_t adaptive;
	pthread_mutexattr_init(&adaptive);
	pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&file->readers_lock, &adaptive);
	pthread_mutexattr_destroy(&adaptive);
	pthread_cond_init(&file->work, NULL);
	pthread_cond_init(&file->readers_change, NULL);
	for (int lane = 0; lane < LANE_COUNT; lane++)
		file->queues[lane].end = &file->queues[lane].first;
	return file;
}

static void file_free(struct lite_file *file)
{
	for (struct lite_db *db = file->free_readers, *next; db; db = next) {
		next = db->next_free;
		lite_close(db);
	}
	lite_close(file->writer);
	if (file->lock_fd >= 0)
		close(file->lock_fd);
	pthread_mutex_destroy(&file->lock);
	pthread_mutex_destroy(&file->readers_lock);
	pthread_cond_destroy(&file->work);
	pthread_cond_destroy(&file->readers_change);
	free(file);
}

static enum store_open_result open_to_write(struct lite_file *file)
{
	struct store *store = file->store;
	enum store_open_result result = hold_file(file);
	if (result != STORE_OPENED)
		return result;
	if (!disk_works(store))
		return STORE_UNUSABLE;
	file->writer = lite_open(store->path, SQLITE_OPEN_READWRITE | (store->options.create ? SQLITE_OPEN_CREATE : 0),
	                         WRITER_CACHE_KB);
	if (!file->writer)
		return STORE_UNUSABLE;
	sqlite3_wal_hook(file->writer->handle, saw_wal, file);
	if (lite_do(file->writer, "BEGIN IMMEDIATE") != STORE_OK)
		return STORE_UNUSABLE;
	result = store_prepare_schema(store, &file->writer->base);
	if (lite_do(file->writer, result == STORE_OPENED ? "COMMIT" : "ROLLBACK") != STORE_OK)
		return STORE_UNUSABLE;
	if (result != STORE_OPENED)
		return result;
	checkpoint(file, SQLITE_CHECKPOINT_TRUNCATE);
	keep_reserve(file);
	return pthread_create(&file->thread, NULL, write_all, file) == 0 ? STORE_OPENED : STORE_UNUSABLE;
}

static enum store_open_result open_to_read(struct lite_file *file)
{
	struct db *db = reader_take(file->store, READ_MS_MAX);
	if (!db)
		return STORE_UNUSABLE;
	enum store_open_result result = store_prepare_schema(file->store, db);
	reader_give(file->store, db);
	return result;
}

/* No statistics: they cost every allocation a global lock. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum store_open_result file_open(struct store *store)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, configure_library);
	if (!store->options.create && access(store->path, F_OK) != 0)
		return STORE_MISSING;
	struct lite_file *file = file_new(store);
	store->inner = file;
	enum store_open_result result = store->options.read_only ? open_to_read(file) : open_to_write(file);
	if (result != STORE_OPENED)
		file_free(file);
	return result;
}

static void file_close(struct store *store)
{
	struct lite_file *file = store->inner;
	if (!store->options.read_only) {
		pthread_mutex_lock(&file->lock);
		file->stopping = true;
		pthread_cond_signal(&file->work);
		pthread_mutex_unlock(&file->lock);
		pthread_join(file->thread, NULL);
		checkpoint(file, SQLITE_CHECKPOINT_TRUNCATE);
	}
	file_free(file);
}

const struct backend sqlite_backend = {
	.workers = 4,
	.open = file_open,
	.close = file_close,
	.submit = file_submit,
	.wanted = file_wanted,
	.reader_take = reader_take,
	.reader_give = reader_give,
};
