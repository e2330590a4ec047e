#!/bin/bash
# make check: installs what is missing, builds, runs every test, and ends with the one line 'N passed, N failed'.
# Each part prints failures and a last line of that form; they are added up here. A part that dies without such a line
# counts as one failure. SUITES picks parts (default: all); BUILD the build that unit, scenarios and contract test.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-debug}
SUITES=${SUITES:-build unit tidy docs scenarios model contract daemon kafka}
export BUILD
jobs=${JOBS:-$(nproc)}
# Said again in another form, or no news.
total='^([a-z]+: )?([0-9]+) passed, ([0-9]+) failed$'
noise="$total|^  (CC|CXX|LD|AR|TEST) |^make(\[[0-9]+\])?: \*\*\* .* Error [0-9]+\$"
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# add NAME COMMAND...: runs it, shows what it prints without its last line, adds up that line.
add() {
  local name=$1 start=$SECONDS rc last
  shift
  echo "-- $name"
  "$@" 2>&1 | tee "$log" | grep --line-buffered -vE "$noise"
  rc=${PIPESTATUS[0]}
  last=$(grep -E "$total" "$log" | tail -1)
  if [[ $last =~ $total ]]; then
    local p=${BASH_REMATCH[2]} f=${BASH_REMATCH[3]}
    ((rc != 0 && f == 0)) && f=1
    passed=$((passed + p)) failed=$((failed + f))
    echo "   $name: $p passed, $f failed, $((SECONDS - start)) s"
  elif ((rc != 0)); then
    failed=$((failed + 1))
    echo "   $name: failed (exit $rc), $((SECONDS - start)) s"
  else
    passed=$((passed + 1))
  fi
}
target() { make --no-print-directory -s BUILD="$BUILD" "$1"; }
# A suite that another part of the tree brings; what is not there is said, not passed over.
have() { make -n BUILD="$BUILD" "$1" >/dev/null 2>&1; }

tests/deps.sh || exit 3
for suite in $SUITES; do
  case $suite in
  build)
    for b in release debug; do add "build $b" make --no-print-directory -s -j"$jobs" BUILD=$b all; done
    ;;
  unit)
    # Built in parallel, run by run-unit.sh.
    add "unit ($BUILD)" make --no-print-directory -s -j"$jobs" BUILD="$BUILD" unit
    ;;
  contract | daemon | docs | fuzz | model)
    if have "$suite"; then add "$suite ($BUILD)" target "$suite"; else echo "-- $suite: not there"; fi
    ;;
  kafka)
    # Against a real broker, with the release build: what users run.
    add kafka make --no-print-directory BUILD=release kafka
    ;;
  *) add "$suite ($BUILD)" target "$suite" ;;
  esac
done
echo "$passed passed, $failed failed"
((failed == 0))
