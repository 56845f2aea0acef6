-- SPDX-License-Identifier: Apache-2.0
-- A thousand new elders in one transaction, with their tokens and their lines in the journal, as pg_post.sql has one: what an import
-- brings, without looking whom a row is about. Ids rise with time; 908 keeps clear of others.
\set area random(0, 7)
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO elder (district, id, version, created_at, updated_at, ended_at, name, id_card, document_kind,
	document_number, sex, born_on, area, hukou_area, residence, address, phone, position_lat, position_lon, tags,
	id_card_hash, id_card_box, phone_hash, phone_box, sources)
SELECT :district, (extract(epoch FROM now()) * 1000000)::bigint * 1024 + n, 1, 1, 1, NULL,
	'李一一一一一', '908' || lpad((n * 7368787::bigint)::text, 15, '0'), NULL, NULL, 'female',
	to_char(date '1930-01-01' + (random() * 9999)::integer, 'YYYY-MM-DD'),
	(ARRAY[:area0, :area1, :area2, :area3, :area4, :area5, :area6, :area7]::bigint[])[1 + (n + :area) % 8], NULL, NULL,
	'滨海路0000000000号', '13000000000', 0, 0, NULL, decode(md5(random()::text), 'hex'), decode(repeat(md5(n::text), 3), 'hex'),
	decode(md5(random()::text), 'hex'), decode(repeat(md5(n::text), 3), 'hex'), '{"*":["civil_affairs","2026-01-31"]}'
FROM generate_series(1, 1000) AS n;
INSERT INTO elder_tokens (district, id, words)
SELECT :district, (extract(epoch FROM now()) * 1000000)::bigint * 1024 + n,
	array_to_tsvector(string_to_array('李 李一 一 一一 liyiyiyiyi lyyyy yiyiyiyi yiyiyi yiyi yi 滨海 海路 路0000000000 0000000000 0000000000号'
	|| ' #' || left(md5(random()::text), 28) || ' #' || left(md5(random()::text), 28)
	|| ' @' || left((:area0)::text, 6) || ' @' || left((:area0)::text, 9) || ' @' || left((:area0)::text, 12), ' '))
FROM generate_series(1, 1000) AS n;
INSERT INTO journal_entry (district, id, at_ms, user_id, actor, channel, action, resource, record_id, version,
	area, hukou_area, was_area, was_hukou_area, organization, was_organization, subject, behalf, fields, detail)
SELECT :district, (extract(epoch FROM now()) * 1000000)::bigint * 1024 + n, 1, 1,
	'bureau', 'import', 'create', 'elder', n, 1, :area0, 0, 0, 0, 0, 0, 1, NULL, 'name,id_card,sex,born_on,area,address,phone',
	'{"name":[null,"李一一一一一"],"id_card":[null,"' || repeat(md5(n::text), 2) || '"],"sex":[null,"female"],'
	'"born_on":[null,"1944-05-06"],"area":[null,"370613001001000"],"address":[null,"滨海路0000000000号"],'
	'"phone":[null,"' || repeat(md5(n::text), 2) || '"]}'
FROM generate_series(1, 1000) AS n;
COMMIT;
