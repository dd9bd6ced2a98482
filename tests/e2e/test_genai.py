"""The official google-genai SDK, at a provider of its own language and at two of others. The mocks are strict."""

import base64
import json
import warnings

import pytest

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from google import genai
    from google.genai import errors, types

TEXT = "tok0 tok1 naïve2 tok3 潮4"
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
                         "rkJggg==") + b"\xfb\xff\xbf"  # - and _ in the SDK's alphabet
TOOLS = [types.Tool(function_declarations=[
    types.FunctionDeclaration(name="lookup_tide", description="Tides", parameters=types.Schema(
        type="OBJECT", properties={"harbour": types.Schema(type="STRING", nullable=True)})),
    types.FunctionDeclaration(name="now", description="The time", parameters_json_schema={
        "type": "object", "properties": {}}),
])]
UPSTREAMS = {"gemini": "gemini-3.8-flash", "openai": "gpt-5", "anthropic": "claude-opus-5-5"}
FAULTS = {
    "gemini": ("gemini-429", "gemini-sse-error-mid"),
    "openai": ("429-seconds", "sse-error-mid"),
    "anthropic": ("429-seconds", "anthropic-sse-error-mid"),
}


@pytest.fixture(scope="module")
def mocks_of_module():
    with Mock(tokens=5, name="gemini") as google, Mock(tokens=5, name="openai") as other, \
            Mock(tokens=5, name="anthropic") as claude:
        yield {"gemini": google, "openai": other, "anthropic": claude}


@pytest.fixture(scope="module")
def gateway_of_module(mocks_of_module):
    providers = {"openai": openai_provider(mocks_of_module["openai"])}
    for name in ("gemini", "anthropic"):
        mock = mocks_of_module[name]
        providers[name] = {"kind": name, "base_url": mock.url, "keys": mock.keys}
        mock.ask("/mock/control", {"key": mock.keys[0]})
    models = {"harbour/two": {"targets": [target("openai", "fault:503", priority=1),
                                          target("anthropic", UPSTREAMS["anthropic"], priority=2)]}}
    for name, native in UPSTREAMS.items():
        thinks = native + "-reason" if name == "openai" else native
        models |= {
            name: {"targets": [target(name, native)], "cost_per_mtok": {"input": 4, "output": 20}},
            f"{name}-thinks": {"targets": [target(name, thinks)]},
            f"{name}-missing": {"targets": [target(name, "missing")]},
            f"{name}-limited": {"targets": [target(name, "fault:" + FAULTS[name][0])]},
            f"{name}-breaks": {"targets": [target(name, "fault:" + FAULTS[name][1])]},
        }
    with Sluice(
        providers=providers, models=models, models_only=True,
        client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        admin={"keys": [canaries.ADMIN_KEY]},
        retry={"max_attempts": 2, "initial_delay_ms": 1, "max_delay_ms": 10},
        circuit_breaker={"enabled": False},
    ) as sluice:
        yield sluice


@pytest.fixture
def mocks(mocks_of_module):
    for mock in mocks_of_module.values():
        mock.reset()
    return mocks_of_module


@pytest.fixture
def gateway(gateway_of_module, mocks):
    return gateway_of_module


def sdk(gateway, key=canaries.CLIENT_KEY):
    return genai.Client(api_key=key, http_options=types.HttpOptions(
        base_url=gateway.url, timeout=15000, retry_options=types.HttpRetryOptions(attempts=1)))


@pytest.fixture
def client(gateway):
    return sdk(gateway)


@pytest.fixture(params=UPSTREAMS)
def model(request):
    return request.param


def ask(client, model, contents="Hello", stream=False, **config):
    """The parts of the answer, and its last event: all of it where there is but one."""
    config = types.GenerateContentConfig(
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True), **config)
    if not stream:
        answer = client.models.generate_content(model=model, contents=contents, config=config)
        return answer.candidates[0].content.parts, answer
    events = list(client.models.generate_content_stream(model=model, contents=contents, config=config))
    return [part for event in events if event.candidates for candidate in event.candidates
            for part in candidate.content.parts or []], events[-1]


def text_of(parts, thought=False):
    return "".join(part.text or "" for part in parts if bool(part.thought) == thought)


def posts_to(mock):
    return [record for record in mock.log() if record["method"] == "POST"]


def sent_to(mock):
    return json.loads(posts_to(mock)[-1]["body"])


def id_of(answer):
    return answer.sdk_http_response.headers["x-request-id"]


streams = pytest.mark.parametrize("stream", [False, True])


# ---- text ----

@streams
def test_a_text_and_its_usage(client, gateway, model, stream):
    parts, answer = ask(client, model, stream=stream, system_instruction="Be brief.", max_output_tokens=500)
    assert text_of(parts) == TEXT
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage.candidates_token_count == 5 and usage.prompt_token_count > 0
    assert usage.total_token_count == usage.prompt_token_count + 5
    line = gateway.log_of(id_of(answer))
    assert (line["tokens"]["input"], line["tokens"]["output"]) == (usage.prompt_token_count, 5)
    assert line["cost_usd"] == pytest.approx((usage.prompt_token_count * 4 + 5 * 20) / 1e6)
    assert line["model"] == model and line["outcome"] == "ok"


@streams
def test_an_answer_that_was_cut_off_by_its_length(client, model, stream):
    parts, answer = ask(client, model, stream=stream, max_output_tokens=3)
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


def test_a_name_with_a_slash_and_another_target(client):
    parts, answer = ask(client, "harbour/two", stream=True)
    assert text_of(parts) == TEXT
    assert answer.sdk_http_response.headers["x-sluice-provider"] == "anthropic"


# ---- tools, pictures, thinking ----

@streams
def test_a_round_trip_of_two_tools(client, mocks, model, stream):
    parts, answer = ask(client, model, stream=stream, tools=TOOLS)
    calls = [part.function_call for part in parts if part.function_call]
    assert [(call.name, list(call.args)) for call in calls] == [("lookup_tide", ["harbour"]), ("now", [])]
    results = [types.Part.from_function_response(name=call.name, response={"metres": i})
               for i, call in enumerate(calls)]
    parts, answer = ask(client, model, [
        types.Content(role="user", parts=[types.Part(text="Hello")]),
        types.Content(role="model", parts=parts), types.Content(role="user", parts=results),
    ], stream, tools=TOOLS, tool_config=types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode="NONE")))
    assert text_of(parts) == TEXT
    if model == "openai":
        sent = sent_to(mocks[model])
        assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool", "tool"]
        assert [message["content"] for message in sent["messages"][2:]] == ['{"metres": 0}', '{"metres": 1}']
        assert sent["tools"][0]["function"]["parameters"] == {
            "type": "object", "properties": {"harbour": {"type": ["string", "null"]}}}


def test_one_tool_by_name(client, model):
    parts, _ = ask(client, model, tools=TOOLS, tool_config=types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode="ANY", allowed_function_names=["now"])))
    assert [part.function_call.name for part in parts if part.function_call] == ["now"]


def test_pictures(client, mocks, model):
    parts, _ = ask(client, model, ["What is this?", types.Part.from_bytes(data=PIXEL, mime_type="image/png")])
    assert text_of(parts) == TEXT
    if model != "gemini":
        assert base64.b64encode(PIXEL).decode() in posts_to(mocks[model])[-1]["body"]


@streams
def test_thinking_comes_and_goes_back(client, mocks, model, stream):
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_level="LOW")
    parts, answer = ask(client, model + "-thinks", stream=stream, thinking_config=thinking)
    assert text_of(parts) == TEXT
    assert answer.usage_metadata.thoughts_token_count > 0
    thoughts = text_of(parts, thought=True)
    assert thoughts or model == "openai"
    again, _ = ask(client, model + "-thinks", [
        types.Content(role="user", parts=[types.Part(text="Hello")]),
        types.Content(role="model", parts=parts),
        types.Content(role="user", parts=[types.Part(text="And?")]),
    ], stream, thinking_config=thinking)
    assert text_of(again) == TEXT
    if model == "anthropic":
        block = sent_to(mocks[model])["messages"][1]["content"][0]
        assert (block["type"], block["thinking"]) == ("thinking", thoughts) and block["signature"]


# ---- errors ----

def test_a_model_that_nobody_has(client, gateway):
    with pytest.raises(errors.ClientError) as missing:
        ask(client, "gemini-9")
    assert (missing.value.code, missing.value.status) == (404, "NOT_FOUND")
    assert missing.value.details["error"]["details"][0]["reason"] == "model_not_found"


@streams
def test_a_model_that_does_not_exist_there(client, model, stream):
    with pytest.raises(errors.ClientError) as missing:
        ask(client, model + "-missing", stream=stream)
    assert (missing.value.code, missing.value.status) == (404, "NOT_FOUND")


@streams
def test_a_limit(client, model, stream):
    with pytest.raises(errors.ClientError) as limited:
        ask(client, model + "-limited", stream=stream)
    assert (limited.value.code, limited.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_an_error_in_the_middle_of_a_stream(client, gateway, model):
    got = []
    with pytest.raises(errors.APIError) as broken:
        for event in client.models.generate_content_stream(model=model + "-breaks", contents="Hello"):
            got.append(event.text or "")
    assert "".join(got).startswith("tok0 tok1")
    assert broken.value.message


def test_a_wrong_key(gateway):
    with pytest.raises(errors.ClientError) as refused:
        ask(sdk(gateway, "sk-wrong"), "gemini")
    assert (refused.value.code, refused.value.status) == (401, "UNAUTHENTICATED")


def test_what_others_cannot_be_told_is_named(client):
    with pytest.raises(errors.ClientError) as refused:
        ask(client, "openai", candidate_count=2)
    assert refused.value.code == 400
    assert refused.value.details["error"]["details"][0]["metadata"] == {"param": "generationConfig.candidateCount"}


# ---- the wire ----

BODY = b'{ "contents":[{"role":"user","parts":[{"text":"\\u0048ello"}]}] }'


def post(gateway, path, body=BODY, headers="", key=canaries.CLIENT_KEY):
    return wire.ask(gateway.port, wire.post(path, body, headers, key=key))


@pytest.mark.parametrize("version", ["v1beta", "v1"])
def test_every_byte_arrives(gateway, mocks, version):
    answer = post(gateway, f"/{version}/models/gemini:generateContent")
    assert answer.status == 200, answer.body
    record = posts_to(mocks["gemini"])[-1]
    assert record["path"] == "/v1beta/models/gemini-3.8-flash:generateContent"
    assert record["body"].encode() == BODY
    assert record["headers"]["x-goog-api-key"] == mocks["gemini"].keys[0]


def test_a_stream_is_that_of_the_provider(gateway, mocks):
    answer = post(gateway, "/v1beta/models/gemini:streamGenerateContent?alt=sse")
    assert answer.status == 200 and answer.body.endswith(b"\r\n\r\n")
    assert answer["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.body.split(b"\r\n") if line]
    assert "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in events) == TEXT


def test_what_shows_life_is_no_answer(gateway, mocks):
    """This SDK takes a comment for an answer, so there is a line end instead."""
    gateway.reload(timeouts={"sse_comment": "50ms"})
    for name in ("gemini", "openai"):
        mocks[name].set(latency_ms=400)
        answer = post(gateway, f"/v1beta/models/{name}:streamGenerateContent?alt=sse")
        assert answer.body.startswith(b"\r\n\r\n") and b":" not in answer.body.split(b"data")[0]
        parts, _ = ask(sdk(gateway), name, stream=True)
        assert text_of(parts) == TEXT
        mocks[name].set(latency_ms=0)
    gateway.reload(timeouts={})


@pytest.mark.parametrize("query", ["", "?alt=json", "?alt=sse2"])
def test_a_stream_that_is_no_event_stream(gateway, query):
    answer = post(gateway, "/v1beta/models/gemini:streamGenerateContent" + query)
    assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "alt=sse" in answer.json()["error"]["message"]


@pytest.mark.parametrize("body, said", [
    (b"{", "invalid_json"), (b"", "invalid_json"), (b"[]", "invalid_json"), (b'{"contents":[]}', "invalid_value"),
    (b'{"contents":1}', "invalid_value"),
])
def test_what_is_no_request(gateway, body, said):
    answer = post(gateway, "/v1beta/models/openai:generateContent", body)
    assert (answer.status, answer.json()["error"]["details"][0]["reason"]) == (400, said)


def test_a_key_in_the_url_is_taken_and_not_written_down(gateway):
    answer = post(gateway, f"/v1beta/models/openai:generateContent?key={canaries.CLIENT_KEY}", key=None)
    assert answer.status == 200, answer.body
    assert gateway.log_of(answer["x-request-id"])["client"] == "team"
    assert canaries.CLIENT_KEY not in gateway.out.text() + gateway.err.text()
    answer = post(gateway, f"/v1/messages?key={canaries.CLIENT_KEY}", key=None)
    assert answer.status == 401


def test_the_name_may_be_encoded(gateway):
    answer = post(gateway, "/v1beta/models/harbour%2Ftwo:generateContent")
    assert answer.status == 200, answer.body


def test_a_count_is_the_providers_or_a_guess(client, gateway, mocks):
    count = client.models.count_tokens(model="gemini", contents="Hello")
    assert count.total_tokens == 6
    assert "x-sluice-estimated" not in count.sdk_http_response.headers
    assert posts_to(mocks["gemini"])[-1]["path"].endswith("gemini-3.8-flash:countTokens")
    guess = client.models.count_tokens(model="openai", contents="x" * 400)
    assert 90 < guess.total_tokens < 200
    assert guess.sdk_http_response.headers["x-sluice-estimated"] == "1"
    assert not posts_to(mocks["openai"])
