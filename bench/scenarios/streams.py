"""Many streams at once: does each arrive whole, and what does it cost in memory?"""

import json
import subprocess

from scenarios import harness

QUESTION = "do 2,000 streams at once arrive whole, and how much memory does each take?"

STREAMS = 2000
TOKENS = 100
INTERVAL_MS = 100
RSS_KB_BAR = 22


def run(place, verdict):
    mock = place.mock("--stamp", "--tokens", str(TOKENS), "--interval", str(INTERVAL_MS))
    gateway = place.sluice([mock.url])
    targets = {"sluice": gateway.url}

    # The first request brings in what every later one shares.
    warm = harness.load_command(targets, "-c", 1, "-n", 1, "--quiet")
    subprocess.run(warm, stdout=subprocess.DEVNULL, timeout=60, check=True)
    before = harness.rss_bytes(gateway.process.pid)

    path = place.folder / "streams.json"
    command = harness.load_command(targets, "-c", STREAMS, "-n", STREAMS, "--stream", "--ramp", 2,
                                   "--expect-tokens", TOKENS, "--json", path, "--allow-failures",
                                   *gateway.watch("sluice"))
    load = subprocess.Popen(command)
    harness.ask(f"{mock.url}/mock/wait?in_flight_min={STREAMS}&timeout_ms=20000")
    all_open = json.loads(harness.ask(f"{mock.url}/mock/stats"))["in_flight"] >= STREAMS
    load.wait(harness.LOAD_SECONDS)

    figures = json.loads(path.read_text())["targets"]["sluice"]["sum"]
    grown = figures["usage"]["rss_peak"] - before
    verdict.at_least("streams open at the same moment", STREAMS if all_open else 0, STREAMS)
    verdict.at_most("streams with a lost, merged, doubled or reordered event, or that failed",
                    figures["failed"], 0)
    verdict.at_least("tokens received", figures["tokens"], STREAMS * TOKENS)
    verdict.at_most("memory per stream, KB", grown / STREAMS / 1000, RSS_KB_BAR)
    verdict.note("resident before, MB", before / 1e6)
    verdict.note("resident at the peak, MB", figures["usage"]["rss_peak"] / 1e6)
    verdict.note("token, sent to received, p99 us", figures["delay_us"]["p99"])
