#!/bin/sh
# make demo: two pipelines in one process, twenty seconds of them. SPATE is the program; DEMO_FOR another time.
set -eu
cd "$(dirname "$0")/../.."
spate=${SPATE:-build/release/spate}

cat <<'TEXT'

  Two pipelines in one process, and an in-process Kafka between them:

    conf/demo/ad-events.yaml   mode record        5,000 ad events a second into the topic ad-events
    conf/demo/ad-counts.yaml   mode micro_batch   views of each campaign, in windows of ten seconds of event time

  Event time runs ten times the clock: a window closes every second. Below are the campaigns with 23 views and more.
  It ends by itself; Ctrl-C ends it at once.

TEXT
code=0
"$spate" run conf/demo/ad-events.yaml conf/demo/ad-counts.yaml --for "${DEMO_FOR:-20s}" || code=$?
[ "$code" -eq 0 ] || exit "$code"
try() { printf '    %-68s %s\n' "$1" "$2"; }
printf '\n  What to try next:\n\n'
try "$spate explain conf/demo/ad-counts.yaml" "the plan: stages, exchange, state, guarantee"
try "edit conf/demo/ad-counts.yaml" "another window or key; 'mode: record' gives the same rows"
try "$spate check conf/demo/ad-counts.yaml" "misspell something, and see what it says"
try "$spate run conf/pipelines.d/order-totals.yaml" "a file of orders to totals a day, as a batch"
try "$spate run conf/pipelines.d/flink-spark.yaml --for 5s" "records from one map to a line of text"
try "README.md" "from here to a pipeline of your own"
echo
