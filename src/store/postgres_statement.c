/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_statement.c - prepared statements of a PostgreSQL connection: values and results in binary. */
#include "store/postgres.h"

#include "base/log.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the server's pg_type.dat: these never change. */
enum {
	BOOL_OID = 16,
	BYTEA_OID = 17,
	INT8_OID = 20,
	INT2_OID = 21,
	INT4_OID = 23,
	TEXT_OID = 25,
	OID_OID = 26,
	FLOAT4_OID = 700,
	FLOAT8_OID = 701,
	NUMERIC_OID = 1700,
	XID8_OID = 5069
};

/* ---- prepared statements ---- */

void pg_forget_statements(struct pg_db *db)
{
	for (size_t i = 0; i < COUNT(db->slots); i++) {
		if (!db->slots[i])
			continue;
		free(db->slots[i]->sql);
		free(db->slots[i]);
		db->slots[i] = NULL;
	}
	db->prepared = 0;
}

static Oid type_of(const struct value *value)
{
	static const Oid types[] = { [VALUE_NULL] = 0, [VALUE_INT] = INT8_OID, [VALUE_REAL] = FLOAT8_OID,
		                     [VALUE_TEXT] = TEXT_OID, [VALUE_BLOB] = BYTEA_OID };
	return types[value->type];
}

/* False when a value has another type than the statement was prepared for. */
static bool fits(const struct pg_statement *statement, const struct value *values)
{
	for (size_t i = 0; i < statement->count; i++)
		if (values[i].type != VALUE_NULL && statement->types[i] != type_of(&values[i]))
			return false;
	return true;
}

/* Where the statement is, or the free slot where it would be. */
static struct pg_statement **slot_of(struct pg_db *db, const char *sql)
{
	size_t at = sql_hash(sql) % COUNT(db->slots);
	while (db->slots[at] && strcmp(db->slots[at]->sql, sql) != 0)
		at = (at + 1) % COUNT(db->slots);
	return &db->slots[at];
}

static void name_of(unsigned number, char name[static 16])
{
	snprintf(name, 16, "s%u", number);
}

/* What was sent to prepare or drop statements and went wrong leaves the server and us of different minds. */
static bool send_prepare(struct pg_db *db, struct pg_statement *statement, unsigned *before)
{
	char name[16];
	struct arena arena = arena_new(1 << 20);
	statement->number = ++db->prepared;
	name_of(statement->number, name);
	bool sent = PQsendPrepare(db->conn, name, pg_placeholders(&arena, statement->sql), (int)statement->count,
	                          statement->types) == 1;
	arena_free(&arena);
	db->prepares = true;
	++*before;
	return sent;
}

/* NULL: it cannot be sent. */
static const struct pg_statement *statement(struct pg_db *db, const char *sql, const struct value *values, size_t count,
                                            unsigned *before)
{
	struct pg_statement **slot = slot_of(db, sql);
	if (*slot && fits(*slot, values))
		return *slot;
	if (db->prepared >= PG_STATEMENTS_MAX) {
		if (!pg_send_text(db, "DEALLOCATE ALL"))
			return NULL;
		db->prepares = true;
		++*before;
		pg_forget_statements(db);
		slot = slot_of(db, sql);
	}
	if (!*slot) {
		*slot = calloc(1, sizeof **slot + count * sizeof(Oid));
		if (!*slot || !((*slot)->sql = strdup(sql)))
			abort();
		(*slot)->count = count;
	}
	for (size_t i = 0; i < count; i++)
		if (values[i].type != VALUE_NULL)
			(*slot)->types[i] = type_of(&values[i]);
	return send_prepare(db, *slot, before) ? *slot : NULL;
}

/* ---- running them ---- */

static void set_values(struct pg_db *db, const struct value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct value *value = &values[i];
		db->formats[i] = 1;
		db->ptrs[i] = (const char *)&db->numbers[i];
		db->lengths[i] = 8;
		switch (value->type) {
		case VALUE_NULL:
			db->ptrs[i] = NULL;
			break;
		case VALUE_INT:
			db->numbers[i] = htobe64((uint64_t)value->integer);
			break;
		case VALUE_REAL:
			memcpy(&db->numbers[i], &value->real, 8);
			db->numbers[i] = htobe64(db->numbers[i]);
			break;
		case VALUE_TEXT:
		case VALUE_BLOB:
			assert(value->text.len <= INT32_MAX);
			db->ptrs[i] = value->text.ptr;
			db->lengths[i] = (int)value->text.len;
		}
	}
}

bool pg_send_text(struct pg_db *db, const char *sql)
{
	return PQsendQueryParams(db->conn, sql, 0, NULL, NULL, NULL, NULL, 1) == 1;
}

/* A statement that begins with this is planned at each use: a plan kept from when its table was nearly empty reads a
 * table that has grown from end to end. */
static const char plan_each_time[] = "/* plan each time */";

static bool send_unprepared(struct pg_db *db, const char *sql, const struct value *values, size_t count)
{
	Oid types[PG_VALUES_MAX];
	struct arena arena = arena_new(65536);
	for (size_t i = 0; i < count; i++)
		types[i] = type_of(&values[i]);
	bool sent = PQsendQueryParams(db->conn, pg_placeholders(&arena, sql), (int)count, types, db->ptrs, db->lengths,
	                              db->formats, 1) == 1;
	arena_free(&arena);
	return sent;
}

static bool send_prepared(struct pg_db *db, const char *sql, const struct value *values, size_t count, unsigned *before)
{
	char name[16];
	const struct pg_statement *prepared = statement(db, sql, values, count, before);
	if (!prepared)
		return false;
	name_of(prepared->number, name);
	return PQsendQueryPrepared(db->conn, name, (int)count, db->ptrs, db->lengths, db->formats, 1) == 1;
}

bool pg_send(struct pg_db *db, const char *sql, const struct value *values, size_t count, unsigned *before)
{
	assert(count <= PG_VALUES_MAX);
	*before = 0;
	bool sent = PQenterPipelineMode(db->conn) == 1; /* also when it is there already */
	if (sent && db->begin) {
		sent = pg_send_text(db, db->begin);
		db->begin = NULL;
		++*before;
	}
	set_values(db, values, count);
	if (sent && strncmp(sql, plan_each_time, sizeof plan_each_time - 1) == 0)
		sent = send_unprepared(db, sql, values, count);
	else if (sent)
		sent = send_prepared(db, sql, values, count, before);
	if (!sent)
		pg_note(db, NULL);
	db->lost = db->lost || !sent;
	return sent;
}

PGresult *pg_collect(struct pg_db *db, unsigned count)
{
	PGresult *kept = NULL;
	bool failed = PQpipelineSync(db->conn) != 1;
	for (unsigned ended = 0; ended < count && PQstatus(db->conn) == CONNECTION_OK;) {
		PGresult *result = PQgetResult(db->conn);
		if (!result) {
			ended++;
		} else if (failed) {
			PQclear(result);
		} else {
			PQclear(kept);
			kept = result;
			ExecStatusType status = PQresultStatus(kept);
			failed = status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
		}
	}
	PQclear(PQgetResult(db->conn)); /* of the synchronisation */
	if (!PQexitPipelineMode(db->conn))
		db->lost = true;
	db->lost = db->lost || (failed && db->prepares);
	db->prepares = false;
	db->unread = 0;
	return kept;
}

static PGresult *execute(struct pg_db *db, const char *sql, const struct value *values, size_t count)
{
	unsigned before;
	if (!pg_send(db, sql, values, count, &before))
		return NULL;
	PGresult *result = pg_collect(db, db->unread + before + 1);
	if (pg_note(db, result) == STORE_BROKEN)
		log_error("store: at this statement: %.200s", sql);
	return result;
}

static PGresult *execute_ddl(struct pg_db *db, const char *sql)
{
	struct arena arena = arena_new(1 << 20);
	PGresult *result = NULL;
	const char *begin = db->begin;
	db->begin = NULL;
	if ((!begin || pg_do(db, begin) == STORE_OK) && pg_settle(db) == STORE_OK) {
		result = PQexec(db->conn, pg_ddl(&arena, sql));
		pg_note(db, result);
	}
	arena_free(&arena);
	return result;
}

enum store_code pg_settle(struct pg_db *db)
{
	if (db->unread > 0) {
		PGresult *result = pg_collect(db, db->unread);
		pg_note(db, result);
		PQclear(result);
	}
	return db->base.code;
}

enum { UNREAD_MAX = 200 };

/* Statements without rows wait for nobody: what is wrong with one shows with the next that has rows, or at COMMIT. */
static bool pg_defer(struct db *base, const char *sql, const struct value *values, size_t count)
{
	struct pg_db *db = pg_db_of(base);
	unsigned before;
	if (!db->in_transaction || db->unread > UNREAD_MAX || pg_is_ddl(sql))
		return false;
	if (base->code == STORE_OK && pg_send(db, sql, values, count, &before))
		db->unread += before + 1;
	return true;
}

struct pg_rows *pg_rows_new(struct pg_db *db, struct db *base)
{
	struct pg_rows *rows = db->free_rows;
	if (rows)
		db->free_rows = rows->next_free;
	else if (!(rows = malloc(sizeof *rows)))
		abort();
	*rows = (struct pg_rows){ .base.db = base, .at = -1 };
	db->open++;
	return rows;
}

void pg_rows_free(struct pg_db *db, struct pg_rows *rows)
{
	rows->next_free = db->free_rows;
	db->free_rows = rows;
	db->open--;
}

static struct rows *pg_query(struct db *base, const char *sql, const struct value *values, size_t count)
{
	struct pg_db *db = pg_db_of(base);
	struct pg_rows *rows = pg_rows_new(db, base);
	if (base->code == STORE_OK)
		rows->result = pg_is_ddl(sql) ? execute_ddl(db, sql) : execute(db, sql, values, count);
	return &rows->base;
}

static const struct pg_rows *rows_of(const struct rows *rows)
{
	return (const struct pg_rows *)(const void *)rows;
}

static bool pg_next(struct rows *base)
{
	struct pg_rows *rows = (struct pg_rows *)(void *)base;
	return base->db->code == STORE_OK && rows->result && ++rows->at < PQntuples(rows->result);
}

static enum store_code pg_end(struct rows *base, int64_t *changed)
{
	struct pg_rows *rows = (struct pg_rows *)(void *)base;
	struct pg_db *db = pg_db_of(base->db);
	if (changed)
		*changed = base->db->code == STORE_OK ? strtoll(PQcmdTuples(rows->result), NULL, 10) : 0;
	PQclear(rows->result);
	pg_rows_free(db, rows);
	return db->base.code;
}

/* ---- values of a row ---- */

static int64_t read_number(const void *bytes, int length)
{
	uint64_t eight;
	uint32_t four;
	uint16_t two;
	switch (length) {
	case 8:
		memcpy(&eight, bytes, 8);
		return (int64_t)be64toh(eight);
	case 4:
		memcpy(&four, bytes, 4);
		return (int32_t)be32toh(four);
	case 2:
		memcpy(&two, bytes, 2);
		return (int16_t)be16toh(two);
	}
	return *(const unsigned char *)bytes;
}

/* numeric, as sums of BIGINT are: digits of base 10,000, the first standing for 10,000 to the power of its weight. */
static double read_numeric(const char *bytes)
{
	int64_t digits = read_number(bytes, 2), weight = read_number(bytes + 2, 2);
	double sum = 0;
	for (int64_t i = 0; i < digits; i++)
		sum = sum * 10000 + (double)read_number(bytes + 8 + 2 * i, 2);
	for (int64_t i = digits; i <= weight; i++)
		sum *= 10000;
	for (int64_t i = weight + 1; i < digits; i++)
		sum /= 10000;
	return read_number(bytes + 4, 2) == 0x4000 ? -sum : sum;
}

/* Its whole part; beyond 63 bits the nearest there is. */
static int64_t read_numeric_int(const char *bytes)
{
	int64_t digits = read_number(bytes, 2), weight = read_number(bytes + 2, 2), sum = 0;
	bool negative = read_number(bytes + 4, 2) == 0x4000;
	for (int64_t i = 0; i <= weight; i++) {
		int64_t digit = i < digits ? read_number(bytes + 8 + 2 * i, 2) : 0;
		if (__builtin_mul_overflow(sum, 10000, &sum) ||
		    __builtin_add_overflow(sum, negative ? -digit : digit, &sum))
			return negative ? INT64_MIN : INT64_MAX;
	}
	return sum;
}

static bool pg_is_null(const struct rows *base, int column)
{
	const struct pg_rows *rows = rows_of(base);
	assert(rows->result && rows->at >= 0 && column < PQnfields(rows->result));
	return PQgetisnull(rows->result, rows->at, column);
}

static double pg_real(const struct rows *base, int column)
{
	const struct pg_rows *rows = rows_of(base);
	if (pg_is_null(base, column))
		return 0;
	const char *bytes = PQgetvalue(rows->result, rows->at, column);
	int length = PQgetlength(rows->result, rows->at, column);
	uint64_t eight;
	uint32_t four;
	double real;
	float single;
	switch (PQftype(rows->result, column)) {
	case FLOAT8_OID:
		eight = (uint64_t)read_number(bytes, 8);
		memcpy(&real, &eight, 8);
		return real;
	case FLOAT4_OID:
		four = (uint32_t)read_number(bytes, 4);
		memcpy(&single, &four, 4);
		return (double)single;
	case NUMERIC_OID:
		return read_numeric(bytes);
	}
	return (double)read_number(bytes, length);
}

static int64_t pg_int(const struct rows *base, int column)
{
	const struct pg_rows *rows = rows_of(base);
	if (pg_is_null(base, column))
		return 0;
	const char *bytes = PQgetvalue(rows->result, rows->at, column);
	switch (PQftype(rows->result, column)) {
	case BOOL_OID:
	case INT2_OID:
	case INT4_OID:
	case INT8_OID:
	case XID8_OID:
		return read_number(bytes, PQgetlength(rows->result, rows->at, column));
	case OID_OID:
		return (uint32_t)read_number(bytes, 4);
	case FLOAT4_OID:
	case FLOAT8_OID:
		return (int64_t)pg_real(base, column);
	case NUMERIC_OID:
		return read_numeric_int(bytes);
	}
	assert(!"this column is no number");
	return 0;
}

static struct text pg_text(const struct rows *base, int column)
{
	const struct pg_rows *rows = rows_of(base);
	if (pg_is_null(base, column))
		return TEXT_NONE;
	Oid type = PQftype(rows->result, column);
	assert(type != INT8_OID && type != INT4_OID && type != FLOAT8_OID && type != NUMERIC_OID);
	return (struct text){ PQgetvalue(rows->result, rows->at, column),
		              (size_t)PQgetlength(rows->result, rows->at, column) };
}

static void pg_read(const struct rows *rows, const struct column *columns, size_t count, struct arena *arena, void *row)
{
	for (size_t i = 0; i < count; i++) {
		void *member = (char *)row + columns[i].offset;
		if (columns[i].type == VALUE_INT) {
			bool missing = columns[i].missing != 0 && pg_is_null(rows, (int)i);
			*(int64_t *)member = missing ? columns[i].missing : pg_int(rows, (int)i);
		} else if (columns[i].type == VALUE_REAL) {
			*(double *)member = pg_real(rows, (int)i);
		} else {
			struct text text = pg_text(rows, (int)i);
			*(struct text *)member = arena ? text_copy(arena, text) : text;
		}
	}
}

const struct db_ops pg_ops = {
	.query = pg_query,
	.next = pg_next,
	.get_int = pg_int,
	.get_real = pg_real,
	.get_text = pg_text,
	.is_null = pg_is_null,
	.read = pg_read,
	.end = pg_end,
	.defer = pg_defer,
};
