"""An OpenAI client's streams, relayed and translated, in turns."""

from scenarios import harness

QUESTION = "what does a chunk of a translated stream cost, beside one that is relayed?"

KINDS = {"relay": "openai", "from Anthropic": "anthropic", "from Gemini": "gemini"}
STREAMS, TOKENS, INTERVAL_MS, ROUNDS = 100, 100, 10, 6


def run(place, verdict):
    mock = place.mock("--tokens", str(TOKENS), "--interval", str(INTERVAL_MS))
    servers = {kind: place.sluice([mock.url], kind=kind) for kind in KINDS.values()}
    watched = [word for kind, server in servers.items() for word in server.watch(kind)]
    figures = harness.load(place, {kind: server.url for kind, server in servers.items()},
                           "-c", STREAMS, "-n", STREAMS, "--stream", "--expect-tokens", TOKENS,
                           "--rounds", ROUNDS, "--ramp", 1, "--warmup", 1, *watched)
    verdict.none("failed", sum(each["sum"]["failed"] for each in figures.values()))
    for name, kind in KINDS.items():
        verdict.note(f"CPU per chunk, {name}, us",
                     figures[kind]["sum"]["usage"]["cpu_us_per_event"])
    for kind in ("anthropic", "gemini"):
        verdict.show(f"translated-{kind}", figures[kind]["ratios"]["cpu_per_event"]["median"])
