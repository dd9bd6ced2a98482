"""Admission: who is served, who waits for it, who is turned away at once, and that no slot is lost."""

import asyncio
import json
import random
import threading
import time

import httpx
import pytest

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target
from wire import Wire

SLOTS = 4
PLACES = 8


@pytest.fixture(scope="module")
def upstream():
    with Mock(tokens=5) as mock:
        yield mock


@pytest.fixture
def mock(upstream):
    upstream.set(latency_ms=0, tokens=5, interval_ms=0, error_rate=0, fault=None, release=True)
    upstream.reset()
    return upstream


def gateway_of(mock, limits, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock)},
        "models": {"tide": {"targets": [target("mock", "a")]}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "retry": {"max_attempts": 1},
        "limits": {"in_flight": SLOTS, "queue": PLACES, **limits},
        **settings})


@pytest.fixture(scope="module")
def gateway(upstream):
    with gateway_of(upstream, {"queue_wait": "10s"}) as gateway:
        yield gateway


def ask_all(gateway, count, prefix, first=0):
    """So many requests, each on a connection of its own, in this order."""
    peers = []
    for i in range(count):
        peer = Wire(gateway)
        peer.send(wire.chat_request("tide", headers=f"X-Request-Id: {prefix}{first + i}\r\n"))
        peers.append(peer)
        waiting = max(0, first + i + 1 - SLOTS)
        gateway.wait_metric("sluice_queue_depth", min(waiting, PLACES))
    return peers


def close_all(peers):
    for peer in peers:
        peer.close()


def settled(gateway):
    gateway.wait_metric("sluice_in_flight", 0)
    gateway.wait_metric("sluice_queue_depth", 0)


def ids(mock):
    return [record["headers"]["x-request-id"] for record in mock.log()]


def test_first_come_first_served(gateway, mock):
    mock.set(fault="hold")
    peers = ask_all(gateway, SLOTS + PLACES, "order-")
    mock.wait(in_flight_min=SLOTS)
    assert mock.stats()["requests"] == SLOTS
    status = json.loads(gateway.get("/admin/status", key=canaries.ADMIN_KEY))
    assert (status["in_flight"], status["queue_depth"]) == (SLOTS, PLACES)
    assert status["limits"] == {"connections": 8192, "in_flight": SLOTS, "queue": PLACES,
                                "queue_wait_ms": 10000}
    assert json.loads(gateway.get("/ready"))["status"] == "ready" # busy is not broken
    mock.set(fault=None, release=True)
    replies = [peer.reply() for peer in peers]
    assert [reply.status for reply in replies] == [200] * len(peers)
    assert sorted(ids(mock)[:SLOTS]) == [f"order-{i}" for i in range(SLOTS)]
    # Each slot that is freed goes to the first who waits; two of a turn may change places upstream.
    came = [int(name.split("-")[1]) for name in ids(mock)]
    assert all(abs(at - number) < SLOTS for at, number in enumerate(came)), came
    close_all(peers)
    settled(gateway)


def test_the_wait_is_told(gateway, mock):
    mock.set(latency_ms=200)
    peers = ask_all(gateway, SLOTS + 1, "wait-")
    timings = [peer.reply()["server-timing"] for peer in peers]
    waited = [float(timing.split("queue;dur=")[1].split(",")[0]) for timing in timings]
    own = [float(timing.split("gw;dur=")[1].split(",")[0]) for timing in timings]
    assert waited[:SLOTS] == [0] * SLOTS
    assert 50 < waited[SLOTS] < 1000
    assert max(own) < 50 # it is not the gateway's own work
    close_all(peers)
    settled(gateway)


@pytest.mark.parametrize("size", [10, 200_000])
def test_when_the_queue_is_full_it_is_told_at_once(gateway, mock, size):
    mock.set(fault="hold")
    shed = gateway.metric("sluice_shed_total", reason="queue_full")
    peers = ask_all(gateway, SLOTS + PLACES, "full-")
    with Wire(gateway) as peer:
        peer.send(wire.chat_request("tide", body=b"{" + b" " * size)[:-size // 2])
        began = time.monotonic()
        reply = peer.reply() # without the rest of the body
        took = time.monotonic() - began
    assert (reply.status, reply.code, reply["retry-after"]) == (503, "overloaded", "1")
    assert reply.error["type"] == "server_error"
    assert reply["x-should-retry"] is None # no attempt was used
    assert reply["x-sluice-attempts"] == "0"
    assert took < 0.5
    assert gateway.metric("sluice_shed_total", reason="queue_full") == shed + 1
    mock.set(fault=None, release=True)
    assert [peer.reply().status for peer in peers] == [200] * len(peers)
    close_all(peers)
    settled(gateway)


def test_who_leaves_makes_room(gateway, mock):
    mock.set(fault="hold")
    cancelled = gateway.metric("sluice_cancelled_total", phase="queue")
    peers = ask_all(gateway, SLOTS + PLACES, "leave-")
    peers[SLOTS + 2].close()
    peers[SLOTS + 5].reset()
    gateway.wait_metric("sluice_queue_depth", PLACES - 2)
    gateway.wait_metric("sluice_cancelled_total", cancelled + 2, phase="queue")
    mock.set(fault=None, release=True)
    left = [peer for i, peer in enumerate(peers) if i not in (SLOTS + 2, SLOTS + 5)]
    assert [peer.reply().status for peer in left] == [200] * len(left)
    assert not {f"leave-{SLOTS + 2}", f"leave-{SLOTS + 5}"} & set(ids(mock))
    close_all(left)
    settled(gateway)


def test_who_waits_too_long_is_told(mock):
    with gateway_of(mock, {"in_flight": 1, "queue_wait": "300ms"}) as gateway:
        mock.set(fault="hold")
        with Wire(gateway) as first, Wire(gateway) as second:
            first.send(wire.chat_request("tide"))
            mock.wait(in_flight_min=1)
            began = time.monotonic()
            reply = second.ask(wire.chat_request("tide", stream=True))
            took = time.monotonic() - began
            assert (reply.status, reply.code, reply["retry-after"]) == (503, "overloaded", "1")
            assert 0.25 < took < 1
            line = gateway.log_of(reply["x-request-id"])
            assert (line["status"], line["attempts"], line["outcome"]) == (503, 0, "refused")
            mock.set(fault=None, release=True)
            assert first.reply().status == 200
            # The connection of the one that was turned away is as good as before.
            assert second.ask(wire.chat_request("tide")).status == 200
        settled(gateway)


def test_of_who_waits_only_the_beginning_of_the_body_is_kept(mock):
    body = wire.chat_body("tide", user="x" * (8 << 20))
    with gateway_of(mock, {"in_flight": 1, "queue_wait": "30s"}) as gateway:
        mock.set(fault="hold")
        with Wire(gateway) as first:
            first.send(wire.chat_request("tide"))
            mock.wait(in_flight_min=1)
            before = gateway.rss_bytes()
            peers = [Wire(gateway) for _ in range(PLACES)]
            senders = [threading.Thread(target=peer.send, daemon=True,
                                        args=(wire.chat_request("tide", body=body),))
                       for peer in peers]
            for sender in senders:
                sender.start()
            gateway.wait_metric("sluice_queue_depth", PLACES)
            for _ in range(200): # turns in which it could read on
                gateway.metric("sluice_queue_depth")
            gateway.assert_growth(before, 8 << 20) # of 64 MiB
            mock.set(fault=None, release=True)
            assert first.reply().status == 200
            assert [peer.reply().status for peer in peers] == [200] * PLACES
            for sender in senders:
                sender.join()
            close_all(peers)
        settled(gateway)


def test_a_target_has_slots_of_its_own(mock):
    models = {"tide": {"targets": [target("mock", "a", in_flight=2, priority=1),
                                   target("spare", "b", in_flight=1, priority=2)]}}
    with Mock(tokens=5) as spare, gateway_of(
            mock, {"in_flight": 100, "queue_wait": "10s"}, models=models,
            providers={"mock": openai_provider(mock), "spare": openai_provider(spare)}) as gateway:
        mock.set(fault="hold")
        spare.set(fault="hold")
        peers = []
        for i in range(6):
            peers.append(Wire(gateway))
            peers[i].send(wire.chat_request("tide"))
            gateway.wait_metric("sluice_in_flight", i + 1)
        gateway.wait_metric("sluice_queue_depth", 3)
        mock.wait(in_flight_min=2)
        spare.wait(in_flight_min=1)
        assert (mock.stats()["requests"], spare.stats()["requests"]) == (2, 1)
        status = json.loads(gateway.get("/admin/status", key=canaries.ADMIN_KEY))
        shown = [(one["in_flight"], one["in_flight_limit"], one["waiting"])
                 for one in status["models"]["tide"]["targets"]]
        assert shown == [(2, 2, 3), (1, 1, 3)]
        assert gateway.metric("sluice_target_busy_total", target="tide:mock") >= 4
        spare.set(fault=None, release=True) # all who wait go through that one
        assert [peers[i].reply()["x-sluice-provider"] for i in range(2, 6)] == ["spare"] * 4
        mock.set(fault=None, release=True)
        assert [peers[i].reply().status for i in range(2)] == [200, 200]
        close_all(peers)
        settled(gateway)


def test_an_overload_is_told_once(mock):
    with gateway_of(mock, {"in_flight": 1, "queue": 0}) as gateway:
        mock.set(fault="hold")
        with Wire(gateway) as first, Wire(gateway) as second:
            first.send(wire.chat_request("tide"))
            mock.wait(in_flight_min=1)
            for _ in range(20):
                assert second.ask(wire.chat_request("tide")).status == 503
            mock.set(fault=None, release=True)
            assert first.reply().status == 200
        gateway.event("overload", state="normal")
        told = [event for event in gateway.events() if event["event"] == "overload"]
        assert [event["state"] for event in told] == ["overloaded", "normal"]
        events = json.loads(gateway.get("/admin/events", key=canaries.ADMIN_KEY))["events"]
        overload = [event for event in events if event["kind"] == "overload"]
        assert [event["to"] for event in overload] == ["overloaded", "normal"]
        assert overload[1]["figures"]["shed"] == 20


def test_a_drain_lets_the_queue_go_on_and_then_ends_it(mock):
    with gateway_of(mock, {"in_flight": 1, "queue_wait": "30s"}, drain={"seconds": 1}) as gateway:
        mock.set(fault="hold")
        with Wire(gateway) as first, Wire(gateway) as second:
            first.send(wire.chat_request("tide"))
            mock.wait(in_flight_min=1)
            second.send(wire.chat_request("tide"))
            gateway.wait_metric("sluice_queue_depth", 1)
            gateway.signal(15)
            assert [first.reply().code, second.reply().code] == ["overloaded"] * 2
        gateway.wait()


def test_after_a_storm_of_disconnects_every_slot_is_back(gateway, mock):
    mock.set(latency_ms=10, interval_ms=2)
    fate = random.Random(1)

    async def one(client):
        stream = fate.random() < 0.5
        patience = fate.choice([0.001, 0.005, 0.02, 0.05, 5])
        try:
            async with asyncio.timeout(patience):
                body = json.loads(wire.chat_body("tide", stream))
                reply = await client.post("/v1/chat/completions", json=body)
                return reply.status_code
        except (TimeoutError, httpx.HTTPError):
            return 499

    async def storm():
        limits = httpx.Limits(max_connections=40, max_keepalive_connections=40)
        async with httpx.AsyncClient(base_url=gateway.url, limits=limits, timeout=10) as client:
            waiting = set()
            seen = []
            for _ in range(1500):
                waiting.add(asyncio.ensure_future(one(client)))
                if len(waiting) >= 40:
                    done, waiting = await asyncio.wait(
                        waiting, return_when=asyncio.FIRST_COMPLETED)
                    seen += [task.result() for task in done]
            return seen + [task for task in await asyncio.gather(*waiting)]

    seen = asyncio.run(storm())
    assert set(seen) == {200, 499, 503} and seen.count(200) > 20, seen
    settled(gateway)
    mock.wait(in_flight_max=0)
    peers = ask_all(gateway, SLOTS, "after-") # all four can be had
    assert [peer.reply().status for peer in peers] == [200] * SLOTS
    close_all(peers)
