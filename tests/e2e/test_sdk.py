"""The official Python SDK: what it raises, retries and cancels."""

import asyncio
import contextlib

import openai
import pytest

import asked
import canaries
import wire
from asked import sdk


def test_text_and_usage_of_a_plain_answer(client):
    answer = asked.chat(client, "plain")
    assert answer.choices[0].message.content == "tok0 tok1 na\u00efve2 tok3 \u6f6e4"
    assert answer.usage.completion_tokens == 5
    assert answer._request_id.startswith("req_")


def test_tokens_arrive_one_by_one(client):
    parts = [event.choices[0].delta.content for event in asked.chat(client, "plain", stream=True)]
    assert "".join(part or "" for part in parts) == "tok0 tok1 na\u00efve2 tok3 \u6f6e4"
    assert len([part for part in parts if part]) == 5


def test_usage_that_was_not_asked_for_is_withheld_and_logged(gateway, client):
    with client.chat.completions.with_streaming_response.create(
            model="tide", messages=asked.USER, stream=True) as raw:
        request_id = raw.headers["x-request-id"]
        text = raw.read().decode()
    assert '"usage":{' not in text
    tokens = gateway.log_of(request_id)["tokens"]
    assert (tokens["output"], tokens["estimated"]) == (5, False)
    assert gateway.log_of(request_id)["cost_usd"] == pytest.approx(
        (tokens["input"] * 8 + tokens["output"] * 32) / 1e6)


def test_usage_that_was_asked_for_arrives_last(client):
    events = list(asked.chat(client, "plain", stream=True, **asked.USAGE))
    assert events[-1].choices == []
    assert events[-1].usage.completion_tokens == 5
    assert all(event.usage is None for event in events[:-1])


def test_a_picture_of_three_megabytes_arrives_whole(client, mock):
    asked.chat(client, "picture")
    assert len(asked.PICTURE) > 3_000_000
    assert mock.log()[-1]["body_bytes"] > len(asked.PICTURE)


def test_models_are_listed_with_what_is_known_of_them(client):
    models = {model.id: model for model in client.models.list()}
    assert set(models) == {"tide", "meta/llama-3:free", "vector"}
    tide = models["tide"]
    assert (tide.object, tide.owned_by, tide.description) == ("model", "mock", "knows the sea")
    assert (tide.context_window, tide.max_output_tokens) == (128000, 16384)
    assert tide.pricing == {"input": 8, "output": 32, "cached_input": 2, "cache_write": 10,
                            "unit": "usd_per_million_tokens"}


@pytest.mark.parametrize("name, found", [
    ("tide", "tide"), ("ebb", "tide"), ("harbour/ebb", "tide"),
    ("meta/llama-3:free", "meta/llama-3:free"), ("meta%2Fllama-3%3Afree", "meta/llama-3:free")])
def test_a_model_is_shown_by_its_name(client, name, found):
    assert client.get(f"/models/{name}", cast_to=openai.types.Model).id == found


def test_a_model_that_is_not_listed_is_not_shown(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("tides")
    assert caught.value.code == "model_not_found"


# ---- errors ----


def test_a_wrong_key_is_an_authentication_error(mock, gateway):
    for key in ("sk-wrong", canaries.CLIENT_KEY + "x", canaries.CLIENT_KEY[:-1]):
        with sdk(gateway.url, key=key) as client, \
                pytest.raises(openai.AuthenticationError) as caught:
            asked.chat(client, "plain")
        assert caught.value.code == "invalid_api_key"
        assert caught.value.type == "invalid_request_error"
        assert caught.value.param is None
    assert mock.stats()["requests"] == 0


def test_a_model_that_a_key_may_not_use_is_a_permission_error(gateway, mock):
    with sdk(gateway.url, key=canaries.OTHER_KEY) as client:
        assert asked.chat(client, "plain", model="tide").choices
        assert asked.chat(client, "plain", model="meta/llama-3:free").choices
        assert [model.id for model in client.models.list()] == ["tide", "meta/llama-3:free"]
        with pytest.raises(openai.PermissionDeniedError) as caught:
            asked.chat(client, "plain", model="vector")
        assert (caught.value.code, caught.value.param) == ("model_not_allowed", "model")
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("vector")


UPSTREAM_ERRORS = {
    "400": (openai.BadRequestError, 400, "invalid_value"),
    "400-context": (openai.BadRequestError, 400, "context_length_exceeded"),
    "404": (openai.NotFoundError, 404, "model_not_found"),
    "409": (openai.InternalServerError, 503, None),
    "413": (openai.APIStatusError, 413, None),
    "422": (openai.UnprocessableEntityError, 422, None),
    "429-seconds": (openai.RateLimitError, 429, "rate_limit_exceeded"),
    "429-quota": (openai.RateLimitError, 429, "insufficient_quota"),
    "500": (openai.InternalServerError, 500, None),
    "502-html": (openai.InternalServerError, 502, "upstream_error"),
    "503": (openai.InternalServerError, 503, "server_is_overloaded"),
    "504": (openai.InternalServerError, 504, None),
    "529": (openai.InternalServerError, 503, None),
    "401": (openai.InternalServerError, 502, "upstream_auth"),
    "403": (openai.InternalServerError, 502, "upstream_auth"),
    "html": (openai.InternalServerError, 502, "upstream_content_type"),
    "bad-status-line": (openai.InternalServerError, 502, "upstream_protocol"),
    "reset-before-headers": (openai.InternalServerError, 502, "upstream_reset"),
    "200-error": (openai.InternalServerError, 500, None),
    "200-error-overloaded": (openai.InternalServerError, 503, "server_is_overloaded"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", UPSTREAM_ERRORS)
def test_an_error_of_the_provider_has_its_class(client, fault, stream):
    kind, status, code = UPSTREAM_ERRORS[fault]
    with pytest.raises(kind) as caught:
        asked.chat(client, "plain", model="fault:" + fault, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.code == code
    assert caught.value.message and caught.value.type
    assert caught.value.request_id.startswith("req_")
    canaries.assert_none_in(caught.value.response.text, "error")


def test_an_error_inside_a_stream_is_raised_after_the_text_before_it(client):
    text = ""
    with pytest.raises(openai.APIError) as caught:
        for event in asked.chat(client, "plain", model="fault:sse-error-mid", stream=True):
            text += event.choices[0].delta.content or ""
    assert text == "tok0 tok1"
    assert "error" in caught.value.message


def test_a_stream_that_breaks_is_raised_as_truncated(client):
    text = ""
    with pytest.raises(openai.APIError) as caught:
        for event in asked.chat(client, "plain", model="fault:reset-mid-event", stream=True):
            text += event.choices[0].delta.content or ""
    assert text == "tok0 tok1"
    assert caught.value.code == "upstream_truncated"


# ---- retries ----


def test_the_sdk_does_not_repeat_what_the_gateway_has_tried(gateway, mock):
    for fault in ("500", "429-seconds", "reset-before-headers"):
        mock.reset()
        with sdk(gateway.url, max_retries=3) as client, \
                pytest.raises(openai.APIStatusError) as caught:
            asked.chat(client, "plain", model="fault:" + fault)
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert mock.stats()["requests"] == 1


def test_a_rate_limit_says_when_to_come_again(client):
    with pytest.raises(openai.RateLimitError) as caught:
        asked.chat(client, "plain", model="fault:429-seconds")
    assert caught.value.response.headers["retry-after"] == "1"


# ---- going away ----


def test_a_client_that_times_out_is_noticed_by_the_provider(gateway, mock):
    with sdk(gateway.url, timeout=0.2) as client, pytest.raises(openai.APITimeoutError):
        asked.chat(client, "plain", model="fault:stall-before-headers")
    mock.wait(cancelled_min=1, in_flight_max=0)


@pytest.mark.parametrize("fault", ["stall-mid-stream", "endless-stream"])
def test_closing_a_stream_closes_the_providers(gateway, client, mock, fault):
    stream = asked.chat(client, "plain", model="fault:" + fault, stream=True)
    request_id = stream.response.headers["x-request-id"]
    next(iter(stream))
    stream.close()
    mock.wait(cancelled_min=1, in_flight_max=0)
    line = gateway.log_of(request_id)
    assert (line["status"], line["outcome"]) == (499, "cancelled")
    assert line["tokens"]["estimated"]


def test_cancelling_a_task_closes_the_providers_stream(gateway, mock):
    async def leave():
        async with sdk(gateway.url, openai.AsyncOpenAI) as client:
            stream = await asked.chat(client, "plain", model="fault:stall-mid-stream", stream=True)

            async def read():
                async for _ in stream:
                    first.set()
            first = asyncio.Event()
            task = asyncio.create_task(read())
            await first.wait()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await stream.close()

    asyncio.run(leave())
    mock.wait(cancelled_min=1, in_flight_max=0)


def test_a_connection_is_used_again(gateway, client, mock):
    for _ in range(20):
        asked.chat(client, "plain")
        list(asked.chat(client, "plain", stream=True))
    assert len({record["connection"] for record in mock.log()}) == 1
    assert gateway.metric("sluice_connections") <= 3


# ---- the request ----

BAD_BODIES = {
    "empty": (b"", "invalid_json"),
    "no JSON": (b"model=x", "invalid_json"),
    "cut": (b'{"model":"m","messages":[', "invalid_json"),
    "two values": (b'{"model":"m"} {}', "invalid_json"),
    "no object": (b"[]", "invalid_json"),
    "trailing comma": (b'{"model":"m",}', "invalid_json"),
    "byte order mark": (b'\xef\xbb\xbf{"model":"m"}', "invalid_json"),
    "two models": (b'{"model":"m","model":"tide"}', "duplicate_key"),
    "two models, one escaped": (b'{"model":"m","mod\\u0065l":"tide"}', "duplicate_key"),
    "two streams": (b'{"model":"m","stream":true,"stream":false}', "duplicate_key"),
    "model is a number": (b'{"model":7}', "invalid_value"),
    "model is empty": (b'{"model":""}', "invalid_value"),
    "no model": (b'{"messages":[]}', "invalid_value"),
    "stream is a string": (b'{"model":"m","stream":"yes"}', "invalid_value"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_with_its_reason(gateway, mock, name):
    body, code = BAD_BODIES[name]
    reply = wire.ask(gateway, wire.chat_request("", body=body))
    assert (reply.status, reply.code) == (400, code)
    assert set(reply.error) == {"message", "type", "param", "code"}
    assert reply.error["type"] == "invalid_request_error"
    assert mock.stats()["requests"] == 0
    assert gateway.log_of(reply["x-request-id"])["error"] == code
