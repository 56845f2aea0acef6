/* SPDX-License-Identifier: Apache-2.0 */
/* demo_elders.c - the invented households: who lives there, how they are, whom they call. What is said of somebody follows from
 * facts by tables of rules, so that tags, survey and household never contradict each other. */
#include "edge/demo_homes.h"

/* ---- what is so, and what is said then ---- */

enum fact {
	MAN = 1 << 0,
	VILLAGE = 1 << 1,
	MIGRANT = 1 << 2,
	MARRIED = 1 << 3,
	ALONE = 1 << 4, /* nobody else lives there */
	COUPLE = 1 << 5, /* nobody but the two */
	WITH_CHILDREN = 1 << 6,
	WITH_GRANDCHILD = 1 << 7,
	WITH_RELATIVES = 1 << 8,
	WITH_CARER = 1 << 9,
	INSTITUTION = 1 << 10,
	CHILDLESS = 1 << 11,
	DISABLED = 1 << 12,
	SEMI = 1 << 13,
	DEMENTIA = 1 << 14,
	EXTREME = 1 << 15, /* 特困 */
	POOR = 1 << 16,
	ILL = 1 << 17,
	LIMITED = 1 << 18, /* 残疾 */
	DEPENDENT = 1 << 19, /* disabled, semi-disabled or with dementia */
};

/* Holds for somebody of whom all these facts are true and none of those, for so many of a thousand at 60-69, 70-79, 80-89 and
 * from 90 on; then more facts are true. */
struct rule {
	const char *word;
	unsigned all, none;
	unsigned short permille[4];
	unsigned sets;
};
#define EACH(permille) { permille, permille, permille, permille }
#define ALWAYS EACH(1000)

/* Before it is known where somebody lives, since that depends on it. */
static const struct rule body_rules[] = {
	{ "disabled", 0, 0, { 12, 35, 110, 270 }, DISABLED | DEPENDENT }, /* 失能 */
	{ "semi_disabled", 0, DISABLED, { 30, 75, 190, 330 }, SEMI | DEPENDENT }, /* 半失能 */
	{ "dementia", 0, 0, { 10, 40, 120, 240 }, DEMENTIA | DEPENDENT }, /* 失智 */
	{ "childless_widowed", 0, MARRIED, EACH(35), CHILDLESS }, /* 孤寡 */
	{ "extreme_poverty", CHILDLESS, 0, EACH(450), EXTREME | POOR }, /* 特困 */
};

static const struct rule tag_rules[] = {
	{ "extreme_poverty_institution", EXTREME | INSTITUTION, 0, ALWAYS, 0 },
	{ "extreme_poverty_home", EXTREME, INSTITUTION, ALWAYS, 0 },
	{ "minimum_living_allowance", 0, POOR, { 18, 24, 28, 28 }, POOR }, /* 低保 */
	{ "low_income", 0, POOR, { 15, 20, 22, 22 }, POOR }, /* 低收入 */
	{ "living_alone", ALONE, 0, ALWAYS, 0 }, /* 独居 */
	{ "empty_nest", COUPLE, 0, ALWAYS, 0 }, /* 空巢 */
	{ "left_behind", VILLAGE | WITH_GRANDCHILD, MIGRANT, EACH(900), 0 }, /* 留守 */
	{ "left_behind", VILLAGE | ALONE, MIGRANT | CHILDLESS, { 200, 200, 150, 80 }, 0 },
	{ "left_behind", VILLAGE | COUPLE, MIGRANT, { 180, 180, 120, 60 }, 0 },
	{ "oldest_old", 0, 0, { 0, 0, 1000, 1000 }, 0 }, /* 高龄 */
	{ "severe_illness", 0, 0, { 20, 40, 60, 60 }, ILL }, /* 重病 */
	{ "severe_disability", 0, 0, { 12, 15, 18, 18 }, LIMITED }, /* 重残 */
	{ "disability", 0, LIMITED, { 35, 40, 45, 45 }, LIMITED }, /* 残疾 */
	{ "family_planning_special", 0, CHILDLESS, { 9, 7, 0, 0 }, 0 }, /* 计划生育特殊家庭 */
	{ "elder_with_disabled_child", WITH_CHILDREN, 0, EACH(12), 0 }, /* 老残一体 */
	{ "no_guardian", CHILDLESS | DEMENTIA, 0, EACH(700), 0 }, /* 无监护人 */
	{ "veteran", MAN, 0, { 18, 24, 30, 40 }, 0 }, /* 优抚 */
	{ "three_elders", 0, 0, { 0, 0, 3, 12 }, 0 }, /* “三老” */
};

static const struct rule income_rules[] = {
	{ "pension", 0, EXTREME, EACH(960), 0 },
	{ "work", 0, DEPENDENT | EXTREME | INSTITUTION, { 120, 20, 0, 0 }, 0 },
	{ "children", 0, CHILDLESS, { 150, 250, 350, 400 }, 0 },
	{ "allowance", POOR, 0, ALWAYS, 0 },
	{ "allowance", 0, POOR, { 0, 0, 600, 900 }, 0 },
	{ "savings", 0, POOR, EACH(180), 0 },
	{ "property", 0, POOR | VILLAGE, EACH(40), 0 },
};
/* Of health, care and living the first that holds. */
static const struct rule health_rules[] = {
	{ "bedridden", DISABLED, 0, EACH(350), 0 },
	{ "poor", DISABLED, 0, ALWAYS, 0 },
	{ "poor", ILL, 0, EACH(600), 0 },
	{ "chronic", ILL, 0, ALWAYS, 0 },
	{ "poor", SEMI, 0, EACH(300), 0 },
	{ "chronic", DEPENDENT, 0, EACH(750), 0 },
	{ "fair", DEPENDENT, 0, ALWAYS, 0 },
	{ "chronic", 0, 0, { 300, 420, 560, 560 }, 0 },
	{ "good", 0, 0, { 640, 500, 330, 250 }, 0 },
	{ "fair", 0, 0, ALWAYS, 0 },
};
static const struct rule care_rules[] = {
	{ "institution", INSTITUTION, 0, ALWAYS, 0 },
	{ "paid", WITH_CARER, 0, ALWAYS, 0 },
	{ "not_needed", 0, DEPENDENT, ALWAYS, 0 },
	{ "spouse", MARRIED, 0, EACH(800), 0 },
	{ "children", WITH_CHILDREN, 0, ALWAYS, 0 },
	{ "relatives", WITH_RELATIVES, 0, ALWAYS, 0 },
	{ "children", 0, CHILDLESS, EACH(600), 0 },
	{ "paid", 0, POOR, EACH(500), 0 },
	{ "nobody", 0, MARRIED, ALWAYS, 0 },
	{ "spouse", 0, 0, ALWAYS, 0 },
};
static const struct rule difficulty_rules[] = {
	{ "money", POOR, 0, EACH(700), 0 },
	{ "illness", ILL, 0, EACH(600), 0 },
	{ "meals", ALONE, 0, { 80, 150, 350, 450 }, 0 },
	{ "meals", COUPLE, 0, { 20, 50, 180, 300 }, 0 },
	{ "mobility", DEPENDENT, 0, EACH(600), 0 },
	{ "housing", POOR | VILLAGE, 0, EACH(200), 0 },
	{ "loneliness", ALONE, 0, EACH(350), 0 },
	{ "care", DEPENDENT, INSTITUTION, EACH(500), 0 },
	{ "digital", 0, 0, { 80, 250, 500, 600 }, 0 },
};
static const struct rule need_rules[] = {
	{ "meals", ALONE, 0, { 100, 250, 500, 600 }, 0 },
	{ "meals", COUPLE, 0, { 60, 150, 350, 450 }, 0 },
	{ "bathing", DISABLED, INSTITUTION, EACH(600), 0 },
	{ "bathing", SEMI, INSTITUTION, EACH(300), 0 },
	{ "cleaning", 0, INSTITUTION, { 40, 120, 300, 350 }, 0 },
	{ "escort", SEMI, 0, EACH(350), 0 },
	{ "medical_escort", 0, INSTITUTION, { 30, 100, 250, 250 }, 0 },
	{ "errands", ALONE, 0, { 30, 80, 200, 300 }, 0 },
	{ "nursing", DISABLED, 0, EACH(850), 0 },
	{ "rehabilitation", SEMI, 0, EACH(250), 0 },
	{ "emergency_call", ALONE, 0, { 200, 350, 600, 700 }, 0 },
	{ "day_care", DEMENTIA, INSTITUTION, EACH(300), 0 },
	{ "mental", ALONE, 0, EACH(200), 0 },
	{ "culture", 0, DEPENDENT, { 350, 250, 100, 30 }, 0 },
	{ "home_adaptation", DEPENDENT, INSTITUTION, EACH(200), 0 },
};
static const struct rule living_rules[] = {
	{ "institution", INSTITUTION, 0, ALWAYS, 0 },
	{ "alone", ALONE, 0, ALWAYS, 0 },
	{ "with_children", WITH_CHILDREN, 0, ALWAYS, 0 },
	{ "with_carer", WITH_CARER, 0, ALWAYS, 0 },
	{ "with_spouse", MARRIED, 0, ALWAYS, 0 },
	{ "with_relatives", 0, 0, ALWAYS, 0 },
};
/* Who is asked; the others are in the ledger with what the register says. */
static const struct rule survey_rules[] = {
	{ "1", DEPENDENT, 0, ALWAYS, 0 },
	{ "1", POOR, 0, ALWAYS, 0 },
	{ "1", INSTITUTION, 0, ALWAYS, 0 },
	{ "1", ALONE, 0, { 400, 600, 1000, 1000 }, 0 },
	{ "1", 0, 0, { 100, 180, 400, 500 }, 0 },
};
static const char *const illnesses[] = {
	"冠心病，长期服药", "脑梗死后遗症", "2型糖尿病并发症", "慢性肾功能不全，定期透析", "恶性肿瘤术后", "慢性阻塞性肺疾病", "帕金森病", "心力衰竭",
};

/* ---- people ---- */

struct person {
	uint32_t number;
	enum sex sex;
	int age, band;
	struct date born_on;
	const char *surname;
	struct text name, phone;
	unsigned facts;
	struct buf tags;
	struct chance chance;
};

/* Somebody to call. */
struct contact {
	struct text name, phone;
	const char *relation;
};

static bool holds(const struct rule *rule, struct person *person)
{
	if ((person->facts & rule->all) != rule->all || (person->facts & rule->none) || rule->permille[person->band] == 0)
		return false;
	if (!chance_permille(&person->chance, rule->permille[person->band]))
		return false;
	person->facts |= rule->sets;
	return true;
}

static void add_words(const struct rule *rules, size_t count, struct person *person, struct buf *words)
{
	for (size_t i = 0; i < count; i++) {
		if (!holds(&rules[i], person))
			continue;
		buf_text(words, words->len > 0 ? TEXT(",") : TEXT(""));
		buf_text(words, text_of(rules[i].word));
	}
}

static struct text words_of(const struct rule *rules, size_t count, struct person *person, struct arena *arena)
{
	struct buf words = buf_in(arena, 128, 1024);
	add_words(rules, count, person, &words);
	return buf_done(&words);
}

static struct text word_of(const struct rule *rules, size_t count, struct person *person)
{
	for (size_t i = 0; i < count; i++) {
		if (holds(&rules[i], person))
			return text_of(rules[i].word);
	}
	return TEXT_NONE;
}

static void make_person(const struct demo *demo, uint32_t number, unsigned facts, struct arena *arena, struct person *out)
{
	*out = (struct person){ .number = number, .sex = demo_sex(demo, number), .age = demo_age(demo, number) };
	out->chance = chance_of(demo->seed, STREAM_ELDER, (uint64_t)number + (UINT64_C(1) << 40));
	out->band = out->age < 70 ? 0 : out->age < 80 ? 1 : out->age < 90 ? 2 : 3;
	out->born_on = demo_birth_date(demo, &out->chance, out->age);
	out->surname = demo_surname(&out->chance);
	out->name = demo_person(&out->chance, arena, out->surname, out->sex, out->born_on.year);
	if (!chance_permille(&out->chance, out->age < 80 ? 20 : 90))
		out->phone = demo_phone(&out->chance, arena);
	out->facts = facts | (out->sex == SEX_MALE ? MAN : 0);
	out->tags = buf_in(arena, 160, 1024);
	add_words(body_rules, COUNT(body_rules), out, &out->tags);
}

/* ---- homes ---- */

enum { ELDERS_TO_A_BED = 29 };
enum living_kind { SINGLE_LIVING, PAIR_LIVING, CHILDLESS_LIVING, LIVING_KINDS };

/* How many of a thousand live so at 60-69, 70-79, 80-89, 90 and older (the older of a couple): without and with wife or husband;
 * without children, at any age. */
static const struct arrangement {
	const char *structure; /* NULL: no household; where there is a couple, "single" is "couple" */
	unsigned single, pair; /* the fact */
	int others_least, others_most; /* who live there and are not the couple */
	unsigned short permille[LIVING_KINDS][4];
} arrangements[] = {
	{ "single", ALONE, COUPLE, 0, 0, { { 443, 450, 395, 200 }, { 560, 617, 593, 465 }, EACH(560) } },
	{ "two_generations", WITH_CHILDREN, WITH_CHILDREN, 1, 2, { { 270, 260, 250, 300 }, { 230, 210, 230, 310 }, EACH(0) } },
	{ "three_generations", WITH_CHILDREN, WITH_CHILDREN, 2, 5, { { 200, 170, 140, 170 }, { 190, 150, 130, 150 }, EACH(0) } },
	{ "skip_generation", WITH_GRANDCHILD, WITH_GRANDCHILD, 1, 2, { { 40, 30, 10, 0 }, { 15, 10, 5, 0 }, EACH(0) } },
	{ "other", WITH_RELATIVES, WITH_RELATIVES, 1, 2, { { 30, 25, 30, 30 }, { 5, 10, 10, 10 }, EACH(170) } },
	{ "other", WITH_CARER, WITH_CARER, 1, 1, { { 5, 15, 50, 80 }, { 0, 0, 20, 40 }, EACH(20) } },
	{ NULL, INSTITUTION, INSTITUTION, 0, 0, { { 12, 50, 125, 220 }, { 0, 3, 12, 25 }, EACH(250) } },
};

struct home {
	struct demo_spot spot;
	const struct arrangement *how;
	int64_t hukou_area;
	const char *residence;
	unsigned facts;
	struct person people[2];
	size_t count;
	bool married;
	struct contact spouse, child, other; /* a wife or husband who is not in the ledger; a child; somebody else */
};

/* 户籍在住 and 人户分离 and 外出 together are 74 %: of Laishan's 66,198 that is the plan's 49,000 with local hukou. */
static void residence(const struct demo *demo, struct chance *chance, struct home *home)
{
	size_t lot = chance_below(chance, 100);
	home->hukou_area = home->spot.community->area;
	home->residence = lot < 58 ? "registered" : lot < 72 ? "separated" : lot < 98 ? "migrant" : "away";
	if (lot >= 72 && lot < 98) {
		home->hukou_area = 0;
		home->facts |= MIGRANT;
	}
	while (lot >= 58 && lot < 72 && home->hukou_area == home->spot.community->area && demo->community_count > 1)
		home->hukou_area = demo_some_community(demo, chance)->area;
}

/* 特困 who are disabled are cared for in institutions (集中供养), two of three at least. */
static const struct arrangement *some_arrangement(const struct demo *demo, const struct home *home, struct chance *chance)
{
	const struct person *first = &home->people[0];
	enum living_kind kind = home->married ? PAIR_LIVING : first->facts & CHILDLESS ? CHILDLESS_LIVING : SINGLE_LIVING;
	int band = first->band;
	if (home->count > 1 && home->people[1].band > band)
		band = home->people[1].band;
	if ((first->facts & EXTREME) && (first->facts & DISABLED) && chance_permille(chance, 670))
		return &arrangements[COUNT(arrangements) - 1];
	size_t lot = chance_below(chance, 1000), i = 0, beds = demo->beds_up_to[demo->institution_count - 1];
	for (; i + 1 < COUNT(arrangements) && lot >= arrangements[i].permille[kind][band]; i++)
		lot -= arrangements[i].permille[kind][band];
	/* where there are more elders to a bed than in Laishan, the others stay at home */
	bool full = arrangements[i].single == INSTITUTION && chance_below(chance, demo->elder_count) >= ELDERS_TO_A_BED * beds;
	return &arrangements[full ? 0 : i];
}

/* Whom the elders know. Children bear the name of the man where there is one. */
static void acquaintances(const struct demo *demo, struct chance *chance, struct arena *arena, struct home *home)
{
	static const char *const others[] = { "sibling", "relative", "neighbour", "neighbour", "friend", "community" };
	const struct person *first = &home->people[0];
	const char *surname = first->sex == SEX_MALE ? first->surname : demo_surname(chance);
	int born = first->born_on.year;
	enum sex spouse = first->sex == SEX_MALE ? SEX_FEMALE : SEX_MALE, child = chance_permille(chance, 520) ? SEX_MALE : SEX_FEMALE;
	if (home->married && home->count == 1) {
		/* born after those who are 60 today */
		int year = demo->today.year - 59 + (int)chance_below(chance, 3);
		const char *own = spouse == SEX_MALE ? surname : demo_surname(chance);
		home->spouse = (struct contact){ demo_person(chance, arena, own, spouse, year), demo_phone(chance, arena), "spouse" };
	}
	home->child = (struct contact){ demo_person(chance, arena, surname, child, born + (int)chance_between(chance, 23, 31)),
		                        demo_phone(chance, arena), child == SEX_MALE ? "son" : "daughter" };
	enum sex sex = chance_permille(chance, 500) ? SEX_MALE : SEX_FEMALE;
	const char *relation = others[chance_below(chance, COUNT(others))];
	const char *family = strcmp(relation, "sibling") == 0 ? first->surname : demo_surname(chance);
	int year = strcmp(relation, "community") == 0 ? 1985 : born + (int)chance_between(chance, 0, 12);
	home->other = (struct contact){ demo_person(chance, arena, family, sex, year), demo_phone(chance, arena), relation };
}

static void make_home(const struct demo *demo, size_t index, struct arena *arena, struct home *home)
{
	const struct demo_pair *pair = &demo->homes[index];
	struct chance chance = chance_of(demo->seed, STREAM_HOME, index);
	*home = (struct home){ .married = pair->spouse != DEMO_NOBODY, .count = pair->spouse < demo->elder_count ? 2 : 1 };
	unsigned facts = home->married ? MARRIED : 0;
	make_person(demo, pair->elder, facts, arena, &home->people[0]);
	if (home->count == 2)
		make_person(demo, pair->spouse, facts, arena, &home->people[1]);
	home->how = some_arrangement(demo, home, &chance);
	home->facts = home->married ? home->how->pair : home->how->single;
	home->spot = home->how->structure ? demo_dwelling(demo_some_community(demo, &chance), &chance, arena)
	                                  : demo_institution(demo, &chance, arena);
	if (home->spot.community->is_village)
		home->facts |= VILLAGE;
	residence(demo, &chance, home);
	acquaintances(demo, &chance, arena, home);
	for (size_t i = 0; i < home->count; i++)
		home->people[i].facts |= home->facts;
}

/* ---- rows ---- */

static void put_household(const struct home *home, struct chance *chance, struct demo_row *row)
{
	const struct person *head = &home->people[0];
	bool pair = home->married && home->how->single == ALONE;
	int64_t members = 1 + home->married + chance_between(chance, home->how->others_least, home->how->others_most);
	demo_cell(row, "head", head->name);
	demo_place(row, &home->spot);
	demo_cell(row, "structure", text_of(pair ? "couple" : home->how->structure));
	demo_number(row, "members", members);
	demo_number(row, "elders", (int64_t)home->count);
	demo_cell(row, "phone", head->phone);
}

static void put_contact(struct demo_row *row, const char *const names[3], const struct contact *contact)
{
	demo_cell(row, names[0], contact->name);
	demo_cell(row, names[1], text_of(contact->relation));
	demo_cell(row, names[2], contact->phone);
}

static void put_contacts(const struct home *home, const struct person *person, struct demo_row *row)
{
	static const char *const first[] = { "contact_name", "contact_relation", "contact_phone" };
	static const char *const second[] = { "second_contact_name", "second_contact_relation", "second_contact_phone" };
	static const char *const guardian[] = { "guardian_name", "guardian_relation", "guardian_phone" };
	const struct person *wife = home->count == 2 ? &home->people[person == home->people] : NULL;
	struct contact spouse = home->spouse;
	if (wife)
		spouse = (struct contact){ wife->name, wife->phone, "spouse" };
	const struct contact *child = person->facts & CHILDLESS ? &home->other : &home->child;
	bool by_spouse = spouse.phone.len > 0 && !(wife && wife->facts & DEPENDENT);
	put_contact(row, first, by_spouse ? &spouse : child);
	if (by_spouse)
		put_contact(row, second, child);
	else if (person->facts & ALONE && child != &home->other)
		put_contact(row, second, &home->other);
	if (person->facts & DEMENTIA && !(person->facts & CHILDLESS))
		put_contact(row, guardian, by_spouse ? &spouse : child);
}

static void put_survey(const struct demo *demo, const struct home *home, struct person *person, struct demo_row *row)
{
	demo_cell(row, "living", word_of(living_rules, COUNT(living_rules), person));
	demo_cell(row, "income", words_of(income_rules, COUNT(income_rules), person, row->arena));
	demo_cell(row, "health", word_of(health_rules, COUNT(health_rules), person));
	if (person->facts & ILL)
		demo_cell(row, "health_note", text_of(illnesses[chance_below(&person->chance, COUNT(illnesses))]));
	demo_cell(row, "care", word_of(care_rules, COUNT(care_rules), person));
	demo_cell(row, "difficulties", words_of(difficulty_rules, COUNT(difficulty_rules), person, row->arena));
	demo_cell(row, "needs", words_of(need_rules, COUNT(need_rules), person, row->arena));
	demo_date(row, "surveyed_on", demo_day(demo, -chance_between(&person->chance, 1, 360)));
	put_contacts(home, person, row);
}

static void put_elder(const struct demo *demo, const struct home *home, struct person *person, struct demo_row *row)
{
	demo_cell(row, "name", person->name);
	demo_cell(row, "id_card", demo_id_card(demo, row->arena, person->number, person->born_on, person->sex));
	demo_cell(row, "sex", person->sex == SEX_MALE ? TEXT("male") : TEXT("female"));
	demo_date(row, "born_on", person->born_on);
	demo_place(row, &home->spot);
	if (home->hukou_area)
		demo_number(row, "hukou_area", home->hukou_area);
	demo_cell(row, "residence", text_of(home->residence));
	demo_cell(row, "phone", person->phone);
	add_words(tag_rules, COUNT(tag_rules), person, &person->tags);
	demo_cell(row, "tags", buf_done(&person->tags));
	if (word_of(survey_rules, COUNT(survey_rules), person).len > 0)
		put_survey(demo, home, person, row);
}

void demo_home(const struct demo *demo, size_t index, struct arena *arena, struct demo_home *out)
{
	struct home home;
	struct chance chance = chance_of(demo->seed, STREAM_HOME, (uint64_t)index + (UINT64_C(1) << 40));
	assert(index < demo->home_count);
	make_home(demo, index, arena, &home);
	out->has_household = home.how->structure != NULL;
	out->household = (struct demo_row){ .arena = arena };
	if (out->has_household)
		put_household(&home, &chance, &out->household);
	out->elder_count = home.count;
	for (size_t i = 0; i < home.count; i++) {
		out->elders[i] = (struct demo_row){ .arena = arena };
		put_elder(demo, &home, &home.people[i], &out->elders[i]);
	}
}
