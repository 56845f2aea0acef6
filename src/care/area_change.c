/* SPDX-License-Identifier: Apache-2.0 */
/* area_change.c - streets are merged, communities moved, districts re-coded (街道撤并, 县改区): jobs that keep history.
 *
 * A merge or a move goes through phases. The areas below get their new numbers first, beside the old ones, which can still be
 * written to while the records are taken over, slice by slice; until then everything can be taken back. Then the old numbers
 * are closed: whoever names one is told its successor. What came in meanwhile is taken over as well, and the old areas end in
 * transactions that have seen that nothing is left in them. */
#include "care/modules.h"
#include "engine/journal.h"
#include "engine/renumber.h"
#include "engine/territory.h"

enum { AREAS_A_SLICE = 25, FROM_MAX = RENUMBER_RANGES_MAX };

enum phase {
	MAKE, WIDEN, TAKE_OVER, CLOSE, TAKE_REST, NARROW, END, FORGET, /* forward */
	UNDO_RECORDS, UNDO_AREAS /* back */
};

/* What a job is about, as it stands in its input. */
struct change {
	struct job_work *work;
	unsigned district;
	int64_t from[FROM_MAX];
	size_t from_count;
	int64_t into; /* of a merge */
	int64_t parent; /* of a move: the one that it gets */
	struct text document, on;
	int64_t phase;
	struct renumber_place place; /* its id also of accounts */
	bool end; /* of the phase */
};

#define DOCUMENT { .type = FIELD_text, .name = "document", .label = "批准文号", .flags = MUST }
#define ON { .type = FIELD_date, .name = "on", .label = "生效日期", .flags = MUST }
static const struct field merge_fields[] = {
	{ .type = FIELD_area, .name = "into", .label = "并入区划", .flags = MUST }, DOCUMENT, ON,
	{ .type = FIELD_refs, .name = "from", .label = "撤销的区划", .flags = MUST, .to = "area" },
};
static const struct field move_fields[] = {
	{ .type = FIELD_area, .name = "area", .label = "区划", .flags = MUST }, DOCUMENT, ON,
	{ .type = FIELD_area, .name = "to_parent", .label = "划入的上级区划", .flags = MUST },
};
#define INTO_FIELD merge_fields[0]
#define DOCUMENT_FIELD merge_fields[1]
#define ON_FIELD merge_fields[2]
#define AREA_FIELD move_fields[0]
#define PARENT_FIELD move_fields[3]

/* ---- the tree ---- */

struct node {
	int64_t number, parent, version, successor;
	struct text name, level, code, code_date, code_document;
};

#define NODE_COLUMNS "id, parent, version, successor, name, level, code, code_date, code_document"

static struct node node_from(const struct rows *rows, struct arena *arena)
{
	return (struct node){ rows_int(rows, 0), rows_int(rows, 1), rows_int(rows, 2), rows_int(rows, 3),
		              text_copy(arena, rows_text(rows, 4)), text_copy(arena, rows_text(rows, 5)),
		              text_copy(arena, rows_text(rows, 6)), text_copy(arena, rows_text(rows, 7)),
		              text_copy(arena, rows_text(rows, 8)) };
}

static enum store_code read_node(struct tx *tx, struct arena *arena, unsigned district, int64_t number, struct node *node)
{
	struct rows *rows = db_query(tx->db, "SELECT " NODE_COLUMNS " FROM area WHERE district = ?1 AND id = ?2",
	                             BIND(value_int(district), value_int(number)));
	*node = rows_next(rows) ? node_from(rows, arena) : (struct node){ .number = 0 };
	return rows_end(rows);
}

static enum store_code note(struct tx *tx, const struct job_work *work, const char *action, int64_t number, int64_t version,
                            const char *changed, struct text detail)
{
	return journal_write(tx, &work->actor, &(struct journal_line){ .action = text_of(action), .resource = TEXT("area"),
		.record = number, .version = version, .places = { .area = number, .was_area = version > 1 ? number : 0 },
		.fields = text_of(changed), .detail = detail });
}

/* ---- asking for a merge or a move ---- */

static void wrong_area(struct call *call, const char *name, const char *code, const char *zh, const char *en)
{
	call_wrong(call, text_printf(call->arena, "/%s", name), code, text_of(zh), text_of(en));
}

/* A list of areas, taken like one field. */
static void take_from(struct input *in, struct tx *tx, struct change *c)
{
	json_t *list = json_object_get(in->object, "from");
	in->taken[in->taken_count++] = "from";
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > FROM_MAX) {
		input_wrong(in, "from", list ? "wrong_type" : "required", "应为 1 到 16 个区划", "One to sixteen areas");
		return;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct text text = json_text_of(json_array_get(list, i));
		int64_t area = 0, successor = 0;
		if (!text.ptr || !area_read(text, &area) || !territory_open(tx->db, c->district, area, &successor))
			territory_refuse(in, "from", successor);
		else
			c->from[c->from_count++] = area;
	}
}

static void take_how(struct input *in, struct tx *tx, struct change *c)
{
	take_field(in, tx, &DOCUMENT_FIELD, &c->document);
	take_field(in, tx, &ON_FIELD, &c->on);
	if (c->on.ptr && text_compare(c->on, date_text(in->call->arena, date_of_ms(tx->now_ms))) > 0)
		input_wrong(in, "on", "out_of_range", "尚未生效，到生效之日再办理", "It is not in force yet: come back on the day");
	input_finish(in);
}

/* The district's own area, and what is above it, belong to the tenant. */
static enum store_code check_place(struct tx *tx, struct call *call, int64_t area, const char *name)
{
	int64_t top = db_int(tx->db, 0, "SELECT area FROM district WHERE number = ?1", BIND(value_int(call->actor.district)));
	if (!actor_covers(&call->actor, area))
		wrong_area(call, name, "out_of_scope", "不在您的管辖范围内", "Outside your area");
	else if (area == top && name != PARENT_FIELD.name)
		wrong_area(call, name, "wrong_level", "本区自身不能撤并", "The district itself is not merged or moved");
	else if (territory_held(tx->db, call->actor.district, area))
		return call_problem(call, PROBLEM_JOB_UNDER_WAY);
	return db_code(tx->db);
}

static enum store_code check_merge(struct tx *tx, struct call *call, const struct change *c)
{
	struct node into, from;
	enum store_code code = read_node(tx, call->arena, c->district, c->into, &into);
	for (size_t i = 0; i < c->from_count && code == STORE_OK; i++) {
		code = read_node(tx, call->arena, c->district, c->from[i], &from);
		for (size_t k = 0; k < i; k++)
			if (c->from[k] == c->from[i])
				wrong_area(call, "from", "duplicate", "同一区划列了两次", "The same area is listed twice");
		if (c->from[i] == c->into || !text_eq(from.level, into.level))
			wrong_area(call, "from", "wrong_level", "须与并入的区划同级，且不是同一个",
			           "Of the same level as the area that it is merged into, and another one");
		if (code == STORE_OK)
			code = check_place(tx, call, c->from[i], "from");
	}
	return code == STORE_OK ? check_place(tx, call, c->into, "into") : code;
}

static enum store_code check_move(struct tx *tx, struct call *call, const struct change *c)
{
	struct node area, parent;
	struct series series;
	enum store_code code = read_node(tx, call->arena, c->district, c->from[0], &area);
	if (code == STORE_OK)
		code = read_node(tx, call->arena, c->district, c->parent, &parent);
	if (code == STORE_OK && (!series_under(area.level, parent.level, c->parent, &series) || area.parent == c->parent))
		wrong_area(call, "to_parent", "wrong_level", "须是另一个同级的上级区划", "Another area of the level above");
	if (code == STORE_OK)
		code = check_place(tx, call, c->from[0], "area");
	return code == STORE_OK ? check_place(tx, call, c->parent, PARENT_FIELD.name) : code;
}

static enum store_code hold_and_count(struct tx *tx, const struct change *c)
{
	struct renumbering r = { .work = c->work, .range_count = c->from_count };
	int64_t records = 0;
	enum store_code code = territory_hold(tx, c->district, c->into ? c->into : c->parent, c->work->id);
	for (size_t i = 0; i < c->from_count && code == STORE_OK; i++) {
		r.ranges[i] = c->from[i];
		code = territory_hold(tx, c->district, c->from[i], c->work->id);
		c->work->total += db_int(tx->db, 0, "SELECT count(*) FROM area WHERE district = ?1 AND id BETWEEN ?2 AND ?3"
			" AND ended_at IS NULL", BIND(value_int(c->district), value_int(c->from[i]), value_int(area_last(c->from[i]))));
	}
	if (code == STORE_OK)
		code = renumber_count(tx, &r, &records);
	c->work->total += records;
	return code;
}

static void put_change(struct json_out *json, const struct change *c)
{
	json_key(json, TEXT("from"));
	json_begin_array(json);
	for (size_t i = 0; i < c->from_count; i++)
		json_put_id(json, c->from[i]);
	json_end_array(json);
	if (c->into)
		JSON_ID(json, "into", c->into);
	else
		JSON_ID(json, "to_parent", c->parent);
	JSON_TEXT(json, "document", c->document);
	JSON_TEXT(json, "on", c->on);
}

static enum store_code take_change(struct tx *tx, struct call *call, struct job_work *work, struct json_out *out, bool merge)
{
	struct change c = { .work = work, .district = call->actor.district };
	struct input in = { .object = call->body };
	input_start(&in, call, true);
	if (merge)
		take_from(&in, tx, &c);
	else
		take_field(&in, tx, &AREA_FIELD, &c.from[0]);
	take_field(&in, tx, merge ? &INTO_FIELD : &PARENT_FIELD, merge ? &c.into : &c.parent);
	c.from_count = merge ? c.from_count : 1;
	take_how(&in, tx, &c);
	enum store_code code = db_code(tx->db);
	if (code == STORE_OK && call->problem == PROBLEM_NONE)
		code = merge ? check_merge(tx, call, &c) : check_move(tx, call, &c);
	if (code == STORE_OK && call->problem != PROBLEM_NONE)
		return STORE_REFUSED;
	if (code == STORE_OK)
		code = hold_and_count(tx, &c);
	put_change(out, &c);
	return code;
}

static enum store_code take_merge(struct tx *tx, struct call *call, struct job_work *work, struct json_out *out)
{
	return take_change(tx, call, work, out, true);
}

static enum store_code take_move(struct tx *tx, struct call *call, struct job_work *work, struct json_out *out)
{
	return take_change(tx, call, work, out, false);
}

/* ---- where the job stands ---- */

static void area_of(const json_t *input, const char *name, int64_t *area)
{
	struct text text = json_text_of(json_object_get(input, name));
	if (text.ptr)
		text_to_int(text, INT64_MAX, area);
}

static struct change change_of(struct job_work *work)
{
	struct change c = { .work = work, .district = work->actor.district };
	const json_t *from = json_object_get(work->input, "from");
	for (size_t i = 0; i < json_array_size(from) && i < FROM_MAX; i++)
		if (text_to_int(json_text_of(json_array_get(from, i)), INT64_MAX, &c.from[c.from_count]))
			c.from_count++;
	area_of(work->input, "into", &c.into);
	area_of(work->input, "to_parent", &c.parent);
	c.document = text_copy(work->arena, json_text_of(json_object_get(work->input, "document")));
	c.on = text_copy(work->arena, json_text_of(json_object_get(work->input, "on")));
	int64_t *const numbers[] = { &c.phase, &c.place.shape, &c.place.slot, &c.place.id };
	struct text rest = work->cursor;
	for (size_t i = 0; i < COUNT(numbers) && rest.len > 0; i++) {
		size_t len = 0;
		while (len < rest.len && rest.ptr[len] != ' ')
			len++;
		text_to_int((struct text){ rest.ptr, len }, INT64_MAX, numbers[i]);
		len += len < rest.len;
		rest = (struct text){ rest.ptr + len, rest.len - len };
	}
	return c;
}

static void keep_cursor(struct change *c)
{
	if (c->end) {
		c->phase++;
		c->place = (struct renumber_place){ 0 };
	}
	c->work->cursor = text_printf(c->work->arena, "%lld %lld %lld %lld", (long long)c->phase, (long long)c->place.shape,
	                              (long long)c->place.slot, (long long)c->place.id);
}

/* Which number becomes which: until an area is closed its new one refers to it, from then on it refers to the new one. */
static enum store_code find_numbers(struct tx *tx, const struct change *c, struct renumbering *r)
{
	enum store_code code = STORE_OK;
	*r = (struct renumbering){ .work = c->work, .range_count = c->from_count, .remembers = c->phase < CLOSE };
	for (size_t i = 0; i < c->from_count && code == STORE_OK; i++) {
		r->ranges[i] = c->from[i];
		if (c->into)
			renumber_add(r, c->from[i], c->into);
		struct rows *rows = db_query(tx->db, "SELECT successor, id FROM area WHERE district = ?1 AND ended_at IS NULL"
			" AND successor BETWEEN ?2 AND ?3 UNION ALL SELECT id, successor FROM area WHERE district = ?1"
			" AND id BETWEEN ?2 AND ?3 AND successor IS NOT NULL AND ended_at IS NULL",
			BIND(value_int(c->district), value_int(c->from[i]), value_int(area_last(c->from[i]))));
		while (rows_next(rows))
			if (!c->into || rows_int(rows, 0) != c->from[i])
				renumber_add(r, rows_int(rows, 0), rows_int(rows, 1));
		code = rows_end(rows);
	}
	renumber_sort(r);
	return code;
}

#define LIVING "SELECT " NODE_COLUMNS " FROM area WHERE district = ?1 AND ended_at IS NULL"
#define WITHOUT_NEW LIVING " AND id BETWEEN ?2 AND ?3 AND NOT EXISTS (SELECT 1 FROM area n WHERE n.district = area.district" \
	" AND n.successor = area.id AND n.ended_at IS NULL) ORDER BY id LIMIT ?4"
#define NOT_CLOSED LIVING " AND id BETWEEN ?2 AND ?3 AND successor IS NULL ORDER BY id LIMIT ?4"
#define OLD LIVING " AND id BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT ?4"
#define NEW LIVING " AND successor BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT ?4"

static struct rows *query_nodes(struct tx *tx, enum phase phase, const struct value *values, size_t count)
{
	switch (phase) {
	case MAKE:
		return db_query(tx->db, WITHOUT_NEW, values, count);
	case CLOSE:
		return db_query(tx->db, NOT_CLOSED, values, count);
	case UNDO_AREAS:
		return db_query(tx->db, NEW, values, count);
	default:
		return db_query(tx->db, OLD, values, count);
	}
}

/* The next areas for a phase, but the merged ones themselves when new ones are made: these get none. */
static enum store_code next_nodes(struct tx *tx, const struct change *c, struct node nodes[static AREAS_A_SLICE], size_t *count)
{
	enum store_code code = STORE_OK;
	*count = 0;
	for (size_t i = 0; i < c->from_count && *count < AREAS_A_SLICE && code == STORE_OK; i++) {
		struct rows *rows = query_nodes(tx, (enum phase)c->phase, BIND(value_int(c->district), value_int(c->from[i]),
			value_int(area_last(c->from[i])), value_int(AREAS_A_SLICE)));
		while (rows_next(rows) && *count < AREAS_A_SLICE)
			if (c->phase != MAKE || !c->into || rows_int(rows, 0) != c->from[i])
				nodes[(*count)++] = node_from(rows, c->work->arena);
		code = rows_end(rows);
	}
	return code;
}

/* ---- new areas beside the old ones ---- */

static int64_t new_area_of(struct tx *tx, const struct change *c, int64_t area)
{
	for (size_t i = 0; i < c->from_count && c->into; i++)
		if (c->from[i] == area)
			return c->into;
	return db_int(tx->db, 0, "SELECT id FROM area WHERE district = ?1 AND successor = ?2 AND ended_at IS NULL",
	              BIND(value_int(c->district), value_int(area)));
}

/* Below an area that is new itself everything keeps its last digits. */
static enum store_code new_number(struct tx *tx, const struct change *c, const struct node *a, int64_t *parent, int64_t *number)
{
	bool is_moved = !c->into && a->number == c->from[0];
	struct series series;
	struct node above;
	*parent = is_moved ? c->parent : new_area_of(tx, c, a->parent);
	*number = *parent + (a->number - a->parent);
	if (*parent != 0 && *parent != c->into && !is_moved && a->number > a->parent && is_within(*number, *parent))
		return db_code(tx->db);
	enum store_code code = read_node(tx, c->work->arena, c->district, *parent, &above);
	if (code != STORE_OK)
		return code;
	if (!series_under(a->level, above.level, *parent, &series))
		return job_fail(c->work, "下级区划的级别不合规则", "An area below has a level that does not fit");
	code = territory_next(tx, c->district, &series, number);
	return code != STORE_OK || *number ? code : job_fail(c->work, "目标区划的编号已用完", "All numbers under the other area are taken");
}

static enum store_code make_area(struct tx *tx, const struct change *c, const struct node *a)
{
	int64_t parent, number;
	enum store_code code = new_number(tx, c, a, &parent, &number);
	if (code != STORE_OK)
		return code;
	code = db_exec(tx->db, "INSERT INTO area (district, id, version, created_at, updated_at, name, level, parent, code, code_date,"
		" code_document, successor) VALUES (?1, ?2, 1, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		BIND(value_int(c->district), value_int(number), value_int(tx->now_ms), value_text(a->name), value_text(a->level),
		     value_int(parent), value_text(a->code), value_text(a->code_date), value_text(a->code_document),
		     value_int(a->number)), NULL);
	c->work->progress++;
	return code == STORE_OK ? note(tx, c->work, "create", number, 1, NULL, TEXT_NONE) : code;
}

static enum store_code make_areas(struct tx *tx, struct change *c)
{
	struct node nodes[AREAS_A_SLICE];
	size_t count;
	enum store_code code = next_nodes(tx, c, nodes, &count);
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = make_area(tx, c, &nodes[i]);
	c->end = count == 0;
	return code;
}

/* ---- closing and ending the old ones ---- */

static enum store_code set_successor(struct tx *tx, const struct change *c, const struct node *a, int64_t successor)
{
	struct buf detail = buf_in(c->work->arena, 128, 1024);
	struct json_out json = json_out(&detail);
	json_begin_object(&json);
	json_key(&json, TEXT("successor"));
	json_begin_array(&json);
	json_put_id(&json, a->successor);
	json_put_id(&json, successor);
	json_end_array(&json);
	json_end_object(&json);
	enum store_code code = db_exec(tx->db, "UPDATE area SET successor = ?1, version = ?2, updated_at = ?3"
		" WHERE district = ?4 AND id = ?5",
		BIND(value_ref(successor), value_int(a->version + 1), value_int(tx->now_ms), value_int(c->district),
		     value_int(a->number)), NULL);
	return code == STORE_OK ? note(tx, c->work, "update", a->number, a->version + 1, "successor", buf_done(&detail)) : code;
}

static enum store_code close_areas(struct tx *tx, struct change *c)
{
	struct node nodes[AREAS_A_SLICE], target;
	size_t count;
	enum store_code code = next_nodes(tx, c, nodes, &count);
	c->work->final = true;
	for (size_t i = 0; i < count && code == STORE_OK; i++) {
		int64_t number = new_area_of(tx, c, nodes[i].number);
		code = read_node(tx, c->work->arena, c->district, number, &target);
		if (code == STORE_OK)
			code = set_successor(tx, c, &nodes[i], number);
		if (code == STORE_OK && target.successor == nodes[i].number)
			code = set_successor(tx, c, &target, 0);
	}
	c->end = count == 0;
	return code;
}

static enum store_code end_area(struct tx *tx, const struct change *c, const struct node *a, const char *reason)
{
	enum store_code code = db_exec(tx->db, "UPDATE area SET ended_at = ?1, end_reason = ?2, ended_on = ?3, end_document = ?4,"
		" version = ?5, updated_at = ?1 WHERE district = ?6 AND id = ?7",
		BIND(value_int(tx->now_ms), value_text(text_of(reason)), value_text(c->on), value_text(c->document),
		     value_int(a->version + 1), value_int(c->district), value_int(a->number)), NULL);
	return code == STORE_OK ? note(tx, c->work, "end", a->number, a->version + 1, "end_reason,ended_on,end_document", TEXT_NONE) : code;
}

/* Nothing can come in since they were closed; that nothing is left is seen in the transaction that ends them. Fields without an
 * index were gone through after the closing, and whoever had begun before it and wrote behind that conflicts with the two. */
static enum store_code end_areas(struct tx *tx, struct change *c, struct renumbering *r)
{
	struct node nodes[AREAS_A_SLICE];
	size_t count;
	bool any;
	enum store_code code = renumber_any(tx, r, &any);
	if (code == STORE_OK && any) {
		c->phase = TAKE_REST;
		c->place = (struct renumber_place){ 0 };
		return STORE_OK;
	}
	if (code == STORE_OK)
		code = next_nodes(tx, c, nodes, &count);
	for (size_t i = 0; code == STORE_OK && i < count; i++)
		code = end_area(tx, c, &nodes[i], c->into ? "merged" : "moved");
	c->end = code == STORE_OK && count == 0;
	return code;
}

/* ---- the slices ---- */

static enum store_code finish(struct tx *tx, struct change *c)
{
	struct job_work *work = c->work;
	int64_t number = c->into ? c->into : db_int(tx->db, 0, "SELECT successor FROM area WHERE district = ?1 AND id = ?2",
		BIND(value_int(c->district), value_int(c->from[0])));
	work->done = true;
	work->total = work->progress;
	work->result = text_printf(work->arena, "{\"area\":\"%lld\",\"changed\":%lld}", (long long)number, (long long)work->progress);
	return territory_release(tx, c->district, work->id);
}

static enum store_code carry_out(struct tx *tx, struct change *c, struct renumbering *r)
{
	switch ((enum phase)c->phase) {
	case MAKE:
		return make_areas(tx, c);
	case WIDEN: /* whoever keeps the old areas keeps the new ones too, as long as records are in both */
		return renumber_accounts(tx, r, true, &c->place.id, &c->end);
	case TAKE_OVER:
	case TAKE_REST:
		return renumber_records(tx, r, &c->place, &c->end);
	case CLOSE:
		return close_areas(tx, c);
	case NARROW:
		return renumber_accounts(tx, r, false, &c->place.id, &c->end);
	case END:
		return end_areas(tx, c, r);
	default:
		return renumber_forget(tx, c->work, &c->end);
	}
}

static enum store_code step(struct tx *tx, struct job_work *work)
{
	struct change c = change_of(work);
	struct renumbering r;
	enum store_code code = find_numbers(tx, &c, &r);
	if (code == STORE_OK)
		code = carry_out(tx, &c, &r);
	if (code == STORE_OK && c.end && c.phase == FORGET)
		code = finish(tx, &c);
	keep_cursor(&c);
	return code;
}

/* Only the numbers of areas that the job had made stay used. */
static enum store_code undo(struct tx *tx, struct job_work *work)
{
	struct change c = change_of(work);
	struct node nodes[AREAS_A_SLICE];
	size_t count = 0;
	if (c.phase < UNDO_RECORDS)
		c.phase = UNDO_RECORDS;
	enum store_code code = c.phase == UNDO_RECORDS ? renumber_undo(tx, work, &c.end) : next_nodes(tx, &c, nodes, &count);
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = end_area(tx, &c, &nodes[i], "cancelled");
	if (c.phase == UNDO_AREAS && count == 0 && code == STORE_OK) {
		work->done = true;
		work->progress = 0;
		code = territory_release(tx, c.district, work->id);
	}
	keep_cursor(&c);
	return code;
}

static const struct about merge_about = { "merge_area", "撤并：区划", "merge: area", .takes = BODY_MEMBERS, .in = { ROWS(merge_fields) },
	                                  JOB_ANSWER };
static const struct about move_about = { "move_area", "划转：区划", "move: area", .takes = BODY_MEMBERS, .in = { ROWS(move_fields) },
	                                 JOB_ANSWER };
static const struct job_kind jobs[] = {
	{ "area_merge", "/api/v1/area_merges", "area.write", "区划撤并", "merging areas", take_merge, step, undo,
	  &merge_about, false },
	{ "area_move", "/api/v1/area_moves", "area.write", "区划划转", "moving an area", take_move, step, undo,
	  &move_about, false },
};

const struct module area_change_module = {
	.name = "area_change", .file = __FILE__, .jobs = jobs, .job_count = COUNT(jobs), .schema = &territory_schema,
};
