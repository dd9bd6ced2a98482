"""sluice models --diff: what providers offer now, against what is configured."""

import json
import socket
import subprocess
import time

import pytest

import canaries
import sluice
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

PATH = "/admin/providers/models"


def gateway_of(mock, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock)},
        "models": {"m": {"targets": [target("mock", "tide"), target("mock", "wind", name="other")]},
                   "n-*": {"targets": [target("mock", "night-*")]}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        **settings})


def ask(gateway, key=canaries.ADMIN_KEY):
    return wire.ask(gateway, wire.get(PATH, key=key))


def diff(gateway, *words, key=canaries.ADMIN_KEY):
    done = sluice.run("models", "--diff", "--url", gateway.url, *words,
                      env={"SLUICE_ADMIN_KEY": key} if key else {})
    canaries.assert_none_in(done.stdout + done.stderr, "output")
    return done


def told(gateway):
    path = wire.get("/admin/events", key=canaries.ADMIN_KEY)
    return [event for event in wire.ask(gateway, path).json()["events"]
            if event["kind"] == "models_changed"]


def test_no_difference():
    with Mock() as mock, gateway_of(mock) as gateway:
        mock.set(models="wind,night-1,tide,night-2,tide")
        done = diff(gateway)
        assert (done.returncode, done.stdout) == (0, "mock: as configured\n")
        assert told(gateway) == []
        assert mock.log()[-1]["path"] == "/v1/models"


def test_new_and_gone():
    with Mock() as mock, gateway_of(mock) as gateway:
        mock.set(models="wind,zenith,moon")
        done = diff(gateway)
        assert done.returncode == 3
        assert done.stdout == "mock: 2 new, 1 gone\n  + moon\n  + zenith\n  - tide\n"
        answer = json.loads(diff(gateway, "--json").stdout)
        assert answer == ask(gateway).json() == {
            "providers": {"mock": {"problem": None, "offered": 3, "configured": 3,
                                   "new": ["moon", "zenith"], "gone": ["tide"]}},
            "differs": True, "complete": True}


def test_an_event_when_the_difference_is_another():
    with Mock() as mock, gateway_of(mock) as gateway:
        for models, events in (("tide,wind", 0), ("tide,wind,moon", 1), ("tide,wind,moon", 1),
                               ("moon,wind,tide", 1), ("tide", 2), ("tide,wind", 3),
                               ("tide,wind", 3)):
            mock.set(models=models)
            assert ask(gateway).status == 200
            assert len(told(gateway)) == events, models
        assert [(event["reason"], event["figures"], event["actor"]) for event in told(gateway)] == [
            ("provider mock offers new: moon", {"new": 1, "gone": 0}, "admin"),
            ("provider mock offers gone: wind", {"new": 0, "gone": 1}, "admin"),
            ("provider mock offers what is configured", {"new": 0, "gone": 0}, "admin")]
        gateway.event("models_changed", count=3)


def test_one_that_cannot_be_asked_is_no_difference_and_not_fine():
    with Mock() as mock, Mock() as other:
        providers = {"mock": openai_provider(mock), "other": openai_provider(other)}
        models = {"m": {"targets": [target("mock", "tide"), target("other", "sea")]}}
        with gateway_of(mock, providers=providers, models=models) as gateway:
            mock.set(models="tide")
            for fault, why in (("503", "does not answer with 200"), ("401", "refuses the key"),
                               ("reset-before-headers", "does not answer")):
                other.set(fault=fault)
                done = diff(gateway)
                assert done.returncode == 5
                assert "mock: as configured\n" in done.stdout
                assert f"other: not known: it {why}" in done.stdout
            mock.set(models="")
            assert diff(gateway).returncode == 3
            assert [event["reason"] for event in told(gateway)] == [
                "provider mock offers gone: tide"]


def test_lists_that_are_none():
    with Mock() as mock, gateway_of(mock) as gateway:
        mock.set(models=",".join(f"m{number}" for number in range(4001)))
        assert ask(gateway).json()["providers"]["mock"]["problem"] == "its list is too long"
        mock.set(models="bell\x07,sp ace," + "x" * 257 + ",moon,é")
        assert ask(gateway).json()["providers"]["mock"]["new"] == ["moon"]


def test_a_silent_one_keeps_nobody_waiting():
    """One that takes connections and says nothing: its ten seconds are its own."""
    with socket.create_server(("127.0.0.1", 0)) as silent, Mock(tokens=5) as mock:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        providers = {"mock": openai_provider(mock),
                     "silent": {**openai_provider(mock), "base_url": url}}
        with gateway_of(mock, providers=providers) as gateway:
            begun = time.monotonic()
            with subprocess.Popen(
                    [sluice.BINARY, "models", "--diff", "--url", gateway.url,
                     "--key", canaries.ADMIN_KEY],
                    stdout=subprocess.PIPE, text=True) as asking:
                with silent.accept()[0] as taken:
                    assert taken.recv(1000).startswith(b"GET /v1/models ")
                    assert wire.ask(gateway, wire.chat_request("m")).status == 200
                    assert time.monotonic() - begun < 5
                    said = asking.communicate(timeout=20)[0]
            assert 9 < time.monotonic() - begun < 13
            assert "silent: not known: it does not answer, or not in time" in said
            assert asking.returncode == 3


def test_a_client_that_leaves_takes_the_questions_along():
    with Mock() as mock, gateway_of(mock) as gateway:
        mock.set(fault="hold")
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            client.sendall(wire.get(PATH, key=canaries.ADMIN_KEY))
            mock.wait(requests_min=1)
        mock.wait(in_flight_max=0)
        mock.set(fault=None)
        assert ask(gateway).status == 200


def test_a_region_stands_for_all():
    with Mock() as mock:
        providers = {"many": {"kind": "openai", "keys": mock.keys, "regions": [
            {"name": "off", "base_url": "http://127.0.0.1:9/v1", "enabled": False},
            {"name": "on", "base_url": mock.url + "/v1"}]}}
        models = {"m": {"targets": [target("many", "tide")]}}
        with gateway_of(mock, providers=providers, models=models) as gateway:
            mock.set(models="tide")
            assert diff(gateway).stdout == "many: as configured\n"


def test_the_demo_and_what_is_off_are_fine():
    with Sluice(providers={"demo": {"kind": "demo"}, "off": {"kind": "openai", "keys": ["${NO_KEY:-}"]}},
                models={"demo": {"targets": [target("demo", "demo")]}},
                admin={"keys": [canaries.ADMIN_KEY]}) as gateway:
        done = diff(gateway)
        assert (done.returncode, done.stdout) == (0, "demo: as configured\n")


@pytest.mark.parametrize("key", [None, "wrong"])
def test_it_is_for_admins(key):
    with Mock() as mock, gateway_of(mock) as gateway:
        done = diff(gateway, key=key)
        assert done.returncode == 5 and "SLUICE_ADMIN_KEY" in done.stderr
        assert ask(gateway, key=key or "").status == 401
        assert mock.log() == []


def test_nobody_there():
    done = sluice.run("models", "--diff", "--url", "http://127.0.0.1:9")
    assert done.returncode == 5 and "no answer" in done.stderr
    assert sluice.run("models").returncode == 2
