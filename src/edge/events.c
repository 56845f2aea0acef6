/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - the feed as server-sent events. */
#include "edge/http.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16384, BACKLOG_BYTES = 65536 };
_Static_assert((int)BACKLOG_BYTES >= (int)FEED_EVENT_MAX, "an event fits");

struct stream {
	struct listener listener;
	struct app *app;
	struct loop *loop;
	struct MHD_Connection *connection;
	struct job job; /* reads older lines from the store */
	char *backlog; /* what was taken and is not yet passed on: there may be little room for it at a time */
	size_t backlog_len, backlog_done;
	bool over; /* the store could not go on with it */
};

/* A stream may be silent for ever; what was written must be read in time. */
static void set_deadline(struct stream *stream, bool written)
{
	struct peer *peer = exchange_peer(stream->connection);
	if (peer)
		peer->deadline_ms = written ? clock_steady_ms() + STALL_MS : INT64_MAX;
}

static void pause_stream(struct listener *listener)
{
	set_deadline((struct stream *)(void *)listener, false);
	MHD_suspend_connection(((struct stream *)(void *)listener)->connection);
}

static void wake_stream(struct listener *listener)
{
	struct stream *stream = (struct stream *)(void *)listener;
	loop_resume(stream->loop, stream->connection);
}

static void catch_up(struct job *job)
{
	struct stream *stream = (struct stream *)(void *)((char *)job - offsetof(struct stream, job));
	stream->backlog_done = 0;
	stream->over = !feed_catch_up(stream->app->feed, &stream->listener, stream->backlog, BACKLOG_BYTES, &stream->backlog_len);
	loop_resume(stream->loop, stream->connection);
}

/* Leaves the rest to a thread that may wait. */
static ssize_t ask_store(struct stream *stream)
{
	set_deadline(stream, false);
	MHD_suspend_connection(stream->connection);
	stream->job = (struct job){ .run = catch_up, .lane = LANE_INTERACTIVE };
	if (!pool_submit(store_pool(stream->app->store), &stream->job)) {
		loop_resume(stream->loop, stream->connection);
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	return 0;
}

static ssize_t read_stream(void *cls, uint64_t position, char *out, size_t max)
{
	struct stream *stream = cls;
	(void)position;
	if (stream->backlog_done == stream->backlog_len) {
		int taken = stream->over ? FEED_CLOSED
		                         : feed_take(stream->app->feed, &stream->listener, stream->backlog, BACKLOG_BYTES);
		if (taken == FEED_CLOSED)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (taken == FEED_BEHIND)
			return ask_store(stream);
		if (taken == FEED_NOTHING)
			return 0;
		stream->backlog_done = 0;
		stream->backlog_len = (size_t)taken;
	}
	size_t len = stream->backlog_len - stream->backlog_done;
	len = len < max ? len : max;
	memcpy(out, stream->backlog + stream->backlog_done, len);
	stream->backlog_done += len;
	set_deadline(stream, true);
	return (ssize_t)len;
}

static void free_stream(void *cls)
{
	struct stream *stream = cls;
	feed_leave(stream->app->feed, &stream->listener);
	free(stream->backlog);
	free(stream);
}

struct MHD_Response *events_response(struct loop *loop, struct MHD_Connection *connection, const struct actor *actor,
                                     struct text session, int64_t after)
{
	struct stream *stream = calloc(1, sizeof *stream);
	if (!stream || !(stream->backlog = malloc(BACKLOG_BYTES)))
		abort();
	struct app *app = loop->face->http->app;
	stream->app = app;
	stream->loop = loop;
	stream->connection = connection;
	stream->listener.actor = *actor;
	if (session.len < sizeof stream->listener.session)
		memcpy(stream->listener.session, session.ptr ? session.ptr : "", session.len);
	stream->listener.pos = after >= 0 ? after : feed_head(app->feed, actor->district);
	stream->listener.pause = pause_stream;
	stream->listener.wake = wake_stream;
	stream->backlog_len = (size_t)snprintf(stream->backlog, 64, "retry: 1000\n: songhe\nid: %lld\n\n",
	                                       (long long)stream->listener.pos);
	feed_join(app->feed, &stream->listener);
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, free_stream);
}
