#!/usr/bin/env python3
"""make bench: the table of ratios, each figure against a yardstick run in the same minute.

Rounds are interleaved (yardstick, Spate, yardstick, …), figures are medians with their spread, CPU a million events
first. A row counts only when Spate's result equals the yardstick's, compared whole. BENCH_N events (10 million),
BENCH_ROUNDS (5), BENCH_ONLY=file,scale,tcp,kafka,project,hop,latency,start picks rows. The Kafka rows need a broker
(tests/kafka/broker.sh); without one a line says why."""
import argparse
import collections
import fcntl
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
N = int(os.environ.get("BENCH_N", "10000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
LATENCY_S = float(os.environ.get("BENCH_LATENCY_SECONDS", "20"))
WORK = os.path.join(ROOT, "build", "bench")
DATA = os.path.join(WORK, f"data-{N}")
PARTS = 4
KAFKA_ROWS = ("kafka", "project", "hop", "latency", "start")
ROWS = ("file", "scale", "tcp") + KAFKA_ROWS


class Failed(Exception):
    """A row that has no figure, and why."""


Run = collections.namedtuple("Run", "seconds cpu rss_mb pairs out")


def pairs_of(text):
    found = {}
    for key, value in re.findall(r"(\w+)=(\S+)", text):
        try:
            found[key] = float(value)
        except ValueError:
            found[key] = value
    return found


def finish(process, out_path, what, ok=(0,)):
    """Waits; the time, CPU and peak memory of that process alone."""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - process.started
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(out_path, encoding="utf-8", errors="replace") as f:
        text = f.read()
    if process.returncode not in ok:
        raise Failed(f"{what} ended with {process.returncode}: {text[-600:].strip()}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, pairs_of(text), text)


def start(command, out_path, env=None):
    with open(out_path, "w") as out:
        process = subprocess.Popen([str(c) for c in command], cwd=WORK, stdout=out, stderr=subprocess.STDOUT,
                                   env=dict(os.environ, **{k: str(v) for k, v in (env or {}).items()}))
    process.started = time.monotonic()
    return process


class Bench:
    def __init__(self, args):
        self.spate, self.programs = os.path.abspath(args.spate), os.path.abspath(args.programs)
        self.brokers = self.broker_dir = None
        self.rows = []
        self.made = set()
        self.runs = 0

    def program(self, name, *arguments):
        out = os.path.join(WORK, f"{name}.out")
        return finish(start([os.path.join(self.programs, name), *arguments], out), out, name)

    def run_spate(self, pipeline, env, *arguments):
        out = os.path.join(WORK, "spate.out")
        return finish(self.start_spate(pipeline, env, out, *arguments), out, f"spate run {pipeline}")

    def start_spate(self, pipeline, env, out, *arguments):
        self.runs += 1  # a group of its own: a run without state begins at its group's offsets
        env = dict(env, RUN=f"{os.getpid()}-{self.runs}")
        return start([self.spate, "run", os.path.join(HERE, pipeline), *arguments], out, env)

    # ---- data ----

    def data(self, name):
        """Path of a data set, made at first use."""
        os.makedirs(DATA, exist_ok=True)
        path = os.path.join(DATA, name)
        table = os.path.join(DATA, "ads.csv")
        made = {"ads.jsonl": ("ads", N, 1, f"file:{path}", f"table={table}"),
                "bids.jsonl": ("bids", N, 1, f"file:{path}"),
                "tcp.jsonl": ("ads", N, 1, f"file:{path}", "sentinel"),
                "ads-%d.jsonl": ("ads", N, 1, f"file:{path}", f"parts={PARTS}")}
        if name == "ads.csv":
            self.data("ads.jsonl")
        elif not os.path.exists(path.replace("%d", "0")):
            for old in glob.glob(os.path.join(WORK, "data-*")):
                if old != DATA:
                    shutil.rmtree(old)
            self.program("gen", *made[name])
        return path

    def ads_answer(self):
        """campaign, window, views: by the yardstick; and the run itself."""
        out = os.path.join(WORK, "ads.answer")
        run = self.program("ads_loop", self.data("ads.jsonl"), self.data("ads.csv"), out)
        with open(out) as f:
            rows = collections.Counter((c, int(w), int(n)) for c, w, n in (line.strip().split(",") for line in f))
        return rows, run

    # ---- Kafka ----

    def need_broker(self):
        if self.brokers:
            return
        script = os.path.join(ROOT, "tests", "kafka", "broker.sh")
        if "BENCH_BROKERS" in os.environ:
            self.brokers = os.environ["BENCH_BROKERS"]
            return
        if not os.path.exists(script):
            raise Failed("no tests/kafka/broker.sh")
        place = os.path.join(WORK, "broker")
        subprocess.run([script, "wipe", place], capture_output=True)
        p = subprocess.run([script, "start", place, "0"], capture_output=True, text=True,
                           env=dict(os.environ, HEAP=os.environ.get("HEAP", "1g")))
        if p.returncode != 0:
            raise Failed((p.stdout + p.stderr).strip().split("\n")[-1] or "the broker did not start")
        port = subprocess.run([script, "port", place], capture_output=True, text=True).stdout.strip()
        self.brokers, self.broker_dir = f"127.0.0.1:{port}", place

    def stop(self):
        if self.broker_dir:
            subprocess.run([os.path.join(ROOT, "tests", "kafka", "broker.sh"), "wipe", self.broker_dir],
                           capture_output=True)

    def topic(self, name, kind=None):
        """A topic; with a kind it holds N such events."""
        self.need_broker()
        if name in self.made:
            return name
        if kind:
            self.program("gen", kind, N, 1, f"kafka:{self.brokers}/{name},{PARTS}")
        else:
            self.program("gen", "ads", 0, 1, f"kafka:{self.brokers}/{name},{PARTS}")
        self.made.add(name)
        return name

    def fresh_topic(self, prefix):
        return self.topic(f"{prefix}-{os.getpid()}-{len(self.made)}")

    def consumer(self, work, topic, n, *arguments):
        return self.program("consumer", work, self.brokers, topic, PARTS, n, *arguments)

    def dump(self, topic):
        return [json.loads(line) for line in self.consumer("dump", topic, 0).out.split("\n") if line.startswith("{")]

    # ---- the table ----

    def add(self, name, goal, reached, ok, detail):
        self.rows.append((name, goal, reached, ok, detail))
        print(f"{'ok  ' if ok else 'MISS'}  {name}: {reached} (goal {goal}); {detail}", flush=True)


def spread(values, digits=2):
    m = statistics.median(values)
    return f"{m:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def per_million(run):
    return run.cpu / (N / 1e6)


def same(expected, actual, what):
    if expected == actual:
        return
    missing, extra = expected - actual, actual - expected
    raise Failed(f"{what}: wrong result: {sum(missing.values())} rows missing, {sum(extra.values())} extra, for example "
                 f"{next(iter(missing), None)} and {next(iter(extra), None)}")


def ads_rows(objects):
    return collections.Counter((o["campaign_id"], o["window_start"], o["views"]) for o in objects)


def ads_file_rows(path):
    rows = collections.Counter()
    for name in glob.glob(path):
        with open(name) as f:
            rows += ads_rows(map(json.loads, f))
    return rows


def out_file(name):
    path = os.path.join(WORK, name)
    for old in glob.glob(path + "*"):
        os.remove(old)
    return path


def row_file(b):
    """ads from a file, one worker, against the loop in memory"""
    ratios, cpus, yard, rates = [], [], [], []
    for _ in range(ROUNDS):
        answer, bare = b.ads_answer()
        out = out_file("ads.out.jsonl")
        run = b.run_spate("ads_file.yaml", {"IN": b.data("ads.jsonl"), "TABLE": b.data("ads.csv"), "OUT": out},
                          "--workers", "1")
        same(answer, ads_file_rows(out), "file")
        ratios.append(bare.pairs["seconds"] / run.seconds)
        cpus.append(per_million(run))
        yard.append(bare.pairs["cpu_us"])
        rates.append(N / run.seconds)
    b.file_rate = statistics.median(rates)
    b.add("ads from a file", "0.60", spread(ratios), statistics.median(ratios) >= 0.6,
          f"CPU {spread(cpus)} µs an event, yardstick {spread(yard)}; {b.file_rate / 1e6:.2f} M/s")


def row_scale(b):
    """2 workers against 1, four files"""
    answer, _ = b.ads_answer()
    b.data("ads-%d.jsonl")
    env = {"IN": os.path.join(DATA, "ads-?.jsonl"), "TABLE": b.data("ads.csv")}
    ratios, cpus = [], []
    for _ in range(ROUNDS):
        times = {}
        for workers in (1, 2):
            out = out_file("scale.out.jsonl")
            run = b.run_spate("ads_file.yaml", dict(env, OUT=out), "--workers", str(workers))
            same(answer, ads_file_rows(out), f"{workers} workers")
            times[workers] = run
        ratios.append(times[1].seconds / times[2].seconds)
        cpus.append(per_million(times[2]) - per_million(times[1]))
    b.add("2 workers against 1", "1.70", spread(ratios), statistics.median(ratios) >= 1.7,
          f"CPU more by {spread(cpus)} µs an event")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def row_tcp(b):
    """TCP lines in, one worker, against the file bench"""
    answer, _ = b.ads_answer()
    rates, floors, cpus = [], [], []
    for _ in range(ROUNDS):
        port, out = free_port(), out_file("tcp.out.jsonl")
        log = os.path.join(WORK, "tcp.log")
        receiver = start([os.path.join(b.programs, "tcp_peer"), "receive", port], log)
        b.program("tcp_peer", "send", port, b.data("tcp.jsonl"))
        floors.append(finish(receiver, log, "tcp_peer").pairs["rate"])
        port = free_port()
        spate = b.start_spate("ads_tcp.yaml", {"PORT": port, "TABLE": b.data("ads.csv"), "OUT": out}, log,
                              "--workers", "1")
        sent = b.program("tcp_peer", "send", port, b.data("tcp.jsonl"))
        deadline, rows = time.monotonic() + 30, collections.Counter()
        while rows != answer and time.monotonic() < deadline:
            time.sleep(0.1)
            rows = ads_file_rows(out + "*") if glob.glob(out + "*") else rows
        spate.send_signal(signal.SIGINT)
        run = finish(spate, log, "spate run ads_tcp.yaml")
        # The stop closes an epoch; the sentinel's own window stays open.
        same(answer, ads_file_rows(out), "tcp")
        rates.append(sent.pairs["rate"])
        cpus.append(per_million(run))
    if not getattr(b, "file_rate", 0):
        row_file(b)
    ratios = [r / b.file_rate for r in rates]
    b.add("TCP lines in, windows out", "0.80", spread(ratios), statistics.median(ratios) >= 0.8,
          f"CPU {spread(cpus)} µs an event; {statistics.median(rates) / 1e6:.2f} M/s, bare receiver "
          f"{statistics.median(floors) / 1e6:.2f} M/s")


def row_kafka(b):
    """ads from Kafka to Kafka, 2 workers, against a bare consumer; memory"""
    topic = b.topic("ads", "ads")
    answer, _ = b.ads_answer()
    ratios, cpus, more, memory, rates = [], [], [], [], []
    for _ in range(ROUNDS):
        bare = b.consumer("count", topic, N, "workers=2")
        out = b.fresh_topic("ads-out")
        run = b.run_spate("ads_kafka.yaml", {"BROKERS": b.brokers, "IN": topic, "TABLE": b.data("ads.csv"), "OUT": out},
                          "--bounded", "--workers", "2")
        same(answer, ads_rows(b.dump(out)), "kafka")
        ratios.append(bare.pairs["seconds"] / run.seconds)
        cpus.append(per_million(run))
        more.append(per_million(run) - per_million(bare))
        memory.append(run.rss_mb / bare.rss_mb)
        rates.append(N / run.seconds)
    b.kafka_rate = statistics.median(rates)
    b.add("ads from Kafka, 2 workers", "0.75", spread(ratios), statistics.median(ratios) >= 0.75,
          f"CPU {spread(cpus)} µs an event; {b.kafka_rate / 1e6:.2f} M/s")
    b.add("its CPU over the bare consumer's", "+0.20 µs", spread(more), statistics.median(more) <= 0.2, "µs an event")
    b.add("its peak memory against the bare consumer's", "under 1.5", spread(memory), statistics.median(memory) < 1.5,
          f"{run.rss_mb:.0f} MB, bare {bare.rss_mb:.0f} MB")


def row_project(b):
    """filter and project, Kafka to Kafka"""
    topic = b.topic("ads", "ads")
    ratios, cpus, yard = [], [], []
    for _ in range(ROUNDS):
        bare_out, out = b.fresh_topic("project-bare"), b.fresh_topic("project-out")
        bare = b.consumer("project", topic, N, "workers=2", f"out={bare_out}")
        run = b.run_spate("project.yaml", {"BROKERS": b.brokers, "IN": topic, "OUT": out}, "--bounded", "--workers", "2")
        want, got = b.consumer("digest", bare_out, 0), b.consumer("digest", out, 0)
        if (want.pairs["n"], want.pairs["hash"]) != (got.pairs["n"], got.pairs["hash"]):
            raise Failed(f"project: wrong result: {got.pairs['n']:.0f} records, yardstick {want.pairs['n']:.0f}; "
                         f"hashes {got.pairs['hash']} and {want.pairs['hash']}")
        ratios.append(bare.pairs["seconds"] / run.seconds)
        cpus.append(per_million(run))
        yard.append(per_million(bare))
    b.add("filter and project, Kafka to Kafka", "0.70", spread(ratios), statistics.median(ratios) >= 0.7,
          f"CPU {spread(cpus)} µs an event, yardstick {spread(yard)}")


def row_hop(b):
    """hopping windows from Kafka, against the ads bench from Kafka"""
    topic = b.topic("bids", "bids")
    reference = os.path.join(WORK, "hop.answer")
    b.program("hop_reference", b.data("bids.jsonl"), reference, "100")
    with open(reference) as f:
        answer = collections.Counter(tuple(map(int, line.split(","))) for line in f)
    rates, cpus = [], []
    for _ in range(ROUNDS):
        out = b.fresh_topic("hop-out")
        run = b.run_spate("hop.yaml", {"BROKERS": b.brokers, "IN": topic, "OUT": out}, "--bounded", "--workers", "2")
        rows = collections.Counter((o["auction"], o["window_start"], o["n"], o["total"], o["top"]) for o in b.dump(out))
        same(answer, rows, "hop")
        rates.append(N / run.seconds)
        cpus.append(per_million(run))
    if not getattr(b, "kafka_rate", 0):
        row_kafka(b)
    ratios = [r / b.kafka_rate for r in rates]
    b.add("hopping 60 s / 1 s from Kafka, against the ads", "0.50", spread(ratios), statistics.median(ratios) >= 0.5,
          f"CPU {spread(cpus)} µs an event; {statistics.median(rates) / 1e6:.2f} M/s")


def latency(b, rate, command, log):
    """p99 of one run: the program under test, the paced generator, the probe."""
    topic, out = command["in"], command["out"]
    process = command["start"](log)
    time.sleep(2)
    probe = start([os.path.join(b.programs, "probe"), b.brokers, out, PARTS, LATENCY_S, 3], os.path.join(WORK, "probe.out"))
    b.program("gen", "ads", int(rate * LATENCY_S), 1, f"kafka:{b.brokers}/{topic},{PARTS}", f"rate={rate}", "live")
    seen = finish(probe, os.path.join(WORK, "probe.out"), "probe")
    process.send_signal(signal.SIGINT)
    finish(process, log, "the program under test")
    return seen.pairs


def row_latency(b):
    """filter and project at a paced rate: p99 against the bare consumer and producer"""
    b.need_broker()
    for rate in (20000, 100000):
        ratios, mine, bare = [], [], []
        for _ in range(max(1, min(ROUNDS, 3))):
            def yardstick(log, i, o):
                return start([os.path.join(b.programs, "consumer"), "project", b.brokers, i, PARTS, 0, f"out={o}", "live",
                              "workers=2", "linger=5"], log)

            def spate(log, i, o):
                return b.start_spate("project.yaml", {"BROKERS": b.brokers, "IN": i, "OUT": o, "START": "latest",
                                                      "UNIT": "us"}, log, "--workers", "2")
            seen = []
            for what in (yardstick, spate):
                i, o = b.fresh_topic("live"), b.fresh_topic("live-out")
                seen.append(latency(b, rate, {"in": i, "out": o, "start": lambda log, w=what, i=i, o=o: w(log, i, o)},
                                    os.path.join(WORK, "latency.log")))
            ratios.append(seen[1]["p99"] / seen[0]["p99"])
            bare.append(seen[0]["p99"])
            mine.append(seen[1]["p99"])
        b.add(f"latency at {rate:,} a second, p99", "under 2", spread(ratios), statistics.median(ratios) < 2,
              f"p99 {spread(mine, 1)} ms, p50 {seen[1]['p50']:.1f}; yardstick {spread(bare, 1)}, p50 {seen[0]['p50']:.1f}")


def row_start(b):
    """from exec to the first record, broker up: an upper bound, taken at the first line of output"""
    topic = b.topic("start")
    b.program("gen", "ads", 1000, 1, f"kafka:{b.brokers}/{topic},{PARTS}")
    times = []
    for _ in range(max(ROUNDS, 5)):
        begin = time.monotonic()
        p = subprocess.Popen([b.spate, "run", os.path.join(HERE, "start.yaml")], cwd=WORK, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env=dict(os.environ, BROKERS=b.brokers, IN=topic))
        ready, _, _ = select.select([p.stdout], [], [], 10)
        line = os.read(p.stdout.fileno(), 1) if ready else b""
        times.append((time.monotonic() - begin) * 1000)
        p.kill()
        p.wait()
        if not line:
            raise Failed("no record within 10 s")
    b.add("start: exec to the first record out", "under 100 ms", spread(times, 0), statistics.median(times) < 100, "ms")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--spate", required=True)
    p.add_argument("--programs", required=True)
    b = Bench(p.parse_args())
    os.makedirs(WORK, exist_ok=True)
    lock = open(os.path.join(WORK, "lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("another bench is running here")
        return 1
    only = [r for r in os.environ.get("BENCH_ONLY", "").split(",") if r] or list(ROWS)
    print(f"{N:,} events, {ROUNDS} rounds, {os.cpu_count()} cores; median (least–greatest)", flush=True)
    try:
        for name in ROWS:
            if name not in only:
                continue
            row = globals()[f"row_{name}"]
            try:
                if name in KAFKA_ROWS:
                    b.need_broker()
                row(b)
            except Failed as e:
                b.rows.append((row.__doc__.split("\n")[0], "", "–", False, str(e)))
                print(f"–     {name}: {e}", flush=True)
                if name in KAFKA_ROWS and not b.brokers:
                    only = [r for r in only if r not in KAFKA_ROWS]
    finally:
        b.stop()
    print("\n| bench | goal | reached | | detail |\n|---|---|---|---|---|")
    for name, goal, reached, ok, detail in b.rows:
        print(f"| {name} | {goal} | {reached} | {'yes' if ok else 'no'} | {detail} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
