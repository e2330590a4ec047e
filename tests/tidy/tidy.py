#!/usr/bin/env python3
"""Keeps the tree in shape; `make tidy`.

Errors: an include that points up the list of rooms, or a plugin that includes more than spate.h, libraries and its own
folder; formatting that clang-format would change; a header without guard; marks of unfinished work; paths of somebody's
machine; a file that does not open with prose. Report only: function lengths (median, p90, those over 70 lines) and files
over 700 lines. The last line is 'N passed, N failed', one check for each rule and file."""
import os
import re
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Includes point to the right. expr and state are siblings.
ORDER = ["control", "run", "plan", "ops", ("state", "expr"), "config", "data", "base", "api"]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in ([names] if isinstance(names, str) else names)}
LONG = 70

passed = failed = 0


def say(ok, path, line, text):
    """Counts a check; shows it when it fails."""
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"{path}{':%d' % line if line else ''}: {text}")


def files():
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                         capture_output=True, check=True).stdout
    return sorted(f for f in out.decode().split("\0") if f and os.path.isfile(os.path.join(ROOT, f)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def includes(text):
    for number, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            yield number, m.group(1)


def check_room_includes(path, text):
    room = path.split("/")[1]
    wrong = []
    for number, name in includes(text):
        target = os.path.normpath(os.path.join(os.path.dirname(path), name))
        if not target.startswith("daemon/"):  # found by -Idaemon or -Idaemon/api
            target = "daemon/" + (name if "/" in name else "api/" + name)
        other = target.split("/")[1]
        if other == room:
            continue
        if other not in RANK or room not in RANK:
            wrong.append((number, f'include "{name}": no such room'))
        elif RANK[other] <= RANK[room]:
            wrong.append((number, f'include "{name}": {room} may not see {other}'))
    say(not wrong, path, wrong[0][0] if wrong else 0, "; ".join(w[1] for w in wrong))


def check_plugin_includes(path, text):
    own = os.path.dirname(path)
    wrong = []
    for number, name in includes(text):
        if name == "spate.h":
            continue
        target = os.path.normpath(os.path.join(own, name))
        if target.startswith(own + "/") or os.path.dirname(target) == own:
            continue
        wrong.append((number, f'include "{name}": a plugin sees spate.h and its own folder only'))
    say(not wrong, path, wrong[0][0] if wrong else 0, "; ".join(w[1] for w in wrong))


def check_opening(path, text):
    """A C file opens with a comment that says why it exists (style, habit 1)."""
    m = re.match(r"\s*(/\*.*?\*/|(?://[^\n]*\n)+)", text, re.S)
    opening = m.group(1).split() if m else []
    say(len(opening) >= 6 or "see" in opening, path, 1, "does not open by saying why it exists")


def check_format(paths):
    clang = subprocess.run(["sh", "-c", "command -v clang-format"], capture_output=True, text=True).stdout.strip()
    if not clang:
        print("clang-format is not there: formatting was not checked")
        return
    p = subprocess.run([clang, "--dry-run", "-Werror", *paths], cwd=ROOT, capture_output=True, text=True)
    wrong = {}
    for path, line in re.findall(r"(?m)^([^\s:]+):(\d+):\d+: error", p.stderr):
        wrong.setdefault(path, int(line))
    for path in paths:
        say(path not in wrong, path, wrong.get(path, 0), "formatting (clang-format -i)")


WORDS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b(?!')")
PLACES = re.compile(r"(?<![\w/])/(?:work|home/\w+|root|Users/\w+)/")


def check_marks(path, text):
    wrong = []
    for number, line in enumerate(text.split("\n"), 1):
        m = WORDS.search(line)
        if m and "SSS XX" + "X" not in line and "XX" + "X'" not in line:  # a pattern of date_format holds that letter
            wrong.append((number, f"'{m.group(1)}' in what is said to be done"))
        m = PLACES.search(line)
        if m:
            wrong.append((number, f"a path of somebody's machine: {m.group(0)}"))
    say(not wrong, path, wrong[0][0] if wrong else 0, "; ".join(w[1] for w in wrong[:3]))


def functions(text):
    """(name, first line, lines) of each function, by the formatter's layout: it opens in column 0 and ends with '}'."""
    lines = text.split("\n")
    start = None
    for i, line in enumerate(lines):
        if start is None:
            m = re.match(r"^(?!typedef|struct \w+ \{|enum|union|static const|const|extern)[A-Za-z_][\w\s\*,]*?\b(\w+)\(",
                         line)
            if m and not line.rstrip().endswith(";"):
                start, name = i, m.group(1)
                if re.search(r"\{.*\}\s*$", line):
                    yield name, i + 1, 1
                    start = None
        elif line.startswith("}"):
            yield name, start + 1, i - start + 1
            start = None
        elif start is not None and line.rstrip().endswith(";") and not any(
                "{" in x for x in lines[start:i + 1]):
            start = None  # a declaration over several lines


def report_lengths(code):
    lengths, long = [], []
    for path, text in code:
        for name, line, count in functions(text):
            lengths.append(count)
            if count > LONG:
                long.append((count, path, line, name))
        rows = text.count("\n")
        if rows > 700:
            print(f"report: {path} has {rows} lines")
    if not lengths:
        return
    lengths.sort()
    print(f"report: {len(lengths)} functions, median {statistics.median(lengths):.0f} lines, "
          f"p90 {lengths[int(len(lengths) * 0.9)]}, over {LONG}: {len(long)} ({100 * len(long) / len(lengths):.1f} %)")
    for count, path, line, name in sorted(long, reverse=True)[:20]:
        print(f"report:   {count:4} {path}:{line} {name}")


def main():
    paths = files()
    c_files = [p for p in paths if p.endswith((".c", ".h", ".cc"))]
    code = [(p, read(p)) for p in c_files]
    for path, text in code:
        if path.startswith("daemon/"):
            check_room_includes(path, text)
        elif path.startswith("plugins/"):
            check_plugin_includes(path, text)
        if path.startswith(("daemon/", "plugins/")):
            check_opening(path, text)
        if path.endswith(".h"):
            say(re.search(r"#ifndef \w+_H\b|#pragma once", text) is not None, path, 1, "no include guard")
    check_format(c_files)
    for path in paths:
        if path.endswith((".gz", ".zst", ".bin", ".png")) or path.startswith("tests/fuzz/corpus"):
            continue
        check_marks(path, read(path))
    report_lengths([(p, t) for p, t in code if p.startswith(("daemon/", "plugins/"))])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
