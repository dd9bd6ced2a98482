"""A model that keeps failing is switched away from, and comes back."""

import time

import canaries
import wire
from mock import Mock
from sluice import PATIENCE_S, Sluice, openai_provider, target

RULES = {"interval": 0, "window": "10s", "min_requests": 20, "recover": "1s", "slow_start": "1s"}


def gateway_of(bad, good, health=None, **settings):
    return Sluice(**{
        "providers": {"bad": openai_provider(bad), "good": openai_provider(good)},
        "models": {"first": {"targets": [target("bad", "a")], "fallbacks": ["second"]},
                   "second": {"targets": [target("good", "b")]}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "health": {**RULES, **(health or {})},
        # Trials are drawn: five in a row may fail, which is for the breaker's tests.
        "circuit_breaker": {"enabled": False},
        **settings})


def ask(gateway, headers="", model="first"):
    reply = wire.ask(gateway, wire.chat_request(model, headers=headers))
    assert reply.status == 200, reply.body
    return reply


def fail_half(gateway, mock, model="first", attempts=20):
    """Every other attempt fails: too many for the model, never enough in a row for a breaker."""
    for number in range(attempts):
        mock.set(fault="503" if number % 2 else None, fault_count=1)
        ask(gateway, model=model)


def switch_of(gateway, model="first"):
    status = wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()
    return status["models"][model]["switch"]


def told(gateway, kind="switch"):
    reply = wire.ask(gateway, wire.get("/admin/events", key=canaries.ADMIN_KEY)).json()
    return [event for event in reply["events"] if event["kind"] == kind]


def wait_for(gateway, state):
    deadline = time.monotonic() + PATIENCE_S
    while (seen := switch_of(gateway))["state"] != state:
        assert time.monotonic() < deadline, f"not {state}: {seen}"
    return seen


def test_the_fallback_answers_first_until_the_model_has_recovered():
    with Mock(tokens=5) as bad, Mock(tokens=5) as good, gateway_of(bad, good) as gateway:
        assert switch_of(gateway)["state"] == "home"
        fail_half(gateway, bad)
        away = switch_of(gateway)
        assert (away["state"], away["to"], away["share"]) == ("away", "second", 0.01)
        assert away["why"] == "its success rate is below success_threshold"
        event = told(gateway)[0]
        assert (event["model"], event["from"], event["to"]) == ("first", "first", "second")
        assert event["figures"] == {"success_rate": 0.5, "requests": 20}
        assert event["reason"] and event["time"] and event["actor"] == "sluice"
        assert gateway.event("switch")["to"] == "second"
        assert gateway.metric("sluice_switched", model="first") == 1
        assert gateway.metric("sluice_switches_total", model="first", to="second") == 1
        assert gateway.metric("sluice_events_total", kind="switch") == 1

        bad.set(fault="503", fault_count=1000)
        bad.reset()
        for _ in range(100):
            reply = ask(gateway)
            assert (reply["x-sluice-model"], reply["x-sluice-fallback"]) == ("second", "1")
        assert bad.stats()["requests"] <= 10  # one in a hundred: 1, and 9 sigma

        bad.set(fault=None)
        assert ask(gateway, "X-Sluice-No-Fallback: 1\r\n")["x-sluice-model"] == "first"
        gateway.event("switch", to="first")
        back = told(gateway)[1]
        assert (back["from"], back["to"], back["figures"]["success_rate"]) == ("second", "first", 1)
        wait_for(gateway, "home")
        assert ask(gateway)["x-sluice-model"] == "first"
        assert gateway.metric("sluice_switched", model="first") == 0
        assert gateway.metric("sluice_switches_total", model="first", to="first") == 1


def test_probes_alone_bring_it_back():
    with Mock(tokens=5) as bad, Mock(tokens=5) as good:
        with gateway_of(bad, good, health={"interval": "100ms"}) as gateway:
            fail_half(gateway, bad)
            bad.set(fault=None)
            assert switch_of(gateway)["state"] == "away"
            wait_for(gateway, "home")
            assert len(told(gateway)) == 2


def test_a_request_that_nobody_else_could_answer_still_tries_the_model():
    with Mock(tokens=5) as bad, Mock(tokens=5) as good, gateway_of(bad, good) as gateway:
        fail_half(gateway, bad)
        bad.set(fault=None)
        good.kill()
        for _ in range(10):
            reply = ask(gateway)
            assert (reply["x-sluice-model"], reply["x-sluice-fallback"]) == ("first", None)


def test_turned_off_it_is_only_reported():
    with Mock(tokens=5) as bad, Mock(tokens=5) as good:
        with gateway_of(bad, good, health={"auto_switch": False}) as gateway:
            fail_half(gateway, bad, attempts=60)
            bad.set(fault=None)
            assert ask(gateway)["x-sluice-model"] == "first"
            assert [e["to"] for e in told(gateway, "switch_advised")] == ["second"]
            assert told(gateway) == []
            assert switch_of(gateway)["state"] == "advised"
            assert gateway.metric("sluice_switched", model="first") == 0


def test_the_environment_turns_it_off():
    with Mock(tokens=5) as mock:
        env = {"HOLYSHEEP_BASE_URL": mock.url + "/v1", "HOLYSHEEP_API_KEY": mock.keys[0],
               "DEFAULT_MODEL": "first", "FALLBACK_MODEL": "second", "HEALTH_CHECK_INTERVAL": "0",
               "SLUICE_LISTEN": "127.0.0.1:0", "SLUICE_ADMIN_KEY": canaries.ADMIN_KEY}
        for said, kind in (("false", "switch_advised"), ("true", "switch")):
            with Sluice({**env, "ENABLE_AUTO_ROLLBACK": said}, from_file=False) as gateway:
                fail_half(gateway, mock)
                assert [e["kind"] for e in told(gateway, kind)] == [kind]
                assert gateway.event(kind)["from"] == "first"
