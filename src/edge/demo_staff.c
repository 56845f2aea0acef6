/* SPDX-License-Identifier: Apache-2.0 */
/* demo_staff.c - those who work for the invented organizations: posts, skills, papers that expire. */
#include "edge/demo_sites.h"

/* Smaller districts have fewer people at work: of a demo with less than so many elders only a part is made, one of each post at
 * least. */
enum { WHOLE_ROSTER = 20000 };

/* What an organization of a kind needs: so many, and one more for each so many beds. */
static const struct post {
	enum organization_kind kind;
	const char *word;
	unsigned fixed, beds;
	unsigned men; /* of a thousand */
	unsigned levelled; /* of a thousand have a certificate of a level */
	int age_first, age_last;
	bool cooks; /* needs a health certificate, as all who nurse and cook do */
	const char *skills; /* some of them */
} posts[] = {
	{ CARE_INSTITUTION, "manager", 1, 400, 500, 0, 35, 58, false, "first_aid" },
	{ CARE_INSTITUTION, "carer", 2, 7, 150, 620, 22, 59, true, "nursing,bathing,cleaning,dementia_care,first_aid,hairdressing" },
	{ CARE_INSTITUTION, "nurse", 1, 40, 40, 0, 22, 52, true, "nursing,first_aid,rehabilitation,dementia_care" },
	{ CARE_INSTITUTION, "doctor", 0, 150, 500, 0, 30, 62, false, "first_aid,rehabilitation,mental" },
	{ CARE_INSTITUTION, "rehabilitation", 0, 200, 400, 400, 24, 50, true, "rehabilitation,first_aid" },
	{ CARE_INSTITUTION, "social_worker", 1, 100, 250, 500, 23, 50, false, "mental,errands" },
	{ CARE_INSTITUTION, "cook", 1, 80, 600, 300, 28, 60, true, "meals" },
	{ HOME_SERVICE, "manager", 1, 0, 400, 0, 30, 55, false, "errands" },
	{ HOME_SERVICE, "home_carer", 14, 0, 100, 560, 28, 59, true,
	  "bathing,cleaning,meals,nursing,errands,escort,medical_escort,hairdressing" },
	{ HOME_SERVICE, "visitor", 3, 0, 250, 0, 24, 60, false, "mental,errands,escort" },
	{ HOME_SERVICE, "dispatcher", 2, 0, 150, 0, 22, 45, false, "errands" },
	{ HOME_SERVICE, "driver", 1, 0, 950, 0, 28, 57, false, "escort,medical_escort" },
	{ COMMUNITY_SERVICE, "manager", 1, 0, 350, 0, 30, 55, false, "errands,mental" },
	{ COMMUNITY_SERVICE, "carer", 4, 0, 120, 480, 26, 59, true, "meals,bathing,cleaning,escort,nursing" },
	{ COMMUNITY_SERVICE, "social_worker", 2, 0, 200, 600, 23, 45, false, "mental,errands,escort" },
	{ CATERING, "manager", 1, 0, 600, 0, 30, 55, false, "meals" },
	{ CATERING, "cook", 4, 0, 600, 350, 25, 60, true, "meals" },
	{ CATERING, "driver", 2, 0, 950, 0, 25, 57, true, "meals" },
	{ MEDICAL, "doctor", 2, 0, 500, 0, 30, 62, false, "first_aid,rehabilitation" },
	{ MEDICAL, "nurse", 3, 0, 40, 0, 22, 52, true, "nursing,first_aid" },
	{ ASSESSMENT, "assessor", 6, 0, 300, 0, 28, 58, false, "mental,rehabilitation" },
	{ SOCIAL, "social_worker", 4, 0, 200, 700, 23, 50, false, "mental,errands,escort" },
	{ SOCIAL, "visitor", 3, 0, 300, 0, 24, 62, false, "mental,escort" },
	{ TRAINING, "manager", 1, 0, 500, 0, 32, 58, false, "nursing,first_aid" },
	{ TRAINING, "other", 3, 0, 350, 0, 28, 60, false, "nursing,first_aid,dementia_care" },
};

static size_t posts_of(const struct demo *demo, size_t organization, const struct post *post)
{
	size_t nth, count = post->fixed;
	if (demo_organization_kind(demo, organization, &nth) != post->kind)
		return 0;
	if (post->beds > 0)
		count += ((size_t)demo_beds_of(demo, organization) + post->beds - 1) / post->beds;
	if (demo->elder_count < WHOLE_ROSTER)
		count = count * demo->elder_count / WHOLE_ROSTER;
	return count > 0 ? count : 1;
}

void demo_plan_staff(struct demo *demo, struct arena *arena)
{
	uint32_t *upto = arena_take(arena, (demo->organization_count + 1) * sizeof *upto), sum = 0;
	for (size_t i = 0; i < demo->organization_count; i++) {
		for (size_t k = 0; k < COUNT(posts); k++)
			sum += (uint32_t)posts_of(demo, i, &posts[k]);
		upto[i] = sum;
	}
	assert(sum <= DEMO_CARDS - DEMO_STAFF_CARDS);
	demo->staff_up_to = upto;
}

size_t demo_staff_count(const struct demo *demo)
{
	return demo->organization_count > 0 ? demo->staff_up_to[demo->organization_count - 1] : 0;
}

static struct text some_skills(const struct post *post, struct chance *chance, struct arena *arena)
{
	struct buf skills = buf_in(arena, 64, 256);
	struct text left = text_of(post->skills);
	while (left.len > 0) {
		const char *comma = memchr(left.ptr, ',', left.len);
		struct text word = { left.ptr, comma ? (size_t)(comma - left.ptr) : left.len };
		/* the first is what the post is for */
		if (left.ptr == post->skills || chance_permille(chance, 550)) {
			buf_text(&skills, skills.len > 0 ? TEXT(",") : TEXT(""));
			buf_text(&skills, word);
		}
		left = (struct text){ word.ptr + word.len + (comma != NULL), left.len - word.len - (comma != NULL) };
	}
	return buf_done(&skills);
}

/* One of fourteen ends within two months, one of thirty has ended. */
static struct date some_end(const struct demo *demo, struct chance *chance, int64_t longest)
{
	size_t lot = chance_below(chance, 1000);
	return demo_day(demo, lot < 70 ? chance_between(chance, 3, 60) : lot < 103 ? -chance_between(chance, 1, 90)
	                                                                            : chance_between(chance, 61, longest));
}

/* 五级 is what most have, 一级 nearly nobody. */
static const char *some_level(struct chance *chance)
{
	size_t lot = chance_below(chance, 100);
	return lot < 52 ? "5" : lot < 80 ? "4" : lot < 95 ? "3" : lot < 99 ? "2" : "1";
}

/* Nobody is at work who was not trained before. */
static void put_work(const struct demo *demo, struct chance *chance, struct demo_row *out)
{
	size_t lot = chance_below(chance, 1000);
	const char *state = lot < 920 ? "active" : lot < 970 ? "applicant" : "suspended";
	bool applicant = lot >= 920 && lot < 970;
	int64_t hired = chance_between(chance, applicant ? 1 : 40, applicant ? 30 : 2600);
	int64_t trained = applicant ? chance_between(chance, 0, hired) : hired + chance_between(chance, 1, 30);
	demo_cell(out, "state", text_of(state));
	demo_date(out, "hired_on", demo_day(demo, -hired));
	if (applicant && chance_permille(chance, 600))
		return;
	demo_date(out, "trained_on", demo_day(demo, -trained));
	demo_number(out, "training_hours", 8 * chance_between(chance, 5, 15));
}

int64_t demo_staff(const struct demo *demo, size_t index, struct arena *arena, struct demo_row *out)
{
	size_t organization = 0, nth = index;
	while (demo->staff_up_to[organization] <= index)
		organization++;
	nth -= organization > 0 ? demo->staff_up_to[organization - 1] : 0;
	const struct post *post = posts;
	for (size_t of; of = posts_of(demo, organization, post), nth >= of; post++)
		nth -= of;
	struct chance chance = chance_of(demo->seed, STREAM_STAFF, index);
	enum sex sex = chance_permille(&chance, post->men) ? SEX_MALE : SEX_FEMALE;
	struct date born = demo_birth_date(demo, &chance, (int)chance_between(&chance, post->age_first, post->age_last));
	*out = (struct demo_row){ .arena = arena };
	demo_cell(out, "name", demo_person(&chance, arena, demo_surname(&chance), sex, born.year));
	demo_cell(out, "id_card", demo_id_card(demo, arena, DEMO_STAFF_CARDS + index, born, sex));
	demo_number(out, "area", demo_seat(demo, organization)->area);
	demo_cell(out, "post", text_of(post->word));
	put_work(demo, &chance, out);
	demo_cell(out, "skills", some_skills(post, &chance, arena));
	demo_cell(out, "phone", demo_phone(&chance, arena));
	if (chance_permille(&chance, post->levelled)) {
		demo_cell(out, "certificate_level", text_of(some_level(&chance)));
		demo_cell(out, "certificate_number", text_printf(arena, "演示%04u%06zu", demo->pack->number, index + 1));
		demo_date(out, "certificate_until", some_end(demo, &chance, 1800));
	}
	if (post->cooks)
		demo_date(out, "health_certificate_until", some_end(demo, &chance, 365));
	return (int64_t)organization;
}
