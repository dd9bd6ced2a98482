"""What a client and the configuration say about who answers."""

import json

import pytest

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

MODELS = {
    "small": {"targets": [target("first", "a")], "fallbacks": ["large"]},
    "large": {"targets": [target("second", "b")]},
    "short": {"targets": [target("first", "a")], "fallback_on": {"rate_limit": ["large"]}},
    "auto": {"tasks": {"simple": "small", "advanced": "large"}, "default_task": "advanced"},
}


@pytest.fixture(scope="module")
def house():
    with Mock(tokens=5, name="first") as first, Mock(tokens=5, name="second") as second:
        providers = {"first": openai_provider(first), "second": openai_provider(second)}
        with Sluice(providers=providers, models=MODELS,
                    admin={"keys": [canaries.ADMIN_KEY]}, circuit_breaker={"enabled": False},
                    retry={"max_attempts": 2, "initial_delay_ms": 1}) as gateway:
            yield gateway, first


@pytest.fixture
def gateway(house):
    house[0].forget_keys()
    return house[0]


@pytest.fixture
def first(house):
    house[1].set(fault=None)
    house[1].reset()
    return house[1]


@pytest.mark.parametrize("headers, metadata, model", [
    ("X-Sluice-Task: simple\r\n", None, "small"),
    ("X-Sluice-Task: advanced\r\n", {"task": "simple"}, "large"),
    ("", {"task": "simple"}, "small"),
    ("", None, "large"),
])
def test_the_task_chooses_the_model(gateway, first, headers, metadata, model):
    more = {"metadata": metadata} if metadata else {}
    reply = wire.ask(gateway, wire.chat_request("auto", headers=headers, **more))
    assert (reply.status, reply["x-sluice-model"]) == (200, model)
    assert reply["x-sluice-fallback"] is None


@pytest.mark.parametrize("header, allowed", [
    ("X-Sluice-Task: hard", "simple, standard, advanced"),
    ("X-Sluice-Task: standard", "simple, advanced"),
    ("X-Sluice-Timeout-Ms: soon", "a whole number from 1"),
    ("X-Sluice-No-Fallback: maybe", "1"),
])
def test_an_invalid_header_is_named_with_its_values(gateway, first, header, allowed):
    reply = wire.ask(gateway, wire.chat_request("auto", headers=header + "\r\n"))
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"]) == (400, "invalid_value")
    assert header.split(":")[0] in error["message"]
    assert f"allowed: {allowed}" in error["message"]


def test_a_virtual_model_is_listed(gateway):
    listed = json.loads(gateway.get("/v1/models"))["data"]
    assert [model["owned_by"] for model in listed if model["id"] == "auto"] == ["sluice"]


def test_a_client_may_refuse_other_models(gateway, first):
    first.set(fault="503")
    reply = wire.ask(gateway, wire.chat_request("small"))
    assert (reply.status, reply["x-sluice-model"]) == (200, "large")
    reply = wire.ask(gateway, wire.chat_request("small", headers="X-Sluice-No-Fallback: 1\r\n"))
    assert (reply.status, reply["x-sluice-model"]) == (503, "small")


def test_the_error_decides_who_stands_in(gateway, first):
    first.set(fault="429-seconds")
    reply = wire.ask(gateway, wire.chat_request("short"))
    assert (reply.status, reply["x-sluice-model"]) == (200, "large")
    first.set(fault="503")
    gateway.forget_keys()  # the limit
    reply = wire.ask(gateway, wire.chat_request("short"))
    assert (reply.status, reply["x-sluice-attempts"]) == (503, "2")


def test_an_outage_is_not_amplified(first):
    """Everybody fails; five attempts a request are allowed, and the budget lets few have them."""
    requests = 1000
    first.set(fault="503")
    with Sluice(providers={"first": openai_provider(first)}, circuit_breaker={"enabled": False},
                models={"lonely": {"targets": [target("first", "a")]}},
                retry={"max_attempts": 5, "initial_delay_ms": 0}) as gateway, \
            wire.Wire(gateway) as peer:
        for _ in range(requests):
            assert peer.ask(wire.chat_request("lonely")).status == 503
    assert 1.1 * requests < first.stats()["requests"] <= 1.3 * requests


def test_a_client_may_be_in_a_hurry(gateway, first):
    first.set(fault="stall-before-headers")
    reply = wire.ask(gateway, wire.chat_request("small", headers="X-Sluice-Timeout-Ms: 100\r\n"))
    assert reply.status == 504
    assert json.loads(reply.body)["error"]["code"] == "deadline_exceeded"
