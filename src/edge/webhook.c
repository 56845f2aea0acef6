/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.c - one signed call of a web hook; the network is libcurl's. */
#include "edge/webhook.h"

#include "base/crypto.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX_READ = 64 * 1024, CONNECT_MS = 5000, SIGNED_EXTRA = 256 };

/* ---- signing ---- */

static struct text sign(struct arena *arena, struct text key, struct text id, int64_t at_s, struct text body)
{
	unsigned char mac[HASH_BYTES];
	struct buf all = buf_in(arena, body.len + id.len + SIGNED_EXTRA, body.len + id.len + SIGNED_EXTRA);
	buf_text(&all, id);
	buf_char(&all, '.');
	buf_int(&all, at_s);
	buf_char(&all, '.');
	buf_text(&all, body);
	hash_hmac(key, buf_done(&all), mac);
	return base64(arena, (struct text){ (const char *)mac, sizeof mac });
}

static bool add_header(struct webhook *hook, struct text line)
{
	struct curl_slist *more = curl_slist_append(hook->headers, line.ptr);
	if (more)
		hook->headers = more;
	return more != NULL;
}

static bool add_headers(struct webhook *hook, struct arena *arena, struct text key, struct text id, int64_t at_s, struct text body)
{
	struct text signature = sign(arena, key, id, at_s, body);
	return add_header(hook, TEXT("Content-Type: application/json")) && add_header(hook, TEXT("Expect:")) &&
	       add_header(hook, text_printf(arena, "webhook-id: %.*s", TEXT_ARG(id))) &&
	       add_header(hook, text_printf(arena, "webhook-timestamp: %lld", (long long)at_s)) &&
	       add_header(hook, text_printf(arena, "webhook-signature: v1,%.*s", TEXT_ARG(signature)));
}

/* ---- what curl asks ---- */

/* The address that the connection goes to is looked at here, and not the one that a name had a moment before. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct webhook *hook = arg;
	if (purpose != CURLSOCKTYPE_IPCXN || !address_may_connect(&to->addr, to->addrlen, &hook->wish->nets)) {
		hook->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* The answer's body is of no interest; one without an end is cut off. */
static size_t pass_over(char *bytes, size_t size, size_t count, void *arg)
{
	struct webhook *hook = arg;
	(void)bytes;
	hook->got += size * count;
	hook->full = hook->got > ANSWER_BYTES_MAX_READ;
	return hook->full ? 0 : size * count;
}

/* ---- the call ---- */

static bool set_up(struct webhook *hook, const char *url, struct text body)
{
	CURL *easy = hook->easy;
	unsigned wrong = CURLE_OK;
	wrong |= curl_easy_setopt(easy, CURLOPT_URL, url);
	wrong |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	wrong |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	wrong |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
	wrong |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	wrong |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	wrong |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	wrong |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	wrong |= curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)WEBHOOK_SECONDS);
	wrong |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	wrong |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "Songhe");
	wrong |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, hook->headers);
	wrong |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body.len);
	wrong |= curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body.ptr);
	wrong |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	wrong |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, hook);
	wrong |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, pass_over);
	wrong |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, hook);
	wrong |= curl_easy_setopt(easy, CURLOPT_PRIVATE, hook);
	if (hook->wish->ca_file)
		wrong |= curl_easy_setopt(easy, CURLOPT_CAINFO, hook->wish->ca_file);
	return wrong == CURLE_OK;
}

static void release(struct webhook *hook)
{
	curl_easy_cleanup(hook->easy);
	curl_slist_free_all(hook->headers);
	hook->easy = NULL;
	hook->headers = NULL;
}

bool webhook_begin(struct webhook *hook, const struct webhook_wish *wish, struct arena *arena, struct text url, struct text key,
                   struct text id, int64_t at_ms, struct text body)
{
	*hook = (struct webhook){ .easy = curl_easy_init(), .wish = wish };
	if (hook->easy && add_headers(hook, arena, key, id, at_ms / 1000, body) && set_up(hook, text_z(arena, url), body))
		return true;
	release(hook);
	return false;
}

/* Short and the same for the same thing: it stands in the message. */
static const char *name_of(const struct webhook *hook, CURLcode code)
{
	if (hook->refused && code == CURLE_COULDNT_CONNECT)
		return "refused_address";
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT: return "timeout";
	case CURLE_COULDNT_RESOLVE_HOST: return "no_such_host";
	case CURLE_PEER_FAILED_VERIFICATION: return "bad_certificate";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE: return "tls";
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL: return "bad_url";
	default: return "unreachable";
	}
}

struct webhook_answer webhook_end(struct webhook *hook, struct arena *arena, CURLcode code)
{
	struct webhook_answer answer = { 0 };
	curl_off_t after = 0;
	curl_easy_getinfo(hook->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	curl_easy_getinfo(hook->easy, CURLINFO_RETRY_AFTER, &after);
	answer.retry_after_s = after > 0 ? after : 0;
	if (code != CURLE_OK && !hook->full) {
		answer.error = name_of(hook, code);
		answer.status = 0; /* the head of an answer without its end is none */
	} else if (answer.status < 200 || answer.status > 299) {
		answer.error = text_printf(arena, "http_%ld", answer.status).ptr;
	}
	release(hook);
	return answer;
}
