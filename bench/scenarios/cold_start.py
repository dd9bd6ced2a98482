"""From exec to the first answer."""

import statistics
import time
import urllib.error

from scenarios import harness

QUESTION = "how long does it take from start to the first answer?"

TIMES = 20
FIRST_ANSWER_MS_BAR = 50
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
    taken = []
    for _ in range(TIMES):
        path, port = place.write_config([mock.url])
        begin = time.monotonic()
        gateway = place.start([harness.program("sluice"), "-c", str(path)],
                              f"http://127.0.0.1:{port}", "sluice")
        answer_of(gateway)
        taken.append((time.monotonic() - begin) * 1000)
        gateway.stop()
    verdict.at_most(f"start to first completion, median of {TIMES}, ms", statistics.median(taken),
                    FIRST_ANSWER_MS_BAR)
    verdict.note("start to first completion, worst, ms", max(taken))
