"""Weights against what really arrives."""

import json
import math

from scenarios import harness

QUESTION = "does each target get its share?"

REQUESTS = 10_000
SIGMA_BAR = 5
SPLITS = [[70, 30], [100, 100, 80]]


def posts_of(mocks):
    return [json.loads(harness.ask(mock.url + "/mock/stats"))["posts"] for mock in mocks]


def split(place, verdict, weights):
    name = "/".join(map(str, weights))
    mocks = [place.mock() for _ in weights]
    gateway = place.sluice([mock.url for mock in mocks], weights=weights)
    print(f"--- {name}", flush=True)
    figures = harness.load(place, {"sluice": gateway.url}, "-c", 32, "-n", REQUESTS)
    counts = posts_of(mocks)
    verdict.at_most(f"{name}: failed", figures["sluice"]["sum"]["failed"], 0)
    verdict.at_most(f"{name}: attempts beyond one a request", sum(counts) - REQUESTS, 0)
    verdict.note(f"{name}: counted at the upstreams", "/".join(map(str, counts)))
    for weight, count in zip(weights, counts):
        part = weight / sum(weights)
        sigma = math.sqrt(REQUESTS * part * (1 - part))
        verdict.at_most(f"{name}: the target of {weight}, off by, sigma",
                        abs(count - REQUESTS * part) / sigma, SIGMA_BAR)
    gateway.stop()


def run(place, verdict):
    for weights in SPLITS:
        split(place, verdict, weights)
