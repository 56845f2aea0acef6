/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_part.h - one part of a workbook: an entry of its package, as the events of its XML. Seen only by xlsx*.c. */
#ifndef BASE_XLSX_PART_H
#define BASE_XLSX_PART_H

#include "base/xlsx_package.h"

#include <expat.h>

struct part;

/* `depth` of the root is 1; names come without their prefix. Of what is not wanted an event may be NULL. */
struct part_events {
	void (*begin)(struct part *part, unsigned depth, const char *name, const char **attributes);
	void (*end)(struct part *part, unsigned depth);
	void (*text)(struct part *part, const char *bytes, size_t len);
};

enum part_result { PART_END, PART_PAUSED, PART_WRONG /* package->wrong */ };

struct part {
	struct package *package;
	struct entry entry;
	XML_Parser parser;
	const struct part_events *events;
	void *arg;
	unsigned depth;
	bool paused, at_end;
	size_t memory; /* that the parser holds */
	bool memory_refused;
};

/* One part that is read at once; `arg` as part->arg. False: package->wrong. */
bool part_read(struct package *package, const char *name, const struct part_events *events, void *arg);

/* One that is read bit by bit; a part of which this was not called is all zero, and may be closed. */
bool part_open(struct part *part, struct package *package, const char *name, const struct part_events *events, void *arg);
enum part_result part_run(struct part *part); /* to its end, or to the next pause */
void part_close(struct part *part);

/* Inside an event: no more of them until part_run is called again, or ever. */
void part_pause(struct part *part);
void part_refuse(struct part *part, enum xlsx_wrong wrong);
const char *part_attribute(const char **attributes, const char *name); /* without its prefix; NULL: none */
bool part_number(const char *digits, unsigned max, unsigned *out); /* no sign, no blanks */

#endif
