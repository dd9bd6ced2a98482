"""Sixteen bodies of 32 MB are on their way while small requests are answered.

The big ones come as over a network, and go to a fake provider of their own: one alone would keep the
small ones waiting for the tens of milliseconds in which it makes a tree of 32 MB, and that is no
figure of a gateway. Those who send them and who take them stand for other machines, so they give way
to everybody else on this one."""

import statistics

from peers import nginx
from scenarios import harness

QUESTION = "what do small requests wait while sixteen bodies of 32 MB are on their way?"

BIG_BYTES, BIG = 32_000_000, 16
WRITE_RATE = 10_000_000  # of each; 1.3 Gbit/s together
BIG_SECONDS = BIG_BYTES / WRITE_RATE
RATE, SECONDS = 400, 1.5
GROUPS, LOOKS = 5, 2  # alone and beside in turns, short looks: the machine is not the same for long
MORE = """
  big:
    targets:
      - { provider: up1, model: gpt-4.1 }
"""


def small(place, url, what):
    """Small requests for a while."""
    return harness.Load(place, {what: url}, "--rate", RATE, "--poisson", "-c", 128, "-d", SECONDS,
                        "--connect-first", "--quiet").figures()[what]["sum"]


def p99(each):
    return [figures["whole_us"]["p99"] for figures in each]


def beside_big(place, url, big_url, looks, *options):
    """The small ones begin when all of the big ones are on their way, in all stages of it, and end
    before these do. Each sends one after the other."""
    lasts = round(BIG_SECONDS + looks * (SECONDS + 0.3), 3)
    big = harness.Load(place, {"big": big_url}, "-c", BIG, "-d", lasts, "--ramp", BIG_SECONDS,
                       "--body-bytes", BIG_BYTES, "-m", "big", "--quiet", "--timeout", 120,
                       *options, wrapper=harness.NICE)
    big.sleep_until(BIG_SECONDS + 0.2)
    beside = [small(place, url, "beside") for _ in range(looks)]
    return beside, big.figures()["big"]["sum"]


def group(place, url, big_url):
    """Small ones alone, then as many beside big ones: their p99s, the big ones that arrived, what failed."""
    alone = [small(place, url, "alone") for _ in range(LOOKS)]
    beside, big = beside_big(place, url, big_url, LOOKS, "--write-rate", WRITE_RATE)
    failed = big["failed"] + sum(each["failed"] for each in alone + beside)
    return statistics.median(p99(alone)), statistics.median(p99(beside)), big["outcomes"]["ok"], failed


def measure(place, verdict, name, url, big_url, groups=GROUPS):
    """p99 beside the big ones / alone, and what it was alone."""
    alone, beside, arrived, failed = zip(*(group(place, url, big_url) for _ in range(groups)))
    ratios = [with_big / without for with_big, without in zip(beside, alone)]
    verdict.enough(f"{name}: big bodies that arrived meanwhile", sum(arrived), BIG * 2)
    verdict.none(f"{name}: failed, small and big", sum(failed))
    for what, each in (("alone", alone), ("beside big ones", beside)):
        verdict.note(f"{name}: p99 {what}, us", " ".join(f"{us:.0f}" for us in each))
    verdict.note(f"{name}: the second / the first", " ".join(f"{ratio:.2f}" for ratio in ratios))
    return statistics.median(ratios), statistics.median(alone)


def run(place, verdict):
    mock, other = place.mock(), place.mock(wrapper=harness.NICE)
    gateway = place.sluice([mock.url, other.url], MORE, weights=[100])
    peer = nginx.start(place, mock, second=other)
    place.put_on_cores("apart")
    ratio, usual = measure(place, verdict, "sluice", gateway.url, gateway.url)
    verdict.show("small-beside-big", ratio)
    verdict.note("resident at the end, MB", harness.rss_bytes(gateway.process.pid) / 1e6)
    ratio, _ = measure(place, verdict, "nginx", peer.url, peer.second_url, groups=1)
    verdict.note("nginx: p99 beside them / alone", ratio)
    # As fast as this machine can: a busy machine is part of that.
    beside, _ = beside_big(place, gateway.url, gateway.url, 1)
    verdict.note("the same when they come as fast as they can", p99(beside)[0] / usual)
