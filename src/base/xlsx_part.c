/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_part.c - one part of a workbook: an entry of its package, as the events of its XML. */
#include "base/xlsx_part.h"

#include "base/log.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* What is read here lies at most 8 deep; other things in a sheet, charts and extensions, may lie somewhat deeper. */
enum { DEPTH_MAX = 64 };

/* Expat holds a tag whole, and each name that it has seen for as long as it lives. This bounds the length of tags and attributes, their
 * number, and how many different names there are; the longest real ones, lists of ranges, have some 100 KB. */
enum { MEMORY_MAX = 8 << 20 };

enum { CHUNK = 32768 };

/* ---- the parser's memory ---- */

/* Before each piece stands how long it is and whose. */
struct piece {
	alignas(max_align_t) size_t size;
	struct part *part;
};

/* Expat does not say for which parser it wants memory. */
static _Thread_local struct part *running;

static void *resize(void *ptr, size_t size)
{
	struct piece *old = ptr ? (struct piece *)ptr - 1 : NULL;
	struct part *part = old ? old->part : running;
	size_t held = old ? old->size : 0;
	if (size > MEMORY_MAX || part->memory - held > MEMORY_MAX - size) {
		part->memory_refused = true;
		return NULL;
	}
	struct piece *piece = realloc(old, sizeof *piece + size);
	if (!piece)
		return NULL;
	part->memory += size - held;
	*piece = (struct piece){ size, part };
	return piece + 1;
}

static void *take(size_t size)
{
	return resize(NULL, size);
}

static void give_back(void *ptr)
{
	if (!ptr)
		return;
	struct piece *piece = (struct piece *)ptr - 1;
	piece->part->memory -= piece->size;
	free(piece);
}

static bool fail_memory(struct part *part)
{
	if (!part->memory_refused)
		log_error("no memory for a workbook");
	return package_fail(part->package, part->memory_refused ? XLSX_BOMB : XLSX_ENVIRONMENT);
}

/* ---- events ---- */

static const char *without_prefix(const char *name)
{
	const char *colon = strchr(name, ':');
	return colon ? colon + 1 : name;
}

static void XMLCALL on_begin(void *arg, const char *name, const char **attributes)
{
	struct part *part = arg;
	if (++part->depth > DEPTH_MAX)
		part_refuse(part, XLSX_BROKEN);
	else if (part->events->begin)
		part->events->begin(part, part->depth, without_prefix(name), attributes);
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct part *part = arg;
	(void)name;
	/* of an empty element expat tells the end even when its beginning was refused */
	if (part->events->end && part->package->wrong == XLSX_FINE)
		part->events->end(part, part->depth);
	part->depth--;
}

static void XMLCALL on_text(void *arg, const char *bytes, int len)
{
	struct part *part = arg;
	part->events->text(part, bytes, (size_t)len);
}

/* No workbook declares a document type, and without one there are no entities to expand. */
static void XMLCALL on_doctype(void *arg, const char *name, const char *system, const char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	part_refuse(arg, XLSX_BROKEN);
}

void part_pause(struct part *part)
{
	XML_StopParser(part->parser, XML_TRUE);
}

void part_refuse(struct part *part, enum xlsx_wrong wrong)
{
	package_fail(part->package, wrong);
	XML_StopParser(part->parser, XML_FALSE);
}

const char *part_attribute(const char **attributes, const char *name)
{
	for (; *attributes; attributes += 2) {
		if (strcmp(without_prefix(attributes[0]), name) == 0)
			return attributes[1];
	}
	return NULL;
}

bool part_number(const char *digits, unsigned max, unsigned *out)
{
	uint64_t value = 0;
	const char *at = digits;
	for (; *at >= '0' && *at <= '9' && value <= max; at++)
		value = value * 10 + (unsigned)(*at - '0');
	*out = (unsigned)value;
	return at > digits && *at == 0 && value <= max;
}

/* ---- from beginning to end ---- */

bool part_open(struct part *part, struct package *package, const char *name, const struct part_events *events, void *arg)
{
	static const XML_Memory_Handling_Suite memory = { take, resize, give_back };
	*part = (struct part){ .package = package, .events = events, .arg = arg };
	if (!package_entry(package, name, &part->entry))
		return false;
	running = part;
	part->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	if (!part->parser)
		return fail_memory(part);
	XML_SetUserData(part->parser, part);
	XML_SetElementHandler(part->parser, on_begin, on_end);
	XML_SetCharacterDataHandler(part->parser, events->text ? on_text : NULL);
	XML_SetStartDoctypeDeclHandler(part->parser, on_doctype);
	return true;
}

static enum XML_Status parse_more(struct part *part)
{
	running = part;
	if (part->paused)
		return XML_ResumeParser(part->parser);
	void *chunk = XML_GetBuffer(part->parser, CHUNK);
	int got = chunk ? package_read(part->package, &part->entry, chunk, CHUNK) : -1;
	if (got < 0)
		return XML_STATUS_ERROR;
	part->at_end = got == 0;
	return XML_ParseBuffer(part->parser, got, part->at_end);
}

enum part_result part_run(struct part *part)
{
	while (part->package->wrong == XLSX_FINE) {
		enum XML_Status status = parse_more(part);
		part->paused = status == XML_STATUS_SUSPENDED;
		if (part->paused)
			return PART_PAUSED;
		if (status == XML_STATUS_ERROR && XML_GetErrorCode(part->parser) == XML_ERROR_NO_MEMORY)
			fail_memory(part);
		else if (status == XML_STATUS_ERROR)
			package_fail(part->package, XLSX_BROKEN);
		else if (part->at_end)
			return PART_END;
	}
	return PART_WRONG;
}

void part_close(struct part *part)
{
	if (part->parser)
		XML_ParserFree(part->parser);
	part->parser = NULL;
	package_leave(&part->entry);
}

bool part_read(struct package *package, const char *name, const struct part_events *events, void *arg)
{
	struct part part;
	bool fine = part_open(&part, package, name, events, arg) && part_run(&part) == PART_END;
	part_close(&part);
	return fine;
}
