"""Paced streams: what a chunk costs beside nginx, and what it waits."""

from peers import nginx
from scenarios import beside, harness

QUESTION = "what does a chunk of a stream cost and wait, beside nginx's plain proxy_pass?"

STREAMS, TOKENS, INTERVAL_MS = 100, 100, 10
COST_ROUNDS, WAIT_ROUNDS = 15, 15  # short rounds: what disturbs the machine meets few of them
# The warm-up leaves as many connections open upstream as there will be streams: the way of a first
# token is that of its request, not of a connection.
PACE = ["-c", STREAMS, "--stream", "--expect-tokens", TOKENS, "--ramp", 0.5, "--warmup", 1.2,
        "--connect-first"]


def cost(place, verdict, mock, servers, urls):
    print(f"--- cost: {STREAMS} streams through each, both at once, a chunk each {2 * INTERVAL_MS} ms",
          flush=True)
    place.put_on_cores("any")
    harness.ask(mock.url + "/mock/control", {"interval_ms": 2 * INTERVAL_MS})
    figures, costs = beside.at_once(place, servers, urls, "cpu_us_per_event", *PACE, "-n", STREAMS,
                                    "--rounds", COST_ROUNDS)
    harness.ask(mock.url + "/mock/control", {"interval_ms": INTERVAL_MS})
    beside.none_failed(verdict, figures)
    verdict.show("chunk-cpu", beside.note_at_once(verdict, costs, "CPU per chunk"))


def note_waits(verdict, figures, servers):
    beside.note_added(verdict, figures, servers, "first_token_way_us", "p99",
                      "added time to the first token p99")
    beside.note_added(verdict, figures, servers, "gap_way_us", "p99", "added gap p99")
    for name in figures:
        verdict.note(f"token, sent to received, {name}, p99 us",
                     figures[name]["sum"]["delay_us"]["p99"])


def waits(place, verdict, mock, servers, urls):
    print("--- added waits: one after the other, a chunk each "
          f"{INTERVAL_MS} ms, the gateway on a core of its own, no core asleep", flush=True)
    place.put_on_cores("apart")
    with harness.awake(verdict):
        figures = harness.load(place, {**urls, "direct": mock.url}, *PACE, "-n", 2 * STREAMS,
                               "--rounds", WAIT_ROUNDS, "--svg", place.plots() / "stream.svg")
    verdict.show("added-ttft", beside.added(figures, "sluice", "first_token_way_us", "p99"))
    verdict.show("added-gap", beside.added(figures, "sluice", "gap_way_us", "p99"))
    beside.none_failed(verdict, figures)
    note_waits(verdict, figures, servers)


def run(place, verdict):
    mock = place.mock("--stamp", "--tokens", str(TOKENS), "--interval", str(INTERVAL_MS))
    servers = {"nginx": nginx.start(place, mock), "sluice": place.sluice([mock.url])}
    urls = {"nginx": servers["nginx"].stream_url, "sluice": servers["sluice"].url}
    cost(place, verdict, mock, servers, urls)
    waits(place, verdict, mock, servers, urls)
