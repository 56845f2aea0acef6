/* SPDX-License-Identifier: Apache-2.0 */
/* cell.h - what people and Excel write into a cell, as a field takes it. */
#ifndef EDGE_CELL_H
#define EDGE_CELL_H

#include "engine/field.h"

/* What is worth saying of a cell that was read. */
enum cell_note {
	CELL_FINE,
	CELL_ROUNDED, /* Excel kept a number in place of digits, and has lost the last ones: it is not guessed */
	CELL_CONVERTED /* an ID card of 15 digits, from which the one of 18 follows */
};

/* Full-width digits and blanks, what is not seen, dates in any order that is clear, serial numbers of days, telephones with
 * dashes, units behind numbers, other words for a word. What is not understood comes back as it was; the field will refuse it.
 * The result lives as long as the arena, or as the cell. */
struct text cell_read(struct arena *arena, const struct field *field, struct text cell, enum cell_note *note);
/* Yes: 1, no: 0, anything else: -1. */
int cell_yes_or_no(struct text cell);
/* A header without what is decoration: blanks, stars, notes in brackets. */
struct text cell_header(struct arena *arena, struct text cell);

#endif
