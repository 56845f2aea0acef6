/* SPDX-License-Identifier: Apache-2.0 */
/* pack.h - a district's own files, carried inside the program: its areas, its place, its plan (packs/README.md). */
#ifndef ENGINE_PACK_H
#define ENGINE_PACK_H

#include "base/clock.h"
#include "base/csv.h"

/* One file under packs/ or standards/, as tools/embed put it into the program. */
struct pack_file {
	const char *name; /* "laishan/areas.csv", "standards/passwords.txt" */
	const char *begin, *end;
};

extern const struct pack_file pack_files[];
extern const size_t pack_file_count;

struct pack {
	struct text name; /* the folder: laishan */
	struct text district; /* 莱山区 */
	struct text title; /* of the plan */
	unsigned number; /* the district number in every id, 1..DISTRICT_MAX */
	int64_t code; /* the district's area number, 15 digits */
	struct date codes_on; /* the day on which its area codes held */
	double lat, lon; /* WGS-84 */
	struct text conf, areas; /* the files themselves */
};

/* A place on the map in millionths of a degree, WGS-84. */
struct pack_place {
	int64_t area; /* the area that it stands for */
	int64_t lat, lon;
};

struct pack_area {
	int64_t number, parent; /* parent is 0 for the province */
	struct text name;
	struct text level; /* province city district street community */
};

struct text standard_file(const char *name); /* the bytes of standards/NAME; missing when there is none */

/* The packs in the program, ordered by name. What is returned lives as long as the program. */
size_t pack_count(void);
const struct pack *pack_at(size_t index);
const struct pack *pack_find(struct text name); /* NULL when there is none */

/* Reads the areas one by one, a parent before its children. Start with pack_areas(); false at the end. */
struct csv pack_areas(const struct pack *pack);
bool pack_next_area(struct csv *areas, struct arena *arena, struct pack_area *out);

/* The value of `key` in pack.conf; missing when there is none. */
struct text pack_value(const struct pack *pack, struct text key);
/* The same as a whole number. */
int64_t pack_number(const struct pack *pack, struct text key, int64_t otherwise);
/* The nearest known place that `area` lies in: the place.CODE of it or of an area above it, else the centre. */
struct pack_place pack_place(const struct pack *pack, int64_t area);

#endif
