"""Plants banned words where tests/lint/banned.py must see them, and where it must not."""

import unittest

import banned


class Banned(unittest.TestCase):
    def words(self, name, text):
        return [line.split(": ")[1] for line in banned.check_text(name, text)]

    def test_a_call_is_found_with_its_line(self):
        found = list(banned.check_text("src/net/a.c", "\n\tp = strcpy (a, b);\n"))
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("src/net/a.c:2: strcpy: "))

    def test_comments_strings_members_and_longer_words_are_no_calls(self):
        self.assertEqual(self.words("src/net/a.c", """
            /* sleep(1) is what we
             * never do: malloc(2) */
            puts_less(1); // exit(1)
            log("a \\" printf(%s)"); x = '"'; arena->free(p); table.free(p); my_free(p);
            """), [])

    def test_code_after_a_string_is_seen(self):
        self.assertEqual(self.words("src/flow/a.c", 'f("x"); free(p); g("y");'), ["free"])

    def test_base_owns_the_heap_and_the_numbers(self):
        text = "free(malloc(strtol(a, b, 10)));"
        self.assertEqual(self.words("src/base/mem.c", text), [])
        self.assertEqual(self.words("src/ops/a.c", text), ["free", "malloc", "strtol"])

    def test_main_prints_and_exits(self):
        self.assertEqual(self.words("src/main.c", "printf(x); exit(1);"), [])
        self.assertEqual(self.words("src/ops/a.c", "printf(x); exit(1);"), ["printf", "exit"])

    def test_tests_do_not_sleep_either(self):
        self.assertEqual(self.words("tests/unit/test_a.c", "usleep(1); free(p);"), ["usleep"])


if __name__ == "__main__":
    unittest.main()
