"""The same two targets, as one side and as two, in turns."""

import statistics

from scenarios import harness, instructions

QUESTION = "what does it cost a request that its model is split into blue and green?"

RATIO_BAR = 1.01
ROUNDS, REQUESTS = 15, 6000
COUNTS = 5  # of instructions, in turns too


def run(place, verdict):
    mocks = [place.mock().url, place.mock().url]
    configs = {"one side": {}, "split": {"green": 50}}
    servers = {name: place.sluice(mocks, **config) for name, config in configs.items()}
    words = {"one side": "one", "split": "split"}
    watched = [word for name, server in servers.items() for word in server.watch(words[name])]
    figures = harness.load(place, {words[name]: each.url for name, each in servers.items()},
                           "-c", 64, "-n", REQUESTS, "--rounds", ROUNDS, "--warmup", 1, *watched)
    verdict.none("failed", sum(each["sum"]["failed"] for each in figures.values()))
    for name in words.values():
        verdict.note(f"CPU per request, {name}, us",
                     figures[name]["sum"]["usage"]["cpu_us_per_request"])
        verdict.note(f"p50 of the whole, {name}, us", figures[name]["sum"]["whole_us"]["p50"])
    verdict.note(f"CPU per request, split / one side, median of {ROUNDS} pairs",
                 figures["split"]["ratios"]["cpu_per_request"]["median"])
    counts = {name: [] for name in configs}
    for _ in range(COUNTS):
        for name, config in configs.items():
            count, how = instructions.per_request(
                place, servers[name],
                lambda wrapper, config=config: place.sluice(mocks, wrapper=wrapper, **config),
                words[name])
            if count is None:
                raise harness.CannotMeasure(how)
            counts[name].append(count)
    for name, each in counts.items():
        verdict.note(f"user instructions per request, {name}",
                     f"{min(each):,.0f} to {max(each):,.0f}")
    verdict.at_most(f"user instructions, split / one side, medians of {COUNTS}",
                    statistics.median(counts["split"]) / statistics.median(counts["one side"]),
                    RATIO_BAR)
