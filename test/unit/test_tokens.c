/* SPDX-License-Identifier: Apache-2.0 */
/* test_tokens.c - texts cut into tokens, and how characters and surnames are read. */
#include "base/arena.h"
#include "base/pinyin.h"
#include "base/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NAME = TOKENS_SINGLE | TOKENS_PINYIN, PERSON_NAME = NAME | TOKENS_PERSON, LIST_MAX = 64 };

static struct arena arena;

static const char *tokens_of(const char *text, unsigned flags)
{
	struct buf out = buf_in(&arena, 64, 1 << 20);
	tokens_add(&out, text_of(text), flags);
	assert_false(out.overflow);
	return text_z(&arena, buf_done(&out));
}

/* As one text, what begins a token marked by a star. */
static const char *sought(const char *typed)
{
	struct sought list[LIST_MAX];
	struct buf out = buf_in(&arena, 64, 1 << 20);
	size_t count = tokens_seek(&arena, text_of(typed), list, LIST_MAX);
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%.*s%s ", TEXT_ARG(list[i].token), list[i].begins ? "*" : "");
	return text_z(&arena, buf_done(&out));
}

static bool has(const char *text, unsigned flags, const char *token)
{
	const char *all = text_printf(&arena, " %s", tokens_of(text, flags)).ptr;
	return strstr(all, text_printf(&arena, " %s ", token).ptr) != NULL;
}

/* Whether what is typed finds the text. */
static bool finds(const char *typed, const char *text, unsigned flags)
{
	struct sought list[LIST_MAX];
	size_t count = tokens_seek(&arena, text_of(typed), list, LIST_MAX);
	const char *all = text_printf(&arena, " %s", tokens_of(text, flags)).ptr;
	for (size_t i = 0; i < count; i++)
		if (!strstr(all, text_printf(&arena, " %.*s%s", TEXT_ARG(list[i].token), list[i].begins ? "" : " ").ptr))
			return false;
	return count > 0;
}

/* ---- readings ---- */

/* As 《通用规范汉字表》 and 《现代汉语词典》 read them, by what stands first there. */
static void characters_are_read(void **state)
{
	static const struct {
		uint32_t point;
		const char *syllable;
	} read[] = { { U'张', "zhang" }, { U'王', "wang" }, { U'李', "li" }, { U'秀', "xiu" }, { U'英', "ying" }, { U'赵', "zhao" },
		     { U'女', "nu" }, { U'吕', "lu" }, { U'欧', "ou" }, { U'阳', "yang" }, { U'儿', "er" }, { U'松', "song" },
		     { U'鹤', "he" }, { U'庄', "zhuang" }, { U'䶮', "yan" } };
	(void)state;
	for (size_t i = 0; i < COUNT(read); i++) {
		assert_non_null(pinyin_of(read[i].point));
		assert_string_equal(pinyin_of(read[i].point), read[i].syllable);
	}
	unsigned unread = 0; /* all are of Unicode 1.1; a few names of old measures have several syllables or none */
	for (uint32_t point = 0x4E00; point <= 0x9FA5; point++)
		unread += pinyin_of(point) == NULL;
	assert_in_range(unread, 0, 20);
	assert_null(pinyin_of('a'));
	assert_null(pinyin_of(0));
	assert_null(pinyin_of(PINYIN_FIRST - 1));
	assert_null(pinyin_of(PINYIN_LAST + 1));
	assert_null(pinyin_of(UINT32_MAX));
}

static void surnames_are_read_in_their_own_way(void **state)
{
	static const char *const read[][3] = {
		{ "单田芳", "shantianfang", "stf" }, { "曾国藩", "zengguofan", "zgf" }, { "仇英", "qiuying", "qy" }, { "解缙", "xiejin", "xj" },
		{ "任正非", "renzhengfei", "rzf" }, { "区适子", "oushizi", "osz" }, { "查良镛", "zhaliangyong", "zly" },
		{ "盖叫天", "gejiaotian", "gjt" },
		{ "朴明子", "piaomingzi", "pmz" }, { "尉迟恭", "yuchigong", "ycg" }, { "翟让", "zhairang", "zr" }, { "缪荃孙", "miaoquansun", "mqs" },
		{ "万俟咏", "moqiyong", "mqy" }, { "万里", "wanli", "wl" }, { "单于", "chanyu", "cy" }, { "欧阳修", "ouyangxiu", "oyx" },
		{ "吕不韦", "lubuwei", "lbw" }, { "乐毅", "yueyi", "yy" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(read); i++) {
		assert_true(has(read[i][0], PERSON_NAME, read[i][1]));
		assert_true(has(read[i][0], PERSON_NAME, read[i][2]));
	}
	assert_true(has("李解", PERSON_NAME, "lijie"));
	assert_true(has("单县养老院", NAME, "danxianyanglaoyuan"));
	assert_true(has("曾", PERSON_NAME, "zeng"));
}

/* ---- texts ---- */

static void a_name_has_its_tokens(void **state)
{
	(void)state;
	assert_string_equal(tokens_of("王秀英", PERSON_NAME), "王 王秀 秀 秀英 英 wangxiuying wxy xiuying ying ");
	assert_string_equal(tokens_of("王秀英", 0), "王秀 秀英 ");
	assert_string_equal(tokens_of("松鹤院", NAME), "松 松鹤 鹤 鹤院 院 songheyuan shy heyuan hy yuan y ");
	assert_string_equal(tokens_of("", PERSON_NAME), "");
	assert_string_equal(tokens_of("阿·里", PERSON_NAME), "阿 阿里 里 ali al li ");
	assert_string_equal(tokens_of("Ｌily Vo", PERSON_NAME), "lily lily_uo uo ");
	assert_string_equal(tokens_of("王x", PERSON_NAME), "王 王x x wang w ");
}

static void an_address_has_its_tokens(void **state)
{
	(void)state;
	assert_string_equal(tokens_of("滨海路12号3-401", 0), "滨海 海路 路12 12 12号 号3 3 3_401 401 ");
	assert_string_equal(tokens_of("Ａ座 １０１室", 0), "a a座 座101 101 101室 ");
	assert_string_equal(tokens_of("，。 —《》", 0), "");
}

/* Whatever it is, tokens can be told to a database as they are. */
static void no_token_needs_quoting(void **state)
{
	static const unsigned char heads[] = { 0, 0xC0, 0xE0, 0xF0 };
	(void)state;
	for (uint32_t point = 1; point < 0x30000; point += point < 0x3000 ? 1 : 37) {
		if (point >= 0xD800 && point < 0xE000)
			continue;
		char text[5] = { 0 };
		size_t len = 0;
		if (point < 0x80) {
			text[len++] = (char)point;
		} else {
			unsigned more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
			text[len++] = (char)(heads[more] | point >> 6 * more);
			for (; more > 0; more--)
				text[len++] = (char)(0x80 | (point >> 6 * (more - 1) & 0x3F));
		}
		assert_int_equal(text_utf8_length((struct text){ text, len }), 1);
		const char *tokens = tokens_of(text, PERSON_NAME);
		assert_null(strpbrk(tokens, "'\"\\*()&|!:<>+-^"));
		assert_true(tokens[0] != ' ');
		arena_reset(&arena);
	}
}

static void long_texts_are_bounded(void **state)
{
	(void)state;
	char text[20001];
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_string_equal(tokens_of(text, PERSON_NAME), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ");
	assert_string_equal(sought(text), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa* ");
	for (size_t i = 0; i + 1 < sizeof text; i++)
		text[i] = i % 2 ? '1' : 'a';
	assert_true(strlen(tokens_of(text, 0)) < 2048);
	assert_true(finds("a1a1", text, 0));
}

/* ---- what is typed ---- */

static void typed_words_are_cut(void **state)
{
	(void)state;
	assert_string_equal(sought("王"), "王 ");
	assert_string_equal(sought("王秀英"), "王秀 秀英 ");
	assert_string_equal(sought("  王  秀英 "), "王 秀英 ");
	assert_string_equal(sought("ZS"), "zs* ");
	assert_string_equal(sought("lvbw"), "lubw* ");
	assert_string_equal(sought("402"), "402 ");
	assert_string_equal(sought("滨海路 12号"), "滨海 海路 12号 ");
	assert_string_equal(sought("，！"), "");
	assert_string_equal(sought(""), "");
}

static void what_is_typed_finds(void **state)
{
	static const char address[] = "鄞州区首南街道九曲社区 朝阳小区 12号楼2单元402室";
	static const char *const names[] = { "王", "秀", "英", "王秀", "秀英", "王秀英", "王 英", "wangxiuying", "wangx", "wang", "xiuying",
		                             "wxy", "wx", "w", "wang xiuying", "WangXiuYing" };
	static const char *const others[] = { "王英", "xy", "李", "wangying", "1", "秀王" };
	static const char *const places[] = { "朝阳小区", "九曲", "12号楼", "402", "402室", "朝阳 402", "2单元402", "社区朝阳" };
	static const char *const elsewhere[] = { "2号楼", "40", "朝", "402号", "单元2" };
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_true(finds(names[i], "王秀英", PERSON_NAME));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(finds(others[i], "王秀英", PERSON_NAME));
	for (size_t i = 0; i < COUNT(places); i++)
		assert_true(finds(places[i], address, 0));
	for (size_t i = 0; i < COUNT(elsewhere); i++)
		assert_false(finds(elsewhere[i], address, 0));
	assert_true(finds("lv", "吕布", PERSON_NAME));
	assert_true(finds("lu", "吕布", PERSON_NAME));
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(characters_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(surnames_are_read_in_their_own_way, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_has_its_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(an_address_has_its_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(no_token_needs_quoting, setup, teardown),
		cmocka_unit_test_setup_teardown(long_texts_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(typed_words_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_typed_finds, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
