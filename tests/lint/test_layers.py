"""Plants each kind of violation that tests/layers.py looks for, and expects to be told of it."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import layers  # noqa: E402


class Layers(unittest.TestCase):
    def findings(self, files):
        """What check() says of a house with these files, given as {"base/buf.h": text}."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / "src" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return layers.check(Path(folder))

    def assert_one(self, findings, *words):
        self.assertEqual(len(findings), 1, findings)
        for word in words:
            self.assertIn(word, findings[0])

    def test_a_house_in_order_has_no_findings(self):
        self.assertEqual(self.findings({
            "base/buf.h": "#include <stddef.h>\n",
            "net/loop.c": '#include "base/buf.h"\n#include <uv.h>\n#include <sys/socket.h>\n',
            "base/json.c": "#include <yyjson.h>\n",
            "net/tls.c": "#include <mbedtls/ssl.h>\n"}), [])

    def test_a_room_may_not_include_one_above_it(self):
        found = self.findings({"net/http.h": "", "base/buf.c": '#include "net/http.h"\n'})
        self.assert_one(found, "src/base/buf.c:1:", "base includes src/net/http.h")

    def test_neighbours_do_not_see_each_other(self):
        found = self.findings({"net/http.h": "", "llm/chat.c": '\n#include "net/http.h"\n'})
        self.assert_one(found, "src/llm/chat.c:2:")

    def test_main_builds_the_gateway_and_leaves_the_rest_to_it(self):
        found = self.findings({"net/http.h": "", "main.c": '#include "net/http.h"\n'})
        self.assert_one(found, "main.c includes src/net/http.h, but may include only base, conf")

    def test_a_library_has_its_files(self):
        found = self.findings({"flow/exchange.c": "#include <uv.h>\n"})
        self.assert_one(found, "<uv.h> is for src/net/*")
        found = self.findings({"net/conn.c": "#include <curl/curl.h>\n"})
        self.assert_one(found, "<curl/curl.h> is for src/net/fetch*.c")

    def test_the_public_header_of_a_module_keeps_the_library_out(self):
        found = self.findings({"net/tls.h": "#include <mbedtls/ssl.h>\n"})
        self.assert_one(found, "src/net/tls.h:1:")

    def test_a_library_does_not_leak_through_a_header(self):
        found = self.findings({"net/loop.h": "#include <uv.h>\n",
                               "flow/sink.c": '#include "net/loop.h"\n'})
        self.assert_one(found, "src/flow/sink.c", "sees libuv through src/net/loop.h")

    def test_an_unknown_library_is_named(self):
        found = self.findings({"base/map.c": "#include <glib.h>\n"})
        self.assert_one(found, "<glib.h> belongs to no library")

    def test_headers_do_not_include_each_other(self):
        found = self.findings({"base/a.h": '#include "base/b.h"\n',
                               "base/b.h": '#include "base/c.h"\n',
                               "base/c.h": '#include "base/a.h"\n'})
        self.assert_one(found, "include each other", "src/base/b.h -> src/base/c.h")

    def test_an_include_names_a_file_that_exists(self):
        found = self.findings({"base/a.c": '#include "buf.h"\n'})
        self.assert_one(found, '"buf.h" is not a file of ours')

    def test_a_source_file_is_not_included(self):
        found = self.findings({"base/a.c": "", "base/b.c": '#include "base/a.c"\n'})
        self.assert_one(found, "not a header")

    def test_a_file_outside_the_rooms_is_reported(self):
        found = self.findings({"attic/a.c": '#include "base/b.h"\n', "base/b.h": ""})
        self.assert_one(found, "no room called attic")

    def test_the_rooms_form_no_circle(self):
        self.assertIsNone(layers.find_cycle({room: sorted(uses)
                                             for room, uses in layers.ROOMS.items()}))


if __name__ == "__main__":
    unittest.main()
