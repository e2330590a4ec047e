#!/usr/bin/env python3
"""Holds the tables of cases (*.cases) against other SQL engines, and fills in values that are still open.

    generate.py [--fill] [FILE.cases ...]

A case is a line

    EXPRESSION => EXPECTED ;; SOURCE [;; SOURCE ...]

EXPECTED is one value for all rows of rows.txt, or a value for each, separated by ' | ': a literal as Spate writes it, 'text
in quotes', null, ~1.234 (to 14 digits), error: TEXT (the row fails, its reason holds TEXT), or refused: TEXT (the
expression does not compile). SOURCE says where the value comes from:

    pg            PostgreSQL gives this value for the expression as it stands (names of types are translated)
    pg: SQL       PostgreSQL gives this value for that SQL
    sqlite, sqlite: SQL   the same with SQLite
    rule: TEXT    no engine: a rule of the reference (section 11) or of another engine's documentation

Each value with an engine as source is computed again and compared. PostgreSQL is reached by psql (PGHOST and so on);
what is not there is left out, with a line that says so. --fill writes PostgreSQL's value in place of '=> ?'.
"""
import glob
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
from decimal import Decimal, InvalidOperation

HERE = os.path.dirname(os.path.abspath(__file__))
PG_TYPES = {"int": "bigint", "double": "float8", "string": "text", "bool": "boolean", "timestamp": "timestamp"}
# Functions whose last digits depend on the library of mathematics.
INEXACT = re.compile(r"\b(exp|ln|log10|log2|log|sin|cos|tan|asin|acos|atan|atan2|degrees|radians|power)\(")


class Case:
    def __init__(self, path, number, expression, expected, sources):
        self.path, self.number, self.expression, self.expected = path, number, expression, expected
        self.sources = sources  # [(engine, sql or None)]

    def place(self):
        return f"{os.path.relpath(self.path)}:{self.number}"


def split_values(text):
    """'a | b' into values; bars inside of quotes do not count."""
    values, at = [], 0
    while True:
        match = re.compile(r"'(?:[^']|'')*'").match(text, at)
        end = match.end() if match else at
        bar = text.find(" | ", end)
        values.append(text[at:bar if bar >= 0 else len(text)].strip())
        if bar < 0:
            return values
        at = bar + 3


def read_cases(path):
    cases = []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if not line.strip() or line.startswith("#"):
            continue
        try:
            expression, rest = line.split(" => ", 1)
            parts = rest.split(" ;; ")
            sources = []
            for source in parts[1:]:
                engine, _, sql = source.strip().partition(":")
                if engine not in ("pg", "sqlite", "rule"):
                    raise ValueError
                sources.append((engine, sql.strip() or None))
            if not sources:
                raise ValueError
        except ValueError:
            sys.exit(f"{path}:{number}: not a case: EXPRESSION => EXPECTED ;; SOURCE")
        cases.append(Case(path, number, expression.strip(), split_values(parts[0].strip()), sources))
    return cases


def read_rows():
    lines = [l.rstrip("\n") for l in open(os.path.join(HERE, "rows.txt"), encoding="utf-8") if not l.startswith("#")]
    columns = [tuple(c.split(" ", 1)) for c in lines[0].split(" | ")]
    return columns, [split_values(l) for l in lines[1:]]


# ---- PostgreSQL ----
def pg_sql(expression):
    """Spate's spelling of types and doubles in PostgreSQL's."""
    e = re.sub(r"\bas string\)", "as text)", expression)
    e = re.sub(r"\bas int\)", "as bigint)", e)
    e = re.sub(r"\bas double\)", "as float8)", e)
    return re.sub(r"(?<![\w.'])(\d+(?:\.\d+)?[eE][+-]?\d+)\b", r"(\1::float8)", e)


def pg_setup(columns, rows):
    types = ", ".join(f'{n} {PG_TYPES.get(t, t)}' for n, t in columns)
    values = []
    for number, row in enumerate(rows, 1):
        cells = [str(number)]
        for (_, kind), v in zip(columns, row):
            v = "null" if v == "null" else v if v.startswith("'") else f"'{v}'"
            cells.append(f"{v}::{PG_TYPES.get(kind, kind)}")
        values.append("(" + ", ".join(cells) + ")")
    return f"""
set datestyle to iso; set timezone to 'UTC'; set extra_float_digits to 1; set client_min_messages to error;
create temp table rows (row_number int, {types});
insert into rows values {", ".join(values)};
create function pg_temp.try(e text, n int) returns json language plpgsql as $$
declare r json;
begin
  execute format('select json_build_array(pg_typeof(v)::text, case when pg_typeof(v)::text = ''timestamp without time zone'''
    || ' then to_char(v::text::timestamp, ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') else v::text end)'
    || ' from (select (%s) as v from rows where row_number = %s) as x', e, n) into r;
  return r;
exception when others then return json_build_array('error', sqlerrm);
end $$;
create temp table cases (id int, e text);
"""


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def pg_values(jobs, columns, rows):
    """jobs: [(sql, row numbers)]. Returns [[(type, text)]], or None without a server."""
    script = [pg_setup(columns, rows)]
    wanted = []
    for k, (sql, numbers) in enumerate(jobs):
        script.append(f"insert into cases values ({k}, {quote(sql)});\n")
        wanted += [f"({k}, {n})" for n in numbers]
    for i in range(0, len(wanted), 2000):
        script.append("select json_build_array(w.k, w.n, pg_temp.try(c.e, w.n)) from (values "
                      + ", ".join(wanted[i:i + 2000]) + ") as w(k, n) join cases c on c.id = w.k;\n")
    try:
        run = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input="".join(script), text=True,
                             capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        return None
    if run.returncode == 2:  # no connection
        return None
    if run.returncode != 0:
        sys.exit(f"psql: {run.stderr}")
    found = {}
    for line in run.stdout.splitlines():
        k, n, (kind, text) = json.loads(line)
        found[k, n] = (kind, text)
    return [[found[k, n] for n in numbers] for k, (_, numbers) in enumerate(jobs)]


def timestamp_text(text):
    """As Spate writes it: 0, 3 or 6 digits."""
    if text.endswith(".000000Z"):
        return text[:-8] + "Z"
    return text[:-4] + "Z" if text.endswith("000Z") else text


def double_text(text):
    if text in ("NaN", "Infinity", "-Infinity"):
        return text
    v = float(text)
    if v == math.floor(v) and abs(v) < 1e15:
        return f"{v:.1f}"
    text = next(t for t in (f"{v:.{digits}g}" for digits in (15, 16, 17)) if float(t) == v)
    return text if "." in text or "e" in text else text + ".0"


def pg_literal(kind, text, inexact):
    if kind == "error":
        return "error: " + text
    if text is None:
        return "null"
    if kind in ("integer", "bigint", "smallint", "numeric"):
        return text
    if kind == "double precision":
        whole = double_text(text)
        return "~" + whole if inexact and "." in whole and not whole.endswith(".0") else whole
    if kind == "boolean":
        return text
    if kind == "timestamp without time zone":
        return timestamp_text(text)
    return quote(text)


# ---- SQLite ----
def sqlite_setup(columns, rows):
    db = sqlite3.connect(":memory:")
    db.execute("pragma case_sensitive_like = on")
    db.execute("create table rows (row_number, " + ", ".join(n for n, _ in columns) + ")")
    for number, row in enumerate(rows, 1):
        cells = [number]
        for (_, kind), v in zip(columns, row):
            if v == "null" or v == "NaN":
                cells.append(None)
            elif kind == "int":
                cells.append(int(v))
            elif kind == "double" or kind.startswith("decimal"):
                cells.append(float(v.replace("Infinity", "inf")))
            elif kind == "bool":
                cells.append(int(v == "true"))
            else:
                cells.append(v[1:-1].replace("''", "'") if v.startswith("'") else v)
        db.execute("insert into rows values (" + ", ".join("?" * len(cells)) + ")", cells)
    return db


def sqlite_value(db, sql, number):
    try:
        v = db.execute(f"select ({sql}) from rows where row_number = ?", (number,)).fetchone()[0]
    except sqlite3.Error as e:
        return ("error", str(e))
    return ("sqlite", None if v is None else repr(v) if isinstance(v, float) else str(v))


# ---- comparison ----
def equal(expected, kind, text):
    if expected.startswith("error:"):
        return kind == "error"
    if kind == "error":
        return False
    if expected == "null" or text is None:
        return expected == "null" and text is None
    if expected.startswith("'"):
        return expected[1:-1].replace("''", "'") == text
    if expected in ("true", "false"):
        return text == expected or text == {"true": "1", "false": "0"}[expected]
    if re.match(r"\d{4}-\d\d-\d\dT", expected):
        return expected == (timestamp_text(text) if "T" in text else text)
    near = expected.startswith("~")
    try:
        a, b = Decimal(expected.lstrip("~")), Decimal(text)
    except InvalidOperation:
        return False
    if a.is_nan() or b.is_nan() or a.is_infinite() or b.is_infinite():
        return str(a) == str(b)
    return abs(a - b) <= (Decimal("1e-14") * max(abs(a), abs(b)) if near else 0) or (
        not near and "e" in expected and float(a) == float(b))


def check_pg(cases, columns, rows, fill):
    jobs, order = [], []
    for case in cases:
        for engine, sql in case.sources:
            if engine == "pg" and not case.expected[0].startswith("refused:"):
                single = len(case.expected) == 1 and case.expected[0] != "?"
                jobs.append((sql or pg_sql(case.expression), [1] if single else list(range(1, len(rows) + 1))))
                order.append(case)
    values = pg_values(jobs, columns, rows)
    if values is None:
        print("PostgreSQL: not reached, its values were not checked")
        return 0
    wrong = 0
    for case, got in zip(order, values):
        if case.expected == ["?"]:
            literals = [pg_literal(kind, text, INEXACT.search(case.expression)) for kind, text in got]
            case.expected = literals[:1] if len(set(literals)) == 1 else literals
            case.filled = True
            continue
        for number, (expected, (kind, text)) in enumerate(zip(case.expected, got), 1):
            if not equal(expected, kind, text):
                wrong += 1
                print(f"{case.place()}: {case.expression}: row {number}: expected {expected}, PostgreSQL has {kind} {text}")
    print(f"PostgreSQL: {len(jobs)} cases")
    return wrong


def check_sqlite(cases, columns, rows):
    db, count, wrong = sqlite_setup(columns, rows), 0, 0
    for case in cases:
        for engine, sql in case.sources:
            if engine != "sqlite":
                continue
            count += 1
            for number, expected in enumerate(case.expected, 1):
                kind, text = sqlite_value(db, sql or case.expression, number)
                if not equal(expected, kind, text):
                    wrong += 1
                    print(f"{case.place()}: {case.expression}: row {number}: expected {expected}, SQLite has {text}")
    print(f"SQLite: {count} cases")
    return wrong


def write_filled(path, cases):
    lines = open(path, encoding="utf-8").read().split("\n")
    for case in cases:
        if getattr(case, "filled", False):
            lines[case.number - 1] = lines[case.number - 1].replace(" => ?", " => " + " | ".join(case.expected), 1)
    open(path, "w", encoding="utf-8").write("\n".join(lines))


def main():
    arguments = sys.argv[1:]
    fill = "--fill" in arguments
    paths = [a for a in arguments if a != "--fill"] or sorted(glob.glob(os.path.join(HERE, "*.cases")))
    columns, rows = read_rows()
    tables = {path: read_cases(path) for path in paths}
    cases = [c for path in paths for c in tables[path]]
    for case in cases:
        if len(case.expected) not in (1, len(rows)):
            sys.exit(f"{case.place()}: {len(case.expected)} values for {len(rows)} rows")
    wrong = check_pg(cases, columns, rows, fill)
    wrong += check_sqlite(cases, columns, rows)
    if fill:
        for path in paths:
            write_filled(path, tables[path])
    rules = sum(all(engine == "rule" for engine, _ in c.sources) for c in cases)
    print(f"{len(cases)} cases, {rules} by rule alone, {wrong} values differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
