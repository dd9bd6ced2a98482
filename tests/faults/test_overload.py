"""The fault matrix, rows 79, 82 and 92: too much at once, and time that stands still. Each test bears
the number of its row."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import time

import wire
from mock import BUILD_DIR
from ward import gateway_of
from wire import Wire

import canaries

SLOTS = 8
LATENCY_MS = 50


def load(gateway, path, *options):
    """Runs sluice-load against the gateway; gives its figures."""
    subprocess.run(
        [BUILD_DIR / "sluice-load", "--key", canaries.CLIENT_KEY, "-m", "both", "--quiet",
         "--allow-failures", "--json", path, *map(str, options), gateway.url],
        check=True, timeout=60, stdout=subprocess.DEVNULL)
    return next(iter(json.loads(path.read_text())["targets"].values()))["sum"]


def good(figures):
    return (figures["requests"] - figures["failed"]) / (figures["duration_us"] / 1e6)


def percentile(values, share):
    values = sorted(values)
    return values[int(len(values) * share)]


def test_fault_82_ten_times_too_much(mocks, sick, well, tmp_path):
    sick.set(latency_ms=LATENCY_MS)
    limits = {"in_flight": SLOTS, "queue": SLOTS // 2}
    with gateway_of(mocks, 1, limits=limits, timeouts={}) as gateway:
        calm = load(gateway, tmp_path / "calm.json", "-c", SLOTS, "-d", 2)
        assert calm["failed"] == 0
        before = gateway.rss_bytes()
        logged = len(gateway.access_log(calm["requests"]))
        rate = int(10 * SLOTS * 1000 / LATENCY_MS)
        storm = load(gateway, tmp_path / "storm.json", "-c", 200, "--rate", rate, "-d", 4)
        lines = gateway.access_log(logged + storm["requests"])[logged:]
        shed = [line["duration_ms"] for line in lines if line["status"] == 503]
        served = [line["duration_ms"] for line in lines if line["status"] == 200]
        assert len(shed) + len(served) == len(lines)
        assert len(shed) > storm["requests"] * 0.8
        assert {line["error"] for line in lines if line["status"] == 503} == {"overloaded"}
        assert good(storm) >= 0.9 * good(calm)
        assert percentile(shed, 0.99) < 5
        # The median, because these judge the queue and not who else uses the machine.
        assert percentile(served, 0.5) < 2 * calm["whole_us"]["p50"] / 1000
        gateway.assert_growth(before, 16 << 20)
        gateway.wait_metric("sluice_in_flight", 0)
        gateway.wait_metric("sluice_queue_depth", 0)
        assert gateway.metric("sluice_shed_total") == len(shed)
        assert sick.stats()["requests"] == calm["requests"] + len(served) # none that was shed


def test_fault_79_no_socket_for_an_upstream(mocks, sick, well):
    with gateway_of(mocks, 3, limits={"in_flight": 1, "queue": 0}) as gateway, \
            Wire(gateway) as peer:
        assert peer.ask(wire.get("/health")).status == 200
        soft, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
        used = max(int(fd) for fd in os.listdir(f"/proc/{gateway.process.pid}/fd")) + 1
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (used, hard))
        for _ in range(3): # the slot comes back each time
            reply = peer.ask(wire.chat_request("both"))
            assert (reply.status, reply.code) == (503, "overloaded")
            assert "descriptors" in reply.error["message"]
            assert reply["retry-after"] == "1"
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert peer.ask(wire.chat_request("both")).status == 200
        assert gateway.metric("sluice_in_flight") == 0


def test_fault_92_time_stands_still(mocks, sick, well):
    """Everything that was due while it stood still happens once."""
    sick.set(fault="hold")
    limits = {"in_flight": 2, "queue": 8, "queue_wait": "500ms"}
    with gateway_of(mocks, 1, limits=limits) as gateway:
        peers = []
        for i in range(6):
            peers.append(Wire(gateway))
            peers[i].send(wire.chat_request("both"))
            gateway.wait_metric("sluice_queue_depth", max(0, i - 1))
        sick.wait(in_flight_min=2)
        os.kill(gateway.process.pid, signal.SIGSTOP)
        stat = pathlib.Path(f"/proc/{gateway.process.pid}/stat")
        while stat.read_text().rsplit(")", 1)[1].split()[0] != "T":
            pass
        stopped = time.monotonic()
        while time.monotonic() < stopped + 2.5: # longer than any clock of these
            sick.stats()
        os.kill(gateway.process.pid, signal.SIGCONT)
        codes = [reply.code for reply in (peer.reply() for peer in peers)]
        assert codes[:2] == ["deadline_exceeded"] * 2
        assert set(codes[2:]) <= {"overloaded", "deadline_exceeded"}
        assert sick.stats()["requests"] <= 6 and well.stats()["requests"] == 0
        gateway.wait_metric("sluice_in_flight", 0)
        gateway.wait_metric("sluice_queue_depth", 0)
        assert len(gateway.access_log(6)) == 6
        sick.set(fault=None, release=True)
        assert wire.ask(gateway, wire.chat_request("both")).status == 200
        for peer in peers:
            peer.close()
