"""The fault matrix, rows 46 to 77: what a client can do to the gateway, by mistake or on purpose.
Each test bears the number of its row."""

import json
import socket
import time

import pytest

import canaries
import wire
from certificate import make_certificate
from sluice import openai_provider
from ward import gateway_of
from wire import Wire

CLOSE = "Connection: close\r\n"
AUTH = f"Authorization: Bearer {canaries.CLIENT_KEY}\r\n"
MIB = 1 << 20


def raw(head, body=b""):
    """A request whose every line is given; LF in `head` stands for CRLF."""
    head = head if isinstance(head, bytes) else head.encode("latin-1")
    return head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body


def post(fields, body=b"{}"):
    """A chat completion with these header lines beside Host and the key."""
    return raw(f"POST /v1/chat/completions HTTP/1.1\nHost: x\n{AUTH.strip()}\n{fields}", body)


def refused_and_closed(gateway, request, *statuses):
    """One answer with that status, then the connection ends, whatever follows the request."""
    with Wire(gateway) as peer:
        peer.send(request + wire.get("/health"))
        status, headers = peer.head()
        assert status in statuses, (status, request)
        assert headers["connection"] == "close"
        body, ended = peer.body(headers)
        assert ended and set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
        assert peer.closed()


def nothing_was_asked(sick, well):
    assert sick.stats()["requests"] + well.stats()["requests"] == 0


# ---- going away ----


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_fault_46_gone_before_connect(mocks, sick, well, leave):
    hole = openai_provider(sick, base_url=sick.blackhole() + "/v1")
    with gateway_of(mocks, 3, providers={"sick": hole, "well": openai_provider(well)},
                    timeouts={"connect": "10s"}) as gateway:
        for stream in (False, True):
            with Wire(gateway) as peer:
                peer.send(wire.chat_request("both", stream))
                gateway.wait_metric("sluice_in_flight", 1)
                getattr(peer, leave)()
            gateway.wait_metric("sluice_in_flight", 0)
        for line in gateway.access_log(2):
            assert (line["status"], line["outcome"]) == (499, "cancelled")
            assert line["tokens"]["output"] == 0
    nothing_was_asked(sick, well)


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("fault, stream", [
    ("hold", False), ("hold", True), ("stall-after-headers", True), ("hold-mid-stream", True),
    ("endless-stream", True)])
def test_fault_47_gone_while_it_is_answered(pair, sick, well, fault, stream, leave):
    request_id = f"gone-{fault}-{stream}-{leave}"
    with Wire(pair) as peer:
        headers = f"X-Request-Id: {request_id}\r\n"
        peer.send(wire.chat_request("fault:" + fault, stream, headers=headers))
        sick.wait(requests_min=1)
        if "stream" in fault:
            peer.head()
            peer.until(b"tok0" if "mid" in fault else b"more")
        left_ns = time.monotonic_ns()
        getattr(peer, leave)()
    sick.wait(cancelled_min=1, in_flight_max=0)
    assert (sick.log()[-1]["closed_ns"] - left_ns) / 1e6 < 250  # 50 ms on a quiet machine
    line = pair.log_of(request_id)
    assert (line["status"], line["outcome"]) == (499, "cancelled")
    assert bool(line["tokens"]["output"]) == ("stream" in fault)
    assert well.stats()["requests"] == 0


def test_fault_48_half_close_counts_as_gone(alone, sick):
    with Wire(alone) as peer:
        peer.send(wire.chat_request("fault:hold"))
        sick.wait(requests_min=1)
        peer.socket.shutdown(socket.SHUT_WR)
        sick.wait(cancelled_min=1, in_flight_max=0)
        assert peer.closed()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_fault_49_gone_while_sending(alone, sick, well, leave):
    before = len(alone.access_log())
    with Wire(alone) as peer:
        peer.send(wire.chat_request("m", padding="x" * MIB)[:-1])
        getattr(peer, leave)()
    assert alone.access_log(before + 1)[-1]["status"] == 499
    nothing_was_asked(sick, well)


# ---- slowness ----


def test_fault_50_slow_reader_is_paused_then_cut(alone, sick):
    before = alone.rss_bytes()
    peers = [Wire(alone, receive_bytes=4096) for _ in range(20)]
    for peer in peers:
        peer.send(wire.chat_request("fault:endless-stream", True))
    sick.wait(cancelled_min=20, in_flight_max=0)
    alone.assert_growth(before, 20 * MIB)
    for peer in peers:
        peer.close()


@pytest.mark.parametrize("part", [b"", b"G", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_fault_51_slow_head(alone, part):
    with Wire(alone) as peer:
        started = time.monotonic()
        peer.send(part)
        answer = peer.rest()
        assert 0.4 < time.monotonic() - started < 3 or part == b""
        assert answer.startswith(b"HTTP/1.1 408 ") or (part == b"" and answer == b"")


def test_fault_51_a_byte_now_and_then_does_not_help(alone):
    with Wire(alone) as peer:
        started = time.monotonic()
        peer.socket.settimeout(0.05)
        peer.send(b"GET /health HTTP/1.1\r\nX: ")
        while time.monotonic() - started < 5:
            try:
                assert peer.socket.recv(100).startswith(b"HTTP/1.1 408 ")
                break
            except TimeoutError:
                peer.send(b"x")
        assert time.monotonic() - started < 3


def test_fault_52_slow_body(alone, sick, well):
    with Wire(alone) as peer:
        peer.send(wire.chat_request("m")[:-5])
        reply = peer.reply()
        assert (reply.status, reply.code) == (408, "request_timeout")
        assert peer.closed()
    nothing_was_asked(sick, well)


# ---- HTTP ----


def test_fault_53_pipelining(alone, sick):
    with Wire(alone) as peer:
        peer.send(wire.chat_request("fault:hold", True) + wire.chat_request("m")
                  + wire.get("/health"))
        sick.wait(requests_min=1)
        assert sick.stats()["requests"] == 1
        sick.release()
        assert peer.reply().events()[-1] == "[DONE]"
        assert peer.reply().text().startswith("tok0")
        assert peer.reply().json() == {"status": "ok"}


def test_fault_53_pipelining_for_ever_is_not_read_for_ever(alone, sick):
    with Wire(alone) as peer:
        peer.send(wire.chat_request("fault:hold"))
        sick.wait(requests_min=1)
        before = alone.rss_bytes()
        peer.socket.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 * MIB:
                sent += peer.socket.send(wire.get("/health") * 1000)
        alone.assert_growth(before, 4 * MIB)
        peer.reset()


def test_fault_54_expect_continue(alone, sick, well):
    request = wire.chat_request("m", headers="Expect: 100-continue\r\n")
    head, body = request.split(b"\r\n\r\n")
    with Wire(alone) as peer:
        peer.send(head + b"\r\n\r\n")
        assert peer.head()[0] == 100
        assert peer.ask(body).status == 200
    with Wire(alone) as peer:
        peer.send(head.replace(canaries.CLIENT_KEY.encode(), b"sk-no") + b"\r\n\r\n")
        status, headers = peer.head()
        assert (status, headers["connection"]) == (401, "close")
    with Wire(alone) as peer:
        reply = peer.ask(request.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert reply.status == 200
    refused_and_closed(alone, request.replace(b"100-continue", b"a-miracle"), 417)


def test_fault_55_chunked_request(alone, sick):
    body = wire.chat_body("m")
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body)
    chunks += b"0\r\nX-Evil: 1\r\n\r\n"
    reply = wire.ask(alone, post("Transfer-Encoding: chunked", chunks))
    assert reply.status == 200
    seen = sick.log()[-1]
    assert seen["body"] == body.decode()
    assert seen["headers"]["content-length"] == str(len(body))
    assert not {"transfer-encoding", "x-evil"} & set(seen["headers"])


SMUGGLING = {
    56: ["Content-Length: 2\nTransfer-Encoding: chunked",
         "Transfer-Encoding: chunked\nContent-Length: 2"],
    57: ["Content-Length: 2\nContent-Length: 2", "Content-Length: 2\nContent-Length: 3",
         "Content-Length: +2", "Content-Length: 2, 2", "Content-Length: 0x2", "Content-Length: -2",
         "Content-Length: 18446744073709551618", "Content-Length: 2 2", "Content-Length: ",
         "Content-Length: two"],
    58: ["Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, chunked",
         "Transfer-Encoding: chunked\nTransfer-Encoding: chunked", "Transfer-Encoding: identity",
         "Transfer-Encoding: ", "Transfer-Encoding: \x0bchunked", "Transfer-Encoding: chunked\x0c",
         "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, identity"],
    59: ["X: a\n folded: b", "X: a\x00b", "X: a\rb", "X : a", ": a", "X(: a", "\x01X: a", "X"],
}


@pytest.mark.parametrize("row, fields", [
    (row, fields) for row in SMUGGLING for fields in SMUGGLING[row]])
def test_fault_56_to_59_framing_that_can_be_read_in_two_ways(alone, sick, well, row, fields):
    refused_and_closed(alone, post(fields), *((400, 501) if row == 58 else (400,)))
    nothing_was_asked(sick, well)


def test_fault_58_transfer_encoding_in_http_1_0(alone):
    request = post("Transfer-Encoding: chunked", b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
    refused_and_closed(alone, request, 400)


def test_fault_59_bare_line_feeds(alone):
    refused_and_closed(alone, b"GET /health HTTP/1.1\nHost: x\n\n", 400)
    refused_and_closed(alone, b"GET /health HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400)


@pytest.mark.parametrize("fields", ["X: y", "Host: a\nHost: a", "Host: a\nHost: b", "Host: ",
                                    "Host: a, b", "Host: user@a", "Host: a b", "Host: a/b"])
def test_fault_60_host_that_is_none(alone, fields):
    refused_and_closed(alone, raw(f"GET /health HTTP/1.1\n{fields}"), 400)


@pytest.mark.parametrize("target, status", [
    ("http://sluice/health", 200), ("https://sluice/health", 200), ("HTTP://SLUICE/health", 200),
    ("http://sluice", 404), ("ftp://sluice/health", 400), ("file:///etc/passwd", 400),
    ("http://user@sluice/health", 400), ("//sluice/health", 404), ("http:///health", 400)])
def test_fault_61_absolute_form(alone, target, status):
    reply = wire.ask(alone, raw(f"GET {target} HTTP/1.1\nHost: sluice"))
    assert reply.status == status


@pytest.mark.parametrize("line, statuses", [
    ("CONNECT example.com:443", (400, 405)), ("TRACE /health", (405,)), ("GET *", (400, 404)),
    ("OPTIONS *", (204,)), ("OPTIONS /v1/chat/completions", (204,)),
    ("PUT /v1/chat/completions", (405,)), ("DELETE /health", (405,)), ("BREW /health", (400, 405, 501)),
    ("get /health", (400, 405, 501))])
def test_fault_62_other_methods_and_targets(alone, sick, well, line, statuses):
    reply = wire.ask(alone, raw(f"{line} HTTP/1.1\nHost: x\n{AUTH.strip()}"))
    assert reply.status in statuses
    nothing_was_asked(sick, well)


@pytest.mark.parametrize("path", [
    "/v1/../admin/status", "/%2e%2e/admin/status", "//admin/status", "/v1/chat/completions/",
    "/admin%2fstatus", "/admin/status%00", "/admin/status;x", "/v1//models", "/./health", "/health/",
    "/HEALTH", "/%68ealth", "/health%0d%0aX:y"])
def test_fault_63_paths_are_taken_as_they_stand(alone, path):
    assert wire.ask(alone, wire.get(path, key=canaries.CLIENT_KEY)).status == 404


@pytest.mark.parametrize("request_bytes", [
    b"GET /health\r\n\r\n", b"GET /health HTTP/0.9\r\n\r\n",
    b"GET /health HTTP/1.2\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /health HTTP/11\r\nHost: x\r\n\r\n", b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64])
def test_fault_64_other_protocols(alone, request_bytes):
    refused_and_closed(alone, request_bytes, 400, 505)


def test_fault_65_too_long(alone, sick, well):
    refused_and_closed(alone, raw(f"GET /{'x' * 9000} HTTP/1.1\nHost: x"), 414)
    refused_and_closed(alone, raw(f"GET /health HTTP/1.1\nHost: x\nX: {'x' * 40000}"), 431)
    many = "\n".join(f"X-{number}: y" for number in range(200))
    refused_and_closed(alone, raw(f"GET /health HTTP/1.1\nHost: x\n{many}"), 431)
    nothing_was_asked(sick, well)


def test_fault_65_body_too_large_is_said_before_it_is_sent(mocks, sick, well):
    with gateway_of(mocks, 1, limits={"body_bytes": "64KiB"}) as gateway:
        with Wire(gateway) as peer:
            peer.send(post("Content-Length: 65537", b""))
            reply = peer.reply()
            assert (reply.status, reply.code) == (413, "request_too_large")
            assert reply["connection"] == "close"
        with Wire(gateway) as peer:
            peer.send(post("Transfer-Encoding: chunked", b"11000\r\n" + b"x" * 0x11000))
            assert peer.reply().status == 413
        body = wire.chat_body("m", padding="")
        body = wire.chat_body("m", padding="x" * (65536 - len(body)))
        assert len(body) == 65536
        assert wire.ask(gateway, wire.chat_request("", body=body)).status == 200
    assert sick.stats()["requests"] == 1


# ---- bodies ----

BODIES = {
    66: {"empty": (b"", "invalid_json"), "text": (b"hello", "invalid_json"),
         "space": (b" \n", "invalid_json"),
         "byte order mark": (b"\xef\xbb\xbf{}", "invalid_json"), "array": (b"[]", "invalid_json"),
         "two": (b"{}{}", "invalid_json"), "cut": (b'{"model":"m"', "invalid_json")},
    67: {"deep": (b'{"model":"m","x":' + b"[" * 65 + b"]" * 65 + b"}", "invalid_json"),
         "only brackets": (b"[" * 10_000_000, "invalid_json"),
         "nested brackets": (b'{"x":' + b"[" * 10_000_000, "invalid_json"),
         "many digits": (b'{"model":"m","n":' + b"1" * 1_000_000 + b"}", "invalid_json")},
    68: {"invalid": (b'{"model":"m","x":"\xff"}', "invalid_json"),
         "overlong": (b'{"model":"m","x":"\xc0\xaf"}', "invalid_json"),
         "surrogate": (b'{"model":"m","x":"\xed\xa0\x80"}', "invalid_json"),
         "lone escape": (b'{"model":"m","x":"\\ud800"}', "invalid_json"),
         "wrong pair": (b'{"model":"m","x":"\\ud800\\u0041"}', "invalid_json")},
    69: {"model": (b'{"model":"m","model":"m"}', "duplicate_key"),
         "escaped model": (b'{"model":"m","mod\\u0065l":"n"}', "duplicate_key"),
         "stream": (b'{"model":"m","stream":false,"stream":true}', "duplicate_key"),
         "max_tokens": (b'{"model":"m","max_tokens":1,"max_tokens":9}', "duplicate_key")},
}


@pytest.mark.parametrize("row, name", [(row, name) for row in BODIES for name in BODIES[row]])
def test_fault_66_to_69_bodies_that_are_refused(alone, sick, well, row, name):
    body, code = BODIES[row][name]
    started = time.monotonic()
    reply = wire.ask(alone, wire.chat_request("", body=body))
    assert (reply.status, reply.code) == (400, code)
    assert time.monotonic() - started < 1
    nothing_was_asked(sick, well)


def test_fault_66_another_content_type(alone, sick, well):
    request = wire.chat_request("m").replace(b"application/json", b"image/png")
    assert wire.ask(alone, request).status == 415
    nothing_was_asked(sick, well)


def test_fault_67_a_huge_exponent_costs_nothing(alone, sick):
    body = b'{"model":"m","x":1e999999999,"messages":[{"role":"user","content":"a"}]}'
    started = time.monotonic()
    assert wire.ask(alone, wire.chat_request("", body=body)).status in (200, 400)
    assert time.monotonic() - started < 0.5


def test_fault_70_nothing_in_a_request_chooses_host_or_credential(alone, sick, well):
    evil = {name: well.url + "/v1" for name in ("api_base", "base_url", "custom_host", "api_url")}
    evil.update(api_key="sk-evil", metadata={"base_url": well.url, "api_key": "sk-evil"})
    reply = wire.ask(alone, wire.chat_request("m", headers=f"X-Base-Url: {well.url}\r\n", **evil))
    assert reply.status == 200
    seen = sick.log()[-1]
    assert json.loads(seen["body"]) == json.loads(wire.chat_body("m", **evil))
    assert seen["headers"]["authorization"] == f"Bearer {sick.keys[0]}"
    assert well.stats()["requests"] == 0


def test_fault_71_hop_by_hop_headers(alone, sick, well):
    headers = ("Connection: keep-alive, authorization, content-length, x-request-id\r\n"
               "Keep-Alive: timeout=5\r\nProxy-Authorization: Basic x\r\nTE: trailers\r\n"
               "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil\r\nForwarded: for=evil\r\n")
    assert wire.ask(alone, wire.chat_request("m", headers=headers)).status == 200
    seen = sick.log()[-1]["headers"]
    assert seen["authorization"] == f"Bearer {sick.keys[0]}"
    assert seen["host"] == f"127.0.0.1:{sick.port}"
    assert not {"keep-alive", "proxy-authorization", "te", "x-forwarded-for", "x-forwarded-host",
                "forwarded", "connection"} & set(seen)


def test_fault_71_two_authorizations(alone, sick, well):
    reply = wire.ask(alone, wire.chat_request("m", headers=AUTH))
    assert (reply.status, reply.code) == (400, "bad_request")
    nothing_was_asked(sick, well)


def test_fault_72_a_wrong_key_learns_nothing(mocks, sick, well):
    keys = [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)},
            {"name": "old", "hash": canaries.hash_of(canaries.OTHER_KEY), "expires": "2020-01-01"}]
    with gateway_of(mocks, 1, client_keys=keys) as gateway:
        replies = [wire.ask(gateway, wire.chat_request("m", key=key)) for key in (
            "sk-unknown", canaries.OTHER_KEY, canaries.CLIENT_KEY[:-1], canaries.CLIENT_KEY + "x",
            canaries.CLIENT_KEY.upper(), "x" * 5000, "", None)]
        assert {reply.status for reply in replies} == {401}
        assert len({reply.body for reply in replies}) == 1
        assert {line["client"] for line in gateway.access_log(len(replies))} == {"unknown"}
    nothing_was_asked(sick, well)


def test_fault_73_log_injection(alone, sick):
    before = len(alone.access_log())
    names = ['a"}', "a\\", "a\u2028b", "\u001b[31mred", "na\u00efve \U0001f30a"]
    for name in names:
        wire.ask(alone, wire.chat_request(name, user='{"event":"fake"}\r\n{"status":1}'))
    for name in ("a\nb", "a\r\nb", "a\0b"):
        assert wire.ask(alone, wire.chat_request(name)).status == 400
    lines = alone.access_log(before + len(names) + 3)[before:]
    assert len(lines) == len(names) + 3
    assert [line["model"] for line in lines if line["status"] == 200] \
        == [name for name in names if "\u001b" not in name]
    assert "\u001b" not in alone.out.text() and "fake" not in alone.out.text()


def test_fault_74_metric_cardinality(alone, sick):
    with Wire(alone) as peer:
        for number in range(300):
            request = wire.chat_request(f"sick/model-{number}", user=f"u{number}")
            assert peer.ask(request).status == 200
    assert "model-299" not in alone.get("/metrics")


def test_fault_75_too_many_connections(mocks):
    with gateway_of(mocks, 1, limits={"connections": 10}) as gateway:
        peers = [Wire(gateway) for _ in range(10)]
        assert all(peer.ask(wire.get("/health")).status == 200 for peer in peers)
        for _ in range(50):
            with Wire(gateway) as late:
                answer = late.rest()
                assert answer == b"" or answer.startswith(b"HTTP/1.1 503 ")
        assert all(peer.ask(wire.get("/health")).status == 200 for peer in peers)
        peers.pop().close()
        deadline = time.monotonic() + 10
        while wire.ask(gateway, wire.get("/health")).status != 200:
            assert time.monotonic() < deadline
        for peer in peers:
            peer.close()


def test_fault_76_tls_port(mocks, sick, tmp_path):
    files = make_certificate(tmp_path / "tls")
    with gateway_of(mocks, 1, tls={"certificate": str(files / "tls.crt"),
                                   "key": str(files / "tls.key")}) as gateway:
        with Wire(gateway) as plain:
            plain.send(wire.get("/health"))
            assert b"HTTP/1.1 200" not in plain.rest()
        with Wire(gateway) as dribble:
            started = time.monotonic()
            dribble.send(b"\x16\x03\x01\x02\x00\x01")
            dribble.rest()
            assert time.monotonic() - started < 5
        with Wire(gateway, tls=wire.tls_context(files / "tls.crt")) as peer:
            assert peer.ask(wire.chat_request("m")).status == 200


@pytest.mark.parametrize("headers", [
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"])
def test_fault_77_upgrades_are_ignored(alone, sick, headers):
    for request in (wire.get("/health", headers), wire.chat_request("m", headers=headers)):
        with Wire(alone) as peer:
            reply = peer.ask(request + wire.get("/health"))
            assert (reply.status, reply["upgrade"], reply["connection"]) == (200, None, "close")
            assert peer.closed()
    assert "upgrade" not in sick.log()[-1]["headers"]
