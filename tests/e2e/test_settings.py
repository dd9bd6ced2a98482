"""GET, PUT /v1/config/{environment}: what a pipeline changes, whole or not at all."""

import json

import canaries
import pytest
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target


@pytest.fixture(scope="module")
def mock():
    with Mock(tokens=5) as mock:
        yield mock


def gateway_of(mock, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock)},
        "models": {"m": {"targets": [target("mock", "a")]}, "n": {"targets": [target("mock", "b")]}},
        "default_model": "m",
        "client_keys": [
            {"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)},
            {"name": "pipeline", "hash": canaries.hash_of(canaries.OTHER_KEY), "admin": True}],
        "admin": {"keys": [canaries.ADMIN_KEY]},
        **settings})


def put(gateway, body, environment="production", key=canaries.ADMIN_KEY):
    return wire.ask(gateway, wire.put(f"/v1/config/{environment}", json.dumps(body).encode(), key=key))


def get(gateway, environment="production", key=canaries.ADMIN_KEY):
    return wire.ask(gateway, wire.get(f"/v1/config/{environment}", key=key))


def ask_default(gateway):
    body = json.dumps({"messages": [{"role": "user", "content": "x"}]}).encode()
    return wire.ask(gateway, wire.post("/v1/chat/completions", body))


def test_the_next_request_follows_it(mock):
    with gateway_of(mock) as gateway:
        assert ask_default(gateway)["x-sluice-model"] == "m"
        reply = put(gateway, {"default_model": "n", "rate_limit": 600, "timeout_ms": 30000})
        assert reply.status == 200, reply.body
        said = reply.json()
        assert (said["default_model"], said["rate_limit"], said["timeout_ms"]) == ("n", 600, 30000)
        answer = ask_default(gateway)
        assert answer["x-sluice-model"] == "n"
        assert answer["x-ratelimit-limit-requests"] == "600"
        assert get(gateway).json() == said
        event = wire.ask(gateway, wire.get("/admin/events", key=canaries.ADMIN_KEY)).json()["events"][-1]
        assert (event["kind"], event["actor"]) == ("change", "admin")


def test_a_client_key_with_admin_may_others_may_not(mock):
    with gateway_of(mock) as gateway:
        assert put(gateway, {"timeout_ms": 5000}, key=canaries.OTHER_KEY).status == 200
        assert get(gateway, key=canaries.OTHER_KEY).json()["timeout_ms"] == 5000
        assert put(gateway, {"timeout_ms": 6000}, key=canaries.CLIENT_KEY).status == 401
        assert get(gateway, key=canaries.CLIENT_KEY).status == 401
        assert get(gateway).json()["timeout_ms"] == 5000


def test_another_environment_is_refused_by_name(mock):
    with gateway_of(mock, environment="staging") as gateway:
        reply = get(gateway)
        assert reply.status == 404 and "`staging`" in reply.json()["error"]["message"]
        assert get(gateway, "staging").status == 200


@pytest.mark.parametrize("body,says", [
    ({"default_model": "x", "timeout_ms": 1}, '"x"'), ({"default_model": 5}, "default_model"),
    ({"rate_limit": -1}, "rate_limit"), ({"rate_limit": "many"}, "rate_limit"),
    ({"timeout_ms": 1e12, "default_model": "n"}, "timeout_ms"), ({"colour": 1}, "colour"), ([], "object"), ({}, "object"),
])
def test_what_is_wrong_changes_nothing(mock, body, says):
    with gateway_of(mock) as gateway:
        before = get(gateway).json()
        reply = put(gateway, body)
        assert reply.status == 400 and says in reply.json()["error"]["message"], reply.body
        assert get(gateway).json() == before
        assert ask_default(gateway)["x-sluice-model"] == "m"


def test_it_survives_a_kill_until_the_file_says_otherwise(mock, tmp_path):
    with gateway_of(mock, state={"path": str(tmp_path / "state")}) as gateway:
        assert put(gateway, {"default_model": "n", "timeout_ms": 7000}).status == 200
        gateway.kill()
        gateway.start()
        said = get(gateway).json()
        assert (said["default_model"], said["timeout_ms"]) == ("n", 7000)
        gateway.reload(timeouts={"total": "9s"})
        said = get(gateway).json()
        assert (said["default_model"], said["timeout_ms"]) == ("n", 9000)
