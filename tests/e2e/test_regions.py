"""One provider in several regions: each is a target of its own."""

import concurrent.futures
import time

import pytest

import canaries
import wire
from mock import Mock
from sluice import PATIENCE_S, Sluice, run, target

KEYS = [canaries.PROVIDER_KEY]  # regions are of one provider: each of them may see its keys
MODELS = {"m": {"targets": [target("far", "a")]}}


@pytest.fixture
def us():
    with Mock(tokens=5, name="us") as mock:
        mock.keys = KEYS
        yield mock


@pytest.fixture
def eu():
    with Mock(tokens=5, name="eu") as mock:
        mock.keys = KEYS
        yield mock


def region(name, mock, **more):
    return {"name": name, "base_url": mock.url + "/v1", **more}


def far(*regions, **more):
    return {"kind": "openai", "keys": KEYS, "regions": list(regions), **more}


def gateway_of(provider, **settings):
    return Sluice(**{"providers": {"far": provider}, "models": MODELS,
                     "admin": {"keys": [canaries.ADMIN_KEY]}, **settings})


def ask(gateway, model="m"):
    reply = wire.ask(gateway, wire.chat_request(model))
    assert reply.status == 200, reply.body
    return reply


def rows(gateway):
    status = wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()
    return {row["id"]: row for row in status["models"]["m"]["targets"]}


def wait_for(gateway, wanted, what):
    deadline = time.monotonic() + PATIENCE_S
    while not wanted(seen := rows(gateway)):
        assert time.monotonic() < deadline, f"not {what}: {seen}"
    return seen


def test_regions_share_by_their_weights(us, eu):
    """300 : 100, within five standard deviations of 400 requests."""
    provider = far(region("us", us, weight=300), region("eu", eu, weight=100))
    with gateway_of(provider) as gateway:
        told = [ask(gateway)["x-sluice-target"] for _ in range(400)]
        assert set(told) == {"m:far@us", "m:far@eu"}
        assert abs(told.count("m:far@us") - 300) <= 43
        assert len(us.log()) == told.count("m:far@us")
        assert gateway.metric("sluice_attempts_total", target="m:far@eu", outcome="ok") == len(eu.log())


def test_a_target_weighs_the_same_with_regions(us, eu):
    with Mock(tokens=5, name="near") as near:
        providers = {"far": far(region("us", us), region("eu", eu)),
                     "near": {**far(region("one", near)), "keys": near.keys}}
        models = {"m": {"targets": [target("far", "a", weight=25), target("near", "a", weight=75)]}}
        with gateway_of(None, providers=providers, models=models) as gateway:
            told = [ask(gateway)["x-sluice-provider"] for _ in range(400)]
            assert abs(told.count("near") - 300) <= 43
            seen = rows(gateway)
            assert seen["m:far@us"]["effective_weight"] == 12.5
            assert seen["m:near@one"]["effective_weight"] == 75


def test_nobody_notices_when_a_region_is_gone(us, eu):
    """kill -9 of one among requests: the other answers them, inside the same request."""
    with gateway_of(far(region("us", us), region("eu", eu))) as gateway:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            first = [pool.submit(ask, gateway) for _ in range(100)]
            us.wait(requests_min=10)
            us.kill()
            second = [pool.submit(ask, gateway) for _ in range(200)]
            replies = [waited.result() for waited in first + second]
        assert {reply.status for reply in replies} == {200}
        assert any(reply["x-sluice-attempts"] == "2" for reply in replies)
        assert all(reply["x-sluice-target"] == "m:far@eu" for reply in replies[-50:])
        seen = rows(gateway)
        assert (seen["m:far@us"]["breaker"], seen["m:far@us"]["effective_weight"]) == ("open", 0)
        assert (seen["m:far@eu"]["breaker"], seen["m:far@eu"]["effective_weight"]) == ("closed", 50)
        gateway.event("breaker", target="m:far@us", state="open")


def test_each_region_is_probed(us, eu):
    health = {"interval": "100ms", "slow_start": "1s"}
    with gateway_of(far(region("us", us, weight=3), region("eu", eu, weight=1)), health=health) as gateway:
        for mock in (us, eu):
            mock.wait(requests_min=3)
            assert {(call["method"], call["path"]) for call in mock.log()} == {("GET", "/v1/models")}
        seen = rows(gateway)
        assert list(seen) == ["m:far@us", "m:far@eu"]
        assert [row["region"] for row in seen.values()] == ["us", "eu"]
        assert [row["share"] for row in seen.values()] == [0.75, 0.25]
        assert [row["effective_weight"] for row in seen.values()] == [75, 25]
        assert all(row["last_probe"]["good"] for row in seen.values())
        us.kill()
        low = wait_for(gateway, lambda t: t["m:far@us"]["effective_weight"] <= 1, "low")
        assert low["m:far@eu"]["effective_weight"] == 25
        assert gateway.event("probe_failed", provider="far")["region"] == "us"
        assert gateway.metric("sluice_target_health", target="m:far@eu") == 1
        us.start()
        wait_for(gateway, lambda t: t["m:far@us"]["effective_weight"] == 75, "back")


def test_a_model_that_nobody_listed_is_asked_for_in_every_region(us, eu):
    with gateway_of(far(region("us", us), region("eu", eu))) as gateway:
        told = {ask(gateway, "far/other")["x-sluice-target"] for _ in range(60)}
        assert told == {"far:*@us", "far:*@eu"}
        us.kill()
        for _ in range(20):
            ask(gateway, "far/other")


def test_a_region_is_turned_off_and_on_by_a_reload(us, eu):
    """Probes follow as well."""
    one, off = region("us", us), region("eu", eu, enabled=False)
    health = {"interval": "100ms"}
    with gateway_of(far(one, off), health=health) as gateway:
        us.wait(requests_min=2)
        assert {ask(gateway)["x-sluice-target"] for _ in range(30)} == {"m:far@us"}
        assert list(rows(gateway)) == ["m:far@us"]
        assert eu.log() == []
        gateway.reload(providers={"far": far(one, {**off, "enabled": True})})
        eu.wait(requests_min=2)
        assert {ask(gateway)["x-sluice-target"] for _ in range(60)} == {"m:far@us", "m:far@eu"}
        gateway.reload(providers={"far": far({**one, "enabled": False}, {**off, "enabled": True})})
        assert {ask(gateway)["x-sluice-target"] for _ in range(30)} == {"m:far@eu"}
        assert wire.ask(gateway, wire.get("/ready")).status == 200


def test_the_printed_configuration_reads_back(us, eu, tmp_path):
    with gateway_of(far(region("us", us, weight=3), region("eu", eu, enabled=False))) as gateway:
        printed = run("config", "-c", str(gateway.file))
        assert printed.returncode == 0, printed.stderr
        again = tmp_path / "again.yaml"
        again.write_text(printed.stdout)
        assert "name: us" in printed.stdout and "@" not in printed.stdout.split("models:")[1]
        assert run("config", "-c", str(again)).stdout == printed.stdout
