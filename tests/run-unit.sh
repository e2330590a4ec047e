#!/bin/sh
# Runs test programs, two at a time. Prints the output of those that fail, and one last line: 'N passed, N failed',
# counted in checks (libcheck's own summary), or as one for a program that died without a summary.
set -u
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# A test stands in the root of the tree; what it writes goes below its own TMPDIR.
export out
one='name=$(basename "$1"); export TMPDIR="$out/$name.dir"; mkdir -p "$TMPDIR"
timeout "${UNIT_TIMEOUT:-300}" "$1" >"$out/$name.log" 2>&1; echo $? >"$out/$name.rc"'
if [ $# -gt 0 ]; then
  printf '%s\0' "$@" | xargs -0 -n 1 -P "${JOBS:-2}" sh -c "$one" sh
fi

passed=0 failed=0
for program in "$@"; do
  name=$(basename "$program")
  rc=$(cat "$out/$name.rc" 2>/dev/null || echo missing)
  # "83%: Checks: 12, Failures: 1, Errors: 1"
  set -- $(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' "$out/$name.log" | tail -1)
  checks=${1:-0} bad=$((${2:-0} + ${3:-0}))
  if [ "$rc" = 0 ] && [ "$bad" -eq 0 ]; then
    [ "$checks" -gt 0 ] || checks=1
    passed=$((passed + checks))
    continue
  fi
  [ "$bad" -gt 0 ] || { bad=1; checks=$((checks > 0 ? checks : 1)); }
  passed=$((passed + checks - bad)) failed=$((failed + bad))
  echo "== $name (exit $rc)"
  tail -60 "$out/$name.log"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
