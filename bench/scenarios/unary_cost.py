"""Another build of the gateway beside this one, in turns."""

import statistics
from pathlib import Path

from scenarios import harness, instructions

QUESTION = "does a plain request cost more than in the build that --base names?"

RATIO_BAR = 1.05
ROUNDS, REQUESTS = 15, 6000
COUNTS = 5  # of instructions, in turns too: how requests fall into turns of the loop varies by 3 %


def run(place, verdict):
    base = place.options.base
    if not base or not Path(base).is_file():
        raise harness.CannotMeasure("--base PATH: the sluice to compare with")
    mock = place.mock()
    binaries = {"base": str(Path(base).resolve()), "this": harness.program("sluice")}
    servers = {name: place.sluice([mock.url], binary=path) for name, path in binaries.items()}
    watched = [word for name, server in servers.items() for word in server.watch(name)]
    figures = harness.load(place, {name: server.url for name, server in servers.items()},
                           "-c", 64, "-n", REQUESTS, "--rounds", ROUNDS, "--warmup", 1, *watched)
    ratio = figures["this"]["ratios"]["cpu_per_request"]
    verdict.none("failed", sum(figures[name]["sum"]["failed"] for name in figures))
    verdict.at_most(f"CPU per plain request, this / base, median of {ROUNDS} pairs",
                    ratio["median"], RATIO_BAR)
    middle = sorted(ratio["rounds"])[ROUNDS // 4:ROUNDS - ROUNDS // 4]
    verdict.note("the middle half of the pairs", f"{middle[0]:.3f} to {middle[-1]:.3f}")
    for name in figures:
        verdict.note(f"CPU per plain request, {name}, us",
                     figures[name]["sum"]["usage"]["cpu_us_per_request"])
    print("--- user instructions per plain request", flush=True)
    counts = {name: [] for name in binaries}
    for _ in range(COUNTS):
        for name, path in binaries.items():
            count, how = instructions.per_request(
                place, servers[name],
                lambda wrapper, path=path: place.sluice([mock.url], wrapper=wrapper, binary=path),
                name)
            if count is None:
                verdict.note("user instructions per plain request", how)
                return
            counts[name].append(count)
    for name, each in counts.items():
        verdict.note(f"user instructions per plain request, {name} ({how})",
                     f"{min(each):,.0f} to {max(each):,.0f}")
    verdict.at_most(f"user instructions, this / base, medians of {COUNTS}",
                    statistics.median(counts["this"]) / statistics.median(counts["base"]),
                    RATIO_BAR)
