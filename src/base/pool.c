/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - a few threads that carry out queued jobs. */
#include "base/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct pool {
	pthread_mutex_t lock;
	sem_t work; /* at least one for each job that waits; a condition with several waiters may lose a signal in glibc 2.36 */
	struct {
		struct job *first, **end;
	} queue[LANE_COUNT];
	unsigned waiting, queue_max, threads;
	unsigned bulk_running, bulk_max; /* bulk work never takes every thread */
	bool stopping;
	pthread_t thread[THREADS_MAX];
};

static struct job *next_job(struct pool *pool)
{
	for (int lane = 0; lane < LANE_COUNT; lane++) {
		struct job *job = pool->queue[lane].first;
		if (!job || (lane == LANE_BULK && pool->bulk_running >= pool->bulk_max))
			continue;
		pool->queue[lane].first = job->next;
		if (!job->next)
			pool->queue[lane].end = &pool->queue[lane].first;
		pool->waiting--;
		return job;
	}
	return NULL;
}

static void *carry_out(void *arg)
{
	struct pool *pool = arg;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		/* A bulk job that is one too many stays: whoever ends one comes by here. */
		struct job *job = next_job(pool);
		if (!job && pool->stopping)
			break;
		if (!job) {
			pthread_mutex_unlock(&pool->lock);
			while (sem_wait(&pool->work) != 0 && errno == EINTR)
				;
			pthread_mutex_lock(&pool->lock);
			continue;
		}
		bool bulk = job->lane == LANE_BULK;
		pool->bulk_running += bulk;
		pthread_mutex_unlock(&pool->lock);
		job->run(job); /* may free the job */
		pthread_mutex_lock(&pool->lock);
		pool->bulk_running -= bulk;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct pool *pool_start(unsigned threads, unsigned queue_max)
{
	assert(threads >= 2 && threads <= THREADS_MAX);
	struct pool *pool = calloc(1, sizeof *pool);
	if (!pool)
		abort();
	pthread_mutex_init(&pool->lock, NULL);
	sem_init(&pool->work, 0, 0);
	for (int lane = 0; lane < LANE_COUNT; lane++)
		pool->queue[lane].end = &pool->queue[lane].first;
	pool->queue_max = queue_max;
	pool->bulk_max = threads / 2;
	for (; pool->threads < threads; pool->threads++)
		if (pthread_create(&pool->thread[pool->threads], NULL, carry_out, pool) != 0)
			abort();
	return pool;
}

bool pool_submit(struct pool *pool, struct job *job)
{
	assert(job->run && job->lane >= 0 && job->lane < LANE_COUNT);
	pthread_mutex_lock(&pool->lock);
	bool accepted = !pool->stopping && (job->lane == LANE_ALARM || pool->waiting < pool->queue_max);
	if (accepted) {
		job->next = NULL;
		*pool->queue[job->lane].end = job;
		pool->queue[job->lane].end = &job->next;
		pool->waiting++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (accepted)
		sem_post(&pool->work);
	return accepted;
}

void pool_stop(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++)
		sem_post(&pool->work);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	sem_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
