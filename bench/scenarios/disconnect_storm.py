"""Clients that leave at any moment, by the thousand."""

import json
import os
import time
from pathlib import Path

from scenarios import harness

QUESTION = "does anything stay behind of 16,000 clients that leave at any moment?"

QUARTERS, QUARTER = 4, 4000
CLIENTS, HOLD = 400, 0.08
SETTLE_SECONDS = 10
GAUGES = ["sluice_in_flight", "sluice_streams", "sluice_queue_depth"]


def sockets_to(port):
    """The inodes of this machine's sockets that are connected to the port."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {row[9] for row in rows if int(row[2].split(":")[1], 16) == port}


def descriptors(gateway, mock):
    """How many the gateway has open: to the provider, and others. Those to the provider are kept for
    later requests, so there may be as many of them as there were clients."""
    upstream, others, known = 0, 0, sockets_to(mock.port)
    folder = Path(f"/proc/{gateway.process.pid}/fd")
    for name in os.listdir(folder):
        try:
            link = os.readlink(folder / name)
        except OSError:
            continue  # closed meanwhile
        is_upstream = link.startswith("socket:[") and link[8:-1] in known
        upstream, others = upstream + is_upstream, others + (not is_upstream)
    return upstream, others


def storm(place, gateway, kind, *options):
    figures = harness.load(place, {kind: gateway.url}, "-c", CLIENTS, "-n", QUARTER // 2,
                           "--disconnect", "random", "--hold", HOLD, "--quiet", *options)
    return figures[kind]["sum"]


def settle(gateway, mock):
    """Gives the descriptors once their number has been the same for half a second."""
    harness.ask(f"{mock.url}/mock/wait?in_flight_max=0&timeout_ms=5000")
    counts = []
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and (len(counts) < 6 or len(set(counts[-6:])) > 1):
        counts.append(descriptors(gateway, mock))
        time.sleep(0.1)
    return counts[-1]


def run(place, verdict):
    mock = place.mock("--latency", "20", "--tokens", "40", "--interval", "2")
    gateway = place.sluice([mock.url])
    harness.load(place, {"warm": gateway.url}, "-c", CLIENTS, "-n", 2 * CLIENTS, "--stream",
                 "--quiet")
    harness.ask(gateway.url + "/metrics")
    counts, resident, gone = [settle(gateway, mock)], [], []
    for _ in range(QUARTERS):
        gone.append(storm(place, gateway, "streams", "--stream"))
        gone.append(storm(place, gateway, "plain"))
        counts.append(settle(gateway, mock))
        resident.append(harness.rss_bytes(gateway.process.pid))
    slots = sum(harness.gauge(gateway, name) for name in GAUGES)
    provider = json.loads(harness.ask(mock.url + "/mock/stats"))
    left_early = [sum(each["outcomes"]["left"] for each in gone[kind::2]) for kind in (0, 1)]
    verdict.note("left early, of 8,000 streams and of 8,000 plain requests",
                 f"{left_early[0]}, {left_early[1]}")
    verdict.enough("left early", sum(left_early), QUARTERS * QUARTER // 2)
    verdict.none("those that stayed and failed", sum(each["failed"] for each in gone))
    before, (upstream_left, after) = counts[0][1], counts[-1]
    left = max(0, after - before) + max(0, upstream_left - CLIENTS)
    verdict.note("descriptors to the provider + others: before, after each quarter",
                 ", ".join(f"{a} + {b}" for a, b in counts))
    verdict.show("storm-left", left + slots)
    verdict.show("storm-bytes", max(0, sum(resident[2:]) - sum(resident[:2])) / 2 / (2 * QUARTER))
    verdict.note("resident after each quarter, MB",
                 " / ".join(f"{each / 1e6:.2f}" for each in resident))
    verdict.none("requests the provider still works at", provider["in_flight"])
    alive = harness.load(place, {"after": gateway.url}, "-c", 16, "-n", 500, "--quiet")
    verdict.none("failed afterwards", alive["after"]["sum"]["failed"])
