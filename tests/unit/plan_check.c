/*
 * What check says: a mistake a row, with the place and the words that help. A row is a pipeline; `error` must be found
 * in what is printed, and nothing else may be an error.
 */
#include "plan_test.h"

#define FILE_IN "file: {path: x}, decode: json, schema: {a: int, s: string, t: timestamp}"
#define P(sources, steps, sinks) "pipeline: p\nsources: {" sources "}\nsteps: [" steps "]\nsinks: {" sinks "}\n"
#define OUT "out: {discard: {}}"
#define ONE(steps) P("in: {" FILE_IN "}", steps, OUT)
#define TOP(key) key "\npipeline: p\nsources: {in: {" FILE_IN "}}\nsinks: {" OUT "}\n"

static const struct {
  const char *yaml, *error;
  uint32_t errors;
} ROWS[] = {
    /* the pipeline's own keys */
    {"sources: {in: {" FILE_IN "}}\nsinks: {" OUT "}\n", "pipeline", 1},
    {TOP("mode: batch"), "1:7: error:", 1},
    {TOP("mode: microbatch"), "did you mean 'micro_batch'?", 1},
    {TOP("checkpoint: 0s"), "1:13: error:", 1},
    {TOP("mode: micro_batch\ncheckpoint: 1s"), "'checkpoint' belongs to mode: record", 1},
    {TOP("trigger: {every: 1s}"), "'trigger' belongs to mode: micro_batch", 1},
    {TOP("mode: micro_batch\ntrigger: {evry: 1s}"), "did you mean 'every'?", 1},
    {TOP("mode: micro_batch\ntrigger: {available_now: true, every: 1s}"), "'every' has no meaning", 1},
    {TOP("mode: micro_batch\ntrigger: {max_records: 0}"), "2:24: error:", 1},
    {TOP("parallelism: many"), "auto or a number from 1 to 256", 1},
    {TOP("parallelism: 0"), "auto or a number from 1 to 256", 1},
    {TOP("on_error: ignore"), "1:11: error:", 1},
    {TOP("dead_letter: outt"), "did you mean 'out'?", 1},
    {TOP("on_error: drop\ndead_letter: out"), "gets nothing under on_error: drop", 1},
    {"pipeline: a b\nsources: {in: {" FILE_IN "}}\nsinks: {" OUT "}\n", "cannot be the name of a pipeline", 1},
    {"pipeline: p\nsinks: {" OUT "}\n", "'sources' is missing", 1},
    {"pipeline: p\nsources: {in: {" FILE_IN "}}\n", "'sinks' is missing", 1},
    {"pipeline: p\nsources: [in]\nsinks: {" OUT "}\n", "'sources' is a map from a name to a component", 1},
    {"pipeline: p\nsources: {in: {" FILE_IN "}}\nsinks: {" OUT "}\nsteps: {filter: a > 1}\n", "'steps' is a list", 1},
    /* components */
    {P("in: {decode: json, schema: {a: int}}", "", OUT), "names no connector", 1},
    {P("in: [file]", "", OUT), "a source is a map with one connector", 1},
    {P("in: {link: {name: x}, decode: json, schema: {a: int}}", "", OUT), "the connector 'link' is not built yet", 1},
    {P("in: {zeromq: {pull: x}, decode: json, schema: {a: int}}", "", OUT), "'zeromq' is not built yet", 1},
    {P("in: {file: {path: x}, decode: avro, schema: {a: int}}", "", OUT), "the codec 'avro' is not built yet", 1},
    {P("in: {file: {path: x}, decode: [json], schema: {a: int}}", "", OUT), "a codec is its name", 1},
    {P("in: {file: {path: x}, decode: {csv: {headr: true}}, schema: {a: int}}", "", OUT), "did you mean 'header'?", 1},
    {P("in: {file: {path: x}, schema: {a: int}}", "", OUT), "does not say how its records are encoded", 1},
    {P("in: {file: {path: x}, decode: text, schema: {a: int}}", "", OUT), "takes no schema", 1},
    {P("in: {generator: {rate: 1, fields: {a: i}}, decode: json}", "", OUT), "generator takes no 'decode'", 1},
    {P("in: {generator: {rate: 1, fields: {a: j + 1}}}", "", OUT), "'j'", 1},
    {P("in: {" FILE_IN "}", "", "out: {stdout: {}, encode: json, format: x}"), "in the place of 'encode'", 1},
    {P("in: {" FILE_IN "}", "", "out: {discard: {}, format: x}"), "discard takes no 'format'", 1},
    {P("in: {" FILE_IN "}", "", "out: {file: {path: x}}"), "does not say how to write its records", 1},
    {P("in: {" FILE_IN "}", "", "out: {file: {path: \"x-{b}\"}, encode: json}"), "b", 1},
    {P("in: {" FILE_IN "}", "", "out: {kafka: {brokers: \"b:9092\", topic: t, key: ss}, encode: json}"),
     "there is no column 'ss' here", 1},
    {P("in: {" FILE_IN "}", "", "out: {kafka: {brokers: \"b:9092\", topic: t, link: x}, encode: json}"), "link", 1},
    {P("in.a: {" FILE_IN "}", "", OUT), "cannot be the name of a source", 1},
    /* schemas and time */
    {P("in: {file: {path: x}, decode: json, schema: [a]}", "", OUT), "a schema is a map of columns", 1},
    {P("in: {file: {path: x}, decode: json, schema: {a: decimal}}", "", OUT), "decimal(10,2)", 1},
    {P("in: {file: {path: x}, decode: json, schema: {a: array<int>}}", "", OUT), "not built yet", 1},
    {P("in: {file: {path: x}, decode: json, schema: {a: {typ: int}}}", "", OUT), "did you mean 'type'?", 2},
    {P("in: {file: {path: x}, decode: json, schema: {a: {type: int, default: x}}}", "", OUT), "no", 0},
    {P("in: {" FILE_IN ", time: tt}", "", OUT), "the columns here are: a, s, t", 1},
    {P("in: {" FILE_IN ", time: a}", "", OUT), "timestamp(ms), timestamp(s) and timestamp(us) read numbers", 1},
    {P("in: {" FILE_IN ", watermark: {delay: 1s}}", "", OUT), "a watermark goes by event time", 1},
    {P("in: {" FILE_IN ", time: t, watermark: {delay: -1s}}", "", OUT), "error:", 1},
    {P("in: {" FILE_IN ", time: t, watermark: {idle: soon}}", "", OUT), "error:", 1},
    /* the graph */
    {ONE("{filter: a > 1, map: {b: a}}"), "two: filter and map", 1},
    {ONE("{name: x}"), "this step has no verb", 1},
    {ONE("filter"), "a step is a map", 1},
    {ONE("{filter: a > 1, form: in}"), "did you mean 'from'?", 1},
    {ONE("{join: {with: x}}"), "the step 'join' is not built yet", 1},
    {ONE("{filter: a > 1, from: inn}"), "did you mean 'in'?", 1},
    {ONE("{filter: a > 1, from: []}"), "the list is empty", 1},
    {ONE("{filter: a > 1, from: [in, in]}"), "'in' is named twice", 1},
    {ONE("{filter: a > 1, name: x}, {filter: a > 2, name: x}"), "'x' is already the name of a step", 1},
    {ONE("{filter: a > 1, name: x, from: x}"), "cycle", 2},
    {ONE("{route: {to: {x: a > 1}}, name: r}"), "does not say which output it reads", 1},
    {P("in: {" FILE_IN "}", "{route: {to: {x: a > 1}}, name: r}", "out: {discard: {}, from: r}"),
     "'r' is a route: read one of its outputs", 1},
    {P("in: {" FILE_IN "}", "{route: {to: {x: a > 1}}, name: r}", "out: {discard: {}, from: r.y}"),
     "did you mean 'r.x'?", 1},
    /* one mistake, one error: what follows from it is not said */
    {ONE("{set: {b: aa}}, {filter: b > 1}, {map: {c: b || 'x'}}"), "there is no column 'aa'", 1},
    {ONE("{lookup: {table: none, on: s, add: [c]}}, {filter: c > 1}"), "there is no table 'none'", 1},
    {P("in: {file: {path: x}, decode: json, schema: {a: itn}}", "{filter: a > 1}", OUT), "itn", 1},
    {P("in: {flie: {path: x}, decode: json, schema: {a: int}}", "{filter: b > 1}", OUT), "did you mean 'file'?", 1},
};

START_TEST(mistakes) {
  struct plan_test t;
  plan_make(&t, ROWS[_i].yaml, NULL);
  const char *text = plan_errors(&t);
  if (ROWS[_i].errors > 0) {
    if (t.plan != NULL) ck_abort_msg("accepted:\n%s", ROWS[_i].yaml);
    if (strstr(text, ROWS[_i].error) == NULL) ck_abort_msg("%s\nno '%s' in\n%s", ROWS[_i].yaml, ROWS[_i].error, text);
    if (t.errors.errors != ROWS[_i].errors) ck_abort_msg("%s\n%u errors in\n%s", ROWS[_i].yaml, t.errors.errors, text);
  }
  plan_test_free(&t);
}
END_TEST

/* What is right, and looks odd. */
static const char *const RIGHT[] = {
    TOP("mode: micro_batch\ntrigger: {available_now: true}"),
    P("in: {" FILE_IN ", time: t, watermark: {delay: 1s, idle: off, max_future: off}}", "", OUT),
    P("in: {" FILE_IN "}", "", "out: {stdout: }"),
    P("in: {" FILE_IN "}", "", "out: {stdout: {}, encode: table}"),
    P("in: {" FILE_IN "}", "", "out: {stdout: {}, encode: {csv: {header: true}}}"),
    P("in: {" FILE_IN "}", "", "out: {stdout: {format: \"{a}\"}}"),
    P("in: {stdin: , decode: text}", "", OUT),
    P("in: {" FILE_IN "}, two: {" FILE_IN "}", "", "out: {discard: {}, from: [in, two]}"),
    P("in: {" FILE_IN "}, two: {file: {path: x}, decode: json, schema: {t: timestamp(ms), s: string, a: int}}", "",
      "out: {discard: {}, from: [in, two]}"),
    ONE("{filter: a > 1, name: map}, {map: {b: a}}"),
    P("in: {" FILE_IN "}", "", "out: {discard: {}}, dead: {discard: {}}") "dead_letter: dead\n",
};

START_TEST(right) {
  struct plan_test t;
  plan_make(&t, RIGHT[_i], NULL);
  if (t.plan == NULL) ck_abort_msg("%s\n%s", RIGHT[_i], plan_errors(&t));
  plan_test_free(&t);
}
END_TEST

START_TEST(every_error_at_once) {
  struct plan_test t;
  plan_make(
      &t,
      "pipeline: p\nmode: fast\nsources: {in: {" FILE_IN
      ", tiem: t}}\nsteps:\n  - filter: b > 1\n  - fliter: a > 1\n  - map: {c: upper(a)}\n    from: in\nsinks: {out: "
      "{discrad: {}}}\n",
      NULL);
  ck_assert_ptr_null(t.plan);
  ck_assert_uint_ge(t.errors.errors, 5);
  plan_test_free(&t);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("plan check");
  TCase *tc = tcase_create("all");
  tcase_add_loop_test(tc, mistakes, 0, sizeof ROWS / sizeof *ROWS);
  tcase_add_loop_test(tc, right, 0, sizeof RIGHT / sizeof *RIGHT);
  tcase_add_test(tc, every_error_at_once);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed > 0;
}
