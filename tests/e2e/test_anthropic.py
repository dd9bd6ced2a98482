"""The official openai SDK at a provider that speaks Anthropic's language. The mock is strict: a field that
Anthropic does not know, an empty text, a result out of its place are 400s."""

import json
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

import canaries
from asked import sdk
from mock import Mock
from sluice import Sluice, openai_provider, target

TEXT = "tok0 tok1 naïve2 tok3 潮4"
USER = [{"role": "user", "content": "Hello"}]
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
         "awAAAABJRU5ErkJggg==")
TOOLS = [{"type": "function", "function": {
    "name": name, "description": "Tides", "parameters": {
        "type": "object", "properties": properties}}}
    for name, properties in (("lookup_tide", {"harbour": {"type": "string"}}), ("now", {}))]


@pytest.fixture(scope="module")
def claude():
    with Mock(tokens=5, name="claude") as mock:
        yield mock


@pytest.fixture(scope="module")
def other():
    with Mock(tokens=5, name="other") as mock:
        yield mock


@pytest.fixture(scope="module")
def gateway_of_module(claude, other):
    def model(name, **more):
        return {"targets": [target("claude", name)], **more}

    claude.ask("/mock/control", {"key": claude.keys[0]})
    with Sluice(
        providers={
            "claude": {"kind": "anthropic", "base_url": claude.url, "keys": claude.keys,
                       "health": {"interval": "100ms"}},
            "slash": {"kind": "anthropic", "base_url": claude.url + "/v1/", "keys": claude.keys},
            "spare": {"kind": "anthropic", "base_url": claude.url, "keys": claude.keys},
            "openai": openai_provider(other),
        },
        models={
            "tide": model("claude-opus-5-5", max_tokens=4000, cost_per_mtok={
                "input": 4, "output": 20, "cached_input": 0.2, "cache_write": 5}),
            "cached": model("claude-cached"),
            "old": model("claude-3-5-haiku"),
            "budget": model("claude-opus-4-1"),
            "missing": model("missing"),
            "loaded": model("fault:anthropic-529"),
            "breaks": model("fault:anthropic-sse-error-mid"),
            "cut": model("fault:truncated-chunked"),
            "slash": {"targets": [target("slash", "claude-opus-5-5")]},
            "spare": {"targets": [target("spare", "claude-opus-5-5")]},
            "mixed": {"targets": [target("openai", "fault:503", priority=1),
                                  target("claude", "claude-opus-5-5", priority=2)]},
            "back": {"targets": [target("claude", "fault:anthropic-sse-error-held", priority=1),
                                 target("openai", "gpt-4.1", priority=2)]},
            "both": {"targets": [target("claude", "claude-opus-5-5", priority=1),
                                 target("openai", "gpt-4.1", priority=2)]},
        },
        client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        admin={"keys": [canaries.ADMIN_KEY]},
        retry={"max_attempts": 2, "initial_delay_ms": 1},
        circuit_breaker={"enabled": False},
    ) as sluice:
        yield sluice


@pytest.fixture
def gateway(gateway_of_module, claude, other):
    claude.reset()
    other.reset()
    return gateway_of_module


@pytest.fixture
def client(gateway):
    return sdk(gateway.url)


def ask(client, model="tide", messages=None, **more):
    return client.chat.completions.create(model=model, messages=messages or USER, **more)


def asked_of(claude):
    """What the mock was sent last, its probes aside."""
    return [record for record in claude.log() if record["method"] == "POST"][-1]


# ---- text ----

def test_a_plain_answer(client, gateway, claude):
    answer = ask(client, messages=[{"role": "system", "content": "Be brief."}, *USER])
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == (TEXT, "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (8, 5)
    record = asked_of(claude)
    assert record["path"] == "/v1/messages"
    assert record["headers"]["anthropic-version"] == "2023-06-01"
    assert record["headers"]["x-api-key"] == claude.keys[0]
    assert "authorization" not in record["headers"]
    assert json.loads(record["body"]) == {
        "model": "claude-opus-5-5", "max_tokens": 4000,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]}
    line = gateway.log_of(answer._request_id)
    assert line["cost_usd"] == pytest.approx((8 * 4 + 5 * 20) / 1e6)


def test_long_ones_go_up_and_come_back_whole(client, gateway, claude):
    """Long texts are translated beside the loop, one after the other."""
    def echo(size):
        text = ("na\u00efve \u6f6e \U0001f30a \"quoted\" \\ \n end " * (size // 30))[:size].strip()
        answer = ask(client, messages=[{"role": "user", "content": "echo:" + text}],
                     max_tokens=1_000_000)
        return answer.choices[0].message.content == text

    sizes = [300_000, 2_000_000, 1000, 4_000_000, 600_000]
    with ThreadPoolExecutor(len(sizes)) as pool:
        assert list(pool.map(echo, sizes)) == [True] * len(sizes)
    assert gateway.metric("sluice_in_flight") == 0


def test_a_stream(client, gateway):
    events = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert events[0].choices[0].delta.role == "assistant"
    parts = [event.choices[0].delta.content for event in events[1:-1]]
    assert [part for part in parts if part] == ["tok0", " tok1", " naïve2", " tok3", " 潮4"]
    assert events[-2].choices[0].finish_reason == "stop"
    assert events[-1].choices == [] and events[-1].usage.completion_tokens == 5
    assert len({event.id for event in events}) == 1
    assert len({event.created for event in events}) == 1


def test_usage_is_logged_though_nobody_asked(client, gateway):
    with client.chat.completions.with_streaming_response.create(
            model="tide", messages=USER, stream=True) as raw:
        text = raw.read().decode()
        line = gateway.log_of(raw.headers["x-request-id"])
    assert text.endswith("data: [DONE]\n\n") and '"usage"' not in text
    assert (line["tokens"]["output"], line["tokens"]["estimated"]) == (5, False)


def test_an_answer_that_was_cut_off_by_its_length(client):
    answer = ask(client, max_completion_tokens=2)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


def test_a_base_url_with_v1_behind_it_is_meant_likewise(client):
    assert ask(client, "slash").choices[0].message.content == TEXT


@pytest.mark.parametrize("stream", [False, True])
def test_cached_tokens_are_classes_of_their_own(client, gateway, stream):
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = client.chat.completions.with_raw_response.create(
        model="cached", messages=[{"role": "user", "content": "x" * 400}], **more)
    usage = list(answer.parse())[-1].usage if stream else answer.parse().usage
    details = usage.prompt_tokens_details
    tokens = gateway.log_of(answer.headers["x-request-id"])["tokens"]
    assert (details.cached_tokens, details.cache_write_tokens) == (27, 26)
    assert (tokens["input"], tokens["cached"], tokens["cache_write"]) == (54, 27, 26)
    assert usage.prompt_tokens == 54 + 27 + 26


# ---- tools, pictures, thinking ----

def test_a_round_trip_of_two_tools(client, claude):
    first = ask(client, tools=TOOLS, tool_choice="auto")
    calls = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["lookup_tide", "now"]
    assert json.loads(calls[0].function.arguments) == {"harbour": "Oban ⚓"}
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"{i} m"}
               for i, call in enumerate(calls)]
    second = ask(client, messages=[*USER, first.choices[0].message.model_dump(exclude_none=True),
                                   *results, {"role": "user", "content": "So?"}],
                 tools=TOOLS, tool_choice="none")
    assert second.choices[0].message.content == TEXT
    sent = json.loads(asked_of(claude)["body"])["messages"]
    assert [block["type"] for block in sent[1]["content"]] == ["tool_use", "tool_use"]
    assert [block["type"] for block in sent[2]["content"]] == ["tool_result", "tool_result", "text"]
    assert sent[2]["content"][1]["tool_use_id"] == calls[1].id


def test_tools_come_in_pieces(client):
    with client.chat.completions.stream(model="tide", messages=USER, tools=TOOLS) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["lookup_tide", "now"]
    assert json.loads(calls[0].function.arguments) == {"harbour": "Oban ⚓"}
    assert calls[1].function.arguments == "{}"


def test_one_tool_by_name(client, claude):
    answer = ask(client, tools=TOOLS, parallel_tool_calls=False,
                 tool_choice={"type": "function", "function": {"name": "now"}})
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["now"]
    assert json.loads(asked_of(claude)["body"])["tool_choice"] == {
        "type": "tool", "name": "now", "disable_parallel_tool_use": True}


def test_pictures(client, claude):
    url = "https://example.com/chart.webp"
    ask(client, messages=[{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": url}}]}])
    blocks = json.loads(asked_of(claude)["body"])["messages"][0]["content"]
    assert blocks[1]["source"] == {"type": "base64", "media_type": "image/png",
                                   "data": PIXEL.split(",")[1]}
    assert blocks[2]["source"] == {"type": "url", "url": url}


@pytest.mark.parametrize("model, thinking", [
    ("tide", {"type": "adaptive"}),
    ("budget", {"type": "enabled", "budget_tokens": 2048}),
])
def test_thinking_and_its_signature_come_and_go_back(client, claude, model, thinking):
    message = ask(client, model, reasoning_effort="low").choices[0].message
    assert json.loads(asked_of(claude)["body"])["thinking"] == thinking
    assert message.reasoning_content == "Let me see."
    assert message.thinking_blocks[0]["signature"]
    ask(client, model, messages=[*USER, message.model_dump(exclude_none=True), *USER],
        reasoning_effort="low")
    back = json.loads(asked_of(claude)["body"])["messages"][1]["content"]
    assert back[0] == message.thinking_blocks[0]
    assert back[1] == {"type": "text", "text": TEXT}


def test_thinking_comes_in_pieces(client):
    with client.chat.completions.stream(model="tide", messages=USER, reasoning_effort="low",
                                        stream_options={"include_usage": True}) as stream:
        final = stream.get_final_completion()
    message = final.choices[0].message
    assert (message.reasoning_content, message.content) == ("Let me see.", TEXT)
    assert message.thinking_blocks[0]["thinking"] == "Let me see."
    assert message.thinking_blocks[0]["signature"]
    assert final.usage.completion_tokens_details.reasoning_tokens == 32


def test_an_answer_held_to_a_schema(client, claude):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    ask(client, response_format={"type": "json_schema", "json_schema": {
        "name": "x", "strict": True, "schema": schema}})
    assert json.loads(asked_of(claude)["body"])["output_config"] == {
        "format": {"type": "json_schema", "schema": schema}}


def test_betas_go_along(client, claude):
    ask(client, extra_headers={"anthropic-beta": "context-1m-2025-08-07"})
    assert asked_of(claude)["headers"]["anthropic-beta"] == "context-1m-2025-08-07"


# ---- what cannot be said ----

@pytest.mark.parametrize("param, value", [
    ("seed", 7), ("n", 2), ("logprobs", True), ("temperature", 1.4), ("logit_bias", {"1": 2}),
    ("frequency_penalty", 0.5), ("verbosity", "low"),
])
def test_it_is_refused_by_name(client, claude, param, value):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **{param: value})
    assert refused.value.param == param
    assert not [record for record in claude.log() if record["method"] == "POST"]


def test_it_is_dropped_where_the_operator_wants_that(client, gateway, claude):
    gateway.reload(drop_params=True)
    try:
        raw = client.chat.completions.with_raw_response.create(
            model="tide", messages=USER, seed=7, temperature=1.4, metadata={"a": "b"})
    finally:
        gateway.reload(drop_params=False)
    assert raw.headers["x-sluice-dropped"] == "temperature, seed, metadata"
    assert json.loads(asked_of(claude)["body"])["temperature"] == 1


def test_another_target_can_be_told_it(client, claude, other):
    assert ask(client, "both", seed=7).choices[0].message.content == TEXT
    assert not [record for record in claude.log() if record["method"] == "POST"]
    assert json.loads(other.log()[-1]["body"])["seed"] == 7


def test_embeddings_are_no_conversation(client):
    with pytest.raises(openai.InternalServerError) as refused:
        client.embeddings.create(model="tide", input="x")
    assert refused.value.code == "no_healthy_target"


# ---- errors ----

def test_a_model_that_does_not_exist_there(client):
    with pytest.raises(openai.NotFoundError) as missing:
        ask(client, "missing")
    assert missing.value.code == "model_not_found"


@pytest.mark.parametrize("stream", [False, True])
def test_an_overload_is_a_503(client, stream):
    with pytest.raises(openai.InternalServerError) as overload:
        ask(client, "loaded", stream=stream)
    assert (overload.value.status_code, overload.value.code) == (503, "server_is_overloaded")


def test_an_error_in_the_middle_of_a_stream(client, gateway):
    got = []
    with pytest.raises(openai.APIError) as broken:
        for event in ask(client, "breaks", stream=True):
            got.append(event.choices[0].delta.content)
    assert "".join(part or "" for part in got) == "tok0 tok1 naïve2"
    assert broken.value.code == "server_is_overloaded"


def test_a_key_that_is_not_accepted_is_the_gateways_fault(client, claude):
    claude.ask("/mock/control", {"key": "another"})
    try:
        with pytest.raises(openai.InternalServerError) as refused:
            ask(client, "spare")
    finally:
        claude.ask("/mock/control", {"key": claude.keys[0]})
    assert (refused.value.status_code, refused.value.code) == (502, "upstream_auth")


# ---- between languages ----

@pytest.mark.parametrize("model, answered", [("mixed", "claude"), ("back", "openai")])
@pytest.mark.parametrize("stream", [False, True])
def test_another_target_answers_in_whatever_language(client, model, answered, stream):
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=USER, stream=stream)
    if stream:
        said = "".join(event.choices[0].delta.content or "" for event in raw.parse())
    else:
        said = raw.parse().choices[0].message.content
    assert said == TEXT
    if model == "mixed" or stream: # an error event is one in a stream alone
        assert raw.headers["x-sluice-provider"] == answered
        assert raw.headers["x-sluice-attempts"] == "2"


def test_probes_ask_for_its_models(gateway, claude):
    seen = []
    while not seen:
        seen = [record for record in claude.log() if record["method"] == "GET"]
    assert seen[0]["path"] == "/v1/models"
    assert seen[0]["headers"]["anthropic-version"] == "2023-06-01"
