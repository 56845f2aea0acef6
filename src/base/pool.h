/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - a few threads that carry out queued jobs; lower lanes first. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>

struct pool;

enum lane { LANE_ALARM, LANE_INTERACTIVE, LANE_BULK, LANE_COUNT };

/* A job lives in the caller's memory until it has run. */
struct job {
	void (*run)(struct job *job);
	enum lane lane;
	struct job *next;
};

struct pool *pool_start(unsigned threads, unsigned queue_max);
/* False when the queue is full (the alarm lane never is) or the pool is stopping: the job will not run. */
bool pool_submit(struct pool *pool, struct job *job);
void pool_stop(struct pool *pool); /* carries out what is queued, then ends the threads */

#endif
