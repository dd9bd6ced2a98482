"""Ten times as many requests as the gateway may serve at once."""

import subprocess

from scenarios import harness

QUESTION = "under 10 x overload: how much is still served, how soon are the others told?"

# Little capacity, so that ten times as much is no load for two cores: what is measured is the
# gateway's choice, not the machine. 16 at once, 100 ms each: 160 a second.
IN_FLIGHT, LATENCY_MS, QUEUE = 16, 100, 16
CAPACITY = IN_FLIGHT * 1000 / LATENCY_MS
SECONDS = 10
GOODPUT_BAR = 0.9
SHED_P99_MS_BAR = 5
LATE_MS_MAX, TRIES = SHED_P99_MS_BAR / 2, 3
GROWTH_BAR = 1.05  # peak memory of the second half / of the first
QUEUED = f", queue: {QUEUE}, queue_wait: 1s"


def knows_queue(place):
    """Whether this gateway has limits.queue."""
    path, _ = place.write_config(["http://127.0.0.1:9"], limits=harness.LIMITS + QUEUED)
    done = subprocess.run([harness.program("sluice"), "check", "-c", str(path)],
                          capture_output=True, check=False)
    return done.returncode == 0


def overload(place, mock, limits):
    """The load is open: a refused client comes back no sooner. Times count from when a request
    was due, so our own lateness is in them; a run in which we were late says nothing of the
    gateway, and is made again."""
    for _ in range(TRIES):
        gateway = place.sluice([mock.url], limits=limits)
        figures = harness.load(place, {"sluice": gateway.url}, "--rate", CAPACITY * 10,
                               "--poisson", "-c", 1000, "-d", SECONDS, "--rounds", 2,
                               "--warmup", 1, *gateway.watch("sluice"))["sluice"]
        gateway.stop()
        late_ms = figures["sum"]["lag_us"]["p99"] / 1000
        if late_ms <= LATE_MS_MAX:
            return figures
    raise harness.CannotMeasure(f"the machine is busy: in {TRIES} runs sluice-load was "
                                f"late, p99 {late_ms:.1f} ms in the last")


def judge(verdict, name, figures):
    total = figures["sum"]
    outcomes = total["outcomes"]
    first, second = (r["usage"]["rss_peak"] / 1e6 for r in figures["rounds"])
    verdict.at_least(f"{name}: served, of the capacity",
                     outcomes["ok"] / (2 * SECONDS) / CAPACITY, GOODPUT_BAR)
    verdict.note(f"{name}: served, p99 ms", total["whole_us"]["p99"] / 1000)
    verdict.note(f"{name}: shed", outcomes["refused"])
    verdict.at_most(f"{name}: shed answers, p99 ms", total["refused_us"]["p99"] / 1000,
                    SHED_P99_MS_BAR)
    verdict.note(f"{name}: shed answers, p50 ms", total["refused_us"]["p50"] / 1000)
    verdict.note(f"{name}: our own lateness, p99 ms", total["lag_us"]["p99"] / 1000)
    verdict.none(f"{name}: neither served nor shed",
                    total["failed"] - outcomes["refused"])
    verdict.note(f"{name}: resident before / peak of each half / after, MB",
                 f"{figures['rounds'][0]['usage']['rss_begin'] / 1e6:.1f} / {first:.1f}, "
                 f"{second:.1f} / {total['usage']['rss_end'] / 1e6:.1f}")
    verdict.at_most(f"{name}: peak of the second half / of the first", second / first,
                    GROWTH_BAR)
    for outcome, example in total["examples"].items():
        verdict.note(f"{name}: first {outcome}", example)


def run(place, verdict):
    mock = place.mock("--latency", str(LATENCY_MS))
    limits = f"connections: 16384, in_flight: {IN_FLIGHT}"
    name = "no queue"
    if knows_queue(place):
        name, limits = f"queue of {QUEUE}", limits + QUEUED
    print(f"--- {name}: {CAPACITY * 10:.0f} requests a second, capacity {CAPACITY:.0f}",
          flush=True)
    judge(verdict, name, overload(place, mock, limits))
