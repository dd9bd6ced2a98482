"""Hedges: a slow request is asked of a second target, too; nothing is asked more often than allowed."""

import concurrent.futures
import time

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

SLOW_MS = 1500
HEDGE = {"after": "p90", "budget": 0.2}
FLOOR = 5  # hedges that may come at once


def gateway_of(one, two, hedge=None, **settings):
    """The first is asked, the second when that is slow."""
    model = {"targets": [target("one", "a"), target("two", "b", priority=2)]}
    return Sluice(**{
        "providers": {"one": openai_provider(one), "two": openai_provider(two)},
        "models": {"m": {**model, **({"hedge": hedge} if hedge else {})}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        **settings})


def status_of(gateway):
    return wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()["models"]["m"]


def ask(gateway, stream=True):
    """(seconds to the first content, or to the whole answer; how many attempts that took)"""
    with wire.Wire(gateway) as connection:
        began = time.monotonic()
        connection.send(wire.chat_request("m", stream=stream))
        status, headers = connection.head()
        assert status == 200
        if stream:
            connection.until(b'"content":"')
            took = time.monotonic() - began
            connection.until(b"[DONE]")
        else:
            assert connection.body(headers)[1]
            took = time.monotonic() - began
        return took, int(headers["x-sluice-attempts"])


def ask_many(gateway, count, stream=True):
    """The times, sorted, and the sum of the attempts."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(gateway, stream), range(count)))
    return sorted(took for took, _ in answers), sum(attempts for _, attempts in answers)


def slow_mock():
    """Each twentieth request, 5 %, is slow."""
    return Mock(tokens=5, latency=20, slow_every=20, slow=SLOW_MS)


def check_sums(gateway, one, two, requests, attempts):
    """Whoever counts comes to the same."""
    hedge = status_of(gateway)["hedge"]
    metrics = {name: gateway.metric("sluice_hedges_total", model="m", outcome=name)
               for name in ("won", "lost", "failed", "cancelled")}
    assert gateway.metric("sluice_requests_total", model="m", code="200") == requests
    assert gateway.metric("sluice_attempts_total") == attempts == requests + hedge["started"]
    assert one.stats()["requests"] + two.stats()["requests"] == attempts
    assert sum(metrics.values()) == hedge["started"]
    assert metrics["won"] == hedge["won"]
    assert (metrics["failed"], metrics["cancelled"]) == (0, 0)
    for name, outcome in (("m:one", "won"), ("m:two", "lost")):
        cancelled = gateway.metric("sluice_attempts_total", target=name, outcome="cancelled")
        assert cancelled == metrics[outcome], (name, metrics)
    assert [seen["in_flight"] for seen in status_of(gateway)["targets"]] == [0, 0]
    return hedge


def test_the_slowest_streams_become_fast_within_the_budget():
    with slow_mock() as one, Mock(tokens=5, latency=20) as two:
        with gateway_of(one, two) as gateway:
            times, attempts = ask_many(gateway, 100)
            assert times[98] > SLOW_MS / 1000 and attempts == 100
            assert "hedge" not in status_of(gateway)
        one.reset()
        with gateway_of(one, two, HEDGE) as gateway:
            _, before = ask_many(gateway, 40)  # it learns
            assert 20 <= status_of(gateway)["hedge"]["stream_after_ms"] < SLOW_MS
            times, attempts = ask_many(gateway, 300)
            assert times[296] < 0.5, times[-10:]
            two.wait(in_flight_max=0)
            one.wait(in_flight_max=0)
            hedge = check_sums(gateway, one, two, 340, before + attempts)
            assert 0 < hedge["started"] <= HEDGE["budget"] * 340 + FLOOR
            assert hedge["won"] >= 10


def test_so_do_whole_answers():
    with slow_mock() as one, Mock(tokens=5, latency=20) as two:
        with gateway_of(one, two, {"after": "200ms", "budget": 0.1}) as gateway:
            times, attempts = ask_many(gateway, 200, stream=False)
            assert times[197] < 0.7, times[-10:]
            one.wait(in_flight_max=0)
            hedge = check_sums(gateway, one, two, 200, attempts)
            assert 8 <= hedge["won"] <= hedge["started"] <= 0.1 * 200 + FLOOR


def test_a_gone_budget_is_gone():
    with Mock(tokens=5, latency=300) as one, Mock(tokens=5) as two:
        with gateway_of(one, two, {"after": "20ms", "budget": 0.01}) as gateway:
            _, attempts = ask_many(gateway, 20)
            assert attempts == 20 + FLOOR
            assert check_sums(gateway, one, two, 20, attempts)["in_budget"] is False


def test_the_loser_is_cancelled_at_once():
    with Mock(tokens=5, latency=10000) as one, Mock(tokens=5, interval=20) as two:
        with gateway_of(one, two, {"after": "50ms"}) as gateway, wire.Wire(gateway) as connection:
            connection.send(wire.chat_request("m", stream=True))
            _, headers = connection.head()
            connection.until(b'"content":"')
            content_ns = time.monotonic_ns()
            assert headers["x-sluice-target"] == "m:two"
            one.wait(cancelled_min=1)
            call = one.log()[0]
            assert call["state"] == "cancelled"
            assert abs(call["closed_ns"] - content_ns) < 100_000_000
            connection.until(b"[DONE]")
            assert two.wait(complete_min=1)["requests"] == 1


def test_a_client_that_leaves_cancels_both():
    with Mock(tokens=5, latency=10000) as one, Mock(tokens=5, latency=10000) as two:
        with gateway_of(one, two, {"after": "20ms"}) as gateway:
            with wire.Wire(gateway) as connection:
                connection.send(wire.chat_request("m"))
                two.wait(requests_min=1)
            one.wait(cancelled_min=1)
            two.wait(cancelled_min=1)
            gateway.wait_metric("sluice_hedges_total", 1, model="m", outcome="cancelled")
            assert gateway.metric("sluice_attempts_total", outcome="cancelled") == 2


def test_one_that_fails_leaves_the_other_to_go_on():
    with Mock(tokens=5, latency=400) as one, Mock(tokens=5) as two:
        with gateway_of(one, two, {"after": "50ms"}) as gateway:
            two.set(fault="500", fault_count=1)
            reply = wire.ask(gateway, wire.chat_request("m"))
            assert (reply.status, reply["x-sluice-target"]) == (200, "m:one")
            assert reply["x-sluice-attempts"] == "2"
            assert gateway.metric("sluice_hedges_total", model="m", outcome="failed") == 1
