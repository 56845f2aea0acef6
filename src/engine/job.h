/* SPDX-License-Identifier: Apache-2.0 */
/* job.h - slow work: staged as a record, carried out in slices through the bulk lane, with progress and cancel.
 *
 * A job is made by a POST to its kind's path, in one command that checks what is wanted. The process that leads the store has
 * the one runner; it gives each open job a slice in turn. A slice is one transaction in which the job's new place stands too:
 * what was done is never done twice, and after a crash the job goes on where it stood. */
#ifndef ENGINE_JOB_H
#define ENGINE_JOB_H

#include "engine/app.h"

/* A job while one slice of it is carried out. A slice may be run again: nothing is kept but what stands here. */
struct job_work {
	struct app *app;
	struct arena *arena; /* of the slice */
	struct actor actor; /* who made the job; its district */
	int64_t id;
	const json_t *input; /* what `take` wrote */
	struct text cursor; /* as the slice before left it; missing at first */
	int64_t progress, total;
	bool done;
	const struct shape *grown; /* what many records have come into, and is settled before the next slice; NULL: nothing */
	bool final; /* it cannot be cancelled any more */
	struct text result; /* a JSON object; of one that fails it says why */
	void *given; /* what job_add was given, for `take` */
};

typedef enum store_code job_step(struct tx *tx, struct job_work *work);

struct job_kind {
	const char *name; /* as it stands in the job: "area_merge" */
	const char *path; /* where one is asked for: "/api/v1/area_merges"; NULL: it is made by job_add */
	const char *permission; /* to ask for one, and to cancel it */
	const char *zh, *en;
	/* Checks the call's body: what is wrong goes to the call. Writes the members of the job's input, and sets work->total. */
	enum store_code (*take)(struct tx *tx, struct call *call, struct job_work *work, struct json_out *input);
	/* One slice, of some 10 ms. STORE_REFUSED: the job cannot be done; it is undone and has failed. */
	job_step *step;
	/* One slice of taking back what was done, and of letting go what the job held; NULL: what is done stays. */
	job_step *undo;
	const struct about *about; /* what its route says of itself */
	bool lasting; /* what is done can still be taken back, by cancelling it */
};

/* Its answer is the job. */
#define JOB_ANSWER .of = "job", .gives = BODY_RECORD, .status = 202, .tie = "area", .problems = PROBLEM_LIST(PROBLEM_JOB_UNDER_WAY)

extern const struct module job_module;

/* The command of a kind's route: makes the job and answers 202 with it. */
enum store_code job_make(struct tx *tx, void *call);
/* The same for what makes one by itself; `id` is its number, 0: it gets one. */
enum store_code job_add(struct tx *tx, struct call *call, const struct job_kind *kind, int64_t id, void *given);
/* The actor with the rights that whoever made the job has now. STORE_REFUSED: they have none any more; work->result says so. */
enum store_code job_actor(struct tx *tx, struct job_work *work);
/* STORE_REFUSED from a step, with the reason for whoever reads the job. */
enum store_code job_fail(struct job_work *work, const char *zh, const char *en);

void jobs_start(struct app *app); /* the runner; app_close ends it */
void jobs_stop(struct jobs *jobs); /* NULL is fine */
void jobs_wake(struct jobs *jobs); /* a job may have come; NULL is fine */
/* Waits for the job's end, and answers 200 with it; 202 when the server stops before. Without a runner it is carried out here. */
void job_await(struct call *call, int64_t id);

#endif
