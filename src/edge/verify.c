/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - the verify command: walks the journal's chain, beside what checkpoints say of it.
 *
 * What checkpoints there are is read first and the journal afterwards: a server that goes on writing meanwhile only makes
 * it longer. One fault is told, the first: of the file, then of the chain by its position, then of the checkpoints. */
#include "edge/commands.h"
#include "engine/checkpoint.h"
#include "engine/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERIFY_LINES = 2000, CHECK_FILE_MS = 600000 };

/* What a checkpoint says of a place in the journal. */
struct mark {
	int64_t pos;
	unsigned district, line; /* in FILE; 0: it is from the table */
	unsigned char hash[HASH_BYTES];
	char at[RFC3339_CHARS + 1];
};

struct finding {
	bool found;
	int64_t district, pos, from; /* the line; somewhere from there on */
	unsigned line; /* of FILE; 0: it is not about FILE */
	const char *what;
};

struct verify {
	struct arena *arena;
	const char *file; /* --against; NULL: not asked */
	struct text trusted; /* the public key in base64, missing: there is none */
	struct sign_key *key;
	struct mark *marks; /* in order */
	size_t mark_count, mark_room, next_mark;
	int64_t table_district, table_pos; /* the last one read from the table */
	int table_read;
	int64_t district;
	struct journal_verdict verdict;
	int64_t agreed; /* the last position of this district that a checkpoint was right about */
	int64_t lines, checked;
	const char *files_dir; /* NULL: the files of records are not looked at */
	struct file_count files;
	struct finding chain, rest; /* of the journal; of the checkpoints themselves */
};

static void find(struct verify *v, struct finding *finding, struct finding is)
{
	if (finding->found)
		return;
	*finding = is;
	finding->found = true;
	finding->what = text_z(v->arena, text_of(is.what));
}

/* ---- what checkpoints there are ---- */

static void keep_mark(struct verify *v, const struct checkpoint *c, unsigned line)
{
	if (v->mark_count == v->mark_room) {
		v->mark_room = v->mark_room ? 2 * v->mark_room : 1024;
		v->marks = realloc(v->marks, v->mark_room * sizeof *v->marks);
		if (!v->marks)
			abort();
	}
	struct mark *mark = &v->marks[v->mark_count++];
	*mark = (struct mark){ .pos = c->pos, .district = c->district, .line = line };
	memcpy(mark->hash, c->hash, HASH_BYTES);
	memcpy(mark->at, c->at.ptr, RFC3339_CHARS);
}

/* What is wrong with a line by itself, NULL: nothing. */
static const char *judge(const struct verify *v, struct text line, struct checkpoint *c)
{
	struct text signature;
	*c = (struct checkpoint){ .pos = 0 };
	if (!checkpoint_read(line, c, &signature))
		return "not a checkpoint";
	if (!text_eq(c->key, v->trusted))
		return "signed with another key than the one to trust: it is of another store, or this one was made anew";
	return checkpoint_fits(v->key, line, signature) ? NULL : "not as it was signed";
}

static bool take_kept(void *arg, int64_t district, int64_t pos, struct text line)
{
	struct verify *v = arg;
	struct checkpoint c;
	const char *what = judge(v, line, &c);
	if (!what && (c.district != district || c.pos != pos))
		what = "that of another place";
	if (what)
		find(v, &v->rest, (struct finding){ .district = district, .pos = pos, .from = pos,
			.what = text_printf(v->arena, "the checkpoint that the store keeps of it is %s", what).ptr });
	else
		keep_mark(v, &c, 0);
	v->table_district = district;
	v->table_pos = pos;
	v->table_read++;
	return true;
}

static enum store_code read_kept(struct db *db, void *arg)
{
	struct verify *v = arg;
	v->table_read = 0;
	return checkpoint_list(db, v->table_district, v->table_pos, CHECKPOINTS_READ, take_kept, v);
}

/* A last line that is not whole yet is being written, or was when the file was copied. */
static void read_lines(struct verify *v, struct text rest)
{
	unsigned number = 0;
	for (const char *end; rest.len > 0 && (end = memchr(rest.ptr, '\n', rest.len)); number++) {
		struct text line = { rest.ptr, (size_t)(end - rest.ptr) };
		struct checkpoint c;
		const char *what = judge(v, line, &c);
		if (what) {
			find(v, &v->rest, (struct finding){ .district = c.pos ? c.district : 0, .pos = c.pos, .from = c.pos,
				.line = number + 1, .what = what });
			return;
		}
		keep_mark(v, &c, number + 1);
		rest = (struct text){ end + 1, rest.len - line.len - 1 };
	}
	if (number == 0)
		find(v, &v->rest, (struct finding){ .line = 1, .what = "not a checkpoint: there is none in the file" });
}

/* False: it cannot be read. */
static bool read_file(struct verify *v)
{
	int fd = open(v->file, O_RDONLY | O_CLOEXEC);
	struct stat file;
	bool fine = fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
	char *bytes = NULL;
	if (fine && file.st_size > 0) {
		bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		fine = bytes != MAP_FAILED;
	}
	if (fine)
		read_lines(v, (struct text){ bytes, (size_t)file.st_size });
	else
		fprintf(stderr, "songhe verify: cannot read %s: %s\n", v->file, fd < 0 ? strerror(errno) : "not a file");
	if (fine && bytes)
		munmap(bytes, (size_t)file.st_size);
	if (fd >= 0)
		close(fd);
	return fine;
}

static int by_place(const void *left, const void *right)
{
	const struct mark *a = left, *b = right;
	if (a->district != b->district)
		return a->district < b->district ? -1 : 1;
	if (a->pos != b->pos)
		return a->pos < b->pos ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* ---- the journal ---- */

static enum store_code check_store_file(struct db *db, void *arg)
{
	struct verify *v = arg;
	if (db_is_postgres(db))
		return STORE_OK;
	struct rows *rows = db_query(db, "PRAGMA quick_check(1)", BIND_NONE);
	if (rows_next(rows) && !text_is(rows_text(rows, 0), "ok"))
		find(v, &v->chain, (struct finding){ .what = text_printf(v->arena, "the database file is damaged: %.*s",
			TEXT_ARG(rows_text(rows, 0))).ptr });
	return rows_end(rows);
}

static const struct mark *mark_next(const struct verify *v)
{
	return v->next_mark < v->mark_count ? &v->marks[v->next_mark] : NULL;
}

/* Called for each line in order. */
static const char *agrees(void *arg, const struct journal_verdict *verdict)
{
	struct verify *v = arg;
	for (const struct mark *m; (m = mark_next(v)) && m->district == v->district && m->pos == verdict->lines; v->next_mark++) {
		if (memcmp(m->hash, verdict->hash, HASH_BYTES) != 0)
			return text_printf(v->arena, "not the one that was signed at %s: the journal was written anew, somewhere from line"
				" %lld on", m->at, (long long)v->agreed + 1).ptr;
		v->agreed = m->pos;
		v->checked++;
	}
	return NULL;
}

/* Checkpoints of districts before this one that no line came up to. */
static void find_cut(struct verify *v, int64_t district, int64_t end_district, int64_t end)
{
	const struct mark *m = mark_next(v);
	if (!m || m->district >= district)
		return;
	if (m->district != end_district)
		end = 0;
	find(v, &v->chain, (struct finding){ .district = m->district, .pos = end + 1, .from = end + 1,
		.what = text_printf(v->arena, "cut: the journal ends at %lld, the checkpoint of %s says %lld", (long long)end, m->at,
		                    (long long)m->pos).ptr });
}

/* The journal's own districts: a row missing among the tenants hides none of its lines. */
static enum store_code next_district(struct db *db, void *arg)
{
	struct verify *v = arg;
	v->district = journal_next_district(db, v->district);
	v->verdict = (struct journal_verdict){ .more = v->district != INT64_MAX, .check = agrees, .arg = v };
	v->agreed = 0;
	if (v->verdict.more && (v->district < 1 || v->district > DISTRICT_MAX))
		v->verdict.what = "of a district that cannot be";
	return db_code(db);
}

static enum store_code verify_some(struct db *db, void *arg)
{
	struct verify *v = arg;
	return journal_verify(db, (unsigned)v->district, VERIFY_LINES, &v->verdict);
}

static enum store_code walk(struct verify *v, struct store *store)
{
	enum store_code code = STORE_OK;
	int64_t before = 0, end = 0;
	v->district = INT64_MIN;
	while (!v->chain.found && (code = store_read(store, 0, next_district, v)) == STORE_OK) {
		find_cut(v, v->district, before, end);
		if (v->district == INT64_MAX || v->chain.found)
			break;
		while (code == STORE_OK && v->verdict.more && !v->verdict.what)
			code = store_read(store, 0, verify_some, v);
		if (code != STORE_OK)
			break;
		before = v->district;
		end = v->verdict.lines;
		v->lines += end;
		if (v->verdict.what)
			find(v, &v->chain, (struct finding){ .district = before, .pos = v->verdict.wrong_pos,
				.from = v->verdict.wrong_pos <= end ? v->agreed + 1 : v->verdict.wrong_pos,
				.what = text_printf(v->arena, "journal line %lld is %s", (long long)v->verdict.wrong_pos,
				                    v->verdict.what).ptr });
	}
	return code;
}

/* ---- the files of records ---- */

static enum store_code check_some(struct db *db, void *arg)
{
	struct verify *v = arg;
	return files_check(db, v->files_dir, &v->files);
}

static enum store_code check_files(struct verify *v, struct store *store)
{
	enum store_code code = STORE_OK;
	for (int64_t before = -1; before != v->files.files && code == STORE_OK;) {
		before = v->files.files;
		code = store_read(store, 0, check_some, v);
	}
	if (v->files.missing > 0)
		find(v, &v->rest, (struct finding){ .what = text_printf(v->arena, "%lld of %lld files are missing or cut in %s, the first is"
			" file %lld", (long long)v->files.missing, (long long)v->files.files, v->files_dir,
			(long long)v->files.first_missing).ptr });
	return code;
}

/* ---- the command ---- */

static void say_json(const struct verify *v, const struct finding *f, struct arena *arena)
{
	struct buf b = buf_in(arena, 1024, 8192);
	struct json_out json = json_out(&b);
	json_begin_object(&json);
	JSON_BOOL(&json, "ok", !f);
	JSON_INT(&json, "lines", v->lines);
	JSON_INT(&json, "checkpoints", v->checked);
	JSON_INT(&json, "files", v->files.files);
	JSON_BOOL(&json, "files_looked_for", v->files_dir != NULL);
	JSON_INT(&json, "district", f ? f->district : 0);
	JSON_INT(&json, "wrong_position", f ? f->pos : 0);
	JSON_INT(&json, "wrong_from", f ? f->from : 0);
	JSON_INT(&json, "file_line", f ? f->line : 0);
	JSON_TEXT(&json, "what", f ? text_of(f->what) : TEXT_NONE);
	json_end_object(&json);
	printf("%.*s\n", TEXT_ARG(buf_done(&b)));
}

static void say_fine(const struct verify *v)
{
	printf("%lld journal lines in order", (long long)v->lines);
	if (v->checked)
		printf(", %lld checkpoints agree", (long long)v->checked);
	if (v->files.files)
		printf(", %lld files %s", (long long)v->files.files, v->files_dir ? "are there" : "not looked for: say --files DIR");
	printf("\n");
}

static int say(const struct verify *v, bool json)
{
	const struct finding *f = v->chain.found ? &v->chain : v->rest.found ? &v->rest : NULL;
	if (json)
		say_json(v, f, v->arena);
	else if (!f)
		say_fine(v);
	else if (f->line)
		printf("%s, line %u: %s\n", v->file, f->line, f->what);
	else if (f->district)
		printf("district %lld: %s\n", (long long)f->district, f->what);
	else
		printf("%s\n", f->what);
	return f ? EXIT_REJECTED : EXIT_FINE;
}

static enum store_code read_key(struct db *db, void *arg)
{
	struct verify *v = arg;
	return checkpoint_key(db, v->arena, &v->trusted);
}

/* The key to be trusted: the one given, else the store's. An exit code when there is none that can be used. */
static int choose_key(struct verify *v, struct app *app, const char *given)
{
	if (store_read(app->store, 0, read_key, v) != STORE_OK)
		return EXIT_STORE;
	if (given && v->trusted.ptr && !text_is(v->trusted, given))
		find(v, &v->rest, (struct finding){ .what = "the store names another key than the one that was given" });
	v->trusted = given ? text_of(given) : v->trusted;
	v->key = v->trusted.ptr ? sign_public_read(v->trusted) : NULL;
	if (given && !v->key)
		fprintf(stderr, "songhe verify: --key is a public key in base64, as checkpoints have it behind key=\n");
	else if (v->file && !v->trusted.ptr)
		fprintf(stderr, "songhe verify: the store names no key; say which to trust: --key BASE64\n");
	else if (v->trusted.ptr && !v->key)
		find(v, &v->rest, (struct finding){ .what = "what the store names as its key is none" });
	return (given && !v->key) || (v->file && !v->trusted.ptr) ? EXIT_USAGE : EXIT_FINE;
}

static int verify_store(struct verify *v, struct app *app, const struct command_line *line)
{
	int refused = choose_key(v, app, line->key);
	if (refused != EXIT_FINE)
		return refused;
	if (v->file && !read_file(v))
		return EXIT_USAGE;
	do
		if (store_read(app->store, 0, read_kept, v) != STORE_OK)
			return EXIT_STORE;
	while (v->table_read == CHECKPOINTS_READ);
	if (v->mark_count)
		qsort(v->marks, v->mark_count, sizeof *v->marks, by_place);
	if (store_read(app->store, CHECK_FILE_MS, check_store_file, v) != STORE_OK || walk(v, app->store) != STORE_OK ||
	    check_files(v, app->store) != STORE_OK)
		return EXIT_STORE;
	return say(v, line->json);
}

int command_verify(struct command_line *line)
{
	enum store_open_result result;
	struct store_options options = { .url = line->store, .files = line->files, .clock = &line->clock, .read_only = true };
	struct app *app = app_open(&options, &line->keys, line->modules, line->module_count, &result);
	if (!app)
		return command_exit_of(result, line->store);
	struct verify verify = { .arena = &line->arena, .file = line->against, .files_dir = app->files };
	int code = verify_store(&verify, app, line);
	sign_key_free(verify.key);
	free(verify.marks);
	app_close(app);
	return code;
}
