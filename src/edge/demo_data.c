/* SPDX-License-Identifier: Apache-2.0 */
/* demo_data.c - invented elders and facilities for a demo district. */
#include "edge/demo_data.h"

#include "base/arena.h"

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
	int64_t near; /* the area whose known place it is laid out around */
	int64_t lat, lon; /* millionths of a degree */
	uint64_t weight_up_to; /* its own weight and that of all before it */
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

/* The same, small numbers more often than great ones: for lists that begin with what is common. */
static size_t chance_early(struct chance *chance, size_t below)
{
	size_t a = chance_below(chance, below), b = chance_below(chance, below), c = chance_below(chance, below);
	size_t least = a < b ? a : b;
	return least < c ? least : c;
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
	const char *first = (man ? men_first : women_first)[chance_early(chance, COUNT(men_first))];
	const char *second = (man ? men_second : women_second)[chance_early(chance, COUNT(men_second))];
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
		communities[i].near = place.area;
		communities[i].lat = place.lat;
		communities[i].lon = place.lon;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t sharing = 0, nth = 0;
		for (size_t k = 0; k < count; k++) {
			sharing += communities[k].near == communities[i].near;
			nth += communities[k].near == communities[i].near && k < i;
		}
		int64_t width = 4400 * square_root(sharing);
		int64_t x = nth * UINT32_C(3242174889), y = nth * UINT32_C(2447445414);
		communities[i].lat += ((x * width) >> 32) - width / 2;
		communities[i].lon += ((y * width) >> 32) - width / 2;
	}
}

static size_t count_communities(const struct pack *pack, struct arena *arena)
{
	size_t count = 0;
	struct csv areas = pack_areas(pack);
	for (struct pack_area area; pack_next_area(&areas, arena, &area);)
		count += text_is(area.level, "community");
	return count;
}

static struct demo_community *read_communities(const struct pack *pack, size_t count, struct arena *arena)
{
	struct demo_community *communities = arena_take(arena, count * sizeof *communities), *next = communities;
	struct text county = TEXT_NONE, street = TEXT_NONE;
	struct csv areas = pack_areas(pack);
	for (struct pack_area area; pack_next_area(&areas, arena, &area);) {
		if (text_is(area.level, "district"))
			county = area.name;
		if (text_is(area.level, "street"))
			street = area.name;
		if (!text_is(area.level, "community"))
			continue;
		bool is_village = is_village_code(area.number);
		*next++ = (struct demo_community){
			.area = area.number,
			.name = area.name,
			.place = place_name(area.name, is_village, arena),
			.street = street,
			.county = county,
			.is_village = is_village,
		};
	}
	return communities;
}

struct demo demo_open(const struct pack *pack, uint64_t seed, struct arena *arena)
{
	size_t count = count_communities(pack, arena);
	assert(count > 0);
	struct demo_community *communities = read_communities(pack, count, arena);
	size_t *villages = arena_take(arena, count * sizeof *villages);
	size_t *streets = arena_take(arena, count * sizeof *streets);
	struct demo demo = {
		.pack = pack,
		.seed = mix(seed + pack->number),
		.communities = communities,
		.community_count = count,
		.villages = villages,
		.streets = streets,
	};
	lay_out(communities, count, pack);
	for (size_t i = 0; i < count; i++) {
		struct chance chance = chance_of(0, STREAM_COMMUNITY, (uint64_t)communities[i].area);
		bool is_village = communities[i].is_village;
		demo.weight += is_village ? 2 + chance_below(&chance, 3) : 7 + chance_below(&chance, 11);
		communities[i].weight_up_to = demo.weight;
		if (is_village)
			villages[demo.village_count++] = i;
		if (i == 0 || communities[i].area / 1000000 != communities[i - 1].area / 1000000)
			streets[demo.street_count++] = i;
	}
	return demo;
}

static const struct demo_community *some_community(const struct demo *demo, struct chance *chance)
{
	uint64_t at = chance_below(chance, (size_t)demo->weight);
	size_t low = 0, high = demo->community_count - 1;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (demo->communities[middle].weight_up_to > at)
			high = middle;
		else
			low = middle + 1;
	}
	return &demo->communities[low];
}

static double degrees(int64_t micro)
{
	return (double)micro / 1e6;
}

/* ---- elders ---- */

/* How many of the Laishan census's 66,198 were 60, 61, ... 105 years old. The sums from 60 and from 65 (44,837) are the
 * plan's; single years are drawn to the country's shape of 2020. */
enum { AGE_FIRST = 60, AGE_ADVANCED = 80, CENSUS = 66198 };
static const int ages[] = {
	4500, 4390, 4270, 4160, 4041, 3900, 3710, 3490, 3260, 3050, 2720, 2530, 2330, 2130, 1957, 1760,
	1610, 1460, 1320, 1190, 1140, 1050, 960,  870,	778,  680,  590,  505,	420,  347,  270,  210,
	160,  125,  96,	  70,	50,   35,   24,	  16,	10,   6,    4,	  2,	1,    1,
};

/* Walks through the census in steps that share no factor with it and are near the golden section: any 66,198 elders
 * that follow one another have exactly its ages, and a few hundred already have nearly its shares. */
static int age_of(const struct demo *demo, uint64_t index)
{
	struct chance chance = chance_of(demo->seed, STREAM_DISTRICT, 0);
	uint64_t rank = (index % CENSUS * 40913 + chance_below(&chance, CENSUS)) % CENSUS;
	int age = 0;
	for (; rank >= (uint64_t)ages[age]; age++)
		rank -= (uint64_t)ages[age];
	return AGE_FIRST + age;
}

static struct date birth_date(struct chance *chance, int age)
{
	struct date oldest = demo_day, youngest = demo_day;
	oldest.year -= age + 1;
	youngest.year -= age;
	return date_from_days(chance_between(chance, date_to_days(oldest) + 1, date_to_days(youngest)));
}

/* Ten thousand prefixes times 499 sequence numbers a sex give each index a pair of its own, whatever the birth date. */
static void id_card(const struct demo *demo, uint64_t index, const struct demo_elder *elder, char out[static 19])
{
	struct chance chance = chance_of(demo->seed, STREAM_DISTRICT, 1);
	uint64_t own = (index * 3084001 + chance_below(&chance, DEMO_ELDERS_MAX)) % DEMO_ELDERS_MAX;
	unsigned prefix = 900000 + (unsigned)(own / 499);
	unsigned sequence = 2 * (unsigned)(own % 499) + (elder->sex == SEX_MALE ? 1 : 2);
	struct date born = elder->born_on;
	char digits[40];
	int len = snprintf(digits, sizeof digits, "%06u%04d%02d%02d%03u", prefix, born.year, born.month, born.day,
			   sequence);
	assert(len == 17);
	memcpy(out, digits, 17);
	out[17] = id_card_check_character(out);
	out[18] = '\0';
}

static void fake_phone(struct chance *chance, char out[static 16])
{
	int len = snprintf(out, 16, "1990000%04d", (int)chance_below(chance, 10000));
	assert(len == 11);
}

/* 户籍在住 and 人户分离 and 外出 together are 74 %: of Laishan's 66,198 that is the plan's 49,000 with local hukou. */
static void residence(const struct demo *demo, struct chance *chance, struct demo_elder *elder)
{
	size_t lot = chance_below(chance, 100);
	elder->hukou_area = elder->area;
	elder->residence = lot < 58 ? "registered" : lot < 72 ? "separated" : lot < 98 ? "migrant" : "away";
	if (lot >= 72 && lot < 98)
		elder->hukou_area = 0;
	while (lot >= 58 && lot < 72 && elder->hukou_area == elder->area && demo->community_count > 1)
		elder->hukou_area = some_community(demo, chance)->area;
}

static const char *const estates[] = {
	"阳光花园", "锦绣家园", "幸福里", "康乐小区", "滨河小区", "绿洲花园", "翠湖苑", "金色家园", "和平小区", "建设新村",
	"工人新村", "桃源居", "紫荆花园", "丽景苑", "银杏苑", "松竹园", "祥和苑", "安居小区", "东方名苑", "书香苑",
	"百合花园", "世纪新城", "山水名居", "春晖苑", "梧桐苑", "海棠苑", "怡景花园", "福临小区", "新苑小区", "教师公寓",
	"学府花园", "明珠苑", "星河湾", "朝阳小区", "红旗小区", "长青苑", "文苑小区", "杏林苑", "枫林苑", "玉兰苑",
};

static struct text where(const struct demo_community *community, struct arena *arena)
{
	return text_printf(arena, "%.*s%.*s%.*s", TEXT_ARG(community->county), TEXT_ARG(community->street),
			   TEXT_ARG(community->place));
}

static struct text home(const struct demo_community *community, struct chance *chance, struct arena *arena)
{
	struct text place = where(community, arena);
	if (community->is_village)
		return text_printf(arena, "%.*s %d号", TEXT_ARG(place), (int)chance_between(chance, 1, 400));
	/* a community has a handful of estates, each known by one name */
	size_t estate = mix((uint64_t)community->area) % COUNT(estates) + chance_below(chance, 5);
	int building = (int)chance_between(chance, 1, 28), entrance = (int)chance_between(chance, 1, 4);
	int room = (int)(chance_between(chance, 1, 6) * 100 + chance_between(chance, 1, 4));
	return text_printf(arena, "%.*s %s %d号楼%d单元%d室", TEXT_ARG(place), estates[estate % COUNT(estates)], building,
			   entrance, room);
}

enum tag_group { ALONE, HOME, ABILITY, MEANS, GROUPS };
enum tag_whom { ANYBODY, IN_VILLAGE, MEN, UNDER_80 };

/* How many of a thousand have the tag at 60-69, 70-79, 80-89 and from 90 on; a person has one of a group at most. What
 * weighs more stands first, since six are the limit. */
static const struct tag_row {
	const char *word;
	enum tag_group group;
	enum tag_whom whom;
	unsigned short permille[4];
} tag_rows[] = {
	{ "disabled", ABILITY, ANYBODY, { 12, 35, 110, 270 } }, /* 失能 */
	{ "semi_disabled", ABILITY, ANYBODY, { 30, 75, 190, 330 } }, /* 半失能 */
	{ "extreme_poverty", MEANS, ANYBODY, { 6, 8, 9, 9 } }, /* 特困 */
	{ "minimum_living_allowance", MEANS, ANYBODY, { 18, 24, 28, 28 } }, /* 低保 */
	{ "low_income", MEANS, ANYBODY, { 15, 20, 22, 22 } }, /* 低收入 */
	{ "living_alone", HOME, ANYBODY, { 60, 110, 170, 160 } }, /* 独居 */
	{ "childless_widowed", HOME, ANYBODY, { 3, 5, 8, 9 } }, /* 孤寡 */
	{ "left_behind", HOME, IN_VILLAGE, { 90, 110, 80, 40 } }, /* 留守 */
	{ "empty_nest", HOME, ANYBODY, { 260, 330, 240, 120 } }, /* 空巢 */
	{ "oldest_old", ALONE, ANYBODY, { 0, 0, 1000, 1000 } }, /* 高龄 */
	{ "dementia", ALONE, ANYBODY, { 10, 40, 120, 240 } }, /* 失智 */
	{ "severe_illness", ALONE, ANYBODY, { 20, 40, 60, 60 } }, /* 重病 */
	{ "severe_disability", ALONE, ANYBODY, { 12, 15, 18, 18 } }, /* 重残 */
	{ "family_planning_special", ALONE, UNDER_80, { 9, 7, 0, 0 } }, /* 计划生育特殊家庭 */
	{ "elder_with_disabled_child", ALONE, ANYBODY, { 4, 5, 5, 3 } }, /* 老残一体 */
	{ "no_guardian", ALONE, ANYBODY, { 1, 2, 5, 8 } }, /* 无监护人 */
	{ "veteran", ALONE, MEN, { 18, 24, 30, 40 } }, /* 优抚 */
};

static void tags(struct chance *chance, int age, bool in_village, struct demo_elder *elder)
{
	size_t band = age < 70 ? 0 : age < AGE_ADVANCED ? 1 : age < 90 ? 2 : 3;
	bool taken[GROUPS] = { false };
	for (size_t i = 0; i < COUNT(tag_rows) && elder->tag_count < DEMO_TAGS_MAX; i++) {
		const struct tag_row *row = &tag_rows[i];
		bool drawn = chance_permille(chance, row->permille[band]);
		if (!drawn || taken[row->group] || (row->whom == IN_VILLAGE && !in_village))
			continue;
		if ((row->whom == MEN && elder->sex != SEX_MALE) || (row->whom == UNDER_80 && age >= AGE_ADVANCED))
			continue;
		elder->tags[elder->tag_count++] = row->word;
		taken[row->group] = row->group != ALONE;
	}
}

void demo_elder(const struct demo *demo, uint64_t index, struct arena *arena, struct demo_elder *out)
{
	assert(index < DEMO_ELDERS_MAX);
	*out = (struct demo_elder){ 0 };
	struct chance chance = chance_of(demo->seed, STREAM_ELDER, index);
	int age = age_of(demo, index);
	int women = 520 + 3 * (age - AGE_FIRST);
	out->sex = chance_permille(&chance, (size_t)women) ? SEX_FEMALE : SEX_MALE;
	out->born_on = birth_date(&chance, age);
	id_card(demo, index, out, out->id_card);
	out->name = person_name(&chance, arena, out->sex, out->born_on.year);
	const struct demo_community *community = some_community(demo, &chance);
	out->area = community->area;
	residence(demo, &chance, out);
	out->address = home(community, &chance, arena);
	if (!chance_permille(&chance, age < AGE_ADVANCED ? 20 : 90))
		fake_phone(&chance, out->phone);
	out->lat = degrees(community->lat + chance_between(&chance, -1500, 1500));
	out->lon = degrees(community->lon + chance_between(&chance, -1500, 1500));
	tags(&chance, age, community->is_village, out);
}

/* ---- facilities ---- */

enum facility_spread { ANY_COMMUNITY, EACH_STREET, VILLAGES };
enum owner { STATE, COLLECTIVE, PRIVATE, LEASED, OWNERS };
static const char *const owner_words[OWNERS] = { "state", "collective", "private", "leased" };

static const struct facility_row {
	const char *key; /* "demo." and the word: where pack.conf says how many */
	const char *called; /* behind the place's name; NULL: a name of its own */
	enum facility_spread spread;
	unsigned owners[OWNERS]; /* of a hundred */
	int built_first, built_last;
	int size_first, size_last, floors_last;
} facility_rows[] = {
	{ "demo.care_institution", NULL, ANY_COMMUNITY, { 25, 5, 50, 20 }, 1998, 2023, 0, 0, 9 },
	{ "demo.street_center", "综合养老服务中心", EACH_STREET, { 80, 0, 0, 20 }, 2014, 2024, 750, 2600, 4 },
	{ "demo.day_care_center", "日间照料中心", ANY_COMMUNITY, { 30, 50, 5, 15 }, 2011, 2023, 200, 900, 3 },
	{ "demo.mutual_help_home", "幸福院", VILLAGES, { 0, 100, 0, 0 }, 2012, 2021, 120, 450, 2 },
	{ "demo.community_station", "养老服务站", ANY_COMMUNITY, { 20, 60, 0, 20 }, 2015, 2024, 60, 300, 2 },
	{ "demo.canteen", "市民食堂", ANY_COMMUNITY, { 10, 40, 20, 30 }, 2018, 2024, 150, 600, 2 },
	{ "demo.meal_point", "助餐点", ANY_COMMUNITY, { 0, 70, 20, 10 }, 2017, 2024, 30, 120, 1 },
};

static const char *const brands[] = {
	"松龄", "康乐", "颐和", "福寿", "夕阳红", "金秋", "鹤鸣", "长青", "安康", "怡心", "乐龄", "瑞康",
	"仁爱", "百福", "春晖", "常乐", "桑榆", "慈安", "恒泰", "益寿", "祥和", "同心", "晚晴", "静园",
	"云鹤", "岁安", "清泉", "松鹤", "爱晚", "福泽", "南山", "颐康", "寿康", "银辉", "乐天", "孝和",
};
/* Their number shares no factor with that of the brands, so a name comes again after 180, by then in another county. */
static const char *const institutions[] = { "养老院", "老年公寓", "护理院", "敬老院", "颐养中心" };

static size_t facilities_of(const struct demo *demo, const struct facility_row *row)
{
	size_t places = demo->community_count;
	if (row->spread == EACH_STREET)
		places = demo->street_count;
	else if (row->spread == VILLAGES)
		places = demo->village_count;
	int64_t wanted = pack_number(demo->pack, text_of(row->key), 0);
	return (uint64_t)wanted < places ? (size_t)wanted : places;
}

size_t demo_facility_count(const struct demo *demo)
{
	size_t count = 0;
	for (size_t i = 0; i < COUNT(facility_rows); i++)
		count += facilities_of(demo, &facility_rows[i]);
	return count;
}

/* No two of a kind lie in one community, and each kind is spread over the whole district. */
static const struct demo_community *facility_place(const struct demo *demo, const struct facility_row *row, size_t nth,
						   size_t of)
{
	struct chance chance = chance_of(demo->seed, STREAM_DISTRICT, 2 + (uint64_t)(row - facility_rows));
	size_t places = demo->community_count, at;
	if (row->spread == EACH_STREET)
		places = demo->street_count;
	else if (row->spread == VILLAGES)
		places = demo->village_count;
	at = (nth * places / of + chance_below(&chance, places)) % places;
	if (row->spread == EACH_STREET)
		at = demo->streets[at];
	else if (row->spread == VILLAGES)
		at = demo->villages[at];
	return &demo->communities[at];
}

static uint64_t institution_weight(const struct demo *demo, size_t nth)
{
	struct chance chance = chance_of(demo->seed, STREAM_DISTRICT, 100 + nth);
	return 4 + chance_below(&chance, 12);
}

/* Shares the pack's beds out over its institutions, so that they add up to the bed. */
static void beds(const struct demo *demo, size_t nth, size_t of, struct demo_facility *out)
{
	int64_t before = 0, upto = 0, all = 0;
	for (size_t i = 0; i < of; i++) {
		int64_t weight = (int64_t)institution_weight(demo, i);
		before += i < nth ? weight : 0;
		upto += i <= nth ? weight : 0;
		all += weight;
	}
	int64_t total = pack_number(demo->pack, TEXT("demo.beds"), 0);
	int64_t nursing = pack_number(demo->pack, TEXT("demo.beds_nursing"), 0);
	int64_t dementia = pack_number(demo->pack, TEXT("demo.beds_dementia"), 0);
	int64_t general = total - nursing - dementia;
	assert(general >= 0);
	out->beds_nursing = nursing * upto / all - nursing * before / all;
	out->beds_general = general * upto / all - general * before / all;
	out->beds_dementia = dementia * upto / all - dementia * before / all;
}

static enum owner some_owner(const struct facility_row *row, struct chance *chance)
{
	size_t lot = chance_below(chance, 100), owner = 0;
	for (; owner < OWNERS - 1 && lot >= row->owners[owner]; owner++)
		lot -= row->owners[owner];
	return (enum owner)owner;
}

static struct text responsible_unit(enum owner owner, const struct demo_community *community, const char *brand,
				    struct arena *arena)
{
	struct text street = community->street;
	if (owner == COLLECTIVE)
		return community->name;
	if (owner != STATE)
		return text_printf(arena, "演示%s养老服务有限公司", brand);
	const char *office = ends_with(street, TEXT("街道")) ? "办事处" :
			     ends_with(street, TEXT("镇")) || ends_with(street, TEXT("乡")) ? "人民政府" : "管理委员会";
	return text_printf(arena, "%.*s%s", TEXT_ARG(street), office);
}

static void building(const struct facility_row *row, enum owner owner, struct chance *chance, struct demo_facility *out)
{
	struct date first = { row->built_first, 1, 1 }, last = { row->built_last, 12, 31 };
	out->built_on = date_from_days(chance_between(chance, date_to_days(first), date_to_days(last)));
	out->use_years = owner == LEASED ? 5 * (int)chance_between(chance, 2, 4) : 50;
	out->floors = (int)chance_between(chance, row->floors_last > 4 ? 3 : 1, row->floors_last);
	int64_t all_beds = out->beds_nursing + out->beds_general + out->beds_dementia;
	out->size_m2 = all_beds > 0 ? all_beds * chance_between(chance, 24, 42) :
				      chance_between(chance, row->size_first, row->size_last);
}

void demo_facility(const struct demo *demo, size_t index, struct arena *arena, struct demo_facility *out)
{
	const struct facility_row *row = facility_rows;
	size_t nth = index, of;
	for (; of = facilities_of(demo, row), nth >= of; row++) {
		nth -= of;
		assert(row + 1 < facility_rows + COUNT(facility_rows));
	}
	struct chance chance = chance_of(demo->seed, STREAM_FACILITY, index);
	const struct demo_community *community = facility_place(demo, row, nth, of);
	const char *brand = brands[nth % COUNT(brands)];
	struct text address = where(community, arena);
	*out = (struct demo_facility){ .kind = row->key + strlen("demo."), .area = community->area };
	if (!row->called) {
		const char *institution = institutions[nth % COUNT(institutions)];
		out->name = text_printf(arena, "%.*s%s%s", TEXT_ARG(community->county), brand, institution);
		beds(demo, nth, of, out);
	} else if (row->spread == EACH_STREET) {
		out->name = text_printf(arena, "%.*s%s", TEXT_ARG(community->street), row->called);
	} else {
		out->name = text_printf(arena, "%.*s%.*s%s", TEXT_ARG(community->street), TEXT_ARG(community->place),
					row->called);
	}
	enum owner owner = some_owner(row, &chance);
	out->ownership = owner_words[owner];
	out->responsible_unit = responsible_unit(owner, community, brand, arena);
	out->manager = person_name(&chance, arena, chance_permille(&chance, 600) ? SEX_FEMALE : SEX_MALE, 1975);
	out->address = text_printf(arena, "%.*s %d号", TEXT_ARG(address), (int)chance_between(&chance, 1, 300));
	building(row, owner, &chance, out);
	fake_phone(&chance, out->phone);
	out->lat = degrees(community->lat + chance_between(&chance, -800, 800));
	out->lon = degrees(community->lon + chance_between(&chance, -800, 800));
}
