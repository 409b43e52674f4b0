#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Black-box tests of the command line: what is refused, with which status, in how many lines. usage: test_cli.sh CONNPROF
set -u
connprof=$(realpath -e "$1") || exit 2
manual=$(realpath -e "$(dirname "$0")/../../docs/connprof.1") || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0

verdict() { # STATUS NAME [DETAIL]
	if [ "$1" = 0 ]; then
		passed=$((passed + 1)); echo "ok   $2"
	else
		failed=$((failed + 1)); echo "FAIL $2: ${3:-}"
	fi
}

# expect STATUS PATTERN NAME ARGUMENT...: nothing on standard output, one line on standard error that fits PATTERN.
expect() {
	status=$1 pattern=$2 name=$3
	shift 3
	"$connprof" "$@" >out 2>err
	got=$?
	if [ $got != "$status" ]; then verdict 1 "$name" "exit $got, wanted $status: $(head -1 err)"
	elif [ -s out ]; then verdict 1 "$name" "wrote to standard output: $(head -1 out)"
	elif [ "$(wc -l <err)" != 1 ]; then verdict 1 "$name" "$(wc -l <err) lines of error"
	elif ! grep -q "^connprof: $pattern" err; then verdict 1 "$name" "said: $(cat err)"
	else verdict 0 "$name"
	fi
}

# shows PATTERN NAME ARGUMENT...: exit 0, nothing on standard error, PATTERN on standard output.
shows() {
	pattern=$1 name=$2
	shift 2
	"$connprof" "$@" >out 2>err
	got=$?
	if [ $got = 0 ] && [ ! -s err ] && grep -q -e "$pattern" out; then verdict 0 "$name"
	else verdict 1 "$name" "exit $got, $(head -1 err), $(head -1 out)"
	fi
}

gone_pid() { # a process id nobody has
	sh -c 'exit 0' & pid=$!
	wait $pid
	echo $pid
}

shows '^usage: connprof COMMAND' 'help lists the commands' --help
shows '^connprof [0-9]' 'version' --version
for command in record trace check dump report diff doctor; do
	shows "^usage: connprof $command" "help $command" help $command
	shows "^usage: connprof $command" "$command --help wins over what is missing" $command --help
	shows '--quiet' "$command --he (a prefix)" $command --he
done

expect 2 'no command given' 'no command'
expect 2 "there is no command 'rekord'" 'unknown command' rekord
expect 2 'not a terminal (connprof diagnose' 'top without a terminal' top -p 1
expect 2 "there is no option '--pid'" 'an option before the command' --pid 1
expect 2 'unknown option --frobnicate (try: connprof record --help)' 'unknown long option' record --frobnicate
expect 2 'unknown option -Z' 'unknown short option' record -Z
expect 2 'unknown option --rate' 'an option of another command' trace --rate 5 -p 1
expect 2 '--no could be --nolineno, --no-children' 'ambiguous prefix' record --no
expect 2 '--quiet takes no value' 'value for a flag' record --quiet=1
expect 2 '-p needs a value' 'missing value' record -p
expect 2 'nothing to watch' 'record without a target' record
expect 2 'nothing to watch' 'nothing after --' check --
expect 2 'nothing to look at' 'dump without a target' dump
expect 2 'give -p PID or a command' 'a process and a command' record -p 1 -- true
expect 2 "unexpected '812': a process is given as -p 812" 'a bare number' record 812
expect 2 "unexpected 'true': a command to run follows --" 'a bare command' check true
expect 2 'dump runs no command' 'dump with a command' dump -p 1 -- true
expect 2 'no recording given' 'report without a file' report
expect 2 "unexpected 'b'" 'report with two files' report a b
expect 2 "standard output is the command's: give jsonl a file" 'lines beside a command' trace -f jsonl -- true
expect 2 'x.pb.gz does not hold each connection' 'lines of a profile' report x.pb.gz --view sites -f jsonl
expect 3 'cannot read absent.events.jsonl' 'lines of a stream that is not there' report absent.events.jsonl --view sites -f jsonl
expect 2 'two recordings are compared' 'diff of one file' diff a.pb.gz
expect 2 "unexpected 'c'" 'diff of three files' diff a.pb.gz b.pb.gz c
expect 2 'unknown format .pprof.' 'diff as a recording' diff a.pb.gz b.pb.gz -f pprof
expect 3 '.*a.pb.gz' 'diff of a file that is not there' diff a.pb.gz b.pb.gz
for pid in 0 -1 x 1x 4194305 99999999999999999999 ''; do
	expect 2 '\(.* is not a process id\|--pid: empty\)' "process id '$pid'" record "--pid=$pid"
done
for time in 0 -1 x 5y nan inf 1e999 ''; do
	expect 2 '--duration: ' "duration '$time'" record -p 1 "--duration=$time"
done
for rate in 0 10001 -5 9.5 x; do
	expect 2 '--rate: .* from 1 to 10000' "rate '$rate'" record -p 1 "--rate=$rate"
done
expect 2 '--max-churn: ' 'a rule that is no number' check -p 1 --max-churn=lots
expect 2 "--protocol: 'telnet' is none of .*redis" 'unknown protocol' check -p 1 --protocol telnet
expect 2 '--idle is --mode wall: it excludes --mode cpu' "py-spy's --idle is a mode, not another word beside one" record -p 1 --idle --mode cpu
expect 2 '--gil is about the CPU: it excludes --mode wall' '--gil with --idle' record -p 1 -g -i
expect 2 "--mode: 'idle' is none of cpu offcpu wall" 'a mode that is none' record -p 1 --mode idle
expect 2 '.*excludes --mode wall' 'the GIL off the CPU' record -p 1 --gil --mode wall
expect 2 '.*goes with --mode offcpu' 'wakers without waits' record -p 1 --wakers
expect 2 '.*exclude each other' 'two questions about the GIL' record -p 1 --gil --gil-wait
expect 2 '--gil-wait is about the time off the CPU: it excludes --mode cpu' 'waits for the GIL on the CPU' record -p 1 --gil-wait --mode cpu
expect 2 '.*goes with --mode offcpu' 'a shortest wait without waits' record -p 1 --min-block 1ms
expect 2 "--slower-than: 'soon' is not a duration" 'a limit that is none' record -p 1 --slower-than soon
expect 2 "--slowest: '0%' is not a percentage" 'no requests at all' record -p 1 --slowest 0%
expect 2 "--slowest: '101' is not a percentage" 'more requests than all' record -p 1 --slowest 101
expect 2 '--slower-than and --slowest exclude each other' 'two limits' report x.pb.gz --slower-than 1s --slowest 1%
expect 2 '--diff normal needs --slower-than or --slowest' 'a difference to nothing' report x.pb.gz --diff normal
expect 2 'the format speedscope cannot show a difference' 'a format without two sides' record -p 1 --slowest 1% --diff normal -f speedscope
for part in --slower-than=1s --slowest=1% --wait=lock --mode=cpu; do
	expect 2 "${part%=*} shows a part of the profile: give it a format or a file" 'the summary of a part' report x.pb.gz $part
	expect 2 "${part%=*} goes with --view profile" 'a part of another view' report x.pb.gz --view requests $part
done
expect 2 '--slowest goes with --view profile' 'a part of a diagnosis' report x.pb.gz --view diagnosis --slowest 1%
expect 2 "unknown format 'jpeg': it is one of .*svg" 'unknown format' record -p 1 -f jpeg
expect 2 'no format goes with the name x.gif' 'a name no format goes with' record -p 1 -o x.gif
expect 2 "unknown format 'svg'" 'a format of another view' check -p 1 -f svg
expect 2 '--json and --format text exclude' 'two formats' check -p 1 --json -f text
expect 2 "'1?\[31m' is not a process id" 'an escape sequence in an argument is not printed' record -p "$(printf '1\033[31m')"

expect 3 'cannot write /nonexistent/x.svg: No such file' 'no such folder, before anything is attached' \
	record -p $$ -o /nonexistent/x.svg
expect 3 "cannot write $dir: Is a directory" 'the output is a folder' record -p $$ -o "$dir"
expect 3 '.*absent' 'report of a file that is not there' report absent.pb.gz -f folded
head -c 1000 /dev/urandom >noise.pb.gz
expect 3 '.*noise' 'report of noise' report noise.pb.gz -f folded
: >empty.pb.gz
expect 3 '.*empty' 'report of an empty file' report empty.pb.gz -f folded
printf '\037\213\010\000\000\000\000\000\000\003\007broken' >broken.pb.gz
expect 3 'broken.pb.gz is not a recording: broken gzip data' 'report of a broken gzip file' report broken.pb.gz -f folded
expect 3 'cannot read .*: Is a directory' 'report of a directory' report . -f folded
expect 3 '/dev/zero is too large for a recording' 'report of what does not end' report /dev/zero -f folded
pid=$(gone_pid)
for command in record trace check dump; do
	expect 3 ".*$pid" "$command: no such process" $command -p "$pid"
done
[ ! -e profile.svg ]; verdict $? 'what failed early left no file'

# A baseline and suppressions are read before anything is attached.
echo 'conn:*:x' >good; printf '# fine\nconn:nonsense:x\n' >bad; echo '{}' >no.json
expect 2 'bad:2: no such rule' 'a bad line of --suppress' check -p $$ --suppress bad
expect 2 'no.json is no baseline: ' 'a file that is no baseline' check -p $$ --baseline no.json
expect 2 'cannot read absent.json: No such file' '--baseline that is not there' check -p $$ --baseline absent.json
expect 3 'cannot write /nonexistent/b.json' '--write-baseline nowhere' check -p $$ --suppress good --write-baseline /nonexistent/b.json

# One recorded window, in each format of CI and with what is accepted.
leaky=$(dirname "$manual")/../tests/golden/leaky.events.jsonl
(ulimit -f 0; exec "$connprof" report "$leaky" --view verdict -o limited.txt) 2>&1 | grep -q '^connprof: cannot write limited.txt: File too large'
verdict $? 'a file larger than allowed (ulimit -f) is told, not died of'
[ -z "$(find . -name '*limited*')" ]; verdict $? 'and nothing of it stays'
judged() { "$connprof" report "$leaky" --view verdict "$@" >out 2>err; got=$?; }
judged -f sarif
python3 -c 'import json; run = json.load(open("out"))["runs"][0]
ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
assert [r["ruleId"] in ids and r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in run["results"]] == [8]' &&
	[ $got = 1 ]; verdict $? 'a recording as SARIF names the line' "exit $got"
judged -f gitlab -o q.codequality.json
python3 -c 'import json; p, = json.load(open("q.codequality.json")); assert p["severity"] == "major" and p["location"]["path"].endswith("leaky.py")' &&
	[ $got = 1 ]; verdict $? 'a recording as Code Quality' "exit $got"
judged -o q.xml
python3 -c 'import xml.etree.ElementTree as t; assert len(t.parse("q.xml").findall(".//failure")) == 1' && [ $got = 1 ]
verdict $? 'a recording as JUnit, by the name of the file' "exit $got"
judged -f github; grep -q '^::error title=connection-per-request' out && [ $got = 1 ]; verdict $? 'a recording as workflow commands' "exit $got"
judged -f markdown; grep -q '^| connection-per-request | `Handler.answer' out && [ $got = 1 ]; verdict $? 'a recording as Markdown' "exit $got"
sites() { "$connprof" report "$leaky" --view sites "$@" >out 2>err; got=$?; }
sites -f folded; [ $got = 0 ] && awk '{ n += $NF } END { exit n != 40 }' out && grep -q ';Handler.answer (app/leaky.py:8);' out
verdict $? 'connections as folded stacks, as many as were opened' "exit $got: $(head -c 200 out)"
sites -f jsonl --weight open; [ $got = 2 ] && grep -q 'svg or folded' err; verdict $? 'a weight for a format without widths' "exit $got"
sites -f folded --weight open; [ $got = 0 ] && [ ! -s out ]; verdict $? 'connections left open as folded stacks: none' "exit $got"
sites -f folded --weight setup; [ $got = 0 ] && awk '{ n += $NF } END { exit !(n > 40 && n < 1000000) }' out
verdict $? 'set-up time as folded stacks, in microseconds' "exit $got"
sites -f svg --weight opened; [ $got = 0 ] && grep -q '40 connections opened' out && grep -q '40 connections, 100' out
verdict $? 'a flame graph of connections' "exit $got: $(cat err)"
sites --stacks; [ $got = 0 ] && grep -q -- '-> Handler.answer (app/leaky.py:8)' out; verdict $? 'call sites with their stacks' "exit $got"
sites -f jsonl; [ $got = 0 ] && [ "$(grep -c '"event":"opened"' out)" = 40 ] && tail -1 out | grep -q '"event":"summary".*"opened":40'
verdict $? 'connections one by one, as many as were opened' "exit $got: $(head -c 200 out)"
sites -o sites.jsonl; [ $got = 0 ] && [ ! -s out ] && [ "$(wc -l <sites.jsonl)" = 161 ]; verdict $? 'and by the name of the file' "exit $got"
sites --stacks -f jsonl; [ $got = 0 ] && grep '"event":"opened"' out | grep -q '"stack":\[{"function":"connect"'
verdict $? 'and with their stacks' "exit $got"
judged --write-baseline base.json; [ $got = 1 ] && [ -s base.json ]; verdict $? 'writing a baseline keeps the exit status' "exit $got"
judged --baseline base.json; [ $got = 0 ] && grep -q 'in the baseline' out; verdict $? 'what is in the baseline does not count' "exit $got"
judged --suppress good; [ $got = 1 ] && grep -q 'unused suppression (good:1)' out; verdict $? 'an unused suppression is told' "exit $got"
echo 'conn:connection-per-request:*/leaky.py' >fits
judged --suppress fits; [ $got = 0 ] && ! grep -q unused out; verdict $? 'a suppressed finding does not count' "exit $got"

if [ -w /dev/full ]; then
	"$connprof" --help >/dev/full 2>err
	[ $? = 3 ] && [ "$(wc -l <err)" = 1 ]; verdict $? 'a full disk under standard output'
fi
"$connprof" --version >&- 2>err
[ $? = 3 ] && [ "$(wc -l <err)" = 1 ]; verdict $? 'closed standard output'

"$connprof" doctor --json >out 2>err; got=$?
{ [ $got = 0 ] || [ $got = 3 ]; } && [ ! -s err ] && python3 -m json.tool <out >/dev/null
verdict $? 'doctor answers in JSON, with status 0 or 3' "exit $got"

for command in record trace check dump report diff doctor; do
	for option in $("$connprof" $command --help | sed -n 's/^  \(-., \|    \)--\([a-z-]*\).*/\2/p'); do
		grep -q "Fl Fl $option" "$manual" || missing="${missing:-} $command --$option"
	done
done
[ -z "${missing:-}" ]; verdict $? 'the manual has every option of --help' "missing:${missing:-}"

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
