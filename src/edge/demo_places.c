/* SPDX-License-Identifier: Apache-2.0 */
/* demo_places.c - where the invented people live: communities of the pack, with estates, roads and lanes that are ours. */
#include "edge/demo_own.h"

/* ---- the district ---- */

bool demo_ends_with(struct text t, struct text end)
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
		if (demo_ends_with(name, text_of(offices[i])))
			name.len -= strlen(offices[i]);
	}
	if (demo_ends_with(name, TEXT("社区")) || demo_ends_with(name, TEXT("村")) || name.len == whole)
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

void demo_read_places(struct demo *demo, struct arena *arena)
{
	size_t count = count_communities(demo->pack, arena);
	assert(count > 0);
	struct demo_community *communities = read_communities(demo->pack, count, arena);
	size_t *villages = arena_take(arena, count * sizeof *villages);
	size_t *streets = arena_take(arena, count * sizeof *streets);
	lay_out(communities, count, demo->pack);
	for (size_t i = 0; i < count; i++) {
		struct chance chance = chance_of(0, STREAM_COMMUNITY, (uint64_t)communities[i].area);
		bool is_village = communities[i].is_village;
		demo->weight += is_village ? 2 + chance_below(&chance, 3) : 7 + chance_below(&chance, 11);
		communities[i].weight_up_to = demo->weight;
		if (is_village)
			villages[demo->village_count++] = i;
		if (i == 0 || communities[i].area / 1000000 != communities[i - 1].area / 1000000)
			streets[demo->street_count++] = i;
	}
	demo->communities = communities;
	demo->community_count = count;
	demo->villages = villages;
	demo->streets = streets;
}

const struct demo_community *demo_some_community(const struct demo *demo, struct chance *chance)
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

/* ---- addresses ---- */

static const char *const estates[] = {
	"阳光花园", "锦绣家园", "幸福里", "康乐小区", "滨河小区", "绿洲花园", "翠湖苑", "金色家园", "和平小区", "建设新村",
	"工人新村", "桃源居", "紫荆花园", "丽景苑", "银杏苑", "松竹园", "祥和苑", "安居小区", "东方名苑", "书香苑",
	"百合花园", "世纪新城", "山水名居", "春晖苑", "梧桐苑", "海棠苑", "怡景花园", "福临小区", "新苑小区", "教师公寓",
	"学府花园", "明珠苑", "星河湾", "朝阳小区", "红旗小区", "长青苑", "文苑小区", "杏林苑", "枫林苑", "玉兰苑",
};

static const char *const roads[] = {
	"人民路", "解放路", "和平路", "建设路", "文化路", "新华路", "中山路", "胜利街", "青年路", "迎宾路", "健康路", "学院路",
	"幸福路", "光明街", "向阳路", "朝阳街", "滨河路", "公园路", "花园街", "长江路", "黄河路", "泰山路", "兴业路", "富强路",
	"民生街", "春晖路", "团结路", "友谊街", "前进路", "工业路",
};
static const char *const lanes[] = { "中心街", "前街", "后街", "东街", "西街", "南巷", "北巷" };

/* A community has a handful of estates, each with one name, one place and one gate by a road. */
enum { ESTATES = 5, ESTATE_OFF = 1200, HOUSE_OFF = 200 };

struct estate {
	const char *name, *road;
	int gate;
	int64_t lat, lon;
};

static struct estate estate_of(const struct demo_community *community, size_t nth)
{
	struct chance first = chance_of(0, STREAM_ESTATE, (uint64_t)community->area);
	struct chance own = chance_of(0, STREAM_ESTATE, (uint64_t)community->area + nth + 1);
	size_t name = (chance_below(&first, COUNT(estates)) + nth) % COUNT(estates);
	size_t road = (chance_below(&first, COUNT(roads)) + nth / 2) % COUNT(roads);
	int gate = (int)chance_between(&own, 1, 260);
	int64_t lat = chance_between(&own, -ESTATE_OFF, ESTATE_OFF), lon = chance_between(&own, -ESTATE_OFF, ESTATE_OFF);
	return (struct estate){ estates[name], roads[road], gate, community->lat + lat, community->lon + lon };
}

static struct demo_spot spot_near(const struct demo_community *community, int64_t lat, int64_t lon, struct chance *chance)
{
	lat += chance_between(chance, -HOUSE_OFF, HOUSE_OFF);
	lon += chance_between(chance, -HOUSE_OFF, HOUSE_OFF);
	return (struct demo_spot){ .community = community, .lat = lat, .lon = lon };
}

struct demo_spot demo_house(const struct demo_community *community, struct chance *chance, struct arena *arena)
{
	struct estate estate = estate_of(community, chance_below(chance, ESTATES));
	const char *road = community->is_village ? lanes[chance_below(chance, COUNT(lanes))] : estate.road;
	struct demo_spot spot = spot_near(community, estate.lat, estate.lon, chance);
	spot.address = text_printf(arena, "%.*s%.*s%.*s %s%d号", TEXT_ARG(community->county), TEXT_ARG(community->street),
	                           TEXT_ARG(community->place), road, (int)chance_between(chance, 1, 420));
	return spot;
}

struct demo_spot demo_dwelling(const struct demo_community *community, struct chance *chance, struct arena *arena)
{
	if (community->is_village)
		return demo_house(community, chance, arena);
	struct estate estate = estate_of(community, chance_below(chance, ESTATES));
	int building = (int)chance_between(chance, 1, 36), entrance = (int)chance_between(chance, 1, 4);
	int room = (int)(chance_between(chance, 1, 6) * 100 + chance_between(chance, 1, 3));
	struct demo_spot spot = spot_near(community, estate.lat, estate.lon, chance);
	spot.address = text_printf(arena, "%.*s%.*s%.*s %s%d号 %s %d号楼%d单元%d室", TEXT_ARG(community->county),
	                           TEXT_ARG(community->street), TEXT_ARG(community->place), estate.road, estate.gate, estate.name,
	                           building, entrance, room);
	return spot;
}
