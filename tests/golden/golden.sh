#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Replays each event stream given and compares verdict and exit status with FILE.expected (written instead with ACCEPT=1); of a
# stream of waits, the time off the CPU. Where there is a FILE.lines.expected, also its connections one by one.
B=${B:-build}
passed=0
failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
[ $# -gt 0 ] || { echo "golden: no recordings to replay" >&2; exit 1; }

compare() { # STREAM EXPECTED OPTION...
	stream=$1 expected=$2
	shift 2
	"$B/connprof" report "$stream" "$@" -o - >"$out" 2>&1
	echo "exit $?" >>"$out"
	if [ -n "$ACCEPT" ]; then
		cat "$out" >"$expected"
	elif diff -u "$expected" "$out"; then
		echo "ok - ${expected##*/}"
		passed=$((passed + 1))
	else
		echo "not ok - ${expected##*/}"
		failed=$((failed + 1))
	fi
}

for recorded in "$@"; do
	name=${recorded%.events.jsonl}
	case $name in
	*waits) compare "$recorded" "$name.expected" --mode offcpu -f folded ;;
	*) compare "$recorded" "$name.expected" --view verdict -f json ;;
	esac
	[ ! -e "$name.lines.expected" ] || compare "$recorded" "$name.lines.expected" --view sites -f jsonl
done
echo "golden: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
