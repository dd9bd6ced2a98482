"""All targets answer 503 for a while: what reaches them meanwhile, and how traffic returns."""

import contextlib
import time

from scenarios import harness

QUESTION = "do retries make an outage of all targets worse, and does traffic return in a herd?"

RATE = 200
STEADY, OUTAGE, AFTER = 5, 10, 12  # seconds
SLOT = 0.1
ATTEMPTS_BAR = 1.3  # for each client request, during the outage
HERD_BAR = 1.5      # of the steady rate, in any second after the recovery
KNOBS = ["--latency", "20"]

# The default breaker stays open longer than the outage lasts: its last resort notices the end. With
# the breaker mostly the breaker answers; without it the retry budget alone must hold.
WAYS = {
    "default": "",
    "breaker": "circuit_breaker: { timeout_seconds: 2 }\nhealth: { slow_start: 5s }\n",
    "no breaker": "circuit_breaker: { enabled: false }\n",
}


def busiest_second(posts, begin, end):
    """The most attempts in any second that begins in this time."""
    starts = [begin] + [when for when, _ in posts.rows if begin <= when <= end - 1]
    return max(sum(posts.between(start, start + 1)) for start in starts)


def first_success(series, ended_at):
    """Seconds from `ended_at` to the first slot in which a request ended well; None: never."""
    for i in range(int(ended_at / SLOT), len(series)):
        if series[i]["ok"]:
            return max(0.0, (i + 1) * SLOT - ended_at)
    return None


def all_well(series, ended_at):
    """Seconds from `ended_at` to the end of the last slot in which one failed."""
    failed = [i for i in range(int(ended_at / SLOT), len(series)) if series[i]["failed"]]
    return max(0.0, (failed[-1] + 1) * SLOT - ended_at) if failed else 0.0


class Way:
    """One gateway, its two providers, and who asks it."""

    def __init__(self, place, name, more):
        self.name = name
        self.mocks = [place.mock(*KNOBS), place.mock(*KNOBS)]
        self.gateway = place.sluice([mock.url for mock in self.mocks], more)
        self.posts = harness.Posts(self.mocks, every=0.05)

    def start(self, place):
        self.load = harness.Load(place, {"sluice": self.gateway.url}, "-d",
                                 STEADY + OUTAGE + AFTER, "--rate", RATE, "-c", 6000, "--series",
                                 SLOT)

    def turn(self, fault):
        """Gives the moment from which on it holds."""
        for mock in self.mocks:
            harness.ask(mock.url + "/mock/control", {"fault": fault})
        return time.monotonic()

    def judge(self, verdict):
        name, posts, load, begin, end = self.name, self.posts, self.load, self.begin, self.end
        figures = load.figures()["sluice"]
        series = figures["rounds"][0]["series"]
        steady = sum(posts.between(load.begin + 1, load.begin + STEADY)) / (STEADY - 1)
        attempts = sum(posts.between(begin, end))
        verdict.note(f"{name}: attempts a second before, at the upstreams", steady)
        verdict.at_most(f"{name}: attempts for each client request, in the outage",
                        attempts / (RATE * (end - begin)), ATTEMPTS_BAR)
        verdict.at_most(f"{name}: first second after it / steady rate",
                        sum(posts.between(end, end + 1)) / steady, HERD_BAR)
        verdict.at_most(f"{name}: busiest second after it / steady rate",
                        busiest_second(posts, end, end + AFTER) / steady, HERD_BAR)
        recovered = end - load.begin
        first = first_success(series, recovered)
        verdict.at_most(f"{name}: first success after it, s", AFTER if first is None else first,
                        AFTER - 1)
        verdict.note(f"{name}: last failure after it, s", all_well(series, recovered))
        verdict.note(f"{name}: clients that were told no", figures["sum"]["failed"])
        verdict.note(f"{name}: our own lateness, p99, ms", figures["sum"]["lag_us"]["p99"] / 1000)


def run(place, verdict):
    """All ways at the same time: together they are a light load."""
    print(f"--- {RATE} requests a second each; {STEADY} s, 503 for {OUTAGE} s, {AFTER} s",
          flush=True)
    ways = [Way(place, name, more) for name, more in WAYS.items()]
    with contextlib.ExitStack() as watching:
        for way in ways:
            watching.enter_context(way.posts)
        for way in ways:
            way.start(place)
        ways[-1].load.sleep_until(STEADY)
        for way in ways:
            way.begin = way.turn("503")
        ways[-1].load.sleep_until(STEADY + OUTAGE)
        for way in ways:
            way.end = way.turn(None)
        for way in ways:
            way.load.process.wait(harness.LOAD_SECONDS)
    for way in ways:
        way.judge(verdict)
