"""The load generator: a bench that overlooks a lost event proves nothing."""

import json
import socket
import subprocess
import threading

import pytest

from mock import BUILD_DIR, Mock

BINARY = BUILD_DIR / "sluice-load"


def run(url, *options):
    """Runs it; gives its exit code and the figures of its only target."""
    done = subprocess.run([BINARY, url, "--json", "-", "--quiet", *map(str, options)],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)["targets"]["URL"]["sum"]


def token(number):
    choice = {"index": 0, "delta": {"content": f" tok{number}"}, "finish_reason": None}
    return "data: " + json.dumps({"choices": [choice]}) + "\n\n"


FINISH = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = "data: [DONE]\n\n"
GOOD = [token(0), token(1), token(2), FINISH, DONE]


@pytest.fixture
def serve():
    """Gives a function that answers one request with these bytes and closes; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def answer(data):
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(data)

    def start(data):
        threads.append(threading.Thread(target=answer, args=(data,)))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for thread in threads:
        thread.join(10)
    listener.close()


def stream(events, end="0\r\n\r\n"):
    """An answer with all events in one chunk."""
    body = "".join(events)
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return f"{head}{len(body):x}\r\n{body}\r\n{end}".encode()


def judge(url, *options):
    code, figures = run(url, "-n", 1, "--stream", "--expect-tokens", 3, *options)
    outcome, = [name for name, count in figures["outcomes"].items() if count]
    return code, outcome


def test_a_right_stream_is_right(serve):
    assert judge(serve(stream(GOOD))) == (0, "ok")


def test_line_ends_and_comments_are_free(serve):
    events = [": hello\n\n", *[event.replace("\n", "\r\n") for event in GOOD]]
    assert judge(serve(stream(events))) == (0, "ok")


@pytest.mark.parametrize("what, events", [
    ("lost", [token(0), token(2), FINISH, DONE]),
    ("lost at the start", [token(1), token(2), FINISH, DONE]),
    ("lost at the end", [token(0), token(1), FINISH, DONE]),
    ("doubled", [token(0), token(1), token(1), token(2), FINISH, DONE]),
    ("swapped", [token(1), token(0), token(2), FINISH, DONE]),
    ("merged in one line", [token(0).strip() + token(1)[6:], token(2), FINISH, DONE]),
    ("merged in one event", [token(0)[:-1] + token(1), token(2), FINISH, DONE]),
    ("cut", [token(0), token(1)[:-9] + "\n\n", token(2), FINISH, DONE]),
    ("behind the end", [*GOOD, token(3)]),
    ("without a finish reason", [token(0), token(1), token(2), DONE]),
    ("without its last line end", [*GOOD[:-1], "data: [DONE]\n"]),
])
def test_a_wrong_stream_is_wrong(serve, what, events):
    assert judge(serve(stream(events))) == (1, "wrong"), what


def test_a_stream_without_done_is_broken(serve):
    assert judge(serve(stream(GOOD[:-1]))) == (1, "broken")


def test_an_error_event_is_broken(serve):
    error = 'data: {"error":{"message":"no"}}\n\n'
    assert judge(serve(stream([token(0), error]))) == (1, "broken")


def test_a_body_that_ends_early_is_broken(serve):
    assert judge(serve(stream(GOOD, end=""))) == (1, "broken")


def test_no_answer_is_unanswered(serve):
    assert judge(serve(b"")) == (1, "unanswered")


def test_another_status_is_refused(serve):
    assert judge(serve(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")) == (1, "refused")


def test_bytes_behind_the_answer_are_wrong(serve):
    assert judge(serve(stream(GOOD) + b"HTTP/1.1 200 OK\r\n")) == (1, "wrong")


def test_an_interim_answer_is_none(serve):
    assert judge(serve(b"HTTP/1.1 103 Early Hints\r\n\r\n" + stream(GOOD))) == (0, "ok")


def test_failures_may_be_allowed(serve):
    assert judge(serve(b""), "--allow-failures") == (0, "unanswered")


def test_a_closed_loop_keeps_its_connections():
    with Mock() as mock:
        code, figures = run(mock.url, "-c", 7, "-n", 100)
    assert (code, figures["requests"], figures["connects"]) == (0, 100, 7)


def test_a_connection_for_each_request():
    with Mock() as mock:
        code, figures = run(mock.url, "-c", 7, "-n", 100, "--connection-per-request")
    assert (code, figures["requests"], figures["connects"]) == (0, 100, 100)


def test_an_open_loop_counts_from_when_a_request_is_due():
    """One connection, 100 requests a second, 30 ms each: the last waits for all before it."""
    with Mock(latency=30) as mock:
        code, figures = run(mock.url, "-c", 1, "-n", 30, "--rate", 100)
    assert code == 0
    assert figures["whole_us"]["max"] >= 30 * 30_000 - 29 * 10_000


def test_a_series_says_what_began_and_ended_when(tmp_path):
    """100 a second, well until the first answer has come that is told to fail."""
    path = tmp_path / "load.json"
    with Mock() as mock:
        mock.set(fault="503", fault_count=5)
        command = [BINARY, mock.url, "--rate", "100", "-n", "40", "-c", "40", "--series", "0.1",
                   "--json", path, "--quiet", "--allow-failures"]
        assert subprocess.run(command, stdout=subprocess.DEVNULL, timeout=60,
                              check=False).returncode == 0
    slots = json.loads(path.read_text())["targets"]["URL"]["rounds"][0]["series"]
    assert [slot["started"] for slot in slots[1:4]] == [10] * 3  # by when each was due
    assert sum(slot["started"] for slot in slots) == 40
    assert sum(slot["failed"] for slot in slots) == 5
    assert slots[0]["failed"] > 0
    assert sum(slot["ok"] for slot in slots) == 35
    assert all(slot["slowest_us"] > 0 for slot in slots if slot["ok"])


def test_without_being_asked_it_keeps_no_series_and_refusals_have_times_of_their_own():
    with Mock() as mock:
        mock.set(fault="503", fault_count=5)
        code, figures = run(mock.url, "-n", 20)
    assert (code, figures["series"]) == (1, [])
    assert (figures["refused_us"]["count"], figures["whole_us"]["count"]) == (5, 15)


def test_a_request_that_takes_too_long_is_given_up():
    with Mock(latency=5000) as mock:
        code, figures = run(mock.url, "-n", 1, "--timeout", "0.2")
        assert mock.wait(cancelled_min=1)["in_flight"] == 0
    assert (code, figures["outcomes"]["timeout"]) == (1, 1)


@pytest.mark.parametrize("phase", ["headers", "stream", "wait"])
def test_it_leaves_in_the_phase_that_it_is_told_to(phase, tmp_path):
    closes = tmp_path / "closes"
    latency = 0 if phase == "stream" else 5000
    with Mock(latency=latency, interval=20, tokens=500) as mock:
        code, figures = run(mock.url, "-c", 3, "-n", 6, "--disconnect", phase, "--closes", closes)
        mock.wait(cancelled_min=6)
        seen = {json.loads(r["body"])["user"]: r for r in mock.log()}
    assert (code, figures["outcomes"]["left"]) == (0, 6)
    for close in map(json.loads, closes.read_text().splitlines()):
        record = seen.pop(close["user"])
        assert record["closed_ns"] >= close["closed_ns"]
        assert (record["tokens"] > 0) == (phase == "stream")
        assert record["stream"] == (phase != "wait")
    assert not seen
