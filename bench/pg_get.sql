-- SPDX-License-Identifier: Apache-2.0
-- GET one elder: the statement of src/care/elder.c. The floor's copy has ids 1..:elders.
\set id random(1, :elders)
SELECT district, id, version, name, id_card, sex, born_on, area, hukou_area, residence, address, phone, created_at, updated_at
FROM elder
WHERE district = 1 AND id = :id AND (area BETWEEN :scope_from AND :scope_to OR hukou_area BETWEEN :scope_from AND :scope_to);
