-- SPDX-License-Identifier: Apache-2.0
-- POST an elder: the rows of src/care/elder.c and src/engine/journal.c in one SERIALIZABLE transaction.
\set card random(1, 9999999999)
\set sequence random(1, 1000000000000000)
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO elder (district, id, version, name, id_card, sex, born_on, area, residence, address, phone, created_at, updated_at)
VALUES (1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1024 + :client_id, 1, '王一一一一',
	'908' || lpad((:card)::text, 10, '0') || lpad((:client_id)::text, 5, '0'), 'female', '1944-05-06', :area0, 'registered',
	'滨海路0000000000号', '13000000000', 1, 1);
INSERT INTO journal (district, at, actor, action, resource, record, version, area, body, xid)
VALUES (1, 1, 1, 'create', 'elder', :sequence, 1, :area0,
	'{"name":"王一一一一","id_card":"908000193001010000","born_on":"1944-05-06","phone":"13000000000","address":"滨海路0000000000号"}',
	pg_current_xact_id()::text::bigint);
COMMIT;
