/* SPDX-License-Identifier: Apache-2.0 */
/* gateway.h - who takes messages on: for each channel of a district one web hook of an SMS, voice or WeChat provider. */
#ifndef ENGINE_GATEWAY_H
#define ENGINE_GATEWAY_H

#include "engine/app.h"

extern const struct module gateway_module;
extern const struct word channels[]; /* sms, voice, wechat */

struct gateway {
	int64_t id; /* 0: there is none */
	struct text url;
	struct text key; /* of the signature; missing: it does not open, as its key is not in memory (engine/keys.h) */
};

/* Whether the channel has one today. */
bool gateway_is_there(struct tx *tx, unsigned district, struct text channel);
/* The one that the channel has on this day (DATE_CHARS of it). */
enum store_code gateway_find(struct db *db, struct call *call, struct text channel, struct text today, struct gateway *gateway);
/* One of the call's sight. */
enum store_code gateway_open(struct db *db, struct call *call, int64_t id, struct gateway *gateway);
/* It wants no messages any more. */
enum store_code gateway_gone(struct tx *tx, struct call *call, int64_t id);

#endif
