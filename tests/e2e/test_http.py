"""Connections: kept, pipelined, slow, gone."""

import json
import pathlib
import time

import pytest

import wire
from sluice import Sluice, openai_provider
from wire import Wire

MIB = 1 << 20


def test_a_connection_serves_many_requests(gateway, mock):
    with Wire(gateway) as peer:
        for number in range(50):
            stream = number % 2 == 1
            assert peer.ask(wire.chat_request("m", stream)).text().startswith("tok0")
            assert peer.ask(wire.get("/health")).json() == {"status": "ok"}


def test_connection_close_is_obeyed(gateway, mock):
    for stream in (False, True):
        with Wire(gateway) as peer:
            reply = peer.ask(wire.chat_request("m", stream, headers="Connection: close\r\n"))
            assert (reply.status, reply["connection"]) == (200, "close")
            assert peer.closed()


def test_http_1_0_gets_a_body_that_it_understands(gateway, mock):
    for stream in (False, True):
        with Wire(gateway) as peer:
            peer.send(wire.chat_request("m", stream).replace(b"HTTP/1.1", b"HTTP/1.0"))
            status, headers = peer.head()
            assert status == 200 and "transfer-encoding" not in headers
            assert b"tok0" in peer.rest()


def test_pipelined_requests_are_answered_in_order(gateway, mock):
    requests = [wire.chat_request("m", number % 2 == 1, headers=f"X-Request-Id: n{number}\r\n")
                for number in range(100)]
    with Wire(gateway) as peer:
        peer.send(b"".join(requests))
        for number in range(100):
            reply = peer.reply()
            assert (reply.status, reply["x-request-id"]) == (200, f"n{number}")
            assert reply.ended


def test_a_pipelined_request_waits_for_the_answer_before_it(gateway, mock):
    with Wire(gateway) as peer:
        peer.send(wire.chat_request("fault:hold-mid-stream", True) + wire.chat_request("second"))
        assert peer.head()[0] == 200
        peer.until(b"tok1")
        assert mock.stats()["requests"] == 1
        mock.release()
        assert peer.chunks()[1]
        assert peer.reply().status == 200


def test_a_request_may_come_byte_by_byte(gateway, mock):
    with Wire(gateway) as peer:
        for byte in wire.chat_request("m"):
            peer.send(bytes([byte]))
        assert peer.reply().status == 200


def test_a_chunked_request_is_sent_on_with_its_length(gateway, mock):
    body = wire.chat_body("m")
    head, _ = wire.chat_request("m").split(b"\r\n\r\n", 1)
    head = head.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    reply = wire.ask(gateway, head + b"\r\n\r\n" + chunks + b"0\r\nX-Trailer: 1\r\n\r\n")
    assert reply.status == 200
    record = mock.log()[-1]
    assert record["body"] == body.decode()
    assert record["headers"]["content-length"] == str(len(body))
    assert not {"x-trailer", "transfer-encoding"} & set(record["headers"])


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_get_and_head_agree(gateway, path):
    with Wire(gateway) as peer:
        whole = peer.ask(wire.get(path))
        head = peer.ask(wire.get(path).replace(b"GET", b"HEAD"), head=True)
        assert whole.status == head.status == 200
        assert int(head["content-length"]) > 0
        assert peer.ask(wire.get("/health")).status == 200


@pytest.mark.parametrize("request_line, status", [
    (b"GET /v1/chat/completions", 405), (b"POST /health", 405), (b"GET /nothing", 404),
    (b"GET /admin/secret", 404), (b"OPTIONS /v1/chat/completions", 204), (b"OPTIONS *", 204)])
def test_paths_and_methods_that_are_not_there(gateway, request_line, status):
    reply = wire.ask(gateway, request_line + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                     b"Authorization: Bearer " + wire.canaries.CLIENT_KEY.encode() + b"\r\n\r\n")
    assert reply.status == status
    if status == 404:
        assert reply.code == "not_found"
    if status == 405:
        assert reply.code == "method_not_allowed"


# ---- slow readers ----


@pytest.mark.parametrize("fault, stream", [("endless-stream", True), ("endless-json", False)])
def test_a_slow_reader_pauses_the_provider_and_costs_little_memory(mock, fault, stream):
    with Sluice(providers={"mock": openai_provider(mock)}, default_provider="mock") as gateway:
        wire.ask(gateway, wire.chat_request("m", True))
        before = gateway.rss_bytes()
        peers = [Wire(gateway, receive_bytes=4096) for _ in range(8)]
        for peer in peers:
            peer.send(wire.chat_request("fault:" + fault, stream))
            assert peer.head()[0] == 200
        sent = settled(lambda: read_bytes(gateway))
        assert sent < 8 * 8 * MIB  # kernel buffers on both legs included
        gateway.assert_growth(before, 8 * MIB)
        # Others are served meanwhile, and the paused go on when they are read.
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        for peer in peers:
            taken = 0
            while taken < 4 * MIB:
                taken += len(peer.file.read1(1 << 16))
        assert read_bytes(gateway) > sent
        for peer in peers:
            peer.reset()
        mock.wait(cancelled_min=8, in_flight_max=0)


def read_bytes(gateway):
    """What the gateway has read so far, from all sockets."""
    text = pathlib.Path(f"/proc/{gateway.process.pid}/io").read_text()
    return int(text.split("rchar: ")[1].split()[0])


def settled(figure, quiet_s=0.3):
    """Waits until the figure stays the same for a while; gives it."""
    deadline = time.monotonic() + 15
    value, since = figure(), time.monotonic()
    while time.monotonic() - since < quiet_s:
        assert time.monotonic() < deadline, f"never settles, now {value}"
        if (now := figure()) != value:
            value, since = now, time.monotonic()
    return value


def test_a_reader_who_takes_nothing_is_cut_after_the_write_clock(mock):
    with Sluice(providers={"mock": openai_provider(mock)}, default_provider="mock",
                timeouts={"client_write": "300ms"}) as gateway:
        with Wire(gateway, receive_bytes=4096) as peer:
            peer.send(wire.chat_request("fault:endless-stream", True))
            mock.wait(cancelled_min=1, in_flight_max=0)
            line = gateway.access_log(1)[0]
            assert (line["status"], line["outcome"]) == (499, "cancelled")


def test_a_slow_reader_gets_every_event(gateway, mock):
    with Wire(gateway, receive_bytes=2048) as peer:
        peer.send(wire.chat_request("m@tokens=5000", True))
        assert peer.head()[0] == 200
        settled(lambda: mock.stats()["tokens_sent"])
        body, ended = peer.chunks()
        words = wire.text_of(wire.data_of(body)).split()
        assert ended and len(words) == 5000 and words[-1].endswith("4999")


# ---- leaving ----


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("fault, stream", [
    ("stall-before-headers", False), ("stall-before-headers", True), ("stall-after-headers", True),
    ("stall-after-role", True), ("stall-mid-stream", True), ("endless-stream", True)])
def test_who_leaves_is_noticed_by_the_provider(gateway, mock, fault, stream, leave):
    with Wire(gateway) as peer:
        peer.send(wire.chat_request("fault:" + fault, stream, headers="X-Request-Id: left\r\n"))
        mock.wait(requests_min=1)
        left_ns = time.monotonic_ns()
        getattr(peer, leave)()
    mock.wait(cancelled_min=1, in_flight_max=0)
    assert (mock.log()[-1]["closed_ns"] - left_ns) / 1e6 < 250  # 5 ms on a quiet machine
    assert mock.log()[-1]["state"] == "cancelled"


def test_who_leaves_while_sending_reaches_no_provider(gateway, mock):
    with Wire(gateway) as peer:
        peer.send(wire.chat_request("m")[:-10])
        assert wire.ask(gateway, wire.get("/health")).status == 200
        peer.reset()
    gateway.wait_metric("sluice_in_flight", 0)
    assert mock.stats()["requests"] == 0


def test_phases_of_leaving_are_counted(mock):
    with Sluice(providers={"mock": openai_provider(mock),
                           "hole": openai_provider(mock, base_url=mock.blackhole() + "/v1")},
                default_provider="mock", timeouts={"connect": "10s"}) as gateway:
        for model, phase in (("fault:stall-before-headers", "headers"),
                             ("fault:stall-mid-stream", "stream"), ("hole/m", "connect")):
            with Wire(gateway) as peer:
                peer.send(wire.chat_request(model, True))
                if phase == "stream":
                    peer.head()
                gateway.wait_metric("sluice_in_flight", 1)
                peer.reset()
            gateway.wait_metric("sluice_cancelled_total", 1, phase=phase)
        assert {line["status"] for line in gateway.access_log(3)} == {499}
        assert json.loads(gateway.get("/health")) == {"status": "ok"}
