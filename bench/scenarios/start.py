"""From exec to the first answer, and what an idle gateway takes."""

import statistics
import subprocess
import time
import urllib.error

from scenarios import harness

QUESTION = "how long from start to the first answer, and how much memory when idle?"

TIMES = 20
FIRST_ANSWER_MS_BAR = 50
IDLE_MB_BAR = 12
BODY = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "hello"}]}


def answer_of(gateway):
    """Asks for a completion until one comes."""
    deadline = time.monotonic() + harness.READY_SECONDS
    while time.monotonic() < deadline:
        try:
            harness.ask(gateway.url + "/v1/chat/completions", BODY, harness.KEY)
            return
        except (urllib.error.URLError, OSError):
            if gateway.process.poll() is not None:
                break
    raise harness.CannotMeasure("the gateway does not start")


def run(place, verdict):
    mock = place.mock()
    taken, resident = [], []
    for _ in range(TIMES):
        path, port = place.write_config([mock.url])
        begin = time.monotonic()
        gateway = place.start([harness.program("sluice"), "-c", str(path)],
                              f"http://127.0.0.1:{port}", "sluice")
        answer_of(gateway)
        taken.append((time.monotonic() - begin) * 1000)
        resident.append(harness.rss_bytes(gateway.process.pid) / 1e6)
        gateway.stop()
    version = subprocess.run([harness.program("sluice"), "--version"], capture_output=True,
                             text=True, check=False).stdout.strip()
    verdict.note("version", version)
    verdict.at_most(f"start to first completion, median of {TIMES}, ms", statistics.median(taken),
                    FIRST_ANSWER_MS_BAR)
    verdict.note("start to first completion, worst, ms", max(taken))
    verdict.at_most("resident when idle, MB", statistics.median(resident), IDLE_MB_BAR)
