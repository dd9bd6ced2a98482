"""User instructions per request: by perf where the kernel counts them, else under callgrind, two
lives at a time.

Two figures are of 64 connections at once: what is quoted. How requests fall into turns of the event
loop makes them vary by some percent; so what is committed is of one connection, one request after
the other, which repeats within one."""

import concurrent.futures
import json
import re
import shutil
import signal
import statistics
import subprocess
import time

from scenarios import harness

QUESTION = "how many user instructions do a plain request and a stream take, and is it more than before?"

FEW, MANY = 500, 2500
PERF_REQUESTS = 20000
COMMITTED = harness.ROOT / "bench" / "instructions.json"
RISE_BAR = 1.03
LIVES = 3
AT_ONCE = 2  # time does not count here
# Slow enough for each answer and each event to find the gateway waiting, also under callgrind.
TOKENS, KNOBS = 10, {"tokens": 10, "latency_ms": 5, "interval_ms": 20}
USUAL = {"tokens": 16, "latency_ms": 0, "interval_ms": 0}

# What is committed: the options of the load, the requests of a short and of a long life, and which
# of several counts is believed: whatever disturbs a plain request adds to it; a busy machine lets
# events come together, which takes away from a stream.
PATHS = {
    "unary": (["-c", 1], 50, 450, min),
    "stream": (["-c", 1, "--stream", "--expect-tokens", TOKENS], 5, 20, statistics.median),
}


def perf_works():
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0 and re.match(r"\d+,", done.stderr) is not None


def run_load(url, requests, options=("-c", 64)):
    command = harness.load_command({"URL": url}, *options, "-n", requests, "--quiet")
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=harness.LOAD_SECONDS, check=True)


def by_perf(server, requests=PERF_REQUESTS, options=("-c", 64)):
    """Counts while a server that runs already is under load."""
    run_load(server.url, requests // 10, options)
    pids = ",".join(map(str, server.pids))
    perf = subprocess.Popen(["perf", "stat", "-x,", "-e", "instructions:u", "-p", pids],
                            stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)  # until it counts; what it misses is a thousandth of the whole
    run_load(server.url, requests, options)
    perf.send_signal(signal.SIGINT)
    count = re.search(r"^(\d+),", perf.communicate(timeout=10)[1], re.MULTILINE)
    return int(count[1]) / requests if count else None


def collected(place, start, name, requests, options=("-c", 64)):
    """The instructions of a whole life under callgrind, with so many requests in it."""
    log = place.folder / f"callgrind-{name}-{requests}.log"
    wrapper = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               f"--log-file={log}"]
    server = start(wrapper)
    run_load(server.url, requests, options)
    server.stop()
    count = re.search(r"Collected : (\d+)", log.read_text())
    if not count:
        raise harness.CannotMeasure(f"callgrind did not count {name}")
    return int(count[1])


def by_callgrind(place, start, name):
    """The difference of two lives, so that starting and stopping do not count."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        few, many = pool.map(lambda requests: collected(place, start, name, requests), (FEW, MANY))
    return (many - few) / (MANY - FEW)


def by_lives(place, start, name):
    """The same of one connection, each of several lives."""
    options, few, many, believed = PATHS[name]
    lives = LIVES * [few, many]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        counts = list(pool.map(lambda i: collected(place, start, f"{name}-{i}", lives[i], options),
                               range(len(lives))))
    return (believed(counts[1::2]) - believed(counts[::2])) / (many - few)


def per_request(place, server, start, name):
    """(instructions, how they were counted); (None, why not) when neither way works. `start`
    starts another such server, given the words to put before its command."""
    if perf_works():
        return by_perf(server), "perf"
    if shutil.which("valgrind"):
        return by_callgrind(place, start, name), "callgrind"
    return None, "not available: no hardware counters, no valgrind"


def counted(place, mock):
    """{path: user instructions of one}, and how they were counted."""
    def start(wrapper=()):
        return place.sluice([mock.url], wrapper=wrapper)

    counts = {}
    harness.ask(mock.url + "/mock/control", KNOBS)
    for name, (options, _, many, _) in PATHS.items():
        if perf_works():
            counts[name] = by_perf(start(), many, options)
        elif shutil.which("valgrind"):
            counts[name] = by_lives(place, start, name)
        else:
            raise harness.CannotMeasure("no hardware counters, and valgrind is not installed "
                                        "(deps/setup bench)")
    harness.ask(mock.url + "/mock/control", USUAL)
    return counts, "perf" if perf_works() else "callgrind"


def judge(place, verdict, counts, how):
    known = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}
    if known.get("counted by") != how:
        verdict.note("what is committed was counted by", str(known.get("counted by")))
        known = {}
    for name, count in counts.items():
        what = f"{name}, one connection, {how}"
        if name not in known:
            verdict.note(what, count)
            continue
        verdict.note(f"{what}; committed are {known[name]:,}", count)
        verdict.at_most(f"{name}: now / committed", count / known[name], RISE_BAR)
        if place.options.check and count / known[name] > RISE_BAR:
            verdict.failed = True


def run(place, verdict):
    mock = place.mock()
    counts, how = counted(place, mock)
    judge(place, verdict, counts, how)
    if place.options.write:
        version = subprocess.run([harness.program("sluice"), "--version"], capture_output=True,
                                 text=True, check=True).stdout.splitlines()[0]
        rows = {"counted by": how, "of": version, **{name: round(count) for name, count in counts.items()}}
        COMMITTED.write_text(json.dumps(rows, indent=1) + "\n")
        verdict.note("written", str(COMMITTED))
    if place.options.check:
        return
    gateway = place.sluice([mock.url])
    count, how = per_request(place, gateway, lambda wrapper: place.sluice([mock.url],
                                                                          wrapper=wrapper), "sluice")
    verdict.show("unary-instructions", count)
