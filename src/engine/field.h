/* SPDX-License-Identifier: Apache-2.0 */
/* field.h - one column of a declared resource: its type, its limits, who may see it, what it is called.
 *
 * A resource's fields are one list, expanded twice:
 *
 *	#define ELDER(F) \
 *		F(text, name, "姓名", MUST, .max = 50, .en = "name") \
 *		F(date, born_on, "出生日期", MUST | SORT, .en = "birth date")
 *	struct elder { struct record is; ELDER(FIELD_MEMBER) };
 *	static const struct field elder_fields[] = { ELDER(FIELD_ROW) };
 *
 * Every member is of eight or sixteen bytes, so where each stands follows from the order of the list. */
#ifndef ENGINE_FIELD_H
#define ENGINE_FIELD_H

#include "base/json.h"
#include "store/store.h"

/* The value of a missing number, boolean or instant; of a missing reference or area it is 0. */
#define MISSING INT64_MIN

struct point {
	double lat, lon; /* WGS-84, degrees; both 0: missing */
};

/* What a member is, by the type's name. */
typedef struct text text_value; /* one line or many, `max` characters */
typedef struct text word_value; /* one of `words` */
typedef struct text words_value; /* several of `words`: a JSON array, in the dictionary's order */
typedef struct text tags_value; /* several of `words`, each with source, from and to: a JSON array of objects */
typedef int64_t integer_value; /* min..max */
typedef int64_t money_value; /* fen */
typedef int64_t decimal_value; /* in units of 10^-scale */
typedef int64_t boolean_value; /* 0, 1, MISSING */
typedef struct text date_value; /* YYYY-MM-DD */
typedef int64_t instant_value; /* UTC milliseconds */
typedef int64_t ref_value; /* id of a record of the resource `to` */
typedef struct text refs_value; /* JSON array of ids as decimal strings, ascending */
typedef struct point point_value;
typedef int64_t area_value; /* number of the area tree */
typedef struct text id_card_value; /* 18 characters; sealed */
typedef struct text uscc_value; /* 18 characters, GB 32100 */
typedef struct text phone_value; /* as phone_read writes it; sealed */
typedef struct text file_value; /* JSON: {"id","type","bytes"}; the file itself lies encrypted on disk (files.h) */
typedef struct text answers_value; /* JSON, by a version of `questionnaire` (questionnaire.h); sealed, and HEALTH */

enum field_type {
	FIELD_text, FIELD_word, FIELD_words, FIELD_tags, FIELD_integer, FIELD_money, FIELD_decimal, FIELD_boolean, FIELD_date,
	FIELD_instant, FIELD_ref, FIELD_refs, FIELD_point, FIELD_area, FIELD_id_card, FIELD_uscc, FIELD_phone, FIELD_file, FIELD_answers,
	FIELD_TYPES,
	FIELD_object = FIELD_TYPES /* some JSON object: no field of a record, only in what a route says of itself (about.h) */
};

enum field_flag {
	OPTIONAL = 0,
	MUST = 1 << 0, /* a record has it, from its creation on */
	SORT = 1 << 1, /* lists may be in its order: there is an index */
	INDEX = 1 << 2, /* filters by it are fast: there is an index */
	UNIQUE = 1 << 3, /* in the district, among the records that have not ended */
	ZERO = 1 << 4, /* a number that is 0 where nobody has said it */
	SEALED = 1 << 5, /* encrypted; shown masked; neither filtered nor sorted by */
	HEALTH = 1 << 6, /* sealed, and shown to nobody without a reason */
	KEPT = 1 << 7, /* kept by the system: answered, never taken */
	SEARCH = 1 << 8, /* found by its characters, in any order of words */
	DETAIL = 1 << 9, /* answered of a single record, and in lists when it is asked for; such fields stand last */
	FIXED = 1 << 10, /* said when a record is made, and never changed */
	RAW = 1 << 11, /* a text that the system keeps as JSON, and answers as that */
	PINYIN = 1 << 12, /* with SEARCH, of a name: also by a single character, and as it is spoken or begins */
	PERSON = 1 << 13, /* with PINYIN: it begins with a surname, which may be spoken in its own way */
	HIDDEN = 1 << 14 /* with KEPT: it says whose the record is, and is neither answered nor asked by */
};

struct word {
	const char *word, *zh; /* either is accepted; the word is stored. An array ends with { NULL, NULL } */
};

struct field {
	enum field_type type;
	const char *name;
	const char *label; /* in Chinese */
	unsigned flags;
	/* options, by name */
	const char *en; /* the label in English; without it the name, with blanks */
	int64_t min, max; /* of a number; `max` also of a text, in characters (200 when it is not said) */
	const struct word *words;
	const char *to; /* the resource of a reference */
	const char *questionnaire; /* what answers are to */
	unsigned scale; /* decimals of a decimal */
	const char *was; /* the name that the store may still have it under */
	const char *headers; /* other names of its column in files, with | between */
	const char *owner; /* the department whose word on it counts (一数一源); NULL: whoever keeps the record */
};

#define FIELD_MEMBER(kind, member, ...) kind##_value member;
#define FIELD_ROW(kind, member, ...) { .type = FIELD_##kind, .name = #member, .label = __VA_ARGS__ },

/* The last row of a ledger that is loaded from files: what their columns hold for which it has no field, a line for each. Nobody
 * knows what that is, so it is protected like what is said of somebody's health, and never counted with. */
#define OTHER_COLUMNS(F) F(text, extra, "其他列", SEALED | HEALTH | DETAIL, .max = 4000, .en = "other columns")

/* What every record has, kept by the system. First member of each typed record. */
struct record {
	int64_t id, version, created_at, updated_at, ended_at; /* ended_at MISSING: it has not ended */
	struct text end_reason; /* a word of the resource */
	struct text ended_on; /* the day since which it no longer holds; ended_at is when that was entered */
};

enum value_type field_value(const struct field *field); /* of its column: VALUE_INT, VALUE_TEXT, VALUE_REAL (both of a point) */
bool field_is_text(const struct field *field);
bool field_is_sealed(const struct field *field);
size_t field_size(const struct field *field); /* of the member */
int64_t field_missing(const struct field *field); /* what an int64_t is where there is no value */
const struct field *field_find(const struct field *fields, size_t count, struct text name);
size_t word_count(const struct word *words);
const struct word *word_find(const struct word *words, struct text text);

#endif
