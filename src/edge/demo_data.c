/* SPDX-License-Identifier: Apache-2.0 */
/* demo_data.c - invented elders and facilities for a demo district. */
#include "edge/demo_data.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Ages are counted on this day, not today: otherwise the same seed would give other people tomorrow. */
static const struct date demo_day = { 2026, 1, 1 };

struct demo_community {
	int64_t area;
	struct text name; /* as the pack has it: 鹿鸣社区居委会 */
	struct text place; /* as in an address: 鹿鸣社区 */
	struct text street, county;
	bool is_village;
	int64_t lat, lon; /* millionths of a degree */
	uint64_t weight_before, weight;
};

/* ---- chance ---- */

/* Each record has its own stream (splitmix64, Steele et al. 2014): integers only, alike on every machine. */
struct chance {
	uint64_t state;
};

enum stream { STREAM_ELDER = 1, STREAM_FACILITY, STREAM_DISTRICT, STREAM_COMMUNITY };

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint64_t chance_next(struct chance *chance)
{
	return mix(chance->state += UINT64_C(0x9E3779B97F4A7C15));
}

static struct chance chance_of(uint64_t seed, enum stream stream, uint64_t index)
{
	return (struct chance){ mix(mix(seed + (uint64_t)stream) + index) };
}

/* 0..below-1 */
static size_t chance_below(struct chance *chance, size_t below)
{
	assert(below > 0 && below <= UINT32_MAX);
	return (size_t)(((chance_next(chance) >> 32) * below) >> 32);
}

static int64_t chance_between(struct chance *chance, int64_t first, int64_t last)
{
	return first + (int64_t)chance_below(chance, (size_t)(last - first + 1));
}

static bool chance_permille(struct chance *chance, size_t permille)
{
	return chance_below(chance, 1000) < permille;
}

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
	"琼", "勤", "妹", "桃", "菱", "茹", "云", "容", "苹", "爱", "女", "青", "莉", "娣", "雯", "淑", "芹", "枝", "蓝", "瑛",
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

static const char *surname(struct chance *chance)
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

static struct text person_name(struct chance *chance, struct arena *arena, enum sex sex, int year)
{
	bool man = sex == SEX_MALE;
	const char *family = surname(chance), *given = era_name(chance, sex, year);
	if (given)
		return text_printf(arena, "%s%s", family, given);
	const char *first = (man ? men_first : women_first)[chance_below(chance, COUNT(men_first))];
	const char *second = (man ? men_second : women_second)[chance_below(chance, COUNT(men_second))];
	/* names of one character came into use with those born after the war */
	if (strcmp(first, second) == 0 || chance_permille(chance, year < 1950 ? 80 : 220))
		first = "";
	return text_printf(arena, "%s%s%s", family, first, second);
}

static_assert(COUNT(men_first) == COUNT(women_first) && COUNT(men_second) == COUNT(women_second), "one length a list");

/* ---- the district ---- */

static bool ends_with(struct text t, struct text end)
{
	return t.len >= end.len && memcmp(t.ptr + t.len - end.len, end.ptr, end.len) == 0;
}

/* 鹿鸣社区居委会 → 鹿鸣社区, 宋家庄村委会 → 宋家庄村, 西村村委会 → 西村, 水霞居委会 → 水霞居民区 */
static struct text place_name(struct text name, bool is_village, struct arena *arena)
{
	static const char *const offices[] = { "居民委员会", "村民委员会", "居委会", "村委会" };
	for (size_t i = 0; i + 3 < name.len; i++) {
		if (memcmp(name.ptr + i, "（", 3) == 0 || name.ptr[i] == '(')
			name.len = i;
	}
	size_t whole = name.len;
	for (size_t i = 0; i < COUNT(offices) && name.len == whole; i++) {
		if (ends_with(name, text_of(offices[i])))
			name.len -= strlen(offices[i]);
	}
	if (ends_with(name, TEXT("社区")) || ends_with(name, TEXT("村")) || name.len == whole)
		return name;
	return text_printf(arena, "%.*s%s", TEXT_ARG(name), is_village ? "村" : "居民区");
}

/* Three digits for the community: 001-199 and 400-499 are 居, 200-399 and 500-599 are 村. */
static bool is_village_code(int64_t area)
{
	int64_t code = area / 1000 % 1000;
	return (code >= 200 && code < 400) || (code >= 500 && code < 600);
}

static int64_t square_root(int64_t n)
{
	int64_t root = 0;
	while ((root + 1) * (root + 1) <= n)
		root++;
	return root;
}

/* Spreads the communities that share a known place evenly over a square around it (Roberts' R2 sequence); the more
 * they are, the wider. */
static void lay_out(struct demo_community *communities, size_t count, const struct pack *pack)
{
	for (size_t i = 0; i < count; i++) {
		struct pack_place place = pack_place(pack, communities[i].area);
		uint32_t sharing = 0, nth = 0;
		for (size_t k = 0; k < count; k++) {
			bool shares = communities[k].lat == place.lat && communities[k].lon == place.lon;
			sharing += shares;
			nth += shares && k <= i;
		}
		int64_t width = 4400 * square_root(sharing);
		uint32_t x = nth * UINT32_C(3242174889), y = nth * UINT32_C(2447445414);
		communities[i].weight_before = (uint64_t)((x * width) >> 32);
		communities[i].weight = (uint64_t)((y * width) >> 32);
	}
}
