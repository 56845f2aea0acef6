/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line an event on standard error. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const names[] = { [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info" };
	char line[1024];
	time_t now = time(NULL);
	struct tm utc;
	gmtime_r(&now, &utc);
	size_t len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &utc);
	len += (size_t)snprintf(line + len, sizeof line - len, "%s ", names[level]);
	va_list args;
	va_start(args, format);
	int more = vsnprintf(line + len, sizeof line - len - 1, format, args);
	va_end(args);
	if (more > 0)
		len += (size_t)more;
	if (len > sizeof line - 2)
		len = sizeof line - 2;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
			line[i] = '?';
	line[len++] = '\n';
	/* One write a line, so that threads do not mix; when standard error is gone there is nobody to tell. */
	ssize_t ignored = write(STDERR_FILENO, line, len);
	(void)ignored;
}
