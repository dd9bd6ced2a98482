"""Another target answers, and the client notices nothing."""

import asyncio
import json
import time

import httpx
import pytest

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

WORKERS = 50


@pytest.fixture(scope="module")
def mocks():
    with Mock(tokens=5, name="first") as first, Mock(tokens=5, name="second") as second:
        yield first, second


@pytest.fixture
def first(mocks):
    return fresh(mocks[0])


@pytest.fixture
def second(mocks):
    return fresh(mocks[1])


def fresh(mock):
    mock.set(latency_ms=0, tokens=5, interval_ms=0, error_rate=0, fault=None)
    mock.reset()
    return mock


def targets(**first):
    return [target("first", "a", priority=1, **first), target("second", "b", priority=2)]


def gateway_of(first, second, **settings):
    return Sluice(providers={"first": openai_provider(first), "second": openai_provider(second)},
                  **{"models": {"tide": {"targets": targets()}},
                     "admin": {"keys": [canaries.ADMIN_KEY]},
                     "circuit_breaker": {"enabled": False},
                     "retry": {"max_attempts": 3, "initial_delay_ms": 1}, **settings})


@pytest.fixture
def gateway(gateway_of_module):
    gateway_of_module.forget_keys()
    return gateway_of_module


@pytest.fixture(scope="module")
def gateway_of_module(mocks):
    models = {
        "tide": {"targets": targets()},
        "shaky": {"targets": [target("first", "a")], "fallbacks": ["calm", "calmer"]},
        "calm": {"targets": [target("first", "fault:503")]},
        "calmer": {"targets": [target("second", "b")]},
        "lonely": {"targets": [target("first", "a")]},
    }
    with gateway_of(*mocks, models=models) as gateway:
        yield gateway


BEFORE_CONTENT = ["500", "503", "529", "429-seconds", "401", "reset-before-headers", "200-error",
                  "close-after-headers", "html", "sse-error-first", "sse-error-after-role"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", BEFORE_CONTENT)
def test_what_fails_before_content_is_answered_by_the_next_target(gateway, first, second, fault,
                                                                  stream):
    first.set(fault=fault)
    reply = wire.ask(gateway, wire.chat_request("tide", stream or fault.startswith("sse")))
    assert reply.status == 200
    assert reply.text().startswith("tok0 tok1")
    assert reply["x-sluice-provider"] == "second"
    assert reply["x-sluice-fallback"] is None
    assert b"error" not in reply.body
    # A reset of a connection that was kept says nothing about the target: it gets a second chance.
    attempts = first.stats()["requests"] + 1
    assert reply["x-sluice-attempts"] == str(attempts) and attempts <= 3
    line = gateway.log_of(reply["x-request-id"])
    assert (line["attempts"], line["outcome"], line["error"]) == (attempts, "ok", None)


def test_what_fails_after_content_ends_in_one_error_event(gateway, first, second):
    first.set(fault="sse-error-then-done")
    reply = wire.ask(gateway, wire.chat_request("tide", True))
    events = reply.events()
    assert wire.text_of(events[:-1]) == "tok0 tok1"
    assert "error" in json.loads(events[-1])
    assert "[DONE]" not in events
    assert second.stats()["requests"] == 0
    assert gateway.log_of(reply["x-request-id"])["outcome"] == "broken"


def test_the_clients_own_mistake_is_tried_nowhere_else(gateway, first, second):
    first.set(fault="400")
    reply = wire.ask(gateway, wire.chat_request("tide"))
    assert (reply.status, reply["x-sluice-attempts"]) == (400, "1")
    assert second.stats()["requests"] == 0


def test_fallbacks_are_tried_in_order_and_said_so(gateway, first, second):
    first.set(fault="503")
    reply = wire.ask(gateway, wire.chat_request("shaky"))
    assert reply.status == 200
    assert reply["x-sluice-model"] == "calmer"
    assert reply["x-sluice-fallback"] == "1"
    assert reply["x-sluice-attempts"] == "3"
    assert gateway.metric("sluice_fallbacks_total", **{"from": "shaky", "to": "calmer"}) == 1


def test_without_another_target_the_same_is_tried_again_after_a_while(gateway, first, second):
    first.set(fault="503", fault_count=2)
    reply = wire.ask(gateway, wire.chat_request("lonely"))
    assert (reply.status, reply["x-sluice-attempts"]) == (200, "3")


def test_attempts_are_bounded(gateway, first, second):
    first.set(fault="503")
    reply = wire.ask(gateway, wire.chat_request("lonely"))
    assert (reply.status, reply["x-sluice-attempts"]) == (503, "3")
    assert reply["x-should-retry"] == "false"
    assert first.stats()["requests"] == 3


def test_weights_share_the_requests(first, second):
    shares = [target("first", "a", weight=75), target("second", "b", weight=25)]
    with gateway_of(first, second, models={"tide": {"targets": shares}}) as gateway, \
            wire.Wire(gateway) as peer:
        for _ in range(400):
            assert peer.ask(wire.chat_request("tide")).status == 200
    assert 220 < first.stats()["requests"] < 360
    assert first.stats()["requests"] + second.stats()["requests"] == 400


def test_the_breaker_opens_leaves_alone_and_tries_again(first, second):
    breaker = {"failure_threshold": 3, "timeout_seconds": 1, "half_open_requests": 1}
    with gateway_of(first, second, circuit_breaker=breaker) as gateway:
        first.set(fault="503")
        for _ in range(10):
            assert wire.ask(gateway, wire.chat_request("tide")).status == 200
        assert first.stats()["requests"] == 3
        assert gateway.event("breaker", state="open")["target"].startswith("tide")
        assert gateway.metric("sluice_breaker_state", target="tide/first/a") in (0, 1)
        first.set(fault=None)
        deadline = time.monotonic() + 15
        while wire.ask(gateway, wire.chat_request("tide"))["x-sluice-provider"] == "second":
            assert time.monotonic() < deadline
        gateway.event("breaker", state="closed")


def test_the_last_resort_notices_soon_that_an_outage_is_over(first, second):
    """With the default breaker, which stays open for 30 s; while it is open, one trial a second."""
    with gateway_of(first, second, circuit_breaker={}, retry={"max_attempts": 1}) as gateway:
        for mock in (first, second):
            mock.set(fault="503")
        for _ in range(40):  # enough for both of them
            assert wire.ask(gateway, wire.chat_request("tide")).status == 503
        gateway.event("breaker", state="open", count=2)
        opened = time.monotonic()
        asked = first.stats()["requests"] + second.stats()["requests"]
        while time.monotonic() < opened + 2.5:
            reply = wire.ask(gateway, wire.chat_request("tide"))
            assert reply.status == 503 and int(reply["retry-after"]) == 1
        trials = first.stats()["requests"] + second.stats()["requests"] - asked
        assert 2 <= trials <= 6 # two targets, once a second each
        for mock in (first, second):
            mock.set(fault=None)
        ended = time.monotonic()
        while wire.ask(gateway, wire.chat_request("tide")).status != 200:
            assert time.monotonic() < ended + 5
        assert time.monotonic() < ended + 2
        for _ in range(20):
            assert wire.ask(gateway, wire.chat_request("tide")).status == 200
        gateway.event("breaker", state="closed")


async def load(gateway, until, tally):
    """WORKERS clients who ask one request after the other; plain ones and streams in turn."""
    async def one(client, number):
        while not until.is_set():
            stream = number % 2 == 1
            reply = await client.post("/v1/chat/completions", json={
                "model": "tide", "stream": stream, "messages": wire.USER})
            body = reply.text
            if reply.status_code != 200:
                tally["failed"].append((reply.status_code, body))
            elif stream and not body.endswith("data: [DONE]\n\n"):
                tally["cut" if "tok0" in body else "failed"].append(body)
            else:
                tally["fine"] += 1

    limits = httpx.Limits(max_connections=WORKERS)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=15, limits=limits) as client:
        await asyncio.gather(*(one(client, number) for number in range(WORKERS)))


@pytest.mark.parametrize("back_again", [False, True], ids=["stays down", "comes back"])
def test_killing_one_of_two_providers_fails_no_request_that_was_not_being_answered(back_again):
    with Mock(tokens=5, latency=5) as first, Mock(tokens=5, latency=5) as second:
        shares = [target("first", "a"), target("second", "b")]
        breaker = {"failure_threshold": 5, "timeout_seconds": 1}
        with gateway_of(first, second, models={"tide": {"targets": shares}},
                        circuit_breaker=breaker) as gateway:
            tally = {"fine": 0, "failed": [], "cut": []}

            async def play():
                until = asyncio.Event()
                running = asyncio.create_task(load(gateway, until, tally))

                async def more(count):
                    wanted = tally["fine"] + count
                    while tally["fine"] < wanted and not running.done():
                        await asyncio.sleep(0.01)
                await more(200)
                first.kill()
                await more(200)
                if back_again:
                    first.start()
                    await asyncio.to_thread(first.wait, requests_min=20)
                until.set()
                await running

            asyncio.run(play())
            assert tally["failed"] == []
            assert len(tally["cut"]) < WORKERS  # those that the killed one was answering
            assert tally["fine"] >= 400
            assert gateway.metric("sluice_requests_total", code="200") \
                == tally["fine"] + len(tally["cut"])


def test_a_killed_provider_is_noticed_in_the_log_and_the_metrics(first):
    with Mock(tokens=5) as dead:
        dead.kill()
        with gateway_of(dead, first) as gateway:
            started = time.monotonic()
            reply = wire.ask(gateway, wire.chat_request("tide", headers=""))
            assert time.monotonic() - started < 0.5
            assert reply["x-sluice-provider"] == "second"
            assert gateway.event("attempt_failed")["code"] == "upstream_connect"
            assert gateway.metric("sluice_attempts_total", outcome="connection_error") == 1


def test_the_wrong_client_key_never_reaches_a_provider(first, second):
    keys = [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}]
    with gateway_of(first, second, client_keys=keys) as gateway:
        assert wire.ask(gateway, wire.chat_request("tide", key="sk-no")).status == 401
        assert wire.ask(gateway, wire.chat_request("tide", key=None)).status == 401
    assert first.stats()["requests"] + second.stats()["requests"] == 0
