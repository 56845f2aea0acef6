/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_check.c - numbers and dates of any bytes: what is accepted is accepted again, and masks hide. */
#include "base/arena.h"
#include "base/check.h"
#include "base/id.h"

#undef NDEBUG
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_id_card(struct text source)
{
	struct id_card card, demo, again;
	enum id_card_wrong wrong = id_card_read(source, false, &card), in_demo = id_card_read(source, true, &demo);
	assert(wrong != ID_CARD_FINE || in_demo == ID_CARD_FINE);
	assert(wrong == in_demo || wrong == ID_CARD_AREA);
	if (in_demo != ID_CARD_FINE) {
		assert(demo.number[0] == '\0' && demo.sex == SEX_UNKNOWN);
		return;
	}
	assert(strlen(demo.number) == 18 && demo.sex != SEX_UNKNOWN);
	assert(date_compare(date_from_days(date_to_days(demo.born_on)), demo.born_on) == 0);
	assert(id_card_read(text_of(demo.number), true, &again) == ID_CARD_FINE);
	assert(strcmp(again.number, demo.number) == 0 && again.sex == demo.sex && !again.was_15);
	assert(date_compare(again.born_on, demo.born_on) == 0);
	assert(demo.was_15 == (source.len == 15));

	char masked[MASKED_NUMBER_SIZE];
	mask_number(text_of(demo.number), masked);
	assert(strlen(masked) == 18 && memcmp(masked + 6, "********", 8) == 0);
	assert(memcmp(masked, demo.number, 6) == 0 && memcmp(masked + 14, demo.number + 14, 4) == 0);

	/* any other digit of the sequence is found out */
	for (size_t at = 14; at < 17; at++) {
		struct id_card changed = demo;
		changed.number[at] = changed.number[at] == '9' ? '0' : (char)(changed.number[at] + 1);
		assert(id_card_read(text_of(changed.number), true, &again) == ID_CARD_CHECK_DIGIT);
	}
}

static void try_masks(struct text source)
{
	char number[MASKED_NUMBER_SIZE], phone[PHONE_SIZE];
	mask_number(source, number);
	mask_phone(source, phone);
	assert(memchr(number, '\0', sizeof number) && memchr(phone, '\0', sizeof phone));
	assert(text_utf8_length(text_of(number)) != SIZE_MAX && text_utf8_length(text_of(phone)) != SIZE_MAX);
	assert(source.len == 0 || (strchr(number, '*') && strchr(phone, '*')));
	size_t hidden = 0;
	for (const char *at = number; *at; at++)
		hidden += *at == '*';
	assert(source.len == 0 || hidden >= strlen(number) || hidden >= 5);
}

static void try_phone(struct text source)
{
	char normal[PHONE_SIZE], again[PHONE_SIZE];
	enum phone_kind kind = phone_read(source, normal);
	assert(memchr(normal, '\0', sizeof normal));
	assert((kind == PHONE_WRONG) == (normal[0] == '\0'));
	if (kind == PHONE_WRONG)
		return;
	assert(strspn(normal, "0123456789-") == strlen(normal));
	assert(phone_read(text_of(normal), again) == kind && strcmp(normal, again) == 0);
}

static void try_uscc(struct text source)
{
	if (!uscc_is_valid(source))
		return;
	assert(source.len == 18);
	char changed[18];
	for (size_t at = 0; at < sizeof changed; at++) {
		memcpy(changed, source.ptr, sizeof changed);
		changed[at] = changed[at] == '1' ? '2' : '1';
		assert(!uscc_is_valid((struct text){ changed, sizeof changed }));
	}
}

static void try_area(struct arena *arena, struct text source)
{
	int64_t number, again;
	if (!area_read(source, &number))
		return;
	struct text whole = text_printf(arena, "%lld", (long long)number);
	assert(whole.len == 15 && text_starts(whole, source));
	assert(area_read(whole, &again) && again == number);
	int64_t last = area_last(number);
	assert(last >= number && area_last(last) == last);
}

static void try_date_and_id(struct arena *arena, struct text source)
{
	struct date day;
	int64_t id;
	if (date_read(source, &day)) {
		assert(text_eq(date_text(arena, day), source));
		assert(date_compare(date_from_days(date_to_days(day)), day) == 0);
	}
	if (id_read(source, &id)) {
		assert(id > 0);
		assert(text_eq(text_printf(arena, "%lld", (long long)id), source));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text source = { (const char *)data, size };
	struct arena arena = arena_new((size_t)1 << 20);
	struct text trimmed = text_trim(source);
	assert(trimmed.len <= source.len && text_eq(text_trim(trimmed), trimmed));
	try_id_card(source);
	try_masks(source);
	try_phone(source);
	try_uscc(source);
	try_area(&arena, source);
	try_date_and_id(&arena, source);
	arena_free(&arena);
	return 0;
}
