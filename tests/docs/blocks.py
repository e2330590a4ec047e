#!/usr/bin/env python3
"""Every example of the documentation, through the reader that is its own.

YAML blocks of man/*.in and of README.md: a pipeline goes through `spate check`, a test file through `spate test`, the
daemon's file through `spated`; a fragment is put inside the smallest whole that fits. A block that needs something not
built yet is preceded by `expect:` and the error that says so, and must give exactly that. Commands of the README run in
their order in one empty directory and must print what stands under them. Pages must come out of man without a warning.

What may stand before a block, as a comment of the page (.\\" …) or of the README (<!-- … -->):
  file: NAME      the block is written there, and later blocks and commands find it
  expect: TEXT    `check` must end with 1 and with these errors, one a line, and no others
  order: any      lines of output may come in any order
  not run: WHY    a command that a test cannot run; they are counted
Files and functions that daemon/README.md names must exist. In expected output `…` stands for anything within a line, and alone on a line for any lines.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What fragments stand in: every column that one of them names.
SOURCE = """sources:
  events:
    kafka: {brokers: "localhost:9092", topics: [events], group: fragment}
    decode: json
    schema:
      ad_id: string
      campaign_id: string
      event_type: string
      user_id: string
      user_agent: string
      url: string
      price: decimal(10,2)
      latency: double
      event_time: timestamp(ms)
    time: event_time
"""
DAEMON_KEYS = {"pipelines", "state_dir", "plugins", "workers", "log", "http", "control"}


class Block:
    def __init__(self, path, line, kind, text, notes):
        self.path, self.line, self.kind, self.text, self.notes = path, line, kind, text, notes

    def place(self):
        return f"{os.path.relpath(self.path, ROOT)}:{self.line}"

    def note(self, key):
        return [value for k, value in self.notes if k == key]


def note_of(line):
    m = re.match(r'\s*(?:\.\\"|<!--)\s*(file|expect|order|not run):\s*(.*?)\s*(?:-->)?\s*$', line)
    return (m.group(1), m.group(2)) if m else None


def read_blocks(path, opens, closes):
    """opens: a line to the kind of the block that begins, or None; closes: the line that ends it."""
    blocks, notes, inside = [], [], None
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if inside is not None:
                if closes(line):
                    blocks.append(Block(path, inside[0], inside[1], "\n".join(inside[2]) + "\n", notes))
                    inside, notes = None, []
                else:
                    inside[2].append(line)
                continue
            note = note_of(line)
            if note:
                notes.append(note)
            elif opens(line) is not None:
                inside = (number + 1, opens(line), [])
            elif line.strip() and not line.startswith((".\\\"", "<!--")):
                notes = []
    if inside is not None:
        sys.exit(f"{path}:{inside[0]}: the block does not end")
    return blocks


def read_page(path):
    if not path.endswith(".yaml.5.in"):  # the other pages' examples are not YAML
        return []
    return read_blocks(path, lambda l: "yaml" if l.startswith(".EX") else None, lambda l: l.startswith(".EE"))


def read_readme(path):
    def fence(line):
        m = re.match(r"```(\w*)$", line)
        return m.group(1) if m else None

    return read_blocks(path, fence, lambda l: l.startswith("```"))


def top_keys(text):
    return re.findall(r"^([a-z_]+):(?:\s|$)", text, re.M)


def under(text, key):
    """The names directly below a top-level key."""
    m = re.search(rf"^{key}:\n((?:(?:  .*)?\n)*)", text, re.M)
    return re.findall(r"^  ([\w-]+):", m.group(1), re.M) if m else []


def whole_of(text):
    """The smallest pipeline that holds the fragment."""
    if text.lstrip().startswith("- "):
        text = "steps:\n" + "".join(f"  {line}\n" if line else "\n" for line in text.rstrip("\n").split("\n"))
    keys = top_keys(text)
    whole = ("" if "pipeline" in keys else "pipeline: fragment\n") + text
    if "sources" not in keys:
        whole += SOURCE
    if "sinks" in keys:
        return whole
    whole += "sinks:\n"
    if "sources" in keys:
        return whole + "".join(f"  to_{name}: {{discard: {{}}, from: {name}}}\n" for name in under(text, "sources"))
    whole += "  out: {discard: {}}\n"
    for late in re.findall(r"^\s+late: (\w+)", text, re.M):
        whole += f"  to_{late}: {{discard: {{}}, from: {late}}}\n"
    return whole


class Runner:
    def __init__(self, args):
        self.passed = self.failed = self.not_run = 0
        self.spate, self.spated = os.path.abspath(args.spate), os.path.abspath(args.spated)
        self.env = dict(os.environ, NO_COLOR="1", LC_ALL="C.UTF-8")
        self.env["PATH"] = os.path.dirname(self.spate) + ":" + self.env["PATH"]

    def judge(self, what, problem):
        if problem is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"{what}: {problem}")

    def run(self, command, cwd, timeout=60):
        p = subprocess.run(command, cwd=cwd, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL, timeout=timeout, shell=isinstance(command, str),
                           executable="/bin/bash" if isinstance(command, str) else None)
        return p.returncode, p.stdout.decode("utf-8", "replace")

    # ---- YAML ----
    def check(self, block, text, cwd):
        name = os.path.join(cwd, "block.yaml")
        with open(name, "w", encoding="utf-8") as f:
            f.write(text)
        code, output = self.run([self.spate, "check", name], cwd)
        errors = re.findall(r"^\S+?:\d+:\d+: error: (.*)$", output, re.M)
        expected = block.note("expect")
        if sorted(errors) == sorted(expected) and code == (1 if expected else 0):
            return None
        return f"exit {code}; expected {expected or 'no error'}\n{output}"

    def test(self, block, cwd):
        name = os.path.join(cwd, "block-tests.yaml")
        with open(name, "w", encoding="utf-8") as f:
            f.write(block.text)
        code, output = self.run([self.spate, "test", name], cwd)
        count = len(re.findall(r"^  - name:", block.text, re.M))
        if code == 0 and f"{count} passed, 0 failed" in output:
            return None
        return f"exit {code}\n{output}"

    def daemon(self, block, cwd):
        """Reads its configuration, says that it is ready, and stops; its directories are below cwd."""
        text = re.sub(r"(?<=[\s\"'])/(etc|var|run|usr)/", lambda m: f"{cwd}/{m.group(1)}/", block.text)
        name = os.path.join(cwd, "block-spate.yaml")
        with open(name, "w", encoding="utf-8") as f:
            f.write(text)
        for below in ("etc/spate/pipelines.d", "var/lib"):
            os.makedirs(os.path.join(cwd, below), exist_ok=True)
        log = os.path.join(cwd, "spated.log")
        with open(log, "wb") as out:
            p = subprocess.Popen([self.spated, "-c", name], cwd=cwd, env=self.env, stdout=out, stderr=out)
            until = time.monotonic() + 20
            while p.poll() is None and time.monotonic() < until and b" ready: " not in open(log, "rb").read():
                time.sleep(0.02)
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
            try:
                code = p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                code = "none: it did not stop"
        said = open(log, encoding="utf-8").read()
        wanted = [" ready: "] + [f"{key}: is read, and does nothing yet" for key in ("http", "control", "plugins")
                                 if key in top_keys(block.text)]
        missing = [w for w in wanted if w not in said]
        return None if code == 0 and not missing else f"exit {code}, missing {missing}\n{said}"

    def yaml(self, block, cwd):
        keys = set(top_keys(block.text))
        if "tests" in keys:
            problem = self.test(block, cwd)
        elif keys and keys <= DAEMON_KEYS:
            problem = self.daemon(block, cwd)
        else:
            problem = self.check(block, whole_of(block.text), cwd)
        self.judge(block.place(), problem)

    # ---- commands ----
    def console(self, block, cwd):
        if block.note("not run"):
            self.not_run += 1
            return
        parts = []
        for line in block.text.rstrip("\n").split("\n"):
            if line.startswith("$ "):
                parts.append(([line[2:]], []))
            elif parts and not parts[-1][1] and parts[-1][0][-1].endswith("\\"):
                parts[-1][0].append(line)
            elif parts:
                parts[-1][1].append(line)
        for command, expected in parts:
            try:
                _, output = self.run("\n".join(command), cwd, 120)
                problem = output_differs(output, expected, "any" in block.note("order"))
            except subprocess.TimeoutExpired:
                problem = "did not end"
            self.judge(f"{block.place()}: {command[0]}", problem)

    def readme(self, path):
        cwd = tempfile.mkdtemp(prefix="spate-docs-")
        try:
            for block in read_readme(path):
                for name in block.note("file"):
                    with open(os.path.join(cwd, name), "w", encoding="utf-8") as f:
                        f.write(block.text)
                if block.kind == "yaml":
                    self.yaml(block, cwd)
                elif block.kind == "console":
                    self.console(block, cwd)
        finally:
            shutil.rmtree(cwd)

    # ---- pages ----
    def page(self, path, built):
        cwd = tempfile.mkdtemp(prefix="spate-docs-")
        try:
            blocks = read_page(path)
            for block in blocks:
                for name in block.note("file"):  # a test runs the pipeline as it stands, not built or not
                    with open(os.path.join(cwd, name), "w", encoding="utf-8") as f:
                        f.write(block.text)
            for block in blocks:
                self.yaml(block, cwd)
        finally:
            shutil.rmtree(cwd)
        page = os.path.join(built, os.path.basename(path)[:-len(".in")])
        problem = None
        with open(page, encoding="utf-8") as f:
            left = re.findall(r"@\w+[^@\n]*@", f.read())
        if left:
            problem = f"not filled in: {left}"
        elif shutil.which("groff"):
            code, output = self.run(f"groff -K utf8 -t -man -Tutf8 -rLL=110n -ww '{page}' 2>&1 >/dev/null", ROOT)
            problem = output.strip() or None
        self.judge(f"man {os.path.basename(page)}", problem)

    # ---- names ----
    def names(self, path):
        """Files, folders and functions that the page names in backquotes are there."""
        tree = self.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], ROOT)[1].split("\n")
        known = set(tree) | {f[:i] for f in tree for i, c in enumerate(f) if c == "/"}
        short = {os.path.basename(f) for f in tree}
        code = "".join(open(os.path.join(ROOT, f), encoding="utf-8", errors="replace").read() for f in tree
                       if f.startswith(("daemon/", "plugins/")) and f.endswith((".c", ".h", ".cc"))
                       and os.path.isfile(os.path.join(ROOT, f)))
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                for name in re.findall(r"`([^`]+)`", line):
                    if re.fullmatch(r"\w+\(\)", name):
                        there = re.search(rf"\b{name[:-2]}\(", code)
                    elif re.fullmatch(r"(\.\./)?[\w.-]+(/[\w.-]+)*(\.(c|h|cc|py|sh|md|supp|cases)|/)", name):
                        bare = name.rstrip("/").removeprefix("../")
                        there = bare in known or f"daemon/{bare}" in known or ("/" not in bare and bare in short) \
                            or any(f.endswith("/" + bare) for f in tree) or bare.startswith("build/")
                    else:
                        continue
                    self.judge(f"{os.path.relpath(path, ROOT)}:{number}", None if there else f"there is no {name}")


def line_fits(expected, line):
    return re.fullmatch(".*".join(re.escape(p) for p in expected.split("…")), line.rstrip()) is not None


def output_differs(output, expected, any_order):
    lines = [l.rstrip() for l in output.rstrip("\n").split("\n")] if output.strip() else []
    rest = list(lines)
    at = 0
    loose = False
    for want in expected:
        if want.strip() == "…":
            loose = True
            continue
        found = next((i for i in range(0 if any_order else at, len(rest))
                      if rest[i] is not None and line_fits(want, rest[i])), None)
        if found is None or (not any_order and not loose and found != at):
            return f"this line did not come in its place: {want}\n" + output
        rest[found] = None
        at, loose = found + 1, False if not any_order else loose
    left = [l for l in rest[0 if any_order else at:] if l is not None]
    if left and not loose:
        return f"this line came, and does not stand there: {left[0]}\n" + output
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spate", required=True)
    parser.add_argument("--spated", required=True)
    parser.add_argument("--pages", required=True, help="the directory of the pages that man/build.sh made")
    args = parser.parse_args()
    runner = Runner(args)
    for page in sorted(os.listdir(os.path.join(ROOT, "man"))):
        if page.endswith(".in"):
            runner.page(os.path.join(ROOT, "man", page), args.pages)
    readme = os.path.join(ROOT, "README.md")
    if os.path.exists(readme):
        runner.readme(readme)
    runner.names(os.path.join(ROOT, "daemon", "README.md"))
    print(f"commands of the README that are not run here: {runner.not_run}")
    print(f"{runner.passed} passed, {runner.failed} failed")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
