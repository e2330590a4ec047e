/*
 * json_simdjson: records of JSON into columns, by simdjson. The only C++ of the project.
 *
 * Stage 1 of simdjson finds every structural character and the beginning of every value, 64 bytes at a time, and checks
 * UTF-8 and string ends. One call costs as much as ten records, so it is made for a block of records (64 KB), and what
 * follows walks over its index: first by shape (the record has the same kinds of token, and the same keys, as one seen
 * before: its values lie where they lay), else token by token, learning the shape.
 *
 * Whatever these two do not accept goes to the slow way, simdjson's On-Demand for that record alone, which decides and
 * words the reason. So the reasons are those of one reader, and the law that tests hold is: a record accepted by the
 * block gives the row that On-Demand gives.
 *
 * Laws of both ways: one object a record; the whole structure is checked, depth at most JSON_DEPTH; keys are looked at
 * while a wanted one of their object is missing; values are looked at when wanted. A broken record cannot spoil its
 * neighbours: a string left open would hold the line's end, which stage 1 refuses, and then the block goes the slow
 * way.
 */
#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "json_simdjson.h"
#include "json_value.h"

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
static_assert(SPATE_PADDING >= simdjson::SIMDJSON_PADDING, "payload buffers must be padded for simdjson");

namespace {

constexpr size_t BLOCK_BYTES = 64 << 10, SMALL_BYTES = 4 << 10, KEEP_BYTES = 1 << 20;
constexpr uint32_t SHAPES = 4, SHAPE_TOKENS = 512, SHAPE_KEYS = 128;

/* ---- shapes ---- */
struct shape_key {
  uint32_t token, size; /* with its quotes */
  uint32_t text;        /* in shape.text, followed by 16 bytes that may be read */
};
struct shape {
  uint32_t tokens = 0; /* 0: none */
  uint32_t keys = 0;
  uint8_t kind[SHAPE_TOKENS];
  shape_key key[SHAPE_KEYS];
  std::vector<char> text;
  std::vector<uint32_t> at; /* by column: its value's token, JSON_NO: absent */
};

/* Kinds of token: each structural character its own, all scalars but strings one. */
struct kind_table {
  uint8_t of[256];
  constexpr kind_table() : of() {
    for (int i = 0; i < 256; i++) of[i] = 7;
    of[int('{')] = 0, of[int('}')] = 1, of[int('[')] = 2, of[int(']')] = 3;
    of[int(':')] = 4, of[int(',')] = 5, of[int('"')] = 6;
  }
};
constexpr kind_table KIND;

/* Where we are in a block: the index of stage 1, ending with tokens beyond the block's end. */
struct walk {
  const char *text;
  const uint32_t *token;
  uint32_t end; /* of the record */
  char at(uint32_t i) const { return text[token[i]]; }
  bool inside(uint32_t i) const { return token[i] < end; }
};

}  // namespace

struct json_reader {
  struct json_plan *plan = nullptr;
  bool by_line = false;
  ondemand::parser parser;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
  size_t stage_room = 0;
  struct shape *shapes[SHAPES + 1]; /* the first was the last to fit; the last is to be learned */
  struct shape pool[SHAPES + 1];
  uint32_t misses = 0;        /* records in a row that fit none */
  std::vector<uint64_t> seen; /* by node: the last record that had it */
  uint64_t record = 0;
  std::vector<char> key_text;              /* a key with escapes, without them */
  struct spate_buffer *gathered = nullptr; /* payloads that did not lie in lines */
  struct spate_payloads *lines = nullptr;
  /* of the batch at hand */
  struct spate_column **column = nullptr;
  struct spate_rejects *rejects = nullptr;

  json_reader() {
    for (uint32_t i = 0; i <= SHAPES; i++) shapes[i] = &pool[i];
  }
  ~json_reader() {
    json_plan_free(plan);
    spate_buffer_unref(gathered);
    free(lines);
  }
};

namespace {

/* ---- keys ---- */

/* The key's child of `node`; `size` bytes between the quotes. -1: bad escape. */
int key_find(json_reader *r, uint32_t node, const char *key, size_t size, uint32_t *hint, uint32_t *found) {
  *found = JSON_NO;
  if (size > UINT32_MAX / 2) return 0;
  if (memchr(key, '\\', size) != nullptr) {
    if (r->key_text.size() < size) r->key_text.resize(size + 64);
    int64_t n = json_unescape(key, size, r->key_text.data());
    if (n < 0) return -1;
    key = r->key_text.data();
    size = size_t(n);
  }
  uint32_t child = json_plan_find(r->plan, node, key, uint32_t(size), hint);
  if (child != JSON_NO && r->seen[child] == r->record) child = JSON_NO; /* the first wins */
  if (child != JSON_NO) r->seen[child] = r->record;
  *found = child;
  return 0;
}

/* ---- the slow way: On-Demand, a record alone ---- */

const char *fault_text(json_fault fault) {
  switch (fault) {
    case JSON_ESCAPE: return "has a bad escape";
    case JSON_NOT_JSON: return "is not JSON";
    case JSON_TOO_BIG: return "is out of range";
    case JSON_NO_ROOM: return "makes its column exceed 2 GiB";
    default: return "is of another type";
  }
}

const char *kind_text(uint8_t kind) {
  static const char *const NAMES[SPATE_KINDS] = {"null",   "bool",  "int",       "double",  "decimal",
                                                 "string", "bytes", "timestamp", "interval"};
  return kind < SPATE_KINDS ? NAMES[kind] : "?";
}

/* What On-Demand found. REJECTED: the reason is written already. */
enum slow { SLOW_FINE, SLOW_REJECTED, SLOW_BROKEN, SLOW_DEEP, SLOW_KEY };

struct slow_reader {
  json_reader *r;
  uint32_t row;
  error_code error;

  slow broken(error_code e) {
    error = e;
    return SLOW_BROKEN;
  }

  slow store(uint32_t node, std::string_view token) {
    json_plan *plan = r->plan;
    const char *at = token.data(), *end = at + token.size();
    for (uint32_t c = plan->node[node].column; c != JSON_NO; c = plan->column[c].same) {
      json_fault fault = json_store(&plan->column[c], r->column[c], row, at, end);
      if (fault == JSON_FINE) continue;
      const struct spate_field *f = plan->column[c].field;
      if (fault == JSON_IS_NULL) {
        if (json_value_absent(&plan->column[c], r->column[c], row) == 0) continue;
        spate_reject(r->rejects, row, "`%s` is required, and null", f->name);
        return SLOW_REJECTED;
      }
      while (end > at && json_blank(end[-1])) end--;
      if (end - at > 60) /* cut between characters */
        for (end = at + 60; (*end & 0xc0) == 0x80;) end--;
      spate_reject(r->rejects, row, "`%s` (%s): %.*s %s", f->name, kind_text(f->type.kind), int(end - at), at,
                   fault_text(fault));
      return SLOW_REJECTED;
    }
    return SLOW_FINE;
  }

  /* A value of `node` (JSON_NO: nobody wants it), of a container at `depth`. */
  slow value(ondemand::value v, std::string_view token, uint32_t node, uint32_t depth) {
    if (node != JSON_NO && r->plan->node[node].column != JSON_NO) {
      slow s = store(node, token);
      if (s != SLOW_FINE) return s;
    }
    switch (token.data()[0]) {
      case '{': {
        ondemand::object object;
        if (depth >= JSON_DEPTH) return SLOW_DEEP;
        if (error_code e = v.get_object().get(object)) return broken(e);
        return fields(object, node, depth + 1);
      }
      case '[': {
        ondemand::array array;
        if (depth >= JSON_DEPTH) return SLOW_DEEP;
        if (error_code e = v.get_array().get(array)) return broken(e);
        return elements(array, node, depth + 1);
      }
      case '"': {
        ondemand::raw_json_string text;
        error_code e = v.get_raw_json_string().get(text);
        return e ? broken(e) : SLOW_FINE;
      }
      case '}':
      case ']':
      case ',':
      case ':':
      case ' ':
      case '\n':
      case '\r':
      case '\t': return broken(simdjson::TAPE_ERROR);
      default: return SLOW_FINE; /* the iterator steps over it */
    }
  }

  slow fields(ondemand::object object, uint32_t node, uint32_t depth) {
    uint32_t left = node != JSON_NO ? r->plan->node[node].keys : 0, hint = JSON_NO;
    for (auto one : object) {
      ondemand::field field;
      if (error_code e = std::move(one).get(field)) return broken(e);
      uint32_t child = JSON_NO;
      ondemand::value v = field.value();
      std::string_view token = v.raw_json_token();
      if (left > 0) { /* the key ends before the colon before the value */
        const char *key = field.key().raw(), *end = token.data();
        while (*--end != ':') continue;
        while (*--end != '"') continue;
        if (key_find(r, node, key, size_t(end - key), &hint, &child) != 0) return SLOW_KEY;
        if (child != JSON_NO) left--;
      }
      slow s = value(v, token, child, depth);
      if (s != SLOW_FINE) return s;
    }
    return SLOW_FINE;
  }

  slow elements(ondemand::array array, uint32_t node, uint32_t depth) {
    uint32_t index = 0;
    for (auto one : array) {
      ondemand::value v;
      if (error_code e = std::move(one).get(v)) return broken(e);
      uint32_t child = node != JSON_NO ? json_plan_element(r->plan, node, index) : JSON_NO;
      if (child != JSON_NO) r->seen[child] = r->record;
      slow s = value(v, v.raw_json_token(), child, depth);
      if (s != SLOW_FINE) return s;
      if (index < UINT32_MAX - 1) index++;
    }
    return SLOW_FINE;
  }

  slow record(const char *text, size_t size) {
    ondemand::document document;
    if (error_code e = r->parser.iterate(text, size, size + SPATE_PADDING).get(document)) return broken(e);
    ondemand::object object;
    if (error_code e = document.get_object().get(object)) return broken(e);
    slow s = fields(object, 0, 1);
    if (s != SLOW_FINE) return s;
    const char *rest;
    return document.current_location().get(rest) ? SLOW_FINE : broken(simdjson::TRAILING_CONTENT);
  }
};

const char *broken_text(error_code e) {
  switch (e) {
    case simdjson::UTF8_ERROR: return "not valid UTF-8";
    case simdjson::EMPTY: return "empty: there is no JSON object";
    case simdjson::UNCLOSED_STRING: return "not JSON: a string is not closed";
    case simdjson::UNESCAPED_CHARS: return "not JSON: a control character in a string";
    case simdjson::TRAILING_CONTENT: return "not JSON: something follows the object";
    case simdjson::INCORRECT_TYPE: return "not a JSON object";
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY: return "too big for memory";
    default: return "not JSON: the structure is broken";
  }
}

/* A row that holds nothing, so that strings after it find their place. */
void row_clear(json_reader *r, uint32_t row) {
  for (uint32_t c = 0; c < r->plan->columns; c++) {
    struct spate_column *column = r->column[c];
    if (column->valid != nullptr) column->valid[row >> 3] = uint8_t(column->valid[row >> 3] | 1u << (row & 7));
    if (column->type.kind == SPATE_STRING || column->type.kind == SPATE_BYTES) {
      if (column->written > row) column->written = row;
    }
  }
}

bool row_absent(json_reader *r, uint32_t row) {
  for (uint32_t c = 0; c < r->plan->columns; c++) {
    const struct json_column *column = &r->plan->column[c];
    if (r->seen[column->node] == r->record) continue;
    if (json_value_absent(column, r->column[c], row) == 0) continue;
    spate_reject(r->rejects, row, "`%s` is required, and absent", column->field->name);
    return false;
  }
  return true;
}

void row_null(json_reader *r, uint32_t row) {
  for (uint32_t c = 0; c < r->plan->columns; c++) spate_column_set_null(r->column[c], row);
}

void record_slow(json_reader *r, const char *text, size_t size, uint32_t row) {
  slow_reader reader = {r, row, simdjson::SUCCESS};
  r->record++;
  row_clear(r, row);
  switch (reader.record(text, size)) {
    case SLOW_FINE:
      if (row_absent(r, row)) return;
      break;
    case SLOW_REJECTED: break;
    case SLOW_BROKEN: spate_reject(r->rejects, row, "%s", broken_text(reader.error)); break;
    case SLOW_DEEP: spate_reject(r->rejects, row, "nested deeper than %d", JSON_DEPTH); break;
    case SLOW_KEY: spate_reject(r->rejects, row, "a key with a bad escape"); break;
  }
  row_clear(r, row);
}

/* ---- token by token, learning the shape ---- */

struct learner {
  json_reader *r;
  walk w;
  struct shape *s;

  /* The key at token i, of an object that still misses a wanted one. */
  bool key(uint32_t i, uint32_t node, uint32_t *hint, uint32_t *child) {
    const char *text = w.text + w.token[i], *end = w.text + w.token[i + 1];
    do end--;
    while (*end != '"');
    if (key_find(r, node, text + 1, size_t(end - text - 1), hint, child) != 0) return false;
    if (s->keys < SHAPE_KEYS) {
      s->key[s->keys] = {i, uint32_t(end - text + 1), uint32_t(s->text.size())};
      s->text.insert(s->text.end(), text, end + 1);
    }
    s->keys++;
    return true;
  }

  /* A value that begins at token i; returns the token behind it, 0: broken. */
  uint32_t value(uint32_t i, uint32_t node, uint32_t depth) {
    if (!w.inside(i)) return 0;
    if (node != JSON_NO)
      for (uint32_t c = r->plan->node[node].column; c != JSON_NO; c = r->plan->column[c].same) s->at[c] = i;
    switch (w.at(i)) {
      case '{': return depth < JSON_DEPTH ? fields(i + 1, node, depth + 1) : 0;
      case '[': return depth < JSON_DEPTH ? elements(i + 1, node, depth + 1) : 0;
      case '}':
      case ']':
      case ',':
      case ':': return 0;
      default: return i + 1;
    }
  }

  /* i is behind '{'. */
  uint32_t fields(uint32_t i, uint32_t node, uint32_t depth) {
    uint32_t left = node != JSON_NO ? r->plan->node[node].keys : 0, hint = JSON_NO;
    if (w.inside(i) && w.at(i) == '}') return i + 1;
    for (;;) {
      if (!w.inside(i) || w.at(i) != '"' || !w.inside(i + 1) || w.at(i + 1) != ':') return 0;
      uint32_t child = JSON_NO;
      if (left > 0) {
        if (!key(i, node, &hint, &child)) return 0;
        if (child != JSON_NO) left--;
      }
      i = value(i + 2, child, depth);
      if (i == 0 || !w.inside(i)) return 0;
      if (w.at(i) == '}') return i + 1;
      if (w.at(i) != ',') return 0;
      i++;
    }
  }

  uint32_t elements(uint32_t i, uint32_t node, uint32_t depth) {
    if (w.inside(i) && w.at(i) == ']') return i + 1;
    for (uint32_t index = 0;; index += index < UINT32_MAX - 1) {
      i = value(i, node != JSON_NO ? json_plan_element(r->plan, node, index) : JSON_NO, depth);
      if (i == 0 || !w.inside(i)) return 0;
      if (w.at(i) == ']') return i + 1;
      if (w.at(i) != ',') return 0;
      i++;
    }
  }

  /* The whole record: how many tokens it has, 0: broken. */
  uint32_t record() {
    r->record++;
    s->keys = 0;
    s->text.clear();
    s->at.assign(r->plan->columns, JSON_NO);
    if (w.at(0) != '{') return 0;
    uint32_t n = fields(1, 0, 1);
    return n > 0 && !w.inside(n) ? n : 0;
  }
};

/* Keeps the fresh shape as the first one, if it can be kept. */
void shape_keep(json_reader *r, const walk &w, uint32_t tokens) {
  struct shape *s = r->shapes[SHAPES];
  if (tokens > SHAPE_TOKENS || s->keys > SHAPE_KEYS) return;
  for (uint32_t i = 0; i < tokens; i++) s->kind[i] = KIND.of[uint8_t(w.at(i))];
  s->text.insert(s->text.end(), 16, char(0));
  s->tokens = tokens;
  std::rotate(r->shapes, r->shapes + SHAPES, r->shapes + SHAPES + 1);
}

/* ---- by shape ---- */

bool key_equal(const char *a, const char *b, uint32_t size) {
#if defined(__SSE2__)
  for (;; a += 16, b += 16, size -= 16) {
    __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i *>(a));
    __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i *>(b));
    unsigned differ = ~unsigned(_mm_movemask_epi8(_mm_cmpeq_epi8(x, y)));
    if (size <= 16) return (differ & ((2u << (size - 1)) - 1)) == 0;
    if ((differ & 0xffff) != 0) return false;
  }
#else
  return memcmp(a, b, size) == 0;
#endif
}

bool shape_fits(const struct shape &s, const walk &w, const uint32_t *last) {
  uint32_t n = s.tokens;
  if (n == 0 || w.token + n > last || w.token[n - 1] >= w.end || w.token[n] < w.end) return false;
  unsigned bad = 0;
  for (uint32_t i = 0; i < n; i++) bad |= unsigned(KIND.of[uint8_t(w.at(i))]) ^ s.kind[i];
  if (bad != 0) return false;
  for (uint32_t k = 0; k < s.keys; k++)
    if (!key_equal(w.text + w.token[s.key[k].token], s.text.data() + s.key[k].text, s.key[k].size)) return false;
  return true;
}

/* The values, from where the shape says they are. false: something is wrong with one. */
bool shape_cells(json_reader *r, const struct shape &s, const walk &w, uint32_t row) {
  const uint32_t *at = s.at.data();
  for (uint32_t c = 0; c < r->plan->columns; c++) {
    json_fault fault = JSON_IS_NULL;
    if (at[c] != JSON_NO)
      fault = json_store(&r->plan->column[c], r->column[c], row, w.text + w.token[at[c]], w.text + w.token[at[c] + 1]);
    if (fault == JSON_FINE) continue;
    if (fault != JSON_IS_NULL || json_value_absent(&r->plan->column[c], r->column[c], row) != 0) return false;
  }
  return true;
}

/* Tokens taken, 0: not accepted. last: the end of the block's index. */
uint32_t record_quick(json_reader *r, const walk &w, const uint32_t *last, uint32_t row) {
  for (uint32_t k = 0; k < SHAPES; k++) {
    if (!shape_fits(*r->shapes[k], w, last)) continue;
    if (k > 0) std::rotate(r->shapes, r->shapes + k, r->shapes + k + 1);
    r->misses = 0;
    return shape_cells(r, *r->shapes[0], w, row) ? r->shapes[0]->tokens : 0;
  }
  learner l = {r, w, r->shapes[SHAPES]};
  uint32_t tokens = l.record();
  if (tokens == 0 || !shape_cells(r, *r->shapes[SHAPES], w, row)) return 0;
  /* Where no two records are alike, learning is for nothing: then only every sixteenth. */
  if (r->misses++ < 64 || r->misses % 16 == 0) shape_keep(r, w, tokens);
  return tokens;
}

/* ---- blocks ---- */

bool stage_reserve(json_reader *r, size_t size) {
  if (size <= r->stage_room && r->stage != nullptr) return true;
  size_t room = size <= BLOCK_BYTES ? BLOCK_BYTES : size + size / 2;
  if (simdjson::get_active_implementation()->create_dom_parser_implementation(room, 16, r->stage)) return false;
  r->stage_room = room;
  return true;
}

void rows_slow(json_reader *r, const struct spate_payloads *in, uint32_t from, uint32_t to) {
  for (uint32_t row = from; row < to; row++) {
    if (in->length[row] == UINT32_MAX)
      row_null(r, row);
    else
      record_slow(r, in->buffer->data + in->start[row], in->length[row], row);
  }
}

void rows_indexed(json_reader *r, const struct spate_payloads *in, uint32_t from, uint32_t to, size_t base) {
  const char *text = in->buffer->data + base;
  const uint32_t *token = r->stage->structural_indexes.get(), *last = token + r->stage->n_structural_indexes;
  for (uint32_t row = from; row < to; row++) {
    if (in->length[row] == UINT32_MAX) {
      row_null(r, row);
      continue;
    }
    uint32_t start = uint32_t(in->start[row] - base), end = start + in->length[row];
    while (token < last && *token < start) token++; /* what a broken record left */
    uint32_t taken = 0;
    if (token < last && *token < end) taken = record_quick(r, walk{text, token, end}, last, row);
    token += taken;
    if (taken == 0) record_slow(r, in->buffer->data + in->start[row], in->length[row], row);
  }
}

/* Rows [from, to) in blocks of up to `most` bytes. One that stage 1 refuses is tried again in small blocks, so that
 * only the neighbours of a broken string or of bad UTF-8 go the slow way with it. */
void rows_blocks(json_reader *r, const struct spate_payloads *in, uint32_t from, uint32_t to, size_t most) {
  uint32_t row = from;
  while (row < to) {
    if (in->length[row] == UINT32_MAX) {
      row_null(r, row++);
      continue;
    }
    uint32_t first = row;
    size_t base = in->start[row], end = base + in->length[row];
    for (row++; row < to; row++) {
      if (in->length[row] == UINT32_MAX) continue;
      if (in->start[row] < end || size_t(in->start[row]) + in->length[row] - base > most) break;
      end = size_t(in->start[row]) + in->length[row];
    }
    const uint8_t *text = reinterpret_cast<const uint8_t *>(in->buffer->data + base);
    if (stage_reserve(r, end - base) && !r->stage->stage1(text, end - base, simdjson::stage1_mode::regular))
      rows_indexed(r, in, first, row, base);
    else if (most > SMALL_BYTES && row - first > 1)
      rows_blocks(r, in, first, row, SMALL_BYTES);
    else
      rows_slow(r, in, first, row);
  }
}

/* Payloads that lie anywhere, copied into lines. */
int rows_gather(json_reader *r, const struct spate_payloads *in, struct spate_error *err) {
  if (r->gathered == nullptr) r->gathered = spate_buffer_new(BLOCK_BYTES);
  if (r->lines == nullptr) r->lines = static_cast<struct spate_payloads *>(calloc(1, sizeof *r->lines));
  if (r->gathered == nullptr || r->lines == nullptr) return spate_fail(err, "out of memory");
  r->gathered->size = 0;
  r->lines->buffer = r->gathered;
  r->lines->count = in->count;
  for (uint32_t i = 0; i < in->count; i++) {
    size_t size = in->length[i] != UINT32_MAX ? in->length[i] : 0;
    if (r->gathered->size + size >= UINT32_MAX) return spate_fail(err, "a block of payloads over 4 GiB");
    r->lines->start[i] = uint32_t(r->gathered->size);
    r->lines->length[i] = in->length[i];
    if ((size > 0 && spate_buffer_append(r->gathered, in->buffer->data + in->start[i], size) != 0) ||
        spate_buffer_append(r->gathered, "\n", 1) != 0)
      return spate_fail(err, "out of memory");
  }
  return 0;
}

/* The index takes four bytes for one of the record: what a huge one needed is given back. */
void memory_trim(json_reader *r) {
  if (r->stage_room > KEEP_BYTES) r->stage.reset(), r->stage_room = 0;
  if (r->parser.capacity() > KEEP_BYTES) r->parser = ondemand::parser();
  if (r->gathered != nullptr && r->gathered->room > 16 * KEEP_BYTES) {
    spate_buffer_unref(r->gathered);
    r->gathered = nullptr;
  }
}

void columns_new(json_reader *r, uint32_t rows, struct spate_column **column) {
  for (uint32_t c = 0; c < r->plan->columns; c++) {
    const struct json_column *j = &r->plan->column[c];
    column[c] = spate_column_new(j->field->type, rows, (j->row_bytes + j->row_bytes / 8) * rows + 64);
  }
}

void columns_finish(json_reader *r, uint32_t rows) {
  for (uint32_t c = 0; c < r->plan->columns; c++) {
    struct spate_column *column = r->column[c];
    spate_column_finish(column);
    if (rows == 0 || (column->type.kind != SPATE_STRING && column->type.kind != SPATE_BYTES)) continue;
    uint32_t bytes = column->offsets[rows] / rows + 1; /* a guess for the next batch, bounded */
    r->plan->column[c].row_bytes = bytes < 4096 ? bytes : 4096;
  }
}

}  // namespace

struct json_reader *json_reader_new(struct json_plan *plan, bool by_line, struct spate_error *err) {
  json_reader *r = new (std::nothrow) json_reader;
  if (r == nullptr) {
    json_plan_free(plan);
    spate_fail(err, "out of memory");
    return nullptr;
  }
  r->plan = plan;
  r->by_line = by_line;
  r->seen.assign(plan->nodes, 0);
  return r;
}

void json_reader_free(struct json_reader *reader) { delete reader; }

int json_reader_decode(struct json_reader *r, const struct spate_payloads *in, struct spate_column **column,
                       struct spate_rejects *rejects, struct spate_error *err) {
  const struct spate_payloads *lines = in;
  if (!in->lines) {
    if (rows_gather(r, in, err) != 0) return -1;
    lines = r->lines;
  }
  columns_new(r, in->count, column);
  r->column = column;
  r->rejects = rejects;
  if (r->by_line)
    rows_slow(r, lines, 0, lines->count);
  else
    rows_blocks(r, lines, 0, lines->count, BLOCK_BYTES);
  columns_finish(r, in->count);
  memory_trim(r);
  return 0;
}
