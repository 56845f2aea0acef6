/* SPDX-License-Identifier: Apache-2.0 */
/* import_batch.h - rows that were found fine, laid down in the store in sealed pieces, and the job that makes records of them,
 * piece by piece. What a piece has done takes its place, so that it can be taken back. */
#ifndef EDGE_IMPORT_BATCH_H
#define EDGE_IMPORT_BATCH_H

#include "engine/import_row.h"
#include "engine/job.h"

enum { PIECE_ROWS = 25, PIECE_BYTES_MAX = 8 << 20 };

extern const char *const import_end_names[IMPORT_ENDS];
extern const struct schema import_schema;
extern const struct job_kind import_jobs[1];
extern const struct grant import_grants[1];

/* One row that waits: its line in the file, and the cells of the fields that it has. */
struct batch_row {
	unsigned line;
	const struct pair *cells;
	size_t cell_count, said_count; /* behind the second: only for a record that is made */
};

/* What was found, and what has become of it. */
struct batch_counts {
	int64_t rows, accepted, rejected, of[IMPORT_ENDS], followed;
};

struct batch {
	struct call *call;
	const struct shape *shape;
	int64_t id; /* the job's */
	int64_t pieces;
	struct batch_counts counts; /* accepted: rows that wait */
};

/* Members of an open object: the counts, each as `instead` (a job's result; NULL: none) has it where it has it. */
void batch_put_counts(struct json_out *json, const struct batch_counts *counts, const json_t *instead);
/* Lays down a piece: the rows, of one shape. */
enum store_code batch_add(struct batch *batch, const struct batch_row *rows, size_t count);
/* Takes away what was laid down, where no job will be made of it; what cannot be taken away now goes with a later start. */
void batch_drop(struct batch *batch);
/* Makes the job, in one command; the call is answered with it. */
enum store_code batch_begin(struct batch *batch);

#endif
