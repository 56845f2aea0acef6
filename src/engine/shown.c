/* SPDX-License-Identifier: Apache-2.0 */
/* shown.c - records as they were last shown. */
#include "engine/shown.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* 8 MB of memory at the most, which the system gives only where something is kept. A record may stand in any place of its
 * set, so that few push each other out before all places are taken. */
enum { SETS = 2048, WAYS = 4, RECORD_MAX = 1000, LOCKS = 64 };

struct place {
	int64_t id, version; /* 0: empty */
	uint32_t len;
	char record[RECORD_MAX];
};

struct set {
	unsigned next; /* the way that is taken when another record comes */
	struct place ways[WAYS];
};

struct shown {
	pthread_mutex_t locks[LOCKS]; /* each guards every 64th set */
	struct set *sets;
};

struct shown *shown_new(void)
{
	struct shown *shown = calloc(1, sizeof *shown);
	if (!shown || !(shown->sets = calloc(SETS, sizeof *shown->sets)))
		abort();
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&shown->locks[i], NULL);
	return shown;
}

void shown_free(struct shown *shown)
{
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&shown->locks[i]);
	free(shown->sets);
	free(shown);
}

/* Ids made together differ in their lowest bits, those made over years in their highest. */
static size_t set_of(int64_t id)
{
	return (size_t)((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15) >> 32) % SETS;
}

static struct place *find(struct set *set, int64_t id)
{
	for (size_t i = 0; i < WAYS; i++)
		if (set->ways[i].id == id)
			return &set->ways[i];
	return NULL;
}

bool shown_put(struct shown *shown, int64_t id, int64_t version, struct json_out *json)
{
	size_t at = set_of(id);
	pthread_mutex_lock(&shown->locks[at % LOCKS]);
	const struct place *place = find(&shown->sets[at], id);
	bool there = place && place->version == version;
	if (there)
		json_put_raw(json, (struct text){ place->record, place->len });
	pthread_mutex_unlock(&shown->locks[at % LOCKS]);
	return there;
}

void shown_keep(struct shown *shown, int64_t id, int64_t version, struct text record)
{
	size_t at = set_of(id);
	struct set *set = &shown->sets[at];
	if (record.len > RECORD_MAX)
		return;
	pthread_mutex_lock(&shown->locks[at % LOCKS]);
	struct place *place = find(set, id);
	if (!place)
		place = &set->ways[set->next++ % WAYS];
	place->id = id;
	place->version = version;
	place->len = (uint32_t)record.len;
	memcpy(place->record, record.ptr, record.len);
	pthread_mutex_unlock(&shown->locks[at % LOCKS]);
}
