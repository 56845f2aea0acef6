/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - what the headers of a request say: where its body ends, of which kind it is, who caused it. */
#include "edge/http.h"

#include "engine/file_store.h"
#include "engine/session.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

struct text request_header(struct MHD_Connection *connection, const char *name)
{
	const char *value = NULL;
	size_t len = 0;
	if (MHD_lookup_connection_value_n(connection, MHD_HEADER_KIND, name, strlen(name), &value, &len) != MHD_YES || !value)
		return TEXT_NONE;
	return (struct text){ value, len };
}

/* A browser says where a request comes from; one that another site caused changes nothing here. */
bool request_is_from_elsewhere(struct MHD_Connection *connection, struct text host)
{
	struct text site = request_header(connection, "Sec-Fetch-Site"), origin = request_header(connection, "Origin");
	if (site.ptr && !text_is(site, "same-origin") && !text_is(site, "none"))
		return true;
	if (!origin.ptr)
		return false;
	const char *behind = memmem(origin.ptr, origin.len, "://", 3);
	if (!behind)
		return true;
	behind += 3;
	struct text from = { behind, origin.len - (size_t)(behind - origin.ptr) };
	return !text_eq(from, host);
}

/* ---- who asks ---- */

bool request_bearer(struct MHD_Connection *connection, struct text *token)
{
	static const char scheme[] = "Bearer ";
	struct text value = request_header(connection, "Authorization");
	size_t len = sizeof scheme - 1;
	if (!value.ptr || value.len < len || strncasecmp(value.ptr, scheme, len) != 0)
		return false;
	*token = text_trim((struct text){ value.ptr + len, value.len - len });
	return true;
}

struct text request_agent(struct MHD_Connection *connection, struct arena *arena)
{
	struct text agent = request_header(connection, "User-Agent");
	if (!agent.ptr || text_utf8_length(agent) == SIZE_MAX)
		return TEXT_NONE;
	for (size_t i = 0; i < agent.len; i++)
		if ((unsigned char)agent.ptr[i] < 0x20 || agent.ptr[i] == 0x7F)
			return TEXT_NONE;
	return text_copy(arena, text_cut(agent, AGENT_BYTES_MAX));
}

/* The proxy adds the address that it saw behind what it was told. */
static struct text address_by_proxy(struct MHD_Connection *connection, struct arena *arena)
{
	struct text all = request_header(connection, "X-Forwarded-For");
	const char *comma = all.ptr ? memrchr(all.ptr, ',', all.len) : NULL;
	struct text last = text_trim(comma ? (struct text){ comma + 1, all.len - (size_t)(comma + 1 - all.ptr) } : all);
	struct in6_addr ignored;
	if (!last.ptr || last.len == 0 || last.len >= INET6_ADDRSTRLEN)
		return TEXT_NONE;
	const char *address = text_z(arena, last);
	bool fine = inet_pton(AF_INET, address, &ignored) == 1 || inet_pton(AF_INET6, address, &ignored) == 1;
	return fine ? text_of(address) : TEXT_NONE;
}

struct text request_address(struct MHD_Connection *connection, struct arena *arena, bool behind_proxy)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *from = info ? info->client_addr : NULL;
	struct text told = behind_proxy ? address_by_proxy(connection, arena) : TEXT_NONE;
	char address[INET6_ADDRSTRLEN];
	if (told.ptr || !from || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
		return told;
	const void *bytes = from->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)from)->sin_addr
	                                               : (const void *)&((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
	struct text text = text_of(inet_ntop(from->sa_family, bytes, address, sizeof address));
	if (text_starts(text, TEXT("::ffff:")))
		text = (struct text){ text.ptr + 7, text.len - 7 };
	return text_copy(arena, text);
}

/* ---- the body's kind ---- */

bool request_word_is(struct text a, const char *word)
{
	return a.len == strlen(word) && strncasecmp(a.ptr, word, a.len) == 0;
}

/* Takes the first of what stands between semicolons; one within quotes is none. */
static struct text next_parameter(struct text *rest)
{
	size_t len = 0;
	for (bool quoted = false; len < rest->len && (quoted || rest->ptr[len] != ';'); len++) {
		if (rest->ptr[len] == '"')
			quoted = !quoted;
		else if (quoted && rest->ptr[len] == '\\' && len + 1 < rest->len)
			len++;
	}
	struct text first = { rest->ptr, len };
	len += len < rest->len;
	*rest = (struct text){ rest->ptr + len, rest->len - len };
	return text_trim(first);
}

/* Parameters may say what they like, but no charset that is not UTF-8. */
static bool charset_fits(struct text parameters)
{
	while (parameters.len > 0) {
		struct text one = next_parameter(&parameters), value = { one.ptr + one.len, 0 };
		const char *equals = memchr(one.ptr, '=', one.len);
		if (equals) {
			value = text_trim((struct text){ equals + 1, (size_t)(value.ptr - equals) - 1 });
			one = text_trim((struct text){ one.ptr, (size_t)(equals - one.ptr) });
		}
		if (request_word_is(one, "charset") && !request_word_is(value, "utf-8") && !request_word_is(value, "\"utf-8\""))
			return false;
	}
	return true;
}

/* Media types, by what a route takes; NULL is behind the last. */
static const char *const *types_of(enum upload upload)
{
	static const char *const json[] = { "application/json", "application/merge-patch+json", NULL };
	static const char *const table[] = { "text/csv", XLSX_TYPE, NULL };
	static const char *const *const types[] = { [UPLOAD_NONE] = json, [UPLOAD_TABLE] = table, [UPLOAD_FILE] = file_types };
	return types[upload];
}

static bool type_fits(struct text parameters, enum upload upload)
{
	if (!parameters.ptr)
		return false;
	struct text type = next_parameter(&parameters);
	bool fits = false;
	for (const char *const *one = types_of(upload); *one; one++)
		fits = fits || request_word_is(type, *one);
	return fits && charset_fits(parameters);
}

void request_check_type(struct MHD_Connection *connection, struct call *call)
{
	enum upload upload = call->route->upload;
	if (type_fits(request_header(connection, "Content-Type"), upload))
		return;
	struct buf types = buf_in(call->arena, 128, 1024);
	for (const char *const *one = types_of(upload); *one; one++)
		buf_printf(&types, "%s%s", types.len ? ", " : "", *one);
	call_problem_detail(call, PROBLEM_UNSUPPORTED_TYPE,
		text_printf(call->arena, "Content-Type 应为：%.*s（UTF-8）", TEXT_ARG(buf_done(&types))),
		text_printf(call->arena, "Content-Type is one of %.*s, in UTF-8", TEXT_ARG(buf_done(&types))));
}

/* ---- where it ends ---- */

struct framing {
	unsigned lengths, encodings, hosts;
	bool chunked, odd;
	const char *end; /* of the last value */
};

static bool is_token(struct text name)
{
	bool fine = name.len > 0;
	for (size_t i = 0; i < name.len && fine; i++) {
		char c = name.ptr[i], lower = (char)(c | 0x20);
		fine = (lower >= 'a' && lower <= 'z') || c == '-' || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+.^_`|~", c));
	}
	return fine;
}

/* Of a folded header (obs-fold) libmicrohttpd 0.9.75 adds the further lines to the name, which for that moves behind its
 * value. */
static enum MHD_Result look_at(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
                               size_t value_len)
{
	struct framing *framing = cls;
	struct text text = { name, name_len };
	(void)kind;
	framing->odd = framing->odd || !is_token(text) || value < name;
	framing->end = value + value_len;
	framing->hosts += strcasecmp(name, "Host") == 0;
	framing->lengths += strcasecmp(name, "Content-Length") == 0;
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		framing->encodings++;
		framing->chunked = value_len == 7 && strncasecmp(value, "chunked", 7) == 0;
	}
	return MHD_YES;
}

/* A header without a name libmicrohttpd 0.9.75 takes for the end of all headers: then there is more behind the last value than
 * the ends of two lines, which are zeros by now. */
static bool ends_early(struct MHD_Connection *connection, const char *begin, const char *last)
{
	const char *end = begin + MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
	unsigned zeros = 0;
	bool more = false;
	for (const char *at = last; at && at >= begin && at < end; at++) {
		zeros += *at == 0;
		more = more || (*at != 0 && *at != ' ' && *at != '\t');
	}
	return more || zeros > 4;
}

/* Where a body ends must be said once and clearly, or the next request could be hidden in it: somebody before us may have
 * understood a name that is none in another way. */
bool request_framing_is_clear(struct MHD_Connection *connection, const char *method)
{
	struct framing framing = { 0 };
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at, &framing);
	if (framing.odd || ends_early(connection, method, framing.end) || framing.hosts > 1)
		return false;
	return framing.lengths + framing.encodings <= 1 && (framing.encodings == 0 || framing.chunked);
}
