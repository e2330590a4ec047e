#!/bin/bash
# run.sh: everything that needs a real broker: the plugin alone, then the cases, each an executable in tests/kafka/cases
# that gets a running broker. Prints one line a case; 77 from the broker (no Maven, no Java) is said, and skips all.
#
#   BUILD=release tests/kafka/run.sh [CASE...]
#
# A case runs in the root of the tree with SPATE (the program), BROKER (host:port), BROKER_DIR (for broker.sh) and WORK (an
# empty folder), and exits 0, or 1 after saying what is wrong.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-release}
OUT=$(realpath -m "${OUT:-build/$BUILD}")
work=$(mktemp -d)
export PYTHONDONTWRITEBYTECODE=1 BROKER_DIR=$work/broker

tests/kafka/broker.sh start "$BROKER_DIR" 0
rc=$?
if [ $rc -ne 0 ]; then
  rm -rf "$work"
  [ $rc -eq 77 ] && exit "${SKIP_STATUS:-0}" # the line above says why
  exit 1
fi
trap 'tests/kafka/broker.sh wipe "$BROKER_DIR"; rm -rf "$work"' EXIT
BROKER=127.0.0.1:$(tests/kafka/broker.sh port "$BROKER_DIR")
export BROKER SPATE=$OUT/spate SPATED=$OUT/spated

passed=0 failed=0
report() { # NAME STATUS LOG
  if [ "$2" -eq 0 ]; then
    passed=$((passed + 1)) && echo "ok    $1"
  else
    failed=$((failed + 1)) && echo "FAIL  $1" && tail -40 "$3"
  fi
}

plugin() {
  mkdir -p "$OUT/tests"
  local flags=()
  case $BUILD in
    asan) flags=(-fsanitize=address,undefined) ;;
    tsan) flags=(-fsanitize=thread) ;;
  esac
  local deps="check rdkafka yaml-0.1 libevent libevent_pthreads libevent_openssl openssl libpcre2-8 libxxhash zlib libzstd libsystemd"
  # shellcheck disable=SC2046,SC2086
  "${CC:-gcc}" -std=c11 -O1 -g -D_GNU_SOURCE -Wall -Wextra "${flags[@]}" -Idaemon -Idaemon/api -Itests/unit \
    $(pkg-config --cflags $deps) -o "$OUT/tests/kafka_plugin" tests/kafka/plugin.c "$OUT/libspate.a" \
    $(pkg-config --libs $deps) -lsimdjson -lck -lstdc++ -lm -lpthread -ldl &&
    timeout 300 "$OUT/tests/kafka_plugin" "$BROKER" "$BROKER_DIR"
}

wanted() { [ $# -eq 1 ] || [[ " ${*:2} " == *" $1 "* ]]; }

if wanted plugin "$@"; then
  plugin >"$work/plugin.log" 2>&1
  report plugin $? "$work/plugin.log"
fi
for case in tests/kafka/cases/*; do
  name=$(basename "$case")
  { [ -x "$case" ] && wanted "$name" "$@"; } || continue
  export WORK=$work/$name
  mkdir -p "$WORK"
  timeout 300 "$case" >"$work/$name.log" 2>&1
  report "$name" $? "$work/$name.log"
done
echo "kafka: $passed passed, $failed failed"
[ $failed -eq 0 ]
