"""What a caller, and a model, may have; and what those hear who want more."""

import json
import random
import threading
import time

import openai
import pytest

import canaries
import wire
from asked import sdk
from mock import Mock
from sluice import PATIENCE_S, Sluice, openai_provider, target


def keys(team=None, guest=None):
    return [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY), **(team or {})},
            {"name": "guest", "hash": canaries.hash_of(canaries.OTHER_KEY), **(guest or {})}]


def gateway_of(mock, model=None, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock)},
        "models": {"m": {"targets": [target("mock", "gpt-4.1")],
                         "cost_per_mtok": {"input": 0, "output": 1000}, **(model or {})},
                   "free": {"targets": [target("mock", "free")]},
                   "held": {"targets": [target("mock", "fault:hold-mid-stream")]}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        **settings})


@pytest.fixture
def mock():
    with Mock(tokens=5) as mock:
        yield mock


def ask(gateway, model="m", key=canaries.CLIENT_KEY, **more):
    return wire.ask(gateway, wire.chat_request(model, key=key, **more))


def limits_of(gateway, key=canaries.CLIENT_KEY):
    """{name: figures} of GET /v1/rate-limit."""
    reply = wire.ask(gateway, wire.get("/v1/rate-limit", key=key))
    assert reply.status == 200, reply.body
    return {limit.pop("name"): limit for limit in reply.json()["limits"]}


def status_of(gateway):
    return wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()["rate_limits"]


def refused(gateway, key="team", limit="requests"):
    return gateway.metric("sluice_rate_limited_total", key=key, limit=limit)


def headers_of(reply):
    return {name: value for name, value in reply.headers.items() if name.startswith("x-ratelimit")}


def test_a_burst_then_429_with_everything_that_a_client_needs(mock):
    with gateway_of(mock, client_keys=keys({"requests_per_minute": 6, "burst_size": 5,
                                            "tokens_per_minute": 60000})) as gateway:
        for left in (4, 3, 2, 1, 0):
            reply = ask(gateway)
            assert reply.status == 200
            assert reply["x-ratelimit-remaining-requests"] == str(left)
        assert headers_of(reply).keys() == {
            f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset")
            for of in ("requests", "tokens")}
        assert (reply["x-ratelimit-limit-requests"], reply["x-ratelimit-limit-tokens"]) == (
            "6", "60000")
        assert reply["x-ratelimit-reset-requests"].startswith(("49.", "50s"))

        reply = ask(gateway, stream=True)
        assert (reply.status, reply["content-type"]) == (429, "application/json")
        assert 5 <= int(reply["retry-after"]) <= 10
        assert reply.error == {
            "message": "Too many requests: `team` may make 6 a minute. Try again in "
                       f"{reply['retry-after']} s.",
            "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
        assert reply["x-ratelimit-remaining-requests"] == "0"
        assert reply["x-should-retry"] is None
        assert len(mock.log()) == 5
        assert refused(gateway) == 1
        line = gateway.access_log(6)[-1]
        assert (line["status"], line["error"], line["outcome"], line["attempts"]) == (
            429, "rate_limit_exceeded", "refused", 0)


def test_the_rate_is_held_to_the_request(mock):
    """A client that asks as fast as it can gets the burst and the rate, and no request more."""
    with gateway_of(mock, rate_limiting={"requests_per_minute": 3000, "burst_size": 20}) as gateway:
        with wire.Wire(gateway) as connection:
            statuses = []
            start = time.monotonic()
            while time.monotonic() < start + 2:
                statuses.append(connection.ask(wire.chat_request("m")).status)
            elapsed = time.monotonic() - start
        assert set(statuses) == {200, 429}
        assert 20 + 2 * 50 - 2 <= statuses.count(200) <= 20 + elapsed * 50 + 1
        assert len(mock.log()) == statuses.count(200)


def test_the_sdk_waits_as_long_as_it_is_told(mock):
    limits = {"requests_per_minute": 60, "burst_size": 1}
    with gateway_of(mock, client_keys=keys(limits)) as gateway:
        with sdk(gateway.url, max_retries=1) as client:
            messages = [{"role": "user", "content": "hi"}]
            client.chat.completions.create(model="m", messages=messages)
            start = time.monotonic()
            client.chat.completions.create(model="m", messages=messages)
            assert 0.9 < time.monotonic() - start < 5
        assert refused(gateway) == 1
        assert len(mock.log()) == 2
        with sdk(gateway.url) as client, pytest.raises(openai.RateLimitError) as caught:
            for _ in range(2):
                client.chat.completions.create(model="m", messages=messages)
        assert caught.value.code == "rate_limit_exceeded"
        assert caught.value.response.headers["retry-after"] == "1"


def test_a_spent_budget_stops_the_sdk_at_once(mock):
    """An answer of five tokens costs half a cent."""
    budget = {"budget_usd_per_day": 0.012}
    with gateway_of(mock, client_keys=keys(budget)) as gateway:
        messages = [{"role": "user", "content": "hi"}]
        with sdk(gateway.url, max_retries=2) as client:
            for count in (1, 2, 3):  # 0.005 each: the third begins with 0.002 left
                client.chat.completions.create(model="m", messages=messages)
                gateway.access_log(count)
            with pytest.raises(openai.RateLimitError) as caught:
                client.chat.completions.create(model="m", messages=messages)
        assert caught.value.code == "insufficient_quota"
        assert caught.value.type == "insufficient_quota"
        assert 0 < int(caught.value.response.headers["retry-after"]) <= 86400
        assert refused(gateway, limit="budget") == 1  # it did not try again
        budget = limits_of(gateway)["budget_usd"]
        reset = budget.pop("reset_seconds")
        assert budget == {"limit": 0.012, "burst": 0.012, "window_seconds": 86400, "used": 0.015,
                          "remaining": 0}
        assert 0 < reset <= 86400
        assert gateway.metric("sluice_cost_usd_total", key="team") == pytest.approx(0.015)
        assert ask(gateway, key=canaries.OTHER_KEY).status == 200


def test_one_key_does_not_disturb_another(mock):
    limits = {"requests_per_minute": 60, "burst_size": 2, "concurrent_requests": 1}
    with gateway_of(mock, client_keys=keys(limits, {"requests_per_minute": 6000,
                                                    "concurrent_requests": 1})) as gateway:
        over = threading.Event()
        seen = []

        def hammer():
            with wire.Wire(gateway) as connection:
                while not over.is_set():
                    seen.append(connection.ask(wire.chat_request("m")).status)

        threads = [threading.Thread(target=hammer) for _ in range(4)]
        for thread in threads:
            thread.start()
        with wire.Wire(gateway) as connection:
            calm = [connection.ask(wire.chat_request("m", key=canaries.OTHER_KEY)).status
                    for _ in range(200)]
        over.set()
        for thread in threads:
            thread.join()
        assert set(calm) == {200}
        assert seen.count(429) > seen.count(200)
        assert refused(gateway, key="guest") == 0


def test_tokens_are_charged_when_they_are_known(mock):
    with gateway_of(mock, client_keys=keys({"tokens_per_minute": 60})) as gateway:
        reply = ask(gateway, stream=True, max_tokens=50, messages=[
            {"role": "user", "content": "x" * 400}])
        assert reply.status == 200
        assert reply["x-ratelimit-remaining-tokens"] == "60"
        used = gateway.access_log(1)[0]["tokens"]
        used = used["input"] + used["output"]
        assert used > 100
        reply = ask(gateway)
        assert reply.status == 429
        assert "Too many tokens: `team` may use 60 a minute." in reply.error["message"]
        assert used - 62 <= int(reply["retry-after"]) <= used - 58  # one token a second
        assert reply["x-ratelimit-remaining-tokens"] == "0"
        assert reply["x-ratelimit-reset-tokens"].startswith("1m")
        tokens = limits_of(gateway)["tokens"]
        assert used - 3 <= tokens["used"] <= used
        assert ask(gateway, key=canaries.OTHER_KEY).status == 200
        assert refused(gateway, limit="tokens") == 1


def test_a_model_is_limited_for_all_callers_together(mock):
    with gateway_of(mock, model={"requests_per_minute": 20}, client_keys=keys()) as gateway:
        assert ask(gateway).status == 200
        assert ask(gateway, key=canaries.OTHER_KEY).status == 200
        reply = ask(gateway)
        assert reply.status == 429
        assert reply.error["message"].startswith(
            "Too many requests: all callers of `m` may make 20 a minute. Try again in ")
        assert headers_of(reply) == {}
        assert ask(gateway, model="free").status == 200
        requests = status_of(gateway)["models"]["m"][0]
        assert (requests["limit"], requests["burst"], requests["used"]) == (20, 2, 2)
        assert (refused(gateway), refused(gateway, key="guest")) == (1, 0)


def wait_for_slots(gateway, used):
    deadline = time.monotonic() + PATIENCE_S
    while (seen := limits_of(gateway)["concurrent_requests"])["used"] != used:
        assert time.monotonic() < deadline, seen
    return seen


def test_slots_come_back_whenever_a_client_leaves(mock):
    mock.set(tokens=50, interval_ms=1)
    dice = random.Random(5)
    with gateway_of(mock, client_keys=keys({"concurrent_requests": 4})) as gateway:
        for _ in range(150):
            connection = wire.Wire(gateway)
            request = wire.chat_request("m", stream=True)
            connection.send(request[:dice.choice([10, len(request) - 5, len(request)])])
            if dice.random() < 0.3:
                connection.socket.settimeout(dice.random() / 50)
                try:
                    connection.socket.recv(dice.choice([1, 4000]))
                except TimeoutError:
                    pass
            if dice.random() < 0.5:
                connection.reset()
            else:
                connection.close()
        wait_for_slots(gateway, 0)
        held = [wire.Wire(gateway) for _ in range(5)]
        for connection in held[:4]:
            connection.send(wire.chat_request("held", stream=True))
            assert connection.head()[0] == 200
        assert wait_for_slots(gateway, 4)["remaining"] == 0
        reply = held[4].ask(wire.chat_request("held", stream=True))
        assert (reply.status, reply["retry-after"]) == (429, "1")
        assert "may have 4 running" in reply.error["message"]
        held[0].reset()
        wait_for_slots(gateway, 3)
        assert held[4].ask(wire.chat_request("m")).status == 200
        for connection in held[1:]:
            connection.close()
        wait_for_slots(gateway, 0)


def test_a_client_with_one_slot_may_ask_one_after_the_other(mock):
    """The slot is free before the client can have read the end of its answer."""
    with gateway_of(mock, rate_limiting={"concurrent_requests": 1}) as gateway:
        with wire.Wire(gateway) as connection:
            for number in range(300):
                request = wire.chat_request("m", stream=number % 2 == 0)
                assert connection.ask(request).status == 200


def test_a_reload_changes_the_numbers_and_keeps_the_bucket(mock):
    with gateway_of(mock, rate_limiting={"requests_per_minute": 6, "burst_size": 3}) as gateway:
        for _ in range(3):
            assert ask(gateway).status == 200
        assert ask(gateway).status == 429
        gateway.reload(rate_limiting={"requests_per_minute": 12, "burst_size": 30})
        reply = ask(gateway)
        assert (reply.status, reply["x-ratelimit-limit-requests"]) == (429, "12")
        gateway.reload(rate_limiting={})
        reply = ask(gateway)
        assert (reply.status, headers_of(reply)) == (200, {})
        gateway.reload(rate_limiting={"requests_per_minute": 12, "burst_size": 30})
        assert ask(gateway).status == 429


def test_the_view_of_a_client(mock):
    limits = {"requests_per_minute": 6, "burst_size": 2, "tokens_per_minute": 600,
              "concurrent_requests": 7}
    with gateway_of(mock, client_keys=keys(limits)) as gateway:
        assert ask(gateway).status == 200
        tokens = gateway.access_log(1)[0]["tokens"]
        used = tokens["input"] + tokens["output"]
        reply = wire.ask(gateway, wire.get("/v1/rate-limit", key=canaries.CLIENT_KEY)).json()
        resets = [limit.pop("reset_seconds") for limit in reply["limits"]]
        assert 5 < resets[0] <= 10 and resets[1] <= used / 10 and resets[2] == 0
        assert used - 3 <= reply["limits"][1]["used"] <= used
        reply["limits"][1]["used"] = used
        reply["limits"][1]["remaining"] = 600 - used
        assert reply == {"key": "team", "limits": [
            {"name": "requests", "limit": 6, "burst": 2, "window_seconds": 60, "used": 1,
             "remaining": 1},
            {"name": "tokens", "limit": 600, "burst": 600, "window_seconds": 60, "used": used,
             "remaining": 600 - used},
            {"name": "concurrent_requests", "limit": 7, "burst": 7, "window_seconds": 0,
             "used": 0, "remaining": 7}]}
        guest = wire.ask(gateway, wire.get("/v1/rate-limit", key=canaries.OTHER_KEY))
        assert guest.json() == {"key": "guest", "limits": []}
        assert wire.ask(gateway, wire.get("/v1/rate-limit")).code == "invalid_api_key"
        status = status_of(gateway)
        assert list(status["keys"]) == ["team"] and status["keys_left_out"] == 0
        assert [limit["name"] for limit in status["keys"]["team"]] == [
            "requests", "tokens", "concurrent_requests"]
        assert json.dumps(status).count("remaining") == 3
