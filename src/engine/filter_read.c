/* SPDX-License-Identifier: Apache-2.0 */
/* filter_read.c - a filter out of JSON: every name, operator and literal is checked against the declaration. */
#include "engine/filter_tree.h"

#include "base/arena.h"
#include "base/check.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { TODAY_MAX = 40000, AGE_MAX = 150, LITERAL_BYTES_MAX = 4096, PATH_MAX_STEPS = 2 * FILTER_DEPTH_MAX + 8 };

enum wrong {
	NOT_A_CONDITION, UNKNOWN_OPERATOR, BAD_ARGUMENTS, UNKNOWN_FIELD, PROTECTED_FIELD, NOT_FILTERABLE, WRONG_OPERATOR, WRONG_TYPE,
	UNKNOWN_WORD, BAD_DATE, BAD_INSTANT, BAD_AREA, BAD_ID, BAD_CHARACTERS, TOO_LONG, TOO_PRECISE, OUT_OF_RANGE, TOO_DEEP,
	TOO_MANY_CONDITIONS, TOO_MANY_VALUES
};

static const struct {
	const char *code, *zh, *en;
} wrongs[] = {
	[NOT_A_CONDITION] = { "not_a_condition", "此处应为只含一个运算的对象", "An object with one operator is expected here" },
	[UNKNOWN_OPERATOR] = { "unknown_operator", "没有这种运算", "There is no such operator" },
	[BAD_ARGUMENTS] = { "bad_arguments", "参数的个数或形式不对", "The operator takes other arguments" },
	[UNKNOWN_FIELD] = { "unknown_field", "没有此字段", "There is no such field" },
	[PROTECTED_FIELD] = { "protected_field", "此字段受保护，不能作为条件", "The field is protected and cannot be in a condition" },
	[NOT_FILTERABLE] = { "not_filterable", "此类字段不能作为条件", "A field of this type cannot be in a condition" },
	[WRONG_OPERATOR] = { "wrong_operator", "此字段不能用这种运算", "The operator does not fit the field" },
	[WRONG_TYPE] = { "wrong_type", "值的类型与字段不符", "The value is not of the field's type" },
	[UNKNOWN_WORD] = { "unknown_word", "不是此字段可取的值", "The field has no such word" },
	[BAD_DATE] = { "bad_date", "不是有效的日期（YYYY-MM-DD）", "Not a day (YYYY-MM-DD)" },
	[BAD_INSTANT] = { "bad_instant", "不是有效的时刻（RFC 3339，精确到毫秒）", "Not an instant (RFC 3339, to the millisecond)" },
	[BAD_AREA] = { "bad_area", "不是有效的区划代码", "Not an area code" },
	[BAD_ID] = { "bad_id", "不是有效的记录编号", "Not a record's id" },
	[BAD_CHARACTERS] = { "bad_characters", "含有不允许的字符", "Characters that are not allowed" },
	[TOO_LONG] = { "too_long", "文字太长", "The text is too long" },
	[TOO_PRECISE] = { "too_precise", "数值过大或小数位数过多", "The number is too large, or has too many decimals" },
	[OUT_OF_RANGE] = { "out_of_range", "数值超出范围", "The number is out of range" },
	[TOO_DEEP] = { "too_deep", "嵌套太深（至多 32 层）", "Nested too deeply (at most 32)" },
	[TOO_MANY_CONDITIONS] = { "too_many_conditions", "条件太多（至多 200 个）", "Too many conditions (at most 200)" },
	[TOO_MANY_VALUES] = { "too_many_values", "值太多（至多 160 个）", "Too many values (at most 160)" },
};

/* One step of the pointer to where the reader is: a member, or with `key` NULL an item. */
struct step {
	const char *key;
	size_t index;
};

struct reader {
	struct arena *arena;
	const struct shape *shape;
	const struct filter_world *world;
	struct filter_fault *fault;
	struct step path[PATH_MAX_STEPS];
	size_t steps;
	size_t depth, leaves, values;
};

static void into(struct reader *r, const char *key)
{
	assert(r->steps < PATH_MAX_STEPS);
	r->path[r->steps++] = (struct step){ .key = key };
}

static void into_item(struct reader *r, size_t index)
{
	assert(r->steps < PATH_MAX_STEPS);
	r->path[r->steps++] = (struct step){ .index = index };
}

static void out_of(struct reader *r)
{
	r->steps--;
}

/* Steps are left standing when something is wrong, so that they tell where. Their keys are ours: nothing to escape. */
static bool refuse(struct reader *r, enum wrong wrong)
{
	struct buf pointer = buf_in(r->arena, 64, 4096);
	for (size_t i = 0; i < r->steps; i++) {
		buf_char(&pointer, '/');
		if (r->path[i].key)
			buf_text(&pointer, text_of(r->path[i].key));
		else
			buf_int(&pointer, (int64_t)r->path[i].index);
	}
	*r->fault = (struct filter_fault){ wrongs[wrong].code, text_of(wrongs[wrong].zh), text_of(wrongs[wrong].en),
		                           buf_done(&pointer) };
	return false;
}

/* ---- literals ---- */

static bool read_text(struct reader *r, const json_t *source, struct text *out)
{
	struct text text = json_text_of(source);
	if (!text.ptr)
		return refuse(r, WRONG_TYPE);
	if (text.len > LITERAL_BYTES_MAX)
		return refuse(r, TOO_LONG);
	if (text_utf8_length(text) == SIZE_MAX)
		return refuse(r, BAD_CHARACTERS);
	*out = text_copy(r->arena, text);
	return true;
}

/* Only the word itself: what it is called in Chinese may change. */
static bool read_word(struct reader *r, const struct field *field, const json_t *source, struct text *out)
{
	struct text text = json_text_of(source);
	if (!text.ptr)
		return refuse(r, WRONG_TYPE);
	for (const struct word *word = field->words; word && word->word; word++)
		if (text_is(text, word->word)) {
			*out = text_of(word->word);
			return true;
		}
	return refuse(r, UNKNOWN_WORD);
}

static bool read_from_today(struct reader *r, const json_t *source, struct literal *out)
{
	const json_t *days = json_object_get(source, "today");
	if (!days || json_object_size(source) != 1 || !json_is_integer(days))
		return refuse(r, WRONG_TYPE);
	if (json_integer_value(days) < -TODAY_MAX || json_integer_value(days) > TODAY_MAX)
		return refuse(r, OUT_OF_RANGE);
	*out = (struct literal){ .from_today = true, .number = json_integer_value(days) };
	return true;
}

static bool read_day(struct reader *r, const json_t *source, struct literal *out)
{
	struct date day;
	struct text text = json_text_of(source);
	if (json_is_object(source))
		return read_from_today(r, source, out);
	if (!text.ptr || !date_read(text, &day))
		return refuse(r, text.ptr ? BAD_DATE : WRONG_TYPE);
	out->text = text_copy(r->arena, text);
	return true;
}

static bool read_instant(struct reader *r, const json_t *source, struct literal *out)
{
	struct text text = json_text_of(source);
	if (json_is_object(source))
		return read_from_today(r, source, out);
	if (!text.ptr || !clock_read(text, &out->number))
		return refuse(r, text.ptr ? BAD_INSTANT : WRONG_TYPE);
	return true;
}

/* A fraction has come through a double. It is taken for the decimal that gives the same double: below 2^53 units there is
 * only one. */
static bool read_decimal(struct reader *r, const struct field *field, const json_t *source, int64_t *out)
{
	int64_t unit = 1;
	for (unsigned i = 0; i < field->scale; i++)
		unit *= 10;
	if (json_is_integer(source))
		return !__builtin_mul_overflow((int64_t)json_integer_value(source), unit, out) || refuse(r, TOO_PRECISE);
	if (!json_is_real(source))
		return refuse(r, WRONG_TYPE);
	double units = json_real_value(source) * (double)unit;
	if (!(fabs(units) < 9007199254740992.0))
		return refuse(r, TOO_PRECISE);
	*out = llround(units);
	return (double)*out / (double)unit == json_real_value(source) || refuse(r, TOO_PRECISE);
}

static bool read_integer(struct reader *r, const json_t *source, int64_t *out)
{
	*out = json_integer_value(source);
	return json_is_integer(source) || refuse(r, WRONG_TYPE);
}

static bool read_number(struct reader *r, const json_t *source, bool (*read)(struct text text, int64_t *number), enum wrong wrong,
                        int64_t *out)
{
	struct text text = json_text_of(source);
	return (text.ptr && read(text, out)) || refuse(r, text.ptr ? wrong : WRONG_TYPE);
}

/* In an array of words or ids each stands in quotation marks, and is looked for with them. */
static void quote(struct reader *r, struct literal *literal)
{
	struct text text = literal->text;
	literal->text = text.ptr ? text_printf(r->arena, "\"%.*s\"", TEXT_ARG(text))
	                         : text_printf(r->arena, "\"%lld\"", (long long)literal->number);
}

static bool read_years(struct reader *r, const json_t *source, int64_t *out)
{
	return read_integer(r, source, out) && ((*out >= 0 && *out <= AGE_MAX) || refuse(r, OUT_OF_RANGE));
}

static bool read_boolean(struct reader *r, const json_t *source, int64_t *out)
{
	*out = json_is_true(source);
	return json_is_boolean(source) || refuse(r, WRONG_TYPE);
}

static bool read_typed(struct reader *r, const struct filter *leaf, const json_t *source, struct literal *out)
{
	const struct field *field = leaf->slot->field;
	switch (filter_type(leaf)) {
	case FIELD_text:
	case FIELD_uscc:
		return read_text(r, source, &out->text);
	case FIELD_word:
	case FIELD_words:
	case FIELD_tags:
		return read_word(r, field, source, &out->text);
	case FIELD_integer:
	case FIELD_money:
		return read_integer(r, source, &out->number);
	case FIELD_decimal:
		return read_decimal(r, field, source, &out->number);
	case FIELD_boolean:
		return read_boolean(r, source, &out->number);
	case FIELD_date:
		return leaf->age ? read_years(r, source, &out->number) : read_day(r, source, out);
	case FIELD_instant:
		return read_instant(r, source, out);
	case FIELD_ref:
	case FIELD_refs:
		return read_number(r, source, id_read, BAD_ID, &out->number);
	case FIELD_area:
		return read_number(r, source, area_read, BAD_AREA, &out->number);
	case FIELD_point:
	case FIELD_id_card:
	case FIELD_phone:
	case FIELD_file:
	case FIELD_answers:
	case FIELD_TYPES:
		break;
	}
	return refuse(r, NOT_FILTERABLE);
}

static bool read_literal(struct reader *r, const struct filter *leaf, const json_t *source, struct literal *out)
{
	enum field_type type = filter_type(leaf);
	if (++r->values > QUERY_VALUES_MAX)
		return refuse(r, TOO_MANY_VALUES);
	if (!read_typed(r, leaf, source, out))
		return false;
	if (type == FIELD_words || type == FIELD_refs)
		quote(r, out);
	return true;
}

/* ---- fields ---- */

static bool find_through(struct reader *r, struct text name, struct filter *leaf)
{
	const struct slot *slot = shape_slot(r->shape, name);
	if (!slot || slot->field->type != FIELD_ref || !slot->field->to)
		return refuse(r, UNKNOWN_FIELD);
	if (field_is_sealed(slot->field))
		return refuse(r, PROTECTED_FIELD);
	leaf->through = slot;
	leaf->shape = r->world->shape ? r->world->shape(slot->field->to, r->world->arg) : NULL;
	return leaf->shape || refuse(r, UNKNOWN_FIELD);
}

static bool find_field(struct reader *r, struct text name, struct filter *leaf)
{
	const char *dot = memchr(name.ptr, '.', name.len);
	leaf->shape = r->shape;
	if (dot) {
		struct text before = { name.ptr, (size_t)(dot - name.ptr) };
		name = (struct text){ dot + 1, name.len - before.len - 1 };
		if (!find_through(r, before, leaf))
			return false;
	}
	leaf->slot = shape_slot(leaf->shape, name);
	if (!leaf->slot)
		return refuse(r, UNKNOWN_FIELD);
	if (field_is_sealed(leaf->slot->field))
		return refuse(r, PROTECTED_FIELD);
	return leaf->slot->field->type != FIELD_point || refuse(r, NOT_FILTERABLE);
}

static bool is_variable(const json_t *source)
{
	return json_object_size(source) == 1 && json_is_string(json_object_get(source, "var"));
}

static bool read_variable(struct reader *r, const json_t *source, struct filter *leaf)
{
	if (!is_variable(source))
		return refuse(r, BAD_ARGUMENTS);
	into(r, "var");
	if (!find_field(r, json_text_of(json_object_get(source, "var")), leaf))
		return false;
	out_of(r);
	return true;
}

/* {"var":...} or {"age":{"var":...}} */
static bool read_operand(struct reader *r, const json_t *source, struct filter *leaf)
{
	const json_t *dated = json_object_get(source, "age");
	if (!dated || json_object_size(source) != 1)
		return read_variable(r, source, leaf);
	leaf->age = true;
	into(r, "age");
	if (!read_variable(r, dated, leaf))
		return false;
	out_of(r);
	return leaf->slot->field->type == FIELD_date || refuse(r, WRONG_OPERATOR);
}

/* ---- conditions ---- */

enum { EQUALITY = 1, ORDER = 2, LIST = 4, HAS = 8, WITHIN = 16, STARTS = 32 };

static const unsigned char type_operators[FIELD_TYPES] = {
	[FIELD_text] = EQUALITY | ORDER | LIST | STARTS, [FIELD_uscc] = EQUALITY | ORDER | LIST | STARTS,
	[FIELD_word] = EQUALITY | LIST, [FIELD_words] = HAS, [FIELD_tags] = HAS, [FIELD_refs] = HAS,
	[FIELD_integer] = EQUALITY | ORDER | LIST, [FIELD_money] = EQUALITY | ORDER | LIST, [FIELD_decimal] = EQUALITY | ORDER | LIST,
	[FIELD_boolean] = EQUALITY, [FIELD_date] = EQUALITY | ORDER | LIST, [FIELD_instant] = EQUALITY | ORDER | LIST,
	[FIELD_ref] = EQUALITY | ORDER | LIST, [FIELD_area] = EQUALITY | LIST | WITHIN,
};

static const unsigned char operator_kinds[FILTER_OPS] = {
	[FILTER_EQUAL] = EQUALITY, [FILTER_UNEQUAL] = EQUALITY, [FILTER_LESS] = ORDER, [FILTER_AT_MOST] = ORDER, [FILTER_MORE] = ORDER,
	[FILTER_AT_LEAST] = ORDER, [FILTER_IN] = LIST, [FILTER_HAS] = HAS, [FILTER_WITHIN] = WITHIN, [FILTER_STARTS] = STARTS,
};

static bool fits(const struct filter *leaf)
{
	unsigned may = leaf->age ? EQUALITY | ORDER : type_operators[filter_type(leaf)];
	return (may & operator_kinds[leaf->op]) != 0;
}

static bool read_literals(struct reader *r, const json_t *source, struct filter *leaf)
{
	bool listed = leaf->op == FILTER_IN;
	size_t count = listed ? json_array_size(source) : 1;
	if (count == 0)
		return refuse(r, BAD_ARGUMENTS);
	if (count > QUERY_VALUES_MAX - r->values)
		return refuse(r, TOO_MANY_VALUES);
	leaf->literals = arena_take(r->arena, count * sizeof *leaf->literals);
	leaf->literal_count = count;
	for (size_t i = 0; i < count; i++) {
		if (listed)
			into_item(r, i);
		if (!read_literal(r, leaf, listed ? json_array_get(source, i) : source, &leaf->literals[i]))
			return false;
		if (listed)
			out_of(r);
	}
	return true;
}

static bool read_condition(struct reader *r, const json_t *args, struct filter *leaf)
{
	if (!json_is_array(args) || json_array_size(args) != 2)
		return refuse(r, BAD_ARGUMENTS);
	if (leaf->op == FILTER_IN && is_variable(json_array_get(args, 1)))
		leaf->op = FILTER_HAS;
	size_t at = leaf->op == FILTER_HAS ? 1 : 0;
	into_item(r, at);
	if (!read_operand(r, json_array_get(args, at), leaf))
		return false;
	out_of(r);
	if (!fits(leaf))
		return refuse(r, WRONG_OPERATOR);
	into_item(r, 1 - at);
	if (!read_literals(r, json_array_get(args, 1 - at), leaf))
		return false;
	out_of(r);
	return true;
}

/* What an operator of one argument is applied to, which may also stand alone in an array; NULL: there is none. */
static const json_t *only_argument(struct reader *r, const json_t *args)
{
	if (!json_is_array(args))
		return args;
	if (json_array_size(args) != 1) {
		refuse(r, BAD_ARGUMENTS);
		return NULL;
	}
	into_item(r, 0);
	return json_array_get(args, 0);
}

static bool read_missing(struct reader *r, const json_t *args, struct filter *leaf)
{
	const json_t *source = only_argument(r, args);
	if (!source || !read_variable(r, source, leaf))
		return false;
	if (source != args)
		out_of(r);
	return true;
}

static struct filter *read_leaf(struct reader *r, enum filter_op op, const json_t *args)
{
	struct filter *leaf = arena_take(r->arena, sizeof *leaf);
	leaf->op = op;
	if (++r->leaves > FILTER_LEAVES_MAX) {
		refuse(r, TOO_MANY_CONDITIONS);
		return NULL;
	}
	if (!(op == FILTER_MISSING ? read_missing(r, args, leaf) : read_condition(r, args, leaf)))
		return NULL;
	leaf->stack = 2u + (leaf->through ? 10u : 0u) + (filter_type(leaf) == FIELD_tags ? 10u : 0u);
	return leaf;
}

/* ---- and, or, not ---- */

static struct filter *read_node(struct reader *r, const json_t *source);

/* In SQL the part that goes deepest stands first, where only a parenthesis waits for it: see filter_sql.c. */
static unsigned stack_of(const struct filter *list)
{
	unsigned first = 0, second = 0;
	for (size_t i = 0; i < list->part_count; i++) {
		unsigned stack = list->parts[i]->stack;
		if (stack > first) {
			second = first;
			first = stack;
		} else if (stack > second) {
			second = stack;
		}
	}
	return first + 1 > second + 3 ? first + 1 : second + 3;
}

static struct filter *read_list(struct reader *r, enum filter_op op, const json_t *args)
{
	size_t count = json_array_size(args);
	if (count == 0 || count > FILTER_LEAVES_MAX) {
		refuse(r, count == 0 ? BAD_ARGUMENTS : TOO_MANY_CONDITIONS);
		return NULL;
	}
	struct filter *list = arena_take(r->arena, sizeof *list);
	list->op = op;
	list->parts = arena_take(r->arena, count * sizeof *list->parts);
	for (; list->part_count < count; list->part_count++) {
		into_item(r, list->part_count);
		struct filter *part = read_node(r, json_array_get(args, list->part_count));
		if (!part)
			return NULL;
		list->parts[list->part_count] = part;
		out_of(r);
	}
	list->stack = stack_of(list);
	return count == 1 ? list->parts[0] : list;
}

/* Of what is only true or false, twice the negation is the thing itself. */
static struct filter *read_not(struct reader *r, const json_t *args)
{
	const json_t *source = only_argument(r, args);
	struct filter *part = source ? read_node(r, source) : NULL;
	if (!part)
		return NULL;
	if (source != args)
		out_of(r);
	if (part->op == FILTER_NOT)
		return part->parts[0];
	struct filter *not = arena_take(r->arena, sizeof *not);
	*not = (struct filter){ .op = FILTER_NOT, .stack = part->stack + (part->part_count == 0), .part_count = 1 };
	not->parts = arena_take(r->arena, sizeof *not->parts);
	not->parts[0] = part;
	return not;
}

static struct filter *read_operator(struct reader *r, const json_t *source)
{
	if (json_object_size(source) != 1) {
		refuse(r, NOT_A_CONDITION);
		return NULL;
	}
	for (enum filter_op op = 0; op < FILTER_OPS; op++) {
		const json_t *args = json_object_get(source, filter_operators[op]);
		if (!args)
			continue;
		into(r, filter_operators[op]);
		struct filter *filter = op == FILTER_AND || op == FILTER_OR ? read_list(r, op, args)
		                        : op == FILTER_NOT                  ? read_not(r, args)
		                                                            : read_leaf(r, op, args);
		if (filter)
			out_of(r);
		return filter;
	}
	refuse(r, UNKNOWN_OPERATOR);
	return NULL;
}

static struct filter *read_node(struct reader *r, const json_t *source)
{
	if (r->depth == FILTER_DEPTH_MAX) {
		refuse(r, TOO_DEEP);
		return NULL;
	}
	r->depth++;
	struct filter *filter = read_operator(r, source);
	r->depth--;
	return filter;
}

struct filter *filter_read(struct arena *arena, const struct shape *shape, const json_t *source,
                           const struct filter_world *world, struct filter_fault *fault)
{
	struct reader r = { .arena = arena, .shape = shape, .world = world, .fault = fault };
	*fault = (struct filter_fault){ 0 };
	return read_node(&r, source);
}

const char *filter_operator_of(const struct field *field, size_t index)
{
	if (field->type >= FIELD_TYPES || field_is_sealed(field) || field->type == FIELD_point)
		return NULL;
	for (enum filter_op op = 0; op < FILTER_OPS; op++)
		if ((op == FILTER_MISSING || (type_operators[field->type] & operator_kinds[op])) && index-- == 0)
			return filter_operators[op];
	return NULL;
}
