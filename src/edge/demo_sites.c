/* SPDX-License-Identifier: Apache-2.0 */
/* demo_sites.c - the invented organizations, and the facilities that they and others run. */
#include "edge/demo_sites.h"

#include <stdio.h>

static_assert((int)ORGANIZATIONS == (int)DEMO_ORGANIZATION_KINDS, "one count a kind");

/* ---- organizations ---- */

/* Their order is that of their indexes. Names of a kind repeat after brands times endings. */
static const struct organization_row {
	const char *key; /* "demo.organization." and the kind */
	struct ending {
		const char *word, *nature;
	} endings[8];
	const char *medical_level;
	const char *licence; /* what the number of its licence begins with; NULL: it needs none */
	int capacity_first, capacity_last; /* 0: the beds of its facilities */
} organization_rows[ORGANIZATIONS] = {
	[CARE_INSTITUTION] = { "demo.organization.care_institution",
	                       { { "养老服务有限公司", "private" }, { "养老服务中心", "nonprofit" }, { "养老公寓", "public_private" },
	                         { "健康养老有限公司", "private" }, { "颐养院", "nonprofit" }, { "护养中心", "public_private" },
	                         { "社会福利院", "public" }, { "老年公寓", "nonprofit" } }, NULL, "演养备", 0, 0 },
	[HOME_SERVICE] = { "demo.organization.home_service",
	                   { { "居家养老服务中心", "nonprofit" }, { "居家养老服务有限公司", "private" }, { "家庭服务有限公司", "private" },
	                     { "助老服务中心", "nonprofit" } }, NULL, "演居备", 80, 900 },
	[COMMUNITY_SERVICE] = { "demo.organization.community_service",
	                        { { "社区养老服务中心", "nonprofit" }, { "为老服务中心", "public_private" }, { "社区服务有限公司", "private" },
	                          { "健康服务中心", "nonprofit" } }, NULL, "演社备", 60, 400 },
	[CATERING] = { "demo.organization.catering",
	               { { "餐饮管理有限公司", "private" }, { "膳食服务有限公司", "private" }, { "餐饮服务有限公司", "private" },
	                 { "助餐服务中心", "nonprofit" } }, NULL, "演食许", 100, 1200 },
	[MEDICAL] = { "demo.organization.medical",
	              { { "社区卫生服务中心", "public" }, { "护理院", "private" }, { "康复医院", "private" }, { "中医医院", "public" } },
	              "primary", "演卫证", 20, 120 },
	[ASSESSMENT] = { "demo.organization.assessment",
	                 { { "老年人能力评估中心", "nonprofit" }, { "评估咨询有限公司", "private" } }, NULL, NULL, 200, 2000 },
	[SOCIAL] = { "demo.organization.social",
	             { { "社会工作服务中心", "nonprofit" }, { "志愿服务协会", "nonprofit" }, { "老年协会", "nonprofit" } }, NULL, NULL, 50, 500 },
	[TRAINING] = { "demo.organization.training",
	               { { "职业培训学校", "nonprofit" }, { "养老护理培训中心", "nonprofit" } }, NULL, "演训许", 100, 600 },
};

static const char *const brands[] = {
	"松龄", "康乐", "颐和", "福寿", "夕阳红", "金秋", "鹤鸣", "长青", "安康", "怡心", "乐龄", "瑞康",
	"仁爱", "百福", "春晖", "常乐", "桑榆", "慈安", "恒泰", "益寿", "祥和", "同心", "晚晴", "静园",
	"云鹤", "岁安", "清泉", "松鹤", "爱晚", "福泽", "南山", "颐康", "寿康", "银辉", "乐天", "孝和",
};

static size_t organizations_of(const struct demo *demo, enum organization_kind kind)
{
	return demo->organizations[kind];
}

enum organization_kind demo_organization_kind(const struct demo *demo, size_t index, size_t *nth)
{
	enum organization_kind kind = CARE_INSTITUTION;
	for (*nth = index; *nth >= organizations_of(demo, kind); kind++) {
		*nth -= organizations_of(demo, kind);
		assert(kind + 1 < ORGANIZATIONS);
	}
	return kind;
}

static int64_t first_organization(const struct demo *demo, enum organization_kind kind)
{
	size_t first = 0;
	for (enum organization_kind before = CARE_INSTITUTION; before < kind; before++)
		first += organizations_of(demo, before);
	return (int64_t)first;
}

/* The area of a credit code is nowhere: 900001 and on, by the pack. */
static struct text credit_code(const struct demo *demo, size_t index, const char *nature, struct arena *arena)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	const char *kind = strcmp(nature, "private") == 0 ? "91" : strcmp(nature, "public") == 0 ? "12" : "52";
	char code[40];
	int len = snprintf(code, sizeof code, "%s90%04uMA%07u", kind, demo->pack->number, (unsigned)index + 1);
	assert(len == 17);
	for (size_t i = 0; i < COUNT(alphabet) - 1; i++) {
		code[17] = alphabet[i];
		if (uscc_is_valid((struct text){ code, 18 }))
			break;
	}
	return text_copy(arena, (struct text){ code, 18 });
}

/* Where it has its seat: of an institution its first house, of others somewhere in the streets one after another. */
const struct demo_community *demo_seat(const struct demo *demo, size_t index)
{
	size_t nth;
	enum organization_kind kind = demo_organization_kind(demo, index, &nth);
	if (kind == CARE_INSTITUTION && nth < demo->institution_count)
		return demo_institution_place(demo, nth);
	struct chance chance = chance_of(demo->seed, STREAM_ORGANIZATION, index + (UINT64_C(1) << 40));
	size_t street = nth * demo->street_count / organizations_of(demo, kind);
	size_t first = demo->streets[street];
	size_t end = street + 1 < demo->street_count ? demo->streets[street + 1] : demo->community_count;
	return &demo->communities[first + chance_below(&chance, end - first)];
}

static const struct ending *ending_of(const struct organization_row *row, size_t nth)
{
	size_t count = 0;
	while (count < COUNT(row->endings) && row->endings[count].word)
		count++;
	return &row->endings[nth % count];
}

struct text demo_organization_name(const struct demo *demo, size_t index, struct arena *arena)
{
	size_t nth;
	const struct organization_row *row = &organization_rows[demo_organization_kind(demo, index, &nth)];
	const char *brand = brands[(index * 7 + nth / COUNT(brands)) % COUNT(brands)];
	return text_printf(arena, "演示%s%s", brand, ending_of(row, nth)->word);
}

/* Licences run five years; each ninth ends within two months, and one has ended. */
static void put_licence(const struct demo *demo, const char *begins, size_t nth, struct chance *chance, struct demo_row *out)
{
	int64_t left = chance_between(chance, 90, 1700);
	if (nth % 9 == 2)
		left = chance_between(chance, 5, 60);
	else if (nth % 40 == 7)
		left = -chance_between(chance, 1, 60);
	struct date from = demo_day(demo, left - 5 * 365);
	demo_cell(out, "licence_number", text_printf(out->arena, "%s〔%d〕%03zu号", begins, from.year, nth + 1));
	demo_date(out, "licence_from", from);
	demo_date(out, "licence_until", demo_day(demo, left));
}

void demo_organization(const struct demo *demo, size_t index, struct arena *arena, struct demo_row *out)
{
	size_t nth;
	enum organization_kind kind = demo_organization_kind(demo, index, &nth);
	const struct organization_row *row = &organization_rows[kind];
	struct chance chance = chance_of(demo->seed, STREAM_ORGANIZATION, index);
	const char *nature = ending_of(row, nth)->nature;
	struct demo_spot spot = demo_house(demo_seat(demo, index), &chance, arena);
	*out = (struct demo_row){ .arena = arena };
	demo_cell(out, "name", demo_organization_name(demo, index, arena));
	demo_cell(out, "uscc", credit_code(demo, index, nature, arena));
	demo_cell(out, "kind", text_of(row->key + strlen("demo.organization.")));
	demo_cell(out, "nature", text_of(nature));
	demo_cell(out, "medical_level", text_of(row->medical_level));
	demo_place(out, &spot);
	enum sex sex = chance_permille(&chance, 600) ? SEX_MALE : SEX_FEMALE;
	demo_cell(out, "legal_person", demo_person(&chance, arena, demo_surname(&chance), sex, 1968 + (int)chance_below(&chance, 20)));
	demo_cell(out, "contact", demo_person(&chance, arena, demo_surname(&chance), SEX_FEMALE, 1980 + (int)chance_below(&chance, 18)));
	demo_cell(out, "phone", demo_phone(&chance, arena));
	if (row->licence)
		put_licence(demo, row->licence, nth, &chance, out);
	int64_t capacity = row->capacity_last ? chance_between(&chance, row->capacity_first / 10, row->capacity_last / 10) * 10
	                                      : demo_beds_of(demo, index);
	demo_number(out, "capacity", capacity);
}

/* ---- facilities ---- */

enum facility_spread { ANY_COMMUNITY, EACH_STREET, VILLAGES };
enum owner { STATE, COLLECTIVE, PRIVATE, LEASED, OWNERS };
static const char *const owner_words[OWNERS] = { "state", "collective", "private", "leased" };

static const struct facility_row {
	const char *key; /* "demo." and the word: where pack.conf says how many */
	const char *called; /* behind the place's name; NULL: a name of its own */
	enum facility_spread spread;
	enum organization_kind run_by; /* where the owner does not run it himself */
	bool is_place; /* a place for the aged, as the plans count them; not where one only eats */
	unsigned owners[OWNERS]; /* of a hundred */
	int built_first, built_last;
	int size_first, size_last, floors_last;
} facility_rows[] = {
	{ "demo.care_institution", NULL, ANY_COMMUNITY, CARE_INSTITUTION, true, { 25, 5, 50, 20 }, 1998, 2023, 0, 0, 9 },
	{ "demo.street_center", "综合养老服务中心", EACH_STREET, COMMUNITY_SERVICE, true, { 80, 0, 0, 20 }, 2014, 2024, 750, 2600, 4 },
	{ "demo.day_care_center", "日间照料中心", ANY_COMMUNITY, HOME_SERVICE, true, { 30, 50, 5, 15 }, 2011, 2023, 200, 900, 3 },
	{ "demo.mutual_help_home", "幸福院", VILLAGES, COMMUNITY_SERVICE, true, { 0, 100, 0, 0 }, 2012, 2023, 120, 450, 2 },
	{ "demo.community_station", "养老服务站", ANY_COMMUNITY, COMMUNITY_SERVICE, true, { 20, 60, 0, 20 }, 2015, 2024, 60, 300, 2 },
	{ "demo.canteen", "市民食堂", ANY_COMMUNITY, CATERING, false, { 10, 40, 20, 30 }, 2018, 2024, 150, 600, 2 },
	{ "demo.meal_point", "助餐点", ANY_COMMUNITY, CATERING, false, { 0, 70, 20, 10 }, 2017, 2024, 30, 120, 1 },
};

/* Their number shares no factor with that of the brands, so a name comes again after 180, by then in another county. */
static const char *const called_institutions[] = { "养老院", "老年公寓", "护理院", "敬老院", "颐养中心" };

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

struct beds {
	int64_t nursing, general, dementia; /* no bed is counted twice */
};

/* Shares the pack's beds out over its institutions, so that they add up to the bed. */
static struct beds beds(const struct demo *demo, size_t nth)
{
	int64_t before = 0, upto = 0, all = 0;
	for (size_t i = 0; i < demo->institution_count; i++) {
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
	return (struct beds){ nursing * upto / all - nursing * before / all, general * upto / all - general * before / all,
		              dementia * upto / all - dementia * before / all };
}

static int64_t all_beds(struct beds beds)
{
	return beds.nursing + beds.general + beds.dementia;
}

void demo_plan_sites(struct demo *demo, struct arena *arena)
{
	demo->institution_count = facilities_of(demo, &facility_rows[0]);
	uint32_t *upto = arena_take(arena, (demo->institution_count + 1) * sizeof *upto), sum = 0;
	for (size_t i = 0; i < demo->institution_count; i++)
		upto[i] = sum += (uint32_t)all_beds(beds(demo, i));
	demo->beds_up_to = upto;
	for (enum organization_kind kind = CARE_INSTITUTION; kind < ORGANIZATIONS; kind++) {
		demo->organizations[kind] = (uint32_t)pack_number(demo->pack, text_of(organization_rows[kind].key), 0);
		demo->organization_count += demo->organizations[kind];
	}
	assert(organizations_of(demo, CARE_INSTITUTION) <= demo->institution_count);
}

/* Its houses are those whose number leaves the same remainder: one licence may have several. */
int64_t demo_beds_of(const struct demo *demo, size_t organization)
{
	int64_t sum = 0;
	for (size_t i = organization; i < demo->institution_count; i += organizations_of(demo, CARE_INSTITUTION))
		sum += demo->beds_up_to[i] - (i > 0 ? demo->beds_up_to[i - 1] : 0);
	return sum;
}

const struct demo_community *demo_institution_place(const struct demo *demo, size_t nth)
{
	return facility_place(demo, &facility_rows[0], nth, demo->institution_count);
}

struct demo_spot demo_institution(const struct demo *demo, struct chance *chance, struct arena *arena)
{
	size_t bed = chance_below(chance, demo->beds_up_to[demo->institution_count - 1]), nth = 0;
	while (demo->beds_up_to[nth] <= bed)
		nth++;
	struct chance own = chance_of(demo->seed, STREAM_FACILITY, nth);
	return demo_house(demo_institution_place(demo, nth), &own, arena);
}

static enum owner some_owner(const struct facility_row *row, struct chance *chance)
{
	size_t lot = chance_below(chance, 100), owner = 0;
	for (; owner < OWNERS - 1 && lot >= row->owners[owner]; owner++)
		lot -= row->owners[owner];
	return (enum owner)owner;
}

static struct text responsible_unit(enum owner owner, const struct demo_community *community, struct text organization,
                                    struct arena *arena)
{
	struct text street = community->street;
	if (owner == COLLECTIVE)
		return community->name;
	if (owner != STATE)
		return organization;
	const char *office = demo_ends_with(street, TEXT("街道")) ? "办事处" :
			     demo_ends_with(street, TEXT("镇")) || demo_ends_with(street, TEXT("乡")) ? "人民政府" : "管理委员会";
	return text_printf(arena, "%.*s%s", TEXT_ARG(street), office);
}

/* Where the pack says how many of the places were there on a day (demo.older, demo.older_until), these are the institutions, whose
 * beds are of that day too, and the others are shared out evenly: `nth` of the `places`. */
static bool is_older(const struct demo *demo, size_t nth, size_t places, int64_t older)
{
	int64_t institutions = (int64_t)demo->institution_count, at = (int64_t)nth - institutions;
	if (at < 0)
		return true;
	int64_t rest = (int64_t)places - institutions;
	return (at + 1) * (older - institutions) / rest > at * (older - institutions) / rest;
}

static size_t count_places(const struct demo *demo)
{
	size_t count = 0;
	for (size_t i = 0; i < COUNT(facility_rows); i++)
		count += facility_rows[i].is_place ? facilities_of(demo, &facility_rows[i]) : 0;
	return count;
}

static struct date built_on(const struct demo *demo, const struct facility_row *row, size_t index, struct chance *chance)
{
	struct date first = { row->built_first, 1, 1 }, last = { row->built_last, 12, 31 }, until;
	int64_t older = pack_number(demo->pack, TEXT("demo.older"), 0);
	if (older > 0 && date_read(pack_value(demo->pack, TEXT("demo.older_until")), &until)) {
		if (!row->is_place || is_older(demo, index, count_places(demo), older))
			last = until;
		else
			first = date_from_days(date_to_days(until) + 1);
	}
	return date_from_days(chance_between(chance, date_to_days(first), date_to_days(last)));
}

static void put_building(const struct facility_row *row, enum owner owner, struct beds beds, struct chance *chance, struct demo_row *out)
{
	int64_t size = all_beds(beds) > 0 ? all_beds(beds) * chance_between(chance, 24, 42) :
	                                    chance_between(chance, row->size_first, row->size_last);
	demo_number(out, "use_years", owner == LEASED ? 5 * chance_between(chance, 2, 4) : 50);
	demo_cell(out, "ownership", text_of(owner_words[owner]));
	demo_number(out, "size_m2", size);
	demo_number(out, "floors", chance_between(chance, row->floors_last > 4 ? 3 : 1, row->floors_last));
	demo_number(out, "beds_nursing", beds.nursing);
	demo_number(out, "beds_general", beds.general);
	demo_number(out, "beds_dementia", beds.dementia);
}

static struct text facility_name(const struct facility_row *row, const struct demo_community *community, size_t nth, struct arena *arena)
{
	if (!row->called)
		return text_printf(arena, "%.*s%s%s", TEXT_ARG(community->county), brands[nth % COUNT(brands)],
		                   called_institutions[nth % COUNT(called_institutions)]);
	struct text place = row->spread == EACH_STREET ? TEXT("") : community->place;
	return text_printf(arena, "%.*s%.*s%s", TEXT_ARG(community->street), TEXT_ARG(place), row->called);
}

int64_t demo_facility(const struct demo *demo, size_t index, struct arena *arena, struct demo_row *out)
{
	const struct facility_row *row = facility_rows;
	size_t nth = index, of;
	for (; of = facilities_of(demo, row), nth >= of; row++) {
		nth -= of;
		assert(row + 1 < facility_rows + COUNT(facility_rows));
	}
	const struct demo_community *community = facility_place(demo, row, nth, of);
	struct chance chance = chance_of(demo->seed, STREAM_FACILITY, index);
	struct demo_spot spot = demo_house(community, &chance, arena);
	enum owner owner = some_owner(row, &chance);
	size_t runners = organizations_of(demo, row->run_by);
	/* what is a village's it runs itself, but for beds */
	bool own = (owner == COLLECTIVE && row->called) || runners == 0;
	int64_t organization = own ? DEMO_NO_ORGANIZATION : first_organization(demo, row->run_by) + (int64_t)(nth % runners);
	struct text runner = own ? community->name : demo_organization_name(demo, (size_t)organization, arena);
	enum sex sex = chance_permille(&chance, 600) ? SEX_FEMALE : SEX_MALE;
	*out = (struct demo_row){ .arena = arena };
	demo_cell(out, "name", facility_name(row, community, nth, arena));
	demo_cell(out, "kind", text_of(row->key + strlen("demo.")));
	demo_place(out, &spot);
	demo_date(out, "built_on", built_on(demo, row, index, &chance));
	demo_cell(out, "responsible_unit", responsible_unit(owner, community, runner, arena));
	demo_cell(out, "manager", demo_person(&chance, arena, demo_surname(&chance), sex, 1970 + (int)chance_below(&chance, 25)));
	demo_cell(out, "phone", demo_phone(&chance, arena));
	put_building(row, owner, row->called ? (struct beds){ 0 } : beds(demo, nth), &chance, out);
	return organization;
}
