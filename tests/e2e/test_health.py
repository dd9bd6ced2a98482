"""Health: probes that cost nothing, and weights that follow what they and the traffic say."""

import json
import time

import canaries
import wire
from mock import Mock
from sluice import PATIENCE_S, Sluice, openai_provider, run, target

PROBES = {"interval": "100ms", "slow_start": "1s"}


def targets_of(gateway):
    status = wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()
    return {seen["id"]: seen for seen in status["models"]["m"]["targets"]}


def wait_for(gateway, wanted, what):
    """Waits until `wanted` is true of the targets; gives them."""
    deadline = time.monotonic() + PATIENCE_S
    while not wanted(seen := targets_of(gateway)):
        assert time.monotonic() < deadline, f"not {what}: {seen}"
    return seen


def gateway_of(one, two, **settings):
    return Sluice(**{
        "providers": {"one": openai_provider(one), "two": openai_provider(two)},
        "models": {"m": {"targets": [target("one", "a"), target("two", "b")]}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "health": PROBES,
        **settings})


def test_probes_ask_for_the_list_of_models_and_never_prompt():
    with Mock(tokens=5) as one, Mock(tokens=5) as two, gateway_of(one, two) as gateway:
        for mock in (one, two):
            mock.wait(requests_min=5)
            asked = mock.log()
            assert {(call["method"], call["path"]) for call in asked} == {("GET", "/v1/models")}
            assert {call["status"] for call in asked} == {200}
        seen = targets_of(gateway)["m:one"]
        assert (seen["effective_weight"], seen["why"]) == (100, "as configured")


def test_a_prompt_is_sent_where_it_was_asked_for_and_nowhere_else():
    with Mock(tokens=5) as one, Mock(tokens=5) as two:
        providers = {"one": openai_provider(one, health={"prompt": True}),
                     "two": openai_provider(two)}
        with gateway_of(one, two, providers=providers) as gateway:
            assert gateway.event("probes_prompt")["provider"] == "one"
            gateway.err.wait_for(lambda lines: any("providers.one.health.prompt: each probe"
                                                   in line for line in lines), "warning")
            one.wait(requests_min=3)
            two.wait(requests_min=3)
            for call in one.log():
                assert (call["method"], call["path"]) == ("POST", "/v1/chat/completions")
                body = json.loads(call["body"])
                assert (body["model"], body["max_tokens"]) == ("a", 1)
            assert {call["path"] for call in two.log()} == {"/v1/models"}
            seen = wait_for(gateway, lambda t: t["m:one"]["last_probe"], "probed")
            assert seen["m:one"]["last_probe"]["good"]
            one.set(fault="401")
            wait_for(gateway, lambda t: not t["m:one"]["last_probe"]["good"], "refused")
            checked = run("check", "-c", gateway.file)
            assert checked.returncode == 0 and "costs tokens" in checked.stderr


def test_a_target_that_is_gone_loses_its_weight_and_gets_it_back():
    with Mock(tokens=5) as one, Mock(tokens=5) as two, gateway_of(one, two) as gateway:
        one.wait(requests_min=1)
        one.kill()
        low = wait_for(gateway, lambda t: t["m:one"]["effective_weight"] <= 1, "low")
        assert low["m:one"]["why"] == "probes fail or are slow"
        assert low["m:one"]["breaker"] == "closed" and low["m:one"]["attempts"] == 0
        assert low["m:two"]["effective_weight"] == 100
        assert gateway.metric("sluice_target_weight", target="m:one") <= 1
        assert gateway.metric("sluice_target_health", target="m:two") == 1
        for _ in range(20):
            assert wire.ask(gateway, wire.chat_request("m")).status == 200
        assert targets_of(gateway)["m:one"]["attempts"] <= 5
        one.start()
        wait_for(gateway, lambda t: t["m:one"]["effective_weight"] == 100, "back")


def test_a_target_that_returns_is_not_flooded():
    """Its breaker opens and closes again; then its share grows with the slow start."""
    health = {"interval": 0, "slow_start": "5s"}
    breaker = {"failure_threshold": 2, "timeout_seconds": 1, "half_open_requests": 1}
    with Mock(tokens=5) as one, Mock(tokens=5) as two:
        with gateway_of(one, two, health=health, circuit_breaker=breaker) as gateway:
            def ask():
                assert wire.ask(gateway, wire.chat_request("m")).status == 200

            def ask_until(wanted, what):
                return wait_for(gateway, lambda t: ask() or wanted(t["m:one"]), what)["m:one"]

            one.kill()
            gone = ask_until(lambda t: t["breaker"] == "open", "open")
            assert (gone["effective_weight"], gone["why"]) == (0, "its circuit breaker is open")
            one.start()
            back = ask_until(lambda t: t["breaker"] == "closed", "closed")
            assert back["why"] == "slow start" and 10 <= back["effective_weight"] < 60
            later = ask_until(lambda t: t["effective_weight"] > 60, "rising")
            assert later["effective_weight"] < 100 and later["factors"]["errors"] == 1
            ask_until(lambda t: t["effective_weight"] == 100, "whole")


def test_a_slow_provider_keeps_a_share():
    slow = {**PROBES, "latency_threshold": "5ms"}
    with Mock(tokens=5) as one, Mock(tokens=5) as two:
        with gateway_of(one, two, health=slow) as gateway:
            one.set(latency_ms=100)
            low = wait_for(gateway, lambda t: t["m:one"]["effective_weight"] <= 30, "low")
            assert low["m:one"]["effective_weight"] >= 10
            assert low["m:one"]["factors"]["probe"] < 1


def test_an_answer_that_takes_too_long_is_none():
    provider = {"health": {"timeout": "50ms"}}
    with Mock(tokens=5) as one, Mock(tokens=5) as two:
        providers = {"one": {**openai_provider(one), **provider}, "two": openai_provider(two)}
        with gateway_of(one, two, providers=providers) as gateway:
            one.set(latency_ms=5000)
            gateway.event("probe_failed", provider="one", why="no answer")
            wait_for(gateway, lambda t: t["m:one"]["effective_weight"] <= 50, "low")


def test_a_reload_turns_probes_off_and_on():
    with Mock(tokens=5) as one, Mock(tokens=5) as two:
        with gateway_of(one, two, health={"interval": 0}) as gateway:
            gateway.reload(health=PROBES)
            one.wait(requests_min=2)
            gateway.reload(health={"interval": 0})
            one.reset()
            for _ in range(3):
                assert wire.ask(gateway, wire.chat_request("m")).status == 200
            assert all(call["path"] == "/v1/chat/completions" for call in one.log())


def test_the_demo_answers_probes():
    demo = {"providers": {"demo": {"kind": "demo"}}, "models": {"m": {"targets": [target("demo", "d")]}}}
    with Sluice(admin={"keys": [canaries.ADMIN_KEY]}, health=PROBES, **demo) as gateway:
        seen = wait_for(gateway, lambda t: t["m:demo"]["last_probe"], "probed")
        assert seen["m:demo"]["last_probe"]["good"]
