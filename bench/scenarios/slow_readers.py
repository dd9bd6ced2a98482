"""Clients that read slowly, beside others that do not."""

import statistics
import subprocess

from scenarios import harness

QUESTION = "what do slow readers cost the gateway in memory, and other streams in time?"

READERS, READ_RATE = 200, 40_000
TOKENS, TOKEN_BYTES = 1200, 256  # of a slow one: about 500 KB, more than the kernels hold
OTHERS, ROUNDS = 50, 2
MEMORY_KB_BAR = 256
DELAY_BAR = 2
MODELS = "default_provider: up0\n"  # so that each may ask for its own knobs
OTHER_MODEL = "gpt-4.1@tokens=200,interval=20,bytes=1"


def others(place, gateway, what):
    """Streams of four seconds, read as they come."""
    return harness.Load(place, {what: gateway.url}, "-c", OTHERS, "-n", OTHERS, "--stream",
                        "--expect-tokens", 200, "-m", OTHER_MODEL, "--quiet", "--ramp", 0.5)


def run(place, verdict):
    mock = place.mock("--stamp", "--tokens", str(TOKENS), "--bytes", str(TOKEN_BYTES))
    gateway = place.sluice([mock.url], MODELS)
    warm = harness.load_command({"sluice": gateway.url}, "-c", 50, "-n", 200, "--quiet")
    subprocess.run(warm, stdout=subprocess.DEVNULL, timeout=60, check=True)
    before = harness.rss_bytes(gateway.process.pid)
    alone = [others(place, gateway, "alone").figures()["alone"]["sum"] for _ in range(ROUNDS)]
    slow = harness.Load(place, {"slow": gateway.url}, "-c", READERS, "-n", READERS, "--stream",
                        "--read-rate", READ_RATE, "--expect-tokens", TOKENS, "--quiet",
                        *gateway.watch("slow"))
    slow.sleep_until(5)  # until nobody sends any more but to the pace of the slow
    beside = [others(place, gateway, "beside").figures()["beside"]["sum"] for _ in range(ROUNDS)]
    figures = slow.figures()["slow"]["sum"]
    ratio = statistics.median(b["delay_us"]["p99"] / a["delay_us"]["p99"]
                              for a, b in zip(alone, beside))
    verdict.at_most("token, sent to received, p99, beside them / alone", ratio, DELAY_BAR)
    verdict.at_most("memory of the gateway per slow reader, KB",
                    (figures["usage"]["rss_peak"] - before) / READERS / 1000, MEMORY_KB_BAR)
    verdict.none("failed, slow readers", figures["failed"])
    verdict.none("failed, others", sum(each["failed"] for each in alone + beside))
    verdict.note("a slow stream took, p50 s", figures["whole_us"]["p50"] / 1e6)
