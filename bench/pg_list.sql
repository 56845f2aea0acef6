-- SPDX-License-Identifier: Apache-2.0
-- A list page of 20: filter by area, sort by birth date; the statement of src/engine for GET /elders.
\set pick random(0, 7)
\set area case when :pick = 0 then :area0 when :pick = 1 then :area1 when :pick = 2 then :area2 \
	when :pick = 3 then :area3 when :pick = 4 then :area4 when :pick = 5 then :area5 when :pick = 6 then :area6 else :area7 end
SELECT district, id, version, name, id_card, sex, born_on, area, hukou_area, residence, address, phone, created_at, updated_at
FROM elder
WHERE district = 1 AND area = :area
AND (area BETWEEN :scope_from AND :scope_to OR hukou_area BETWEEN :scope_from AND :scope_to)
ORDER BY born_on, id LIMIT 21;
