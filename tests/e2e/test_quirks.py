"""What providers that speak OpenAI's language do otherwise, through the gateway: their own bytes, from the
golden fixtures."""

import json
import pathlib

import httpx
import pytest

from mock import Mock
from sluice import Sluice

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "golden" / "fixtures"
USER = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def provider():
    with Mock(tokens=5, files=FIXTURES) as mock:
        yield mock


@pytest.fixture(scope="module")
def gateway(provider):
    def place(kind):
        return {"kind": kind, "base_url": provider.url + "/v1", "keys": provider.keys}

    with Sluice(
        providers={name: place(name) for name in ("deepseek", "openrouter", "vllm")},
        retry={"max_attempts": 2, "initial_delay_ms": 1},
    ) as sluice:
        yield sluice


def ask(gateway, model, **more):
    return httpx.post(gateway.url + "/v1/chat/completions", timeout=20,
                      json={"model": model, "messages": USER, **more})


def fixture(name):
    return (FIXTURES / name).read_bytes()


def test_deepseeks_stream_passes_and_its_cache_is_counted(gateway):
    name = "19-deepseek-stream-keepalive-reasoning-usage-on-finish.sse"
    answer = ask(gateway, "deepseek/file:" + name, stream=True)
    assert answer.content == fixture(name)
    tokens = gateway.log_of(answer.headers["x-request-id"])["tokens"]
    assert tokens == {"input": 36, "output": 20, "cached": 64, "cache_write": 0,
                      "reasoning": 12, "estimated": False}


def test_deepseeks_blank_lines_stand_before_its_answer(gateway):
    name = "20-deepseek-nonstream-leading-blank-lines.txt"
    answer = ask(gateway, "deepseek/file:" + name)
    assert answer.content == fixture(name)
    assert answer.json()["choices"][0]["message"]["reasoning_content"] == "Hmm."
    tokens = gateway.log_of(answer.headers["x-request-id"])["tokens"]
    assert (tokens["input"], tokens["cached"], tokens["output"]) == (10, 0, 5)


def test_an_assistants_reasoning_goes_back_to_deepseek(gateway, provider):
    messages = [*USER, {"role": "assistant", "content": None, "reasoning_content": "Hm \u2693.",
                        "tool_calls": [{"id": "a", "type": "function",
                                        "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "x"}]
    assert ask(gateway, "deepseek/m", messages=messages).status_code == 200
    assert json.loads(provider.log()[-1]["body"])["messages"] == messages


@pytest.mark.parametrize("kind, name, said", [
    ("openrouter", "23-openrouter-stream-error-in-200.sse", "Provider returned error"),
    ("vllm", "24-vllm-stream-continuous-usage-error-then-done.sse", "EngineCore died"),
])
def test_an_error_behind_content_is_one_despite_the_done(gateway, kind, name, said):
    answer = ask(gateway, f"{kind}/file:{name}", stream=True)
    events = answer.text.split("\n\n")
    assert said in events[-2] and "[DONE]" not in answer.text
    line = gateway.log_of(answer.headers["x-request-id"])
    assert (line["status"], line["outcome"]) == (200, "broken")
    failed = f'sluice_attempts_total{{target="{kind}:*",outcome="server_error"}} 1'
    assert failed in gateway.get("/metrics")
