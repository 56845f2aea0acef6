-- SPDX-License-Identifier: Apache-2.0
-- GET one elder: the statement of operation_find() in src/engine/operations.c. The floor's copy has ids 1..:elders.
\set id random(1, :elders)
SELECT id, version, created_at, updated_at, ended_at, name, id_card, document_kind, document_number, sex, born_on,
	area, hukou_area, residence, address, phone, position_lat, position_lon, tags
FROM elder
WHERE district = :district AND id = :id
AND (area BETWEEN :scope_from AND :scope_to OR hukou_area BETWEEN :scope_from AND :scope_to);
