/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - the load generator of all measurements: HTTP/1.1 keep-alive over epoll, one thread, no library but libc.
 *
 * It must be cheap beside what it measures: request texts are made before the clock starts or patched in place, an
 * answer is read only as far as its status and length, and nothing is allocated while requests run.
 * Closed loop (get, post, mixed without --rate): each connection asks again as soon as it was answered.
 * Open loop (sse, mixed with --rate): requests are due at fixed times whether or not a connection is free, and a
 * latency counts from the time the request was due, so that a stall is seen by all who would have met it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { MODE_GET, MODE_POST, MODE_SSE, MODE_MIXED };
enum kind { KIND_GET, KIND_LIST, KIND_POST, KIND_PATCH, KIND_EVENT, KIND_COUNT };
enum { HEAD_MAX = 8192, KEEP_MAX = 4096, FEED_MAX = 16384, TEXT_MAX = 2048, RECEIVE = 1 << 18, READY = 256 };
enum { EXIT_ERRORS = 1, EXIT_USAGE = 2, EXIT_SETUP = 3 };

static const int64_t second_ns = 1000000000, drain_ns = 10000000000;
static const char *const kind_names[KIND_COUNT] = { "get", "list", "post", "patch", "event" };

/* ---- latencies: a histogram of microseconds, exact below 128, within 1.6 % above ---- */

enum { HIST_EXACT = 128, HIST_STEPS = 64, HIST_FIRST = 7, HIST_LAST = 39 };

struct histogram {
	uint64_t count, max_us;
	uint64_t buckets[HIST_EXACT + HIST_STEPS * (HIST_LAST - HIST_FIRST + 1)];
};

static void histogram_add(struct histogram *h, int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	size_t at = us;
	if (us >= HIST_EXACT) {
		unsigned power = 63 - (unsigned)__builtin_clzll(us);
		if (power > HIST_LAST)
			power = HIST_LAST;
		at = HIST_EXACT + (size_t)(power - HIST_FIRST) * HIST_STEPS + ((us >> (power - 6)) & (HIST_STEPS - 1));
	}
	h->buckets[at]++;
	h->count++;
	if (us > h->max_us)
		h->max_us = us;
}

/* The latency in milliseconds that `share` of all stayed at or below. */
static double histogram_ms(const struct histogram *h, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)h->count), seen = 0;
	for (size_t at = 0; at < sizeof(h->buckets) / sizeof(h->buckets[0]); at++) {
		seen += h->buckets[at];
		if (seen <= wanted)
			continue;
		if (at < HIST_EXACT)
			return (double)at / 1000;
		size_t step = at - HIST_EXACT;
		uint64_t top = ((HIST_STEPS + step % HIST_STEPS + 1) << (step / HIST_STEPS + 1)) - 1;
		return (double)(top < h->max_us ? top : h->max_us) / 1000;
	}
	return (double)h->max_us / 1000;
}

/* ---- state ---- */

struct options {
	enum mode mode;
	const char **paths;
	size_t path_count;
	const char *host, *user, *password, *paths_file, *lists_file, *areas, *events_path, *elders_path;
	uint16_t port;
	unsigned connections, listeners;
	double rate, warm_s, seconds;
	uint64_t first;
	bool json;
};

struct request {
	char *ptr;
	size_t len;
};

struct requests {
	struct request *items;
	size_t count, next;
};

/* Where the numbers of one elder stand in the text of a POST; every text has the same length. */
struct elder_spots {
	size_t len, name, sex, born_on, area, id_card, phone, house;
};

enum part { PART_HEAD, PART_BODY, PART_CHUNK_SIZE, PART_CHUNK, PART_CHUNK_END, PART_TRAILER };

struct conn {
	int fd;
	enum part part;
	enum kind kind;
	bool busy, keep, chunked, to_the_end;
	int status;
	uint64_t left; /* bytes of the body or chunk that are still to come */
	size_t head_len, kept; /* for a listener `kept` counts bytes of an unfinished event */
	const char *out;
	size_t out_len, out_sent;
	int64_t due_ns;
	uint64_t post; /* which POST is on its way */
	char record[24]; /* an elder that this connection made and has not yet patched */
	unsigned listener;
	int64_t last_position;
	char *head, *keep_buf, *post_text, *patch_text;
};

/* One POST of the sse mode, and one position of the feed. */
struct posted {
	int64_t due_ns;
	uint64_t record; /* 0 until it was answered with 201 */
	bool seen;
};

struct feed {
	int64_t base; /* position of column 0; 0 until the first event */
	size_t columns;
	uint32_t *arrivals; /* [listener][column]: microseconds since the start, plus one */
	uint64_t *records; /* [column] */
	struct posted *posted;
	uint64_t posted_count, posted_good;
	uint64_t events, lost, doubled, disorder, gaps, outside;
	unsigned open;
	int64_t newest_ns;
};

struct load {
	struct options options;
	struct sockaddr_in address;
	char cookie[512];
	int epoll;
	struct conn *conns, **spare;
	unsigned conn_count, spare_count;
	struct requests reads, lists;
	char **areas;
	size_t area_count;
	struct elder_spots spots;
	uint64_t elder; /* counter of the next elder */
	uint64_t random;
	int64_t start_ns, count_ns, end_ns;
	uint64_t issued, due_total, in_flight;
	uint64_t errors, reconnects, bytes;
	struct histogram latency[KIND_COUNT];
	struct feed feed;
	char receive[RECEIVE];
};

static _Noreturn __attribute__((format(printf, 2, 3))) void die(int code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(code);
}

static void *take(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (!memory)
		die(EXIT_SETUP, "out of memory");
	return memory;
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * second_ns + t.tv_nsec;
}

static bool makes_elders(const struct load *l)
{
	return l->options.mode != MODE_GET;
}

/* ---- texts of requests ---- */

static void requests_add(struct requests *list, const struct load *l, const char *path)
{
	if ((list->count & (list->count + 1)) == 0) {
		struct request *bigger = realloc(list->items, (2 * list->count + 2) * sizeof(*bigger));
		if (!bigger)
			die(EXIT_SETUP, "out of memory");
		list->items = bigger;
	}
	char *text = NULL;
	int len = asprintf(&text, "GET %s HTTP/1.1\r\nHost: %s:%u\r\n%s\r\n", path, l->options.host, l->options.port,
		l->cookie);
	if (len < 0)
		die(EXIT_SETUP, "out of memory");
	list->items[list->count++] = (struct request){ text, (size_t)len };
}

static void requests_read(struct requests *list, const struct load *l, const char *file)
{
	FILE *in = fopen(file, "re");
	if (!in)
		die(EXIT_USAGE, "%s: %s", file, strerror(errno));
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	while ((len = getline(&line, &size, in)) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line)
			requests_add(list, l, line);
	}
	free(line);
	fclose(in);
}

static size_t spot(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	if (!at)
		die(EXIT_SETUP, "no %s in the elder's text", key);
	return (size_t)(at - text) + strlen(key);
}

/* Every connection has its own text of a POST, in which elder_write() changes the digits. */
static void elder_prepare(struct load *l, struct conn *c)
{
	static const char body[] = "{\"name\":\"王一一一一\",\"sex\":\"female\",\"born_on\":\"1930-01-01\","
		"\"area\":\"000000000000000\",\"id_card\":\"909000193001010000\",\"phone\":\"13000000000\","
		"\"address\":\"滨海路0000000000号\"}";
	int len = snprintf(c->post_text, TEXT_MAX, "POST %s HTTP/1.1\r\nHost: %s:%u\r\n%s"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", l->options.elders_path, l->options.host,
		l->options.port, l->cookie, sizeof(body) - 1, body);
	if (len < 0 || len >= TEXT_MAX)
		die(EXIT_SETUP, "the request is too long");
	const char *t = c->post_text;
	l->spots = (struct elder_spots){ .len = (size_t)len, .name = spot(t, "\"name\":\""), .sex = spot(t, "\"sex\":\""),
		.born_on = spot(t, "\"born_on\":\""), .area = spot(t, "\"area\":\""), .id_card = spot(t, "\"id_card\":\""),
		.phone = spot(t, "\"phone\":\""), .house = spot(t, "滨海路") };
}

static void put_digits(char *to, unsigned digits, uint64_t value)
{
	for (unsigned at = digits; at-- > 0; value /= 10)
		to[at] = (char)('0' + value % 10);
}

/* GB 11643: weights 2^(17-i) mod 11. */
static char check_character(const char digits[17])
{
	static const int weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	int sum = 0;
	for (int at = 0; at < 17; at++)
		sum += weights[at] * (digits[at] - '0');
	return "10X98765432"[sum % 11];
}

static void put_name(char *to, uint64_t number)
{
	static const char surnames[] = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹"
		"袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚";
	static const char given[] = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅春国建文"
		"志海永光德福贵荣宝成林松柏山川江河云峰岩东南西北忠孝仁义礼智信和";
	_Static_assert(sizeof(surnames) > 64 * 3 && sizeof(given) > 64 * 3, "64 characters each");
	memcpy(to, surnames + 3 * (number % 64), 3);
	for (int at = 1; at < 5; at++)
		memcpy(to + 3 * at, given + 3 * ((number >>= 6) % 64), 3);
}

/* Elder `number` (below 10^10): each has an ID card of its own, in scattered order as real ones come; the area
 * prefixes 909000-909999 exist in no register, and the demo's own elders hardly meet them. */
static void elder_write(struct load *l, char *text, uint64_t number)
{
	const uint64_t cards = 10000000000;
	uint64_t card = (number % cards * 7368787 + 12345) % cards;
	uint64_t sequence = card % 1000, day = card / 1000 % 10000, prefix = card / 10000000;
	char *id_card = text + l->spots.id_card, *born = text + l->spots.born_on;
	put_digits(born, 4, 1930 + day / 336);
	put_digits(born + 5, 2, day % 336 / 28 + 1);
	put_digits(born + 8, 2, day % 28 + 1);
	put_digits(id_card, 6, 909000 + prefix);
	memcpy(id_card + 6, born, 4);
	memcpy(id_card + 10, born + 5, 2);
	memcpy(id_card + 12, born + 8, 2);
	put_digits(id_card + 14, 3, sequence);
	id_card[17] = check_character(id_card);
	memcpy(text + l->spots.sex, sequence % 2 ? "male\",  " : "female\",", 8);
	put_name(text + l->spots.name, number);
	put_digits(text + l->spots.phone + 2, 9, card % 1000000000);
	put_digits(text + l->spots.house, 10, number);
	memcpy(text + l->spots.area, l->areas[number % l->area_count], 15);
}

static void patch_write(struct load *l, struct conn *c)
{
	char body[128];
	int body_len = snprintf(body, sizeof(body), "{\"address\":\"滨河路%" PRIu64 "号\"}", l->issued);
	int len = snprintf(c->patch_text, TEXT_MAX, "PATCH %s/%s HTTP/1.1\r\nHost: %s:%u\r\n%sIf-Match: \"1\"\r\n"
		"Content-Type: application/merge-patch+json\r\nContent-Length: %d\r\n\r\n%s", l->options.elders_path, c->record,
		l->options.host, l->options.port, l->cookie, body_len, body);
	if (len < 0 || len >= TEXT_MAX)
		die(EXIT_SETUP, "the request is too long");
	c->out = c->patch_text;
	c->out_len = (size_t)len;
	c->record[0] = '\0';
}

/* ---- connections ---- */

static int dial(const struct load *l)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&l->address, sizeof(l->address)) != 0)
		die(EXIT_SETUP, "cannot connect to %s:%u: %s", l->options.host, l->options.port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}

static void conn_open(struct load *l, struct conn *c)
{
	c->fd = dial(l);
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
	c->part = PART_HEAD;
	c->head_len = c->kept = 0;
	c->keep = true;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		die(EXIT_SETUP, "epoll_ctl: %s", strerror(errno));
}

static void conn_reopen(struct load *l, struct conn *c)
{
	close(c->fd);
	l->reconnects++;
	conn_open(l, c);
}

static void conn_wait_for(struct load *l, struct conn *c, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = c };
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &event) != 0)
		die(EXIT_SETUP, "epoll_ctl: %s", strerror(errno));
}

static void conn_send(struct load *l, struct conn *c)
{
	bool waited = c->out_sent > 0;
	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			/* A connection that is gone shows itself when it is read. */
			if (errno == EAGAIN)
				conn_wait_for(l, c, EPOLLIN | EPOLLOUT);
			return;
		}
		c->out_sent += (size_t)n;
	}
	if (waited)
		conn_wait_for(l, c, EPOLLIN);
}

static enum kind choose(struct load *l)
{
	if (l->options.mode == MODE_GET)
		return KIND_GET;
	if (l->options.mode != MODE_MIXED)
		return KIND_POST;
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	unsigned of_ten = (unsigned)(l->random % 10);
	return of_ten < 7 ? KIND_GET : of_ten < 9 ? KIND_LIST : KIND_POST;
}

static void issue(struct load *l, struct conn *c, int64_t due_ns)
{
	c->kind = choose(l);
	if (c->kind == KIND_POST && l->options.mode == MODE_MIXED && c->record[0])
		c->kind = KIND_PATCH;
	if (c->kind == KIND_PATCH) {
		patch_write(l, c);
	} else if (c->kind == KIND_POST) {
		elder_write(l, c->post_text, l->elder++);
		c->out = c->post_text;
		c->out_len = l->spots.len;
	} else {
		struct requests *list = c->kind == KIND_GET ? &l->reads : &l->lists;
		struct request *r = &list->items[list->next];
		list->next = list->next + 1 < list->count ? list->next + 1 : 0;
		c->out = r->ptr;
		c->out_len = r->len;
	}
	if (l->options.mode == MODE_SSE) {
		c->post = l->feed.posted_count++;
		l->feed.posted[c->post].due_ns = due_ns;
	}
	c->out_sent = 0;
	c->due_ns = due_ns;
	c->busy = true;
	l->issued++;
	l->in_flight++;
	conn_send(l, c);
}

static int64_t due_at(const struct load *l, uint64_t number)
{
	return l->start_ns + (int64_t)((double)number * 1e9 / l->options.rate);
}

/* The connection has nothing to do: closed loop asks again, open loop waits for what is due next. */
static void conn_is_free(struct load *l, struct conn *c)
{
	int64_t now = now_ns();
	if (l->options.rate > 0)
		l->spare[l->spare_count++] = c;
	else if (now < l->end_ns)
		issue(l, c, now);
}

/* ---- answers ---- */

static void complain(struct load *l, const struct conn *c, const char *what)
{
	if (l->errors++ < 5)
		fprintf(stderr, "load: %s: %s\n  %.*s\n  %.*s\n", kind_names[c->kind], what,
			(int)strcspn(c->out, "\r"), c->out, (int)c->kept, c->keep_buf);
}

/* Copies the digits of "id":"..." ; false when there are none. */
static bool find_id(const char *text, size_t len, char id[static 24])
{
	static const char key[] = "\"id\":\"";
	const char *at = memmem(text, len, key, sizeof(key) - 1);
	if (!at)
		return false;
	at += sizeof(key) - 1;
	size_t digits = 0;
	while (at + digits < text + len && at[digits] >= '0' && at[digits] <= '9')
		digits++;
	if (digits == 0 || digits > 20 || at + digits == text + len || at[digits] != '"')
		return false;
	memcpy(id, at, digits);
	id[digits] = '\0';
	return true;
}

static void elder_made(struct load *l, struct conn *c)
{
	if (!find_id(c->keep_buf, c->kept, c->record)) {
		complain(l, c, "the answer has no id");
	} else if (l->options.mode == MODE_SSE) {
		l->feed.posted[c->post].record = strtoull(c->record, NULL, 10);
		l->feed.posted_good++;
	}
}

static void answer_done(struct load *l, struct conn *c)
{
	int64_t now = now_ns();
	c->part = PART_HEAD;
	c->head_len = 0;
	if (!c->busy)
		return; /* a listener's feed came to its end */
	c->busy = false;
	l->in_flight--;
	if (c->status < 200 || c->status > 299) {
		char what[32];
		snprintf(what, sizeof(what), "status %d", c->status);
		complain(l, c, what);
	} else {
		if (c->kind == KIND_POST)
			elder_made(l, c);
		bool open_loop = l->options.rate > 0;
		int64_t when = open_loop ? c->due_ns : now;
		if (when >= l->count_ns && when < l->end_ns)
			histogram_add(&l->latency[c->kind], now - c->due_ns);
	}
	c->kept = 0;
	if (!c->keep)
		conn_reopen(l, c);
	conn_is_free(l, c);
}

static bool header_is(const char *line, size_t len, const char *name, const char **value)
{
	size_t name_len = strlen(name);
	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
		return false;
	*value = line + name_len + 1;
	while (**value == ' ')
		(*value)++;
	return true;
}

/* The head is complete, and ends with an empty line, so the searches below end inside it. */
static void head_done(struct conn *c)
{
	const char *line = c->head, *end = c->head + c->head_len, *value;
	c->status = c->head_len > 12 ? (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0') : 0;
	c->chunked = false;
	c->to_the_end = c->status != 204 && c->status != 304 && c->status >= 200;
	c->left = 0;
	for (;;) {
		line = memchr(line, '\n', (size_t)(end - line));
		if (!line || ++line >= end)
			break;
		size_t len = (size_t)(end - line);
		if (header_is(line, len, "content-length", &value)) {
			c->left = strtoull(value, NULL, 10);
			c->to_the_end = false;
		} else if (header_is(line, len, "transfer-encoding", &value)) {
			c->chunked = strncasecmp(value, "chunked", 7) == 0;
			c->to_the_end = false;
		} else if (header_is(line, len, "connection", &value) && strncasecmp(value, "close", 5) == 0) {
			c->keep = false;
		}
	}
	c->part = c->chunked ? PART_CHUNK_SIZE : PART_BODY;
}

/* Takes bytes into the head; returns how many. */
static size_t head_take(struct load *l, struct conn *c, const char *bytes, size_t len)
{
	size_t before = c->head_len, room = HEAD_MAX - before;
	size_t copied = len < room ? len : room;
	memcpy(c->head + before, bytes, copied);
	size_t from = before > 3 ? before - 3 : 0;
	const char *end = memmem(c->head + from, before + copied - from, "\r\n\r\n", 4);
	if (!end) {
		c->head_len += copied;
		if (c->head_len == HEAD_MAX)
			die(EXIT_ERRORS, "an answer's head is too long");
		return copied;
	}
	c->head_len = (size_t)(end - c->head) + 4;
	size_t used = c->head_len - before;
	head_done(c);
	if (c->status < 200) { /* an interim answer */
		c->part = PART_HEAD;
		c->head_len = 0;
	} else if (!c->busy) {
		if (c->status != 200)
			die(EXIT_ERRORS, "the feed answers with status %d", c->status);
		l->feed.open++;
	} else if (!c->chunked && !c->to_the_end && c->left == 0) {
		answer_done(l, c);
	}
	return used;
}

static void event_seen(struct load *l, struct conn *c, int64_t position, const char *data, size_t len)
{
	struct feed *f = &l->feed;
	if (!f->base)
		f->base = position > 1024 ? position - 1024 : 1;
	f->events++;
	f->newest_ns = now_ns();
	if (position == c->last_position)
		f->doubled++;
	else if (position < c->last_position)
		f->disorder++;
	else if (c->last_position && position != c->last_position + 1)
		f->gaps++;
	c->last_position = position;
	if (position < f->base || (uint64_t)(position - f->base) >= f->columns) {
		f->outside++;
		return;
	}
	size_t column = (size_t)(position - f->base);
	char id[24];
	if (!f->records[column] && find_id(data, len, id))
		f->records[column] = strtoull(id, NULL, 10);
	uint32_t *arrival = &f->arrivals[c->listener * f->columns + column];
	if (!*arrival)
		*arrival = (uint32_t)((f->newest_ns - l->start_ns) / 1000) + 1;
}

/* Reads whole events out of what a listener has; keeps the rest. */
static void events_read(struct load *l, struct conn *c)
{
	const char *at = c->keep_buf, *end = at + c->kept, *event = at, *data = NULL, *newline;
	size_t data_len = 0;
	int64_t position = 0;
	while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		size_t len = (size_t)(newline - at);
		if (len == 0) {
			if (position && data)
				event_seen(l, c, position, data, data_len);
			event = newline + 1;
			position = 0;
			data = NULL;
		} else if (len > 3 && memcmp(at, "id:", 3) == 0) {
			position = strtoll(at + 3, NULL, 10);
		} else if (len > 5 && memcmp(at, "data:", 5) == 0) {
			data = at + 5;
			data_len = len - 5;
		}
		at = newline + 1;
	}
	c->kept = (size_t)(end - event);
	if (c->kept == FEED_MAX)
		die(EXIT_ERRORS, "an event is too long");
	memmove(c->keep_buf, event, c->kept);
}

static void body_take(struct load *l, struct conn *c, const char *bytes, size_t len)
{
	bool listens = !c->busy;
	if (!listens && c->kind != KIND_POST && c->status < 300)
		return;
	size_t max = listens ? FEED_MAX : KEEP_MAX;
	while (len > 0) {
		size_t room = max - c->kept, copied = len < room ? len : room;
		memcpy(c->keep_buf + c->kept, bytes, copied);
		c->kept += copied;
		if (!listens)
			return; /* the first part of an answer is enough */
		bytes += copied;
		len -= copied;
		events_read(l, c);
	}
}

/* One line of chunked framing, byte by byte: they are few. */
static void chunk_line(struct load *l, struct conn *c, char byte)
{
	if (c->part == PART_CHUNK_END) {
		if (byte == '\n') {
			c->part = PART_CHUNK_SIZE;
			c->left = 0;
		}
	} else if (c->part == PART_TRAILER) {
		if (byte == '\n' && c->left == 0)
			answer_done(l, c);
		else
			c->left = byte == '\n' ? 0 : c->left + (byte != '\r');
	} else if (byte == '\n') {
		c->part = c->left ? PART_CHUNK : PART_TRAILER;
	} else if (byte >= '0' && byte <= '9') {
		c->left = c->left * 16 + (uint64_t)(byte - '0');
	} else if ((byte | 32) >= 'a' && (byte | 32) <= 'f') {
		c->left = c->left * 16 + (uint64_t)((byte | 32) - 'a' + 10);
	}
}

static void bytes_take(struct load *l, struct conn *c, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t used = 1;
		if (c->part == PART_HEAD) {
			if (!c->busy && c->kind != KIND_EVENT)
				die(EXIT_ERRORS, "bytes that nobody asked for: %.*s", (int)(len < 80 ? len : 80), bytes);
			used = head_take(l, c, bytes, len);
		} else if (c->part == PART_BODY || c->part == PART_CHUNK) {
			used = c->to_the_end || len < c->left ? len : (size_t)c->left;
			body_take(l, c, bytes, used);
			if (!c->to_the_end && (c->left -= used) == 0) {
				if (c->part == PART_BODY)
					answer_done(l, c);
				else
					c->part = PART_CHUNK_END;
			}
		} else {
			chunk_line(l, c, *bytes);
		}
		bytes += used;
		len -= used;
	}
}

static void conn_lost(struct load *l, struct conn *c)
{
	if (c->kind == KIND_EVENT)
		die(EXIT_ERRORS, "the server closed a feed");
	if (c->busy && c->part == PART_BODY && c->to_the_end) {
		c->keep = false;
		answer_done(l, c);
		return;
	}
	bool was_busy = c->busy;
	if (was_busy) {
		complain(l, c, "the connection was closed before the answer");
		c->busy = false;
		l->in_flight--;
	}
	conn_reopen(l, c);
	if (was_busy)
		conn_is_free(l, c);
}

static void conn_ready(struct load *l, struct conn *c, uint32_t events)
{
	if ((events & EPOLLOUT) && c->out_sent < c->out_len)
		conn_send(l, c);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	ssize_t n = recv(c->fd, l->receive, sizeof(l->receive), 0);
	if (n > 0) {
		l->bytes += (uint64_t)n;
		bytes_take(l, c, l->receive, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		conn_lost(l, c);
	}
}

/* ---- running ---- */

/* Waits until something is ready, at the longest until `wake_ns`, and handles it. */
static void turn(struct load *l, int64_t wake_ns)
{
	struct epoll_event ready[READY];
	int64_t wait = wake_ns - now_ns();
	if (wait < 0)
		wait = 0;
	struct timespec t = { .tv_sec = (time_t)(wait / second_ns), .tv_nsec = (long)(wait % second_ns) };
	int count = epoll_pwait2(l->epoll, ready, READY, &t, NULL);
	for (int at = 0; at < count; at++)
		conn_ready(l, ready[at].data.ptr, ready[at].events);
}

/* Sends what is due by now, as far as connections are free; returns when to look again. */
static int64_t pump(struct load *l, int64_t now)
{
	while (l->issued < l->due_total && l->spare_count > 0 && due_at(l, l->issued) <= now)
		issue(l, l->spare[--l->spare_count], due_at(l, l->issued));
	return l->issued < l->due_total && l->spare_count > 0 ? due_at(l, l->issued) : now + second_ns / 10;
}

static void run(struct load *l)
{
	bool open_loop = l->options.rate > 0;
	l->start_ns = now_ns();
	l->count_ns = l->start_ns + (int64_t)(l->options.warm_s * 1e9);
	l->end_ns = l->count_ns + (int64_t)(l->options.seconds * 1e9);
	if (open_loop)
		l->due_total = (uint64_t)((l->options.warm_s + l->options.seconds) * l->options.rate);
	for (unsigned at = l->options.listeners; at < l->conn_count; at++)
		conn_is_free(l, &l->conns[at]);
	for (;;) {
		int64_t now = now_ns(), wake = now + second_ns / 10;
		if (open_loop)
			wake = pump(l, now);
		if (now >= l->end_ns && l->in_flight == 0 && l->issued >= l->due_total)
			break;
		if (now >= l->end_ns + drain_ns) {
			uint64_t missing = l->in_flight + (open_loop ? l->due_total - l->issued : 0);
			fprintf(stderr, "load: %" PRIu64 " requests were not answered within 10 s of the end\n", missing);
			l->errors += missing;
			break;
		}
		turn(l, wake);
	}
}

/* ---- the feed ---- */

static void feed_prepare(struct load *l)
{
	struct feed *f = &l->feed;
	size_t posts = (size_t)((l->options.warm_s + l->options.seconds) * l->options.rate) + 1;
	f->columns = posts + posts / 2 + 8192;
	f->posted = take(posts, sizeof(*f->posted));
	f->records = take(f->columns, sizeof(*f->records));
	f->arrivals = take(f->columns * l->options.listeners, sizeof(*f->arrivals));
}

static void feed_open(struct load *l)
{
	static char text[1024];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s:%u\r\n%sAccept: text/event-stream\r\n\r\n",
		l->options.events_path, l->options.host, l->options.port, l->cookie);
	l->start_ns = now_ns();
	for (unsigned at = 0; at < l->options.listeners; at++) {
		struct conn *c = &l->conns[at];
		c->kind = KIND_EVENT;
		c->listener = at;
		c->out = text;
		c->out_len = (size_t)len;
		conn_send(l, c);
	}
	int64_t give_up = now_ns() + drain_ns;
	while (l->feed.open < l->options.listeners) {
		if (now_ns() > give_up)
			die(EXIT_ERRORS, "only %u of %u feeds were opened", l->feed.open, l->options.listeners);
		turn(l, now_ns() + second_ns / 10);
	}
}

static int by_record(const void *a, const void *b)
{
	uint64_t x = ((const struct posted *)a)->record, y = ((const struct posted *)b)->record;
	return x < y ? -1 : x > y;
}

/* Waits for the last events, then compares what each listener saw with what was acknowledged. */
static void feed_judge(struct load *l)
{
	struct feed *f = &l->feed;
	int64_t quiet_from = now_ns();
	while (f->events < f->posted_good * l->options.listeners && now_ns() < quiet_from + 5 * second_ns) {
		turn(l, now_ns() + second_ns / 10);
		quiet_from = f->newest_ns > quiet_from ? f->newest_ns : quiet_from;
	}
	qsort(f->posted, f->posted_count, sizeof(*f->posted), by_record);
	for (size_t column = 0; column < f->columns; column++) {
		struct posted wanted = { .record = f->records[column] };
		struct posted *p = wanted.record == 0 ? NULL
			: bsearch(&wanted, f->posted, f->posted_count, sizeof(wanted), by_record);
		if (!p)
			continue; /* somebody else's change */
		if (p->seen)
			f->doubled += l->options.listeners;
		p->seen = true;
		for (unsigned at = 0; at < l->options.listeners; at++) {
			uint32_t arrival = f->arrivals[at * f->columns + column];
			if (!arrival)
				f->lost++;
			else if (p->due_ns >= l->count_ns)
				histogram_add(&l->latency[KIND_EVENT], l->start_ns + (int64_t)(arrival - 1) * 1000 - p->due_ns);
		}
	}
	for (uint64_t at = 0; at < f->posted_count; at++)
		if (f->posted[at].record && !f->posted[at].seen)
			f->lost += l->options.listeners;
	l->errors += f->lost + f->doubled + f->disorder + f->outside;
}

/* ---- setting up ---- */

/* One request on a connection of its own, before the clock starts. */
static void ask_once(struct load *l, const char *request, char *answer, size_t size)
{
	int fd = dial(l);
	size_t len = strlen(request), got = 0;
	if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
		die(EXIT_SETUP, "cannot send: %s", strerror(errno));
	ssize_t n;
	while (got < size - 1 && (n = recv(fd, answer + got, size - 1 - got, 0)) > 0)
		got += (size_t)n;
	answer[got] = '\0';
	close(fd);
}

static void sign_in(struct load *l)
{
	char request[1024], answer[16384], body[512];
	int body_len = snprintf(body, sizeof(body), "{\"user\":\"%s\",\"password\":\"%s\"}", l->options.user,
		l->options.password);
	snprintf(request, sizeof(request), "POST /api/v1/login HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\n"
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", l->options.host, l->options.port,
		body_len, body);
	ask_once(l, request, answer, sizeof(answer));
	if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
		die(EXIT_SETUP, "cannot sign in as %s: %.200s", l->options.user, answer);
	const char *cookie = strcasestr(answer, "\r\nset-cookie:");
	if (!cookie)
		die(EXIT_SETUP, "signing in gave no cookie");
	cookie += strlen("\r\nset-cookie:");
	cookie += strspn(cookie, " ");
	snprintf(l->cookie, sizeof(l->cookie), "Cookie: %.*s\r\n", (int)strcspn(cookie, ";\r"), cookie);
}

static void areas_read(struct load *l)
{
	static const char zeros[] = "000000000000000";
	const char *at = l->options.areas;
	while (at && *at) {
		size_t len = strspn(at, "0123456789");
		if (len == 0 || len > 15 || (at[len] != '\0' && at[len] != ','))
			die(EXIT_USAGE, "--areas takes numbers of up to 15 digits, with commas");
		char **bigger = realloc(l->areas, (l->area_count + 1) * sizeof(*bigger));
		char *area = take(16, 1);
		if (!bigger)
			die(EXIT_SETUP, "out of memory");
		memcpy(area, zeros, 15);
		memcpy(area, at, len);
		l->areas = bigger;
		l->areas[l->area_count++] = area;
		at += len + (at[len] == ',');
	}
	if (makes_elders(l) && l->area_count == 0)
		die(EXIT_USAGE, "this mode needs --areas: where the new elders live");
}

static void set_up(struct load *l)
{
	struct options *o = &l->options;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_TIMERSLACK, 1000);
	if (o->user)
		sign_in(l);
	areas_read(l);
	for (size_t at = 0; at < o->path_count; at++)
		requests_add(&l->reads, l, o->paths[at]);
	if (o->paths_file)
		requests_read(&l->reads, l, o->paths_file);
	if (o->lists_file)
		requests_read(&l->lists, l, o->lists_file);
	if ((o->mode == MODE_GET || o->mode == MODE_MIXED) && l->reads.count == 0)
		die(EXIT_USAGE, "this mode needs --path or --paths");
	if (o->mode == MODE_MIXED && l->lists.count == 0)
		die(EXIT_USAGE, "mixed needs --lists");
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->elder = o->first;
	l->random = o->first * 2654435761U + 88172645463325252U;
	l->conn_count = o->listeners + o->connections;
	l->conns = take(l->conn_count, sizeof(*l->conns));
	l->spare = take(l->conn_count, sizeof(struct conn *));
	for (unsigned at = 0; at < l->conn_count; at++) {
		struct conn *c = &l->conns[at];
		c->head = take(HEAD_MAX, 1);
		c->keep_buf = take(at < o->listeners ? FEED_MAX : KEEP_MAX, 1);
		c->post_text = take(TEXT_MAX, 1);
		c->patch_text = take(TEXT_MAX, 1);
		if (makes_elders(l))
			elder_prepare(l, c);
		conn_open(l, c);
	}
}

/* ---- what comes out ---- */

static void report_kind(const struct load *l, enum kind kind, bool first)
{
	const struct histogram *h = &l->latency[kind];
	double rate = (double)h->count / l->options.seconds;
	if (l->options.json)
		printf("%s\"%s\":{\"count\":%" PRIu64 ",\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}",
			first ? "" : ",", kind_names[kind], h->count, rate, histogram_ms(h, 0.5), histogram_ms(h, 0.99),
			(double)h->max_us / 1000);
	else
		printf("%-6s %9" PRIu64 "  %9.0f/s  p50 %8.3f  p99 %8.3f  max %8.3f ms\n", kind_names[kind], h->count, rate,
			histogram_ms(h, 0.5), histogram_ms(h, 0.99), (double)h->max_us / 1000);
}

static void report(const struct load *l)
{
	static const char *const modes[] = { "get", "post", "sse", "mixed" };
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
		+ (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	double busy = cpu / (l->options.warm_s + l->options.seconds);
	const struct feed *f = &l->feed;
	if (l->options.json)
		printf("{\"mode\":\"%s\",\"connections\":%u,\"seconds\":%.2f,\"errors\":%" PRIu64 ",\"reconnects\":%" PRIu64
			",\"bytes\":%" PRIu64 ",\"elders_to\":%" PRIu64 ",\"load_cpu\":%.2f,\"kinds\":{", modes[l->options.mode],
			l->options.connections, l->options.seconds, l->errors, l->reconnects, l->bytes, l->elder, busy);
	bool first = true;
	for (enum kind kind = 0; kind < KIND_COUNT; kind++)
		if (l->latency[kind].count) {
			report_kind(l, kind, first);
			first = false;
		}
	if (l->options.json)
		fputs("}", stdout);
	else
		printf("errors %" PRIu64 ", reconnects %" PRIu64 ", own core %.0f %%\n", l->errors, l->reconnects, busy * 100);
	if (l->options.mode == MODE_SSE)
		printf(l->options.json ? ",\"feed\":{\"listeners\":%u,\"posted\":%" PRIu64 ",\"events\":%" PRIu64
				",\"lost\":%" PRIu64 ",\"doubled\":%" PRIu64 ",\"disorder\":%" PRIu64
				",\"gaps\":%" PRIu64 ",\"outside\":%" PRIu64 "}"
			: "listeners %u, posted %" PRIu64 ", events %" PRIu64 ", lost %" PRIu64 ", doubled %" PRIu64
				", disorder %" PRIu64 ", gaps %" PRIu64 ", outside %" PRIu64 "\n",
			l->options.listeners, f->posted_good, f->events, f->lost, f->doubled, f->disorder, f->gaps, f->outside);
	if (l->options.json)
		puts("}");
}

static const char usage[] =
	"load get|post|sse|mixed --port N [--host 127.0.0.1] [--user U --password P] [--json]\n"
	"  -c, --connections N   (32)    --warm SECONDS (1)    --seconds SECONDS (5)\n"
	"  --path PATH           get; may stand several times\n"
	"  --paths FILE          get, mixed: one path a line, asked in turn\n"
	"  --lists FILE          mixed: paths of list pages\n"
	"  --areas A,B,...       post, sse, mixed: where the new elders live\n"
	"  --first N             number of the first new elder (0); each number is one ID card\n"
	"  --rate R              sse (1000), mixed: requests a second, open loop\n"
	"  --listeners N         sse (500)\n"
	"  --elders PATH, --events PATH   (/api/v1/elders, /api/v1/events)\n";

static double number(const char *name, const char *source, double max)
{
	char *end;
	double value = strtod(source, &end);
	if (end == source || *end || !(value >= 0 && value <= max))
		die(EXIT_USAGE, "--%s wants a number up to %.0f", name, max);
	return value;
}

static enum mode read_mode(const char *word)
{
	static const char *const words[] = { "get", "post", "sse", "mixed" };
	for (unsigned at = 0; word && at < 4; at++)
		if (strcmp(word, words[at]) == 0)
			return (enum mode)at;
	fputs(usage, stderr);
	exit(EXIT_USAGE);
}

static const struct option long_options[] = {
	{ "host", 1, NULL, 'h' }, { "port", 1, NULL, 'p' }, { "user", 1, NULL, 'u' }, { "password", 1, NULL, 'w' },
	{ "connections", 1, NULL, 'c' }, { "warm", 1, NULL, 'W' }, { "seconds", 1, NULL, 's' }, { "path", 1, NULL, 'P' },
	{ "paths", 1, NULL, 'F' }, { "lists", 1, NULL, 'L' }, { "areas", 1, NULL, 'a' }, { "first", 1, NULL, 'f' },
	{ "rate", 1, NULL, 'r' }, { "listeners", 1, NULL, 'n' }, { "elders", 1, NULL, 'E' }, { "events", 1, NULL, 'V' },
	{ "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 },
};

static void read_option(struct options *o, int letter, const char *value)
{
	switch (letter) {
	case 'h': o->host = value; break;
	case 'p': o->port = (uint16_t)number("port", value, 65535); break;
	case 'u': o->user = value; break;
	case 'w': o->password = value; break;
	case 'c': o->connections = (unsigned)number("connections", value, 100000); break;
	case 'W': o->warm_s = number("warm", value, 3600); break;
	case 's': o->seconds = number("seconds", value, 3600); break;
	case 'P': o->paths[o->path_count++] = value; break;
	case 'F': o->paths_file = value; break;
	case 'L': o->lists_file = value; break;
	case 'a': o->areas = value; break;
	case 'f': o->first = (uint64_t)number("first", value, 9e9); break;
	case 'r': o->rate = number("rate", value, 1e6); break;
	case 'n': o->listeners = (unsigned)number("listeners", value, 100000); break;
	case 'E': o->elders_path = value; break;
	case 'V': o->events_path = value; break;
	case 'j': o->json = true; break;
	default: fputs(usage, stderr); exit(EXIT_USAGE);
	}
}

static void read_options(struct load *l, int argc, char **argv)
{
	struct options *o = &l->options;
	*o = (struct options){ .mode = read_mode(argc > 1 ? argv[1] : NULL), .host = "127.0.0.1", .connections = 32,
		.warm_s = 1, .seconds = 5, .elders_path = "/api/v1/elders", .events_path = "/api/v1/events" };
	if (o->mode == MODE_SSE) {
		o->listeners = 500;
		o->rate = 1000;
	}
	o->paths = take((size_t)argc, sizeof(*o->paths));
	int letter;
	optind = 2;
	while ((letter = getopt_long(argc, argv, "c:", long_options, NULL)) != -1)
		read_option(o, letter, optarg);
	bool open_loop = o->mode == MODE_SSE || o->mode == MODE_MIXED;
	if (o->port == 0 || o->connections == 0 || o->seconds <= 0 || optind != argc || (o->user && !o->password)
		|| (o->rate > 0 && !open_loop) || (o->mode == MODE_SSE ? o->rate <= 0 || !o->listeners : o->listeners > 0)) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
	l->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(o->port) };
	if (inet_pton(AF_INET, o->host, &l->address.sin_addr) != 1)
		die(EXIT_USAGE, "--host wants an IPv4 address");
}

int main(int argc, char **argv)
{
	static struct load load;
	read_options(&load, argc, argv);
	set_up(&load);
	if (load.options.mode == MODE_SSE) {
		feed_prepare(&load);
		feed_open(&load);
	}
	run(&load);
	if (load.options.mode == MODE_SSE)
		feed_judge(&load);
	report(&load);
	return load.errors ? EXIT_ERRORS : 0;
}
