/* text and raw: one column `value`, tombstones both ways, and which column is written. */
#include "codec_help.h"

static void decode(const struct spate_codec_api *api, const char *const *want) {
  static const char *const LINES[] = {"abc", "", TOMBSTONE, "caf\xc3\xa9", "\xff"};
  struct spate_payloads *p = payloads_make(LINES, NULL, 5, "\n");
  struct spate_error err;
  void *decoder;
  struct decoded d;
  ck_assert_int_eq(api->decoder_new(NULL, api->fixed, api->fixed, &decoder, &err), 0);
  ck_assert_int_eq(decode_with(api, decoder, p, 1, &d, &err), 0);
  for (uint32_t i = 0; i < 5; i++) {
    char *row = decoded_row(&d, i);
    ck_assert_str_eq(row, want[i]);
    free(row);
  }
  decoded_free(&d);
  api->decoder_free(decoder);
  struct spate_schema none = {NULL, 0};
  ck_assert_int_eq(api->decoder_new(NULL, &none, api->fixed, &decoder, &err), 0);
  ck_assert_int_eq(decode_with(api, decoder, p, 0, &d, &err), 0);
  ck_assert_uint_eq(d.rejects->count, 0);
  decoded_free(&d);
  api->decoder_free(decoder);
  payloads_free(p);
  struct spate_field other = field_of("other", "string");
  struct spate_schema bad = {&other, 1};
  ck_assert_int_eq(api->decoder_new(NULL, &bad, &bad, &decoder, &err), -1);
}

START_TEST(text_decode) {
  static const char *const WANT[] = {"abc", "", "null", "caf\xc3\xa9", "!not valid UTF-8"};
  decode(&spate_codec_text, WANT);
}
END_TEST

START_TEST(raw_decode) {
  static const char *const WANT[] = {"abc", "", "null", "caf\xc3\xa9", "\xff"};
  decode(&spate_codec_raw, WANT);
}
END_TEST

START_TEST(encode) {
  struct spate_field f[] = {field_of("n", "int"), field_of("value", "string")};
  struct spate_schema both = {f, 2}, one = {f, 1}, neither = {f, 0};
  struct spate_column *n = spate_column_new(f[0].type, 3, 0), *v = spate_column_new(f[1].type, 3, 16);
  for (int r = 0; r < 3; r++) n->i64[r] = r * 5;
  ck_assert_int_eq(spate_column_put(v, 0, "x", 1), 0);
  spate_column_set_null(v, 1);
  ck_assert_int_eq(spate_column_put(v, 2, "", 0), 0);
  spate_column_finish(v);
  struct spate_batch *batch = spate_batch_new(3, 2, (struct spate_column *[]){n, v}, NULL);
  struct spate_error err;
  void *encoder;
  static struct spate_payloads out;
  ck_assert_int_eq(spate_codec_text.encoder_new(NULL, &both, &encoder, &err), 0);
  ck_assert_int_eq(spate_codec_text.encode(encoder, batch, &out, NULL, &err), 0);
  ck_assert_uint_eq(out.count, 3);
  ck_assert_uint_eq(out.length[0], 1);
  ck_assert_uint_eq(out.length[1], UINT32_MAX);
  ck_assert_uint_eq(out.length[2], 0);
  ck_assert_int_eq(memcmp(out.buffer->data, "x\n\n\n", 4), 0);
  spate_codec_text.encoder_free(encoder);
  spate_buffer_unref(out.buffer);
  memset(&out, 0, sizeof out);
  ck_assert_int_eq(spate_codec_text.encoder_new(NULL, &one, &encoder, &err), 0);
  ck_assert_int_eq(spate_codec_text.encode(encoder, batch, &out, NULL, &err), 0);
  ck_assert_int_eq(memcmp(out.buffer->data, "0\n5\n10\n", 7), 0);
  spate_codec_text.encoder_free(encoder);
  spate_buffer_unref(out.buffer);
  ck_assert_int_eq(spate_codec_text.encoder_new(NULL, &neither, &encoder, &err), -1);
  f[1].name = "other";
  ck_assert_int_eq(spate_codec_text.encoder_new(NULL, &both, &encoder, &err), -1);
  ck_assert_int_eq(spate_codec_raw.encoder_new(NULL, &one, &encoder, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "`n` is neither"));
  spate_batch_unref(batch);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("codec_text");
  TCase *t = tcase_create("text");
  tcase_add_test(t, text_decode);
  tcase_add_test(t, raw_decode);
  tcase_add_test(t, encode);
  suite_add_tcase(suite, t);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}
