"""Weights against what really arrives."""

import json
import math

from scenarios import harness

QUESTION = "does each target get its share?"

REQUESTS = 10_000
SIGMA_BAR = 5
SPLITS = [[70, 30], [100, 100, 80]]
GREENS = [0, 5, 50, 95, 100]


def posts_of(mocks):
    return [json.loads(harness.ask(mock.url + "/mock/stats"))["posts"] for mock in mocks]


def split(place, verdict, parts, name, **config):
    mocks = [place.mock() for _ in parts]
    gateway = place.sluice([mock.url for mock in mocks], **config)
    print(f"--- {name}", flush=True)
    figures = harness.load(place, {"sluice": gateway.url}, "-c", 32, "-n", REQUESTS)
    counts = posts_of(mocks)
    verdict.none(f"{name}: failed", figures["sluice"]["sum"]["failed"])
    verdict.none(f"{name}: attempts beyond one a request", sum(counts) - REQUESTS)
    verdict.note(f"{name}: counted at the upstreams", "/".join(map(str, counts)))
    for weight, count in zip(parts, counts):
        part = weight / sum(parts)
        sigma = math.sqrt(REQUESTS * part * (1 - part))
        off = abs(count - REQUESTS * part)
        if sigma:
            verdict.at_most(f"{name}: the target of {weight}, off by, sigma", off / sigma,
                            SIGMA_BAR)
        else:
            verdict.none(f"{name}: the target of {weight}, off by, requests", off)
    gateway.stop()


def run(place, verdict):
    for weights in SPLITS:
        split(place, verdict, weights, "/".join(map(str, weights)), weights=weights)
    for green in GREENS:
        split(place, verdict, [100 - green, green], f"green {green} %", green=green)
