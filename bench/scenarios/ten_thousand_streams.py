"""Many streams at once: do they arrive whole, what does each take, and does the memory come back?"""

import json
import subprocess
import time

from scenarios import harness

QUESTION = "do 9,000 streams at once arrive whole, what memory do they take, and does it return?"

# 9,000 is what 20,000 descriptors give: a stream takes two of the gateway's.
MANY, FEW = 9000, 5000
TOKENS, INTERVAL_MS = 15, 1000
REST_SECONDS = 60


def streams(place, gateway, mock, count):
    """So many at once; gives the figures and whether all were open at the same moment."""
    path = place.folder / f"streams-{count}.json"
    command = harness.load_command({"sluice": gateway.url}, "-c", count, "-n", count, "--stream",
                                   "--ramp", 6, "--expect-tokens", TOKENS, "--json", path,
                                   "--allow-failures", *gateway.watch("sluice"))
    load = subprocess.Popen(command)
    harness.ask(f"{mock.url}/mock/wait?in_flight_min={count}&timeout_ms=20000", timeout=30)
    all_open = json.loads(harness.ask(f"{mock.url}/mock/stats"))["in_flight"] >= count
    load.wait(harness.LOAD_SECONDS)
    return json.loads(path.read_text())["targets"]["sluice"]["sum"], all_open


def start(place, mock):
    """A gateway, and what it takes: the first request brings in what all later ones share."""
    gateway = place.sluice([mock.url])
    warm = harness.load_command({"sluice": gateway.url}, "-c", 1, "-n", 1, "--quiet", "-m",
                                "gpt-4.1")
    subprocess.run(warm, stdout=subprocess.DEVNULL, timeout=60, check=True)
    return gateway, harness.rss_bytes(gateway.process.pid)


def judge(verdict, figures, all_open, count):
    verdict.enough(f"{count} streams: open at the same moment", count if all_open else 0, count)
    verdict.none(f"{count} streams: lost, merged, doubled or reordered events, or failed",
                 figures["failed"])
    verdict.enough(f"{count} streams: tokens received", figures["tokens"], count * TOKENS)
    verdict.note(f"{count} streams: token, sent to received, p99 us", figures["delay_us"]["p99"])


def measure_few(place, verdict, mock):
    gateway, before = start(place, mock)
    figures, all_open = streams(place, gateway, mock, FEW)
    verdict.show("stream-memory", (figures["usage"]["rss_peak"] - before) / FEW / 1000)
    judge(verdict, figures, all_open, FEW)


def run(place, verdict):
    """While the gateway that had many rests, another one has few."""
    mock = place.mock("--stamp", "--tokens", str(TOKENS), "--interval", str(INTERVAL_MS))
    gateway, before = start(place, mock)
    figures, all_open = streams(place, gateway, mock, MANY)
    rested = time.monotonic() + REST_SECONDS
    clean = figures["outcomes"]["ok"] if all_open else 0
    verdict.show("clean-streams", clean)
    judge(verdict, figures, all_open, MANY)
    verdict.note("resident when idle, before, MB", before / 1e6)
    verdict.note(f"resident with {MANY} streams, MB", figures["usage"]["rss_peak"] / 1e6)
    measure_few(place, verdict, mock)
    print(f"--- the rest of {REST_SECONDS} s", flush=True)
    time.sleep(max(0, rested - time.monotonic()))
    after = harness.rss_bytes(gateway.process.pid)
    verdict.note("resident a minute later, MB", after / 1e6)
    verdict.show("memory-returns", after / before)
