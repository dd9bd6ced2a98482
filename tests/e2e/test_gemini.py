"""The official openai SDK at Google's Gemini. The mock is strict: a field that Google does not know, a call
without its signature, results that do not fit the calls before them are 400s."""

import json

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
        "type": "object", "properties": properties, "additionalProperties": False}}}
    for name, properties in (("lookup_tide", {"harbour": {"type": "string"}}), ("now", {}))]
SIGNATURE = "c2lnbmF0dXJlIG9mIHRoZSBtb2Nr"
NO_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
FLASH = "gemini-3.8-flash"


@pytest.fixture(scope="module")
def google():
    with Mock(tokens=5, name="google") as mock:
        yield mock


@pytest.fixture(scope="module")
def other():
    with Mock(tokens=5, name="other") as mock:
        yield mock


@pytest.fixture(scope="module")
def gateway_of_module(google, other):
    def model(name, **more):
        return {"targets": [target("google", name)], **more}

    def provider(url, **more):
        return {"kind": "gemini", "base_url": url, "keys": google.keys, **more}

    google.ask("/mock/control", {"key": google.keys[0]})
    with Sluice(
        providers={
            "google": provider(google.url, health={"interval": "100ms"}),
            "beta": provider(google.url + "/v1beta/"),
            "first": provider(google.url + "/v1"),
            "spare": {"kind": "gemini", "base_url": google.url,
                      "keys": ["AIzaNobodyKnowsThis", *google.keys]},
            "openai": openai_provider(other),
        },
        models={
            "tide": model(FLASH, max_tokens=4000, cost_per_mtok={
                "input": 4, "output": 20, "cached_input": 0.2}),
            "cached": model("gemini-cached"),
            "budget": model("gemini-2.5-flash"),
            "missing": model("missing"),
            "limited": model("fault:gemini-429"),
            "loaded": model("fault:gemini-503"),
            "breaks": model("fault:gemini-sse-error-mid"),
            "blocked": model("fault:gemini-blocked"),
            "cut": model("fault:end-mid-stream"),
            "beta": {"targets": [target("beta", FLASH)]},
            "first": {"targets": [target("first", FLASH)]},
            "spare": {"targets": [target("spare", FLASH)]},
            "mixed": {"targets": [target("openai", "fault:503", priority=1),
                                  target("google", FLASH, priority=2)]},
            "back": {"targets": [target("google", "fault:gemini-503", priority=1),
                                 target("openai", "gpt-4.1", priority=2)]},
            "both": {"targets": [target("google", FLASH, priority=1),
                                 target("openai", "gpt-4.1", priority=2)]},
            "away": {"targets": [target("openai", "gpt-4.1")]},
        },
        client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        admin={"keys": [canaries.ADMIN_KEY]},
        retry={"max_attempts": 2, "initial_delay_ms": 1, "max_delay_ms": 1000},
        circuit_breaker={"enabled": False},
    ) as sluice:
        yield sluice


@pytest.fixture
def gateway(gateway_of_module, google, other):
    google.reset()
    other.reset()
    return gateway_of_module


@pytest.fixture
def client(gateway):
    return sdk(gateway.url)


def ask(client, model="tide", messages=None, **more):
    return client.chat.completions.create(model=model, messages=messages or USER, **more)


def posts_to(google):
    return [record for record in google.log() if record["method"] == "POST"]


def body_of(google):
    """What the mock was sent last, its probes aside."""
    return json.loads(posts_to(google)[-1]["body"])


# ---- text ----

def test_a_plain_answer(client, gateway, google):
    answer = ask(client, messages=[{"role": "system", "content": "Be brief."}, *USER])
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == (TEXT, "stop")
    assert answer.id.startswith("chatcmpl-gm") and answer.model == FLASH
    record = posts_to(google)[-1]
    assert record["path"] == f"/v1beta/models/{FLASH}:generateContent"
    assert record["headers"]["x-goog-api-key"] == google.keys[0]
    assert "authorization" not in record["headers"]
    assert json.loads(record["body"]) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": {}}
    line = gateway.log_of(answer._request_id)
    assert line["cost_usd"] == pytest.approx(
        (answer.usage.prompt_tokens * 4 + 5 * 20) / 1e6)


def test_a_stream(client, google):
    events = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert events[0].choices[0].delta.role == "assistant"
    parts = [event.choices[0].delta.content for event in events[1:-1]]
    assert [part for part in parts if part] == ["tok0", " tok1", " naïve2", " tok3", " 潮4"]
    assert [event.choices[0].finish_reason for event in events[:-1] if
            event.choices[0].finish_reason] == ["stop"]
    assert events[-1].choices == [] and events[-1].usage.completion_tokens == 5
    assert len({event.id for event in events}) == 1
    assert posts_to(google)[-1]["path"].endswith(":streamGenerateContent?alt=sse")


def test_usage_is_logged_though_nobody_asked(client, gateway):
    with client.chat.completions.with_streaming_response.create(
            model="tide", messages=USER, stream=True) as raw:
        text = raw.read().decode()
        line = gateway.log_of(raw.headers["x-request-id"])
    assert text.endswith("data: [DONE]\n\n") and '"usage"' not in text
    assert (line["tokens"]["output"], line["tokens"]["estimated"]) == (5, False)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_was_cut_off_by_its_length(client, stream):
    answer = ask(client, max_completion_tokens=2, stream=stream)
    last = [event for event in answer if event.choices][-1] if stream else answer
    assert last.choices[0].finish_reason == "length"


@pytest.mark.parametrize("model, version", [("beta", "v1beta"), ("first", "v1")])
def test_a_base_url_with_a_version_behind_it(client, google, model, version):
    assert ask(client, model).choices[0].message.content == TEXT
    assert posts_to(google)[-1]["path"].startswith(f"/{version}/models/")


def test_a_long_answer(client):
    said = ask(client, f"google/{FLASH}@tokens=300000").choices[0].message.content
    assert len(said) > 2 * 1024 * 1024 and said.startswith("tok0 tok1")


def test_the_name_of_a_model_is_nothing_but_a_name(client, google):
    with pytest.raises(openai.NotFoundError):
        ask(client, "google/missing/../x?alt=json#y:countTokens")
    assert posts_to(google)[-1]["path"].lower() == (
        "/v1beta/models/missing%2f..%2fx%3falt%3djson%23y%3acounttokens:generatecontent")


@pytest.mark.parametrize("stream", [False, True])
def test_cached_tokens_are_a_class_of_their_own(client, gateway, stream):
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = client.chat.completions.with_raw_response.create(
        model="cached", messages=[{"role": "user", "content": "x" * 400}],
        reasoning_effort="low", **more)
    usage = list(answer.parse())[-1].usage if stream else answer.parse().usage
    tokens = gateway.log_of(answer.headers["x-request-id"])["tokens"]
    cached = usage.prompt_tokens_details.cached_tokens
    assert cached >= 50 and tokens["cached"] == cached
    assert tokens["input"] == usage.prompt_tokens - cached
    assert (tokens["output"], tokens["reasoning"]) == (5 + 32, 32)
    assert usage.completion_tokens == 37


# ---- tools ----

def go_on(client, message, model="tide"):
    calls = message["tool_calls"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": f"{i} m"}
               for i, call in enumerate(calls)]
    return ask(client, model, messages=[*USER, message, *reversed(results)], tools=TOOLS,
               tool_choice="none")


@pytest.mark.parametrize("stream", [False, True])
def test_a_round_trip_of_two_tools_with_their_signature(client, google, stream):
    if stream:
        with client.chat.completions.stream(model="tide", messages=USER, tools=TOOLS) as events:
            first = events.get_final_completion()
    else:
        first = ask(client, tools=TOOLS, tool_choice="auto")
    calls = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["lookup_tide", "now"]
    assert json.loads(calls[0].function.arguments) == {"harbour": "Oban ⚓"}
    assert calls[1].function.arguments == "{}"
    assert len({call.id for call in calls}) == 2
    second = go_on(client, first.choices[0].message.model_dump(exclude_none=True))
    assert second.choices[0].message.content == TEXT
    model, user = body_of(google)["contents"][1:]
    assert [part["functionCall"]["name"] for part in model["parts"]] == ["lookup_tide", "now"]
    assert [part.get("thoughtSignature") for part in model["parts"]] == [SIGNATURE, None]
    assert [part["functionResponse"]["response"] for part in user["parts"]] == [
        {"output": "0 m"}, {"output": "1 m"}]


def test_a_client_that_forgets_the_signature_can_go_on(client, google):
    message = ask(client, tools=TOOLS).choices[0].message.model_dump(exclude_none=True)
    for call in message["tool_calls"]:
        call.pop("extra_content", None)
    assert go_on(client, message).choices[0].message.content == TEXT
    assert body_of(google)["contents"][1]["parts"][0]["thoughtSignature"] == NO_SIGNATURE


def test_another_provider_can_go_on_where_this_one_has_begun(client, other):
    message = ask(client, tools=TOOLS).choices[0].message.model_dump(exclude_none=True)
    assert go_on(client, message, "away").choices[0].message.content == TEXT
    assert len(json.loads(other.log()[-1]["body"])["messages"]) == 4


def test_one_tool_by_name(client, google):
    answer = ask(client, tools=TOOLS,
                 tool_choice={"type": "function", "function": {"name": "now"}})
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["now"]
    assert body_of(google)["toolConfig"] == {"functionCallingConfig": {
        "mode": "ANY", "allowedFunctionNames": ["now"]}}


# ---- pictures, thinking, schemas ----

def test_pictures(client, google):
    url = "https://example.com/chart.webp"
    ask(client, messages=[{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": url}}]}])
    assert body_of(google)["contents"][0]["parts"][1:] == [
        {"inlineData": {"mimeType": "image/png", "data": PIXEL.split(",")[1]}},
        {"fileData": {"fileUri": url}}]


@pytest.mark.parametrize("model, config", [
    ("tide", {"thinkingLevel": "LOW", "includeThoughts": True}),
    ("budget", {"thinkingBudget": 1024, "includeThoughts": True}),
])
@pytest.mark.parametrize("stream", [False, True])
def test_thinking_comes_and_its_signature_goes_back(client, google, model, config, stream):
    if stream:
        with client.chat.completions.stream(model=model, messages=USER, reasoning_effort="low",
                                            stream_options={"include_usage": True}) as events:
            answer = events.get_final_completion()
    else:
        answer = ask(client, model, reasoning_effort="low")
    message = answer.choices[0].message
    assert body_of(google)["generationConfig"]["thinkingConfig"] == config
    assert (message.reasoning_content, message.content) == ("Let me see.", TEXT)
    assert answer.usage.completion_tokens_details.reasoning_tokens == 32
    ask(client, model, messages=[*USER, message.model_dump(exclude_none=True), *USER],
        reasoning_effort="low")
    assert body_of(google)["contents"][1]["parts"] == [
        {"text": TEXT, "thoughtSignature": SIGNATURE}]


def test_an_answer_held_to_a_schema(client, google):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    answer = ask(client, response_format={"type": "json_schema", "json_schema": {
        "name": "x", "strict": True, "schema": schema}})
    json.loads(answer.choices[0].message.content)
    assert body_of(google)["generationConfig"] == {
        "responseMimeType": "application/json", "responseJsonSchema": schema}


# ---- embeddings ----

@pytest.mark.parametrize("form", [None, "float", "base64"])
def test_embeddings(client, gateway, google, form):
    more = {"encoding_format": form} if form else {} # the SDK then asks for base64, and unpacks it
    raw = client.embeddings.with_raw_response.create(
        model="tide", input=["one", "two", "one"], dimensions=4, **more)
    answer = raw.parse()
    vectors = [json.loads(raw.text)["data"][i]["embedding"] if form == "base64" else
               answer.data[i].embedding for i in range(3)]
    assert vectors[0] == vectors[2] != vectors[1]
    assert form == "base64" or (len(vectors[0]) == 4 and all(-1 <= x <= 1 for x in vectors[0]))
    assert (answer.model, answer.usage.prompt_tokens) == (FLASH, 3)
    record = posts_to(google)[-1]
    assert record["path"] == f"/v1beta/models/{FLASH}:batchEmbedContents"
    assert json.loads(record["body"])["requests"][1] == {
        "model": "models/" + FLASH, "content": {"parts": [{"text": "two"}]},
        "outputDimensionality": 4}
    tokens = gateway.log_of(raw.headers["x-request-id"])["tokens"]
    assert (tokens["input"], tokens["output"], tokens["estimated"]) == (3, 0, True)


def test_a_hundred_long_vectors(client):
    answer = client.embeddings.create(model="tide", input=["x"] * 100, dimensions=3072,
                                      encoding_format="float")
    assert len(answer.data) == 100 and len(answer.data[99].embedding) == 3072


def test_embeddings_of_another_target(client):
    assert client.embeddings.create(model="mixed", input="x").usage.prompt_tokens >= 1


def test_tokens_are_no_texts(client, google):
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="tide", input=[1, 2])
    assert refused.value.param == "input"
    assert not posts_to(google)


# ---- what cannot be said ----

@pytest.mark.parametrize("param, value", [
    ("seed", 2**53 + 1), ("n", 2), ("logprobs", True), ("logit_bias", {"1": 2}),
    ("verbosity", "low"),
])
def test_it_is_refused_by_name(client, google, param, value):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **{param: value})
    assert refused.value.param == param
    assert not posts_to(google)


def test_another_target_can_be_told_it(client, google, other):
    assert ask(client, "both", n=2).choices[1].message.content == TEXT
    assert not posts_to(google)
    assert json.loads(other.log()[-1]["body"])["n"] == 2


# ---- errors ----

def test_a_model_that_does_not_exist_there(client):
    with pytest.raises(openai.NotFoundError) as missing:
        ask(client, "missing")
    assert missing.value.code == "model_not_found"


@pytest.mark.parametrize("stream", [False, True])
def test_a_limit_says_how_long_it_lasts(client, stream):
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client, "limited", stream=stream)
    assert limited.value.code == "rate_limit_exceeded"
    assert limited.value.response.headers["retry-after"] == "18"


def test_an_overload_is_a_503(client):
    with pytest.raises(openai.InternalServerError) as overload:
        ask(client, "loaded")
    assert (overload.value.status_code, overload.value.code) == (503, "server_is_overloaded")


def test_an_error_in_the_middle_of_a_stream(client):
    got = []
    with pytest.raises(openai.APIError) as broken:
        for event in ask(client, "breaks", stream=True):
            got.append(event.choices[0].delta.content)
    assert "".join(part or "" for part in got) == "tok0 tok1 naïve2"
    assert broken.value.code == "server_is_overloaded"


def test_a_stream_without_a_reason_for_its_end_is_cut_off(client):
    with pytest.raises(openai.APIError) as broken:
        list(ask(client, "cut", stream=True))
    assert broken.value.code == "upstream_truncated"


def test_a_prompt_that_is_refused_is_an_answer(client):
    events = list(ask(client, "blocked", stream=True))
    assert events[-1].choices[0].finish_reason == "content_filter"


def test_a_key_that_is_not_accepted_is_the_gateways_fault(client, google):
    google.ask("/mock/control", {"key": "another"})
    try:
        with pytest.raises(openai.InternalServerError) as refused:
            ask(client, "first")
    finally:
        google.ask("/mock/control", {"key": google.keys[0]})
    assert (refused.value.status_code, refused.value.code) == (502, "upstream_auth")


def test_another_key_of_the_pool_is_tried(client, gateway, google):
    for _ in range(2):
        raw = client.chat.completions.with_raw_response.create(model="spare", messages=USER)
        assert raw.parse().choices[0].message.content == TEXT
    assert raw.headers["x-sluice-attempts"] == "1" # the wrong one is not asked again


# ---- between languages ----

@pytest.mark.parametrize("model, answered", [("mixed", "google"), ("back", "openai")])
@pytest.mark.parametrize("stream", [False, True])
def test_another_target_answers_in_whatever_language(client, model, answered, stream):
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=USER, stream=stream)
    if stream:
        said = "".join(event.choices[0].delta.content or "" for event in raw.parse())
    else:
        said = raw.parse().choices[0].message.content
    assert said == TEXT
    assert raw.headers["x-sluice-provider"] == answered
    assert raw.headers["x-sluice-attempts"] == "2"


# ---- the operator's side ----

def test_probes_ask_for_its_models(gateway, google):
    seen = []
    while not seen:
        seen = [record for record in google.log() if record["method"] == "GET"]
    assert (seen[0]["path"], seen[0]["status"]) == ("/v1beta/models", 200)


def test_what_it_offers_can_be_compared(gateway, google):
    google.ask("/mock/control", {"models": FLASH + ",gemini-9"})
    answer = json.loads(gateway.get("/admin/providers/models", canaries.ADMIN_KEY))
    assert answer["providers"]["beta"] == {
        "problem": None, "offered": 2, "configured": 1, "new": ["gemini-9"], "gone": []}


def test_a_key_in_the_environment_is_enough(google):
    google.reset()
    with Sluice(from_file=False, env={
            "SLUICE_LISTEN": "127.0.0.1:0", "GEMINI_API_KEY": google.keys[0],
            "GEMINI_BASE_URL": google.url, "DEFAULT_MODEL": FLASH}) as gateway:
        client = sdk(gateway.url)
        assert ask(client, FLASH).choices[0].message.content == TEXT
        assert ask(client, "gemini/gemini-2.5-flash").model == "gemini-2.5-flash"
        assert FLASH in [model.id for model in client.models.list()]
