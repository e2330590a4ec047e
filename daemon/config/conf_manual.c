/*
 * conf_manual: a table of options as text: troff for spate.yaml(5), plain for --help.
 *
 * Name, type, default, range and help all come from the row that conf_fill reads, so that the manual cannot be wrong
 * about what is accepted. Options of a group are written with its name before them (`tls.ca`).
 */
#include <string.h>
#include "conf_parts.h"

struct manual {
  FILE *out;
  bool troff;
};

/* Text for troff: a backslash, a hyphen, and a line that would begin as a request. */
static void put(const struct manual *m, const char *text) {
  if (!m->troff) {
    fputs(text, m->out);
    return;
  }
  if (text[0] == '.' || text[0] == '\'') fputs("\\&", m->out);
  for (; *text != 0; text++) {
    if (*text == '\\')
      fputs("\\e", m->out);
    else if (*text == '-')
      fputs("\\-", m->out);
    else
      fputc(*text, m->out);
  }
}

static const char *type_name(const struct spate_option *option) {
  switch (option->type) {
    case SPATE_OPT_BOOL: return "true or false";
    case SPATE_OPT_INT: return "number";
    case SPATE_OPT_DOUBLE: return "number";
    case SPATE_OPT_STRING: return "text";
    case SPATE_OPT_ENUM: return "word";
    case SPATE_OPT_DURATION: return "time";
    case SPATE_OPT_SIZE: return "size";
    case SPATE_OPT_STRINGS: return "text or list";
    case SPATE_OPT_MAP: return "map";
    case SPATE_OPT_ADDRESS: return "host:port";
    case SPATE_OPT_COLUMN: return "column";
    case SPATE_OPT_COLUMNS: return "column or list";
    case SPATE_OPT_TEMPLATE: return "text with {column}";
    case SPATE_OPT_EXPRS: return "map of expressions";
    case SPATE_OPT_GROUP: return "options";
  }
  return "";
}

static void put_type(const struct manual *m, const struct spate_option *option) {
  if (option->type == SPATE_OPT_ENUM) {
    for (const char *const *c = option->choices; *c != NULL; c++) {
      if (c != option->choices) put(m, " | ");
      put(m, *c);
    }
  } else {
    put(m, type_name(option));
  }
  if (option->type == SPATE_OPT_INT && option->max > option->min && option->max != INT64_MAX) {
    char range[64];
    snprintf(range, sizeof range, " %lld..%lld", (long long)option->min, (long long)option->max);
    put(m, range);
  }
  if ((option->flags & SPATE_REQUIRED) != 0) put(m, ", required");
  if ((option->flags & SPATE_SECRET) != 0) put(m, ", secret");
  if (option->default_text != NULL && option->default_text[0] != 0) {
    put(m, ", default ");
    put(m, option->default_text);
  }
}

static void put_table(const struct manual *m, const struct spate_option *table, const char *prefix) {
  for (const struct spate_option *o = table; o != NULL && o->name != NULL; o++) {
    char name[160];
    snprintf(name, sizeof name, "%s%s", prefix, o->name);
    if (m->troff)
      fputs(".TP\n.B ", m->out);
    else
      fputs("  ", m->out);
    put(m, name);
    fputs(m->troff ? "\n(" : "  (", m->out);
    put_type(m, o);
    fputs(m->troff ? ")\n" : ")\n      ", m->out);
    put(m, o->help == NULL ? "" : o->help);
    fputc('\n', m->out);
    size_t size = strlen(name);
    if (o->type == SPATE_OPT_GROUP && size + 1 < sizeof name) {
      memcpy(name + size, ".", 2);
      put_table(m, o->group, name);
    }
  }
}

void conf_manual(FILE *out, const struct spate_option *table, bool troff) {
  const struct manual m = {out, troff};
  put_table(&m, table, "");
}
