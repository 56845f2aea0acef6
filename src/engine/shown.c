/* SPDX-License-Identifier: Apache-2.0 */
/* shown.c - records as they were last shown. */
#include "engine/shown.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* 8 MB of memory at the most, which the system gives only where something is kept. */
enum { PLACES = 8192, RECORD_MAX = 1000, LOCKS = 64 };

struct place {
	int64_t id, version; /* 0: empty */
	uint32_t len;
	char record[RECORD_MAX];
};

struct shown {
	pthread_mutex_t locks[LOCKS]; /* each guards every 64th place */
	struct place *places;
};

struct shown *shown_new(void)
{
	struct shown *shown = calloc(1, sizeof *shown);
	if (!shown || !(shown->places = calloc(PLACES, sizeof *shown->places)))
		abort();
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&shown->locks[i], NULL);
	return shown;
}

void shown_free(struct shown *shown)
{
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&shown->locks[i]);
	free(shown->places);
	free(shown);
}

/* Ids made together differ in their lowest bits, those made over years in their highest. */
static size_t place_of(int64_t id)
{
	return (size_t)((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15) >> 32) % PLACES;
}

bool shown_put(struct shown *shown, int64_t id, int64_t version, struct json_out *json)
{
	size_t at = place_of(id);
	const struct place *place = &shown->places[at];
	pthread_mutex_lock(&shown->locks[at % LOCKS]);
	bool there = place->id == id && place->version == version;
	if (there)
		json_put_raw(json, (struct text){ place->record, place->len });
	pthread_mutex_unlock(&shown->locks[at % LOCKS]);
	return there;
}

void shown_keep(struct shown *shown, int64_t id, int64_t version, struct text record)
{
	size_t at = place_of(id);
	struct place *place = &shown->places[at];
	if (record.len > RECORD_MAX)
		return;
	pthread_mutex_lock(&shown->locks[at % LOCKS]);
	place->id = id;
	place->version = version;
	place->len = (uint32_t)record.len;
	memcpy(place->record, record.ptr, record.len);
	pthread_mutex_unlock(&shown->locks[at % LOCKS]);
}
