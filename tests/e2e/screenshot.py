#!/usr/bin/env python3
"""Takes the picture of the dashboard that README.md shows, anew:

    .venv/bin/python tests/e2e/screenshot.py [OUT.png] [--width 1280] [--dark] [--seconds 45]

Four fake providers, of which one goes down and one is a new version that a rollout brings in phase by
phase, and traffic for some seconds; then the page is what it is."""

import argparse
import concurrent.futures
import contextlib
import itertools
import pathlib
import threading

import canaries
import wire
from browser import Browser
from mock import Mock
from png import smaller
from sluice import ROOT, Sluice, openai_provider, target

OUT = ROOT / "src/ops/dashboard/screenshot.png"
PICTURE_BYTES_MAX = 150_000
PHASES = [("initial", 5), ("canary", 15), ("partial", 40), ("majority", 70), ("full", 100)]


def rollout(seconds):
    """Phases so short that the first are over when the picture is taken; the third then lasts."""
    lasting = [seconds // 4, seconds // 4, 3600, 3600]
    return {
        "phases": [{"name": name, "green": green, **({"at_least": f"{most}s"} if most else {})}
                   for (name, green), most in zip(PHASES, [*lasting, None])],
        "check_every": "1s",
        "promote": {"min_requests": 5, "window": "10m"},
    }


def gateway_of(fast, slow, down, new, seconds):
    return Sluice(
        environment="production",
        providers={"openai": openai_provider(fast), "azure": openai_provider(slow),
                   "cluster": openai_provider(down), "next": openai_provider(new)},
        models={
            "gpt-4.1": {
                "targets": [target("openai", "gpt-4.1", weight=60),
                            target("azure", "gpt-4.1", weight=20),
                            target("cluster", "qwen3-32b", weight=20),
                            target("next", "gpt-4.1-next", environment="green")],
                "rollout": rollout(seconds),
                "cost_per_mtok": {"input": 2, "output": 8},
            },
            "gpt-4.1-mini": {
                "targets": [target("openai", "gpt-4.1-mini")],
                "cost_per_mtok": {"input": 0.4, "output": 1.6},
            },
        },
        admin={"keys": [canaries.ADMIN_KEY]},
        circuit_breaker={"failure_threshold": 3, "timeout_seconds": 600},
    )


def client(gateway, ends, number):
    """One question after the other."""
    for turn in itertools.count(number):
        if ends.is_set():
            return
        model = "gpt-4.1-mini" if turn % 3 == 0 else "gpt-4.1"
        wire.ask(gateway, wire.chat_request(model, stream=True))


@contextlib.contextmanager
def traffic(gateway, clients=5):
    ends = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(client, gateway, ends, number) for number in range(clients)]
        try:
            yield
        finally:
            ends.set()
    for each in running:
        each.result()


def start_rollout(gateway):
    path = "/admin/models/gpt-4.1/rollout"
    reply = wire.ask(gateway, wire.put(path, b'{"strategy": "staged"}', key=canaries.ADMIN_KEY))
    assert reply.status == 200, reply.body


def seconds_later(page, seconds):
    page.wait(f"shown > {page.value('shown') + 1000 * seconds}", "later second", seconds + 20)


def picture(words):
    # Few clients, and each answer takes its time: a calm hour, not a bench.
    fast = Mock(tokens=20, latency=180, interval=12, slow_every=12, slow=420)
    slow = Mock(tokens=20, latency=320, interval=16)
    new = Mock(tokens=20, latency=150, interval=11, slow_every=15, slow=300)
    with fast, slow, new, Mock(tokens=20, latency=60, interval=10) as down:
        with gateway_of(fast, slow, down, new, words.seconds) as gateway, Browser() as browser, \
                browser.page(gateway.url + "/dashboard", width=words.width, height=200,
                             dark=words.dark) as page:
            page.wait("document.activeElement.id === 'secret'", "question for the key")
            page.type(canaries.ADMIN_KEY)
            page.press("Enter")
            page.wait("status", "figures")
            page.value("document.activeElement.blur()")
            with traffic(gateway):
                start_rollout(gateway)
                seconds_later(page, words.seconds / 2)
                gateway.reload(default_model="gpt-4.1")
                down.set(fault="503")
                seconds_later(page, words.seconds / 2)
                page.value("document.querySelector('[data-model$=mini]').open = false")
                seconds_later(page, 1)
                return smaller(page.picture(whole=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("out", nargs="?", type=pathlib.Path, default=OUT)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--seconds", type=int, default=45)
    parser.add_argument("--dark", action="store_true")
    words = parser.parse_args()
    png = picture(words)
    assert len(png) <= PICTURE_BYTES_MAX, f"{len(png)} bytes"
    words.out.write_bytes(png)
    print(f"{words.out}: {len(png)} bytes")


if __name__ == "__main__":
    main()
