"""A session as a coding agent of Anthropic's has it: what it was told stands in blocks, the first of which is
for the provider alone; it thinks, calls tools over several turns, gets a screenshot back, counts before it
asks, and says so in fields and headers of betas. The same script, whatever its upstream speaks."""

import json

import anthropic
import pytest

import canaries
from mock import Mock
from sluice import Sluice, openai_provider, target

TEXT = "tok0 tok1 naïve2 tok3 潮4"
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
ATTRIBUTION = "x-anthropic-billing-header: cc_version=2.1.0; cc_entrypoint=cli; cch=00000;"
CACHED = {"type": "ephemeral"}
SYSTEM = [{"type": "text", "text": ATTRIBUTION},
          {"type": "text", "text": "You are a careful coding agent.", "cache_control": CACHED},
          {"type": "text", "text": "# Environment\nThe directory is /tmp.", "cache_control": CACHED}]
TOOLS = [
    {"name": "Read", "description": "Reads a file.", "strict": True, "input_schema": {
        "type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"],
        "additionalProperties": False}},
    {"name": "Screenshot", "input_schema": {"type": "object", "properties": {}},
     "cache_control": CACHED, "defer_loading": False, "eager_input_streaming": True},
]
BETAS = ["claude-code-20250219", "interleaved-thinking-2025-05-14", "context-management-2025-06-27"]
REMINDER = {"type": "text", "text": "<system-reminder>Nothing new.</system-reminder>"}

# The language of the upstream: the kind of its provider, and a model there that thinks.
UPSTREAMS = {"anthropic": ("anthropic", "claude-opus-5-5"), "openai": ("openai", "gpt-5-reason"),
             "gemini": ("gemini", "gemini-3.8-flash")}


@pytest.fixture(scope="module", params=UPSTREAMS)
def upstream(request):
    return request.param


@pytest.fixture(scope="module")
def mock(upstream):
    with Mock(tokens=5, name=upstream) as mock:
        yield mock


@pytest.fixture(scope="module")
def gateway(upstream, mock):
    kind, model = UPSTREAMS[upstream]
    provider = openai_provider(mock) if kind == "openai" else {
        "kind": kind, "base_url": mock.url, "keys": mock.keys}
    with Sluice(providers={"there": provider},
                models={"claude-opus-5-5": {"targets": [target("there", model)]}},
                models_only=True, retry={"max_attempts": 1},
                client_keys=[{"name": "agent", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
                admin={"keys": [canaries.ADMIN_KEY]}) as sluice:
        yield sluice


class Session:
    """The agent: keeps what was said and goes on with it."""

    def __init__(self, gateway):
        self.client = anthropic.Anthropic(base_url=gateway.url, api_key=None, auth_token=canaries.CLIENT_KEY,
                                          max_retries=0, timeout=15, default_headers={
                                              "x-app": "cli", "x-claude-code-session-id": "s-1"})
        self.gateway = gateway
        self.messages = []

    def question(self, **more):
        return {"model": "claude-opus-5-5", "system": SYSTEM, "messages": self.messages, "tools": TOOLS,
                "thinking": {"type": "adaptive"}, "betas": BETAS, **more}

    def count(self):
        raw = self.client.beta.messages.with_raw_response.count_tokens(**self.question())
        return raw.parse().input_tokens, raw.headers

    def turn(self, *blocks, **more):
        """Says that, streams the answer, keeps both."""
        self.messages = [*self.messages, {"role": "user", "content": list(blocks)}]
        with self.client.beta.messages.stream(
                **self.question(max_tokens=32000, metadata={"user_id": "user_1_session_2"},
                                output_config={"effort": "medium"},
                                context_management={"edits": [{"type": "clear_tool_uses_20250919"}]}),
                **more) as stream:
            answer = stream.get_final_message()
            headers = stream.response.headers
        self.messages = [*self.messages, {"role": "assistant", "content": [
            block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in answer.content]}]
        line = self.gateway.log_of(headers["request-id"])
        assert line["outcome"] == "ok" and not line["tokens"]["estimated"]
        assert line["tokens"]["output"] == answer.usage.output_tokens > 0
        return answer, headers


def posts(mock):
    return [record for record in mock.log() if record["method"] == "POST"]


def test_a_session(gateway, mock, upstream):
    session = Session(gateway)
    session.messages = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    count, headers = session.count()
    assert count > 0
    assert ("x-sluice-estimated" in headers) == (upstream != "anthropic")
    session.messages = []

    # it is asked, thinks, and calls both of its tools
    answer, _ = session.turn(REMINDER, {"type": "text", "text": "What does the file say?", "cache_control": CACHED})
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use"
    assert [call.name for call in calls] == ["Read", "Screenshot"]
    assert isinstance(calls[0].input["path"], str) and calls[1].input == {}

    # one fails, the other gives a picture
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    answer, _ = session.turn(
        {"type": "tool_result", "tool_use_id": calls[0].id, "is_error": True, "content": "No such file."},
        {"type": "tool_result", "tool_use_id": calls[1].id, "content": [{"type": "text", "text": "Here."}, picture]},
        tool_choice={"type": "none"})
    assert (answer.content[-1].text, answer.stop_reason) == (TEXT, "end_turn")

    # it is asked for more, and looks again
    answer, _ = session.turn(REMINDER, {"type": "text", "text": "And now?"})
    again = [block for block in answer.content if block.type == "tool_use"]
    assert len(again) == 2
    answer, _ = session.turn(*[{"type": "tool_result", "tool_use_id": call.id, "content": "42"} for call in again])
    assert answer.content[-1].text == TEXT

    check_what_went_up(upstream, [json.loads(record["body"]) for record in posts(mock)], posts(mock)[-1])


def check_what_went_up(upstream, bodies, last):
    if upstream == "anthropic":
        assert bodies[-1]["system"] == SYSTEM  # all of it, in its order
        assert bodies[1]["context_management"]["edits"]
        assert last["headers"]["anthropic-beta"].split(",") == BETAS
        assert bodies[-1]["messages"][1]["content"][0]["signature"]
    else:
        text = json.dumps(bodies[-1])
        assert "x-anthropic-billing-header" not in text
        assert "careful coding agent" in text and "No such file." in text and PIXEL in text
        assert "anthropic-beta" not in last["headers"] and "cache_control" not in text


def test_what_was_left_out_is_said(gateway, upstream):
    _, headers = Session(gateway).turn({"type": "text", "text": "Hello"})
    dropped = headers.get("x-sluice-dropped", "")
    assert ("context_management" in dropped) == (upstream != "anthropic")


def test_the_small_model_names_the_session(gateway):
    """Agents ask for a title in between, held to a schema."""
    session = Session(gateway)
    answer = session.client.beta.messages.create(
        model="claude-opus-5-5", max_tokens=50, messages=[{"role": "user", "content": "echo:{}"}],
        system=[{"type": "text", "text": ATTRIBUTION}], output_config={"format": {
            "type": "json_schema", "schema": {"type": "object", "properties": {}, "additionalProperties": False}}})
    assert isinstance(json.loads(answer.content[0].text), dict)
