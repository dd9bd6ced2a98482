"""Plain answers: what one costs beside nginx, and what it waits."""

from scenarios import beside, harness

QUESTION = "what does a plain request cost and wait, beside nginx's plain proxy_pass?"

CONNECTIONS, REQUESTS, ROUNDS = 64, 20_000, 5
ALONE = 4000


def run(place, verdict):
    mock = place.mock()
    servers = beside.proxies(place, mock, verdict)
    servers["sluice"] = place.sluice([mock.url])
    urls = {name: server.url for name, server in servers.items()}
    print(f"--- cost: 1 KB POST, {CONNECTIONS} connections", flush=True)
    figures = harness.load(place, urls, "-c", CONNECTIONS, "-n", REQUESTS, "--rounds", ROUNDS,
                           "--warmup", 1, *beside.watch(servers),
                           "--svg", place.plots() / "unary.svg")
    verdict.show("unary-cpu", figures["sluice"]["ratios"]["cpu_per_request"]["median"])
    beside.none_failed(verdict, figures)
    beside.note_cpu(verdict, figures, servers)
    print("--- added latency: one connection", flush=True)
    figures = harness.load(place, {"direct": mock.url, **urls}, "-c", 1, "-n", ALONE, "--rounds",
                           ROUNDS, "--warmup", 0.5, "--svg", place.plots() / "latency.svg")
    for at in ("p50", "p99"):
        verdict.show(f"added-{at}", beside.added(figures, "sluice", "whole_us", at))
        for name in list(servers)[:-1]:
            verdict.note(f"added latency {at}, {name}, us",
                         beside.added(figures, name, "whole_us", at))
