#!/usr/bin/env python3
"""Who may include whom. The table of src/README.md, enforced.

    tests/layers.py [ROOT]      prints every violation as FILE:LINE: what is wrong; exit 1

Checked are: the rooms that a file of a room includes; the libraries that a file includes itself;
the libraries that reach it through headers of other rooms; and cycles among headers.
tests/lint/test_layers.py plants each kind of violation and expects it to be found.
"""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOMS = {
    "base": set(),
    "net": {"base"},
    "llm": {"base"},
    "config": {"base", "llm"},
    "policy": {"base", "config"},
    "flow": {"base", "net", "llm", "config", "policy"},
    "ops": {"base", "net", "llm", "config", "policy", "flow"},
    "main.c": {"base", "config", "ops"},
    "bench": {"base"},
    "tests/fake": {"base", "net"},
}

# Library: its headers, the files that may include them. A header of a module split over several
# files (tls_session.h) may, the module's public one (tls.h) may not. Programs of bench/ own theirs.
LIBRARIES = {
    "yyjson": (["yyjson.h"], ["src/base/json*.c", "bench/*"]),
    "mbedtls": (["mbedtls/*", "psa/*"], ["src/base/digest.c", "src/net/tls*.c", "src/net/tls_*.h",
                                         "bench/load/seal.c"]),
    "libuv": (["uv.h", "uv/*"], ["src/net/*", "bench/*"]),
    "llhttp": (["llhttp.h"], ["src/net/http*.c", "src/net/http_*.h", "src/net/fetch_direct*.[ch]",
                              "bench/*"]),
    "libcurl": (["curl/*"], ["src/net/fetch*.c", "src/net/fetch_*.h"]),
    "sqlite": (["sqlite3.h"], ["src/ops/store.c"]),
    "libyaml": (["yaml.h"], ["src/config/config_read*.c", "src/config/config_yaml.c"]),
}

# What comes with the C library, the compiler and the kernel. Anything else is a library for the table above.
STANDARD = """
    assert ctype dirent dlfcn emmintrin errno fcntl fenv float getopt grp inttypes limits link locale malloc math netdb poll
    pthread pwd sched setjmp signal stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib
    stdnoreturn string strings syslog termios time ucontext unistd wchar
""".split()
STANDARD_FOLDERS = ("sys/", "net/", "netinet/", "arpa/", "linux/", "bits/", "sanitizer/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files_of(root):
    """Every C file that has a place in the table, relative to root."""
    found = []
    for folder in ("src", "bench", "tests/fake"):
        found += [p for p in (root / folder).rglob("*") if p.suffix in (".c", ".h")]
    return sorted(p.relative_to(root).as_posix() for p in found)


def includes_of(root, name):
    """Yields (line number, "<" or '"', path) for each include of a file."""
    text = (root / name).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def room_of(name):
    """src/net/http.c is of net, src/main.c of main.c, bench/mock/main.c of bench."""
    if name.startswith("src/"):
        return name.split("/")[1]
    return "tests/fake" if name.startswith("tests/fake/") else "bench"


def resolve(root, name, path):
    """The file that a quoted include names, relative to root, or None."""
    bases = [Path("src"), Path(name).parent]
    if name.startswith("tests/"):
        bases.append(Path("tests"))
    for base in bases:
        target = root / base / path
        if target.is_file():
            return target.resolve().relative_to(root.resolve()).as_posix()
    return None


def library_of(path):
    """The library that a header belongs to, "" for the system's, None for an unknown one."""
    for library, (headers, _) in LIBRARIES.items():
        if any(fnmatch(path, header) for header in headers):
            return library
    standard = path.removesuffix(".h") in STANDARD or path.startswith(STANDARD_FOLDERS)
    return "" if standard else None


def may_use(name, library):
    return any(fnmatch(name, pattern) for pattern in LIBRARIES[library][1])


def check_own_file(name, line, target):
    """What is wrong with a file including another of ours."""
    room, other = room_of(name), room_of(target)
    if room not in ROOMS:
        yield f"{name}:{line}: there is no room called {room}"
    elif other != room and other not in ROOMS[room]:
        allowed = ", ".join(sorted(ROOMS[room])) or "nothing of ours"
        yield f"{name}:{line}: {room} includes {target}, but may include only {allowed}"
    if target.endswith(".c"):
        yield f"{name}:{line}: includes {target}, which is not a header"


def check_library(name, line, path):
    """What is wrong with a file including a library's header."""
    library = library_of(path)
    if library is None:
        yield f"{name}:{line}: <{path}> belongs to no library that tests/layers.py knows"
    elif library and not may_use(name, library):
        owners = ", ".join(LIBRARIES[library][1])
        yield f"{name}:{line}: <{path}> is for {owners} only"


def reached_libraries(start, graph, libraries):
    """The libraries that the headers of a file bring in, with the header that does it."""
    seen, waiting, reached = set(), list(graph.get(start, ())), {}
    while waiting:
        header = waiting.pop()
        if header in seen:
            continue
        seen.add(header)
        for library in libraries.get(header, ()):
            reached.setdefault(library, header)
        waiting += graph.get(header, ())
    return reached


def check_reach(name, graph, libraries):
    """A room must not see another room's library through that room's headers."""
    for library, header in sorted(reached_libraries(name, graph, libraries).items()):
        if room_of(header) != room_of(name):
            yield f"{name}:1: sees {library} through {header}, which should keep it to itself"


def find_cycle(graph):
    """One cycle as a list of files, or None. Depth first, without recursion."""
    done = set()
    for start in sorted(graph):
        path, branches = [start], [iter(graph.get(start, ()))]
        while path:
            step = next((n for n in branches[-1] if n not in done), None)
            if step is None:
                done.add(path.pop())
                branches.pop()
            elif step in path:
                return path[path.index(step):] + [step]
            else:
                path.append(step)
                branches.append(iter(graph.get(step, ())))
    return None


def check(root):
    """Every violation under root, as lines of text."""
    graph, libraries, wrong = {}, {}, []
    names = files_of(root)
    for name in names:
        for line, kind, path in includes_of(root, name):
            target = resolve(root, name, path) if kind == '"' else None
            if target:
                graph.setdefault(name, []).append(target)
                wrong += check_own_file(name, line, target)
            elif kind == '"':
                wrong.append(f'{name}:{line}: "{path}" is not a file of ours; write room/file.h')
            else:
                libraries.setdefault(name, set()).update(filter(None, [library_of(path)]))
                wrong += check_library(name, line, path)
    for name in names:
        wrong += check_reach(name, graph, libraries)
    cycle = find_cycle(graph)
    if cycle:
        wrong.append(f"{cycle[0]}:1: headers include each other: {' -> '.join(cycle)}")
    return wrong


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    if not files_of(root):
        sys.exit(f"{root}: no C files here")
    wrong = check(root)
    print("\n".join(wrong) or f"{len(files_of(root))} files keep to the table")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
