/* SPDX-License-Identifier: Apache-2.0 */
/* about.h - what a route says of itself, in rows: what it takes, what it answers, which problems. No route is without; the
 * API's description (describe.h) and its tests come out of it. What follows from the kind of a route is not said again. */
#ifndef ENGINE_ABOUT_H
#define ENGINE_ABOUT_H

#include "engine/field.h"
#include "engine/problem.h"

/* What a body is. */
enum body {
	BODY_NONE,
	BODY_MEMBERS, /* an object, its members in rows */
	BODY_CREATE, /* what makes a record of the route's resource */
	BODY_CHANGE, /* a merge patch for one */
	BODY_RECORD, /* all of one */
	BODY_PART, /* those of its members that were asked for */
	BODY_PAGE, /* {"items":[...],"next":"..."} of such */
	BODY_CLEAR, /* some of its sealed fields, in clear */
	BODY_OBJECT, /* some JSON object */
	BODY_TABLE, /* CSV text, or an XLSX workbook */
	BODY_LISTED, /* the same, or lines of JSON */
	BODY_FILE, /* a picture or a PDF */
	BODY_HTML,
	BODY_PLAIN,
	BODY_EVENTS,
	BODIES
};

/* The members of an object. In an answer all are there, but for DETAIL; MUST are never null. What is taken may be null where it
 * is DETAIL. */
struct members {
	const struct field *fields;
	size_t count;
	const char *list; /* the name of one more, an array of objects; NULL: there is none */
	const struct field *list_fields;
	size_t list_count;
	bool by_field; /* not one such object, but an object with one for each of some fields of the record, by the field's name */
	const char *second_list; /* another array of such objects; NULL: there is none */
};

struct about {
	const char *id, *zh, *en; /* operationId and summary of a module's own route; an operation has its own words */
	const char *of; /* the resource that it is about, where it is no operation; NULL: about none */
	enum body takes, gives;
	struct members in, out; /* of BODY_MEMBERS */
	const struct field *params; /* of the query, beside those of every list */
	size_t param_count;
	int status; /* when it went well; 0: 200 */
	bool later; /* 202 and Location is answered instead, where it goes on behind the answer */
	bool tagged; /* answered with an ETag, as records always are */
	bool if_match; /* asks for the version that the caller has seen */
	bool sets_cookie;
	bool lists; /* takes the filter, sort and fields of a list */
	bool ends; /* also asks why and when the record ended, as the resource has it */
	const char *tie; /* what bounds the sight of those who may use it, where it is not about a resource: "area" */
	const enum problem *problems; /* beside those of its kind; PROBLEM_NONE is behind the last */
};

#define ROWS(array) array, COUNT(array)
#define PROBLEM_LIST(...) (const enum problem[]){ __VA_ARGS__, PROBLEM_NONE }

#endif
