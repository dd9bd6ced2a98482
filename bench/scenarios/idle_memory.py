"""What a gateway takes that has answered once and has nothing to do."""

import statistics

from scenarios import cold_start, harness

QUESTION = "how much memory does an idle gateway take?"

TIMES = 5


def run(place, verdict):
    mock = place.mock()
    resident = []
    for _ in range(TIMES):
        gateway = place.sluice([mock.url])
        cold_start.answer_of(gateway)
        resident.append(harness.rss_bytes(gateway.process.pid) / 1e6)
        gateway.stop()
    verdict.show("idle-memory", statistics.median(resident))
    verdict.note("resident when idle, most, MB", max(resident))
