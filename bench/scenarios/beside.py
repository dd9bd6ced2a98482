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


def rounds_added(figures, name, times, at):
    """How much more than directly, round by round."""
    rounds = zip(figures["direct"]["rounds"], figures[name]["rounds"])
    return [through[times][at] - direct[times][at] for direct, through in rounds]


def added(figures, name, times, at):
    """The same, median of the rounds."""
    return statistics.median(rounds_added(figures, name, times, at))


def note_added(verdict, figures, servers, times, at, what):
    """The others', and how ours is spread."""
    for name in servers:
        if name != "sluice":
            verdict.note(f"{what}, {name}, us", added(figures, name, times, at))
    verdict.note(f"{what}, round by round",
                 " ".join(f"{us:.0f}" for us in rounds_added(figures, "sluice", times, at)))


def none_failed(verdict, figures):
    for name, each in figures.items():
        verdict.none(f"failed, {name}", each["sum"]["failed"])
