"""The same load through nginx and through sluice, in turns."""

import statistics

from scenarios import harness, instructions, nginx

QUESTION = "what does a request cost, beside nginx's plain proxy_pass?"

CPU_PER_REQUEST_BAR = 2.3
CPU_PER_EVENT_BAR = 1.35
INSTRUCTIONS_BAR = 140_000
ADDED_P50_US_BAR = 60
ADDED_P99_US_BAR = 150


def unary(place, mock, peer, gateway, verdict):
    print("--- plain answers: 1 KB POST, 64 connections", flush=True)
    figures = harness.load(place, {"nginx": peer.url, "sluice": gateway.url}, "-c", 64,
                           "-n", 20000, "--rounds", 5, "--warmup", 1, *peer.watch("nginx"),
                           *gateway.watch("sluice"))
    verdict.at_most("CPU per plain request / nginx, median of 5",
                    figures["sluice"]["ratios"]["cpu_per_request"]["median"], CPU_PER_REQUEST_BAR)
    verdict.at_most("failed plain requests", figures["sluice"]["sum"]["failed"], 0)
    for name in figures:
        verdict.note(f"CPU per plain request, {name}, us",
                     figures[name]["sum"]["usage"]["cpu_us_per_request"])


def streams(place, mock, peer, gateway, verdict):
    print("--- streams: 100 at once, a chunk each 10 ms", flush=True)
    harness.ask(mock.url + "/mock/control", {"tokens": 100, "interval_ms": 10})
    figures = harness.load(place, {"nginx": peer.stream_url, "sluice": gateway.url}, "-c", 100,
                           "-n", 300, "--stream", "--expect-tokens", 100, "--rounds", 5,
                           "--ramp", 1, "--warmup", 1, *peer.watch("nginx"),
                           *gateway.watch("sluice"))
    harness.ask(mock.url + "/mock/control", {"tokens": 16, "interval_ms": 0})
    verdict.at_most("CPU per chunk / nginx, median of 5",
                    figures["sluice"]["ratios"]["cpu_per_event"]["median"], CPU_PER_EVENT_BAR)
    verdict.at_most("failed streams", figures["sluice"]["sum"]["failed"], 0)
    for name in figures:
        total = figures[name]["sum"]
        verdict.note(f"CPU per chunk, {name}, us", total["usage"]["cpu_us_per_event"])
        verdict.note(f"token, sent to received, {name}, p99 us", total["delay_us"]["p99"])


def latency(place, mock, peer, gateway, verdict):
    print("--- added latency: one connection", flush=True)
    figures = harness.load(place, {"direct": mock.url, "nginx": peer.url, "sluice": gateway.url},
                           "-c", 1, "-n", 4000, "--rounds", 5, "--warmup", 0.5)
    for name in ("nginx", "sluice"):
        rounds = zip(figures["direct"]["rounds"], figures[name]["rounds"])
        pairs = [(direct["whole_us"], through["whole_us"]) for direct, through in rounds]
        for at in ("p50", "p99"):
            added = statistics.median(through[at] - direct[at] for direct, through in pairs)
            bar = ADDED_P50_US_BAR if at == "p50" else ADDED_P99_US_BAR
            if name == "sluice":
                verdict.at_most(f"added latency {at}, {name}, us", added, bar)
            else:
                verdict.note(f"added latency {at}, {name}, us", added)


def count_instructions(place, mock, peer, gateway, verdict):
    print("--- user instructions per plain request", flush=True)
    starts = {
        "nginx": (peer, lambda wrapper: nginx.start(place, mock, wrapper)),
        "sluice": (gateway, lambda wrapper: place.sluice([mock.url], wrapper=wrapper)),
    }
    for name, (server, start) in starts.items():
        count, how = instructions.per_request(place, server, start, name)
        if count is None:
            verdict.note(f"user instructions per plain request, {name}", how)
        elif name == "sluice":
            verdict.at_most(f"user instructions per plain request, {name} ({how})", count,
                            INSTRUCTIONS_BAR)
        else:
            verdict.note(f"user instructions per plain request, {name} ({how})", count)


def run(place, verdict):
    mock = place.mock("--stamp")
    peer = nginx.start(place, mock)
    gateway = place.sluice([mock.url])
    for part in (unary, streams, latency, count_instructions):
        part(place, mock, peer, gateway, verdict)
