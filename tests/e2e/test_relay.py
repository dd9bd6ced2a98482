"""What reaches the provider is what the client sent, and what comes back is what it said: byte for
byte but for the model's name and the usage that the gateway asks for."""

import json

import pytest

import asked
import canaries
import wire
from wire import Wire

BODY = (b'{ "messages" : [{"role":"user","content":'
        b'"\\u6f6e na\xc3\xafve \xf0\x9f\x8c\x8a \\/ \\ud83c\\udf0a"}],\n'
        b'\t"temperature":1.0,"top_p":0.10,"seed":9007199254740993,"x":1E+2,"y":-0.0,"z":1e-7,'
        b'"vendor":{"b":[1,2,{}],"a":null},"model":"%s","n":1 , "dup":1,"dup":2}\r\n')


def received(mock):
    """The body that the mock got, as text."""
    mock.wait(requests_min=1)
    return mock.log()[-1]["body"]


@pytest.mark.parametrize("sent, arrives", [
    ("plain-name", "plain-name"),       # goes to the default provider, whole
    ("tide", "gpt-4.1"),                # listed
    ("ebb", "gpt-4.1"),                 # an alias
    ("harbour/ebb", "gpt-4.1"),         # an alias with a slash
    ("meta/llama-3:free", "llama"),     # a listed name with a slash
    ("other/a/b:c", "a/b:c"),           # a provider and a name, slashes and all
    ("nobody/x", "nobody/x"),           # not a provider: a name
    ("m\\u0065ta/llama-3:free", "llama"),
], ids=str)
def test_only_the_model_name_changes(gateway, mock, sent, arrives):
    body = BODY % sent.encode()
    reply = wire.ask(gateway, wire.chat_request("", body=body))
    assert reply.status == 200, reply.body
    assert received(mock) == body.decode().replace(f'"{sent}"', f'"{arrives}"')


def test_a_stream_asks_for_usage_and_changes_nothing_else(gateway, mock):
    body = b'{"stream":true, "model":"m","top_p":0.50,"messages":[{"role":"user","content":"a"}]}'
    wire.ask(gateway, wire.chat_request("", body=body))
    got = received(mock)
    assert json.loads(got) == {**json.loads(body), "stream_options": {"include_usage": True}}
    assert got.replace('"stream_options":{"include_usage":true},', "") == body.decode()


@pytest.mark.parametrize("options", [
    "{}", "null", '{"include_usage":false}', '{"include_usage":null}', '{"include_obfuscation":false}'])
def test_usage_is_asked_for_beside_other_stream_options(gateway, mock, options):
    body = '{"model":"m","stream":true,"stream_options":%s,"messages":[{"role":"user"}]}'
    reply = wire.ask(gateway, wire.chat_request("", body=(body % options).encode()))
    sent = json.loads(received(mock))["stream_options"]
    assert sent == {**(json.loads(options) or {}), "include_usage": True}
    assert all(not json.loads(event)["choices"] == [] for event in reply.events()[:-1])
    assert gateway.log_of(reply["x-request-id"])["tokens"]["output"] == 5


def test_events_come_back_byte_for_byte(gateway, mock):
    request = wire.chat_body("m", True, stream_options={"include_usage": True})
    through = wire.ask(gateway, wire.chat_request("", body=request)).body
    with Wire(mock) as peer:
        directly = peer.ask(wire.chat_request("", body=request, key="sk-x")).body

    def without_numbers(body):
        return [asked.unnumbered(json.loads(line)) if line[:1] == "{" else line
                for line in body.decode().replace("data: ", "").split("\n")]
    assert without_numbers(through) == without_numbers(directly)
    assert len(through) == len(directly)


def test_each_event_is_sent_when_it_comes(gateway, mock):
    with Wire(gateway) as peer:
        peer.send(wire.chat_request("fault:hold-mid-stream", True))
        assert peer.head()[0] == 200
        seen = peer.until(b"tok1")
        assert wire.text_of(wire.data_of(seen)) == "tok0 tok1"
        mock.release()
        assert wire.data_of(peer.until(b"[DONE]\n\n"))[-1] == "[DONE]"


def test_the_provider_sees_its_own_key_and_nothing_of_the_clients(gateway, mock):
    headers = ("X-Secret: 1\r\nCookie: a=b\r\nX-Forwarded-For: 10.0.0.1\r\nOpenAI-Beta: x=1\r\n"
               "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n")
    wire.ask(gateway, wire.chat_request("m", headers=headers))
    mock.wait(requests_min=1)
    seen = mock.log()[-1]["headers"]
    assert seen["authorization"].removeprefix("Bearer ") in mock.keys
    assert seen["content-type"] == "application/json"
    assert seen["openai-beta"] == "x=1"
    assert seen["traceparent"].startswith("00-0af7")
    assert not {"x-secret", "cookie", "x-forwarded-for", "expect", "transfer-encoding"} & set(seen)
    assert canaries.CLIENT_KEY not in json.dumps(mock.log()[-1])


def test_the_request_id_goes_up_and_comes_back(gateway, mock):
    reply = wire.ask(gateway, wire.chat_request("m", headers="X-Request-Id: my-own_id.7\r\n"))
    assert reply["x-request-id"] == "my-own_id.7"
    mock.wait(requests_min=1)
    assert mock.log()[-1]["headers"]["x-request-id"] == "my-own_id.7"
    assert gateway.log_of("my-own_id.7")["status"] == 200


@pytest.mark.parametrize("given", ["x" * 129, "a b", "caf\u00e9"],
                         ids=["long", "space", "not ASCII"])
def test_an_odd_request_id_is_replaced(gateway, mock, given):
    request = wire.chat_request("m", headers=f"X-Request-Id: {given}\r\n")
    reply = wire.ask(gateway, request)
    assert reply["x-request-id"].startswith("req_") and len(reply["x-request-id"]) == 30


def test_the_answer_says_who_gave_it_and_how_long_it_took(gateway, mock):
    reply = wire.ask(gateway, wire.chat_request("ebb@latency=1", headers="X-Y: 1\r\n"))
    assert reply["x-sluice-provider"] == "mock"
    reply = wire.ask(gateway, wire.chat_request("ebb"))
    assert reply["x-sluice-model"] == "tide"
    assert reply["x-sluice-provider"] == "mock"
    assert reply["x-sluice-target"].startswith("tide")
    assert reply["x-sluice-environment"] == "blue"
    assert reply["x-sluice-attempts"] == "1"
    assert reply["x-sluice-fallback"] is None
    times = dict(part.split(";dur=") for part in reply["server-timing"].split(", "))
    assert list(times) == ["gw", "queue", "upstream", "ttft"]
    assert all(0 <= float(value) < 5000 for value in times.values())


def test_a_stream_tells_proxies_not_to_hold_it(gateway, mock):
    reply = wire.ask(gateway, wire.chat_request("m", True))
    assert reply["content-type"] == "text/event-stream; charset=utf-8"
    assert reply["cache-control"] == "no-cache"
    assert reply["x-accel-buffering"] == "no"
    assert reply["x-sluice-attempts"] == "1"
    assert "ttft;dur=" in reply["server-timing"]


@pytest.mark.parametrize("header", ["Authorization: Bearer %s", "authorization: bearer %s",
                                    "X-API-Key: %s", "api-key: %s"])
def test_a_client_key_is_taken_in_each_form(gateway, mock, header):
    reply = wire.ask(gateway, wire.chat_request(
        "m", key=None, headers=header % canaries.CLIENT_KEY + "\r\n"))
    assert reply.status == 200
    line = gateway.log_of(reply["x-request-id"])
    assert line["client"] == "team"
    assert line["key"] == canaries.hash_of(canaries.CLIENT_KEY)[7:15]
