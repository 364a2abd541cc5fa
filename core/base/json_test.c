/* JSON: what is accepted, what is found in it, what is written.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/json.h"

#include "core/base/testing.h"

static bool opens(const char *text) {
  struct prtc_json root;
  return prtc_json_open(&root, text, strlen(text));
}

static void test_what_is_json(void) {
  static const char *const good[] = {
      "{}", " [ ] ", "null", "true", "false", "0", "-0", "-1.5e+3", "1E9", "\"\"", "\"\\u00e4\\n\\\"\"",
      "{\"a\":[1,{\"b\":null}]}",
      "[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]", "\t{ \"a\" : 1 , \"b\" : [ ] }\r\n",
  };
  static const char *const bad[] = {
      "", " ", "{", "}", "[", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01",
      "1.", ".5", "1e", "+1", "--1", "\"",
      "\"\\\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u12\"", "\"\n\"", "tru", "nulll", "[1 2]", "{} {}", "\"\xff\"", "'a'",
      "[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]",
  };
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    PRTC_CHECK(opens(good[i]));
    if (!opens(good[i])) fprintf(stderr, "refused: %s\n", good[i]);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    PRTC_CHECK(!opens(bad[i]));
    if (opens(bad[i])) fprintf(stderr, "accepted: %s\n", bad[i]);
  }
  struct prtc_json root;
  PRTC_CHECK(!prtc_json_open(&root, "[\0]", 3));
}

static struct prtc_json open_text(const char *text) {
  struct prtc_json root;
  PRTC_REQUIRE(prtc_json_open(&root, text, strlen(text)));
  return root;
}

static void test_looking_in(void) {
  struct prtc_json root = open_text("{ \"no\" : {\"name\":\"inner\"}, \"name\":\"outer\", \"list\":[ 1 , \"2\",{\"x\":3}], "
                                    "\"yes\":true, \"name\":7 }");
  char text[16];
  uint64_t number;
  bool flag = false;
  PRTC_CHECK(prtc_json_is_object(root));
  PRTC_CHECK(prtc_json_string(prtc_json_member(root, "name"), text, sizeof text));
  PRTC_CHECK_TEXT(text, "outer");
  PRTC_CHECK(prtc_json_string(prtc_json_member(prtc_json_member(root, "no"), "name"), text, sizeof text));
  PRTC_CHECK_TEXT(text, "inner");
  PRTC_CHECK(prtc_json_boolean(prtc_json_member(root, "yes"), &flag) && flag);
  PRTC_CHECK_INT(prtc_json_member(root, "nam").size, 0);
  PRTC_CHECK_INT(prtc_json_member(prtc_json_member(root, "missing"), "name").size, 0);
  PRTC_CHECK_INT(prtc_json_member(prtc_json_member(root, "name"), "name").size, 0);
  struct prtc_json list = prtc_json_member(root, "list"), element;
  size_t cursor = 0;
  PRTC_CHECK(prtc_json_next(list, &cursor, &element) && prtc_json_number(element, 9, &number) && number == 1);
  PRTC_CHECK(prtc_json_next(list, &cursor, &element) && prtc_json_string(element, text, sizeof text));
  PRTC_CHECK(!prtc_json_number(element, 9, &number));
  PRTC_CHECK(prtc_json_next(list, &cursor, &element));
  PRTC_CHECK(prtc_json_number(prtc_json_member(element, "x"), 3, &number) && number == 3);
  PRTC_CHECK(!prtc_json_number(prtc_json_member(element, "x"), 2, &number));
  PRTC_CHECK(!prtc_json_next(list, &cursor, &element));
  cursor = 0;
  PRTC_CHECK(!prtc_json_next(root, &cursor, &element));
  PRTC_CHECK(!prtc_json_next(open_text("[ ]"), &cursor, &element));
}

static void test_strings(void) {
  char text[16] = "untouched";
  PRTC_CHECK(prtc_json_string(open_text("\"a\\\\\\/\\u00e4\\ud83e\\udd86\\t\""), text, sizeof text));
  PRTC_CHECK_TEXT(text, "a\\/\xc3\xa4\xf0\x9f\xa6\x86\t");
  PRTC_CHECK(prtc_json_string(open_text("\"123456789012345\""), text, sizeof text));
  PRTC_CHECK(!prtc_json_string(open_text("\"1234567890123456\""), text, sizeof text));
  PRTC_CHECK(!prtc_json_string(open_text("\"\\u0000\""), text, sizeof text));
  PRTC_CHECK(!prtc_json_string(open_text("\"\\ud83e\""), text, sizeof text));
  PRTC_CHECK(!prtc_json_string(open_text("\"\\udd86\\ud83e\""), text, sizeof text));
  PRTC_CHECK(!prtc_json_string(open_text("1"), text, sizeof text));
  PRTC_CHECK_TEXT(text, "123456789012345"); /* what is refused changes nothing */
}

static void test_printing(void) {
  char out[64], back[16];
  struct prtc_text text = prtc_text_of(out, sizeof out);
  prtc_json_print(&text, "a\"\\\n\xc3\xa4");
  PRTC_CHECK_TEXT(out, "\"a\\\"\\\\\\u000a\xc3\xa4\"");
  PRTC_CHECK(prtc_json_string(open_text(out), back, sizeof back));
  PRTC_CHECK_TEXT(back, "a\"\\\n\xc3\xa4");
}

int main(void) {
  PRTC_RUN(test_what_is_json);
  PRTC_RUN(test_looking_in);
  PRTC_RUN(test_strings);
  PRTC_RUN(test_printing);
  return PRTC_TEST_RESULT();
}
