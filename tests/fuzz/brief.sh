#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# usage: brief.sh FOLDER SECONDS
# For `make check`: each fuzzer in FOLDER/bin on its seeds and what it makes of them, always in the same order, for SECONDS. What broke
# one stays in FOLDER/NAME/brief.
set -u
folder=$1 seconds=$2 passed=0 failed=0
for fuzzer in "$folder"/bin/fuzz_*; do
	name=${fuzzer##*/}
	case $name in *.d) continue ;; esac
	place=$folder/$name/brief
	rm -rf "$place"
	mkdir -p "$place/corpus"
	if [ -x "tests/fuzz/seeds/$name" ]; then "tests/fuzz/seeds/$name" "$place/corpus"; fi
	"$fuzzer" -seed=1 -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$place/" "$place/corpus" >"$place/log" 2>&1
	status=$?
	inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$place/log")
	if [ $status -eq 0 ] && [ "${inputs:-0}" -ge 100 ]; then # it ended well, and did something
		passed=$((passed + 1))
		echo "ok - $name: $inputs inputs in $seconds s"
	else
		failed=$((failed + 1))
		echo "not ok - $name: status $status, ${inputs:-0} inputs"
		tail -40 "$place/log"
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
