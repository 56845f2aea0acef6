/* SPDX-License-Identifier: Apache-2.0 */
/* problem.c - the table of answers that are not the wished-for one. */
#include "engine/problem.h"

#define PROBLEM_ROW(name, status, code, zh, en) [PROBLEM_##name] = { status, code, zh, en },
const struct problem_row problem_rows[PROBLEM_COUNT] = { PROBLEMS(PROBLEM_ROW) };
