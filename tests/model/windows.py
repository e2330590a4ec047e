#!/usr/bin/env python3
"""Windows against a brute-force model, on random input: tumbling and hopping, sizes that do not divide, offsets, disorder,
lateness, filters, several partitions, both modes, one and two workers. The model looks at every record for every window and
shares nothing with the engine. A failing case prints the line that repeats it: windows.py --seed S.

One partition: the model follows the watermark batch by batch, so late records are part of it. Several partitions: the
order in which they are read is not promised, so the disorder stays within the delay and nothing is late."""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
T0 = 1700000000000


class Case:
    def __init__(self, seed):
        r = random.Random(seed)
        self.seed = seed
        self.size = r.choice([1000, 5000, 7000, 10000, 60000])
        self.every = self.size if r.random() < 0.4 else max(1, int(self.size * r.choice([0.1, 0.25, 0.3, 0.5, 0.7, 1])))
        self.offset = r.choice([0, 0, 300, -700, 2500])
        self.delay = r.choice([0, 500, 2000, 10000])
        self.parts = r.choice([1, 1, 1, 2, 4])
        self.lateness = r.choice([0, 0, 1000, 5000]) if self.parts == 1 else 0
        self.mode = r.choice(["record", "micro_batch"])
        self.workers = r.choice([1, 2])
        self.batch = r.choice([1, 3, 64, 1024])
        # A micro-batch is judged as a whole; what one holds is only known when it holds everything.
        self.max_records = 0
        disorder = self.delay if self.parts > 1 else r.choice([0, self.delay, self.delay + 2 * self.size, self.delay + 4 * self.size])
        keys = r.choice([1, 2, 7, 50])
        step = r.choice([1, 50, 400, 3000])
        grain = r.choice([1, 100, 500])
        disorder = max(0, disorder - grain) if self.parts > 1 else disorder
        self.files = [[] for _ in range(self.parts)]
        t = T0 + r.randrange(100000)
        for i in range(r.choice([1, 30, 200, 1500])):
            t += r.randrange(step)
            at = t - (r.randrange(disorder + 1) if r.random() < 0.3 else 0)
            at -= at % grain  # edges of windows and slices must be met exactly
            row = {"k": r.choice([None, "k%d" % r.randrange(keys), "k%d" % r.randrange(keys)]), "t": at,
                   "v": None if r.random() < 0.1 else r.randrange(-1000, 1000)}
            self.files[r.randrange(self.parts)].append(row)

    def pipeline(self):
        window = "{tumbling: %dms" % self.size if self.every == self.size else "{hopping: %dms, every: %dms" % (self.size, self.every)
        return f"""pipeline: model
mode: {self.mode}
sources:
  in:
    file: {{path: "${{DIR}}/in-*.jsonl"}}
    decode: json
    schema: {{k: string, t: timestamp(ms), v: int}}
    time: t
    watermark: {{delay: {self.delay}ms}}
steps:
  - aggregate:
      key: k
      window: {window}, offset: {self.offset}ms}}
      compute:
        n: count(*)
        some: count(v)
        total: sum(v)
        low: min(v)
        high: max(v)
        kinds: count(distinct v)
        positive: count(*) filter (where v > 0)
      allowed_lateness: {self.lateness}ms
      late: late
sinks:
  out: {{file: {{path: "${{DIR}}/out.jsonl"}}, from: aggregate, encode: {{json: {{timestamps: ms}}}}}}
  late: {{file: {{path: "${{DIR}}/late.jsonl"}}, from: late, encode: {{json: {{timestamps: ms}}}}}}
"""

    def windows_of(self, t):
        last = (t - self.offset) // self.every * self.every + self.offset
        start = last
        while start > t - self.size:
            yield start
            start -= self.every

    def model(self):
        """Last value of each (key, window), and the late records."""
        groups, out, late = {}, {}, []
        rows = self.files[0] if self.parts == 1 else sum(self.files, [])
        watermark, greatest = None, None
        whole = self.parts > 1 or self.mode == "micro_batch"
        batches = [rows] if whole else [rows[i:i + self.batch] for i in range(0, len(rows), self.batch)]
        for batch in batches:
            for row in batch:
                starts = list(self.windows_of(row["t"]))
                if watermark is not None and watermark >= max(starts) + self.size + self.lateness:
                    late.append(row)
                    continue
                for s in starts:
                    # a window whose time is over does not change any more
                    if watermark is None or watermark < s + self.size + self.lateness:
                        groups.setdefault((row["k"], s), []).append(row)
                greatest = row["t"] if greatest is None else max(greatest, row["t"])
            # a record late for all windows still moves time
            top = max((row["t"] for row in batch), default=None)
            if top is not None:
                greatest = top if greatest is None else max(greatest, top)
                watermark = greatest - self.delay if watermark is None else max(watermark, greatest - self.delay)
        for (k, s), rows in groups.items():
            values = [r["v"] for r in rows if r["v"] is not None]
            out[(k, s)] = {"k": k, "window_start": s, "window_end": s + self.size, "n": len(rows), "some": len(values),
                           "total": sum(values) if values else None, "low": min(values, default=None),
                           "high": max(values, default=None), "kinds": len(set(values)),
                           "positive": sum(v > 0 for v in values)}
        return out, late


def read(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def run_case(spate, seed):
    case = Case(seed)
    with tempfile.TemporaryDirectory() as d:
        for i, rows in enumerate(case.files):
            with open(f"{d}/in-{i}.jsonl", "w", encoding="utf-8") as f:
                f.writelines(json.dumps(r) + "\n" for r in rows)
        with open(f"{d}/p.yaml", "w", encoding="utf-8") as f:
            f.write(case.pipeline())
        done = subprocess.run([spate, "run", f"{d}/p.yaml", "--workers", str(case.workers), "--batch-rows", str(case.batch)],
                              env=dict(os.environ, DIR=d), cwd=d, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            return f"exit {done.returncode}: {done.stderr[-800:]}"
        expected, late = case.model()
        got = {}
        for row in read(f"{d}/out.jsonl"):
            at = (row["k"], row["window_start"])
            if at in got and case.lateness == 0:
                return f"window {at} went out twice"
            got[at] = row
        for at in set(expected) | set(got):
            if expected.get(at) != got.get(at):
                return f"window {at}: expected {expected.get(at)}, got {got.get(at)}"
        order = lambda r: json.dumps(r, sort_keys=True)
        if sorted(late, key=order) != sorted(read(f"{d}/late.jsonl"), key=order):
            return f"{len(late)} late records expected, {len(read(f'{d}/late.jsonl'))} came"
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--spate", default=os.path.join(ROOT, "build", "release", "spate"))
    p.add_argument("--seed", type=int, help="this case alone")
    p.add_argument("--cases", type=int, default=300)
    p.add_argument("--from", dest="first", type=int, default=1)
    a = p.parse_args()
    a.spate = os.path.abspath(a.spate)
    seeds = [a.seed] if a.seed is not None else range(a.first, a.first + a.cases)
    failed = 0
    for seed in seeds:
        why = run_case(a.spate, seed)
        if why:
            failed += 1
            print(f"windows.py --seed {seed}: {why}")
    print(f"{len(seeds) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
