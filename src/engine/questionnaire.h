/* SPDX-License-Identifier: Apache-2.0 */
/* questionnaire.h - questions as data (standards/questionnaires/): what is asked, when, and what an answer counts, how urgent it is
 * and which need it tells of. A questionnaire has versions, each of which holds for a time; answers are kept with their version, and
 * are read by it for ever. The form of the files is told in standards/README.md.
 *
 * A field of answers (FIELD_answers, `.questionnaire = "welfare_visit"`) keeps them sealed, as
 *
 *	{"questionnaire":"welfare_visit","version":1,"answers":{"at_home":"yes","fell":false}}
 */
#ifndef ENGINE_QUESTIONNAIRE_H
#define ENGINE_QUESTIONNAIRE_H

#include "engine/app.h"
#include "engine/filter.h"

enum {
	QUESTIONNAIRE_ITEMS_MAX = 64,
	QUESTIONNAIRE_OPTIONS_MAX = 40, /* of an item */
	QUESTIONNAIRE_NEEDS_MAX = 64, /* words, of a version */
	QUESTIONNAIRE_SUMS_MAX = 16,
	QUESTIONNAIRE_GRADES_MAX = 16, /* of a sum */
	QUESTIONNAIRE_VERSIONS_MAX = 64, /* in a file */
	QUESTIONNAIRE_CHARS_MAX = 4000, /* of all texts of a version: what is kept of it stays small */
	QUESTIONNAIRE_SCORE_MAX = 1000
};

enum urgency { URGENCY_NONE, URGENCY_SOON, URGENCY_NOW, URGENCIES };
extern const struct word urgencies[]; /* by enum urgency */

/* What an answer means. */
struct meaning {
	bool scored;
	int64_t score;
	enum urgency urgency;
	uint64_t needs; /* of the version's, a bit each */
};

struct question {
	struct field field; /* name, labels, type, limits, words, MUST */
	const struct word *options; /* of a boolean: yes and no, where they mean something */
	const struct meaning *meanings; /* one an option */
	size_t option_count;
	struct text when; /* the condition as it was written; missing: it is always asked */
	const struct filter *asked;
};

struct grade {
	const char *word, *zh;
	int64_t min, max;
};

/* A sum of scores, and what it is called by how high it is. */
struct sum {
	const char *name, *zh, *en;
	uint64_t items; /* that count, a bit each */
	int64_t least, most; /* that can come out */
	const struct grade *grades;
	size_t grade_count;
};

/* One version. */
struct questionnaire {
	struct text name, zh, en;
	int64_t version;
	struct text from, to; /* days; it no longer holds on the second; missing: nobody knows of an end */
	struct text source; /* the standard and its clause, or the district */
	struct text dictionary; /* whose words the needs are: "elder.needs"; empty: it tells of none */
	struct text *needs;
	size_t need_count;
	struct question *items;
	size_t item_count;
	struct sum *sums;
	size_t sum_count;
	struct shape shape; /* of the answers, as conditions see them: a slot for each item */
};

/* What is wrong with a file. */
struct questionnaire_fault {
	struct text file;
	size_t line;
	struct text what; /* and what to do about it */
};

/* Reads one file, NAME.txt with all versions of the questionnaire, in their order: how many there are; 0: something is wrong. What
 * is read lasts as long as the arena and the bytes. */
size_t questionnaire_parse(struct arena *arena, struct text file, struct text bytes, struct questionnaire *list[QUESTIONNAIRE_VERSIONS_MAX],
                           struct questionnaire_fault *fault);

/* Those in the program, by name and version. They are read once; a mistake in one ends the process, so whoever starts something
 * calls questionnaires_load first. NULL where there is none. */
void questionnaires_load(void);
size_t questionnaire_count(void);
const struct questionnaire *questionnaire_at(size_t index);
const struct questionnaire *questionnaire_version(struct text name, int64_t version);
const struct questionnaire *questionnaire_on(struct text name, struct text day); /* which holds on that day */
/* The same without an end: what is wrong with the files; NULL: nothing is. */
const struct questionnaire_fault *questionnaires_fault(void);
/* Writes a line for each mistake, also for a need that its dictionary does not have; how many there are. */
size_t questionnaires_check(const struct module *const *modules, size_t count, struct buf *out);

/* How high a sum is, and what that is called; NULL: it has no grades. */
struct summed {
	int64_t score;
	const struct grade *grade;
};

struct answered {
	const struct questionnaire *of;
	const struct wrong *wrongs; /* pointers into the answers: "/fell" */
	size_t wrong_count;
	/* where nothing is wrong: */
	struct text json; /* as it is kept */
	enum urgency urgency; /* the highest */
	uint64_t needs;
	struct summed *sums; /* one for each of the version's */
};

/* Takes answers, {"item":value,...}: each value as a field of its type takes it, those that must be there and are asked, and none to
 * what is not asked. False: something is wrong. */
bool questionnaire_read(const struct questionnaire *questionnaire, struct arena *arena, const json_t *answers, struct answered *out);
/* The same of what was kept, by its own version. False also where it is none of ours. */
bool questionnaire_answered(struct arena *arena, struct text kept, struct answered *out);
/* The needs that answers tell of, as a field of words takes them: ["meals","nursing"]. */
struct text answered_needs(struct arena *arena, const struct answered *answered);
/* Takes what came for a field of answers: answers alone, which are of the version of that day; or as they are kept, of a version that
 * has begun by then. What is to be kept; missing: what is wrong stands in the call. */
struct text questionnaire_take(struct call *call, const struct field *field, struct text day, const json_t *said);

/* Markdown, for docs/resources.md. */
void questionnaires_describe(struct buf *out);

extern const struct module questionnaire_module; /* its routes: the structure, for whoever makes a form of it */

#endif
