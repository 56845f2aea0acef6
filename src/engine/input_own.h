/* SPDX-License-Identifier: Apache-2.0 */
/* input_own.h - what the takers of the types (take.c) and the moves (flow.c) use of the input; seen only by these. */
#ifndef ENGINE_INPUT_OWN_H
#define ENGINE_INPUT_OWN_H

#include "engine/input.h"

enum found { ABSENT, CLEARED, GIVEN };

/* The field as JSON or as a cell. What is required and not there is noted as wrong. */
enum found input_find(struct input *in, const struct field *field, json_t **json, struct text *cell);
enum found input_find_text(struct input *in, const struct field *field, struct text *text); /* a value that is text in either */
void input_wrong_type(struct input *in, const char *name);
/* Begins the note of a change, an open array of the value before and the value now. */
void input_note(struct input *in, const char *name);
/* Sets the value, and notes it where it is another one. */
void input_set_text(struct input *in, const struct field *field, struct text *value, struct text now);
void input_set_number(struct input *in, const struct field *field, int64_t *value, int64_t now);

#endif
