"""OpenAI's other paths: sound, images, moderation, ranking. Forms go through while they come."""

import hashlib
import json
import os
import socket
import threading
import time

import openai
import pytest

import asked
import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target
from wire import Wire

MIB = 1 << 20
SOUND = os.urandom(20 * MIB)
BOUNDARY = "----sluice-4711"
FORM = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def part(name, data, filename=None):
    data = data if isinstance(data, bytes) else data.encode()
    named = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + data + b"\r\n"


def last():
    return f"--{BOUNDARY}--\r\n".encode()


def form(model="tide", data=b"RIFF"):
    return part("model", model) + part("file", data, "a.wav") + last()


def head(length=None, path="/v1/audio/transcriptions", more=""):
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{FORM}"
            f"Authorization: Bearer {canaries.CLIENT_KEY}\r\n{more}{framing}\r\n\r\n").encode()


def chunked(data, size):
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in parts) + b"0\r\n\r\n"


class Upstream:
    """A provider that the test plays by hand."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(15)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.keys = [canaries.provider_key()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        peer = self.socket.accept()[0]
        peer.settimeout(15)
        return peer


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()


def read_until_end(peer):
    """Everything up to the close or reset of the peer."""
    data = b""
    try:
        while more := peer.recv(1 << 20):
            data += more
    except ConnectionResetError:
        pass
    return data


def gateway_at(*upstreams, **settings):
    names = [f"p{at}" for at in range(len(upstreams))]
    providers = {name: openai_provider(upstream) for name, upstream in zip(names, upstreams)}
    targets = [target(name, "whisper-1", priority=at + 1) for at, name in enumerate(names)]
    keys = [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}]
    return Sluice(providers=providers, models={"tide": {"targets": targets}}, client_keys=keys,
                  models_only=True, **settings)


# ---- JSON ----

def test_moderation_is_relayed(client):
    answer = client.moderations.create(model="tide", input="a storm")
    assert answer.model == "gpt-4.1"
    assert answer.results[0].flagged


def test_moderation_without_a_model_goes_to_openais_own(client):
    assert client.moderations.create(input="a storm").model == "omni-moderation-latest"


def test_without_any_default_the_model_must_be_named(mock):
    with gateway_at(mock) as gateway, asked.sdk(gateway.url) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            client.moderations.create(input="a storm")
        assert refused.value.param == "model"


def test_embeddings_are_relayed(gateway, client):
    answer = client.embeddings.with_raw_response.create(model="vector", input=["a", "bc"])
    assert [len(one.embedding) for one in answer.parse().data] == [16, 16]
    assert gateway.log_of(answer.headers["x-request-id"])["tokens"]["input"] == 2


def test_ranking_is_relayed_and_counted(gateway):
    body = json.dumps({"model": "tide", "query": "sea", "documents": ["hill", "wave"]}).encode()
    reply = wire.ask(gateway, wire.post("/v1/rerank", body))
    assert [one["index"] for one in reply.json()["results"]] == [1, 0]
    said = reply.json()["usage"]["total_tokens"]
    assert gateway.log_of(reply["x-request-id"])["tokens"]["input"] == said > 0


def test_an_image_is_made(gateway, client):
    answer = client.images.with_raw_response.generate(model="tide", prompt="a wave", n=2)
    assert len(answer.parse().data) == 2
    tokens = gateway.log_of(answer.headers["x-request-id"])["tokens"]
    assert (tokens["input"], tokens["output"]) == (50, 100)


def test_an_image_comes_as_events(gateway, client):
    events = list(client.images.generate(model="tide", prompt="a wave", stream=True))
    assert [event.type for event in events] == ["image_generation.partial_image",
                                                "image_generation.completed"]
    assert gateway.access_log(1)[-1]["tokens"]["output"] == 100


# ---- speech ----

def test_speech_arrives_chunk_by_chunk(client, direct):
    ask = {"model": "voice", "voice": "alloy", "input": "hello"}
    with client.audio.speech.with_streaming_response.create(**ask) as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        heard = b"".join(answer.iter_bytes(100))
    assert heard == direct.audio.speech.create(**ask).read()
    assert len(heard) == 5000


def test_speech_is_sent_when_it_comes(gateway, mock):
    body = json.dumps({"model": "fault:hold-mid-stream", "input": "hello"}).encode()
    with Wire(gateway) as peer:
        peer.send(wire.post("/v1/audio/speech", body))
        assert peer.head()[0] == 200
        peer.until(bytes(range(250)))
        mock.release()
        while peer.chunk():
            pass


def test_speech_comes_as_events(gateway):
    body = json.dumps({"model": "voice", "input": "hello", "stream_format": "sse"}).encode()
    reply = wire.ask(gateway, wire.post("/v1/audio/speech", body))
    assert [json.loads(event)["type"] for event in reply.events()] == (
        ["speech.audio.delta"] * 5 + ["speech.audio.done"])
    assert gateway.log_of(reply["x-request-id"])["tokens"]["output"] == 45


# ---- forms ----

def test_a_large_file_flows_through(mock):
    with gateway_at(mock) as gateway, asked.sdk(gateway.url) as client:
        client.audio.transcriptions.create(model="tide", file=("a.wav", b"RIFF"))
        before = gateway.rss_bytes()
        answer = client.audio.transcriptions.create(model="tide", file=("a.wav", SOUND))
        gateway.assert_growth(before, 4 * MIB)
        assert answer.text == "The tide is high."
        arrived = answer.model_extra["arrived"]
        assert arrived["fields"] == {"model": "whisper-1"}
        assert arrived["files"] == [{"name": "file", "filename": "a.wav", "bytes": len(SOUND),
                                     "sha256": digest(SOUND)}]
        line = gateway.access_log(2)[-1]
        assert line["bytes_in"] > len(SOUND)
        assert (line["tokens"]["input"], line["tokens"]["output"]) == (14, 45)


@pytest.mark.parametrize("size", [100, 1000, 70000, MIB])
def test_a_form_in_chunks_goes_up_in_chunks(gateway, mock, size):
    data = SOUND[:3 * MIB // 2] if size > 100 else SOUND[:100000]
    with Wire(gateway) as peer:
        peer.send(head(more="Expect: 100-continue\r\n"))
        assert peer.head()[0] == 100
        peer.send(chunked(form(data=data), size))
        reply = peer.reply()
    assert reply.json()["arrived"]["files"][0]["sha256"] == digest(data)
    assert "content-length" not in mock.log()[-1]["headers"]


def test_curls_order_puts_the_file_in_front_of_the_model(gateway):
    body = part("file", SOUND[:5 * MIB], "a.wav") + part("model", "tide") + last()
    with Wire(gateway) as peer:
        reply = peer.ask(head(len(body)) + body)
    arrived = reply.json()["arrived"]
    assert arrived["fields"] == {"model": "gpt-4.1"}
    assert arrived["files"][0]["sha256"] == digest(SOUND[:5 * MIB])


def test_other_formats_keep_their_type(client):
    answer = client.audio.transcriptions.with_raw_response.create(
        model="tide", file=("a.wav", b"RIFF"), response_format="text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "The tide is high.\n"
    assert client.audio.translations.create(model="tide", file=("a.wav", b"RIFF")).text


def test_a_transcript_comes_as_events(gateway, client):
    events = list(client.audio.transcriptions.create(model="tide", file=("a.wav", b"RIFF"),
                                                     stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert gateway.access_log(1)[-1]["tokens"]["output"] == 45


def test_two_images_are_edited(client):
    pictures = [("a.png", SOUND[:70000]), ("b.png", SOUND[70000:90000])]
    answer = client.images.edit(model="tide", prompt="a wave", image=pictures, mask=("m.png", b"\0"))
    assert answer.data[0].b64_json
    arrived = answer.model_extra["arrived"]
    assert arrived["fields"] == {"model": "gpt-4.1", "prompt": "a wave"}
    assert {one["filename"]: one["sha256"] for one in arrived["files"]} == {
        "a.png": digest(pictures[0][1]), "b.png": digest(pictures[1][1]), "m.png": digest(b"\0")}


def test_an_image_is_varied(client):
    answer = client.images.create_variation(model="tide", image=("a.png", b"PNG"))
    assert answer.model_extra["arrived"]["files"][0]["sha256"] == digest(b"PNG")


# ---- what is wrong ----

@pytest.mark.parametrize("body, status, code, param", [
    (form(model="nobody"), 404, "model_not_found", "model"),
    (form(model=""), 400, "invalid_value", "model"),
    (part("file", b"RIFF", "a.wav") + last(), 400, "invalid_value", "model"),
    (part("model", "tide") + form(), 400, "duplicate_key", "model"),
    (form()[:-8], 400, "bad_request", None),
    (b"{}", 400, "bad_request", None),
], ids=["unknown", "empty", "none", "twice", "cut", "no form"])
def test_a_wrong_form_is_refused_with_its_reason(mock, body, status, code, param):
    with gateway_at(mock) as gateway, Wire(gateway) as peer:
        reply = peer.ask(head(len(body)) + body)
        assert (reply.status, reply.code, reply.error["param"]) == (status, code, param)
        assert not mock.log()


def test_json_is_no_form(gateway):
    reply = wire.ask(gateway, wire.post("/v1/audio/transcriptions", b'{"model":"tide"}'))
    assert reply.status == 415


@pytest.mark.parametrize("announced", [True, False])
def test_a_form_beyond_the_limit_is_refused(mock, announced):
    body = form(data=SOUND[:3 * MIB])
    with gateway_at(mock, limits={"body_bytes": "2MiB"}) as gateway, Wire(gateway) as peer:
        reply = peer.ask(head(len(body)) + body if announced else head() + chunked(body, 65536))
        assert (reply.status, reply.code) == (413, "request_too_large")
        assert not mock.log()


def test_an_error_of_the_provider_is_told_before_the_form_has_ended(gateway, mock):
    with Wire(gateway) as peer:
        peer.send(head(10 * MIB) + part("model", "fault:early-response") + part("a", SOUND[:MIB]))
        assert peer.head()[0] == 413


# ---- clocks, and waiting for each other ----

def test_a_client_that_falls_silent_is_told_so(mock):
    with gateway_at(mock, timeouts={"client_body": "300ms"}) as gateway, Wire(gateway) as peer:
        peer.send(head(10 * MIB) + part("model", "tide"))
        for at in range(5): # slow, but never silent for so long: 600 ms altogether
            time.sleep(0.12)
            peer.send(part(f"p{at}", SOUND[:1000]))
        reply = peer.reply()
        assert (reply.status, reply.code) == (408, "request_timeout")


def test_an_upstream_that_does_not_read_makes_the_client_wait():
    body = form(data=SOUND)
    with Upstream() as upstream, gateway_at(upstream) as gateway, Wire(gateway) as peer:
        sender = threading.Thread(target=peer.send, args=(head(len(body)) + body,))
        before = gateway.rss_bytes()
        sender.start()
        far = upstream.accept()
        sender.join(1)
        assert sender.is_alive() # twenty megabytes find no room between here and there
        gateway.assert_growth(before, 6 * MIB)
        got = b""
        while not got.endswith(last()):
            got += far.recv(1 << 20)
        sender.join(15)
        assert digest(got.split(b"\r\n\r\n", 1)[1]) == digest(form(model="whisper-1", data=SOUND))
        far.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n'
                    b'{"text":"ok"}')
        assert peer.reply().json() == {"text": "ok"}
        far.close()


def test_an_upstream_that_never_reads_is_given_up():
    with Upstream() as upstream, gateway_at(upstream, timeouts={"idle": "500ms"}) as gateway:
        body = form(data=SOUND)
        with Wire(gateway) as peer:
            sender = threading.Thread(target=peer.send, args=(head(len(body)) + body,))
            sender.start()
            far = upstream.accept()
            reply = peer.reply()
            sender.join(15)
            far.close()
        assert reply.code == "upstream_timeout"


def test_a_client_that_leaves_in_the_middle_ends_the_call():
    with Upstream() as upstream, gateway_at(upstream) as gateway:
        with Wire(gateway) as peer:
            peer.send(head(10 * MIB) + part("model", "tide") + part("a", SOUND[:100000]))
            far = upstream.accept()
            assert far.recv(1000).startswith(b"POST /v1/audio/transcriptions ")
            peer.reset()
        assert len(read_until_end(far)) < 200000
        far.close()
        assert gateway.access_log(1)[0]["outcome"] == "cancelled"


# ---- another target ----

def test_a_form_goes_to_another_target_while_its_beginning_is_kept(mock):
    with Upstream() as gone:
        pass
    with gateway_at(gone, mock) as gateway, asked.sdk(gateway.url) as client:
        answer = client.audio.transcriptions.create(model="tide", file=("a.wav", SOUND))
        assert answer.model_extra["arrived"]["files"][0]["sha256"] == digest(SOUND)
        assert gateway.access_log(1)[0]["attempts"] == 2


def test_a_small_form_goes_to_another_target_after_an_error(mock):
    with Mock(fault="503") as full, gateway_at(full, mock) as gateway:
        with asked.sdk(gateway.url) as client:
            answer = client.audio.transcriptions.create(model="tide", file=("a.wav", SOUND[:MIB // 2]))
        assert answer.model_extra["arrived"]["files"][0]["sha256"] == digest(SOUND[:MIB // 2])
        assert full.log()[0]["body_bytes"] > MIB // 2


def test_a_form_whose_beginning_is_gone_goes_nowhere_else(mock):
    with Upstream() as upstream, gateway_at(upstream, mock) as gateway, Wire(gateway) as peer:
        body = form(data=SOUND)
        sender = threading.Thread(target=peer.send, args=(head(len(body)) + body,))
        sender.start()
        far = upstream.accept()
        seen = 0
        while seen < 4 * MIB:
            seen += len(far.recv(1 << 20))
        reset(far)
        reply = peer.reply()
        sender.join(15)
        assert (reply.status, reply.code) == (502, "upstream_reset")
        assert reply["x-sluice-attempts"] == "1"
        assert not mock.log()
