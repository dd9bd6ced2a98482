"""Clients that leave at any moment, by the thousand."""

import json
import os
import time

from scenarios import harness

QUESTION = "does anything stay behind of 16,000 clients that leave at any moment?"

HALF = 8000
CLIENTS, HOLD = 400, 0.08
SETTLE_SECONDS = 10
GAUGES = ["sluice_in_flight", "sluice_streams", "sluice_queue_depth"]


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def storm(place, gateway, kind, *options):
    figures = harness.load(place, {kind: gateway.url}, "-c", CLIENTS, "-n", HALF // 2,
                           "--disconnect", "random", "--hold", HOLD, "--quiet", *options)
    return figures[kind]["sum"]


def settle(gateway, mock):
    """Upstream connections that are kept for later are no leak: the provider ends them. Then
    descriptors are counted until there are no more than needed, or time is up."""
    harness.ask(f"{mock.url}/mock/wait?in_flight_max=0&timeout_ms=5000")
    harness.ask(mock.url + "/mock/control", {"idle": "close"})
    counts = []
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and (len(counts) < 5 or counts[-1] != counts[-5]):
        counts.append(descriptors(gateway))
        time.sleep(0.1)
    return counts[-1]


def run(place, verdict):
    mock = place.mock("--latency", "20", "--tokens", "40", "--interval", "2")
    gateway = place.sluice([mock.url])
    harness.load(place, {"warm": gateway.url}, "-c", CLIENTS, "-n", 2 * CLIENTS, "--stream",
                 "--quiet")
    harness.ask(gateway.url + "/metrics")
    before, resident, left, gone = settle(gateway, mock), [], 0, []
    for _ in range(2):
        gone.append(storm(place, gateway, "streams", "--stream"))
        gone.append(storm(place, gateway, "plain"))
        after = settle(gateway, mock)
        resident.append(harness.rss_bytes(gateway.process.pid))
        left = max(0, after - before)
    slots = sum(harness.gauge(gateway, name) for name in GAUGES)
    upstream = json.loads(harness.ask(mock.url + "/mock/stats"))
    for kind, first in (("streams", 0), ("plain", 1)):
        verdict.note(f"{kind}: left early, of {HALF}",
                     gone[first]["outcomes"]["left"] + gone[first + 2]["outcomes"]["left"])
    verdict.enough("left early", sum(each["outcomes"]["left"] for each in gone), HALF)
    verdict.none("those that stayed and failed", sum(each["failed"] for each in gone))
    verdict.note("descriptors before / after", f"{before} / {after}")
    verdict.show("storm-left", left + slots)
    verdict.show("storm-bytes", max(0, resident[1] - resident[0]) / HALF)
    verdict.note("resident after each half, MB",
                 " / ".join(f"{each / 1e6:.2f}" for each in resident))
    verdict.none("requests the provider still works at", upstream["in_flight"])
    alive = harness.load(place, {"after": gateway.url}, "-c", 16, "-n", 500, "--quiet")
    verdict.none("failed afterwards", alive["after"]["sum"]["failed"])
