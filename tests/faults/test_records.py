"""Row 17 of the fault matrix, and streams, over TLS whose records come in packets of any size: what
TLS holds of a later record nobody sees on the socket."""

import contextlib
import json
import socket
import ssl
import threading

import pytest

import wire
from certificate import make_certificate
from sluice import openai_provider, target
from ward import engines, gateway_of

pytestmark = engines("direct")


def completion(text):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    body = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "a",
                       "choices": [choice], "usage": usage})
    return (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def stream_parts(words):
    """The head of a stream, each of its events as a chunk, and its end."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    for i, word in enumerate(words):
        choice = {"index": 0, "delta": {"content": word},
                  "finish_reason": "stop" if i == len(words) - 1 else None}
        event = json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "a",
                            "choices": [choice]})
        data = f"data: {event}\n\n"
        yield f"{len(data):x}\r\n{data}\r\n".encode()
    yield b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class Upstream:
    """Answers each request with what `records` lists: each a record of TLS. They leave as one packet,
    or `packet` bytes at a time. `connections` counts them."""

    def __init__(self, folder, packet=None):
        certificate = make_certificate(folder / "tls")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.provider = {"base_url": f"https://127.0.0.1:{self.listener.getsockname()[1]}/v1",
                         "ca_file": str(certificate / "tls.crt")}
        self.records = []
        self.packet = packet
        self.connections = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)

        def until_done(step):
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    return step()
                peer.sendall(outgoing.read())
                part = peer.recv(65536)
                incoming.write(part) if part else incoming.write_eof()

        with contextlib.suppress(OSError), peer:
            until_done(tls.do_handshake)
            while until_done(lambda: tls.read(65536)):
                for record in self.records:
                    tls.write(record)
                self.send(peer, outgoing.read())

    def send(self, peer, data):
        size = self.packet or len(data)
        for at in range(0, len(data), size):
            peer.sendall(data[at:at + size])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


@contextlib.contextmanager
def gateway_at(mocks, upstream):
    providers = {"odd": openai_provider(mocks[0], **upstream.provider)}
    models = {"one": {"targets": [target("odd", "a")]}}
    with gateway_of(mocks, 1, providers=providers, default_provider="odd", models=models) as gateway:
        yield gateway


def test_fault_17_second_answer_in_a_record_behind_the_first(mocks, tmp_path):
    with Upstream(tmp_path) as upstream, gateway_at(mocks, upstream) as gateway:
        for i in range(20):
            upstream.records = [completion(f"mine {i}"), completion("poison")]
            assert wire.ask(gateway, wire.chat_request("one")).text() == f"mine {i}"
        assert upstream.connections == 20


@pytest.mark.parametrize("packet", [None, 1, 7, 400])
def test_a_connection_is_kept_whose_answer_was_all_that_came(mocks, tmp_path, packet):
    with Upstream(tmp_path, packet) as upstream, gateway_at(mocks, upstream) as gateway:
        for i in range(5):
            answer = completion(f"mine {i}")
            upstream.records = [answer[:30], answer[30:]]
            assert wire.ask(gateway, wire.chat_request("one")).text() == f"mine {i}"
        assert upstream.connections == 1


@pytest.mark.parametrize("packet", [None, 1, 7, 400])
def test_a_stream_in_many_small_records_comes_whole(mocks, tmp_path, packet):
    words = [f"w{i} " for i in range(60)]
    with Upstream(tmp_path, packet) as upstream, gateway_at(mocks, upstream) as gateway:
        upstream.records = list(stream_parts(words))
        for _ in range(3):
            reply = wire.ask(gateway, wire.chat_request("one", stream=True))
            assert reply.ended and reply.text() == "".join(words)
        assert upstream.connections == 1
