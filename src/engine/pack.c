/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - a district's own files, carried inside the program. */
#include "engine/pack.h"

#include "base/check.h"
#include "base/id.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PACKS_MAX = 64, MICRO = 1000000 };

static struct pack packs[PACKS_MAX];
static size_t packs_read;
static pthread_once_t packs_once = PTHREAD_ONCE_INIT;

/* The files were tested with the program they are part of: what is wrong with them now is a bug. */
static _Noreturn void broken(struct text pack, const char *what)
{
	log_error("pack %.*s: %s", TEXT_ARG(pack), what);
	abort();
}

/* The next "key = value", passing over comments and empty lines. */
static bool next_entry(struct text *rest, struct text *key, struct text *value)
{
	while (rest->len > 0) {
		struct text line = text_trim(text_part(rest, '\n'));
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		*key = text_trim(text_part(&line, '='));
		*value = text_trim(line);
		return true;
	}
	return false;
}

/* Millionths of a degree, without the rounding and the locale of strtod. */
static bool read_micro(struct text degrees, int64_t *out)
{
	int64_t whole, part = 0;
	struct text left = text_part(&degrees, '.');
	if (!text_to_int(left, 180, &whole) || degrees.len > 6)
		return false;
	if (degrees.len > 0 && !text_to_int(degrees, MICRO, &part))
		return false;
	for (size_t digits = degrees.len; digits < 6; digits++)
		part *= 10;
	*out = whole * MICRO + part;
	return true;
}

static struct text file_bytes(struct text folder, struct text name)
{
	for (size_t i = 0; i < pack_file_count; i++) {
		struct text path = text_of(pack_files[i].name);
		if (text_eq(text_part(&path, '/'), folder) && text_eq(path, name))
			return (struct text){ pack_files[i].begin, (size_t)(pack_files[i].end - pack_files[i].begin) };
	}
	broken(folder, "a file is missing");
}

struct text standard_file(const char *name)
{
	for (size_t i = 0; i < pack_file_count; i++) {
		struct text path = text_of(pack_files[i].name);
		if (text_is(text_part(&path, '/'), "standards") && text_is(path, name))
			return (struct text){ pack_files[i].begin, (size_t)(pack_files[i].end - pack_files[i].begin) };
	}
	return TEXT_NONE;
}

static struct pack read_pack(struct text folder)
{
	struct pack pack = { .name = folder, .conf = file_bytes(folder, TEXT("pack.conf")) };
	int64_t lat, lon;
	pack.areas = file_bytes(folder, TEXT("areas.csv"));
	pack.district = pack_value(&pack, TEXT("district"));
	pack.title = pack_value(&pack, TEXT("title"));
	int64_t number = pack_number(&pack, TEXT("number"), 0);
	if (!pack.district.ptr || !pack.title.ptr || number < 1 || number > DISTRICT_MAX)
		broken(folder, "district, title or number");
	pack.number = (unsigned)number;
	if (!area_read(pack_value(&pack, TEXT("code")), &pack.code))
		broken(folder, "code");
	if (!date_read(pack_value(&pack, TEXT("codes_on")), &pack.codes_on))
		broken(folder, "codes_on");
	if (!read_micro(pack_value(&pack, TEXT("lat")), &lat) || !read_micro(pack_value(&pack, TEXT("lon")), &lon))
		broken(folder, "lat or lon");
	pack.lat = (double)lat / MICRO;
	pack.lon = (double)lon / MICRO;
	return pack;
}

static int by_name(const void *a, const void *b)
{
	const struct pack *left = a, *right = b;
	size_t shorter = left->name.len < right->name.len ? left->name.len : right->name.len;
	int order = memcmp(left->name.ptr, right->name.ptr, shorter);
	return order ? order : (left->name.len > right->name.len) - (left->name.len < right->name.len);
}

static void read_packs(void)
{
	for (size_t i = 0; i < pack_file_count; i++) {
		struct text path = text_of(pack_files[i].name);
		struct text folder = text_part(&path, '/');
		if (!text_is(path, "pack.conf"))
			continue;
		if (packs_read == PACKS_MAX)
			broken(folder, "one pack too many");
		packs[packs_read++] = read_pack(folder);
	}
	qsort(packs, packs_read, sizeof packs[0], by_name);
}

size_t pack_count(void)
{
	pthread_once(&packs_once, read_packs);
	return packs_read;
}

const struct pack *pack_at(size_t index)
{
	return index < pack_count() ? &packs[index] : NULL;
}

const struct pack *pack_find(struct text name)
{
	for (size_t i = 0; i < pack_count(); i++) {
		if (text_eq(packs[i].name, name))
			return &packs[i];
	}
	return NULL;
}

struct csv pack_areas(const struct pack *pack)
{
	return csv_open(pack->areas, ',');
}

bool pack_next_area(struct csv *areas, struct arena *arena, struct pack_area *out)
{
	static const char *const words[] = { "province", "city", "district", "street", "community" };
	enum csv_result result;
	do
		result = csv_next(areas, arena);
	while (result == CSV_RECORD && text_is(areas->cells[0], "code"));
	if (result == CSV_END)
		return false;
	if (result != CSV_RECORD || areas->cell_count != 4)
		broken(areas->cells[0], "a line of areas.csv");
	*out = (struct pack_area){ .name = areas->cells[1], .level = areas->cells[2] };
	if (!area_read(areas->cells[0], &out->number))
		broken(areas->cells[0], "a number in areas.csv");
	if (areas->cells[3].len > 0 && !area_read(areas->cells[3], &out->parent))
		broken(areas->cells[3], "a parent in areas.csv");
	for (size_t i = 0; i < COUNT(words); i++) {
		if (text_is(out->level, words[i]))
			return true;
	}
	broken(out->level, "a level in areas.csv");
}

struct text pack_value(const struct pack *pack, struct text key)
{
	struct text rest = pack->conf, found, value;
	while (next_entry(&rest, &found, &value)) {
		if (text_eq(found, key))
			return value;
	}
	return TEXT_NONE;
}

int64_t pack_number(const struct pack *pack, struct text key, int64_t otherwise)
{
	int64_t number;
	struct text value = pack_value(pack, key);
	if (!value.ptr)
		return otherwise;
	if (!text_to_int(value, INT64_MAX, &number))
		broken(pack->name, "a number in pack.conf");
	return number;
}

struct pack_place pack_place(const struct pack *pack, int64_t area)
{
	struct pack_place best = { .area = pack->code, .lat = (int64_t)(pack->lat * MICRO + 0.5),
				   .lon = (int64_t)(pack->lon * MICRO + 0.5) };
	struct text rest = pack->conf, key, value;
	while (next_entry(&rest, &key, &value)) {
		struct pack_place place;
		if (!text_starts(key, TEXT("place.")))
			continue;
		struct text code = { key.ptr + 6, key.len - 6 };
		struct text lat = text_trim(text_part(&value, ' ')), lon = text_trim(value);
		if (!area_read(code, &place.area) || !read_micro(lat, &place.lat) || !read_micro(lon, &place.lon))
			broken(pack->name, "a place in pack.conf");
		/* Of the places above an area, the lower one has the greater number. */
		if (area >= place.area && area <= area_last(place.area) && place.area > best.area)
			best = place;
	}
	return best;
}
