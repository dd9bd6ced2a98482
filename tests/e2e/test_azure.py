"""Azure: OpenAI's language with a key in `api-key`, at addresses of its own. The mock refuses a wrong key and
a missing version."""

import json
import pathlib

import openai
import pytest

from asked import sdk
from mock import Mock
from sluice import Sluice, target

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "golden" / "fixtures"
FILTERED = "21-azure-stream-prompt-filter-first.sse"
USER = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def azure():
    with Mock(tokens=5, files=FIXTURES) as mock:
        mock.ask("/mock/control", {"key": mock.keys[0]})
        yield mock


@pytest.fixture(scope="module")
def gateway(azure):
    def provider(**more):
        return {"kind": "azure", "base_url": azure.url, "keys": azure.keys, **more}

    with Sluice(
        providers={
            "new": provider(),
            "old": provider(api_version="2024-10-21", health={"interval": "100ms"}),
            "spare": provider(base_url=azure.url + "/openai/v1/"),
        },
        models={
            "tide": {"targets": [target("new", "gpt-4.1")]},
            "deployed": {"targets": [target("old", "gpt/4.1")]},
            "refused": {"targets": [target("old", "fault:400-content-filter", priority=1),
                                    target("spare", "gpt-4.1", priority=2)]},
            "elsewhere": {"targets": [target("old", "fault:400-content-filter")],
                          "fallbacks": ["spare"], "fallback_on": {"content_filter": ["spare"]}},
            "spare": {"targets": [target("spare", "gpt-4.1")]},
            "gone": {"targets": [target("old", "missing-deployment")]},
        },
        retry={"max_attempts": 3, "initial_delay_ms": 1},
    ) as sluice:
        yield sluice


@pytest.fixture
def client(gateway, azure):
    azure.reset()
    return sdk(gateway.url)


def asked_of(azure):
    return [record for record in azure.log() if record["method"] == "POST"]


def ask(client, model, **more):
    return client.chat.completions.create(model=model, messages=USER, **more)


def test_without_a_version_it_is_the_v1_api(client, azure):
    answer = ask(client, "tide")
    assert answer.choices[0].message.content.startswith("tok0")
    [record] = asked_of(azure)
    assert record["path"] == "/openai/v1/chat/completions"
    assert record["headers"]["api-key"] == azure.keys[0]
    assert "authorization" not in record["headers"]
    assert json.loads(record["body"])["model"] == "gpt-4.1"


def test_with_a_version_the_deployment_stands_in_the_address(client, azure):
    events = list(ask(client, "deployed", stream=True, stream_options={"include_usage": True}))
    assert events[-1].usage.completion_tokens == 5
    [record] = asked_of(azure)
    assert record["path"] == ("/openai/deployments/gpt%2F4.1/chat/completions"
                              "?api-version=2024-10-21")


def test_embeddings_and_responses(client, azure):
    client.embeddings.create(model="deployed", input="x")
    client.responses.create(model="deployed", input="x")
    assert [record["path"] for record in asked_of(azure)] == [
        "/openai/deployments/gpt%2F4.1/embeddings?api-version=2024-10-21",
        "/openai/responses?api-version=2024-10-21"]


def test_it_is_probed_where_it_lists_its_models(gateway, azure):
    azure.wait(requests_min=1)
    probes = [record for record in azure.log() if record["method"] == "GET"]
    assert probes and probes[-1]["path"] == "/openai/models?api-version=2024-10-21"
    assert probes[-1]["status"] == 200


def test_the_first_chunk_about_the_prompt_passes_as_it_is(gateway, client):
    with client.chat.completions.with_streaming_response.create(
            model="old/file:" + FILTERED, messages=USER, stream=True,
            stream_options={"include_usage": True}) as answer:
        assert answer.read() == (FIXTURES / FILTERED).read_bytes()
    line = gateway.log_of(answer.headers["x-request-id"])
    assert (line["tokens"]["input"], line["tokens"]["output"]) == (30, 6)


def test_a_filtered_prompt_is_not_tried_again(client, azure):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "refused")
    assert caught.value.code == "content_filter"
    assert caught.value.param == "prompt"
    assert len(asked_of(azure)) == 1


def test_a_filtered_prompt_may_go_to_another_model(client, azure):
    assert ask(client, "elsewhere").choices[0].message.content.startswith("tok0")
    assert len(asked_of(azure)) == 2


def test_a_deployment_that_is_not_there(client, azure):
    with pytest.raises(openai.NotFoundError):
        ask(client, "gone")


def test_a_name_that_a_client_made_up_stays_one_segment(client, azure):
    ask(client, "old/a?b=../c")
    assert asked_of(azure)[0]["path"] == (
        "/openai/deployments/a%3Fb%3D..%2Fc/chat/completions?api-version=2024-10-21")
    with pytest.raises(openai.APIStatusError):
        ask(client, "old/..")
    assert len(asked_of(azure)) == 1
