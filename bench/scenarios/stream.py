"""Paced streams: what a chunk costs beside nginx, and what it waits."""

from scenarios import beside, harness

QUESTION = "what does a chunk of a stream cost and wait, beside nginx's plain proxy_pass?"

STREAMS, TOKENS, INTERVAL_MS, ROUNDS = 100, 100, 10, 5


def run(place, verdict):
    mock = place.mock("--stamp", "--tokens", str(TOKENS), "--interval", str(INTERVAL_MS))
    servers = beside.proxies(place, mock, verdict)
    servers["sluice"] = place.sluice([mock.url])
    urls = {name: server.url for name, server in servers.items()}
    urls["nginx"] = servers["nginx"].stream_url
    print(f"--- {STREAMS} streams at once, a chunk each {INTERVAL_MS} ms", flush=True)
    figures = harness.load(place, {**urls, "direct": mock.url}, "-c", STREAMS, "-n", 2 * STREAMS,
                           "--stream", "--expect-tokens", TOKENS, "--rounds", ROUNDS, "--ramp", 1,
                           "--warmup", 1, *beside.watch(servers),
                           "--svg", place.plots() / "stream.svg")
    verdict.show("chunk-cpu", figures["sluice"]["ratios"]["cpu_per_event"]["median"])
    verdict.show("added-ttft", beside.added(figures, "sluice", "first_token_way_us", "p99"))
    verdict.show("added-gap", beside.added(figures, "sluice", "gap_way_us", "p99"))
    beside.none_failed(verdict, figures)
    beside.note_cpu(verdict, figures, servers, "cpu_per_event", "CPU per chunk")
    for name in list(servers)[:-1]:
        verdict.note(f"added time to the first token p99, {name}, us",
                     beside.added(figures, name, "first_token_way_us", "p99"))
        verdict.note(f"added gap p99, {name}, us", beside.added(figures, name, "gap_way_us", "p99"))
    for name in figures:
        verdict.note(f"token, sent to received, {name}, p99 us",
                     figures[name]["sum"]["delay_us"]["p99"])
