"""The same load through sluice and through the plain proxies, in turns."""

import statistics

from peers import haproxy, nginx
from scenarios import harness


def proxies(place, mock, verdict):
    """{NAME: server}: nginx, by which the others are measured, and haproxy where there is one."""
    servers = {"nginx": nginx.start(place, mock)}
    try:
        servers["haproxy"] = haproxy.start(place, mock)
    except harness.CannotMeasure as why:
        verdict.note("haproxy", str(why))
    return servers


def watch(servers):
    return [word for name, server in servers.items() for word in server.watch(name)]


def note_cpu(verdict, figures, servers, figure="cpu_per_request", what="CPU per request"):
    """The ratios to nginx, and the microseconds, of each server."""
    for name in servers:
        us = figures[name]["sum"]["usage"][figure.replace("cpu_per", "cpu_us_per")]
        verdict.note(f"{what}, {name}, us", us)
        if name not in ("nginx", "sluice"):
            verdict.note(f"{what}, {name} / nginx", figures[name]["ratios"][figure]["median"])
    rounds = figures["sluice"]["ratios"][figure]["rounds"]
    verdict.note(f"{what}, sluice / nginx, round by round",
                 " ".join(f"{ratio:.2f}" for ratio in rounds))


def added(figures, name, times, at):
    """How much more than directly, median of the rounds."""
    rounds = zip(figures["direct"]["rounds"], figures[name]["rounds"])
    return statistics.median(through[times][at] - direct[times][at] for direct, through in rounds)


def none_failed(verdict, figures):
    for name, each in figures.items():
        verdict.none(f"failed, {name}", each["sum"]["failed"])
