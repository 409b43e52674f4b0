#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Replays each event stream given and compares verdict and exit status with FILE.expected (written instead with ACCEPT=1); of a
# stream of waits, the time off the CPU.
B=${B:-build}
passed=0
failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
[ $# -gt 0 ] || { echo "golden: no recordings to replay" >&2; exit 1; }
for stream in "$@"; do
	expected=${stream%.events.jsonl}.expected
	case $stream in
	*waits.events.jsonl) set -- --mode offcpu -f folded ;;
	*) set -- --view verdict -f json ;;
	esac
	"$B/connprof" report "$stream" "$@" -o - >"$out" 2>&1
	echo "exit $?" >>"$out"
	if [ -n "$ACCEPT" ]; then
		cat "$out" >"$expected"
	elif diff -u "$expected" "$out"; then
		echo "ok - ${stream##*/}"
		passed=$((passed + 1))
	else
		echo "not ok - ${stream##*/}"
		failed=$((failed + 1))
	fi
done
echo "golden: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
