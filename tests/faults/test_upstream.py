"""The fault matrix, rows 7 to 44: what can go wrong with a provider that was reached. Each test
bears the number of its row."""

import contextlib
import json
import time

import pytest

import canaries
import wire
from ward import engines, refused
from wire import Wire

pytestmark = engines("direct", "direct-tls", "transfer")

MIB = 1 << 20


def ask(gateway, fault, stream=True, **more):
    return wire.ask(gateway, wire.chat_request("fault:" + fault, stream, **more))


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
    assert line["outcome"] == "ok"
    assert (line["tokens"]["output"], line["tokens"]["estimated"]) == (5, False)


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
    for _ in range(20):
        sick.reset()
        reply = ask(alone, "long-body", False)
        assert reply.text().startswith("tok0") and b"poison" not in reply.body
        sick.wait(complete_min=1)  # the second one has been sent, too
        still_serves(alone)
        later = {record["connection"] for record in sick.log()[1:]}
        assert sick.log()[0]["connection"] not in later


@pytest.mark.parametrize("fault", [
    "cl-and-te", "duplicate-cl", "bad-chunk-size", "huge-chunk-size"])
def test_fault_18_contradictory_framing(alone, pair, sick, fault):
    refused(alone, ask(alone, fault), 502, "upstream_protocol")
    next_one_answers(pair, sick, fault)


@pytest.mark.parametrize("fault", [
    "bad-status-line", "http09", "nul-in-header", "bare-cr-in-header", "bare-lf"])
def test_fault_19_not_http(alone, pair, sick, fault):
    refused(alone, ask(alone, fault, False), 502, "upstream_protocol")
    next_one_answers(pair, sick, fault, False)


@pytest.mark.parametrize("fault", ["header-1mb", "headers-20k", "endless-headers"])
def test_fault_20_too_many_headers(alone, fault):
    ask(alone, fault)
    before = alone.rss_bytes()
    for _ in range(5):
        refused(alone, ask(alone, fault), 502, "upstream_header_too_large")
    alone.assert_growth(before, 2 * MIB)


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
    assert alone.event("attempt_failed", code="upstream_redirect")["target"]
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


@pytest.mark.parametrize("form", [
    "crlf", "cr", "bom", "comments", "id", "retry", "split", "torture"])
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
    assert alone.log_of(reply["x-request-id"])["tokens"]["output"] == 5


@pytest.mark.parametrize("fault", ["bad-json", "empty-body"])
def test_fault_30_answer_that_is_no_json(alone, pair, sick, fault):
    refused(alone, ask(alone, fault, False), 502, "upstream_protocol")
    next_one_answers(pair, sick, fault, False)


def test_fault_31_invalid_utf8(alone):
    reply = ask(alone, "bad-utf8")
    assert b'"content":"\xff\xfe"' in reply.body  # relayed as it came
    events = wire.data_of(reply.body.decode(errors="replace").encode())
    assert wire.text_of(events).endswith("tok3 \u6f6e4") and events[-1] == "[DONE]"
    line = alone.log_of(reply["x-request-id"])  # which is JSON whatever went past
    assert (line["outcome"], line["tokens"]["output"]) == ("ok", 5)


# ---- too much ----


@pytest.mark.parametrize("fault", ["huge-line", "endless-line"])
def test_fault_32_endless_event(alone, sick, fault):
    ask(alone, fault)
    before = alone.rss_bytes()
    for _ in range(5):
        refused(alone, ask(alone, fault), 502, "upstream_protocol")
    sick.wait(in_flight_max=0)
    alone.assert_growth(before, 8 * MIB)


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
    alone.assert_growth(before, 8 * MIB)
    sick.wait(in_flight_max=0)


@pytest.mark.parametrize("fault", ["gzip", "gzip-bomb"])
def test_fault_34_compressed_answer(alone, fault):
    before = alone.rss_bytes()
    refused(alone, ask(alone, fault, False), 502, "upstream_protocol")
    alone.assert_growth(before, 4 * MIB)


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
    ("500", 500), ("502-html", 502), ("503", 503), ("503-retry-after", 503), ("504", 504),
    ("529", 503)])
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
    canaries.assert_none_in(reply.body, "error")
    assert alone.event("key", state="quarantined", provider="sick")["level"] == "warn"
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
