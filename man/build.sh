#!/bin/sh
# Makes the manual pages: man/NAME.in, with the tables that the program prints of itself (`spate manual PART`) in the
# place of '@manual PART@', so that a page cannot say of an option what the program does not.
#   man/build.sh PROGRAM DIRECTORY
set -eu
spate=$1 out=$2
here=$(dirname "$0")
version=$("$spate" --version)
mkdir -p "$out"
for page in "$here"/*.in; do
  name=$(basename "$page" .in)
  awk -v spate="$spate" -v version="${version#* }" '
    /^@manual [a-z]+@$/ {
      part = substr($2, 1, length($2) - 1)
      command = "\"" spate "\" manual " part
      while ((command | getline line) > 0) print line
      if (close(command) != 0) exit 1
      next
    }
    /^\.EE/ { example = 0 }
    example {
      gsub(/\\/, "\\e")
      gsub(/-/, "\\-")
      if ($0 ~ /^[.\047]/) $0 = "\\&" $0
    }
    /^\.EX/ { example = 1 }
    { gsub(/@version@/, version); print }
  ' "$page" >"$out/$name.new"
  mv "$out/$name.new" "$out/$name"
done
