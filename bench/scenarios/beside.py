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


def at_once(place, servers, urls, figure, *options):
    """What each costs, all of them under load at the same time: ({NAME: figures}, {NAME: [figure of
    each round]}). What a request costs depends on how often the machine sleeps and what else it does; of
    one after the other, the better luck is measured. `options` make rounds that last equally long."""
    loads = {name: harness.Load(place, {name: urls[name]}, *options, "--quiet",
                                *server.watch(name)) for name, server in servers.items()}
    figures = {name: load.figures()[name] for name, load in loads.items()}
    return figures, {name: [each["usage"][figure] for each in figures[name]["rounds"]]
                     for name in servers}


def note_at_once(verdict, costs, what):
    """Shows what each costs; gives the median of sluice's divided by nginx's, round by round."""
    for name, us in costs.items():
        verdict.note(f"{what}, {name}, us", statistics.median(us))
    ratios = [ours / theirs for ours, theirs in zip(costs["sluice"], costs["nginx"])]
    verdict.note(f"{what}, sluice / nginx, round by round",
                 " ".join(f"{ratio:.2f}" for ratio in ratios))
    return statistics.median(ratios)


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
