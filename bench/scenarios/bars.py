"""What sluice must show: a row each, printed at the end of every run of bench/run. A scenario hands
its figure in by `verdict.show(KEY, figure)`."""

import dataclasses


def number(value):
    """1/40, 0.65, 15.5, 9,000."""
    if 0 < value < 0.05:
        return f"1/{1 / value:.0f}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


@dataclasses.dataclass(frozen=True)
class Bar:
    what: str
    most: float | None  # the figure may be this large; None: `least` says how small
    scenario: str
    unit: str = ""
    stretch: float | None = None
    least: float | None = None

    def met(self, figure):
        return figure <= self.most if self.most is not None else figure >= self.least

    def text(self):
        low = f"at least {number(self.least)}" if self.most is None else number(self.most)
        return f"{low} {self.unit}".strip()


BARS = {
    "unary-cpu": Bar("CPU per unary request / nginx", 1.0, "unary", "x", 0.8),
    "unary-instructions": Bar("user instructions per unary request", 45_000, "instructions",
                              "", 30_000),
    "chunk-cpu": Bar("CPU per SSE chunk / nginx", 1.0, "stream", "x", 0.8),
    "translated-anthropic": Bar("CPU per chunk, translated from Anthropic / relayed", 2,
                                "translated", "x"),
    "translated-gemini": Bar("CPU per chunk, translated from Gemini / relayed", 2, "translated",
                             "x"),
    "tls-out-cpu": Bar("CPU per request over TLS to the upstream / nginx", 1.1, "tls-out", "x"),
    "portkey-cpu": Bar("CPU per unary request / Portkey", 1 / 40, "peers", "x"),
    "litellm-cpu": Bar("CPU per unary request / LiteLLM", 1 / 200, "peers", "x"),
    "added-p50": Bar("added latency p50, one connection", 40, "unary", "us", 25),
    "added-p99": Bar("added latency p99, one connection", 100, "unary", "us", 60),
    "added-ttft": Bar("added time to the first token p99, 100 streams", 200, "stream", "us", 150),
    "added-gap": Bar("added gap between events p99, 100 streams", 60, "stream", "us", 30),
    "stream-memory": Bar("memory per open stream at 5,000", 16, "ten-thousand-streams", "KB", 10),
    "clean-streams": Bar("clean streams at once in one process", None, "ten-thousand-streams",
                         least=9000),
    "memory-returns": Bar("resident a minute after 9,000 streams / idle", 1.2,
                          "ten-thousand-streams", "x"),
    "idle-memory": Bar("resident when idle", 12, "idle-memory", "MB", 8),
    "small-beside-big": Bar("small requests beside sixteen 32 MB bodies, p99 / alone", 2,
                            "big-bodies-beside-small", "x", 1.3),
    "storm-left": Bar("descriptors and slots left by 16,000 disconnects", 0, "disconnect-storm"),
    # As pages are counted, and with them some connections more or fewer that are kept upstream.
    "storm-bytes": Bar("bytes left by each of the last 8,000 disconnects", 256, "disconnect-storm",
                       "B"),
    "flat-cost": Bar("CPU per stream, dearest / cheapest of 10 to 5,000 at once", 1.5, "flat-cost",
                     "x"),
}


def table(shown, ran):
    """The lines of the final table: of the scenarios that ran, or whose figure is there."""
    rows = []
    for key, bar in BARS.items():
        if key in shown:
            figure = shown[key]
            mark = "met" if bar.met(figure) else "MISSED"
            if bar.stretch is not None and figure <= bar.stretch:
                mark = "met, and the stretch"
            rows.append((bar.what, bar.text(), f"{number(figure)} {bar.unit}".strip(), mark))
        elif bar.scenario in ran:
            rows.append((bar.what, bar.text(), "-", "not measured, see above"))
    return [f"{what:62} {bar:>15} {figure:>14}  {mark}" for what, bar, figure, mark in rows]


def markdown(shown):
    """The same as rows for bench/README.md: what is over its bar is bold."""
    for key, bar in BARS.items():
        if key not in shown:
            continue
        figure = f"{number(shown[key])} {bar.unit}".strip()
        stretch = f" ({number(bar.stretch)})" if bar.stretch is not None else ""
        yield (f"| {bar.what} | {bar.text()}{stretch} | "
               f"{figure if bar.met(shown[key]) else f'**{figure}**'} | `{bar.scenario}` |")
