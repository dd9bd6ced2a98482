"""Rollouts with compressed clocks: by themselves, by hand, and over kill -9."""

import contextlib
import http.client
import json
import threading
import time

import canaries
import pytest
import wire
from mock import Mock
from sluice import PATIENCE_S, Sluice, openai_provider, target

PHASES = [{"name": name, "green": green, "at_least": "300ms"}
          for name, green in (("initial", 5), ("canary", 15), ("partial", 40), ("majority", 70))]
RULE = {"strategy": "staged", "check_every": "100ms",
        "phases": PHASES + [{"name": "full", "green": 100}],
        "promote": {"min_requests": 30, "window": "10s"},
        "rollback": {"window": "10s", "min_requests": 20}}


# So long that a busy machine adds little to it, in proportion.
LATENCY = 20  # milliseconds


@pytest.fixture
def blue():
    with Mock(tokens=5, name="blue", latency=LATENCY) as mock:
        yield mock


@pytest.fixture
def green():
    with Mock(tokens=5, name="green", latency=LATENCY) as mock:
        yield mock


def gateway_of(blue, green, rule=None, **settings):
    return Sluice(**{
        "providers": {"old": openai_provider(blue), "new": openai_provider(green)},
        "models": {"m": {"targets": [target("old", "a"), target("new", "b", environment="green")],
                         "rollout": {**RULE, **(rule or {})}}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "retry": {"max_attempts": 1},
        "circuit_breaker": {"enabled": False},
        "health": {"interval": 0, "auto_switch": False},
        "log": {"access": False},
        **settings})


def admin(gateway, method, path, body=None):
    make = {"GET": lambda: wire.get(path, key=canaries.ADMIN_KEY),
            "PUT": lambda: wire.put(path, json.dumps(body).encode(), key=canaries.ADMIN_KEY),
            "POST": lambda: wire.post(path, b"", key=canaries.ADMIN_KEY)}[method]
    return wire.ask(gateway, make())


def state(gateway):
    return admin(gateway, "GET", "/admin/models/m/rollout").json()["rollout"]


def start(gateway, **body):
    reply = admin(gateway, "PUT", "/admin/models/m/rollout", {"strategy": "staged", **body})
    assert reply.status == 200, reply.body
    return reply.json()["rollout"]


def deed(gateway, name):
    return admin(gateway, "POST", f"/admin/models/m/rollout/{name}")


def told(gateway, *kinds):
    events = admin(gateway, "GET", "/admin/events").json()["events"]
    return [event for event in events if event["kind"] in (kinds or ("rollout", "rollback"))]


@contextlib.contextmanager
def traffic(gateway, clients=16):
    """Requests one behind the other from each client, until the end of the block."""
    over = threading.Event()
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]})

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE_S)
        while not over.is_set():
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def wait_for(gateway, wanted, what="state"):
    deadline = time.monotonic() + PATIENCE_S
    while (seen := state(gateway))[what] != wanted:
        assert time.monotonic() < deadline, f"{what} is not {wanted}: {seen}"
    return seen


def test_it_goes_from_five_to_a_hundred_by_itself(blue, green):
    with gateway_of(blue, green) as gateway:
        first = start(gateway)
        assert (first["state"], first["phase"], first["green"]) == ("running", "initial", 5)
        with traffic(gateway):
            last = wait_for(gateway, "finished")
        assert (last["green"], last["phase"]) == (100, "full")
        shares = [event["to"].rsplit("green ", 1)[1] for event in told(gateway)]
        assert shares == ["5 %", "15 %", "40 %", "70 %", "100 %", "100 %"]
        assert all(event["kind"] == "rollout" and event["reason"] for event in told(gateway))
        assert told(gateway)[1]["figures"]["green_requests"] >= 30
        green.reset()
        for _ in range(20):
            assert wire.ask(gateway, wire.chat_request("m"))["x-sluice-target"] == "m:new"
        assert gateway.metric("sluice_rollout_phase", model="m") == 5


def test_green_that_fails_six_in_a_hundred_is_taken_back(blue, green):
    green.set(error_rate=0.06)
    rule = {"promote": {"min_requests": 100000}, "rollback": {"window": "10s", "min_requests": 200, "to": "zero"},
            "phases": [{"name": "half", "green": 50, "at_least": "1h"}]}
    with gateway_of(blue, green, rule) as gateway:
        start(gateway)
        with traffic(gateway):
            last = wait_for(gateway, "rolled_back")
        assert last["green"] == 0
        back = told(gateway, "rollback")[0]
        assert "error rate" in back["reason"]
        assert back["figures"]["green_errors"] / back["figures"]["green_requests"] > 0.05
        for _ in range(20):
            assert wire.ask(gateway, wire.chat_request("m"))["x-sluice-target"] == "m:old"


def test_green_that_is_sixty_percent_slower_is_held_with_that_reason(blue, green):
    green.set(latency_ms=36)
    rule = {"phases": [{"name": "half", "green": 50, "at_least": "100ms"}, {"name": "full", "green": 100}]}
    with gateway_of(blue, green, rule) as gateway:
        start(gateway)
        with traffic(gateway):
            deadline = time.monotonic() + PATIENCE_S
            while not any("latency" in reason or "slower" in reason for reason in state(gateway)["reasons"]):
                assert time.monotonic() < deadline, state(gateway)
            seen = state(gateway)
        assert (seen["state"], seen["phase"]) == ("running", "half")


def test_too_few_requests_hold(blue, green):
    with gateway_of(blue, green, {"promote": {"min_requests": 100}}) as gateway:
        start(gateway)
        for side, count in (("blue", 30), ("green", 99)):
            for _ in range(count):
                reply = wire.ask(gateway, wire.chat_request(
                    "m", headers=f"X-Deployment-Environment: {side}\r\n"))
                assert reply["x-sluice-environment"] == side
        held = wait_for(gateway, ["too few requests: 99 of 100"], "reasons")
        assert (held["state"], held["phase"]) == ("running", "initial")
        wire.ask(gateway, wire.chat_request("m", headers="X-Canary: enabled\r\n"))
        wait_for(gateway, "canary", "phase")


def test_by_hand(blue, green):
    slow = {"check_every": "1h"}
    with gateway_of(blue, green, slow) as gateway:
        assert deed(gateway, "rollback").status == 409
        assert deed(gateway, "nonsense").status == 404
        start(gateway)
        assert admin(gateway, "PUT", "/admin/models/m/rollout", {"strategy": "staged"}).status == 409
        assert deed(gateway, "promote").json()["rollout"]["phase"] == "canary"
        assert deed(gateway, "pause").json()["rollout"]["state"] == "paused"
        assert deed(gateway, "pause").status == 409
        assert deed(gateway, "resume").json()["rollout"]["state"] == "running"
        assert deed(gateway, "rollback").json()["rollout"]["green"] == 0
        assert [(event["kind"], event["actor"]) for event in told(gateway)] == [
            ("rollout", "admin")] * 4 + [("rollback", "admin")]
        start(gateway)
        assert deed(gateway, "abort").json()["rollout"]["state"] == "aborted"
        assert state(gateway)["green"] == 5


@pytest.mark.parametrize("body,says", [
    ({"strategy": "sideways"}, "strategy"), ({"strategy": 5}, "object"), ([], "object"),
    ({"strategy": "gradual", "target": 0}, "target"), ({"strategy": "gradual", "steps": "ten"}, "steps"),
    ({"strategy": "gradual", "target": 5, "steps": 10}, "steps"),
])
def test_what_makes_no_sense_is_refused_and_nothing_changes(blue, green, body, says):
    with gateway_of(blue, green) as gateway:
        reply = admin(gateway, "PUT", "/admin/models/m/rollout", body)
        assert reply.status == 400 and says in reply.json()["error"]["message"]
        assert state(gateway) is None
        assert admin(gateway, "PUT", "/admin/models/n/rollout", {}).status == 404


def test_a_gradual_one_tests_before_each_step(blue, green):
    with gateway_of(blue, green) as gateway:
        seen = start(gateway, strategy="gradual", target=60, steps=3, step_seconds=1)
        assert seen["strategy"] == "gradual"
        assert wait_for(gateway, "finished")["green"] == 60
        asked = [json.loads(record["body"]) for record in green.log()]
        assert len(asked) == 3 and all(body["max_tokens"] == 1 for body in asked)


def test_a_gradual_one_ends_at_the_first_test_that_fails(blue, green):
    with gateway_of(blue, green) as gateway:
        green.set(fault="503", fault_count=1000)
        start(gateway, strategy="gradual", target=50, steps=5, step_seconds=1)
        assert wait_for(gateway, "rolled_back")["green"] == 0
        assert "test" in told(gateway, "rollback")[0]["reason"]


def test_each_phase_survives_a_kill(blue, green, tmp_path):
    kept = {"state": {"path": str(tmp_path / "state")}}
    with gateway_of(blue, green, {"check_every": "1h"}, **kept) as gateway:
        start(gateway)
        for phase in ("canary", "partial", "majority", "full"):
            assert deed(gateway, "promote").json()["rollout"]["phase"] == phase
            gateway.kill()
            gateway.start()
            assert (state(gateway)["phase"], state(gateway)["state"]) == (phase, "running")
        assert deed(gateway, "pause").status == 200
        gateway.kill()
        gateway.start()
        assert state(gateway)["state"] == "paused"
        assert deed(gateway, "rollback").status == 200
        gateway.kill()
        gateway.start()
        assert (state(gateway)["state"], state(gateway)["green"]) == ("rolled_back", 0)
        assert len(told(gateway)) == 7


def test_other_green_targets_end_it(blue, green):
    with gateway_of(blue, green, {"check_every": "1h"}) as gateway:
        start(gateway)
        models = {"m": {**gateway.settings["models"]["m"], "targets": [
            target("old", "a"), target("new", "c", environment="green")]}}
        gateway.reload(models=models)
        deadline = time.monotonic() + PATIENCE_S
        while state(gateway) is not None:
            assert time.monotonic() < deadline
        assert "other green targets" in told(gateway)[-1]["reason"]


def test_it_starts_by_itself_when_it_may(blue, green):
    with gateway_of(blue, green, {"autostart": True, "check_every": "1h"}) as gateway:
        assert wait_for(gateway, "running")["phase"] == "initial"
        assert told(gateway)[0]["actor"] == "autostart"
