"""The same number of streams a second, few at a time or thousands."""

from peers import nginx
from scenarios import harness, plot

QUESTION = "does a stream cost more when thousands are open to the same host?"

RATE, TOKENS = 1000, 10
AT_ONCE = [10, 100, 1000, 5000]


def cost(place, mock, servers, at_once):
    """CPU per stream, in microseconds, of each server. A stream lasts so long that RATE of them a
    second keep as many open. Connections that are open cost nothing: those of the warm-up are
    kept upstream, those of the clients are new each time."""
    lasts = at_once / RATE
    knobs = {"tokens": TOKENS, "interval_ms": round(lasts * 1000 / TOKENS)}
    harness.ask(mock.url + "/mock/control", knobs)
    count = max(2 * at_once, 3 * RATE)
    costs, failed = {}, 0
    for name, (server, url) in servers.items():
        figures = harness.load(place, {name: url}, "-c", at_once, "-n", count, "--stream",
                               "--expect-tokens", TOKENS, "--ramp", lasts, "--timeout", 120,
                               "--warmup", max(1, lasts), "--connection-per-request", "--quiet", *server.watch(name))[name]["sum"]
        costs[name] = figures["usage"]["cpu_us_per_request"]
        failed += figures["failed"]
    return costs, failed


def run(place, verdict):
    mock = place.mock()
    peer, gateway = nginx.start(place, mock), place.sluice([mock.url])
    servers = {"nginx": (peer, peer.stream_url), "sluice": (gateway, gateway.url)}
    lines = {name: [] for name in servers}
    failed = 0
    for at_once in AT_ONCE:
        costs, broken = cost(place, mock, servers, at_once)
        failed += broken
        for name, us in costs.items():
            lines[name].append((at_once, us))
            verdict.note(f"{at_once} at once: CPU per stream, {name}, us", us)
    ours = [us for _, us in lines["sluice"]]
    theirs = [us for _, us in lines["nginx"]]
    verdict.show("flat-cost", max(ours) / min(ours))
    verdict.note("the same of nginx", max(theirs) / min(theirs))
    verdict.none("failed", failed)
    path = place.plots() / "flat-cost.svg"
    plot.lines(path, f"CPU per stream of {TOKENS} events, {RATE} streams a second", lines,
               ("streams at once, to one host", "us of CPU per stream"), scales=("log", "linear"))
    verdict.note("plot", str(path))
