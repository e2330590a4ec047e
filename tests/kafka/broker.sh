#!/bin/bash
# broker.sh: a real Apache Kafka broker for the tests, one KRaft node on loopback.
#
#   broker.sh get                 fetches the broker's jars with Maven into build/kafka-libs (once)
#   broker.sh start DIR PORT      formats DIR at first use, starts, waits until it answers (PORT 0: a free one, see `port`)
#   broker.sh port DIR            the port of the broker in DIR
#   broker.sh pid DIR
#   broker.sh stop DIR            asks it to end and waits
#   broker.sh kill DIR            kill -9, as a crash would
#   broker.sh pause|resume DIR    SIGSTOP, SIGCONT: a broker that hangs
#   broker.sh wipe DIR            kills it and removes DIR
#
# Exit: 0 fine, 1 it failed, 77 Maven, Java or the jars cannot be had: one line says why, and the tests skip.
# HEAP (default 320m) is the broker's memory; KAFKA_LIBS another folder of jars; KAFKA_CONF more lines of configuration.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
LIBS=${KAFKA_LIBS:-$ROOT/build/kafka-libs}
VERSION=3.9.1
SLF4J=1.7.36
HEAP=${HEAP:-320m}

skip() {
  echo "kafka broker: $*"
  exit 77
}

have_libs() { [ -f "$LIBS/kafka_2.13-$VERSION.jar" ]; }

get() {
  have_libs && return 0
  command -v java >/dev/null || skip "no java: apt-get install default-jre-headless"
  command -v mvn >/dev/null || skip "no mvn: apt-get install maven (it fetches the broker; nothing else needs it)"
  local work
  work=$(mktemp -d)
  cat >"$work/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>spate.tests</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>$SLF4J</version></dependency>
  </dependencies>
</project>
POM
  if ! mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$work/libs" >"$work/log" 2>&1; then
    local why
    why=$(grep -m1 ERROR "$work/log" | cut -c1-300)
    rm -rf "$work"
    skip "mvn cannot fetch it: ${why:-no message}"
  fi
  mkdir -p "$(dirname "$LIBS")"
  # Whole or not at all: others may look for the folder at the same time.
  mv "$work/libs" "$LIBS.$$" && { mv -T "$LIBS.$$" "$LIBS" 2>/dev/null || rm -rf "$LIBS.$$"; }
  rm -rf "$work"
  have_libs || skip "mvn fetched something else than kafka_2.13-$VERSION.jar"
}

is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Two neighbours below the range from which the kernel takes ports of its own accord.
free_port() {
  local p i
  for i in $(seq 1 200); do
    p=$((10000 + RANDOM % 20000))
    is_free $p && is_free $((p + 1)) && echo $p && return 0
  done
  return 1
}

configure() { # DIR PORT
  cat >"$1/server.properties" <<C
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$(($2 + 1))
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$(($2 + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$2
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$1/logs
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.retention.hours=-1
log.segment.bytes=1073741824
transaction.max.timeout.ms=900000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
${KAFKA_CONF:-}
C
}

answers() { # PORT: the broker's own answer, not only an open port
  kcat -b "127.0.0.1:$1" -L -m 1 >/dev/null 2>&1
}

start() { # DIR PORT
  get
  command -v java >/dev/null || skip "no java: apt-get install default-jre-headless"
  command -v kcat >/dev/null || skip "no kcat: apt-get install kcat"
  mkdir -p "$1" || exit 1
  local dir port=$2
  dir=$(cd "$1" && pwd)
  alive "$dir" && { echo "kafka broker: already running in $dir"; exit 1; }
  if [ "$port" = 0 ]; then port=$(free_port) || { echo "kafka broker: no free port"; exit 1; }; fi
  configure "$dir" "$port"
  if [ ! -f "$dir/logs/meta.properties" ]; then
    java -Xmx128m -cp "$LIBS/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$dir/server.properties" \
      >"$dir/format.log" 2>&1 || { tail -5 "$dir/format.log"; exit 1; }
  fi
  setsid nohup java "-Xms$HEAP" "-Xmx$HEAP" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$LIBS/*" kafka.Kafka "$dir/server.properties" \
    >>"$dir/broker.log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  echo "$port" >"$dir/port"
  local i
  for i in $(seq 1 300); do
    answers "$port" && { echo "kafka broker: ready on 127.0.0.1:$port, pid $(cat "$dir/pid")"; return 0; }
    alive "$dir" || { tail -20 "$dir/broker.log"; exit 1; }
    sleep 0.2
  done
  echo "kafka broker: no answer within 60 s; see $dir/broker.log"
  exit 1
}

alive() { [ -f "$1/pid" ] && kill -0 "$(cat "$1/pid")" 2>/dev/null; }

# Waits for the end of a process that need not be our child.
wait_gone() { # DIR
  while alive "$1"; do sleep 0.1; done
  rm -f "$1/pid"
}

signal() { # DIR SIGNAL
  alive "$1" || { echo "kafka broker: none is running in $1"; return 1; }
  kill "-$2" "$(cat "$1/pid")"
}

usage() {
  sed -n '3,11s/^# *//p' "$0"
  exit 2
}

[ $# -ge 1 ] || usage
case "$1:$#" in
  get:1) get && echo "kafka broker: jars in $LIBS" ;;
  start:3) start "$2" "$3" ;;
  port:2) cat "$2/port" ;;
  pid:2) cat "$2/pid" ;;
  stop:2) signal "$2" TERM && wait_gone "$2" ;;
  kill:2) signal "$2" KILL && wait_gone "$2" ;;
  pause:2) signal "$2" STOP ;;
  resume:2) signal "$2" CONT ;;
  wipe:2)
    alive "$2" && signal "$2" KILL && wait_gone "$2"
    [ -f "$2/server.properties" ] && rm -rf "$2"
    ;;
  *) usage ;;
esac
