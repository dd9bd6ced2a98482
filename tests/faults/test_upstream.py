"""The fault matrix, rows 1 to 45: what can go wrong with a provider. Each test bears the number of
its row."""

import contextlib
import json
import socket
import ssl
import threading
import time

import pytest

import canaries
import wire
from certificate import make_certificate
from mock import Mock
from sluice import openai_provider
from ward import gateway_of
from wire import Wire

MIB = 1 << 20


def ask(gateway, fault, stream=True, **more):
    return wire.ask(gateway, wire.chat_request("fault:" + fault, stream, **more))


def refused(gateway, reply, status, *codes):
    """It is an error as the dialect has it, with its line in the log and no tokens billed."""
    assert (reply.status, reply.ended) == (status, True), reply.body
    assert reply.code in codes
    assert set(reply.error) == {"message", "type", "param", "code"}
    assert reply["content-type"] == "application/json"
    assert reply["x-sluice-attempts"] == "1"
    line = gateway.log_of(reply["x-request-id"])
    assert (line["status"], line["error"], line["outcome"]) == (status, reply.code, "failed")
    assert line["tokens"]["output"] == 0


def next_one_answers(pair, sick, fault, stream=True):
    """The client gets the other target's answer and sees nothing of the fault."""
    sick.reset()
    sick.set(fault=fault)
    reply = wire.ask(pair, wire.chat_request("both", stream))
    assert reply.status == 200, reply.body
    assert reply["x-sluice-provider"] == "well"
    assert int(reply["x-sluice-attempts"]) == sick.stats()["requests"] + 1
    if reply["content-type"].startswith("text/event-stream"):
        assert reply.events()[-1] == "[DONE]"
    assert reply.text().split() == ["tok0", "tok1", "na\u00efve2", "tok3", "\u6f6e4"]
    return reply


def broken_off(gateway, reply, code, text="tok0 tok1"):
    """Whole events, then one error event, then the end, and never [DONE]."""
    assert (reply.status, reply.ended) == (200, True)
    events = reply.events()
    assert wire.text_of(events[:-1]) == text
    assert json.loads(events[-1])["error"]["code"] == code
    line = gateway.log_of(reply["x-request-id"])
    assert (line["outcome"], line["error"]) == ("broken", code)
    assert line["tokens"]["estimated"]


def still_serves(gateway):
    """Nothing of the last answer is left over for the next client."""
    for _ in range(3):
        assert wire.ask(gateway, wire.chat_request("m")).text().startswith("tok0 tok1")


# ---- connecting ----


@contextlib.contextmanager
def with_provider(mocks, attempts=3, name="odd", **provider):
    providers = {"sick": openai_provider(mocks[0]), "well": openai_provider(mocks[1]),
                 name: openai_provider(mocks[0], **provider)}
    models = {"both": {"targets": [{"provider": name, "model": "a", "priority": 1},
                                   {"provider": "well", "model": "b", "priority": 2}]},
              "one": {"targets": [{"provider": name, "model": "a"}]}}
    with gateway_of(mocks, attempts, providers=providers, models=models) as gateway:
        yield gateway


def one_and_both(mocks, status, code, **provider):
    """One target alone: the error. Another beside it: its answer. Gives how long the error took."""
    with with_provider(mocks, 1, **provider) as gateway:
        started = time.monotonic()
        reply = wire.ask(gateway, wire.chat_request("one"))
        took = time.monotonic() - started
        refused(gateway, reply, status, code)
    with with_provider(mocks, **provider) as gateway:
        reply = wire.ask(gateway, wire.chat_request("both"))
        assert (reply.status, reply["x-sluice-provider"]) == (200, "well")
        assert reply["x-sluice-attempts"] == "2"
    return took


def test_fault_1_connection_refused(mocks, sick, well):
    with Mock() as dead:
        dead.stop()
        assert one_and_both(mocks, 502, "upstream_connect", base_url=dead.url + "/v1") < 0.5
        dead.start()


def test_fault_2_blackhole(mocks, sick, well):
    took = one_and_both(mocks, 504, "upstream_connect_timeout", base_url=sick.blackhole() + "/v1")
    assert 0.29 < took < 1.5


def test_fault_3_name_is_not_found(mocks, sick, well):
    one_and_both(mocks, 502, "upstream_dns", base_url="http://a..b:1/v1",
                 timeouts={"connect": "5s"})


def test_fault_4_metadata_address(mocks, sick, well):
    with with_provider(mocks, base_url="http://169.254.169.254/v1") as gateway:
        for model in ("one", "both"):
            refused(gateway, wire.ask(gateway, wire.chat_request(model)), 502,
                    "upstream_address_denied")
    assert well.stats()["requests"] == 0


class Listener:
    """A server that does with each connection what `handle` says. Keeps what it received."""

    def __init__(self, handle):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.received = b""
        self.handle = handle
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with contextlib.suppress(OSError), peer:
            self.handle(self, peer)

    def listen(self, peer):
        """Reads until the peer leaves."""
        while part := peer.recv(65536):
            self.received += part

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@pytest.mark.parametrize("name, trusted", [("self-signed", False), ("wrong host", True)])
def test_fault_5_certificate_that_is_not_to_be_trusted(mocks, sick, well, tmp_path, name, trusted):
    certificate = make_certificate(tmp_path / "tls")

    def handle(listener, peer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
        with context.wrap_socket(peer, server_side=True) as tls:
            listener.listen(tls)

    with Listener(handle) as server:
        host = "127.0.0.2" if trusted else "127.0.0.1"
        more = {"ca_file": str(certificate / "tls.crt")} if trusted else {}
        server.socket.close()
        server.socket = socket.create_server(("0.0.0.0", 0))
        server.port = server.socket.getsockname()[1]
        threading.Thread(target=server.run, daemon=True).start()
        one_and_both(mocks, 502, "upstream_tls", base_url=f"https://{host}:{server.port}/v1", **more)
        assert server.received == b""


def test_fault_6_tls_handshake_stalls(mocks, sick, well):
    with Listener(Listener.listen) as server:
        one_and_both(mocks, 504, "upstream_connect_timeout",
                     base_url=f"https://127.0.0.1:{server.port}/v1")
        assert canaries.PROVIDER_KEY.encode() not in server.received


# ---- before the first content ----


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", ["reset-before-headers", "close-before-headers"])
def test_fault_7_closed_before_headers(alone, pair, sick, fault, stream):
    refused(alone, ask(alone, fault, stream), 502, "upstream_reset")
    next_one_answers(pair, sick, fault, stream)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", ["reset-on-reused", "close-on-reused"])
def test_fault_8_kept_connection_is_dead(pair, sick, well, fault, stream):
    assert wire.ask(pair, wire.chat_request("sick/m")).status == 200
    reply = wire.ask(pair, wire.chat_request("sick/fault:" + fault, stream))
    assert (reply.status, reply["x-sluice-attempts"]) == (200, "2")
    assert reply.text().startswith("tok0 tok1")
    assert [record["reused"] for record in sick.log()[-2:]] == [True, False]


@pytest.mark.parametrize("fault", ["reset-after-headers", "close-after-headers"])
def test_fault_9_closed_after_headers(alone, pair, sick, fault):
    refused(alone, ask(alone, fault), 502, "upstream_truncated")
    next_one_answers(pair, sick, fault)


# ---- in the middle of a stream ----


@pytest.mark.parametrize("fault", ["reset-mid-event", "close-mid-event"])
def test_fault_10_reset_inside_an_event(alone, fault):
    broken_off(alone, ask(alone, fault), "upstream_truncated")


@pytest.mark.parametrize("fault", ["close-mid-stream", "end-mid-stream", "reset-mid-stream"])
def test_fault_11_end_without_done(pair, well, fault):
    broken_off(pair, ask(pair, fault), "upstream_truncated")
    assert well.stats()["requests"] == 0


@pytest.mark.parametrize("fault", ["no-done", "close-before-done"])
def test_fault_12_finished_but_no_done(alone, fault):
    reply = ask(alone, fault)
    assert reply.ended and reply.events()[-1] == "[DONE]"
    assert reply.text().endswith("tok3 \u6f6e4")
    assert alone.log_of(reply["x-request-id"])["outcome"] == "ok"


def test_fault_13_reset_after_done(alone):
    reply = ask(alone, "reset-after-done")
    assert reply.ended and reply.events()[-1] == "[DONE]"
    line = alone.log_of(reply["x-request-id"])
    assert (line["outcome"], line["tokens"]["output"], line["tokens"]["estimated"]) == ("ok", 5, False)


def test_fault_14_bytes_after_done(alone):
    reply = ask(alone, "bytes-after-done")
    assert reply.ended and reply.events()[-1] == "[DONE]"
    assert b"late" not in reply.body
    still_serves(alone)


def test_fault_15_never_closes_after_done(alone, sick):
    started = time.monotonic()
    reply = ask(alone, "open-after-done")
    assert reply.ended and reply.events()[-1] == "[DONE]"
    sick.wait(cancelled_min=1, in_flight_max=0)
    assert time.monotonic() - started < 0.6


# ---- framing ----


def test_fault_16_short_content_length(alone, pair, sick):
    refused(alone, ask(alone, "short-content-length", False), 502, "upstream_truncated")
    next_one_answers(pair, sick, "short-content-length", False)


def test_fault_17_second_response_behind_the_first(alone, sick):
    reply = ask(alone, "long-body", False)
    assert reply.text().startswith("tok0") and b"poison" not in reply.body
    still_serves(alone)
    assert sick.log()[0]["connection"] not in {record["connection"] for record in sick.log()[1:]}


@pytest.mark.parametrize("fault", ["cl-and-te", "duplicate-cl", "bad-chunk-size", "huge-chunk-size"])
def test_fault_18_contradictory_framing(alone, pair, sick, fault):
    refused(alone, ask(alone, fault), 502, "upstream_protocol")
    next_one_answers(pair, sick, fault)


@pytest.mark.parametrize("fault", ["bad-status-line", "http09", "nul-in-header", "bare-cr-in-header",
                                   "bare-lf"])
def test_fault_19_not_http(alone, pair, sick, fault):
    refused(alone, ask(alone, fault, False), 502, "upstream_protocol")
    next_one_answers(pair, sick, fault, False)


@pytest.mark.parametrize("fault", ["header-1mb", "headers-20k", "endless-headers"])
def test_fault_20_too_many_headers(alone, fault):
    ask(alone, fault)
    before = alone.rss_bytes()
    for _ in range(5):
        refused(alone, ask(alone, fault), 502, "upstream_header_too_large")
    assert alone.rss_bytes() - before < 2 * MIB


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("kind", ["100", "103"])
def test_fault_21_interim_answers(alone, kind, stream):
    assert ask(alone, kind + "-once", stream).text().startswith("tok0")
    refused(alone, ask(alone, kind + "-many", stream), 502, "upstream_protocol")


def test_fault_22_switching_protocols(alone):
    refused(alone, ask(alone, "101"), 502, "upstream_protocol")


@pytest.mark.parametrize("where", ["metadata", "file", "loop", "host"])
def test_fault_23_redirect(alone, sick, where):
    refused(alone, ask(alone, "redirect-" + where), 502, "upstream_redirect")
    assert sick.stats()["requests"] == 1


# ---- errors inside a 200 ----


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault, status, code", [
    ("200-error", 500, None), ("200-error-overloaded", 503, "server_is_overloaded")])
def test_fault_24_error_in_a_200(alone, pair, sick, fault, status, code, stream):
    reply = ask(alone, fault, stream)
    assert (reply.status, reply.code) == (status, code)
    assert alone.log_of(reply["x-request-id"])["tokens"]["output"] == 0
    next_one_answers(pair, sick, fault, stream)


@pytest.mark.parametrize("fault", ["sse-error-first", "sse-error-after-role"])
def test_fault_25_error_event_first(alone, pair, sick, fault):
    reply = ask(alone, fault)
    assert reply.status >= 500 and reply.error["message"]
    next_one_answers(pair, sick, fault)


@pytest.mark.parametrize("fault", ["sse-error-mid", "sse-error-then-done"])
def test_fault_25_error_event_in_the_middle(pair, well, fault):
    reply = ask(pair, fault)
    assert wire.text_of(reply.events()[:-1]) == "tok0 tok1"
    assert json.loads(reply.events()[-1])["error"]["message"]
    assert pair.log_of(reply["x-request-id"])["outcome"] == "broken"
    assert well.stats()["requests"] == 0


# ---- the wrong kind of answer ----


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_fault_26_captive_portal(alone, pair, sick, stream):
    reply = ask(alone, "html", stream)
    refused(alone, reply, 502, "upstream_content_type")
    assert b"<" not in reply.body
    next_one_answers(pair, sick, "html", stream)


def test_fault_27_json_for_a_stream(alone):
    reply = ask(alone, "json-for-stream")
    assert (reply.status, reply["content-type"]) == (200, "application/json")
    assert reply.text().startswith("tok0")
    line = alone.log_of(reply["x-request-id"])
    assert (line["tokens"]["output"], line["tokens"]["estimated"]) == (5, False)


def test_fault_28_stream_for_json(alone, pair, sick):
    refused(alone, ask(alone, "sse-for-json", False), 502, "upstream_content_type")
    next_one_answers(pair, sick, "sse-for-json", False)


@pytest.mark.parametrize("form", ["crlf", "cr", "bom", "comments", "id", "retry", "split", "torture"])
def test_fault_29_every_form_of_events(alone, form):
    reply = ask(alone, "sse-" + form)  # events() is strict about what we make of it
    assert reply.events()[-1] == "[DONE]"
    assert reply.text().split() == ["tok0", "tok1", "na\u00efve2", "tok3", "\u6f6e4"]
    assert alone.log_of(reply["x-request-id"])["tokens"]["output"] == 5


def test_fault_30_event_that_is_no_json(alone):
    before = alone.metric("sluice_malformed_events_total")
    reply = ask(alone, "bad-json-event")
    assert '{"id":broken' in reply.events() and reply.events()[-1] == "[DONE]"
    alone.wait_metric("sluice_malformed_events_total", before + 1)


@pytest.mark.parametrize("fault", ["bad-json", "empty-body"])
def test_fault_30_answer_that_is_no_json(alone, pair, sick, fault):
    refused(alone, ask(alone, fault, False), 502, "upstream_protocol")
    next_one_answers(pair, sick, fault, False)


def test_fault_31_invalid_utf8(alone):
    reply = ask(alone, "bad-utf8")
    assert b'"content":"\xff\xfe"' in reply.body  # relayed as it came
    events = wire.data_of(reply.body.decode(errors="replace").encode())
    assert wire.text_of(events).endswith("tok3 \u6f6e4") and events[-1] == "[DONE]"


# ---- too much ----


@pytest.mark.parametrize("fault", ["huge-line", "endless-line"])
def test_fault_32_endless_event(alone, sick, fault):
    ask(alone, fault)
    before = alone.rss_bytes()
    for _ in range(5):
        refused(alone, ask(alone, fault), 502, "upstream_protocol")
    sick.wait(in_flight_max=0)
    assert alone.rss_bytes() - before < 8 * MIB


def test_fault_33_endless_json(alone, sick):
    before = alone.rss_bytes()
    with Wire(alone) as peer:
        peer.send(wire.chat_request("fault:endless-json"))
        status, headers = peer.head()
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while part := peer.file.read1(MIB):
                taken += len(part)
    assert status == 200 and taken < 66 * MIB < int(headers["content-length"])
    assert alone.rss_bytes() - before < 8 * MIB + quarantine(alone)
    sick.wait(in_flight_max=0)


def quarantine(gateway):
    """What AddressSanitizer keeps back of freed memory."""
    maps = open(f"/proc/{gateway.process.pid}/maps", encoding="ascii").read()
    return 512 * MIB if "[heap]" not in maps or "libasan" in maps else 0


@pytest.mark.parametrize("fault", ["gzip", "gzip-bomb"])
def test_fault_34_compressed_answer(alone, fault):
    before = alone.rss_bytes()
    refused(alone, ask(alone, fault, False), 502, "upstream_protocol")
    assert alone.rss_bytes() - before < 4 * MIB


# ---- error statuses ----


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("form, least, most", [
    ("seconds", 1, 1), ("date", 1, 6), ("ms", 1, 1), ("negative", 1, 60), ("huge", 1, 600),
    ("garbage", 1, 60), ("none", 1, 60), ("quota", 1, 600)])
def test_fault_35_rate_limit(alone, pair, sick, form, least, most, stream):
    reply = ask(alone, "429-" + form, stream)
    assert reply.status == 429 and reply.error["message"]
    assert least <= int(reply["retry-after"]) <= most
    next_one_answers(pair, sick, "429-" + form, stream)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault, status", [
    ("500", 500), ("502-html", 502), ("503", 503), ("503-retry-after", 503), ("504", 504), ("529", 503)])
def test_fault_36_server_error(alone, pair, sick, fault, status, stream):
    reply = ask(alone, fault, stream)
    assert reply.status == status and reply.error["message"]
    assert b"<" not in reply.body
    assert status != 503 or int(reply["retry-after"]) >= 1
    next_one_answers(pair, sick, fault, stream)


@pytest.mark.parametrize("fault, status", [
    ("400", 400), ("400-context", 400), ("404", 404), ("413", 413), ("422", 422)])
def test_fault_37_the_request_is_at_fault(pair, sick, well, fault, status):
    sick.set(fault=fault)
    reply = wire.ask(pair, wire.chat_request("both"))
    assert (reply.status, reply["x-sluice-attempts"]) == (status, "1")
    assert reply.error["message"] and well.stats()["requests"] == 0
    canaries.assert_none_in(reply.body, "error")


@pytest.mark.parametrize("fault", ["401", "403"])
def test_fault_38_our_key_is_refused(alone, pair, sick, fault):
    reply = ask(alone, fault)
    refused(alone, reply, 502, "upstream_auth")
    next_one_answers(pair, sick, fault)
    assert pair.event("attempt_failed", code="upstream_auth")["outcome"] == "auth"


# ---- silence ----


def test_fault_39_stall_before_headers(alone, pair, sick):
    started = time.monotonic()
    reply = ask(alone, "stall-before-headers")
    assert 0.55 < time.monotonic() - started < 1.8
    assert timed_out(reply) == "upstream_timeout"
    next_one_answers_late(pair, sick, "stall-before-headers")
    sick.wait(in_flight_max=0)


def test_fault_39_a_plain_answer_is_bounded_by_the_total_clock(alone, sick):
    started = time.monotonic()
    reply = ask(alone, "stall-before-headers", False)
    assert 1.9 < time.monotonic() - started < 3.5
    assert (reply.status, reply.code) == (504, "deadline_exceeded")
    sick.wait(in_flight_max=0)


def timed_out(reply):
    """The code of a timeout: an event once a comment has fixed the status, else a reply."""
    assert b": ping\n\n" in reply.body
    assert "[DONE]" not in reply.events()
    return json.loads(reply.events()[-1])["error"]["code"]


@pytest.mark.parametrize("fault", ["stall-after-headers", "stall-after-role"])
def test_fault_40_stall_before_content(alone, pair, sick, fault):
    assert timed_out(ask(alone, fault)) == "upstream_timeout"
    assert b": ping\n\n" in next_one_answers_late(pair, sick, fault).body
    sick.wait(in_flight_max=0)


def next_one_answers_late(pair, sick, fault):
    """As next_one_answers; but the head has gone with a comment, so it tells of the first target."""
    sick.set(fault=fault)
    reply = wire.ask(pair, wire.chat_request("both", True))
    assert reply.status == 200 and reply.events()[-1] == "[DONE]"
    assert reply.text().split() == ["tok0", "tok1", "na\u00efve2", "tok3", "\u6f6e4"]
    assert pair.log_of(reply["x-request-id"])["attempts"] == 2
    return reply


def test_fault_40_stall_in_the_middle(alone, sick):
    reply = ask(alone, "stall-mid-stream")
    assert b": ping\n\n" in reply.body
    broken_off(alone, reply, "upstream_timeout")
    sick.wait(in_flight_max=0)


def test_fault_41_drip(alone, sick):
    reply = wire.ask(alone, wire.chat_request("m@split=8,drip=2,tokens=3", True))
    assert reply.text() == "tok0 tok1 na\u00efve2" and reply.events()[-1] == "[DONE]"
    reply = wire.ask(alone, wire.chat_request("m@split=8,drip=2,tokens=500", True))
    events = reply.events()
    assert json.loads(events[-1])["error"]["code"] == "deadline_exceeded"
    assert wire.text_of(events[:-1]).startswith("tok0 tok1")
    sick.wait(in_flight_max=0)


def test_fault_42_comments_for_ever(alone, sick):
    reply = ask(alone, "comments-only")
    assert timed_out(reply) == "upstream_timeout"
    broken_off(alone, ask(alone, "comments-mid-stream"), "deadline_exceeded")
    sick.wait(in_flight_max=0)


# ---- the rest ----


@pytest.mark.parametrize("fault", ["early-response", "early-response-deaf"])
def test_fault_43_answer_before_the_request_is_sent(alone, sick, fault):
    reply = ask(alone, fault, False, padding="x" * (3 * MIB))
    assert reply.status == 413 and reply.error["message"]
    sick.wait(in_flight_max=0)
    still_serves(alone)


@pytest.mark.parametrize("how", ["close", "reset", "garbage"])
def test_fault_44_idle_connection_goes_bad(pair, sick, how):
    for _ in range(5):
        assert wire.ask(pair, wire.chat_request("sick/m")).status == 200
        sick.end_idle(how)
        reply = wire.ask(pair, wire.chat_request("sick/m", True))
        assert reply.text().startswith("tok0") and b"poison" not in reply.body


@pytest.mark.parametrize("fault", ["idle-close", "idle-reset", "idle-garbage"])
def test_fault_44_idle_connection_ends_by_itself(pair, sick, fault):
    for _ in range(3):
        assert ask(pair, fault, False).text().startswith("tok0")
        sick.wait(connections_open_max=2 if "garbage" in fault else 1)
        reply = wire.ask(pair, wire.chat_request("sick/m"))
        assert reply.text().startswith("tok0") and b"poison" not in reply.body


def test_fault_45_host_down_for_long(mocks, sick, well):
    with Mock(tokens=5) as host:
        breaker = {"failure_threshold": 3, "timeout_seconds": 1, "half_open_requests": 1}
        providers = {"host": openai_provider(host), "well": openai_provider(well)}
        models = {"both": {"targets": [{"provider": "host", "model": "a", "priority": 1},
                                       {"provider": "well", "model": "b", "priority": 2}]}}
        with gateway_of(mocks, 3, providers=providers, models=models, default_provider="well",
                        circuit_breaker=breaker) as gateway:
            host.kill()
            started = time.monotonic()
            for _ in range(20):
                assert wire.ask(gateway, wire.chat_request("both")).status == 200
            assert time.monotonic() - started < 1
            assert gateway.event("breaker", state="open")
            assert gateway.metric("sluice_attempts_total", outcome="connection_error") == 3
            host.start()
            deadline = time.monotonic() + 15
            while wire.ask(gateway, wire.chat_request("both"))["x-sluice-provider"] == "well":
                assert time.monotonic() < deadline
            gateway.event("breaker", state="closed")
