"""Balance, stickiness and the last plan, with real targets of different latency and load."""

import collections
import json
import time

import canaries
import pytest
import wire
from mock import Mock
from sluice import PATIENCE_S, Sluice, openai_provider, target

OTHER_USERS = [f"user-{number}" for number in range(40)]


def vllm_provider(mock, **more):
    return {"kind": "vllm", "base_url": mock.url + "/v1", **more}


def gateway_of(one, two, model, provider=openai_provider, **settings):
    return Sluice(**{
        "providers": {"one": provider(one), "two": provider(two)},
        "models": {"m": {"targets": [target("one", "a"), target("two", "b")], **model}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        **settings})


def model_of(gateway):
    return wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()["models"]["m"]


def ask(gateway, headers="", **more):
    """Asks; gives the target that answered."""
    reply = wire.ask(gateway, wire.chat_request("m", headers=headers, **more))
    assert reply.status == 200, reply.body
    return reply["x-sluice-target"]


def shares(gateway, count, **more):
    return collections.Counter(ask(gateway, **more) for _ in range(count))


# ---- least_latency ----

@pytest.mark.parametrize("stream", [False, True])
def test_the_share_moves_to_the_fast_one_and_returns(stream):
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {"balance": "least_latency"}) as gateway:
            one.set(latency_ms=400)
            two.set(latency_ms=10)
            assert shares(gateway, 30, stream=stream)["m:two"] >= 25
            assert model_of(gateway)["last_plan"]["steps"][0]["why"] == "least_latency"
            two.set(latency_ms=400)
            one.set(latency_ms=10)  # which is found out, because the old figure fades
            deadline = time.monotonic() + PATIENCE_S
            while ask(gateway, stream=stream) != "m:one":
                assert time.monotonic() < deadline
            assert shares(gateway, 30, stream=stream)["m:one"] >= 25


# ---- least_busy ----

def test_the_less_busy_one_is_asked():
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {"balance": "least_busy"}) as gateway:
            for mock in (one, two):
                mock.set(fault="hold")
            with wire.Wire(gateway) as held:
                held.send(wire.chat_request("m"))
                deadline = time.monotonic() + PATIENCE_S
                while not (busy := [t["id"] for t in model_of(gateway)["targets"] if t["in_flight"]]):
                    assert time.monotonic() < deadline
                free = ({"m:one", "m:two"} - set(busy)).pop()
                mock = {"m:one": one, "m:two": two}
                mock[busy[0]].wait(requests_min=1)
                mock[free].set(fault=None)
                assert shares(gateway, 10) == {free: 10}
                mock[busy[0]].release()
                assert held.reply().status == 200


def test_what_others_have_at_a_vllm_counts():
    probes = {"interval": "50ms"}
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {"balance": "least_busy"}, vllm_provider, health=probes) as gateway:
            def others(one_has, two_has):
                deadline = time.monotonic() + PATIENCE_S
                while (seen := [t["in_flight_others"] for t in model_of(gateway)["targets"]]) \
                        != [one_has, two_has]:
                    assert time.monotonic() < deadline, seen

            one.set(running=3, waiting=4)
            others(7, 0)
            assert shares(gateway, 10) == {"m:two": 10}
            assert model_of(gateway)["last_plan"]["steps"][0]["why"] == "least_busy"
            one.set(running=0, waiting=0)
            two.set(waiting=1)
            others(0, 1)
            assert shares(gateway, 10) == {"m:one": 10}
            assert {call["path"] for call in two.log()} == {"/v1/models", "/metrics"} | \
                {"/v1/chat/completions"}


def test_what_is_ours_there_is_not_counted_twice():
    """A vLLM's own count holds our requests, too."""
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {"balance": "least_busy"}, vllm_provider,
                        health={"interval": "50ms"}) as gateway:
            one.set(fault="hold", fault_count=1)
            two.set(fault="hold", fault_count=1)
            with wire.Wire(gateway) as held:
                held.send(wire.chat_request("m"))
                deadline = time.monotonic() + PATIENCE_S
                while sum(t["in_flight"] for t in model_of(gateway)["targets"]) != 1:
                    assert time.monotonic() < deadline
                for mock in (one, two):
                    mock.set(fault=None)
                    mock.reset()
                    mock.wait(requests_min=6)  # probes, half of them for the load
                assert [t["in_flight_others"] for t in model_of(gateway)["targets"]] == [0, 0]
                one.release()
                two.release()
                assert held.reply().status == 200


def test_each_region_says_for_itself_how_busy_it_is():
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        regions = [{"name": name, "base_url": mock.url + "/v1"}
                   for name, mock in (("east", one), ("west", two))]
        with Sluice(providers={"both": {"kind": "vllm", "regions": regions}},
                    models={"m": {"balance": "least_busy", "targets": [target("both", "a")]}},
                    admin={"keys": [canaries.ADMIN_KEY]}, health={"interval": "50ms"}) as gateway:
            one.set(waiting=5)
            deadline = time.monotonic() + PATIENCE_S
            while [t["in_flight_others"] for t in model_of(gateway)["targets"]] != [5, 0]:
                assert time.monotonic() < deadline
            assert shares(gateway, 10) == {"m:both@west": 10}


def test_metrics_are_read_for_least_busy_alone():
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {}, vllm_provider, health={"interval": "50ms"}):
            one.wait(requests_min=4)
            assert {call["path"] for call in one.log()} == {"/v1/models"}


# ---- least_cost ----

def test_the_cheapest_is_asked_while_it_is_there_and_billed_by_its_price():
    targets = [target("one", "a", cost_per_mtok={"input": 8, "output": 32}), target("two", "b")]
    model = {"balance": "least_cost", "targets": targets, "cost_per_mtok": 1}
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, model) as gateway:
            assert shares(gateway, 10) == {"m:two": 10}
            two.kill()
            assert ask(gateway) == "m:one"
            lines = gateway.access_log(11)
            cheap, dear = lines[0], lines[-1]
            assert cheap["cost_usd"] == pytest.approx(
                (cheap["tokens"]["input"] + cheap["tokens"]["output"]) / 1e6)
            assert dear["cost_usd"] == pytest.approx(
                (8 * dear["tokens"]["input"] + 32 * dear["tokens"]["output"]) / 1e6)


# ---- sticky ----

def test_a_session_stays_while_its_target_is_well_and_comes_back():
    breaker = {"failure_threshold": 1, "timeout_seconds": 1, "half_open_requests": 1}
    mocks = {}
    with Mock(tokens=2) as mocks["m:one"], Mock(tokens=2) as mocks["m:two"]:
        with gateway_of(mocks["m:one"], mocks["m:two"], {"sticky": "session"},
                        circuit_breaker=breaker) as gateway:
            header = "X-Session-Id: 8b3c-77\r\n"
            home = ask(gateway, header)
            assert shares(gateway, 10, headers=header) == {home: 10}
            assert model_of(gateway)["last_plan"]["steps"][0]["why"] == "sticky"
            mocks[home].kill()
            away = ask(gateway, header)
            assert away != home
            assert shares(gateway, 5, headers=header) == {away: 5}
            mocks[home].start()
            deadline = time.monotonic() + PATIENCE_S
            while ask(gateway, header) != home:
                assert time.monotonic() < deadline
            assert shares(gateway, 10, headers=header) == {home: 10}


def test_users_spread_and_stay():
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {"sticky": "user"}) as gateway:
            homes = {user: ask(gateway, user=user) for user in OTHER_USERS}
            assert set(homes.values()) == {"m:one", "m:two"}
            assert {user: ask(gateway, safety_identifier=user) for user in OTHER_USERS} == homes
            gateway.reload(log={"level": "debug"})  # and a reload moves nobody
            assert {user: ask(gateway, user=user) for user in OTHER_USERS} == homes


def test_a_caller_stays_by_its_key():
    keys = [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}]
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {"sticky": "key"}, client_keys=keys) as gateway:
            assert len(shares(gateway, 20)) == 1


def test_a_session_that_is_none_is_refused():
    with Mock(tokens=2) as one, Mock(tokens=2) as two, gateway_of(one, two, {}) as gateway:
        for value in ("two words", "x" * 129):
            reply = wire.ask(gateway, wire.chat_request("m", headers=f"X-Session-Id: {value}\r\n"))
            error = json.loads(reply.body)["error"]
            assert (reply.status, error["code"]) == (400, "invalid_value")
            assert "X-Session-Id" in error["message"] and "128 visible ASCII" in error["message"]
        ask(gateway, f"X-Session-Id: {'x' * 128}\r\n")


# ---- the last plan ----

def test_the_last_plan_says_who_is_in_it_who_is_not_and_why():
    targets = [target("one", "a"), target("two", "b", weight=0, name="idle"),
               target("two", "b", priority=2)]
    models = {"m": {"targets": targets, "fallbacks": ["n"]}, "n": {"targets": [target("two", "c")]}}
    with Mock(tokens=2) as one, Mock(tokens=2) as two:
        with gateway_of(one, two, {}, models=models, retry={"max_attempts": 3},
                        circuit_breaker={"failure_threshold": 1}) as gateway:
            assert model_of(gateway)["last_plan"] is None
            assert ask(gateway) == "m:one"
            plan = model_of(gateway)["last_plan"]
            assert plan["steps"] == [{"target": "m:one", "why": "weight"},
                                     {"target": "m:two", "why": "next priority"}]
            assert plan["left_out"] == [{"target": "m:idle", "why": "its weight is 0"}]
            assert plan["ago_ms"] < 10000
            one.kill()
            ask(gateway)  # opens its breaker
            two.set(fault="503", fault_count=1)
            ask(gateway)
            plan = model_of(gateway)["last_plan"]
            assert plan["steps"] == [{"target": "m:two", "why": "next priority"},
                                     {"target": "n:two", "why": "fallback"}]
            assert {"target": "m:one", "why": "its circuit breaker is open"} in plan["left_out"]
