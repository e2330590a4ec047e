#!/usr/bin/env python3
"""The daemon as systemd sees it: signals, sd_notify, reloads, a kill -9, the lock of its state.

Each case starts spated in a directory of its own, with a stand-in for systemd's socket. Nothing sleeps: a case waits for
a line of the log, a message or a row of a file, and fails when it has not come within the deadline. Prints what is wrong
and 'N passed, N failed'."""
import argparse
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
import traceback

DEADLINE = float(os.environ.get("DAEMON_TIMEOUT", "30"))
SPATED = None
CASES = []


class Wrong(Exception):
    """What differs, for the person who reads it."""


def case(f):
    CASES.append(f)
    return f


class Lines:
    """Lines that a thread collects, and that can be waited for."""

    def __init__(self):
        self.items, self.change = [], threading.Condition()

    def add(self, item):
        with self.change:
            self.items.append(item)
            self.change.notify_all()

    def wait(self, pattern, start=0):
        """The index behind the first line from `start` on that the pattern is found in."""
        found = re.compile(pattern)
        at = start
        with self.change:
            while True:
                while at < len(self.items):
                    at += 1
                    if found.search(self.items[at - 1]):
                        return at
                if not self.change.wait(DEADLINE):
                    raise Wrong(f"'{pattern}' did not come; there is\n  " + "\n  ".join(self.items[start:][-30:]))

    def count(self, pattern, start=0):
        return sum(re.search(pattern, line) is not None for line in self.items[start:])


class Daemon:
    def __init__(self, work, env=None):
        self.log, self.told = Lines(), Lines()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(work, "notify")
        if os.path.exists(path):
            os.unlink(path)
        self.socket.bind(path)
        self.process = subprocess.Popen([SPATED, "-c", "spate.yaml"], cwd=work, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "NOTIFY_SOCKET": path, **(env or {})})
        threading.Thread(target=self.read_log, daemon=True).start()
        threading.Thread(target=self.read_told, daemon=True).start()

    def read_log(self):
        for line in self.process.stderr:
            self.log.add(line.rstrip("\n"))
        self.log.add("(the log ends)")

    def read_told(self):
        while True:
            try:
                message = self.socket.recv(4096).decode()
            except OSError:
                return
            if not message:
                return
            self.told.add(message)

    def ready(self):
        self.told.wait("READY=1")
        self.log.wait("ready:")
        return self

    def reload(self):
        """The number of log lines before."""
        at, told = len(self.log.items), len(self.told.items)
        self.process.send_signal(signal.SIGHUP)
        self.log.wait("reloaded", at)
        told = self.told.wait(r"RELOADING=1\nMONOTONIC_USEC=[0-9]+", told)
        self.told.wait("READY=1", told)
        return at

    def ended(self):
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Wrong("it does not end; the log:\n  " + "\n  ".join(self.log.items[-30:]))
        self.log.wait(r"\(the log ends\)")
        return code

    def stop(self, expected=0):
        self.process.send_signal(signal.SIGTERM)
        code = self.ended()
        same("exit code", expected, code)
        self.told.wait("STOPPING=1")
        self.close()

    def kill(self):
        self.process.kill()
        self.ended()
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        self.socket.close()


class Work:
    """A directory with spate.yaml, pipelines.d and what pipelines read and write."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="spated-")
        self.daemons = []
        os.mkdir(self.at("pipelines.d"))
        self.write("spate.yaml", "pipelines: pipelines.d/*.yaml\nstate_dir: state\nworkers: 2\n")

    def at(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        with open(self.at(name), "w", encoding="utf-8") as f:
            f.write(text)

    def append(self, name, numbers):
        with open(self.at(name), "a", encoding="utf-8") as f:
            f.write("".join(f'{{"n":{n}}}\n' for n in numbers))

    def pipeline(self, name, text, file=None):
        self.write(f"pipelines.d/{file or name}.yaml", f"pipeline: {name}\ncheckpoint: 100ms\n{text}")

    def remove(self, name):
        os.unlink(self.at(f"pipelines.d/{name}.yaml"))

    def rows(self, name):
        try:
            with open(self.at(name), encoding="utf-8") as f:
                return [json.loads(line) for line in f.read().split("\n")[:-1]]
        except FileNotFoundError:
            return []

    def wait_rows(self, name, done):
        """The rows of a file, when done(rows) says so."""
        return wait(lambda: (lambda rows: rows if done(rows) else None)(self.rows(name)),
                    lambda: f"{name}: the rows did not come, there are {len(self.rows(name))}: {self.rows(name)[-3:]}")

    def wait_last(self, name, n):
        return self.wait_rows(name, lambda rows: rows and rows[-1].get("n") == n)

    def start(self, env=None):
        d = Daemon(self.path, env)
        self.daemons.append(d)
        return d

    def end(self):
        for d in self.daemons:
            d.close()
        shutil.rmtree(self.path)


def wait(look, why):
    """What look() gives when it gives something. A file cannot be waited for: it is looked at, with a pause between."""
    pause = threading.Event()
    for _ in range(int(DEADLINE / 0.02)):
        found = look()
        if found is not None:
            return found
        pause.wait(0.02)
    raise Wrong(why())


def same(what, expected, got):
    if expected != got:
        raise Wrong(f"{what}: expected {str(expected)[:500]}, got {str(got)[:500]}")


def follow(name, more="", steps=""):
    """Lines of NAME.in to NAME.out."""
    return f"""sources:
  in:
    file: {{path: {name}.in, follow: true}}
    decode: json
    schema: {{n: int}}
{more}{steps}sinks:
  out:
    file: {{path: {name}.out, if_exists: append}}
    encode: json
"""


def listen(port, out):
    return f"""sources:
  in:
    tcp: {{listen: "127.0.0.1:{port}"}}
    decode: json
    schema: {{n: int}}
sinks:
  out:
    file: {{path: {out}, if_exists: append}}
    encode: json
"""


GENERATE = """sources:
  in:
    generator: {rate: 2000, fields: {n: i}}
sinks:
  out:
    file: {path: gen.out, if_exists: append}
    encode: json
"""
WINDOW = """    time: t
    watermark: {delay: 0s}
steps:
  - name: seconds
    aggregate: {window: {tumbling: 1s}, compute: {sum: sum(n)}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port):
    """The listener's port is open once its pipeline runs."""
    return socket.create_connection(("127.0.0.1", port), DEADLINE)


def send(client, numbers):
    client.sendall("".join(f'{{"n":{n}}}\n' for n in numbers).encode())


def numbers(rows):
    return [row["n"] for row in rows]


# ---- start and stop ----

@case
def ready_and_stopped(work):
    """Three kinds of sources; READY=1, then STOPPING=1; an epoch is closed and the exit code is 0."""
    port = free_port()
    work.pipeline("files", follow("files"))
    work.pipeline("net", listen(port, "net.out"))
    work.pipeline("gen", GENERATE)
    work.append("files.in", range(100))
    d = work.start().ready()
    d.log.wait("ready: 3 pipelines on 2 workers")
    d.log.wait("pipeline=net runs")
    with connect(port) as client:
        send(client, range(50))
        work.wait_last("files.out", 99)
        work.wait_last("net.out", 49)
    work.wait_rows("gen.out", lambda rows: len(rows) >= 100)
    d.stop()
    same("stopped at an edge", 3, d.log.count("stopped at an epoch's edge"))
    same("last line", True, d.log.items[-2].endswith("info: stopped"))
    rows = numbers(work.rows("gen.out"))
    same("what was generated", list(range(len(rows))), rows)


@case
def goes_on(work):
    """A stop and a start lose nothing and repeat nothing: rows, open windows, generated rows."""
    work.pipeline("files", follow("files"))
    work.pipeline("gen", GENERATE)
    work.pipeline("win", follow("win", WINDOW).replace("{n: int}", "{n: int, t: timestamp(ms)}"))
    said = "runs: in \\(file\\) to out \\(file\\); "
    for turn in range(3):
        work.append("files.in", range(turn * 100, turn * 100 + 100))
        with open(work.at("win.in"), "a", encoding="utf-8") as f:  # each turn ends inside a window
            f.write("".join(f'{{"n":1,"t":{t}}}\n' for t in range(turn * 1500, turn * 1500 + 1500, 10)))
        seen = len(work.rows("gen.out"))
        d = work.start().ready()
        d.log.wait("pipeline=files " + said + ("goes on from epoch [1-9]" if turn > 0 else "begins anew"))
        work.wait_last("files.out", turn * 100 + 99)
        work.wait_rows("gen.out", lambda rows: len(rows) > seen + 100)
        work.wait_rows("win.out", lambda rows: len(rows) == ((turn + 1) * 1500 - 10) // 1000)
        d.stop()
        d.log.wait("pipeline=files stopped at an epoch's edge: in=100 out=100 .* ")
    same("rows", list(range(300)), numbers(work.rows("files.out")))
    rows = numbers(work.rows("gen.out"))
    same("what was generated", list(range(len(rows))), rows)
    same("windows", [100] * 4, [row["sum"] for row in work.rows("win.out")])


@case
def killed(work):
    """After kill -9 everything is there: what is written again begins at an epoch, and nothing is left out."""
    work.pipeline("gen", GENERATE)
    work.pipeline("files", follow("files"))
    for turn in range(3):
        work.append("files.in", range(turn * 100, turn * 100 + 100))
        seen = len(work.rows("gen.out"))
        d = work.start().ready()
        work.wait_rows("gen.out", lambda rows: len(rows) > seen + 300)
        work.wait_rows("files.out", lambda rows: turn * 100 + 99 in numbers(rows))
        d.kill()
        same("exit code", -signal.SIGKILL, d.process.returncode)
    d = work.start().ready()
    work.append("files.in", [300])
    work.wait_last("files.out", 300)
    d.stop()
    same("rows", list(range(301)), sorted(set(numbers(work.rows("files.out")))))
    rows = numbers(work.rows("gen.out"))
    same("what was generated", list(range(max(rows) + 1)), sorted(set(rows)))
    same("goes back at most at each start", True, sum(b != a + 1 for a, b in zip(rows, rows[1:])) <= 3)


@case
def told_twice(work):
    """A second SIGTERM does not wait. (Whether the first has already done the work is a matter of luck: 0 either way.)"""
    work.pipeline("gen", GENERATE)
    d = work.start().ready()
    d.process.send_signal(signal.SIGTERM)
    d.told.wait("STOPPING=1")
    try:
        d.process.send_signal(signal.SIGTERM)
    except ProcessLookupError:
        pass
    same("exit code", 0, d.ended())


@case
def watchdog(work):
    """systemd's watchdog is fed."""
    d = work.start({"WATCHDOG_USEC": "200000"}).ready()
    at = d.told.wait("WATCHDOG=1")
    d.told.wait("WATCHDOG=1", at)
    d.stop()


# ---- reload ----

@case
def reloaded(work):
    """Unchanged, changed, new, removed and wrong in one SIGHUP."""
    port = free_port()
    for name in ("changed", "removed", "wrong"):
        work.pipeline(name, follow(name))
        work.append(f"{name}.in", range(10))
    work.pipeline("same", listen(port, "same.out"))
    d = work.start().ready()
    d.log.wait("pipeline=same runs")
    for name in ("changed", "removed", "wrong"):
        work.wait_last(f"{name}.out", 9)
    with connect(port) as client:
        send(client, range(10))
        work.wait_last("same.out", 9)
        work.pipeline("changed", follow("changed", steps="steps:\n  - set: {twice: n * 2}\n"))
        work.pipeline("wrong", follow("wrong", steps="steps:\n  - filtre: n > 2\n"))
        work.pipeline("new", follow("new"))
        work.append("new.in", range(5))
        work.remove("removed")
        at = d.reload()
        d.log.wait("pipeline=same unchanged: it goes on", at)
        d.log.wait("pipeline=changed changed: it stops at an epoch's edge", at)
        d.log.wait(r"error: pipelines.d/wrong.yaml:9:5: error: ", at)
        d.log.wait("pipeline=wrong its file has an error: it goes on as it was", at)
        d.log.wait("pipeline=removed is gone from the files", at)
        d.log.wait("pipeline=removed removed", at)
        work.wait_last("new.out", 4)
        for name in ("changed", "removed", "wrong"):
            work.append(f"{name}.in", range(10, 20))
        send(client, range(10, 20))  # the same connection
        work.wait_last("same.out", 19)
        work.wait_last("changed.out", 19)
        work.wait_last("wrong.out", 19)
    same("undisturbed", 0, d.log.count("pipeline=same (starts|stopped|failed)", at))
    same("undisturbed", 0, d.log.count("pipeline=wrong (starts|stopped|failed)", at))
    d.stop()
    same("same", list(range(20)), numbers(work.rows("same.out")))
    same("changed", [{"n": n} for n in range(10)] + [{"n": n, "twice": 2 * n} for n in range(10, 20)], work.rows("changed.out"))
    same("wrong", list(range(20)), numbers(work.rows("wrong.out")))
    same("new", list(range(5)), numbers(work.rows("new.out")))
    same("removed", list(range(10)), numbers(work.rows("removed.out")))


@case
def corrected(work):
    """A file that was wrong at the start holds up no other, and starts when it has been corrected; one that was removed
    and comes back goes on where it was."""
    work.pipeline("good", follow("good"))
    work.pipeline("bad", follow("bad", steps="steps:\n  - filter: m > 2\n"))
    work.append("good.in", range(10))
    d = work.start().ready()
    d.log.wait("ready: 1 pipeline ")
    d.log.wait(r"pipelines.d/bad.yaml:9:\d+: error: ")
    work.wait_last("good.out", 9)
    work.pipeline("bad", follow("bad"))
    work.append("bad.in", range(10))
    work.remove("good")
    at = d.reload()
    work.wait_last("bad.out", 9)
    d.log.wait("pipeline=good removed", at)
    work.pipeline("good", follow("good"))
    work.append("good.in", range(10, 20))
    d.reload()
    work.wait_last("good.out", 19)
    d.stop()
    same("good", list(range(20)), numbers(work.rows("good.out")))


@case
def state_that_does_not_fit(work):
    """A changed step with state is refused, and the pipeline goes on as it was."""
    text = follow("win", WINDOW).replace("{n: int}", "{n: int, t: timestamp(ms)}")
    work.pipeline("win", text)
    work.write("win.in", '{"n":1,"t":100}\n{"n":1,"t":1100}\n')
    d = work.start().ready()
    work.wait_rows("win.out", lambda rows: len(rows) == 1)
    work.pipeline("win", text.replace("tumbling: 1s", "tumbling: 5s"))
    at = d.reload()
    d.log.wait("pipeline=win refused, and goes on as it was: the state of step 'seconds'", at)
    with open(work.at("win.in"), "a", encoding="utf-8") as f:
        f.write('{"n":5,"t":1200}\n{"n":1,"t":2100}\n')
    work.wait_rows("win.out", lambda rows: len(rows) == 2)
    d.stop()
    same("windows", [1, 6], [row["sum"] for row in work.rows("win.out")])


@case
def names_twice(work):
    """A second pipeline of the same name does not run, and does not disturb the first."""
    work.pipeline("a", follow("a"), file="1")
    work.append("a.in", range(3))
    d = work.start().ready()
    work.wait_last("a.out", 2)
    work.pipeline("a", follow("b"), file="2")
    at = d.reload()
    d.log.wait("2.yaml: there is a pipeline 'a' already, in pipelines.d/1.yaml", at)
    same("undisturbed", 0, d.log.count("pipeline=a (starts|stopped)", at))
    d.stop()


@case
def own_file(work):
    """spate.yaml itself: an error leaves it as it was; another `pipelines` is taken up; the rest is said to wait."""
    work.pipeline("a", follow("a"))
    os.mkdir(work.at("more"))
    work.write("more/b.yaml", "pipeline: b\n" + follow("b"))
    work.append("a.in", [1])
    work.append("b.in", [2])
    d = work.start().ready()
    work.wait_last("a.out", 1)
    work.write("spate.yaml", "pipelins: x\n")
    at = d.reload()
    d.log.wait("spate.yaml has an error: it stays as it was", at)
    d.log.wait("pipeline=a unchanged", at)
    work.write("spate.yaml", "pipelines: more/*.yaml\nstate_dir: elsewhere\n")
    at = d.reload()
    d.log.wait("state_dir, workers and log are taken up at the next start", at)
    work.wait_last("b.out", 2)
    d.log.wait("pipeline=a removed", at)
    d.stop()
    same("the state's place", False, os.path.exists(work.at("elsewhere")))


# ---- what goes wrong ----

@case
def retried(work):
    """A pipeline that cannot start is tried again, and holds up no other."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        work.pipeline("net", listen(port, "net.out"))
        work.pipeline("files", follow("files"))
        work.append("files.in", range(3))
        d = work.start().ready()
        d.log.wait(f"cannot listen on 127.0.0.1:{port}")
        d.log.wait("pipeline=net is started again in 1 s")
        work.wait_last("files.out", 2)
    d.log.wait("pipeline=net runs")
    with connect(port) as client:
        send(client, [7])
        work.wait_last("net.out", 7)
    d.stop()


@case
def locked(work):
    """One daemon to a state directory; the lock dies with its holder."""
    work.pipeline("a", follow("a"))
    d = work.start().ready()
    other = subprocess.run([SPATED, "-c", "spate.yaml"], cwd=work.path, capture_output=True, text=True, timeout=DEADLINE)
    same("exit code", 3, other.returncode)
    if "another process works in 'state'" not in other.stderr:
        raise Wrong(f"the second says: {other.stderr}")
    d.kill()
    work.start().ready().stop()


@case
def refused(work):
    """What is wrong before anything runs: exit codes 1, 2 and 3."""
    work.write("bad.yaml", "state_dirr: x\n")
    work.write("file", "")
    work.write("nowhere.yaml", "state_dir: file/state\n")
    for args, code, text in ((["-c", "bad.yaml"], 1, "bad.yaml:1:1: error: "), (["-c", "none.yaml"], 1, "none.yaml"),
                             (["--confg", "x"], 2, "did you mean '--config'?"), (["-c", "nowhere.yaml"], 3, "cannot make")):
        done = subprocess.run([SPATED, *args], cwd=work.path, capture_output=True, text=True, timeout=DEADLINE)
        same(f"exit code of {args}", code, done.returncode)
        if text not in done.stderr:
            raise Wrong(f"{args}: no '{text}' in: {done.stderr}")


@case
def exit_codes_of_run(work):
    """`spate run` tells an environment that is at fault (3) from a pipeline that is (1)."""
    spate = os.path.join(os.path.dirname(SPATED), "spate")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        work.write("there.out", '{"n":1}\n')
        work.write("file", "")
        generated = GENERATE.replace("rate: 2000", "rows: 5")
        for text, args, code, said in (
                (generated, [], 0, "in=5 out=5"),
                (generated.replace("gen.out, if_exists: append", "there.out"), [], 1, "exists already"),
                (generated.replace("gen.out", "file/x/gen.out"), [], 3, "cannot make the directory"),
                (generated.replace("path: gen.out", "path: pipelines.d"), [], 3, "cannot open"),
                (generated, ["--state-dir", "file/state"], 3, "cannot make the directory"),
                (listen(port, "net.out"), [], 3, f"cannot listen on 127.0.0.1:{port}")):
            work.pipeline("p", text)
            done = subprocess.run([spate, "run", "pipelines.d/p.yaml", *args], cwd=work.path, capture_output=True, text=True,
                                  timeout=DEADLINE)
            if (done.returncode, said in done.stderr) != (code, True):
                raise Wrong(f"exit code {code} and '{said}' expected, {done.returncode} and: {done.stderr}")


def main():
    global SPATED
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spated", required=True)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    args = parser.parse_args()
    SPATED = os.path.abspath(args.spated)
    passed = failed = 0
    for f in CASES:
        if args.only not in f.__name__:
            continue
        work = Work()
        try:
            f(work)
            passed += 1
        except (Wrong, OSError, subprocess.TimeoutExpired) as e:
            failed += 1
            print(f"{f.__name__}: {e}")
            if not isinstance(e, Wrong):
                traceback.print_exc()
        finally:
            work.end()
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


sys.exit(main())
