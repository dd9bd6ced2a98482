"""The official anthropic SDK, at a provider of its own language and at one of another. The mocks are strict."""

import json

import anthropic
import httpx
import pytest

import canaries
import node
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

TEXT = "tok0 tok1 naïve2 tok3 潮4"
USER = [{"role": "user", "content": "Hello"}]
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
TOOLS = [{"name": name, "description": "Tides", "input_schema": {"type": "object", "properties": properties}}
         for name, properties in (("lookup_tide", {"harbour": {"type": "string"}}), ("now", {}))]
SIGNATURE = "c2lnbmF0dXJlIG9mIHRoZSBtb2Nr"
UPSTREAMS = ["anthropic", "openai", "gemini"]


@pytest.fixture(scope="module")
def claude():
    with Mock(tokens=5, name="claude") as mock:
        yield mock


@pytest.fixture(scope="module")
def other():
    with Mock(tokens=5, name="other") as mock:
        yield mock


@pytest.fixture(scope="module")
def google():
    with Mock(tokens=5, name="google") as mock:
        yield mock


@pytest.fixture(scope="module")
def gateway_of_module(claude, other, google):
    native = {"anthropic": "claude-opus-5-5", "openai": "gpt-5", "gemini": "gemini-2.5-flash"}
    models = {}
    for provider, name in native.items():
        def model(there, provider=provider, **more):
            return {"targets": [target(provider, there)], **more}

        models |= {
            provider: model(name, cost_per_mtok={"input": 4, "output": 20}),
            f"{provider}-cached": model(f"{name}-cached"),
            f"{provider}-thinks": model(f"{name}-reason" if provider == "openai" else name),
            f"{provider}-missing": model("missing"),
            f"{provider}-cut": model("fault:reset-mid-stream"),
        }
    claude.ask("/mock/control", {"key": claude.keys[0]})
    with Sluice(
        providers={
            "anthropic": {"kind": "anthropic", "base_url": claude.url, "keys": claude.keys},
            "openai": openai_provider(other),
            "gemini": {"kind": "gemini", "base_url": google.url, "keys": google.keys},
        },
        models=models | {
            "anthropic-loaded": {"targets": [target("anthropic", "fault:anthropic-529")]},
            "anthropic-breaks": {"targets": [target("anthropic", "fault:anthropic-sse-error-mid")]},
            "openai-loaded": {"targets": [target("openai", "fault:503")]},
            "openai-breaks": {"targets": [target("openai", "fault:sse-error-mid")]},
            "gemini-loaded": {"targets": [target("gemini", "fault:gemini-503")]},
            "gemini-breaks": {"targets": [target("gemini", "fault:gemini-sse-error-mid")]},
            "back": {"targets": [target("openai", "fault:503", priority=1),
                                 target("anthropic", "claude-opus-5-5", priority=2)]},
            "two": {"targets": [target("openai", "gpt-5", priority=1),
                                target("anthropic", "claude-opus-5-5", priority=2)]},
        },
        client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)},
                     {"name": "few", "hash": canaries.hash_of(canaries.OTHER_KEY),
                      "requests_per_minute": 1, "models": ["anthropic"]}],
        models_only=True,
        admin={"keys": [canaries.ADMIN_KEY]},
        retry={"max_attempts": 2, "initial_delay_ms": 1},
        circuit_breaker={"enabled": False},
    ) as sluice:
        yield sluice


@pytest.fixture
def gateway(gateway_of_module, claude, other, google):
    for mock in (claude, other, google):
        mock.reset()
    return gateway_of_module


@pytest.fixture
def client(gateway):
    with sdk(gateway) as client:
        yield client


@pytest.fixture(params=UPSTREAMS)
def model(request):
    return request.param


def sdk(gateway, **more):
    return anthropic.Anthropic(**{"base_url": gateway.url, "api_key": canaries.CLIENT_KEY,
                                  "max_retries": 0, "timeout": 15, **more})


def ask(client, model, messages=None, **more):
    return client.messages.create(**{"model": model, "max_tokens": 4000, "messages": messages or USER, **more})


def asked_of(mock):
    return [record for record in mock.log() if record["method"] == "POST"][-1]


def sent_to(mock):
    return json.loads(asked_of(mock)["body"])


def calls_of(answer):
    """Of a provider that signs them, they have a thought before them."""
    return [block for block in answer.content if block.type == "tool_use"]


def said_by(answer):
    """What was said, as it goes back."""
    return [block.model_dump(exclude_none=True, exclude={"parsed_output", "caller"}) for block in answer.content]


# ---- text ----

def test_a_plain_answer(client, gateway, model):
    answer = ask(client, model, system="Be brief.")
    assert (answer.type, answer.role) == ("message", "assistant")
    assert [(block.type, block.text) for block in answer.content] == [("text", TEXT)]
    assert answer.id.startswith("msg_")
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert answer.usage.output_tokens == 5 and answer.usage.input_tokens > 0
    line = gateway.log_of(answer._request_id)
    assert (line["tokens"]["input"], line["tokens"]["output"]) == (answer.usage.input_tokens, 5)
    assert line["cost_usd"] == pytest.approx((answer.usage.input_tokens * 4 + 5 * 20) / 1e6)


def test_a_stream(client, gateway, model):
    with client.messages.stream(model=model, max_tokens=99, messages=USER) as stream:
        parts = list(stream.text_stream)
        final = stream.get_final_message()
        line = gateway.log_of(stream.response.headers["request-id"])
    assert parts == ["tok0", " tok1", " naïve2", " tok3", " 潮4"]
    assert final.content[0].text == TEXT and final.stop_reason == "end_turn"
    assert (final.usage.input_tokens, final.usage.output_tokens) == (
        line["tokens"]["input"], line["tokens"]["output"])
    assert final.usage.output_tokens == 5 and not line["tokens"]["estimated"]


def test_the_order_of_events(gateway, model):
    answer = wire.ask(gateway.port, wire.post("/v1/messages", json.dumps(
        {"model": model, "max_tokens": 9, "stream": True, "messages": USER}).encode()))
    names = [line[7:] for line in answer.body.decode().splitlines() if line.startswith("event: ")]
    assert answer["content-type"].startswith("text/event-stream")
    assert names == ["message_start", "ping", "content_block_start", *["content_block_delta"] * 5,
                     "content_block_stop", "message_delta", "message_stop"]
    for line in answer.body.decode().splitlines():
        assert line == "" or line.startswith(("event: ", "data: {\"type\":\""))


def test_an_answer_that_was_cut_off_by_its_length(client, model):
    answer = ask(client, model, max_tokens=2)
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 2)


@pytest.mark.parametrize("stream", [False, True])
def test_cached_tokens_are_classes_of_their_own(client, gateway, model, stream):
    question = {"model": model + "-cached", "max_tokens": 9,
                "messages": [{"role": "user", "content": "x" * 400}]}
    if stream:
        with client.messages.stream(**question) as running:
            answer = running.get_final_message()
            request_id = running.response.headers["request-id"]
    else:
        answer = client.messages.create(**question)
        request_id = answer._request_id
    tokens = gateway.log_of(request_id)["tokens"]
    assert answer.usage.cache_read_input_tokens == tokens["cached"] > 0
    assert answer.usage.cache_creation_input_tokens == tokens["cache_write"]
    assert answer.usage.input_tokens == tokens["input"] > 0


# ---- tools, pictures, thinking ----

@pytest.mark.parametrize("stream", [False, True])
def test_a_round_trip_of_two_tools(client, model, stream):
    if stream:
        with client.messages.stream(model=model, max_tokens=99, messages=USER, tools=TOOLS) as running:
            first = running.get_final_message()
    else:
        first = ask(client, model, tools=TOOLS, tool_choice={"type": "auto"})
    calls = calls_of(first)
    assert first.stop_reason == "tool_use"
    assert [(call.type, call.name) for call in calls] == [("tool_use", "lookup_tide"), ("tool_use", "now")]
    assert [call.input for call in calls] == [{"harbour": "Oban ⚓"}, {}]
    results = [{"type": "tool_result", "tool_use_id": calls[0].id, "content": "3 m"},
               {"type": "tool_result", "tool_use_id": calls[1].id, "is_error": True, "content": [
                   {"type": "text", "text": "no clock"},
                   {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}]}]
    second = ask(client, model, [*USER, {"role": "assistant", "content": said_by(first)},
                                 {"role": "user", "content": [*results, {"type": "text", "text": "So?"}]}],
                 tools=TOOLS, tool_choice={"type": "none"})
    assert second.content[0].text == TEXT


def test_one_tool_by_name(client, model):
    answer = ask(client, model, tools=TOOLS, tool_choice={"type": "tool", "name": "now",
                                                          "disable_parallel_tool_use": True})
    assert [call.name for call in calls_of(answer)] == ["now"]


def test_pictures(client, model, claude, other, google):
    ask(client, model, [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/chart.webp"}}]}])
    sent = json.dumps(sent_to({"anthropic": claude, "openai": other, "gemini": google}[model]))
    assert PIXEL in sent and "https://example.com/chart.webp" in sent


@pytest.mark.parametrize("stream", [False, True])
def test_thinking(client, model, stream):
    question = {"model": model + "-thinks", "max_tokens": 4000, "messages": USER,
                "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    if stream:
        with client.messages.stream(**question) as running:
            answer = running.get_final_message()
    else:
        answer = client.messages.create(**question)
    assert answer.content[-1].text == TEXT
    if model == "anthropic":
        assert (answer.content[0].type, answer.content[0].thinking) == ("thinking", "Let me see.")
        assert answer.content[0].signature


# ---- signatures ----

@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("thinks", [False, True])
def test_what_gemini_signs_goes_back_signed(client, google, stream, thinks):
    """Twice: two calls, and an answer to what they gave. The mock refuses calls that are not
    signed; that they are signed with what it gave is seen here."""
    thinking = {"thinking": {"type": "adaptive"}} if thinks else {}
    messages = USER
    for turn in range(4):
        question = {"model": "gemini", "max_tokens": 4000, "messages": messages, "tools": TOOLS, **thinking}
        if stream:
            with client.messages.stream(**question) as running:
                answer = running.get_final_message()
        else:
            answer = client.messages.create(**question)
        calls = calls_of(answer)
        assert len(calls) == (0 if turn % 2 else 2)
        assert answer.content[-1].type == ("text" if turn % 2 else "tool_use")
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "3 m"} for call in calls]
        messages = [*messages, {"role": "assistant", "content": said_by(answer)},
                    {"role": "user", "content": results or "And now?"}]
    turns = [said["parts"] for said in sent_to(google)["contents"] if said["role"] == "model"]
    assert [[part.get("thoughtSignature") for part in parts if "functionCall" in part]
            for parts in turns] == [[SIGNATURE, None], [], [SIGNATURE, None]]
    # that of a text, which Google can spare, is known too late for a client that reads a stream
    texts = [part for part in turns[1] if "text" in part]
    assert [part["text"] for part in texts] == [TEXT]
    assert texts[0].get("thoughtSignature") == (SIGNATURE if thinks and not stream else None)
    assert not any("thought" in part for parts in turns for part in parts)


def test_nobody_else_is_shown_them(client, other):
    first = ask(client, "gemini", tools=TOOLS)
    assert "gemini:" in json.dumps(said_by(first))
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "3 m"} for call in calls_of(first)]
    ask(client, "openai", [*USER, {"role": "assistant", "content": said_by(first)},
                           {"role": "user", "content": results}], tools=TOOLS)
    assert SIGNATURE not in json.dumps(sent_to(other))


# ---- errors ----

def test_a_model_that_nobody_has(client):
    with pytest.raises(anthropic.NotFoundError) as missing:
        ask(client, "claude-9")
    body = missing.value.response.json()
    assert body["type"] == "error" and body["error"]["type"] == "not_found_error"
    assert body["error"]["details"]["error_code"] == "model_not_found"
    assert body["request_id"] == missing.value.request_id
    assert missing.value.response.headers["x-request-id"] == missing.value.request_id


def test_a_model_that_does_not_exist_there(client, model):
    with pytest.raises(anthropic.NotFoundError):
        ask(client, model + "-missing")


@pytest.mark.parametrize("stream", [False, True])
def test_an_overload(client, model, stream):
    with pytest.raises(anthropic.APIStatusError) as overload:
        ask(client, model + "-loaded", stream=stream)
    assert overload.value.status_code == 529
    assert overload.value.response.json()["error"]["type"] == "overloaded_error"
    assert overload.value.response.headers["x-should-retry"] == "false"
    assert overload.value.response.headers["retry-after"]


def test_an_error_in_the_middle_of_a_stream(client, gateway, model):
    got = []
    with pytest.raises(anthropic.APIStatusError) as broken:
        with client.messages.stream(model=model + "-breaks", max_tokens=99, messages=USER) as stream:
            for text in stream.text_stream:
                got.append(text)
    assert "".join(got).startswith("tok0 tok1")
    assert broken.value.body["type"] == "error" and broken.value.body["error"]["message"]
    line = gateway.log_of(broken.value.response.headers["request-id"])
    assert line["outcome"] == "broken"
    assert line["tokens"]["estimated"] == (model != "gemini")  # which says with each event what it used


def test_a_stream_that_was_cut(client, model):
    with pytest.raises(anthropic.APIStatusError) as broken:
        list(ask(client, model + "-cut", stream=True))
    assert broken.value.body["error"]["type"] == "api_error"


@pytest.mark.parametrize("body, status, said", [
    (b"{", 400, "invalid_json"), (b'{"model":1}', 400, "invalid_value"),
    (b'{"model":"anthropic","model":"x"}', 400, "duplicate_key"),
])
def test_what_is_no_request(gateway, body, status, said):
    answer = wire.ask(gateway.port, wire.post("/v1/messages", body))
    assert (answer.status, answer.json()["error"]["type"]) == (status, "invalid_request_error")
    assert answer.json()["error"]["details"]["error_code"] == said
    assert answer.json()["request_id"] == answer["request-id"] == answer["x-request-id"]


def test_the_method(gateway):
    answer = wire.ask(gateway.port, wire.get("/v1/messages", key=canaries.CLIENT_KEY))
    assert (answer.status, answer.json()["type"]) == (405, "error")


def test_a_wrong_key(gateway):
    with pytest.raises(anthropic.AuthenticationError) as refused:
        ask(sdk(gateway, api_key="sk-wrong"), "anthropic")
    assert refused.value.body["error"]["type"] == "authentication_error"


def test_a_limit(gateway):
    client = sdk(gateway, api_key=canaries.OTHER_KEY)
    with pytest.raises(anthropic.PermissionDeniedError):
        ask(client, "two")
    with pytest.raises(anthropic.RateLimitError) as limited:
        for _ in range(3):
            ask(client, "anthropic")
    assert limited.value.body["error"]["type"] == "rate_limit_error"
    assert int(limited.value.response.headers["retry-after"]) > 0


# ---- its own language: nothing is changed ----

ODD = (b'{ "max_tokens" : 50,\n"model":"anthropic", "messages":[{"role":"user","content":"\\u0048ello"}],'
       b'"context_management":{"edits":[ ]},"from_next_year":{"a":1e2} }')


def test_every_byte_arrives_but_the_name(gateway, claude):
    headers = ("anthropic-version: 2026-10-21\r\nanthropic-beta: one-2026-01-01,two\r\n"
               "Anthropic-Beta: three\r\nanthropic-from-next-year: x\r\n")
    answer = wire.ask(gateway.port, wire.post("/v1/messages?beta=true", ODD, headers))
    assert answer.status == 200, answer.body
    record = asked_of(claude)
    assert record["body"].encode() == ODD.replace(b'"anthropic"', b'"claude-opus-5-5"')
    sent = [(name.lower(), value) for name, value in record["raw_headers"]]
    assert [value for name, value in sent if name == "anthropic-version"] == ["2026-10-21"]
    assert [value for name, value in sent if name == "anthropic-beta"] == ["one-2026-01-01,two", "three"]
    assert ("anthropic-from-next-year", "x") in sent
    assert record["headers"]["x-api-key"] == claude.keys[0]
    assert "authorization" not in record["headers"]


def test_an_answer_is_that_of_the_provider(gateway, claude):
    body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 9, "messages": USER}).encode()
    headers = f"x-api-key: {claude.keys[0]}\r\nanthropic-version: 2023-06-01\r\n"
    direct = wire.ask(claude.port, wire.post("/v1/messages", body, headers, key=None)).json()
    passed = wire.ask(gateway.port, wire.post("/v1/messages", body.replace(
        b"claude-opus-5-5", b"anthropic"))).json()
    direct.pop("id"), passed.pop("id")
    assert passed == direct


def test_an_error_is_in_the_providers_own_words(gateway):
    answer = wire.ask(gateway.port, wire.post("/v1/messages", json.dumps(
        {"model": "anthropic", "max_tokens": 9, "messages": [], "what": 1}).encode()))
    assert (answer.status, answer.json()) == (400, {
        "type": "error", "request_id": "req_mock",
        "error": {"type": "invalid_request_error", "message": answer.json()["error"]["message"]}})


def test_a_version_is_said_where_the_client_does_not(gateway, claude):
    wire.ask(gateway.port, wire.post("/v1/messages", json.dumps(
        {"model": "anthropic", "max_tokens": 9, "messages": USER}).encode()))
    assert asked_of(claude)["headers"]["anthropic-version"] == "2023-06-01"


def test_a_key_may_come_as_a_bearer(gateway):
    client = sdk(gateway, api_key=None, auth_token=canaries.CLIENT_KEY)
    assert ask(client, "anthropic").content[0].text == TEXT


def test_another_target_answers_in_whatever_language(client, other):
    raw = client.messages.with_raw_response.create(model="back", max_tokens=9, messages=USER)
    assert raw.parse().content[0].text == TEXT
    assert raw.headers["x-sluice-provider"] == "anthropic"


# ---- how long it is ----

def test_a_count_is_the_providers(client, gateway, claude):
    raw = client.messages.with_raw_response.count_tokens(model="anthropic", messages=USER, system="Be brief.")
    assert raw.parse().input_tokens == 5
    assert "x-sluice-estimated" not in raw.headers
    assert asked_of(claude)["path"] == "/v1/messages/count_tokens"
    assert sent_to(claude)["model"] == "claude-opus-5-5"
    line = gateway.log_of(raw.headers["request-id"])
    assert (line["tokens"]["input"], line["cost_usd"]) == (0, None)


def test_a_count_is_asked_of_the_target_that_can_tell(client, claude, other):
    raw = client.messages.with_raw_response.count_tokens(model="two", messages=USER)
    assert raw.headers["x-sluice-provider"] == "anthropic"
    assert not other.log() and len(claude.log()) == 1


def test_a_count_that_nobody_can_tell_is_a_guess(client, gateway, other):
    raw = client.messages.with_raw_response.count_tokens(
        model="openai", messages=[{"role": "user", "content": "x" * 400}], tools=TOOLS)
    assert 100 < raw.parse().input_tokens < 200
    assert raw.headers["x-sluice-estimated"] == "1"
    assert not [record for record in other.log() if record["method"] == "POST"]
    assert gateway.log_of(raw.headers["request-id"])["outcome"] == "ok"
    with pytest.raises(anthropic.BadRequestError):
        client.messages.count_tokens(model="openai", messages=[])


def test_models_are_listed_for_agents(gateway):
    answer = httpx.get(gateway.url + "/v1/models?limit=1000", headers={"x-api-key": canaries.CLIENT_KEY})
    assert answer.status_code == 200
    assert "anthropic" in [row["id"] for row in answer.json()["data"]]


# ---- the same from Node ----

NODE_ONCE = ["an unknown model is a NotFoundError", "a wrong key is an AuthenticationError"]
NODE_EACH = ["a plain answer", "a stream", "events as they come", "tools, and what they gave",
             "the length of a request", "a stream that breaks", "an overload"]


@pytest.fixture(scope="module")
def node_results(gateway_of_module):
    return node.run("messages.test.mjs", SLUICE_URL=gateway_of_module.url,
                    CLIENT_KEY=canaries.CLIENT_KEY, MODELS=",".join(UPSTREAMS))


@pytest.mark.parametrize("name", NODE_ONCE + [f"{model}: {name}" for model in UPSTREAMS for name in NODE_EACH])
def test_node(node_results, name):
    passed, output = node_results
    assert passed.get(name), output[-6000:]


def test_no_node_test_is_left_out(node_results):
    assert len(node_results[0]) == len(NODE_ONCE) + len(UPSTREAMS) * len(NODE_EACH)
