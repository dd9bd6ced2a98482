"""Each request on a connection of its own."""

from scenarios import beside, harness

QUESTION = "what does a request cost whose client opens a connection for it alone?"

CONNECTIONS, REQUESTS, ROUNDS = 32, 4000, 5
RATIO_BAR = 1.0


def run(place, verdict):
    mock = place.mock()
    servers = beside.proxies(place, mock, verdict)
    servers["sluice"] = place.sluice([mock.url])
    figures = harness.load(place, {name: server.url for name, server in servers.items()}, "-c",
                           CONNECTIONS, "-n", REQUESTS, "--rounds", ROUNDS, "--warmup", 0.5,
                           "--connection-per-request", *beside.watch(servers))
    verdict.at_most("CPU per request and connection / nginx",
                    figures["sluice"]["ratios"]["cpu_per_request"]["median"], RATIO_BAR)
    beside.none_failed(verdict, figures)
    beside.note_cpu(verdict, figures, servers)
