"""The load generator: a bench that overlooks a lost event proves nothing."""

import json
import re
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from certificate import make_certificate
from mock import BUILD_DIR, Mock
from sluice import Sluice, openai_provider

BINARY = BUILD_DIR / "sluice-load"
ROOT = Path(__file__).resolve().parents[2]


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


def test_a_ramp_lets_clients_in_at_random_moments_of_its_length(tmp_path):
    """Streams that all began at the pace of their events would be in step."""
    path = tmp_path / "load.json"
    with Mock(latency=1000) as mock:
        command = [BINARY, mock.url, "-c", "40", "-n", "40", "--ramp", "0.8", "--series", "0.005",
                   "--json", path, "--quiet"]
        subprocess.run(command, stdout=subprocess.DEVNULL, timeout=60, check=True)
    slots = json.loads(path.read_text())["targets"]["URL"]["rounds"][0]["series"]
    at = [i for i, slot in enumerate(slots) for _ in range(slot["started"])]
    assert len(at) == 40 and at[-1] >= (800 - 20) / 5 - 1
    assert len({i % 4 for i in at}) == 4  # evenly they would come each 20 ms


def test_connections_may_be_open_before_the_first_request():
    with Mock() as mock:
        code, figures = run(mock.url, "-c", 5, "-n", 2, "--connect-first")
    assert (code, figures["requests"], figures["connects"]) == (0, 2, 5)


def test_who_cannot_connect_first_fails_with_its_request():
    with Mock() as mock:
        url = mock.url
    code, figures = run(url, "-c", 3, "-n", 3, "--connect-first")
    assert (code, figures["outcomes"]["unanswered"]) == (1, 3)


def test_a_slow_writer_writes_slowly():
    with Mock() as mock:
        code, figures = run(mock.url, "-c", 2, "-n", 2, "--body-bytes", 100_000, "--write-rate",
                            200_000)
        bodies = [record["body_bytes"] for record in mock.log()]
    assert (code, bodies) == (0, [100_000] * 2)
    assert figures["whole_us"]["min"] >= 0.98 * 100_000 / 200_000 * 1e6


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


@pytest.mark.parametrize("words, said", [
    ([], "URL: is missing: http[s]://HOST[:PORT][/PATH]"),
    (["ftp://127.0.0.1"], "[NAME=]http[s]://HOST[:PORT][/PATH] is wanted"),
    (["a=http://127.0.0.1:1", "a=http://127.0.0.1:2"], "give each URL a name of its own"),
    (["http://127.0.0.1:1", "--conections", "3"], "no such option; the nearest is --connections"),
    (["http://127.0.0.1:1", "-c"], "--connections: N is missing"),
    (["http://127.0.0.1:1", "-c", "0"], "--connections 0: a whole number from 1 to 100000"),
    (["http://127.0.0.1:1", "--rate", "1.2345"], "with at most three decimals"),
    (["http://127.0.0.1:1", "--poisson"], "--poisson: is for --rate R"),
    (["http://127.0.0.1:1", "--rate", "5", "--ramp", "1"], "--ramp: is for the closed loop"),
    (["http://127.0.0.1:1", "--connect-first", "--connection-per-request"],
     "--connect-first: is for connections that are kept"),
    (["http://127.0.0.1:1", "--expect-tokens", "5"], "--expect-tokens: is for --stream"),
    (["http://127.0.0.1:1", "--series", "1"], "--series: is for --json FILE"),
    (["http://127.0.0.1:1", "--closes", "x"], "--closes: is for --disconnect PHASE"),
    (["http://127.0.0.1:1", "--disconnect", "never"], "headers, stream, wait or random"),
    (["http://127.0.0.1:1", "--header", "X-Nothing"], "'NAME: VALUE' is wanted"),
    (["http://127.0.0.1:1", "--pid", "other=1"], "NAME=PID[,PID] with the name of a URL"),
    (["--plot", "lines.txt"], "--plot: is drawn to --svg FILE"),
])
def test_what_makes_no_sense_is_refused_with_what_would(words, said):
    done = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_help_names_every_option():
    done = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=10, check=True)
    source = (ROOT / "bench" / "load" / "options.c").read_text()
    names = re.findall(r'{ "(--[a-z-]+)"', source)
    assert len(names) > 30
    assert [name for name in names if f"{name} " not in done.stdout] == []


def test_percentiles_means_and_ratios_are_right(tmp_path):
    """One of ten requests takes 80 ms, the others 20 ms (by a clock of milliseconds)."""
    path = tmp_path / "load.json"
    with Mock(latency=20) as quick, Mock(latency=20, slow_every=10, slow=80) as mixed:
        subprocess.run([BINARY, f"quick={quick.url}", f"mixed={mixed.url}", "-n", "20", "--rounds",
                        "3", "--json", path, "--quiet"], stdout=subprocess.DEVNULL, timeout=60,
                       check=True)
    figures = json.loads(path.read_text())["targets"]
    times = figures["mixed"]["sum"]["whole_us"]
    assert times["count"] == 60
    assert 19_000 <= times["min"] <= times["p50"] < 79_000 <= times["p99"] <= times["max"]
    assert times["mean"] >= (9 * 19_000 + 79_000) / 10
    ratios = figures["mixed"]["ratios"]["p99"]
    assert len(ratios["rounds"]) == 3
    assert sorted(ratios["rounds"])[1] == ratios["median"]
    for each, a, b in zip(ratios["rounds"], figures["quick"]["rounds"],
                          figures["mixed"]["rounds"]):
        assert each == pytest.approx(b["whole_us"]["p99"] / a["whole_us"]["p99"], rel=0.001)


def test_cpu_memory_and_instructions_are_those_of_the_process():
    with Mock() as mock:
        _, figures = run(mock.url, "-n", 2000, "-c", 8, "--pid", f"URL={mock.process.pid}")
    usage = figures["usage"]
    assert 0 < usage["cpu_us"] <= figures["duration_us"] * 1.05
    assert usage["cpu_us_per_request"] == pytest.approx(usage["cpu_us"] / 2000, rel=0.01)
    assert usage["rss_peak"] >= usage["rss_begin"] > 1_000_000
    counted = usage["instructions_per_request"]
    assert counted > 1000 if counted else usage["instructions_uncounted"]


def test_a_slow_reader_reads_slowly():
    """About 120 KB, of which the kernel holds some, at 30 KB a second."""
    with Mock(tokens=600) as mock:
        code, figures = run(mock.url, "-n", 1, "--stream", "--expect-tokens", 600, "--read-rate",
                            30_000)
    assert code == 0
    assert figures["whole_us"]["max"] >= (figures["bytes"] - 8192) / 30_000 * 1e6


def test_leaving_at_random_leaves_before_and_within_the_answer():
    with Mock(latency=20, interval=2, tokens=100) as mock:
        code, figures = run(mock.url, "-n", 200, "-c", 50, "--stream", "--disconnect", "random",
                            "--hold", "0.1")
        mock.wait(in_flight_max=0)
        tokens = [r["tokens"] for r in mock.log()]
    assert (code, figures["outcomes"]["left"]) == (0, 200)
    assert min(tokens) == 0 < max(tokens)


def test_it_speaks_tls(tmp_path):
    certificate = make_certificate(tmp_path / "tls")
    tls = {"certificate": str(certificate / "tls.crt"), "key": str(certificate / "tls.key")}
    with Mock() as mock, Sluice(tls=tls, providers={"mock": openai_provider(mock)},
                                default_provider="mock") as sluice:
        code, figures = run(sluice.url, "-n", 20, "-c", 3, "--stream", "--expect-tokens", 16)
        assert (code, figures["connects"]) == (0, 3)
        code, figures = run(sluice.url, "-n", 6, "-c", 3, "--body-bytes", 1_000_000,
                            "--connection-per-request")
        assert (code, figures["connects"]) == (0, 6)
        code, figures = run(mock.url.replace("http:", "https:"), "-n", 1, "--timeout", 5)
    assert (code, figures["outcomes"]["unanswered"]) == (1, 1)


def test_plots_are_drawn(tmp_path):
    with Mock() as mock:
        code, _ = run(mock.url, "-n", 50, "--stream", "--svg", tmp_path / "load.svg")
    assert code == 0
    drawn = (tmp_path / "load.svg").read_text()
    assert all(f">{name}</text>" in drawn for name in ("whole request", "first token", "99%"))
    lines = tmp_path / "lines.txt"
    lines.write_text("title A & B\nx log at once\ny linear us\nmark 100 here\nline a\n10 1.5\n"
                     "100 2\n")
    draw = [BINARY, "--plot", lines, "--svg", tmp_path / "lines.svg"]
    subprocess.run(draw, timeout=10, check=True)
    drawn = (tmp_path / "lines.svg").read_text()
    assert drawn.count("<polyline") == 1 and "A &amp; B" in drawn
    lines.write_text("title A\nline a\n10 much\n")
    done = subprocess.run(draw, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, "lines.txt:3" in done.stderr) == (2, True)
