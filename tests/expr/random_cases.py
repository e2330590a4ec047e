#!/usr/bin/env python3
"""Random expressions, the same in Spate's SQL and in PostgreSQL's, evaluated by both.

    random_cases.py [--count 10000] [--seed 1] [--keep FILE] PROGRAM

PROGRAM is the unit test expr_cases as built (build/debug/tests/expr_cases). Trees are made of what both engines mean alike:
integer division, doubles that overflow and texts of doubles are left to the tables. Without PostgreSQL it says so and succeeds.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the tree stays clean
import generate

# PostgreSQL computes what is constant before it looks at rows, also in branches that no row takes: so nothing is.
NULL = "nullif(row_number, row_number)"


class Maker:
    """make(kind, depth) gives a pair: the expression for Spate, and for PostgreSQL."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *choices):
        return self.r.choice(choices)

    def same(self, text):
        return text, text

    def form(self, spate, pg, *args):
        return spate.format(*(a[0] for a in args)), pg.format(*(a[1] for a in args))

    def both(self, shape, *args):
        return self.form(shape, shape, *args)

    def make(self, kind, depth):
        if depth <= 0 or self.r.random() < 0.1:
            return getattr(self, "leaf_" + kind)()
        return getattr(self, "tree_" + kind)(depth - 1)

    def any_kind(self):
        return self.pick("int", "double", "dec", "str", "bool", "ts")

    # ---- leaves ----
    def leaf_int(self):
        v = self.pick("i", "j", "0", "1", "-1", "7", "1000", "null", "4611686018427387904")
        if v in ("i", "j"):
            return self.same(v)
        if v == "null":
            return "cast(null as int)", NULL + "::bigint"
        return f"({v})" if v.startswith("-") else v, f"({v} + row_number * 0)::bigint"

    def leaf_double(self):
        v = self.pick("x", "y", "0e0", "1.5e0", "-2e0")
        return self.same(v) if v in "xy" else (f"({v})", f"({v}::float8 + row_number * 0)")

    def leaf_dec(self):
        v = self.pick("m", "n", "1.5", "(-0.25)", "10.0", "0.0")
        return v, v if v in "mn" else f"({v} + row_number * 0)"

    def leaf_str(self):
        v = self.pick("s", "t", "'abc'", "''", "'b'", "'日本'", "'a%b_c'", "' x '", "null")
        return ("cast(null as string)", NULL + "::text") if v == "null" else (v, v if v in "st" else f"({v} || repeat('x', row_number * 0))")

    def leaf_bool(self):
        return self.pick(("p", "p"), ("q", "q"), ("true", "(row_number > 0)"), ("false", "(row_number < 0)"), ("cast(null as bool)", NULL + "::int::bool"))

    def leaf_ts(self):
        v = self.pick("ts", "tu", "timestamp '2024-02-29 12:34:56.789'", "timestamp '1970-01-01 00:00:00'")
        return v, v if v.startswith("t") and len(v) == 2 else f"({v} + row_number * interval '0')"

    # ---- trees of any kind ----
    def choice(self, kind, depth):
        a, b, c = self.make(kind, depth), self.make(kind, depth), self.make("bool", depth)
        if kind == "dec":  # one scale for all branches: Spate widens where PostgreSQL keeps each its own
            return a
        w = self.r.randrange(7)
        if w == 0:
            return self.both("case when {} then {} else {} end", c, a, b)
        if w == 1:
            d = self.make("bool", depth)
            return self.both("case when {} then {} when {} then {} end", c, a, d, b)
        if w == 2:
            return self.both("coalesce({}, {})", a, b)
        if w == 3:
            return self.both("nullif({}, {})", a, b)
        if w == 4:
            return self.form("if({}, {}, {})", "case when {} then {} else {} end", c, a, b)
        if w == 5:
            return self.both(self.pick("greatest({}, {})", "least({}, {})"), a, b)
        return self.form("ifnull({}, {})", "coalesce({}, {})", a, b)

    def tree_int(self, d):
        w = self.r.randrange(12)
        if w < 4:
            return self.both(self.pick("({} + {})", "({} - {})", "({} * {})", "({} % {})"), self.make("int", d), self.make("int", d))
        if w == 4:
            return self.form("({} div {})", "({} / {})", self.make("int", d), self.make("int", d))
        if w == 5:
            return self.both(self.pick("(-{})", "abs({})"), self.make("int", d))
        if w == 6:
            return self.both(self.pick("char_length({})", "octet_length({})", "ascii({})"), self.make("str", d))
        if w == 7:
            return self.both("position({} in {})", self.make("str", d), self.make("str", d))
        if w == 8:
            unit = self.pick("year", "quarter", "month", "week", "day", "hour", "minute", "doy")
            return self.form("extract(" + unit + " from {})", "extract(" + unit + " from {})::bigint", self.make("ts", d))
        if w == 9:
            return self.form("cast({} as int)", "({})::int", self.make("bool", d))
        return self.choice("int", d)

    def tree_double(self, d):
        w = self.r.randrange(7)
        if w < 2:
            return self.both(self.pick("({} + {})", "({} - {})"), self.make("double", d), self.make("double", d))
        if w == 2:
            return self.both("({} * {})", self.make("double", d), self.same("y"))
        if w == 3:
            return self.both(self.pick("(-{})", "abs({})", "ceil({})", "floor({})"), self.make("double", d))
        if w == 4:
            return self.form("cast({} as double)", "({})::float8", self.make(self.pick("int", "dec"), d))
        return self.choice("double", d)

    def tree_dec(self, d):
        w = self.r.randrange(5)
        if w < 2:
            return self.both(self.pick("({} + {})", "({} - {})"), self.make("dec", d), self.make("dec", d))
        if w == 2:
            return self.both("({} * {})", self.make("dec", 0), self.make("dec", 0))
        if w == 3:
            return self.both(self.pick("(-{})", "abs({})"), self.make("dec", d))
        return self.both("({} % {})", self.make("dec", 0), self.make("dec", 0))

    def tree_str(self, d):
        a = self.make("str", d)
        w = self.r.randrange(14)
        n, k = str(self.r.randrange(1, 6)), str(self.r.randrange(0, 5))
        if w == 0:
            return self.both("({} || {})", a, self.make("str", d))
        if w == 1:
            return self.both(self.pick("upper({})", "lower({})", "reverse({})", "trim({})", "ltrim({})", "rtrim({})", "initcap({})"), a)
        if w == 2:
            return self.both("substring({}, " + n + ", " + k + ")", a)
        if w == 3:
            return self.both(self.pick("left({}, ", "right({}, ") + k + ")", a)
        if w == 4:
            return self.both("replace({}, {}, {})", a, self.make("str", d), self.make("str", d))
        if w == 5:
            return self.both(self.pick("lpad({}, ", "rpad({}, ") + n + ", {})", a, self.make("str", d))
        if w == 6:
            return self.both("split_part({}, {}, " + n + ")", a, self.make("str", d))
        if w == 7:
            return self.both("translate({}, {}, {})", a, self.make("str", d), self.make("str", d))
        if w == 8:
            return self.both("concat_ws({}, {}, {})", a, self.make("str", d), self.make("str", d))
        if w == 9:
            return self.both("repeat({}, " + self.pick("0", "1", "2") + ")", a)
        if w == 10:
            return self.form("cast({} as string)", "({})::text", self.make(self.pick("int", "bool", "dec"), d))
        if w == 11:
            return self.both("overlay({} placing {} from " + n + " for " + k + ")", a, self.make("str", d))
        return self.choice("str", d)

    def tree_bool(self, d):
        w = self.r.randrange(12)
        if w < 3:
            kind = self.any_kind()
            op = self.pick("=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from")
            return self.both("({} " + op + " {})", self.make(kind, d), self.make(kind, d))
        if w < 6:
            return self.both(self.pick("({} and {})", "({} or {})"), self.make("bool", d), self.make("bool", d))
        if w == 6:
            return self.both(self.pick("(not {})", "({} is true)", "({} is not true)", "({} is false)", "({} is unknown)"),
                             self.make("bool", d))
        if w == 7:
            return self.both(self.pick("({} is null)", "({} is not null)"), self.make(self.any_kind(), d))
        if w == 8:
            kind = self.pick("int", "double", "str", "ts", "dec")
            return self.both(self.pick("({} between {} and {})", "({} not between {} and {})"),
                             self.make(kind, d), self.make(kind, d), self.make(kind, d))
        if w == 9:
            kind = self.pick("int", "str", "bool", "double")
            # elements are leaves: whether one that fails is looked at after a match is left open
            args = [self.make(kind, d)] + [self.make(kind, 0) for _ in range(self.r.randrange(1, 5))]
            return self.both("({} " + self.pick("in", "not in") + " (" + ", ".join(["{}"] * (len(args) - 1)) + "))", *args)
        if w == 10:
            return self.both(self.pick("({} like {})", "({} not like {})", "starts_with({}, {})"), self.make("str", d), self.make("str", d))
        return self.choice("bool", d)

    def tree_ts(self, d):
        w = self.r.randrange(5)
        if w == 0:
            amount = self.pick("'1' hour", "'-90' second", "'30' minute", "'1' second")
            return self.both("({} " + self.pick("+", "-") + " interval " + amount + ")", self.make("ts", 0))
        if w == 1:
            unit = self.pick("month", "day", "hour", "minute", "second", "quarter", "year", "week")
            return self.both("date_trunc('" + unit + "', {})", self.make("ts", d))
        return self.choice("ts", d)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="where the cases are left")
    parser.add_argument("program")
    options = parser.parse_args()
    maker = Maker(options.seed)
    columns, rows = generate.read_rows()
    trees = [maker.make(maker.any_kind(), maker.r.randrange(1, 5)) for _ in range(options.count)]
    values = []
    for at in range(0, len(trees), 2000):
        part = generate.pg_values([(pg, range(1, len(rows) + 1)) for _, pg in trees[at:at + 2000]], columns, rows)
        if part is None:
            print("random_cases: PostgreSQL is not reached, nothing was compared")
            return 0
        values += part
    path = options.keep or tempfile.mkstemp(suffix=".cases")[1]
    with open(path, "w", encoding="utf-8") as out:
        for (spate, pg), got in zip(trees, values):
            literals = ["error:" if kind == "error" else generate.pg_literal(kind, text, False) for kind, text in got]
            out.write(f"{spate} => {' | '.join(literals)} ;; pg: {pg}\n")
    failed = subprocess.run([options.program, path], cwd=os.path.join(generate.HERE, "..", "..")).returncode
    if not options.keep:
        os.unlink(path)
    print(f"random_cases: {options.count} expressions, seed {options.seed}, {len(rows)} rows each")
    return failed


if __name__ == "__main__":
    sys.exit(main())
