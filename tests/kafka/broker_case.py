"""What the cases share: events of which the right windows are known without Spate, kcat as the other client, and Spate
as a child that can be killed."""
import collections
import json
import os
import random
import signal
import subprocess
import sys

BROKER = os.environ["BROKER"]
WORK = os.environ["WORK"]
SPATE = os.environ["SPATE"]
WINDOW_MS = 10_000
START_MS = 1_700_000_000_000
PARTITIONS = 4


def fail(message):
    print(message)
    sys.exit(1)


def topic_new(name):
    """Asking for a topic makes it, with the broker's default of 4 partitions; metadata says when it has leaders."""
    for _ in range(100):
        out = subprocess.run(["kcat", "-b", BROKER, "-L", "-t", name], capture_output=True, text=True, timeout=30).stdout
        if out.count("leader 1,") == PARTITIONS and f'"{name}" with {PARTITIONS} partitions:' in out:
            return
    fail(f"topic {name} did not come")


def consume(topic):
    """Every record as (partition, offset, key, value), read committed, in the order of each partition."""
    out = subprocess.run(["kcat", "-b", BROKER, "-C", "-t", topic, "-e", "-q", "-X", "isolation.level=read_committed",
                          "-f", "%p\t%o\t%k\t%s\n"], capture_output=True, text=True, timeout=120, check=True).stdout
    rows = []
    for line in out.splitlines():
        p, o, k, v = line.split("\t", 3)
        rows.append((int(p), int(o), k, v))
    return rows


def left_for_group(group, topic):
    """How many records a member of the group would still get: none when all offsets were committed."""
    out = subprocess.run(["kcat", "-b", BROKER, "-G", group, "-e", "-q", "-X", "auto.offset.reset=earliest",
                          "-X", "enable.auto.commit=false", topic], capture_output=True, text=True, timeout=60).stdout
    return len(out.splitlines())


class Events:
    """Seeded events for four partitions, in order of time within each; and the windows that they must give."""

    def __init__(self, seed, count, per_ms=1):
        rng = random.Random(seed)
        self.lines = [[] for _ in range(PARTITIONS)]
        self.windows = collections.Counter()
        for i in range(count):
            at = START_MS + i // per_ms
            user = f"u{rng.randrange(20)}"
            kind = rng.choice(["view", "click", "buy"])
            self.lines[i % PARTITIONS].append(json.dumps({"user": user, "kind": kind, "at": at}, separators=(",", ":")))
            if kind == "view":
                self.windows[user, at // WINDOW_MS * WINDOW_MS] += 1

    def producers(self, topic):
        """One kcat a partition, that sends what is written to its stdin."""
        return [subprocess.Popen(["kcat", "-b", BROKER, "-P", "-t", topic, "-p", str(p), "-X", "linger.ms=5"],
                                 stdin=subprocess.PIPE, text=True) for p in range(PARTITIONS)]

    def send_all(self, topic):
        children = self.producers(topic)
        for child, lines in zip(children, self.lines):
            child.communicate("\n".join(lines) + "\n", timeout=120)
            if child.returncode != 0:
                fail("kcat could not produce")


def pipeline(name, source, sink, group, extra=""):
    """A file with a pipeline that counts views by user in 10 s windows."""
    path = os.path.join(WORK, f"{name}.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"""pipeline: {name}
checkpoint: 200ms
{extra}
sources:
  events:
    kafka: {{brokers: "{BROKER}", topics: [{source}], group: {group}}}
    decode: json
    schema: {{user: string, kind: string, at: timestamp(ms)}}
    time: at
    watermark: {{delay: 0s, idle: 1h}}
steps:
  - filter: kind = 'view'
  - aggregate:
      key: user
      window: {{tumbling: 10s}}
      compute: {{views: count(*)}}
sinks:
  counts:
    kafka: {{brokers: "{BROKER}", topic: {sink}, key: user}}
    encode: {{json: {{timestamps: ms}}}}
""")
    return path


def spate(path, *options, state=None):
    args = [SPATE, "run", *options]
    if state:
        args += ["--state-dir", os.path.join(WORK, state)]
    log = open(os.path.join(WORK, "spate.log"), "a", encoding="utf-8")
    return subprocess.Popen(args + [path], stdout=log, stderr=log, cwd=WORK)


def finish(child, seconds=120):
    try:
        code = child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        show_log()
        fail(f"spate did not end within {seconds} s")
    if code != 0:
        show_log()
        fail(f"spate ended with {code}")


def show_log():
    with open(os.path.join(WORK, "spate.log"), encoding="utf-8") as f:
        print("".join(f.readlines()[-20:]), end="")


def check_windows(topic, wanted, twice_allowed):
    """The last result of each window is the right one, and no other window came. Gives how many came more than once."""
    last, times = {}, collections.Counter()
    for _, _, key, value in consume(topic):
        row = json.loads(value)
        if key != row["user"]:
            fail(f"key {key!r} of {value}")
        last[row["user"], row["window_start"]] = row["views"]
        times[row["user"], row["window_start"]] += 1
    if last != dict(wanted):
        missing = [w for w in wanted if w not in last]
        extra = [w for w in last if w not in wanted]
        wrong = [(w, last[w], wanted[w]) for w in wanted if w in last and last[w] != wanted[w]]
        show_log()
        fail(f"{len(missing)} windows missing {missing[:3]}, {len(extra)} too many {extra[:3]}, wrong {wrong[:3]}")
    twice = sum(1 for n in times.values() if n > 1)
    if twice and not twice_allowed:
        fail(f"{twice} windows came more than once")
    return twice
