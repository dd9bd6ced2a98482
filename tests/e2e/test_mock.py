"""The fake provider itself: a test that passes against a wrong mock proves nothing."""

import base64
import gzip
import json
import socket
import struct
import subprocess
import time
import zlib

import httpx
import openai
import prometheus
import pytest

from mock import BINARY, Mock

USER = [{"role": "user", "content": "How high is the tide?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "tide",
        "parameters": {
            "type": "object",
            "properties": {"harbour": {"type": "string"}, "hour": {"type": "integer"}},
        },
    },
}
FAULTS = [line.split()[0] for line in subprocess.run(
    [BINARY, "--list-faults"], capture_output=True, text=True, check=True).stdout.splitlines()]


@pytest.fixture(scope="module")
def server():
    with Mock(tokens=5) as mock:
        yield mock


@pytest.fixture
def mock(server):
    server.set(latency_ms=0, tokens=5, interval_ms=0, error_rate=0, fault=None)
    server.reset()
    return server


@pytest.fixture
def client(mock):
    with openai.OpenAI(base_url=mock.url + "/v1", api_key="sk-test-0123456789abcdef",
                       max_retries=0, timeout=10) as client:
        yield client


def chat(client, model="m", **more):
    return client.chat.completions.create(model=model, messages=USER, **more)


def raw(mock, model, stream=True, path="/v1/chat/completions", limit=1 << 20, close=True):
    """All bytes that come back on a connection of its own, up to `limit`, and how it ended."""
    body = json.dumps({"model": model, "stream": stream, "messages": USER}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    head += "Authorization: Bearer sk-test-0123456789abcdef\r\n"
    head += "Connection: close\r\n\r\n" if close else "\r\n"
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(head.encode() + body)
        got = bytearray()
        while len(got) < limit:
            try:
                part = peer.recv(1 << 20)
            except ConnectionResetError:
                return bytes(got), "reset"
            if not part:
                return bytes(got), "close"
            got += part
    return bytes(got), "limit"


def until(mock, model, text, stream=True):
    """The bytes up to and with `text`, for answers that then stall."""
    body = json.dumps({"model": model, "stream": stream, "messages": USER}).encode()
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        got = bytearray()
        while text not in got[-len(text) - (1 << 20):]:
            part = peer.recv(1 << 20)
            assert part, got
            got += part
    return bytes(got)


def chunks_of(answer):
    """The chunks of a chunked response; the last is empty when its end came."""
    at = answer.index(b"\r\n\r\n") + 4
    while at < len(answer):
        end = answer.index(b"\r\n", at)
        size = int(answer[at:end], 16)
        yield answer[end + 2:end + 2 + size]
        at = end + 2 + size + 2


def unchunk(answer):
    """The body of a chunked response, and whether its end came."""
    chunks = list(chunks_of(answer))
    return b"".join(chunks), chunks[-1:] == [b""]


def events(body):
    return [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]


# ---- what a provider does ----


def test_a_chat_answers_numbered_tokens_and_their_usage(client):
    answer = chat(client)
    assert answer.choices[0].message.content == "tok0 tok1 na\u00efve2 tok3 \u6f6e4"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 5
    assert answer.system_fingerprint == "mock"
    assert answer._request_id.startswith("req_mock_")


def test_a_stream_says_the_same_as_the_plain_answer(client):
    plain = chat(client)
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) \
        == plain.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == plain.usage
    assert all(c.usage is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1


def test_without_include_usage_no_chunk_has_a_usage(mock):
    body, ended = unchunk(raw(mock, "m")[0])
    assert ended
    assert events(body)[-1] == "[DONE]"
    assert all("usage" not in json.loads(event) for event in events(body)[:-1])


def test_choices_of_a_stream_interleave(client):
    texts = {0: "", 1: "", 2: ""}
    order = []
    for chunk in chat(client, stream=True, n=3):
        order.append(chunk.choices[0].index)
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert order == [0, 1, 2] * 7
    assert len(set(texts.values())) == 1 and texts[0].startswith("tok0")
    assert len(chat(client, n=3).choices) == 3


def test_max_tokens_cuts_and_says_so(client):
    for name in ("max_tokens", "max_completion_tokens"):
        answer = chat(client, **{name: 2})
        assert answer.choices[0].message.content == "tok0 tok1"
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage.completion_tokens == 2


def test_echo_repeats_the_words_exactly(client):
    words = "one  two\n\u6f6e \U0001f30a \"quoted\" \\ end"
    ask = [{"role": "system", "content": "x"}, {"role": "user", "content": "echo:" + words}]
    plain = client.chat.completions.create(model="m", messages=ask)
    stream = client.chat.completions.create(model="m", messages=ask, stream=True)
    parts = [c.choices[0].delta.content for c in stream if c.choices[0].delta.content]
    assert plain.choices[0].message.content == words
    assert "".join(parts) == words
    assert len(parts) == plain.usage.completion_tokens == 7


def test_json_mode_says_json(client):
    ask = {"response_format": {"type": "json_object"}}
    assert json.loads(chat(client, **ask).choices[0].message.content)["answer"].startswith("tok0")
    echoed = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "echo:say \"so\""}], **ask)
    assert json.loads(echoed.choices[0].message.content) == {"answer": "say \"so\""}


def test_tools_are_called_in_parallel_and_streamed_in_fragments(client):
    other = json.loads(json.dumps(TOOL).replace("tide", "wind"))
    plain = chat(client, tools=[TOOL, other]).choices[0]
    calls = {}
    for chunk in chat(client, tools=[TOOL, other], stream=True):
        for delta in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(delta.index, [delta.id, delta.function.name, ""])
            call[2] += delta.function.arguments
        finish = chunk.choices[0].finish_reason
    assert finish == plain.finish_reason == "tool_calls"
    assert [c[1] for c in calls.values()] == ["tide", "wind"]
    assert [c.function.name for c in plain.message.tool_calls] == ["tide", "wind"]
    for index, call in calls.items():
        assert call[2] == plain.message.tool_calls[index].function.arguments
        assert json.loads(call[2]) == {"harbour": "Oban \u2693", "hour": 7}
    assert len({c[0] for c in calls.values()}) == 2


def test_tools_are_not_called_when_forbidden_or_answered(client):
    assert chat(client, tools=[TOOL], tool_choice="none").choices[0].message.content
    result = USER + [
        {"role": "assistant", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "tide", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "high"}]
    answer = client.chat.completions.create(model="m", messages=result, tools=[TOOL])
    assert answer.choices[0].message.content


def test_a_forced_tool_is_called_alone_and_finishes_with_stop(client):
    other = json.loads(json.dumps(TOOL).replace("tide", "wind"))
    choice = {"type": "function", "function": {"name": "wind"}}
    answer = chat(client, tools=[TOOL, other], tool_choice=choice).choices[0]
    assert [c.function.name for c in answer.message.tool_calls] == ["wind"]
    assert answer.finish_reason == "stop"


def test_a_tool_without_parameters_is_called_with_none(client):
    tool = {"type": "function", "function": {"name": "now"}}
    call = chat(client, tools=[tool], parallel_tool_calls=False).choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("now", "{}")
    chunks = chat(client, tools=[tool], parallel_tool_calls=False, stream=True)
    deltas = [c.choices[0].delta.tool_calls for c in chunks if c.choices[0].delta.tool_calls]
    assert "".join(d[0].function.arguments for d in deltas) == "{}"


def test_cached_and_reasoning_tokens_are_counted(client):
    cached = chat(client, "my-cached").usage
    assert cached.prompt_tokens_details.cached_tokens == cached.prompt_tokens // 2 > 0
    reason = chat(client, "my-reason").usage
    assert reason.completion_tokens_details.reasoning_tokens == 32
    assert reason.completion_tokens == 37


def test_completions_plain_and_streamed(client):
    plain = client.completions.create(model="m", prompt="Once", n=2)
    assert [c.text for c in plain.choices] == ["tok0 tok1 na\u00efve2 tok3 \u6f6e4"] * 2
    chunks = list(client.completions.create(model="m", prompt="Once", stream=True,
                                            stream_options={"include_usage": True}))
    assert "".join(c.choices[0].text for c in chunks[:-1]) == plain.choices[0].text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens == 5


def test_embeddings_are_the_same_in_both_encodings(mock):
    def embed(**more):
        return httpx.post(mock.url + "/v1/embeddings", json={"model": "e", **more}).json()

    floats = embed(input=["a", "b"], dimensions=5)
    packed = embed(input=["a", "b"], dimensions=5, encoding_format="base64")
    assert [d["index"] for d in floats["data"]] == [0, 1]
    for plain, base in zip(floats["data"], packed["data"]):
        assert plain["embedding"] == list(struct.unpack("<5f", base64.b64decode(base["embedding"])))
    assert floats["data"][0]["embedding"] != floats["data"][1]["embedding"]
    assert embed(input=[1, 2, 3])["usage"]["prompt_tokens"] == 3
    assert len(embed(input=[[1, 2], [3]])["data"]) == 2


def test_responses_plain_and_streamed(client):
    plain = client.responses.create(model="m", input="Hello")
    stream = list(client.responses.create(model="m", input="Hello", stream=True))
    assert plain.output_text == "tok0 tok1 na\u00efve2 tok3 \u6f6e4"
    assert plain.status == "completed"
    assert [e.sequence_number for e in stream] == list(range(len(stream)))
    assert [e.type.removeprefix("response.") for e in stream] == [
        "created", "in_progress", "output_item.added", "content_part.added",
        *["output_text.delta"] * 5, "output_text.done", "content_part.done",
        "output_item.done", "completed"]
    assert "".join(e.delta for e in stream if e.type == "response.output_text.delta") \
        == plain.output_text
    assert stream[-1].response.output_text == plain.output_text
    assert stream[-1].response.usage == plain.usage


def test_responses_call_tools_with_the_same_ids_throughout(client):
    tools = [{"type": "function", "strict": None, **TOOL["function"]},
             {"type": "function", "strict": None, **TOOL["function"], "name": "wind"}]
    plain = client.responses.create(model="m", input="Hello", tools=tools)
    assert [item.name for item in plain.output] == ["tide", "wind"]
    arguments = {}
    final = None
    for event in client.responses.create(model="m", input="Hello", tools=tools, stream=True):
        if event.type == "response.function_call_arguments.delta":
            arguments[event.item_id] = arguments.get(event.item_id, "") + event.delta
        final = event
    assert final.type == "response.completed"
    assert [arguments[item.id] for item in final.response.output] \
        == [item.arguments for item in plain.output]


def test_responses_cut_by_a_limit_are_incomplete(client):
    answer = client.responses.create(model="m", input="Hello", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_models_are_listed_and_shown(client):
    assert "mock-large" in [model.id for model in client.models.list()]
    assert client.models.retrieve("a/b:c").id == "a/b:c"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("missing-1")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("body, param", [
    ({"messages": USER}, "model"), ({"model": "m"}, "messages")])
def test_a_missing_parameter_is_named(mock, body, param):
    answer = httpx.post(mock.url + "/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(mock, body):
    answer = httpx.post(mock.url + "/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_what_is_no_http_is_refused_and_closed(mock):
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"HELO mock\r\n\r\n")
        assert peer.makefile("rb").read().startswith(b"HTTP/1.1 400 ")


def test_pipelined_requests_are_answered_in_order(mock):
    one = b"GET /v1/models/%d HTTP/1.1\r\nHost: x\r\n%s\r\n"
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"".join(one % (i, b"") for i in range(200)) + one % (200, b"Connection: close\r\n"))
        got = peer.makefile("rb").read()
    ids = [part.split(b'"')[0] for part in got.split(b'{"id":"')[1:]]
    assert ids == [b"%d" % i for i in range(201)]


def test_a_large_body_after_expect_100_continue(mock):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 3_000_000}]})
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                     b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert peer.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(body.encode())
        assert b'"prompt_tokens":7500' in peer.makefile("rb").read()
    assert mock.log()[0]["body_bytes"] == len(body)
    assert len(mock.log()[0]["body"]) == 65536


def test_http_1_0_gets_no_chunks(mock):
    body = json.dumps({"model": "m", "stream": True, "messages": USER})
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(f"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                     .encode())
        head, body = peer.makefile("rb").read().split(b"\r\n\r\n", 1)
    assert b"chunked" not in head
    assert body.startswith(b"data: {") and body.endswith(b"data: [DONE]\n\n")


# ---- knobs ----


def test_knobs_in_the_model_name_hold_for_that_request(client):
    answer = chat(client, "m@tokens=2,bytes=10")
    assert answer.choices[0].message.content == "tok0...... tok1....."
    assert answer.model == "m@tokens=2,bytes=10"
    assert chat(client).usage.completion_tokens == 5


def test_latency_comes_before_the_first_byte_and_interval_between_events(mock):
    times = []
    body = {"model": "m@latency=60,interval=30,tokens=3", "stream": True, "messages": USER}
    start = time.monotonic()
    with httpx.stream("POST", mock.url + "/v1/chat/completions", json=body) as answer:
        times.append(time.monotonic() - start)
        for _ in answer.iter_lines():
            pass
    times.append(time.monotonic() - start)
    assert times[0] >= 0.059
    assert times[1] >= 0.059 + 5 * 0.029  # role, three tokens, finish, [DONE]


def test_knobs_can_be_turned_and_read(mock):
    knobs = mock.set(tokens=2, latency_ms=1, error_rate=0.25)
    assert (knobs["tokens"], knobs["latency_ms"], knobs["error_rate"]) == (2, 1, 0.25)
    assert mock.ask("/mock/control") == knobs
    for wrong in ({"tokens": -1}, {"error_rate": 2}, {"fault": "none-such"}, {"idle": "x"}):
        with pytest.raises(RuntimeError, match=next(iter(wrong))):
            mock.set(**wrong)
    assert mock.ask("/mock/control") == knobs


def test_the_error_rate_is_kept_and_the_seed_repeats_it():
    def statuses():
        with Mock(error_rate=0.3, seed=7) as mock, httpx.Client(base_url=mock.url) as client:
            return [client.get("/v1/models").status_code for _ in range(300)]

    first = statuses()
    assert set(first) == {200, 500, 503}
    assert 60 <= 300 - first.count(200) <= 120
    assert statuses() == first


def test_accepted_keys_may_be_several_and_change():
    with Mock(key="sk-a,sk-b") as mock:
        def statuses():
            return [httpx.post(mock.url + "/v1/chat/completions",
                               json={"model": "m", "messages": USER},
                               headers={"Authorization": f"Bearer sk-{key}"}).status_code
                    for key in ("a", "b", "c")]
        assert statuses() == [200, 200, 401]
        mock.set(key="sk-c")
        assert statuses() == [401, 401, 200]
        mock.set(key=None)
        assert statuses() == [200, 200, 200]
        with pytest.raises(RuntimeError):
            mock.set(key=7)


def test_the_list_of_models_may_change():
    with Mock() as mock, openai.OpenAI(base_url=mock.url + "/v1", api_key="any") as client:
        mock.set(models="sea,sky")
        assert [model.id for model in client.models.list()] == ["sea", "sky"]
        mock.set(models="")
        assert [model.id for model in client.models.list()] == []
        with pytest.raises(RuntimeError, match="models"):
            mock.set(models=7)


def test_a_wrong_key_is_answered_as_openai_does():
    with Mock(key="sk-right", name="guarded") as mock:
        ask = {"model": "m", "messages": USER}
        url = mock.url + "/v1/chat/completions"
        wrong = httpx.post(url, json=ask, headers={"Authorization": "Bearer sk-wrong-0123456789abcd"})
        assert wrong.status_code == 401
        assert wrong.json()["error"]["code"] == "invalid_api_key"
        assert "sk-wrong********abcd" in wrong.json()["error"]["message"]
        assert httpx.post(url, json=ask).status_code == 401
        right = httpx.post(url, json=ask, headers={"Authorization": "Bearer sk-right"})
        assert right.json()["system_fingerprint"] == "guarded"
        assert httpx.get(mock.url + "/health").status_code == 200


def test_metrics_say_how_busy_it_is(mock):
    def load():
        families = prometheus.parse(httpx.get(mock.url + "/metrics").text)
        return [prometheus.total(families, f"vllm:num_requests_{name}")
                for name in ("running", "waiting")]

    assert load() == [0, 0]
    mock.set(running=3, waiting=4)
    assert load() == [3, 4]
    mock.set(running=0, waiting=0)


def test_stamps_tell_when_each_event_was_sent():
    with Mock(stamp=True, tokens=3, interval=5) as mock:
        start = time.monotonic_ns()
        body, _ = unchunk(raw(mock, "m")[0])
        stamps = [json.loads(event)["sent_ns"] for event in events(body)[:-1]]
        assert start < stamps[0] and stamps[-1] < time.monotonic_ns()
        assert stamps == sorted(set(stamps))
        assert stamps[-1] - start >= (len(stamps) - 1) * 5_000_000  # late perhaps, never early


def test_each_stream_keeps_its_own_phase_to_the_microsecond():
    """By a clock of milliseconds an event comes too early as often as too late, by up to one."""
    with Mock(stamp=True, tokens=40, interval=5) as mock:
        body, _ = unchunk(raw(mock, "m")[0])
    first, *others = [json.loads(event)["sent_ns"] for event in events(body)[:-1]]
    late = sorted(ns - first - i * 5_000_000 for i, ns in enumerate(others, 1))
    assert late[0] >= 0
    assert late[len(late) // 4] < 400_000  # also on a busy machine


def test_files_are_replayed(tmp_path):
    (tmp_path / "a.sse").write_bytes(b"data: {\"a\":1}\r\n\r\ndata: [DONE]\r\n\r\n")
    (tmp_path / "b.json").write_bytes(b'{"b": 2}')
    (tmp_path / "c.http").write_bytes(b"HTTP/1.1 429 Slow\r\nX-C: 3\r\nContent-Length: 2\r\n\r\n{}")
    with Mock(files=tmp_path) as mock:
        answer, _ = raw(mock, "file:a.sse@split=7")
        assert b"text/event-stream" in answer
        assert answer.count(b"\r\n7\r\n") >= 3
        assert unchunk(answer) == ((tmp_path / "a.sse").read_bytes(), True)
        assert raw(mock, "file:b.json")[0].endswith(b'\r\n\r\n{"b": 2}')
        assert raw(mock, "file:c.http")[0] == (tmp_path / "c.http").read_bytes()
        for name in ("none.sse", "../a.sse", ".a", "a/b"):
            assert raw(mock, "file:" + name)[0].startswith(b"HTTP/1.1 404 ")


def test_it_starts_again_on_the_same_port_and_ends_with_zero(tmp_path):
    log = tmp_path / "log"
    mock = Mock(log=log)
    url = mock.url
    httpx.get(url + "/v1/models")
    assert mock.stop() == 0
    mock.start()
    assert mock.url == url
    assert httpx.get(url + "/health").status_code == 200
    mock.kill()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["path"] for line in lines] == ["/v1/models", "/health"]


def test_wrong_usage_and_a_port_in_use_are_said(mock):
    def run(*arguments):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=10)
        return done.returncode, done.stderr

    assert run("--listen", f"127.0.0.1:{mock.port}")[0] == 4
    for wrong in (["--tokens", "x"], ["--nope", "1"], ["--listen", "nowhere"], ["--latency"]):
        code, text = run(*wrong)
        assert code == 2 and wrong[0] in text


# ---- what it remembers ----


def test_the_log_holds_what_was_asked_and_how_it_ended(mock):
    with httpx.Client(base_url=mock.url) as client:
        for stream in (False, True):
            client.post("/v1/chat/completions?x=1", headers={"X-Odd": "a b"},
                        json={"model": "m", "stream": stream, "messages": USER})
    plain, streamed = mock.log()
    assert plain["method"] == "POST" and plain["path"] == "/v1/chat/completions?x=1"
    assert plain["headers"]["x-odd"] == "a b" and ["X-Odd", "a b"] in plain["raw_headers"]
    assert json.loads(plain["body"])["messages"] == USER
    assert (plain["reused"], streamed["reused"]) == (False, True)
    assert (plain["stream"], streamed["stream"]) == (False, True)
    assert plain["tokens"] == streamed["tokens"] == 5
    assert plain["state"] == streamed["state"] == "complete"
    assert plain["status"] == 200 and plain["model"] == "m"
    assert plain["received_ns"] <= plain["ended_ns"] <= streamed["received_ns"]
    assert mock.log(since=streamed["seq"]) == [streamed]
    assert mock.stats()["requests"] == mock.stats()["complete"] == 2


@pytest.mark.parametrize("model, tokens", [
    ("m@latency=60000", 0), ("fault:stall-after-headers", 0), ("fault:stall-mid-stream", 2)])
def test_a_client_that_leaves_is_seen_at_once(mock, model, tokens):
    body = json.dumps({"model": model, "stream": True, "messages": USER}).encode()
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        mock.wait(in_flight_min=1, tokens_sent_min=tokens)
        closed_ns = time.monotonic_ns()
    stats = mock.wait(cancelled_min=1)
    record = mock.log()[0]
    assert record["state"] == "cancelled" and record["tokens"] == tokens
    assert closed_ns < record["closed_ns"] < closed_ns + 50_000_000
    assert stats["cancelled_ns"] == [record["closed_ns"]]
    assert stats["in_flight"] == 0


def test_waiting_ends_with_its_time(mock):
    with pytest.raises(RuntimeError, match="504"):
        mock.wait(timeout_ms=20, requests_min=1)
    with pytest.raises(RuntimeError, match="no such condition"):
        mock.wait(nonsense_min=1)


def test_the_log_keeps_the_last_ten_thousand(mock):
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    first = mock.stats()["requests"]
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        for _ in range(101):
            peer.sendall(request * 100)
            got = 0
            while got < 100:
                got += peer.recv(1 << 20).count(b'{"status":"ok"}')
    log = mock.log()
    assert len(log) == 10000
    assert mock.stats()["requests"] - first == 10100
    assert log[-1]["seq"] - log[0]["seq"] == 9999


# ---- faults ----


def test_each_fault_has_a_row_and_says_what_it_does():
    text = subprocess.run([BINARY, "--list-faults"], capture_output=True, text=True).stdout
    for line in text.splitlines():
        name, row, does = line.split(None, 2)
        assert 7 <= int(row) <= 44 and does
    rows = {int(line.split()[1]) for line in text.splitlines()}
    assert rows == set(range(7, 45)), "rows that no fault plays"


@pytest.mark.parametrize("name, ending, wanted", [
    ("reset-before-headers", "reset", b""),
    ("close-before-headers", "close", b""),
    ("http09", "close", b'{"object"'),
])
def test_faults_before_headers(mock, name, ending, wanted):
    got, ended = raw(mock, "fault:" + name)
    assert ended == ending and got.startswith(wanted)
    assert got == b"" or b"HTTP/1.1" not in got


@pytest.mark.parametrize("name, ending", [
    ("reset-after-headers", "reset"), ("close-after-headers", "close")])
def test_faults_after_headers(mock, name, ending):
    got, ended = raw(mock, "fault:" + name)
    assert ended == ending
    assert got.startswith(b"HTTP/1.1 200 OK") and got.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("name, ending, last", [
    ("reset-mid-event", "reset", False), ("close-mid-event", "close", False),
    ("close-mid-stream", "close", False), ("reset-mid-stream", "reset", False),
    ("end-mid-stream", "close", True)])
def test_faults_in_the_middle_of_a_stream(mock, name, ending, last):
    got, ended = raw(mock, "fault:" + name)
    body, whole = unchunk(got)
    assert (ended, whole) == (ending, last)
    assert body.count(b"\n\n") == 3
    assert body.endswith(b"\n\n") == ("event" not in name)
    assert mock.log()[0]["state"] == ("complete" if last else "broken")
    if "event" not in name:
        assert mock.log()[0]["tokens"] == 2


@pytest.mark.parametrize("name, ending, done, last", [
    ("no-done", "close", False, True), ("close-before-done", "close", False, False),
    ("reset-after-done", "reset", True, False), ("bytes-after-done", "close", True, True)])
def test_faults_around_done(mock, name, ending, done, last):
    got, ended = raw(mock, "fault:" + name)
    body, whole = unchunk(got)
    assert (ended, whole, b"[DONE]" in body) == (ending, last, done)
    assert b'"finish_reason":"stop"' in body
    assert body.endswith(b'data: {"late":true}\n\n') == (name == "bytes-after-done")


def test_a_connection_that_stays_open_after_done(mock):
    got = until(mock, "fault:open-after-done", b"[DONE]\n\n\r\n")
    assert not got.endswith(b"0\r\n\r\n")
    assert mock.wait(cancelled_min=1)


@pytest.mark.parametrize("name", ["reset-on-reused", "close-on-reused"])
def test_a_fault_only_of_a_reused_connection(mock, name):
    with httpx.Client(base_url=mock.url) as client:
        ask = {"model": "fault:" + name, "messages": USER}
        assert client.post("/v1/chat/completions", json=ask).status_code == 200
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            client.post("/v1/chat/completions", json=ask)
        assert client.post("/v1/chat/completions", json=ask).status_code == 200
    assert [r["state"] for r in mock.log()] == ["complete", "broken", "complete"]


@pytest.mark.parametrize("name, wanted", [
    ("cl-and-te", b"content-length: 2\r\ntransfer-encoding: chunked"),
    ("duplicate-cl", b"content-length: 2\r\ncontent-length: 4"),
    ("bad-chunk-size", b"\r\n\r\nxyz\r\n"),
    ("huge-chunk-size", b"\r\n10000000000000000\r\n"),
    ("bad-status-line", b"HTTP/1.1 two hundred\r\n"),
    ("nul-in-header", b"x-nul: a\0b\r\n"),
    ("bare-cr-in-header", b"x-cr: a\rx-next"),
    ("bare-lf", b"200 OK\ncontent-length: 2\n"),
    ("101", b"101 Switching Protocols\r\n"),
    ("stall-after-role", b'"role":"assistant"'),
    ("stall-mid-stream", b"tok1"),
    ("stall-after-headers", b"\r\n\r\n"),
    ("comments-only", b": ping\n\n\r\n8\r\n: ping\n\n"),
    ("comments-mid-stream", b": ping\n\n\r\n8\r\n: ping\n\n"),
    ("drip", b"\r\n1\r\nd\r\n1\r\na\r\n"),
    ("endless-headers", b"x-many: 1\r\n" * 100),
])
def test_faults_that_then_stall(mock, name, wanted):
    assert wanted in until(mock, "fault:" + name, wanted)


def test_lengths_that_are_wrong(mock):
    got, ended = raw(mock, "fault:short-content-length", stream=False)
    assert b"content-length: 1000\r\n" in got and len(got) < 1000 and ended == "close"
    got, _ = raw(mock, "fault:long-body", stream=False)
    assert got.endswith(b'{"poison":true}') and got.count(b"HTTP/1.1 200 OK") == 2


def test_heads_that_are_too_large(mock):
    head = until(mock, "fault:header-1mb", b"\r\n\r\n{}")
    assert b"x-big: " + b"a" * (1 << 20) + b"\r\n" in head
    assert until(mock, "fault:headers-20k", b"\r\n\r\n{}").count(b"x-many: 1\r\n") == 20000


@pytest.mark.parametrize("name, line, count", [
    ("103-once", b"HTTP/1.1 103 ", 1), ("103-many", b"HTTP/1.1 103 ", 2000),
    ("100-once", b"HTTP/1.1 100 ", 1), ("100-many", b"HTTP/1.1 100 ", 2000)])
def test_interim_responses_come_before_a_good_answer(mock, name, line, count):
    got, _ = raw(mock, "fault:" + name)
    assert got.count(line) == count
    assert got.count(b"HTTP/1.1 200 OK") == 1 and got.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("name, status, where", [
    ("redirect-metadata", 302, "http://169.254.169.254/"), ("redirect-file", 307, "file:///"),
    ("redirect-loop", 308, "/v1/chat/completions"), ("redirect-host", 301, "http://127.0.0.1:1/")])
def test_redirects(mock, name, status, where):
    answer = httpx.post(mock.url + "/v1/chat/completions",
                        json={"model": "fault:" + name, "messages": USER})
    assert answer.status_code == status and answer.headers["location"].startswith(where)


@pytest.mark.parametrize("name, place", [
    ("sse-error-first", 0), ("sse-error-after-role", 1), ("sse-error-mid", 3),
    ("sse-error-then-done", 3)])
def test_error_events(mock, name, place):
    got = events(unchunk(raw(mock, "fault:" + name)[0])[0])
    assert "error" in json.loads(got[place])
    assert got[place + 1:] == (["[DONE]"] if name == "sse-error-then-done" else [])


def test_the_sdk_sees_error_events(client):
    with pytest.raises(openai.APIError, match="The server had an error"):
        list(chat(client, "fault:sse-error-mid", stream=True))


def test_the_other_form_than_asked_for(mock):
    assert b"application/json" in raw(mock, "fault:json-for-stream", stream=True)[0]
    assert b"text/event-stream" in raw(mock, "fault:sse-for-json", stream=False)[0]
    page = raw(mock, "fault:html")[0]
    assert b"content-type: text/html\r\n" in page and b"<html>" in page


@pytest.mark.parametrize("name, eol, mark", [
    ("sse-crlf", "\r\n", None), ("sse-cr", "\r", None), ("sse-bom", "\n", "\ufeff"),
    ("sse-comments", "\n", ": ping\n\n"), ("sse-id", "\n", "id: 7\n"),
    ("sse-retry", "\n", "retry: 1000\n\n"), ("sse-split", "\n", None),
    ("sse-torture", "\r\n", ": ping\r\n\r\nid: 7\r\n")])
def test_unusual_streams_carry_the_usual_events(mock, name, eol, mark):
    plain = events(unchunk(raw(mock, "m")[0])[0])
    got, _ = raw(mock, "fault:" + name)
    text = unchunk(got)[0].decode()
    assert mark is None or mark in text
    assert text.count("\n") == 0 if eol == "\r" else text.count(eol) == text.count("\n")
    lines = [line for line in text.lstrip("\ufeff").split(eol) if line.startswith("data: ")]
    assert len(lines) == len(plain) and lines[-1] == "data: [DONE]"
    assert [json.loads(line[6:])["choices"] for line in lines[:-1]] \
        == [json.loads(event)["choices"] for event in plain[:-1]]
    if name in ("sse-split", "sse-torture"):
        assert max(len(chunk) for chunk in chunks_of(got)) == (1 if name == "sse-split" else 3)


def test_events_that_are_no_json_or_no_utf8(mock):
    got = events(unchunk(raw(mock, "fault:bad-json-event")[0])[0])
    with pytest.raises(json.JSONDecodeError):
        json.loads(got[3])
    assert got[-1] == "[DONE]" and len(got) == 9
    body = unchunk(raw(mock, "fault:bad-utf8")[0])[0]
    with pytest.raises(UnicodeDecodeError):
        body.decode()


def test_what_is_huge_or_endless(mock):
    body, whole = unchunk(raw(mock, "fault:huge-line", limit=1 << 26)[0])
    assert whole and max(len(line) for line in body.split(b"\n")) > 1 << 25
    for name in ("endless-stream", "endless-line", "endless-json"):
        got, ended = raw(mock, "fault:" + name, limit=1 << 24)
        assert ended == "limit" and len(got) >= 1 << 24
    assert mock.wait(cancelled_min=3)


def test_gzip_that_was_not_asked_for(mock):
    head, body = raw(mock, "fault:gzip", stream=False)[0].split(b"\r\n\r\n", 1)
    assert b"content-encoding: gzip" in head
    assert json.loads(gzip.decompress(body))["object"] == "chat.completion"
    head, bomb = raw(mock, "fault:gzip-bomb", stream=False, limit=1 << 22)[0].split(b"\r\n\r\n", 1)
    assert len(bomb) < 1 << 21
    assert len(zlib.decompressobj(31).decompress(bomb)) > 100 * len(bomb)


@pytest.mark.parametrize("name, field, value", [
    ("429-seconds", "retry-after", "1"), ("429-ms", "retry-after-ms", "200"),
    ("429-negative", "retry-after", "-5"), ("429-huge", "retry-after", "100000000000"),
    ("429-garbage", "retry-after", "soon"), ("429-none", "retry-after", None),
    ("429-date", "retry-after", "GMT"), ("429-quota", "x-should-retry", "false")])
def test_every_form_of_429(mock, name, field, value):
    answer = httpx.post(mock.url + "/v1/chat/completions",
                        json={"model": "fault:" + name, "messages": USER})
    assert answer.status_code == 429 and answer.json()["error"]["code"]
    if name == "429-date":
        assert answer.headers[field].endswith(value)
    else:
        assert answer.headers.get(field) == value


@pytest.mark.parametrize("name", ["400", "400-context", "401", "403", "404", "409", "413", "422",
                                  "500", "503", "503-retry-after", "504", "529"])
def test_statuses_come_as_openai_errors(mock, name):
    answer = httpx.post(mock.url + "/v1/chat/completions",
                        json={"model": "fault:" + name, "messages": USER},
                        headers={"Authorization": "Bearer sk-test-0123456789abcdef"})
    assert answer.status_code == int(name[:3])
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    if name in ("400", "401", "403"):
        assert "sk-test-********cdef" in answer.json()["error"]["message"]


def test_errors_in_a_200_and_pages(mock):
    for name in ("200-error", "200-error-overloaded"):
        answer = httpx.post(mock.url + "/v1/chat/completions",
                            json={"model": "fault:" + name, "messages": USER})
        assert answer.status_code == 200 and "error" in answer.json()
    assert b"502 Bad Gateway" in raw(mock, "fault:502-html")[0]
    assert raw(mock, "fault:empty-body")[0].endswith(b"\r\n\r\n")
    assert raw(mock, "fault:bad-json")[0].endswith(b'{"id":broken')


@pytest.mark.parametrize("name", ["early-response", "early-response-deaf"])
def test_an_answer_before_the_body_has_arrived(mock, name):
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
                     b'\r\n{"model":"fault:%s","messages":[' % name.encode())
        assert peer.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("name, wanted", [
    ("idle-close", b""), ("idle-reset", None), ("idle-garbage", b"HTTP/1.1 200 OK")])
def test_idle_connections_end(mock, name, wanted):
    body = json.dumps({"model": "fault:" + name, "messages": USER}).encode()
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        assert peer.recv(65536).startswith(b"HTTP/1.1 200 OK")
        if wanted is None:
            with pytest.raises(ConnectionResetError):
                peer.recv(65536)
        else:
            assert peer.recv(65536).startswith(wanted)
    assert mock.log()[0]["state"] == "complete"


@pytest.mark.parametrize("how, wanted", [("close", b""), ("reset", None), ("garbage", b"HTTP/1.1")])
def test_idle_connections_end_on_demand(mock, how, wanted):
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"ok" in peer.recv(65536)
        mock.end_idle(how)
        if wanted is None:
            with pytest.raises(ConnectionResetError):
                peer.recv(65536)
        else:
            assert peer.recv(65536).startswith(wanted)


@pytest.mark.parametrize("name", ["hold", "hold-mid-stream"])
def test_held_answers_go_on_when_released(mock, name):
    body = json.dumps({"model": "fault:" + name, "stream": True, "messages": USER}).encode()
    tokens = 0 if name == "hold" else 2
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert mock.wait(in_flight_min=1, tokens_sent_min=tokens)["tokens_sent"] == tokens
        mock.release()
        assert peer.makefile("rb").read().endswith(b"[DONE]\n\n\r\n0\r\n\r\n")


def test_the_next_requests_fail_then_all_is_well(mock):
    mock.set(fault="503", fault_count=2)
    assert [httpx.get(mock.url + "/v1/models").status_code for _ in range(4)] == [503, 503, 200, 200]
    assert [record["fault"] for record in mock.log()] == ["503", "503", None, None]


def test_refusing_connections_for_a_while(mock):
    mock.refuse(after_ms=100)
    with pytest.raises(ConnectionRefusedError):
        while True:
            socket.create_connection(("127.0.0.1", mock.port), 10).close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", mock.port), 10).close()
            return
        except ConnectionRefusedError:
            pass
    pytest.fail("it never accepted again")


def test_posts_are_counted_apart(mock):
    for path in ("/v1/models", "/health"):
        assert httpx.get(mock.url + path).status_code == 200
    assert httpx.post(mock.url + "/v1/chat/completions",
                      json={"model": "gpt-4.1", "messages": USER}).status_code == 200
    stats = mock.stats()
    assert (stats["requests"], stats["posts"]) == (3, 1)


def test_a_blackhole_never_connects(mock):
    port = int(mock.blackhole().rsplit(":", 1)[1])
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), 0.3)
    assert mock.blackhole().endswith(f":{port}")


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("stream", [False, True])
def test_no_fault_harms_the_next_request(mock, name, stream):
    """Whatever happens to a connection, even if the client leaves at once, the mock goes on."""
    body = json.dumps({"model": "fault:" + name, "stream": stream, "messages": USER}).encode()
    with socket.create_connection(("127.0.0.1", mock.port), 10) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        mock.wait(requests_min=1)
    assert mock.wait(in_flight_max=0, connections_open_max=1)["requests"] == 1
    assert httpx.get(mock.url + "/health").status_code == 200
