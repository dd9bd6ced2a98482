"""The fault matrix, rows 35 and 38 with more than one key: what is wrong with one of them costs no
client anything. Each test bears the number of its row."""

import json

import canaries
import pytest
import wire
from ward import gateway_of
from sluice import openai_provider


@pytest.fixture
def two_keys(mocks, sick, well):
    """The sick provider has two keys."""
    own = sick.keys
    sick.keys = [*own, canaries.provider_key()]
    providers = {"sick": openai_provider(sick, keys=sick.keys), "well": openai_provider(well)}
    with gateway_of(mocks, 3, providers=providers) as gateway:
        yield gateway
    sick.check_keys()
    sick.reset()
    sick.keys = own


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", ["401", "403"])
def test_fault_38_the_next_key_answers(two_keys, sick, well, fault, stream):
    sick.set(fault=fault, fault_count=1)
    for attempts in "211":
        reply = wire.ask(two_keys, wire.chat_request("both", stream))
        assert (reply.status, reply["x-sluice-provider"]) == (200, "sick")
        assert reply["x-sluice-attempts"] == attempts
    seen = [record["headers"]["authorization"] for record in sick.log()]
    assert seen == [f"Bearer {sick.keys[at]}" for at in (0, 1, 1, 1)]
    assert two_keys.event("key")["state"] == "quarantined"
    told = two_keys.get("/admin/events", key=canaries.ADMIN_KEY)
    [alert] = [event for event in json.loads(told)["events"] if event["kind"] == "key"]
    assert (alert["target"], alert["from"], alert["to"]) == ("both:sick", "usable", "quarantined")
    assert alert["key"] and alert["key"] not in sick.keys[0][:12]


@pytest.mark.parametrize("form", ["seconds", "date", "ms", "huge", "quota"])
def test_fault_35_the_next_key_answers(two_keys, sick, form):
    sick.set(fault="429-" + form, fault_count=1)
    reply = wire.ask(two_keys, wire.chat_request("both"))
    assert (reply.status, reply["x-sluice-provider"]) == (200, "sick")
    assert reply["x-sluice-attempts"] == "2"
    seen = [record["headers"]["authorization"] for record in sick.log()]
    assert seen == [f"Bearer {key}" for key in sick.keys]


@pytest.mark.parametrize("form", ["negative", "garbage", "none"])
def test_fault_35_without_a_time_another_target_answers(two_keys, sick, form):
    sick.set(fault="429-" + form, fault_count=1)
    reply = wire.ask(two_keys, wire.chat_request("both"))
    assert (reply.status, reply["x-sluice-provider"]) == (200, "well")


@pytest.mark.parametrize("form", ["seconds", "date", "ms", "huge", "quota"])
def test_fault_35_a_target_that_asked_to_be_left_alone_is(two_keys, sick, form):
    sick.set(fault="429-" + form, fault_count=2)
    assert wire.ask(two_keys, wire.chat_request("both"))["x-sluice-provider"] == "well"
    asked = sick.stats()["requests"]
    reply = wire.ask(two_keys, wire.chat_request("both"))
    if form != "ms":  # whose time may be over
        assert (reply["x-sluice-provider"], sick.stats()["requests"]) == ("well", asked)
    assert reply.status == 200
