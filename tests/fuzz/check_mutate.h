/*
 * check_mutate: examples, spoilt. A mutation is what people and editors do to a file: a word exchanged for another that
 * stands somewhere in the examples, a line lost, doubled or moved in, a character lost or struck, a bracket left open.
 * The same seed gives the same text.
 */
#ifndef TESTS_CHECK_MUTATE_H
#define TESTS_CHECK_MUTATE_H
#include <glob.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct corpus {
  char *text[512], *path[512];
  size_t size[512];
  uint32_t files;
  char *word[8192];
  uint32_t words;
};

static inline uint32_t mutate_random(uint64_t *seed, uint32_t below) { /* splitmix64 */
  uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return below == 0 ? 0 : (uint32_t)((z ^ (z >> 31)) % below);
}

static inline bool word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static inline void corpus_words(struct corpus *c, const char *text) {
  for (const char *at = text; *at != 0;) {
    size_t n = 0;
    while (word_character(at[n])) n++;
    if (n > 0 && n < 40 && c->words < 8192) c->word[c->words++] = strndup(at, n);
    at += n > 0 ? n : 1;
  }
}

static inline void corpus_add(struct corpus *c, const char *pattern) {
  glob_t found = {0};
  if (glob(pattern, 0, NULL, &found) != 0) return;
  for (size_t i = 0; i < found.gl_pathc && c->files < 512; i++) {
    FILE *f = fopen(found.gl_pathv[i], "r");
    if (f == NULL) continue;
    char *text = malloc(65536);
    size_t size = fread(text, 1, 65535, f);
    fclose(f);
    text[size] = 0;
    c->path[c->files] = strdup(found.gl_pathv[i]);
    c->size[c->files] = size;
    c->text[c->files++] = text;
    corpus_words(c, text);
  }
  globfree(&found);
}

static inline void corpus_free(struct corpus *c) {
  for (uint32_t i = 0; i < c->files; i++) free(c->text[i]), free(c->path[i]);
  for (uint32_t i = 0; i < c->words; i++) free(c->word[i]);
}

/* Replaces text[from, from + gone) by `put`. */
static inline void mutate_splice(char *text, size_t room, size_t from, size_t gone, const char *put, size_t put_size) {
  size_t size = strlen(text);
  if (from > size || from + gone > size || size - gone + put_size >= room) return;
  memmove(text + from + put_size, text + from + gone, size - from - gone + 1);
  memcpy(text + from, put, put_size);
}

static inline size_t line_begin(const char *text, size_t at) {
  while (at > 0 && text[at - 1] != '\n') at--;
  return at;
}
static inline size_t line_size(const char *text, size_t at) {
  size_t n = strcspn(text + at, "\n");
  return n + (text[at + n] == '\n');
}

static inline void mutate_once(const struct corpus *c, char *text, size_t room, uint64_t *seed) {
  static const char odd[] = "{}[]:,#'\"*&!|>%@`-?~$\\ \t\n09azAZ\x01\xff\xc3\xa9";
  static const char *const values[] = {"",      "[]",   "{}",  "null", "-1",      "0",  "99999999999999999999",
                                       "1e308", "10s",  "- x", "${X}", "${A:-b}", "{{", "{x}",
                                       "''",    "true", "*a",  "~"};
  size_t size = strlen(text);
  if (size == 0) return;
  size_t at = mutate_random(seed, (uint32_t)size), begin = line_begin(text, at), line = line_size(text, begin);
  switch (mutate_random(seed, 10)) {
    case 0: mutate_splice(text, room, begin, line, "", 0); break;
    case 1: {
      char *copy = strndup(text + begin, line);
      mutate_splice(text, room, begin, 0, copy, line);
      free(copy);
      break;
    }
    case 2: mutate_splice(text, room, at, 1, "", 0); break;
    case 3: mutate_splice(text, room, at, 0, &odd[mutate_random(seed, sizeof odd - 1)], 1); break;
    case 4: mutate_splice(text, room, at, 1, &odd[mutate_random(seed, sizeof odd - 1)], 1); break;
    case 5: { /* a line from another example */
      uint32_t other = mutate_random(seed, c->files);
      if (c->size[other] == 0) break;
      size_t from = line_begin(c->text[other], mutate_random(seed, (uint32_t)c->size[other]));
      mutate_splice(text, room, begin, 0, c->text[other] + from, line_size(c->text[other], from));
      break;
    }
    case 6: mutate_splice(text, room, begin, 0, "  ", mutate_random(seed, 3)); break;
    case 7: { /* another value */
      size_t colon = strcspn(text + begin, ":\n");
      if (text[begin + colon] != ':') break;
      const char *value = values[mutate_random(seed, sizeof values / sizeof *values)];
      size_t from = begin + colon + 1, gone = strcspn(text + from, "\n,}");
      mutate_splice(text, room, from, gone, " ", 1);
      mutate_splice(text, room, from + 1, 0, value, strlen(value));
      break;
    }
    default: { /* a word for a word */
      while (at > 0 && word_character(text[at - 1])) at--;
      while (text[at] != 0 && !word_character(text[at])) at++;
      size_t gone = 0;
      while (word_character(text[at + gone])) gone++;
      const char *word = c->word[mutate_random(seed, c->words)];
      mutate_splice(text, room, at, gone, word, strlen(word));
    }
  }
}

/* A spoilt example in text[room]; which example it was. */
static inline uint32_t mutate(const struct corpus *c, char *text, size_t room, uint64_t seed) {
  uint32_t file = mutate_random(&seed, c->files), times = 1 + mutate_random(&seed, 3);
  snprintf(text, room, "%s", c->text[file]);
  for (uint32_t i = 0; i < times; i++) mutate_once(c, text, room, &seed);
  return file;
}

#endif
