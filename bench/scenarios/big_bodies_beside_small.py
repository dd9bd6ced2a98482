"""Sixteen bodies of 32 MB are on their way while small requests are answered.

The big ones go to a fake provider of their own: one alone would keep the small ones waiting for the
tens of milliseconds in which it makes a tree of 32 MB, and that is no figure of a gateway."""

import statistics

from scenarios import harness

QUESTION = "what do small requests wait while sixteen bodies of 32 MB are on their way?"

BIG_BYTES, BIG = 32_000_000, 16
RATE, SECONDS, ROUNDS = 400, 3, 3
MORE = """
  big:
    targets:
      - { provider: up1, model: gpt-4.1 }
"""
SMALL = ["--rate", RATE, "--poisson", "-c", 256, "-d", SECONDS, "--quiet"]


def small(place, url, what):
    return harness.Load(place, {what: url}, *SMALL).figures()[what]["sum"]


def beside_big(place, url, big_url, what):
    """The small ones begin when the big ones are on their way, and these do not end before."""
    big = harness.Load(place, {"big": big_url}, "-c", BIG, "-d", SECONDS + 2, "--body-bytes",
                       BIG_BYTES, "-m", "big", "--quiet", "--timeout", 120)
    big.sleep_until(1)
    return small(place, url, what), big.figures()["big"]["sum"]


def run(place, verdict):
    mock, other = place.mock(), place.mock()
    gateway = place.sluice([mock.url, other.url], MORE, weights=[100])
    ratios, bigs, failed = [], 0, 0
    control = []
    for _ in range(ROUNDS):
        alone = small(place, gateway.url, "alone")
        together, big = beside_big(place, gateway.url, gateway.url, "beside")
        ratios.append(together["whole_us"]["p99"] / alone["whole_us"]["p99"])
        bigs += big["outcomes"]["ok"]
        failed += alone["failed"] + together["failed"] + big["failed"]
        print(f"alone p99 {alone['whole_us']['p99']:.0f} us, beside them "
              f"{together['whole_us']['p99']:.0f} us", flush=True)
        # What two busy cores alone do: the same beside big bodies that go nowhere near sluice.
        busy, _ = beside_big(place, gateway.url, other.url, "busy")
        control.append(busy["whole_us"]["p99"] / alone["whole_us"]["p99"])
    verdict.show("small-beside-big", statistics.median(ratios))
    verdict.note("round by round", " ".join(f"{ratio:.2f}" for ratio in ratios))
    verdict.note("the same when the big ones go past it, for the machine's part",
                 statistics.median(control))
    verdict.enough("big bodies that arrived meanwhile", bigs, BIG * ROUNDS)
    verdict.none("failed, small and big", failed)
    verdict.note("resident at the end, MB", harness.rss_bytes(gateway.process.pid) / 1e6)
