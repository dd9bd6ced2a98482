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
RATE, SECONDS, LOOKS = 400, 1.5, 9  # short looks: what disturbs the machine meets few of them
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


def measure(place, verdict, name, url, big_url, looks=LOOKS):
    """p99 beside the big ones / alone, and what it was alone."""
    paced = ["--write-rate", WRITE_RATE]
    alone = [small(place, url, "alone")]
    beside, big = beside_big(place, url, big_url, looks, *paced)
    alone += [small(place, url, "alone") for _ in range(looks - 1)]
    print(f"{name}: p99 alone {' '.join(f'{us:.0f}' for us in p99(alone))} us, beside them "
          f"{' '.join(f'{us:.0f}' for us in p99(beside))} us", flush=True)
    verdict.enough(f"{name}: big bodies that arrived meanwhile", big["outcomes"]["ok"], BIG * 2)
    verdict.none(f"{name}: failed, small and big",
                 big["failed"] + sum(each["failed"] for each in alone + beside))
    usual = statistics.median(p99(alone))
    verdict.note(f"{name}: p99 look by look / alone",
                 " ".join(f"{us / usual:.2f}" for us in p99(beside)))
    return statistics.median(p99(beside)) / usual, usual


def run(place, verdict):
    mock, other = place.mock(), place.mock(wrapper=harness.NICE)
    gateway = place.sluice([mock.url, other.url], MORE, weights=[100])
    peer = nginx.start(place, mock, second=other)
    place.put_on_cores("apart")
    ratio, usual = measure(place, verdict, "sluice", gateway.url, gateway.url)
    verdict.show("small-beside-big", ratio)
    verdict.note("resident at the end, MB", harness.rss_bytes(gateway.process.pid) / 1e6)
    ratio, _ = measure(place, verdict, "nginx", peer.url, peer.second_url, looks=2)
    verdict.note("nginx: p99 beside them / alone", ratio)
    # As fast as this machine can: a busy machine is part of that.
    beside, _ = beside_big(place, gateway.url, gateway.url, 1)
    verdict.note("the same when they come as fast as they can", p99(beside)[0] / usual)
