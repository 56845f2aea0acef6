-- SPDX-License-Identifier: Apache-2.0
-- Turns a copy of the product's database into the floor's: elders get the ids 1, 2, 3 ... so that pgbench can draw one.
SET session_replication_role = replica;
UPDATE elder SET id = numbered.number
FROM (SELECT district AS d, id AS i, row_number() OVER (ORDER BY district, id) AS number FROM elder) AS numbered
WHERE elder.district = numbered.d AND elder.id = numbered.i;
VACUUM FULL elder;
ANALYZE;
