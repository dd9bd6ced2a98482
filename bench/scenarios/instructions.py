"""User instructions per request: by perf where the kernel counts them, else under callgrind."""

import re
import shutil
import signal
import subprocess
import time

from scenarios import harness

FEW, MANY = 500, 2500
PERF_REQUESTS = 20000


def perf_works():
    if not shutil.which("perf"):
        return False
    done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0 and re.match(r"\d+,", done.stderr) is not None


def run_load(url, requests):
    command = harness.load_command({"URL": url}, "-c", 64, "-n", requests, "--quiet")
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=harness.LOAD_SECONDS, check=True)


def by_perf(server):
    """Counts while a server that runs already is under load."""
    run_load(server.url, PERF_REQUESTS // 10)
    pids = ",".join(map(str, server.pids))
    perf = subprocess.Popen(["perf", "stat", "-x,", "-e", "instructions:u", "-p", pids],
                            stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)  # until it counts; what it misses is a thousandth of the whole
    run_load(server.url, PERF_REQUESTS)
    perf.send_signal(signal.SIGINT)
    count = re.search(r"^(\d+),", perf.communicate(timeout=10)[1], re.MULTILINE)
    return int(count[1]) / PERF_REQUESTS if count else None


def collected(place, start, name, requests):
    """The instructions of a whole life under callgrind, with so many requests in it."""
    log = place.folder / f"callgrind-{name}-{requests}.log"
    wrapper = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               f"--log-file={log}"]
    server = start(wrapper)
    run_load(server.url, requests)
    server.stop()
    count = re.search(r"Collected : (\d+)", log.read_text())
    if not count:
        raise harness.CannotMeasure(f"callgrind did not count {name}")
    return int(count[1])


def by_callgrind(place, start, name):
    """The difference of two lives, so that starting and stopping do not count."""
    few = collected(place, start, name, FEW)
    many = collected(place, start, name, MANY)
    return (many - few) / (MANY - FEW)


def per_request(place, server, start, name):
    """(instructions, how they were counted); (None, why not) when neither way works. `start`
    starts another such server, given the words to put before its command."""
    if perf_works():
        return by_perf(server), "perf"
    if shutil.which("valgrind"):
        return by_callgrind(place, start, name), "callgrind"
    return None, "not available: no hardware counters, no valgrind"
