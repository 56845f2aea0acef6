-- SPDX-License-Identifier: Apache-2.0
-- A list page of 20: filter by area, sort by birth date; the statement of list_answer() in src/engine/listing.c.
\set pick random(0, 7)
\set area case when :pick = 0 then :area0 when :pick = 1 then :area1 when :pick = 2 then :area2 \
	when :pick = 3 then :area3 when :pick = 4 then :area4 \
	when :pick = 5 then :area5 when :pick = 6 then :area6 else :area7 end
SELECT id, version, created_at, updated_at, ended_at, name, id_card, document_kind, document_number, sex, born_on,
	area, hukou_area, residence, address, phone, position_lat, position_lon, tags
FROM elder
WHERE district = :district AND (area BETWEEN :scope_from AND :scope_to OR hukou_area BETWEEN :scope_from AND :scope_to)
AND ended_at IS NULL AND area = :area
ORDER BY born_on, id LIMIT 21;
