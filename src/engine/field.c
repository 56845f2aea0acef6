/* SPDX-License-Identifier: Apache-2.0 */
/* field.c - the types of fields. */
#include "engine/field.h"

static const struct {
	enum value_type value; /* of its column, or of both */
	bool sealed;
} types[FIELD_TYPES] = {
	[FIELD_text] = { VALUE_TEXT, false }, [FIELD_word] = { VALUE_TEXT, false }, [FIELD_words] = { VALUE_TEXT, false },
	[FIELD_tags] = { VALUE_TEXT, false }, [FIELD_integer] = { VALUE_INT, false }, [FIELD_money] = { VALUE_INT, false },
	[FIELD_decimal] = { VALUE_INT, false }, [FIELD_boolean] = { VALUE_INT, false }, [FIELD_date] = { VALUE_TEXT, false },
	[FIELD_instant] = { VALUE_INT, false }, [FIELD_ref] = { VALUE_INT, false }, [FIELD_refs] = { VALUE_TEXT, false },
	[FIELD_point] = { VALUE_REAL, false }, [FIELD_area] = { VALUE_INT, false }, [FIELD_id_card] = { VALUE_TEXT, true },
	[FIELD_uscc] = { VALUE_TEXT, false }, [FIELD_phone] = { VALUE_TEXT, true }, [FIELD_file] = { VALUE_TEXT, false },
	[FIELD_answers] = { VALUE_TEXT, true },
};

enum value_type field_value(const struct field *field)
{
	return types[field->type].value;
}

bool field_is_sealed(const struct field *field)
{
	return types[field->type].sealed || (field->flags & (SEALED | HEALTH));
}

bool field_is_text(const struct field *field)
{
	return field_value(field) == VALUE_TEXT;
}

size_t field_size(const struct field *field)
{
	return field_value(field) == VALUE_INT ? sizeof(int64_t) : 2 * sizeof(int64_t);
}

int64_t field_missing(const struct field *field)
{
	if (field->type == FIELD_ref || field->type == FIELD_area || (field->flags & ZERO))
		return 0;
	return MISSING;
}

const struct field *field_find(const struct field *fields, size_t count, struct text name)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

size_t word_count(const struct word *words)
{
	size_t count = 0;
	while (words && words[count].word)
		count++;
	return count;
}

const struct word *word_find(const struct word *words, struct text text)
{
	for (; words && words->word; words++)
		if (text_is(text, words->word) || text_is(text, words->zh))
			return words;
	return NULL;
}
