#!/usr/bin/env python3
"""Words that our C code does not use. Comments and strings are free to.

    tests/lint/banned.py [ROOT]     prints every use as FILE:LINE: WORD: what to do instead; exit 1
"""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

NUMBERS = "strtol strtoul strtoll strtoull strtod strtof"
HEAP = "malloc calloc realloc reallocarray free strdup strndup"

# Words, the files where they are banned, those among them where they are not, and the way out.
RULES = [
    ("strcpy strcat strncpy strncat sprintf vsprintf stpcpy gets", ["*"], [],
     "give the size: snprintf, buf_append"),
    ("strtok", ["*"], [], "it writes into its argument and remembers it"),
    ("atoi atol atoll atof", ["*"], [], "it cannot report an error: use base's checked parsers"),
    ("alloca", ["*"], [], "the stack has no limit to check"),
    ("sleep usleep nanosleep", ["*"], [], "wait for the event"),
    (NUMBERS, ["src/*"], ["src/base/*"], "use base's checked parsers"),
    (HEAP, ["src/*"], ["src/base/*"], "memory comes from base/mem.h or the arena"),
    ("exit _exit abort", ["src/*"], ["src/base/*", "src/main.c"], "return the error"),
    ("printf puts putchar", ["src/*"], ["src/main.c"], "give the text to the caller, or log it"),
]

NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_of(text):
    """The text with comments and strings blanked out, line for line."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def banned_in(name):
    """The banned words of one file: {word: advice}."""
    return {word: advice
            for words, where, but, advice in RULES
            if any(fnmatch(name, w) for w in where) and not any(fnmatch(name, b) for b in but)
            for word in words.split()}


def check_text(name, text):
    """Yields a line for each call of a banned function; a member of that name is no call of it."""
    banned = banned_in(name)
    call = re.compile(r"(?<![\w.>])(" + "|".join(banned) + r")\s*\(")
    for number, line in enumerate(code_of(text).splitlines(), 1):
        for match in call.finditer(line):
            yield f"{name}:{number}: {match[1]}: {banned[match[1]]}"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    files = sorted(p for folder in ("src", "bench", "tests")
                   for p in (root / folder).rglob("*.[ch]") if "node_modules" not in p.parts)
    if not files:
        sys.exit(f"{root}: no C files here")
    wrong = [line for p in files
             for line in check_text(p.relative_to(root).as_posix(), p.read_text(encoding="utf-8"))]
    print("\n".join(wrong) or f"{len(files)} files have no banned word")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
