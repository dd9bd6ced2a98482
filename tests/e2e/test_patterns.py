"""Models whose names end in a star."""

import hashlib

import pytest

import canaries
import prometheus
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

MODELS = {
    "first/*": {"targets": [target("one", "*")], "aliases": ["1st/*"]},
    "gpt-4*": {"targets": [{"provider": "one"}]},
    "gpt-4-exact": {"targets": [target("two", "exact")]},
    "fast-*": {"targets": [target("one", "*-awq")], "fallbacks": ["gpt-4-exact"]},
    "gpt-4-big*": {"targets": [target("two", "huge")]},
}
KEYS = [{"name": "all", "hash": "sha256:" + hashlib.sha256(canaries.CLIENT_KEY.encode()).hexdigest()},
        {"name": "few", "hash": "sha256:" + hashlib.sha256(b"few").hexdigest(),
         "models": ["first/a*", "gpt-4-exact"]}]


@pytest.fixture(scope="module")
def house():
    with Mock(tokens=5, name="one") as one, Mock(tokens=5, name="two") as two:
        providers = {"one": openai_provider(one), "two": openai_provider(two)}
        with Sluice(providers=providers, models=MODELS, models_only=True, client_keys=KEYS,
                    circuit_breaker={"enabled": False}, retry={"initial_delay_ms": 1}) as gateway:
            yield gateway, one, two


@pytest.fixture
def gateway(house):
    for mock in house[1:]:
        mock.set(fault=None)
        mock.reset()
    return house[0]


@pytest.mark.parametrize("asked, called, listed", [
    ("first/a/b:c", "a/b:c", "first/*:one"),
    ("1st/x", "x", "first/*:one"),
    ("gpt-4-turbo", "gpt-4-turbo", "gpt-4*:one"),
    ("gpt-4", "gpt-4", "gpt-4*:one"),
    ("fast-llama", "llama-awq", "fast-*:one"),
])
def test_the_provider_is_asked_for_what_the_star_stands_for(house, gateway, asked, called, listed):
    reply = wire.ask(gateway, wire.chat_request(asked))
    assert (reply.status, reply["x-sluice-model"], reply["x-sluice-target"]) == (200, asked, listed)
    assert [call["model"] for call in house[1].log()] == [called]


@pytest.mark.parametrize("asked, called", [("gpt-4-exact", "exact"), ("gpt-4-bigger", "huge")])
def test_exact_names_and_longer_patterns_come_first(house, gateway, asked, called):
    assert wire.ask(gateway, wire.chat_request(asked)).status == 200
    assert [call["model"] for call in house[2].log()] == [called]


@pytest.mark.parametrize("asked", ["first/*", "first/", "first", "slow-x"])
def test_what_fits_no_pattern_is_not_found(gateway, asked):
    reply = wire.ask(gateway, wire.chat_request(asked))
    assert (reply.status, reply.code) == (404, "model_not_found")


def test_another_model_may_stand_in(house, gateway):
    house[1].set(fault="503")
    reply = wire.ask(gateway, wire.chat_request("fast-llama"))
    assert (reply.status, reply["x-sluice-model"], reply["x-sluice-fallback"]) == (200, "gpt-4-exact", "1")


def test_however_many_names_make_one_label(gateway):
    for number in range(30):
        assert wire.ask(gateway, wire.chat_request(f"first/n{number}")).status == 200
    text = gateway.get("/metrics")
    assert "first/n" not in text
    assert prometheus.total(prometheus.parse(text), "sluice_requests_total", model="first/*") >= 30


def test_a_key_is_held_to_the_name_that_it_asks_for(gateway):
    for asked, status in (("first/abc", 200), ("first/b", 403), ("gpt-4-exact", 200), ("gpt-4o", 403)):
        assert wire.ask(gateway, wire.chat_request(asked, key="few")).status == status


def test_the_list_of_models_shows_patterns_as_they_are(gateway):
    def models(path, key=canaries.CLIENT_KEY):
        return wire.ask(gateway, wire.get("/v1/models" + path, key=key))
    assert [model["id"] for model in models("").json()["data"]] == list(MODELS)
    assert models("/first/*").json()["id"] == "first/*"
    assert models("/first/abc").json()["id"] == "first/abc"
    assert models("/first/abc").json()["owned_by"] == "one"
    assert models("/first/abc", key="few").status == 200
    assert models("/first/b", key="few").status == 404
    assert models("/slow-x").status == 404


def test_a_probe_names_no_pattern():
    """With `prompt: true` it asks for a model that has a name, and without any as if it were false."""
    starred = {"any/*": {"targets": [target("one", "*")]}}
    with Mock(tokens=5) as one:
        providers = {"one": {**openai_provider(one), "health": {"prompt": True}}}
        with Sluice(providers=providers, models=starred, health={"interval": "50ms"}) as gateway:
            one.wait(requests_min=3)
            assert {(call["method"], call["path"]) for call in one.log()} == {("GET", "/v1/models")}
            gateway.reload(models={**starred, "m": {"targets": [target("one", "b")]}})
            one.reset()
            one.wait(requests_min=3)
            assert one.log()[-1]["model"] == "b"
