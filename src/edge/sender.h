/* SPDX-License-Identifier: Apache-2.0 */
/* sender.h - hands messages that are due to the gateways, on a thread of its own and outside of transactions. */
#ifndef EDGE_SENDER_H
#define EDGE_SENDER_H

#include "edge/webhook.h"
#include "engine/app.h"

extern const struct module sender_module; /* a gateway is tried out */

void sender_start(struct app *app, const struct webhook_wish *wish); /* app->sender; the wish stays the caller's */
void sender_stop(struct app *app); /* what is under way is given up, and sent again by whoever comes next */

#endif
