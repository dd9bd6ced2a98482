"""What is asked of a provider: one row for each kind of question, for the tests that put it to the
mock directly and through the gateway."""

import base64
import re

import openai

import canaries

USER = [{"role": "user", "content": "How high is the tide?"}]


def sdk(url, kind=openai.OpenAI, key=canaries.CLIENT_KEY, **options):
    return kind(base_url=url + "/v1", api_key=key, **{"max_retries": 0, "timeout": 15, **options})


def says(text):
    return [{"role": "user", "content": "echo:" + text}]


def tool(name):
    parameters = {"type": "object", "properties": {"harbour": {"type": "string"},
                                                   "hour": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("tide"), tool("wind")]
FLAT_TOOLS = [{"type": "function", "strict": None, **row["function"]} for row in TOOLS]
EMOJI = "na\u00efve \u6f6e \U0001f30a \U0001f469\u200d\U0001f680 \"quoted\" \\ \u2028 end"
LONG = "all work and no play " * 10000
PICTURE = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 9216).decode()
PICTURE_MESSAGE = [{"role": "user", "content": [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": PICTURE}}]}]
TOOL_RESULT = USER + [
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "high"}]

CHATS = {
    "plain": {},
    "conversation": {"messages": [{"role": "system", "content": "Be brief."}, *USER,
                                  {"role": "assistant", "content": "4 m"}, *USER]},
    "one tool": {"tools": TOOLS[:1]},
    "parallel tools": {"tools": TOOLS},
    "forced tool": {"tools": TOOLS, "tool_choice": {"type": "function",
                                                    "function": {"name": "wind"}}},
    "tool result": {"messages": TOOL_RESULT, "tools": TOOLS},
    "three choices": {"n": 3},
    "stop": {"stop": ["tok9", "\n"]},
    "max_tokens": {"max_tokens": 2},
    "max_completion_tokens": {"max_completion_tokens": 3},
    "json_object": {"response_format": {"type": "json_object"}},
    "sampling": {"temperature": 0.7, "top_p": 0.25, "seed": 7, "logit_bias": {"50256": -100},
                 "user": "u-1", "metadata": {"a": "b"}},
    "emoji": {"messages": says(EMOJI)},
    "long prompt": {"messages": [{"role": "user", "content": LONG}]},
    "picture": {"messages": PICTURE_MESSAGE},
    "reasoning": {"model": "deep-reason", "reasoning_effort": "low"},
    "many tokens": {"model": "m@tokens=500"},
    "torn events": {"model": "m@split=7"},
    "comments between events": {"model": "fault:sse-comments"},
}
USAGE = {"stream_options": {"include_usage": True}}
NO_USAGE = {"stream_options": {"include_usage": False}}


def chat(client, name, **more):
    return client.chat.completions.create(**{"model": "m", "messages": USER, **CHATS[name], **more})


# Numbers that the mock counts up, and its clock.
COUNTED = re.compile(r"^([a-z]+[-_](?:mock_)?)[0-9a-f]{8,}")
TIMES = {"created", "created_at", "completed_at"}


def unnumbered(value):
    """The value without what differs between two answers to the same question."""
    if isinstance(value, dict):
        return {key: 0 if key in TIMES else unnumbered(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unnumbered(item) for item in value]
    return COUNTED.sub(r"\1N", value) if isinstance(value, str) else value


def dump(answer):
    """What the SDK made of an answer, or of the events of a stream; also the fields it did not
    know and which fields were there."""
    if hasattr(answer, "model_dump"):
        return unnumbered(answer.model_dump())
    return [unnumbered(event.model_dump()) for event in answer]
