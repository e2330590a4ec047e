#!/usr/bin/env python3
"""Runs scenario folders through `spate`; README.md says what a folder holds.

Each run has a directory of its own: a copy of the folder, with the mode written into the pipeline. Prints what differs,
how many scenarios opted out of some combination, and 'N passed, N failed' (runs, not folders)."""
import argparse
import collections
import concurrent.futures
import decimal
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODES, WORKERS, ROWS = ("record", "micro_batch"), (1, 2), (1, 7, 1024)
# The combinations that see most, for runs under sanitizers.
QUICK = (("record", 1, 7), ("micro_batch", 2, 7), ("record", 2, 1024))
NARROW = ("modes", "workers", "rows")
KEYS = NARROW + ("max_records", "ordered", "last", "approx", "args", "exit", "until", "send", "receive", "stdin", "runs", "first")
EXPECTED = re.compile(r"^(out.*|expect-.*|stdout|dead\.jsonl)$")
EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "conf", "pipelines.d")
TIMEOUT = float(os.environ.get("SCENARIO_TIMEOUT", "60"))


HANGS = []  # runs that did not end; after too many the rest is not tried: each costs TIMEOUT
MOST_HANGS = 10


class Wrong(Exception):
    """What differs, for the person who reads it."""


# ---- reading a folder ----

class Scenario:
    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)
        self.files = sorted(os.listdir(path))
        self.opts = self.read_opts()
        self.expected = {f.removeprefix("expect-"): self.text(f) for f in self.files if EXPECTED.match(f)}

    def has(self, name):
        return name in self.files

    def text(self, name):
        with open(os.path.join(self.path, name), encoding="utf-8", errors="surrogateescape") as f:
            return f.read()

    def lines(self, name):
        return [line for line in self.text(name).split("\n") if line.strip()]

    def read_opts(self):
        opts = {}
        if not self.has("opts.txt"):
            return opts
        for line in self.lines("opts.txt"):
            if line.lstrip().startswith("#"):
                continue
            rule, _, reason = line.partition(" #")
            key, _, value = rule.partition(":")
            key, value = key.strip(), value.strip()
            if key not in KEYS:
                raise Wrong(f"opts.txt: no such key '{key}'")
            if key in NARROW and not reason.strip():
                raise Wrong(f"opts.txt: '{key}' narrows the runs and gives no reason")
            opts[key] = value
        return opts

    def words(self, key):
        return self.opts.get(key, "").split()

    def combinations(self, quick):
        def those(key, all_of):
            given = self.words(key)
            return [v for v in all_of if not given or str(v) in given]
        wanted = list(itertools.product(those("modes", MODES), those("workers", WORKERS), those("rows", ROWS)))
        if not quick:
            return wanted
        return [c for c in wanted if c in QUICK] or wanted[:1]

    def narrowed(self):
        return any(k in self.opts for k in NARROW)


def with_mode(text, mode, max_records):
    """The pipeline in this mode: every document's own mode, trigger and checkpoint give way where they do not fit."""
    documents = []
    for document in re.split(r"(?m)^---[^\n]*\n", text):
        if not re.search(r"(?m)^pipeline:", document):
            documents.append(document)
            continue
        had_trigger = re.search(r"(?m)^trigger:", document) is not None
        document = re.sub(r"(?m)^mode:.*\n", "", document)
        unfit = "trigger" if mode == "record" else "checkpoint"
        document = re.sub(rf"(?m)^{unfit}:.*\n", "", document)
        extra = f"mode: {mode}\n"
        if mode == "micro_batch" and not had_trigger:
            limit = f", max_records: {max_records}" if max_records != "0" else ""
            extra += f"trigger: {{every: 10ms{limit}}}\n"
        documents.append(re.sub(r"(?m)^(pipeline:.*\n)", lambda m: m.group(1) + extra, document, count=1))
    return "---\n".join(documents)


# ---- comparing ----

def value_of(text):
    return json.loads(text, parse_float=decimal.Decimal, object_pairs_hook=tuple)


def rounded(value):
    if isinstance(value, (decimal.Decimal, int)) and not isinstance(value, bool):
        return decimal.Context(prec=11).create_decimal(value).normalize()
    if isinstance(value, (tuple, list)):
        return tuple(rounded(v) for v in value)
    return value


def frozen(value):
    return tuple(frozen(v) for v in value) if isinstance(value, (tuple, list)) else value


def rows_of(name, text, scenario):
    lines = [line for line in text.split("\n") if line != ""]
    if not name.endswith(".jsonl"):
        return lines
    rows = []
    for line in lines:
        try:
            rows.append(frozen(value_of(line)))
        except ValueError:
            raise Wrong(f"{name}: not JSON: {line[:200]}")
    if name in scenario.words("approx"):
        rows = [rounded(r) for r in rows]
    last = scenario.words("last")
    if last and last[0] == name:
        rows = list({tuple(dict(r).get(c) for c in last[1:]): r for r in rows}.values())
    return rows


def show(row):
    if isinstance(row, str):
        return row
    return "{" + ", ".join(f"{k}: {v}" for k, v in row) + "}" if all(
        isinstance(p, tuple) and len(p) == 2 for p in row) else repr(row)


def compare(name, expected, actual, scenario):
    want, got = rows_of(name, expected, scenario), rows_of(name, actual, scenario)
    if name in scenario.words("ordered"):
        for i, (w, g) in enumerate(itertools.zip_longest(want, got)):
            if w != g:
                raise Wrong(f"{name}: row {i + 1}\n  expected {show(w) if w else 'nothing'}\n  got      {show(g) if g else 'nothing'}")
        return
    missing, extra = collections.Counter(want) - collections.Counter(got), collections.Counter(got) - collections.Counter(want)
    if missing or extra:
        text = [f"{name}: {len(want)} rows expected, {len(got)} came"]
        text += [f"  - {show(r)}" for r in list(missing.elements())[:8]]
        text += [f"  + {show(r)}" for r in list(extra.elements())[:8]]
        raise Wrong("\n".join(text))


def pattern(text):
    """A text in which '…' stands for anything."""
    return re.compile(".*?".join(re.escape(part.strip()) for part in text.split("…")), re.S)


def holds(letter, expected):
    for key, value in expected.items():
        got = letter.get(key)
        if isinstance(value, dict) and isinstance(got, dict):
            if not holds(got, value):
                return False
        elif isinstance(value, str) and "…" in value:
            if not isinstance(got, str) or not pattern(value).fullmatch(got):
                return False
        elif got != value:
            return False
    return True


def compare_dead(expected, actual):
    letters = [json.loads(line) for line in actual.split("\n") if line]
    wanted = [json.loads(line) for line in expected.split("\n") if line.strip()]
    left = list(letters)
    for want in wanted:
        match = next((x for x in left if holds(x, want)), None)
        if match is None:
            raise Wrong(f"dead.jsonl: no letter like {json.dumps(want, ensure_ascii=False)}; there are\n  "
                        + "\n  ".join(json.dumps(x, ensure_ascii=False)[:300] for x in left[:8]))
        left.remove(match)
    if left:
        raise Wrong("dead.jsonl: more letters than expected:\n  "
                    + "\n  ".join(json.dumps(x, ensure_ascii=False)[:300] for x in left[:8]))


def expect_lines(wanted, text, what):
    """Each wanted line is found in the output, in order."""
    lines, at = text.split("\n"), 0
    for want in wanted:
        find = pattern(want)
        while at < len(lines) and not find.search(lines[at]):
            at += 1
        if at == len(lines):
            raise Wrong(f"{what}: expected the line\n  {want}\nin\n  " + "\n  ".join(text.rstrip().split("\n")[:30]))
        at += 1


def expect_counters(wanted, text):
    for want in wanted:
        pairs = dict(p.split("=", 1) for p in want.split())
        name = pairs.pop("pipeline", None)
        finals = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in text.split("\n") if re.search(r"\bin=\d", line)]
        finals = [f for f in finals if name is None or f.get("pipeline") == name]
        if not finals:
            raise Wrong(f"no line with counters{' of ' + name if name else ''} in\n  " + text[-500:])
        wrong = {k: finals[-1].get(k) for k, v in pairs.items() if finals[-1].get(k) != v}
        if wrong:
            raise Wrong(f"counters: expected {want}, got " + " ".join(f"{k}={v}" for k, v in wrong.items()))


# ---- running ----

class Peers:
    """What stands on the other end of TCP: clients that send files, a listener that receives."""

    def __init__(self, scenario, work, env):
        self.scenario, self.work, self.threads, self.received = scenario, work, [], b""
        self.listener, self.over = None, threading.Event()
        if scenario.words("send"):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                self.port = s.getsockname()[1]
            env["PORT"] = str(self.port)
        if scenario.words("receive"):
            self.listener = socket.create_server(("127.0.0.1", 0))
            env["PEER_PORT"] = str(self.listener.getsockname()[1])

    def start(self):
        if self.scenario.words("send"):
            self.threads.append(threading.Thread(target=self.send, daemon=True))
        if self.listener:
            self.threads.append(threading.Thread(target=self.receive, daemon=True))
        for thread in self.threads:
            thread.start()

    def send(self):
        for name in self.scenario.words("send"):
            with open(os.path.join(self.work, name), "rb") as f:
                data = f.read()
            while not self.over.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                        s.sendall(data)
                        s.shutdown(socket.SHUT_WR)
                        s.recv(1)  # until the other side has read all and closed
                    break
                except OSError:
                    time.sleep(0.01)

    def receive(self):
        """Takes whoever connects, and all that it sends: also when spate has ended in between."""
        self.listener.settimeout(0.2)
        while True:
            last = self.over.is_set()
            try:
                peer, _ = self.listener.accept()
            except OSError:
                if last:
                    return
                continue
            peer.settimeout(10)
            try:
                while data := peer.recv(65536):
                    self.received += data
                    with open(os.path.join(self.work, "OUT", self.scenario.opts["receive"]), "wb") as f:
                        f.write(self.received)
            except OSError:
                pass
            peer.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(10)
        if self.listener:
            self.listener.close()


def lines_in(path):
    try:
        with open(path, "rb") as f:
            return f.read().count(b"\n")
    except OSError:
        return 0


def call(command, work, env, scenario, expected_exit, until=None):
    """Runs spate; returns stdout and stderr. Stops it by SIGINT when the file `until` is as long as expected."""
    if len(HANGS) >= MOST_HANGS:
        raise Wrong(f"not run: {MOST_HANGS} others did not end")
    peers = Peers(scenario, work, env)
    stdin = open(os.path.join(work, scenario.opts["stdin"]), "rb") if "stdin" in scenario.opts else subprocess.DEVNULL
    with open(os.path.join(work, "STDOUT"), "wb") as out, open(os.path.join(work, "STDERR"), "wb") as err:
        process = subprocess.Popen(command, cwd=work, env=env, stdin=stdin, stdout=out, stderr=err)
        peers.start()
        try:
            deadline = time.monotonic() + TIMEOUT
            want = scenario.expected[until].count("\n") if until else 0
            while until and process.poll() is None and time.monotonic() < deadline:
                if lines_in(os.path.join(work, "STDOUT" if until == "stdout" else f"OUT/{until}")) >= want:
                    process.send_signal(signal.SIGINT)
                    break
                time.sleep(0.02)
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            HANGS.append(scenario.name)
            raise Wrong(f"did not end in {TIMEOUT:.0f} s: {' '.join(command[1:])}\n  " + read(work, "STDERR")[-1500:])
        finally:
            peers.stop()
    text_out, text_err = read(work, "STDOUT"), read(work, "STDERR")
    if process.returncode != expected_exit:
        raise Wrong(f"exit {process.returncode}, expected {expected_exit}: {' '.join(command[1:])}\n  "
                    + (text_err + text_out)[-2500:])
    return text_out, text_err


def read(work, name):
    try:
        with open(os.path.join(work, name), encoding="utf-8", errors="surrogateescape") as f:
            return f.read()
    except OSError:
        return ""


def prepare(scenario, base):
    work = tempfile.mkdtemp(prefix=scenario.name + ".", dir=base)
    for name in scenario.files:
        if not EXPECTED.match(name) and name != "opts.txt":
            source = os.path.join(scenario.path, name)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(work, name))
    os.mkdir(os.path.join(work, "OUT"))
    for name in scenario.files:
        if name.startswith("before-"):
            shutil.copy(os.path.join(scenario.path, name), os.path.join(work, "OUT", name[len("before-"):]))
    env = dict(os.environ, OUT=os.path.join(work, "OUT"), CREDENTIALS_DIRECTORY=work, NO_COLOR="1", TZ="UTC", LC_ALL="C.UTF-8",
               SPATE_EXAMPLES=EXAMPLES, SPATE_OUT=os.path.join(work, "OUT"), PORT="5140", PEER_PORT="5141")
    return work, env


def outputs(work):
    """Everything that came out, under the names of the expected files."""
    found = {}
    for name in os.listdir(os.path.join(work, "OUT")):
        found[name] = read(work, f"OUT/{name}")
    dead = [n for n in sorted(os.listdir(work)) if n.endswith(".dead.jsonl")]
    if dead:
        found["dead.jsonl"] = "".join(read(work, n) for n in dead)
    return found


def run_combination(spate, scenario, combination, base):
    mode, workers, rows = combination
    work, env = prepare(scenario, base)
    path = os.path.join(work, "pipeline.yaml")
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
        f.write(with_mode(text, mode, scenario.opts.get("max_records", "5")))
    failing = scenario.has("run-error")
    command = [spate, "run", "pipeline.yaml", "--workers", str(workers), "--batch-rows", str(rows)] + scenario.words("args")
    runs = int(scenario.opts.get("runs", "1"))
    if runs > 1:
        command += ["--state-dir", "STATE"]
    for number in range(1, runs + 1):
        if number > 1:
            for name in scenario.files:
                m = re.match(rf"in{number}(.*)$", name)
                if m:
                    shutil.copy(os.path.join(scenario.path, name), os.path.join(work, "in" + m.group(1)))
        last = number == runs
        out, err = call(command if last else command + ["--for", scenario.opts.get("first", "1s")], work, env, scenario,
                        int(scenario.opts.get("exit", "1" if failing else "0")) if last else 0,
                        scenario.opts.get("until") if last else None)
    if failing:
        expect_lines(scenario.lines("run-error"), err, "run")
    found = outputs(work)
    if "stdout" in scenario.expected:
        found["stdout"] = out
    for name in sorted(set(scenario.expected) | set(found)):
        if name not in scenario.expected:
            if found[name]:
                raise Wrong(f"{name}: came out, and nothing says what it should hold:\n  {found[name][:600]}")
        elif name not in found and scenario.expected[name].strip():
            raise Wrong(f"{name}: was not written\n  {err[-800:]}")
        elif name == "dead.jsonl":
            compare_dead(scenario.expected[name], found.get(name, ""))
        else:
            compare(name, scenario.expected[name], found.get(name, ""), scenario)
    if scenario.has("counters"):
        expect_counters(scenario.lines("counters"), err + "\n" + out)
    shutil.rmtree(work)


def run_text(spate, scenario, command, wanted, expected_exit, base):
    """check, explain, run of a mistake, test: what they print."""
    work, env = prepare(scenario, base)
    out, err = call([spate] + command, work, env, scenario, expected_exit)
    expect_lines(wanted, err + "\n" + out, command[0])
    shutil.rmtree(work)


def cases(spate, scenario, quick, base):
    """(label, function) of every run of a scenario."""
    if scenario.has("tests.yaml"):
        wanted, code = (scenario.lines("error"), 1) if scenario.has("error") else ([], 0)
        yield "test", lambda: run_text(spate, scenario, ["test", "tests.yaml"], wanted, code, base)
        return
    if scenario.has("error"):
        for command in ("check", "run"):
            yield command, lambda command=command: run_text(
                spate, scenario, [command, "pipeline.yaml"] + (scenario.words("args") if command == "run" else []),
                scenario.lines("error"), int(scenario.opts.get("exit", "1")), base)
        return
    wanted = scenario.lines("warning") if scenario.has("warning") else []
    yield "check", lambda: run_text(spate, scenario, ["check", "pipeline.yaml"], wanted, 0, base)
    if scenario.has("explain"):
        yield "explain", lambda: run_text(spate, scenario, ["explain", "pipeline.yaml"], scenario.lines("explain"), 0, base)
    if not scenario.expected and not scenario.has("counters") and not scenario.has("run-error"):
        if not scenario.has("explain") and not scenario.has("warning"):
            raise Wrong("the folder expects nothing")
        return
    for c in scenario.combinations(quick):
        yield f"{c[0]}, {c[1]} worker{'s' if c[1] > 1 else ''}, batches of {c[2]}", \
            lambda c=c: run_combination(spate, scenario, c, base)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--spate", default="build/release/spate")
    p.add_argument("--only", default="", help="run folders whose name holds this text")
    p.add_argument("-j", type=int, default=int(os.environ.get("JOBS", "2")))
    p.add_argument("-k", "--keep", action="store_true", help="keep the folders of failed runs")
    p.add_argument("-v", "--verbose", action="store_true", help="a line for each failed run, not each folder")
    p.add_argument("--quick", action="store_true", default=os.environ.get("SCENARIOS") == "quick")
    args = p.parse_args()
    spate = os.path.abspath(args.spate)
    base = tempfile.mkdtemp(prefix="spate-scenarios.")
    passed = failed = out_of = folders = 0
    jobs = []
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for name in sorted(os.listdir(HERE)):
            path = os.path.join(HERE, name)
            if not os.path.isdir(path) or args.only not in name or name.startswith(("_", ".")):
                continue
            folders += 1
            try:
                scenario = Scenario(path)
                out_of += scenario.narrowed()
                jobs.append((name, [(label, pool.submit(function)) for label, function in
                                    cases(spate, scenario, args.quick, base)]))
            except (Wrong, OSError) as e:
                failed += 1
                print(f"== {name}: {e}", flush=True)
        for name, runs in jobs:
            problems = collections.OrderedDict()
            for label, future in runs:
                try:
                    future.result()
                    passed += 1
                except Exception as e:  # of any kind: it must not hide the other scenarios
                    failed += 1
                    text = str(e) if isinstance(e, Wrong) else f"{type(e).__name__}: {e}"
                    problems.setdefault(text if not args.verbose else (label, text), []).append(label)
            for text, labels in list(problems.items())[:3 if not args.verbose else None]:
                print(f"== {name} ({labels[0]}{f', and {len(labels) - 1} more' if len(labels) > 1 else ''})\n"
                      f"{text if isinstance(text, str) else text[1]}", flush=True)
    if args.keep and failed:
        print(f"kept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    print(f"{folders} scenarios, {out_of} opted out of some combination")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
