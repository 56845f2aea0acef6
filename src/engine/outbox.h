/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.h - messages to people by SMS, voice and WeChat.
 *
 * A message is a record that is written in the transaction of whatever it tells of, and so is sent when that is there and not
 * otherwise. When its timer is due it lies in the table `outbox` until the sender (edge/sender.h), which works outside of
 * transactions, has settled it: what is sent and not yet settled when the process ends is sent again, under the same number.
 * Where nobody takes messages of the channel, or nobody took this one for three days, somebody has to call. */
#ifndef ENGINE_OUTBOX_H
#define ENGINE_OUTBOX_H

#include "engine/gateway.h"

extern const struct module outbox_module;

struct message {
	const char *channel; /* "sms", "voice", "wechat" */
	const char *kind; /* what it is about: "visit.missed" */
	struct text text; /* what is said; up to 1000 characters */
	struct text about; /* the record it is about: "visit/123"; missing: none */
	int64_t to_elder; /* whose number, name and area are taken where they are not said; 0: nobody registered */
	struct text to_name, to_phone, to_openid;
	int64_t area; /* whose people call where it cannot be sent */
};

/* Part of the transaction; in whose name it is asked for does not matter. */
enum store_code message_send(struct tx *tx, struct call *call, const struct message *message);

/* ---- for the sender ---- */

enum { CHANNEL_CHARS_MAX = 15 };

struct outgoing {
	unsigned district;
	int64_t area, message; /* the district's area; 0: there is none */
	char channel[CHANNEL_CHARS_MAX + 1];
};

/* For each district and channel that has some, the message whose turn it is. */
enum store_code outbox_look(struct db *db, struct outgoing *list, size_t max, size_t *count);
void outbox_act(struct call *call, const struct outgoing *outgoing); /* the call becomes one of the system itself */

struct letter {
	bool over; /* it is not to be sent any more: settled without an outcome */
	const char *nobody; /* why nobody takes it; NULL: the gateway does */
	struct gateway gateway; /* without a key where something of it does not open: keys_refresh, and open it again */
	struct text id, body; /* of the web hook */
};

/* `call` is outbox_act's. */
enum store_code outbox_open(struct db *db, struct call *call, const struct outgoing *outgoing, struct letter *letter);

struct outcome {
	bool tried, delivered;
	int64_t gone; /* the gateway that takes no messages any more; 0: it does */
	bool nobody; /* there is nobody to take it */
	const char *error;
	int64_t retry_after_s; /* as the gateway wishes; 0: it did not say */
};

/* In a command; `call` as before. Once: a second one changes nothing. */
enum store_code outbox_settle(struct tx *tx, struct call *call, const struct outgoing *outgoing, const struct outcome *outcome);

#endif
