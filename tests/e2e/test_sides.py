"""Blue and green: who answers, and what an operator may change about it in a running gateway."""

import contextlib
import json
import math
import subprocess

import pytest

import canaries
import wire
from mock import BUILD_DIR, Mock
from sluice import Sluice, openai_provider, target

SIDES = ["blue", "green"]


def model(green=0, **more):
    targets = [target("blue", "a", name="stable"),
               target("green", "b", name="next", environment="green")]
    return {"targets": targets, "split": {"blue": 100 - green, "green": green}, **more}


@contextlib.contextmanager
def stage(models=None, knobs=None, **settings):
    with Mock(**(knobs or {"tokens": 3})) as blue, Mock(**(knobs or {"tokens": 3})) as green:
        mocks = {"blue": blue, "green": green}
        providers = {name: openai_provider(mock) for name, mock in mocks.items()}
        with Sluice(**{"providers": providers, "models": models or {"m": model()},
                       "admin": {"keys": [canaries.ADMIN_KEY]},
                       "retry": {"max_attempts": 2, "initial_delay_ms": 1},
                       **settings}) as gateway:
            yield mocks, gateway


def put(gateway, path, body):
    return wire.ask(gateway, wire.put("/admin/" + path, json.dumps(body).encode(),
                                      key=canaries.ADMIN_KEY))


def post(gateway, path):
    return wire.ask(gateway, wire.post("/admin/" + path, b"", key=canaries.ADMIN_KEY))


def get(gateway, path):
    return wire.ask(gateway, wire.get("/admin/" + path, key=canaries.ADMIN_KEY))


def split(gateway, green, name="m"):
    return put(gateway, f"models/{name}/split", {"blue": 100 - green, "green": green})


def ask(gateway, name="m", headers="", **more):
    return wire.ask(gateway, wire.chat_request(name, headers=headers, **more))


def side(reply):
    assert reply.status == 200, reply.body
    return reply["x-sluice-environment"]


def events(gateway, kind):
    return [event for event in get(gateway, "events").json()["events"] if event["kind"] == kind]


# ---- requests ----


def test_the_answer_the_log_and_the_metrics_say_the_side():
    with stage({"m": model(100)}) as (mocks, gateway):
        reply = ask(gateway, headers="X-Request-Id: one\r\n")
        assert (side(reply), reply["x-sluice-target"]) == ("green", "m:next")
        assert gateway.log_of("one")["environment"] == "green"
        assert gateway.metric("sluice_requests_total", model="m", environment="green") == 1
        assert gateway.metric("gen_ai_server_request_duration_seconds_count",
                              sluice_environment="green") == 1
        assert gateway.metric("sluice_split_weight", model="m", environment="green") == 100
        assert gateway.metric("sluice_split_weight", model="m", environment="blue") == 0
        assert mocks["blue"].stats()["posts"] == 0
        mocks["green"].set(fault="503")
        reply = ask(gateway)
        assert (reply.status, reply["x-sluice-environment"]) == (503, "green")
        assert mocks["blue"].stats()["posts"] == 0


@pytest.mark.parametrize("header,answers", [
    ("X-Deployment-Environment: green", "green"), ("X-Deployment-Environment: blue", "blue"),
    ("X-Deployment-Environment: auto", "blue"), ("X-Canary: enabled", "green"),
    ("X-Blue-Weight: 0", "green"), ("X-Blue-Weight: 100", "blue")])
def test_a_header_chooses_for_one_request(header, answers):
    with stage() as (_, gateway):
        assert side(ask(gateway, headers=header + "\r\n")) == answers
        assert side(ask(gateway, headers=header + "\r\n", stream=True)) == answers
        assert side(ask(gateway)) == "blue"


def test_a_forced_side_never_gets_another_answer():
    models = {"m": model(50, fallbacks=["n"]), "n": {"targets": [target("blue", "n")]}}
    with stage(models, circuit_breaker={"enabled": False}) as (mocks, gateway):
        mocks["green"].set(fault="503")
        for header in ("X-Deployment-Environment: green\r\n", "X-Canary: enabled\r\n"):
            for _ in range(10):
                reply = ask(gateway, headers=header)
                assert (reply.status, reply["x-sluice-environment"]) == (503, "green")
        assert mocks["blue"].stats()["posts"] == 0
        assert side(ask(gateway)) == "blue"  # with a share, blue answers for green


def test_contradictions_name_both():
    with stage() as (mocks, gateway):
        reply = ask(gateway, headers="X-Canary: enabled\r\nX-Deployment-Environment: blue\r\n")
        assert (reply.status, reply.code) == (400, "invalid_value")
        assert "X-Canary: enabled" in reply.error["message"]
        assert "X-Deployment-Environment: blue" in reply.error["message"]
        assert mocks["blue"].stats()["posts"] == 0


def test_callers_move_one_way_as_green_grows():
    callers = [f"X-Session-Id: caller-{i}\r\n" for i in range(60)]
    with stage({"m": model(sticky="session")}) as (_, gateway):
        were = ["blue"] * len(callers)
        for green in (10, 40, 70, 100, 30):
            assert split(gateway, green).status == 200
            are = [side(ask(gateway, headers=caller)) for caller in callers]
            assert are == [side(ask(gateway, headers=caller)) for caller in callers]
            never = ("green", "blue") if green > 30 or green == 10 else ("blue", "green")
            assert never not in set(zip(were, are)), (green, were, are)
            were = are
        assert set(were) == set(SIDES)


# ---- the split, by hand ----


def test_a_split_is_in_force_when_it_is_answered():
    with stage() as (_, gateway):
        assert get(gateway, "models/m/split").json() == {
            "blue": 100, "green": 0, "from": "configuration"}
        reply = split(gateway, 100)
        assert (reply.status, reply.json()) == (200, {"blue": 0, "green": 100, "from": "admin"})
        assert side(ask(gateway)) == "green"
        assert get(gateway, "models/m/split").json() == reply.json()
        status = get(gateway, "status").json()["models"]["m"]
        assert status["split"] == reply.json()
        assert [row["environment"] for row in status["targets"]] == SIDES
        (event,) = events(gateway, "split")
        assert (event["model"], event["from"], event["to"], event["actor"]) == (
            "m", "blue 100 %, green 0 %", "blue 0 %, green 100 %", "admin")


def test_it_survives_a_kill_until_the_file_says_another(tmp_path):
    with stage(state={"path": str(tmp_path / "state")}) as (_, gateway):
        assert split(gateway, 100).status == 200
        gateway.kill()
        gateway.start()
        assert get(gateway, "models/m/split").json()["from"] == "admin"
        assert side(ask(gateway)) == "green"
        gateway.reload(models={"m": model(0, description="the split is as it was")})
        assert side(ask(gateway)) == "green"
        gateway.reload(models={"m": model(1)})
        assert get(gateway, "models/m/split").json() == {
            "blue": 99, "green": 1, "from": "configuration"}


@pytest.mark.parametrize("body", [
    {"blue": 90, "green": 11}, {"blue": 50}, {"blue": "90", "green": "10"}, {"blue": 110, "green": -10},
    {"blue": 90, "green": 10, "red": 0}, {"blue": 99.5, "green": 0.5}, [], 5])
def test_a_split_that_does_not_add_up_changes_nothing(body):
    with stage() as (_, gateway):
        reply = put(gateway, "models/m/split", body)
        assert (reply.status, reply.code) == (400, "invalid_value")
        assert get(gateway, "models/m/split").json()["from"] == "configuration"
        assert events(gateway, "split") == []


def test_what_there_is_not_is_said():
    models = {"gpt-4.1": model(), "plain": {"targets": [target("blue", "p")]}}
    with stage(models) as (_, gateway):
        reply = split(gateway, 10, "gpt-4.2")
        assert (reply.status, reply.code) == (404, "not_found")
        assert "`gpt-4.1`" in reply.error["message"]
        reply = split(gateway, 10, "plain")
        assert (reply.status, reply.code) == (409, "conflict")
        assert "no green targets" in reply.error["message"]
        assert get(gateway, "models/plain/split").status == 409
        assert get(gateway, "status").json()["models"]["plain"]["split"] is None
        for path in ("models/gpt-4.1/split", "models/gpt-4.1/targets/next"):
            reply = wire.ask(gateway, wire.put("/admin/" + path, b"{", key=canaries.ADMIN_KEY))
            assert (reply.status, reply.code) == (400, "invalid_json")
            reply = wire.ask(gateway, wire.put("/admin/" + path, b"{}", key=canaries.CLIENT_KEY))
            assert reply.status == 401


# ---- targets ----


def test_a_target_is_disabled_and_comes_back():
    targets = [target("blue", "a", name="one"), target("green", "b", name="two")]
    with stage({"m": {"targets": targets}}) as (mocks, gateway):
        reply = put(gateway, "models/m/targets/one", {"enabled": False})
        assert (reply.status, reply.json()) == (200, {
            "target": "one", "environment": "blue", "weight": 100, "enabled": False})
        for _ in range(20):
            assert ask(gateway)["x-sluice-target"] == "m:two"
        row = get(gateway, "status").json()["models"]["m"]["targets"][0]
        assert (row["enabled"], row["effective_weight"], row["why"]) == (False, 0, "it is disabled")
        (event,) = events(gateway, "target")
        assert (event["target"], event["from"], event["to"]) == (
            "m:one", "weight 100, enabled", "weight 100, disabled")
        reply = put(gateway, "models/m/targets/one", {"weight": 1000000, "enabled": True})
        assert (reply.json()["weight"], reply.json()["enabled"]) == (1000000, True)
        for _ in range(20):
            assert ask(gateway)["x-sluice-target"] == "m:one"
        assert mocks["blue"].stats()["posts"] == 20


def test_the_last_one_stays():
    with stage() as (_, gateway):
        for change in ({"enabled": False}, {"weight": 0}):
            reply = put(gateway, "models/m/targets/next", change)
            assert (reply.status, reply.code) == (409, "conflict")
            assert "every green target" in reply.error["message"]
        reply = put(gateway, "models/m/targets/nest", {"enabled": False})
        assert (reply.status, reply.code) == (404, "not_found")
        assert "`next`" in reply.error["message"]
        for body in ({}, {"weight": -1}, {"weight": 1000001}, {"enabled": 1}, {"size": 1}, []):
            reply = put(gateway, "models/m/targets/next", body)
            assert (reply.status, reply.code) == (400, "invalid_value"), body
        assert events(gateway, "target") == []


# ---- a deployment ----


def test_a_deployment_is_for_every_model_that_has_green_targets():
    models = {"a": model(), "b": model(5), "plain": {"targets": [target("blue", "p")]}}
    with stage(models) as (_, gateway):
        reply = post(gateway, "deploy?weight=30")
        now = {"blue": 70, "green": 30, "from": "admin"}
        assert (reply.status, reply.json()) == (200, {"models": {"a": now, "b": now}})
        assert [(event["model"], event["to"]) for event in events(gateway, "split")] == [
            ("a", "blue 70 %, green 30 %"), ("b", "blue 70 %, green 30 %")]
        reply = post(gateway, "deploy?weight=100&model=b")
        assert reply.json() == {"models": {"b": {"blue": 0, "green": 100, "from": "admin"}}}
        assert get(gateway, "models/a/split").json() == now
        for query, status in (("", 400), ("?weight=101", 400), ("?weight=x", 400),
                              ("?weight=5&mode=b", 400), ("?weight=5&model=c", 404),
                              ("?weight=5&model=plain", 409)):
            assert post(gateway, "deploy" + query).status == status, query
        assert get(gateway, "models/a/split").json() == now


def test_without_any_green_target_there_is_nothing_to_deploy():
    with stage({"m": {"targets": [target("blue", "p")]}}) as (_, gateway):
        reply = post(gateway, "deploy?weight=5")
        assert (reply.status, reply.code) == (409, "conflict")


# ---- under load ----


def load(gateway, *options):
    return subprocess.Popen(
        [BUILD_DIR / "sluice-load", gateway.url, "-m", "m", "--quiet", "--json", "-",
         *map(str, options)], stdout=subprocess.PIPE, text=True)


def figures(process):
    out, _ = process.communicate(timeout=60)
    return json.loads(out)["targets"]["URL"]["sum"]


@pytest.mark.parametrize("green", [0, 5, 50, 95, 100])
def test_the_split_is_kept_to(green):
    requests = 10000
    with stage({"m": model(green)}, {"tokens": 1}, log={"access": False}) as (mocks, gateway):
        assert figures(load(gateway, "-c", 16, "-n", requests))["failed"] == 0
        got = mocks["green"].stats()["posts"]
        assert got + mocks["blue"].stats()["posts"] == requests
        sigma = math.sqrt(requests * green * (100 - green)) / 100
        assert abs(got - requests * green / 100) <= 5 * sigma


def test_flips_under_load_hold_for_the_very_next_request():
    flips = 40
    with stage(knobs={"tokens": 10, "interval": 20}, log={"access": False}) as (mocks, gateway):
        running = [load(gateway, "--rate", 50, "-c", 50, "-d", 6, "--stream", "--expect-tokens", 10),
                   load(gateway, "--rate", 100, "-c", 50, "-d", 6)]
        for i in range(flips):
            wanted = SIDES[(i + 1) % 2]
            before = mocks[wanted].stats()["posts"]
            assert split(gateway, 100 if wanted == "green" else 0).status == 200
            assert side(ask(gateway)) == wanted
            mocks[wanted].wait(requests_min=before + 5)  # the load has followed
        for process in running:
            assert figures(process)["failed"] == 0
        for mock in mocks.values():
            assert mock.stats()["cancelled"] == 0
        assert len(events(gateway, "split")) == flips
