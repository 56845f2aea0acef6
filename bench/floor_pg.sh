#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# floor_pg.sh - pgbench over the product's own statements: prints transactions a second, nothing else.
# usage: floor_pg.sh get|list|post|import URL CLIENTS SECONDS [name=value ...]   (values for the variables in bench/pg_*.sql)
set -eu
[ $# -ge 4 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
here=$(dirname "$0")
work=$1 url=$2 clients=$3 seconds=$4
shift 4
[ -f "$here/pg_$work.sql" ] || { echo "floor_pg.sh: no statements for $work" >&2; exit 2; }
defines=
for pair in "$@"; do
	defines="$defines --define=$pair"
done
# shellcheck disable=SC2086 # the values are numbers
if ! out=$(/usr/lib/postgresql/15/bin/pgbench --no-vacuum --protocol=prepared --client="$clients" --jobs=1 \
	--time="$seconds" --max-tries=10 --file="$here/pg_$work.sql" $defines "$url" 2>&1); then
	printf '%s\n' "$out" >&2
	exit 1
fi
tps=$(printf '%s\n' "$out" | sed -n 's/^tps = \([0-9.]*\).*/\1/p')
[ -n "$tps" ] || { printf '%s\n' "$out" >&2; exit 1; }
printf '%s\n' "$out" | grep -E 'failed transactions: [1-9]' >&2 || true
printf '%s\n' "$tps"
