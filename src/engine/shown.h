/* SPDX-License-Identifier: Apache-2.0 */
/* shown.h - records as they were last shown in a list: many people look at the same pages, and few records change between.
 *
 * A record is kept with its version, and used only for a row of the same version, so it cannot be out of date. */
#ifndef ENGINE_SHOWN_H
#define ENGINE_SHOWN_H

#include "base/json.h"

struct shown;

struct shown *shown_new(void);
void shown_free(struct shown *shown);
/* Writes the record as the next item, if it is there in this version. */
bool shown_put(struct shown *shown, int64_t id, int64_t version, struct json_out *json);
void shown_keep(struct shown *shown, int64_t id, int64_t version, struct text record);

#endif
