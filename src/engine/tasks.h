/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h - what waits for somebody, what somebody can do with a record, and one move of many records. */
#ifndef ENGINE_TASKS_H
#define ENGINE_TASKS_H

#include "engine/app.h"

extern const struct module tasks_module;

#endif
