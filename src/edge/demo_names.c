/* SPDX-License-Identifier: Apache-2.0 */
/* demo_names.c - who the invented people are: names of their time, numbers of nobody. */
#include "edge/demo_own.h"

#include <stdio.h>

/* ---- names ---- */

/* How many of 10,000 people bear it, roughly; with some of those whose reading is not the usual one (单 曾 仇 解). */
static const struct surname {
	const char *word;
	unsigned weight;
} surnames[] = {
	{ "王", 725 }, { "李", 719 }, { "张", 683 }, { "刘", 536 }, { "陈", 453 }, { "杨", 308 }, { "黄", 223 },
	{ "赵", 223 }, { "吴", 205 }, { "周", 202 }, { "徐", 166 }, { "孙", 152 }, { "马", 129 }, { "朱", 126 },
	{ "胡", 116 }, { "郭", 115 }, { "何", 106 }, { "林", 106 }, { "高", 101 }, { "罗", 95 }, { "郑", 93 },
	{ "梁", 85 }, { "谢", 76 }, { "宋", 70 }, { "唐", 69 }, { "许", 66 }, { "韩", 61 }, { "邓", 61 },
	{ "冯", 59 }, { "曹", 57 }, { "彭", 56 }, { "曾", 55 }, { "肖", 54 }, { "田", 53 }, { "董", 51 },
	{ "潘", 50 }, { "袁", 50 }, { "蔡", 48 }, { "蒋", 47 }, { "余", 46 }, { "于", 46 }, { "杜", 46 },
	{ "叶", 45 }, { "程", 44 }, { "魏", 43 }, { "苏", 42 }, { "吕", 42 }, { "丁", 41 }, { "任", 40 },
	{ "卢", 38 }, { "姚", 38 }, { "沈", 37 }, { "钟", 36 }, { "姜", 36 }, { "崔", 35 }, { "谭", 34 },
	{ "陆", 34 }, { "范", 33 }, { "汪", 33 }, { "廖", 32 }, { "石", 31 }, { "金", 31 }, { "韦", 30 },
	{ "贾", 29 }, { "夏", 29 }, { "付", 28 }, { "方", 28 }, { "邹", 27 }, { "熊", 26 }, { "白", 26 },
	{ "孟", 25 }, { "秦", 25 }, { "邱", 24 }, { "侯", 24 }, { "江", 23 }, { "尹", 23 }, { "薛", 22 },
	{ "闫", 22 }, { "段", 21 }, { "雷", 21 }, { "龙", 20 }, { "黎", 20 }, { "史", 19 }, { "陶", 19 },
	{ "贺", 18 }, { "毛", 18 }, { "郝", 17 }, { "顾", 17 }, { "龚", 17 }, { "邵", 16 }, { "万", 16 },
	{ "覃", 16 }, { "武", 15 }, { "钱", 15 }, { "戴", 15 }, { "严", 14 }, { "莫", 14 }, { "孔", 14 },
	{ "向", 13 }, { "常", 13 }, { "汤", 13 }, { "康", 12 }, { "易", 12 }, { "乔", 12 }, { "赖", 11 },
	{ "文", 11 }, { "曲", 10 }, { "慕", 3 }, { "初", 4 }, { "单", 5 }, { "仇", 3 }, { "解", 4 },
	{ "查", 2 }, { "欧阳", 5 }, { "上官", 1 }, { "司马", 1 }, { "诸葛", 1 },
};

static const char *const men_first[] = {
	"建", "国", "志", "德", "文", "永", "明", "玉", "世", "振", "学", "庆", "长", "金", "忠", "光", "宝", "福", "家", "正",
	"大", "天", "春", "洪", "广", "少", "新", "立", "兴", "树", "作", "传", "克", "本", "守", "绍", "仁", "义", "信", "耀",
	"成", "继", "启", "殿", "占", "连", "云", "海", "景", "培", "恩", "兆", "宗", "万", "延", "显", "锡", "怀", "凤", "书",
};
static const char *const men_second[] = {
	"国", "军", "华", "明", "强", "民", "平", "生", "林", "山", "海", "江", "成", "义", "和", "祥", "才", "发", "贵", "财",
	"安", "友", "田", "元", "良", "峰", "武", "文", "东", "清", "臣", "喜", "亮", "胜", "利", "杰", "伟", "昌", "堂", "增",
	"宽", "厚", "礼", "顺", "泰", "荣", "俊", "池", "钧", "斌", "勇", "岭", "柱", "起", "铭", "仁", "升", "忠", "坤", "奎",
};
static const char *const women_first[] = {
	"秀", "桂", "玉", "淑", "凤", "素", "春", "美", "金", "爱", "惠", "月", "兰", "翠", "瑞", "丽", "雪", "彩", "慧", "锦",
	"巧", "香", "红", "菊", "银", "文", "云", "庆", "永", "景", "志", "明", "长", "改", "冬", "凡", "佩", "静", "婉", "毓",
	"蕴", "德", "培", "宝", "喜", "焕", "俊", "国", "亚", "书", "清", "水", "荷", "腊", "梅", "仙", "三", "小", "士", "伟",
};
static const char *const women_second[] = {
	"英", "兰", "珍", "芳", "华", "梅", "云", "霞", "莲", "芝", "香", "荣", "琴", "花", "娥", "清", "玲", "芬", "萍", "凤",
	"敏", "娟", "红", "丽", "静", "燕", "贞", "琳", "珠", "蓉", "玉", "菊", "环", "仙", "翠", "巧", "秋", "卿", "美", "艳",
	"琼", "勤", "妹", "桃", "菱", "茹", "莹", "容", "苹", "爱", "女", "青", "莉", "娣", "雯", "淑", "芹", "枝", "蓝", "瑛",
};

/* Given names that belong to their years. */
static const struct era_name {
	int first, last;
	enum sex sex;
	const char *name;
} era_names[] = {
	{ 1937, 1945, SEX_MALE, "抗战" },   { 1945, 1946, SEX_MALE, "胜利" },	{ 1949, 1950, SEX_MALE, "解放" },
	{ 1949, 1956, SEX_MALE, "建国" },   { 1949, 1959, SEX_MALE, "国庆" },	{ 1950, 1953, SEX_MALE, "援朝" },
	{ 1950, 1953, SEX_MALE, "抗美" },   { 1950, 1958, SEX_MALE, "和平" },	{ 1952, 1958, SEX_FEMALE, "和平" },
	{ 1954, 1964, SEX_MALE, "建军" },   { 1958, 1960, SEX_MALE, "跃进" },	{ 1958, 1961, SEX_MALE, "超英" },
	{ 1958, 1960, SEX_FEMALE, "跃进" }, { 1962, 1966, SEX_MALE, "学锋" },	{ 1964, 1966, SEX_MALE, "卫东" },
	{ 1964, 1966, SEX_FEMALE, "卫红" }, { 1949, 1960, SEX_FEMALE, "建华" }, { 1955, 1966, SEX_FEMALE, "丽华" },
};

/* What parents of these years chose most often. */
static const struct fashion {
	int until; /* the last year of birth */
	enum sex sex;
	unsigned permille; /* bear one of these; the others have a name that is put together */
	const char *names;
} fashions[] = {
	{ 1944, SEX_MALE, 160, "德福 振华 玉山 文彬 永福 福生 树林 凤山 守信 德才 广义 玉林 洪才 长山 文明" },
	{ 1959, SEX_MALE, 200, "建国 建华 志强 国强 玉林 永强 德明 国华 长江 志国 福生 玉柱 明德 国良 文华" },
	{ 1969, SEX_MALE, 260, "建军 军 勇 伟 建平 志刚 国平 建明 学军 红军 强 建新 志勇 卫国 刚" },
	{ 1984, SEX_MALE, 380, "伟 勇 军 强 涛 磊 刚 波 斌 超 鹏 辉 海涛 志伟 明" },
	{ 2100, SEX_MALE, 300, "鑫 浩 杰 宇 凯 晨 博 龙 帅 俊杰 鹏 旭 子豪 磊 志远" },
	{ 1944, SEX_FEMALE, 260, "秀英 桂英 玉兰 秀兰 淑珍 桂兰 玉英 淑英 凤英 素珍 秀珍 玉珍 桂芝 淑兰 玉芝" },
	{ 1959, SEX_FEMALE, 260, "秀英 桂兰 玉兰 秀兰 桂珍 淑芳 凤兰 秀梅 玉梅 春兰 爱华 桂荣 淑华 秀荣 玉华" },
	{ 1969, SEX_FEMALE, 280, "丽 敏 红 秀梅 丽华 丽萍 玉梅 春梅 静 燕 建华 红梅 秀丽 艳 爱萍" },
	{ 1984, SEX_FEMALE, 380, "丽 静 艳 敏 霞 燕 娟 丽娜 芳 海燕 颖 娜 雪梅 红梅 晓燕" },
	{ 2100, SEX_FEMALE, 300, "婷 欣 倩 雪 莹 悦 佳 琳 梦 晓雯 静 洁 雅婷 丹 颖" },
};

/* Of those who are not old: the first of a name of two, and what stands behind it or alone. */
enum { YOUNG_SINCE = 1968 };
static const char *const young_first[2][12] = {
	{ "晓", "志", "文", "海", "俊", "建", "永", "国", "春", "立", "明", "少" },
	{ "晓", "丽", "雪", "海", "春", "红", "玉", "秀", "文", "雅", "小", "佳" },
};
static const char *const young_second[2][30] = {
	{ "伟", "强", "磊", "涛", "鹏", "杰", "斌", "超", "浩", "宇", "凯", "峰", "龙", "飞", "辉",
	  "刚", "波", "亮", "旭", "洋", "鑫", "健", "晨", "博", "东", "军", "勇", "平", "林", "阳" },
	{ "丽", "静", "艳", "敏", "霞", "燕", "娟", "芳", "颖", "娜", "梅", "红", "玲", "萍", "莉",
	  "婷", "欣", "倩", "雪", "莹", "悦", "佳", "琳", "洁", "丹", "慧", "蕾", "英", "云", "华" },
};

/* Small numbers more often than great ones: for lists that begin with what is common. */
static size_t early(struct chance *chance, size_t below)
{
	size_t a = chance_below(chance, below), b = chance_below(chance, below), c = chance_below(chance, below);
	size_t least = a < b ? a : b;
	return least < c ? least : c;
}

const char *demo_surname(struct chance *chance)
{
	size_t total = 0;
	for (size_t i = 0; i < COUNT(surnames); i++)
		total += surnames[i].weight;
	size_t left = chance_below(chance, total), i = 0;
	for (; left >= surnames[i].weight; i++)
		left -= surnames[i].weight;
	return surnames[i].word;
}

static const char *era_name(struct chance *chance, enum sex sex, int year)
{
	const char *fitting[COUNT(era_names)];
	size_t count = 0;
	for (size_t i = 0; i < COUNT(era_names); i++) {
		if (era_names[i].sex == sex && year >= era_names[i].first && year <= era_names[i].last)
			fitting[count++] = era_names[i].name;
	}
	return count > 0 && chance_permille(chance, 30) ? fitting[chance_below(chance, count)] : NULL;
}

/* Missing where the parents did not follow it. */
static struct text fashionable(struct chance *chance, enum sex sex, int year)
{
	const struct fashion *fashion = fashions;
	while (fashion->sex != sex || fashion->until < year)
		fashion++;
	if (!chance_permille(chance, fashion->permille))
		return TEXT_NONE;
	struct text names = text_of(fashion->names), name = TEXT_NONE;
	for (size_t nth = chance_below(chance, 15) + 1; nth > 0; nth--)
		name = text_word(&names);
	return name;
}

struct text demo_person(struct chance *chance, struct arena *arena, const char *surname, enum sex sex, int year)
{
	bool man = sex == SEX_MALE;
	const char *given = era_name(chance, sex, year), *first, *second;
	if (given)
		return text_printf(arena, "%s%s", surname, given);
	struct text name = fashionable(chance, sex, year);
	if (name.len > 0)
		return text_printf(arena, "%s%.*s", surname, TEXT_ARG(name));
	if (year >= YOUNG_SINCE) {
		first = young_first[!man][chance_below(chance, COUNT(young_first[0]))];
		second = young_second[!man][early(chance, COUNT(young_second[0]))];
	} else {
		first = (man ? men_first : women_first)[early(chance, COUNT(men_first))];
		second = (man ? men_second : women_second)[early(chance, COUNT(men_second))];
	}
	/* names of one character came into use with those born after the war */
	if (strcmp(first, second) == 0 || chance_permille(chance, year < 1950 ? 80 : 220))
		first = "";
	return text_printf(arena, "%s%s%s", surname, first, second);
}

static_assert(COUNT(men_first) == COUNT(women_first) && COUNT(men_second) == COUNT(women_second), "one length a list");

/* ---- numbers ---- */

struct text demo_phone(struct chance *chance, struct arena *arena)
{
	static const char *const prefixes[] = { "199", "198", "195", "191", "193", "196", "197", "190" };
	const char *prefix = prefixes[early(chance, COUNT(prefixes))];
	return text_printf(arena, "%s0000%04d", prefix, (int)chance_below(chance, 10000));
}

struct text demo_id_card(const struct demo *demo, struct arena *arena, uint64_t index, struct date born_on, enum sex sex)
{
	assert(index < DEMO_CARDS);
	struct chance chance = chance_of(demo->seed, STREAM_DISTRICT, 1);
	uint64_t own = (index * 3084001 + chance_below(&chance, DEMO_CARDS)) % DEMO_CARDS;
	unsigned prefix = 900000 + (unsigned)(own / 499);
	unsigned sequence = 2 * (unsigned)(own % 499) + (sex == SEX_MALE ? 1 : 2);
	char digits[40];
	int len = snprintf(digits, sizeof digits, "%06u%04d%02d%02d%03u", prefix, born_on.year, born_on.month, born_on.day, sequence);
	assert(len == 17);
	digits[len] = id_card_check_character(digits);
	return text_copy(arena, (struct text){ digits, 18 });
}

struct date demo_day(const struct demo *demo, int64_t days_from_today)
{
	return date_from_days(date_to_days(demo->today) + days_from_today);
}

struct date demo_birth_date(const struct demo *demo, struct chance *chance, int age)
{
	int64_t youngest = date_to_days(date_born_by(demo->today, age));
	int64_t oldest = date_to_days(date_born_by(demo->today, age + 1));
	return date_from_days(chance_between(chance, oldest + 1, youngest));
}

/* ---- rows ---- */

void demo_cell(struct demo_row *row, const char *name, struct text value)
{
	assert(row->count < DEMO_CELLS_MAX);
	if (value.len > 0)
		row->cells[row->count++] = (struct pair){ text_of(name), value };
}

void demo_number(struct demo_row *row, const char *name, int64_t value)
{
	demo_cell(row, name, text_printf(row->arena, "%lld", (long long)value));
}

void demo_date(struct demo_row *row, const char *name, struct date day)
{
	demo_cell(row, name, date_text(row->arena, day));
}

void demo_place(struct demo_row *row, const struct demo_spot *spot)
{
	demo_number(row, "area", spot->community->area);
	demo_cell(row, "address", spot->address);
	demo_cell(row, "position", text_printf(row->arena, "%.6f,%.6f", (double)spot->lat / 1e6, (double)spot->lon / 1e6));
}
