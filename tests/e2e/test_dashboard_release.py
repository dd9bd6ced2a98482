"""The dashboard's buttons: a release steered in a browser, with traffic going on."""

import collections
import threading

import pytest

import canaries
import wire
from browser import Browser
from mock import Mock
from sluice import Sluice, openai_provider, target

SHARE = "document.querySelector('[data-model=m] [data-share=%s]')?.innerText === '%s %d %%'"
STATE = "document.querySelector('[data-model=m] [data-rollout]')?.dataset.rollout === '%s'"
BUTTONS = "[...document.querySelectorAll('[data-act]')].map(node => node.innerText)"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def gateway():
    """Blue has everything; green waits. A check is far away: what happens here happens by hand."""
    with Mock(tokens=5) as old, Mock(tokens=5) as new:
        with Sluice(
            providers={"old": openai_provider(old), "new": openai_provider(new)},
            models={"m": {
                "targets": [target("old", "a"), target("new", "b", environment="green")],
                "rollout": {"check_every": "1h"},
            }},
            admin={"keys": [canaries.ADMIN_KEY]},
        ) as gateway:
            yield gateway


@pytest.fixture
def page(browser, gateway):
    with browser.page(gateway.url + "/dashboard") as page:
        page.wait("document.activeElement.id === 'secret'", "question for the key")
        page.type(canaries.ADMIN_KEY)
        page.press("Enter")
        page.wait(SHARE % ("blue", "blue", 100), "split")
        yield page
        assert page.complaints == []


class Traffic:
    """A client that asks and asks; `sides` counts who answered."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.failed = []
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ends.is_set():
            reply = wire.ask(self.gateway, wire.chat_request("m"))
            if reply.status != 200:
                self.failed.append(reply.status)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()
        assert self.failed == []


def sides(gateway, count):
    """Who answers the next requests."""
    replies = [wire.ask(gateway, wire.chat_request("m")) for _ in range(count)]
    return collections.Counter(reply["x-sluice-environment"] for reply in replies)


def press(page, act):
    """A button and its confirmation."""
    page.wait(f"document.querySelector('[data-act=\"{act}\"]')", f"button {act}")
    page.click(f'[data-act="{act}"]')
    page.wait("document.getElementById('ask').open", "question")
    page.click("#yes")


def split(page, green):
    """The whole way by keyboard: the button, the slider from its left end, Confirm."""
    page.value("document.querySelector('[data-act=split]').focus()")
    page.press("Enter")
    page.wait("document.activeElement.id === 'green'", "slider")
    page.press("Home")
    for _ in range(green):
        page.press("ArrowRight")
    page.press("Tab")
    page.press("Enter")
    page.wait(SHARE % ("green", "green", green), "split", seconds=2)


def test_rollback_is_seen_within_two_seconds(page, gateway):
    with Traffic(gateway):
        split(page, 40)
        press(page, "rollback")
        page.wait(SHARE % ("blue", "blue", 100), "blue at 100 %", seconds=2)
        assert sides(gateway, 20) == {"blue": 20}
        page.wait("document.getElementById('said').innerText === 'Rollback: done.'", "word")


def test_rollback_of_a_rollout_is_seen_within_two_seconds(page, gateway):
    with Traffic(gateway):
        press(page, "roll out")
        page.wait(STATE % "running", "rollout", seconds=2)
        page.wait(SHARE % ("green", "green", 5), "first phase", seconds=2)
        press(page, "rollback")
        page.wait(SHARE % ("blue", "blue", 100), "blue at 100 %", seconds=2)
        page.wait(STATE % "rolled_back", "end of the rollout", seconds=2)
        assert sides(gateway, 20) == {"blue": 20}
        page.wait("document.getElementById('events').innerText.includes('by ')", "event", seconds=2)


def test_a_rollout_is_steered_by_hand(page):
    press(page, "roll out")
    page.wait(STATE % "running", "rollout", seconds=2)
    assert page.value(BUTTONS) == ["Promote", "Pause", "Rollback"]
    press(page, "pause")
    page.wait(STATE % "paused", "pause", seconds=2)
    assert page.value(BUTTONS) == ["Resume", "Rollback"]
    press(page, "resume")
    page.wait(STATE % "running", "rollout again", seconds=2)
    press(page, "promote")
    page.wait(SHARE % ("green", "green", 15), "second phase", seconds=2)
    current = "document.querySelector('.phases [aria-current=step]').innerText"
    assert page.value(current) == "canary 15 %"


def test_no_means_no(page, gateway):
    split(page, 100)
    page.click("[data-act=rollback]")
    page.wait("document.getElementById('ask').open", "question")
    page.press("Escape")
    page.wait("!document.getElementById('ask').open", "end of the question")
    before = page.value("shown")
    page.wait(f"shown > {before}", "further second")
    assert page.value(SHARE % ("green", "green", 100))
    assert sides(gateway, 10) == {"green": 10}


def test_what_is_refused_is_said(page, gateway):
    """The button was there when it was pressed; meanwhile somebody else has been faster."""
    press(page, "roll out")
    page.wait(STATE % "running", "rollout", seconds=2)
    page.click("[data-act=pause]")
    page.wait("document.getElementById('ask').open", "question")
    path = "/admin/models/m/rollout/rollback"
    assert wire.ask(gateway, wire.post(path, b"", key=canaries.ADMIN_KEY)).status == 200
    page.click("#yes")
    page.wait("document.getElementById('said').innerText.startsWith('Pause: refused.')", "refusal")
    page.wait(STATE % "rolled_back", "end of the rollout", seconds=2)
    page.complaints = [said for said in page.complaints if "409" not in said]
