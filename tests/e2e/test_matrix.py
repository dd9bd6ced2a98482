"""Each official SDK at each provider's language: text, tools, pictures, thinking, errors and usage, whole and as a
stream. Every cell of the table is a test; conftest.py prints the table at the end of the run, and README shows it."""

import collections
import contextlib
import json
import pathlib
import subprocess

import pytest

import canaries
import matrix
from mock import Mock
from sluice import Sluice, target

HERE = pathlib.Path(__file__).parent
TEXT = "tok0 tok1 naïve2 tok3 潮4"
WORDS = "High water at six, naïve 潮 \U0001f30a \"quoted\" \\ end"
FINISHED = {"openai": ("stop", "tool_calls"), "anthropic": ("end_turn", "tool_use"),
            "gemini": ("STOP", "STOP")}

# Each provider's language, and what its mock calls a refusal and a stream that breaks.
UPSTREAMS = {
    "openai": {"kind": "deepseek", "path": "/v1", "breaks": "fault:sse-error-mid"},
    "anthropic": {"kind": "anthropic", "path": "", "breaks": "fault:anthropic-sse-error-mid"},
    "gemini": {"kind": "gemini", "path": "", "breaks": "fault:gemini-sse-error-mid"},
}
REFUSES = "fault:429-seconds"
CLIENTS = [(sdk, client) for client in ("openai", "anthropic") for sdk in ("Python", "Node")]
CLIENTS.append(("Python", "gemini"))
ROWS = [(sdk, client, upstream) for sdk, client in CLIENTS for upstream in UPSTREAMS]
MODES = {"JSON": False, "stream": True}
QUESTIONS = {
    "text": {"say": "echo:" + WORDS},
    "tools": {"say": "How high?", "tools": True},
    "images": {"say": "What is this?", "image": True},
    "thinking": {"say": "Why?", "think": True, "model": "deepseek-reason"},
    "error": {"say": "Hello", "model": REFUSES},
    "usage": {"say": "How much is this? " * 40, "model": "some-cached"},
}
CELLS = [(*row, case, mode) for row in ROWS for case in QUESTIONS for mode in MODES]


def model_name(upstream, case):
    return f"{upstream}/{case}"


def question_of(client, upstream, case, mode):
    return {**QUESTIONS[case], "client": client, "model": model_name(upstream, case),
            "stream": MODES[mode]}


@pytest.fixture(scope="module")
def node(gateway):
    """Asks a question with the SDKs for Node."""
    setup = {"url": gateway.url, "key": canaries.CLIENT_KEY, "picture": matrix.PICTURE,
             "schema": matrix.SCHEMA, "tools": matrix.TOOLS, "result": matrix.RESULT}
    with subprocess.Popen(["node", HERE / "matrix.mjs", json.dumps(setup)], text=True, cwd=HERE,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        def ask_node(url, question):
            assert url == gateway.url
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())
        yield ask_node
        process.stdin.close()


@pytest.fixture
def ask(request, sdk, client):
    if sdk == "Node":
        return request.getfixturevalue("node")
    return {"openai": matrix.ask_openai, "anthropic": matrix.ask_anthropic,
            "gemini": matrix.ask_gemini}[client]


@pytest.fixture(scope="module")
def mocks():
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Mock(tokens=5, name=name)) for name in UPSTREAMS}


@pytest.fixture(scope="module")
def gateway(mocks):
    models = {}
    for name, upstream in UPSTREAMS.items():
        for case, question in QUESTIONS.items():
            models[model_name(name, case)] = {
                "targets": [target(name, question.get("model", "plain"))]}
        models[model_name(name, "breaks")] = {"targets": [target(name, upstream["breaks"])]}
    with Sluice(
        providers={name: {"kind": upstream["kind"], "keys": mocks[name].keys,
                          "base_url": mocks[name].url + upstream["path"]}
                   for name, upstream in UPSTREAMS.items()},
        models=models,
        client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        retry={"max_attempts": 1},
        circuit_breaker={"enabled": False},
    ) as sluice:
        yield sluice


# ---- what must come of each question ----

def check_text(seen, client, **_):
    assert (seen["text"], seen["finish"]) == (WORDS, FINISHED[client][0])
    assert (seen["calls"], seen["thinking"]) == ([], "")


def check_tools(seen, client, mock, **_):
    assert [name for name, _ in seen["calls"]] == ["tide", "wind"]
    assert all(isinstance(given["harbour"], str) and given["harbour"]
               for _, given in seen["calls"])
    assert seen["finish"] == FINISHED[client][1]
    assert seen["second"]["text"] == TEXT
    assert mock.log()[-1]["body"].count(matrix.RESULT) == 2


def check_images(seen, mock, **_):
    assert seen["text"] == TEXT
    body = mock.log()[-1]["body"].replace("-", "+").replace("_", "/")  # Google's SDK writes these
    assert matrix.PICTURE in body


def check_thinking(seen, **_):
    assert (seen["thinking"], seen["text"]) == ("Let me see.", TEXT)
    assert seen["usage"]["output"] == 5 + 32


def check_error(seen, ask, client, upstream, gateway, mode, **_):
    assert seen == {"error": 429}
    if MODES[mode]:
        broken = {**question_of(client, upstream, "text", mode), "say": "Hello",
                  "model": model_name(upstream, "breaks")}
        seen = ask(gateway.url, broken)
        assert seen["error"] == "stream" and TEXT.startswith(seen["text"]) and seen["text"]


def logged(gateway, model):
    """The line of the newest request for that model."""
    asked[model] += 1
    lines = gateway.out.wait_for(
        lambda lines: [line for line in lines if f'"model":"{model}"' in line][asked[model] - 1:],
        f"line of {model}")
    return json.loads(lines[0])


def check_usage(seen, gateway, mock, upstream, **_):
    said = logged(gateway, model_name(upstream, "usage"))["tokens"]
    prompt = said["input"] + said["cached"] + said["cache_write"]
    assert seen["usage"] == {"input": prompt, "output": 5,
                             "cached": said["cached"]}
    assert said["cached"] > 40 and not said["estimated"]
    assert mock.log()[-1]["tokens"] == said["output"] == 5


CHECKS = {"text": check_text, "tools": check_tools, "images": check_images,
          "thinking": check_thinking, "error": check_error, "usage": check_usage}
passed = set()
asked = collections.Counter()  # requests for a model that were looked up in the log


@pytest.mark.parametrize("sdk, client, upstream, case, mode", CELLS)
def test_cell(mocks, gateway, ask, sdk, client, upstream, case, mode):
    mock = mocks[upstream]
    mock.reset()
    seen = ask(gateway.url, question_of(client, upstream, case, mode))
    CHECKS[case](seen, ask=ask, client=client, upstream=upstream, gateway=gateway, mock=mock,
                 mode=mode)
    passed.add((sdk, client, upstream, case, mode))


# ---- the table ----

def table(good):
    """Markdown; a cell says yes when both of its answers were as they must be."""
    lines = ["| client | provider speaks | " + " | ".join(QUESTIONS) + " |",
             "|---|---|" + "---|" * len(QUESTIONS)]
    for row in ROWS:
        cells = ["yes" if all((*row, case, mode) in good for mode in MODES) else "NO"
                 for case in QUESTIONS]
        lines.append(f"| {row[1]} SDK, {row[0]} | {row[2]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def test_readme_shows_the_table():
    assert table(set(CELLS)) in (HERE.parents[1] / "README.md").read_text()
