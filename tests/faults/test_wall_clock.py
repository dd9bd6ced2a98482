"""The fault matrix, row 91: the wall clock jumps while sluice runs. libfaketime stands between the
real program and its clock: the wall clock alone, which is what an operator or NTP can set."""

import calendar
import json
import pathlib
import time

import pytest

import canaries
import wire
from ward import gateway_of
from wire import Wire

HOUR_S = 3600
JUMPS = {"an hour on": "+1h", "an hour back": "-1h", "a leap second": "-1s",
         "1970": "@1970-01-02 00:00:00"}
BREAKER = {"failure_threshold": 3, "timeout_seconds": 1, "half_open_requests": 1}


class WallClock:
    """The clock that a program sees which is started with `env`."""

    def __init__(self, directory):
        self.file = directory / "time"
        self.jump("+0")
        [library] = pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        self.env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(self.file),
                    "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "TZ": "UTC",
                    # gcc's sanitizer wants to be the first library that is loaded.
                    "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def jump(self, to):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(to + "\n")
        fresh.replace(self.file)


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path)


def jump(gateway, clock, to):
    """The clock jumps, and the program has seen it: the next line of its log says so."""
    clock.jump(to)
    reply = wire.ask(gateway, wire.chat_request("well/m"))
    assert reply.status == 200, reply.body
    wanted = {"+1h": time.time() + HOUR_S, "-1h": time.time() - HOUR_S,
              "-1s": time.time() - 1}.get(to, 24 * HOUR_S)
    line = gateway.log_of(reply["x-request-id"])
    told = calendar.timegm(time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert abs(told - wanted) < 60, (told, wanted)
    assert line["duration_ms"] < 1000


def health_of(gateway):
    """What is known of each target, but for what time alone changes."""
    status = json.loads(gateway.get("/admin/status", key=canaries.ADMIN_KEY))
    return {target["id"]: (target["health"], target["breaker"], target["recent"]["good"],
                           target["recent"]["bad"])
            for target in status["models"]["both"]["targets"]}


@pytest.mark.parametrize("to", JUMPS.values(), ids=JUMPS)
def test_fault_91_what_runs_survives_a_jump(mocks, sick, well, clock, to):
    """No mass timeouts: neither what waits for an answer nor what streams notices anything."""
    with gateway_of(mocks, 3, env=clock.env, circuit_breaker=BREAKER) as gateway:
        peers = [Wire(gateway) for _ in range(8)]
        streams, plain = peers[:4], peers[4:]
        for peer in streams:
            peer.send(wire.chat_request("sick/m@tokens=12,interval=50", True))
            peer.head()
            peer.until(b"tok0")
        sick.set(fault="hold")
        for peer in plain:
            peer.send(wire.chat_request("sick/m"))
        sick.wait(requests_min=8)
        jump(gateway, clock, to)
        sick.set(fault=None, release=True)
        assert [peer.reply().text().split()[0] for peer in plain] == ["tok0"] * 4
        for peer in streams:
            rest, whole = peer.chunks()
            assert whole and b"tok11" in rest and rest.endswith(b"data: [DONE]\n\n")
        for peer in peers:
            peer.close()
        lines = gateway.access_log(9)
        assert {line["outcome"] for line in lines} == {"ok"}
        assert {line["attempts"] for line in lines} == {1}
        assert max(line["duration_ms"] for line in lines) < 2000
        assert gateway.metric("sluice_attempts_total") == 9
        assert sick.stats()["posts"] == 8


@pytest.mark.parametrize("to", JUMPS.values(), ids=JUMPS)
def test_fault_91_timeouts_and_retry_after_are_as_long_as_ever(mocks, sick, well, clock, to):
    with gateway_of(mocks, 1, env=clock.env) as gateway:
        with Wire(gateway) as peer:
            started = time.monotonic()
            peer.send(wire.chat_request("sick/fault:stall-before-headers"))
            sick.wait(in_flight_min=1)
            jump(gateway, clock, to)
            assert peer.reply().code == "deadline_exceeded"
            assert 1.9 < time.monotonic() - started < 3.5
        # The provider's date is of its own clock: whatever ours says, the client gets a time in bounds.
        reply = wire.ask(gateway, wire.chat_request("sick/fault:429-date"))
        assert reply.status == 429 and 1 <= int(reply["retry-after"]) <= 600


@pytest.mark.parametrize("to", JUMPS.values(), ids=JUMPS)
def test_fault_91_what_was_learnt_stays_as_it_is(mocks, sick, well, clock, to):
    """Breakers, health windows and the budget of retries neither end nor last longer."""
    breaker = {**BREAKER, "timeout_seconds": 2}
    with gateway_of(mocks, 3, env=clock.env, circuit_breaker=breaker) as gateway:
        sick.set(fault="503")
        for _ in range(3):
            assert wire.ask(gateway, wire.chat_request("both"))["x-sluice-provider"] == "well"
        opened = time.monotonic()
        gateway.event("breaker", state="open")
        before = health_of(gateway)
        jump(gateway, clock, to)
        assert health_of(gateway) == before
        asked = sick.stats()["requests"]
        assert wire.ask(gateway, wire.chat_request("both"))["x-sluice-provider"] == "well"
        assert time.monotonic() - opened < 1.9 and sick.stats()["requests"] == asked
        sick.set(fault=None)
        while wire.ask(gateway, wire.chat_request("both"))["x-sluice-provider"] == "well":
            assert time.monotonic() - opened < 10
        assert time.monotonic() - opened > 1.9
        gateway.event("breaker", state="closed")
