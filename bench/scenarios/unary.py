"""Plain answers: what one costs beside nginx, and what it waits."""

from scenarios import beside, harness

QUESTION = "what does a plain request cost and wait, beside nginx's plain proxy_pass?"

CONNECTIONS, REQUESTS, ROUNDS = 64, 20_000, 3
COST_CONNECTIONS, COST_ROUNDS = 20, 15  # of each, all at once; of a second
ALONE, ALONE_ROUNDS = 2000, 11  # short rounds: what disturbs the machine meets all alike
ONE_CORE_ROUNDS = 3


def wait_alone(place, servers, direct, rounds, plot):
    """Figures of one connection, one request after the other."""
    urls = {name: server.url for name, server in servers.items()}
    return harness.load(place, {"direct": direct.url, **urls}, "-c", 1, "-n", ALONE, "--rounds",
                        rounds, "--warmup", 0.3, "--svg", place.plots() / plot)


def run(place, verdict):
    mock = place.mock()
    servers = beside.proxies(place, mock, verdict)
    servers["sluice"] = place.sluice([mock.url])
    urls = {name: server.url for name, server in servers.items()}
    print(f"--- cost: 1 KB POST, {COST_CONNECTIONS} connections to each, all at once", flush=True)
    place.put_on_cores("any")
    figures, costs = beside.at_once(place, servers, urls, "cpu_us_per_request", "-c",
                                    COST_CONNECTIONS, "-d", 1, "--rounds", COST_ROUNDS,
                                    "--warmup", 1)
    beside.none_failed(verdict, figures)
    verdict.show("unary-cpu", beside.note_at_once(verdict, costs, "CPU per request"))
    print(f"--- one after the other, {CONNECTIONS} connections", flush=True)
    figures = harness.load(place, urls, "-c", CONNECTIONS, "-n", REQUESTS, "--rounds", ROUNDS,
                           "--warmup", 1, *beside.watch(servers),
                           "--svg", place.plots() / "unary.svg")
    beside.none_failed(verdict, figures)
    beside.note_cpu(verdict, figures, servers)
    print("--- added latency: one connection, the gateway on a core of its own, no core asleep",
          flush=True)
    place.put_on_cores("apart")
    with harness.awake(verdict):
        figures = wait_alone(place, servers, mock, ALONE_ROUNDS, "latency.svg")
    beside.none_failed(verdict, figures)
    for at in ("p50", "p99"):
        verdict.show(f"added-{at}", beside.added(figures, "sluice", "whole_us", at))
        beside.note_added(verdict, figures, servers, "whole_us", at, f"added latency {at}")
    print("--- the same, all on one core", flush=True)
    place.put_on_cores("one")
    figures = wait_alone(place, servers, mock, ONE_CORE_ROUNDS, "latency-one-core.svg")
    for at in ("p50", "p99"):
        for name in servers:
            verdict.note(f"added latency {at}, one core for all, {name}, us",
                         beside.added(figures, name, "whole_us", at))
