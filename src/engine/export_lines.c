/* SPDX-License-Identifier: Apache-2.0 */
/* export_lines.c - a list as lines of JSON, one for each record, as it is answered by itself. */
#include "engine/export_own.h"

static void put_row(struct export *export)
{
	struct json_out json = json_out(&export->rows);
	struct record_out out = export->asked;
	out.json = &json;
	json_begin_object(&json);
	JSON_TEXT(&json, "resource", text_of(export->wish.shape->resource->name));
	record_put(&out, export->wish.shape, export->record);
	json_end_object(&json);
	buf_char(&export->rows, '\n');
}

const struct export_form export_lines = { .type = "application/x-ndjson", .suffix = "ndjson", .put_row = put_row, .write = export_write,
	                                  .whole = true };
