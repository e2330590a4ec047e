#!/bin/sh
# Installs the Debian packages that are missing. Says nothing when nothing is missing, so that it can stand before every
# build. `deps.sh build` takes only what a build needs (make demo); without an argument also what the tests need.
set -eu

BUILD="gcc g++ make pkg-config
  librdkafka-dev libyaml-dev libevent-dev libsimdjson-dev libpcre2-dev libxxhash-dev zlib1g-dev libzstd-dev
  libssl-dev libsystemd-dev libck-dev libgoogle-perftools-dev"
TEST="check clang clang-format clang-tidy libclang-rt-14-dev kcat netcat-openbsd python3 sqlite3 openssl ca-certificates"

case "${1:-all}" in
build) want=$BUILD ;;
all) want="$BUILD $TEST" ;;
*) echo "usage: deps.sh [build]" >&2; exit 2 ;;
esac

missing=
for package in $want; do
  state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then as_root=
elif command -v sudo >/dev/null; then as_root=sudo
else
  echo "missing packages, and neither root nor sudo to install them:$missing" >&2
  exit 3
fi
echo "installing:$missing"
log=$(mktemp)
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >"$log" 2>&1; }
# The lists may be old, or not there at all.
if ! install; then
  if ! { $as_root apt-get update >"$log" 2>&1 && install; }; then
    tail -20 "$log" >&2
    rm -f "$log"
    echo "apt-get could not install:$missing" >&2
    exit 3
  fi
fi
rm -f "$log"
