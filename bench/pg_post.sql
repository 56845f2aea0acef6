-- SPDX-License-Identifier: Apache-2.0
-- POST an elder: area_is_known() of src/engine/take.c, insert() of src/engine/operations.c, set_postgres() of
-- src/store/token_index.c, write_entry() of src/engine/journal.c, in one SERIALIZABLE transaction. Ids rise with time, as the
-- product's do; 908 keeps clear of the load generator's 909.
\set card random(1, 999999999999999)
\set day :card % 10000
\set user_id random(1, 1000000000000)
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT 1 FROM area WHERE district = :district AND id = :area0 AND ended_at IS NULL;
INSERT INTO elder (district, id, version, created_at, updated_at, ended_at, name, id_card, document_kind,
	document_number, sex, born_on, area, hukou_area, residence, address, phone, position_lat, position_lon, tags,
	id_card_hash, id_card_box, phone_hash, phone_box, sources)
VALUES (:district, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1024 + :client_id, 1, 1, 1, NULL,
	'王一一一一', '908' || lpad((:card)::text, 15, '0'), NULL, NULL, 'female',
	to_char(date '1930-01-01' + (:day)::integer, 'YYYY-MM-DD'), :area0, NULL, NULL,
	'滨海路0000000000号', '13000000000', 0, 0, NULL,
	decode(md5((:card)::text), 'hex'), decode(repeat(md5((:card)::text), 3), 'hex'), decode(md5((:user_id)::text), 'hex'),
	decode(repeat(md5((:user_id)::text), 3), 'hex'), '{"*":["civil_affairs","2026-01-31"]}');
INSERT INTO elder_tokens (district, id, words)
VALUES (:district, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1024 + :client_id,
	array_to_tsvector(string_to_array('王 王一 一 一一 wangyiyiyiyi wyyyy yiyiyiyi yiyiyi yiyi yi 滨海 海路 路0000000000 0000000000 0000000000号'
	|| ' #' || left(md5((:card)::text), 28) || ' #' || left(md5((:user_id)::text), 28)
	|| ' @' || left((:area0)::text, 6) || ' @' || left((:area0)::text, 9) || ' @' || left((:area0)::text, 12), ' ')));
INSERT INTO journal_entry (district, id, at_ms, user_id, actor, channel, action, resource, record_id, version,
	area, hukou_area, was_area, was_hukou_area, organization, was_organization, subject, behalf, fields, detail)
VALUES (:district, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1024 + :client_id, 1, :user_id,
	'bureau', 'web', 'create', 'elder', 1, 1, :area0, 0, 0, 0, 0, 0, 1, NULL, 'name,id_card,sex,born_on,area,address,phone',
	'{"name":[null,"王一一一一"],"id_card":[null,"' || repeat(md5((:card)::text), 2) || '"],"sex":[null,"female"],'
	'"born_on":[null,"1944-05-06"],"area":[null,"370613001001000"],"address":[null,"滨海路0000000000号"],'
	'"phone":[null,"' || repeat(md5((:user_id)::text), 2) || '"]}');
COMMIT;
