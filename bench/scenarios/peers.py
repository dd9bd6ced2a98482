"""Every gateway that is installed, behind the same fake provider, in one run."""

from peers import haproxy, litellm, nginx, portkey
from scenarios import harness

QUESTION = "what does a plain request cost, beside every other gateway that is installed?"

PEERS = {"nginx": nginx, "haproxy": haproxy, "portkey": portkey, "litellm": litellm}
CONNECTIONS, SECONDS, ROUNDS = 16, 2, 3


class Stranger:
    """A gateway that somebody else has started: NAME=URL[,PID ...]."""

    headers = []

    def __init__(self, text):
        self.name, _, rest = text.partition("=")
        self.url, *self.pids = rest.split(",")
        if not self.name or not self.url.startswith("http"):
            raise harness.CannotMeasure(f"--peer {text}: NAME=URL[,PID ...] is wanted")

    def watch(self, name):
        return ["--pid", f"{name}={','.join(self.pids)}"] if self.pids else []


def gather(place, mock, verdict):
    """{NAME: server} of those that are here; what is not is said."""
    servers = {"sluice": place.sluice([mock.url])}
    for name, peer in PEERS.items():
        try:
            servers[name] = peer.start(place, mock)
        except harness.CannotMeasure as why:
            verdict.note(name, str(why))
    for text in place.options.peers:
        stranger = Stranger(text)
        servers[stranger.name] = stranger
    return servers


def run(place, verdict):
    mock = place.mock(port=place.options.mock_port)
    servers = gather(place, mock, verdict)
    options = [word for name, server in servers.items() for word in server.watch(name)]
    for server in servers.values():
        options += [word for header in server.headers for word in ("--header", header)]
    figures = harness.load(place, {name: server.url for name, server in servers.items()}, "-c",
                           CONNECTIONS, "-d", SECONDS, "--rounds", ROUNDS, "--warmup", 2, *options)
    for name, each in figures.items():
        total = each["sum"]
        verdict.none(f"failed, {name}", total["failed"])
        verdict.note(f"{name}: CPU per request, us", total["usage"]["cpu_us_per_request"])
        verdict.note(f"{name}: requests a second, {CONNECTIONS} connections",
                     total["requests"] / total["duration_us"] * 1e6)
        verdict.note(f"{name}: p50 / p99, ms",
                     f"{total['whole_us']['p50'] / 1000:.2f} / {total['whole_us']['p99'] / 1000:.2f}")
        verdict.note(f"{name}: resident at the peak, MB", total["usage"]["rss_peak"] / 1e6)
        ratio = each["ratios"]["cpu_per_request"]["median"]
        if name == "sluice" or not ratio:
            continue
        verdict.note(f"CPU per request, {name} / sluice", ratio)
        if name in ("portkey", "litellm"):
            verdict.show(f"{name}-cpu", 1 / ratio)
