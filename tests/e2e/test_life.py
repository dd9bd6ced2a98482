"""Starting, reloading, draining, ending."""

import json
import signal
import socket
import statistics
import time

import pytest

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, run, target
from wire import Wire


@pytest.fixture
def mock():
    with Mock(tokens=5) as mock:
        yield mock


def gateway_of(mock, **settings):
    return Sluice(**{"providers": {"mock": openai_provider(mock)}, "default_provider": "mock",
                     "retry": {"max_attempts": 1}, **settings})


# ---- starting ----


def test_the_first_answer_comes_within_moments_of_the_start(mock):
    took = []
    for _ in range(7):
        started = time.monotonic()
        with gateway_of(mock) as gateway:
            assert wire.ask(gateway, wire.chat_request("m")).status == 200
            took.append(time.monotonic() - started)
    assert statistics.median(took) < 0.25, took  # 50 ms on a quiet machine; CI is none


def test_a_port_that_is_taken_ends_with_4(mock):
    with gateway_of(mock) as gateway, Wire(gateway):
        other = gateway.file.with_name("other.yaml")
        other.write_text(json.dumps({**gateway.settings, "listen": f"127.0.0.1:{gateway.port}"}))
        ended = run("-c", other)
        assert ended.returncode == 4
        assert f":{gateway.port}" in ended.stderr


def test_a_wrong_file_ends_with_1_and_starts_nothing(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("listen: 127.0.0.1:0\nmodles: {}\n")
    ended = run("-c", file)
    assert ended.returncode == 1
    assert f"{file}:2:1: " in ended.stderr
    assert '"event":"start"' not in ended.stderr


def test_the_demo_answers_without_a_key_and_says_so():
    with Sluice(providers={"demo": {"kind": "demo"}}, default_provider="demo") as gateway:
        gateway.err.wait_for(lambda lines: any("DEMO" in line for line in lines), "warning")
        reply = wire.ask(gateway, wire.chat_request("demo", True))
        assert reply.events()[-1] == "[DONE]"
        assert len(wire.text_of(reply.events())) > 20
        assert gateway.log_of(reply["x-request-id"])["tokens"]["output"] > 3
        assert wire.ask(gateway, wire.chat_request("demo")).text()


def test_a_provider_without_a_key_is_off_and_said_so(mock):
    providers = {"mock": openai_provider(mock),
                 "off": openai_provider(mock, keys=["${NO_SUCH_KEY:-}"])}
    with gateway_of(mock, providers=providers) as gateway:
        reply = wire.ask(gateway, wire.chat_request("off/m"))
        assert (reply.status, reply.code) == (503, "no_healthy_target")
        assert wire.ask(gateway, wire.chat_request("mock/m")).status == 200
        assert "off" in gateway.err.text()


# ---- reloading ----


def keys(*names):
    both = {"team": canaries.CLIENT_KEY, "guest": canaries.OTHER_KEY}
    return [{"name": name, "hash": canaries.hash_of(both[name])} for name in names]


def test_a_good_file_is_in_force_for_the_next_request_and_cuts_nothing(mock):
    with gateway_of(mock, client_keys=keys("team", "guest")) as gateway, Wire(gateway) as running:
        running.send(wire.chat_request("fault:hold-mid-stream", True, key=canaries.OTHER_KEY))
        assert running.head()[0] == 200
        running.until(b"tok1")
        assert gateway.metric("sluice_config_generation") == 1
        gateway.reload(client_keys=keys("team"), models={"new": {"targets": [target("mock", "n")]}})
        assert gateway.metric("sluice_config_generation") == 2
        assert wire.ask(gateway, wire.chat_request("m", key=canaries.OTHER_KEY)).status == 401
        reply = wire.ask(gateway, wire.chat_request("new"))
        assert (reply.status, reply.json()["model"]) == (200, "n")
        mock.release()
        running.until(b"data: [DONE]\n\n")


def test_a_revoked_key_is_refused_on_a_connection_that_is_open(mock):
    with gateway_of(mock, client_keys=keys("team", "guest")) as gateway, Wire(gateway) as peer:
        assert peer.ask(wire.chat_request("m", key=canaries.OTHER_KEY)).status == 200
        gateway.reload(client_keys=keys("team"))
        assert peer.ask(wire.chat_request("m", key=canaries.OTHER_KEY)).status == 401


BAD_FILES = {
    "syntax": ("listen: [\n", ":2:1: "),
    "unknown key": ("listen: 127.0.0.1:0\nproviders: {}\nmodles: {}\n", ":3:1: "),
    "another address": ("listen: 127.0.0.1:1\nproviders: {demo: {kind: demo}}\n", "restart"),
    "certificate": ("listen: 127.0.0.1:0\nproviders: {demo: {kind: demo}}\n"
                    "tls: {certificate: /nowhere.crt, key: /nowhere.key}\n", "/nowhere"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_leaves_the_old_in_force(mock, name):
    text, said = BAD_FILES[name]
    with gateway_of(mock) as gateway:
        gateway.write_text(text)
        gateway.signal(signal.SIGHUP)
        assert said in gateway.event("reload_refused")["errors"]
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        assert gateway.metric("sluice_config_reload_failed_total") >= 1
        assert gateway.metric("sluice_config_generation") == 1
        gateway.reload()
        assert gateway.metric("sluice_config_generation") == 2


def test_a_changed_file_is_noticed(mock):
    with gateway_of(mock) as gateway:
        gateway.write(**gateway.settings, models={"new": {"targets": [target("mock", "n")]}})
        assert gateway.event("reload")["why"] == "the file has changed"
        assert wire.ask(gateway, wire.chat_request("new")).json()["model"] == "n"
        gateway.write_text("no: [")
        gateway.event("reload_refused", why="the file has changed")
        assert wire.ask(gateway, wire.chat_request("new")).status == 200


def test_reloads_under_load_fail_nothing(mock):
    with gateway_of(mock) as gateway, Wire(gateway) as one, Wire(gateway) as other:
        for generation in range(10):
            gateway.reload(models={f"m{generation}": {"targets": [target("mock", "n")]}})
            for peer in (one, other):
                assert peer.ask(wire.chat_request(f"m{generation}")).json()["model"] == "n"
                assert peer.ask(wire.chat_request("tide", True)).events()[-1] == "[DONE]"


def test_the_admin_plane_reloads_and_says_what_is_wrong(mock):
    with gateway_of(mock, admin={"keys": [canaries.ADMIN_KEY]}) as gateway:
        ask = wire.post("/admin/reload", b"", key=canaries.ADMIN_KEY)
        reply = wire.ask(gateway, ask)
        assert (reply.status, reply.json()["generation"]) == (200, 2)
        gateway.write_text("no: [")
        reply = wire.ask(gateway, ask)
        assert reply.status == 422
        assert reply.json()["errors"][0].startswith(str(gateway.file))
        assert wire.ask(gateway, wire.post("/admin/reload", b"", key="sk-no")).status == 401


# ---- ending ----


def start_streams(gateway, mock, count):
    peers = [Wire(gateway) for _ in range(count)]
    for peer in peers:
        peer.send(wire.chat_request("fault:hold-mid-stream", True))
    for peer in peers:
        assert peer.head()[0] == 200
        peer.until(b"tok1")
    return peers


def test_sigterm_lets_running_streams_finish(mock):
    with gateway_of(mock) as gateway, Wire(gateway) as idle, Wire(gateway) as early:
        assert idle.ask(wire.get("/ready")).status == 200
        early.send(wire.chat_request("fault:hold"))
        mock.wait(requests_min=1)
        peers = start_streams(gateway, mock, 20)
        gateway.signal(signal.SIGTERM)
        gateway.event("drain")
        with pytest.raises(ConnectionRefusedError):
            Wire(gateway)
        assert idle.closed()
        mock.release()
        for peer in peers:
            body, ended = peer.chunks()
            assert ended and peer.closed()
            assert wire.text_of(wire.data_of(body)).split() == ["na\u00efve2", "tok3", "\u6f6e4"]
            assert wire.data_of(body)[-1] == "[DONE]"
        reply = early.reply()
        assert (reply.status, reply["connection"]) == (200, "close")
        gateway.wait()
        assert {line["outcome"] for line in gateway.access_log()} == {"ok"}


def test_after_the_drain_time_streams_end_in_an_error_event(mock):
    with gateway_of(mock, drain={"seconds": 1}) as gateway:
        peers = start_streams(gateway, mock, 5)
        gateway.signal(signal.SIGTERM)
        for peer in peers:
            body, ended = peer.chunks()
            assert ended
            assert json.loads(wire.data_of(body)[-1])["error"]["code"] == "overloaded"
        gateway.wait()
    mock.wait(cancelled_min=5, in_flight_max=0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(mock, number):
    with gateway_of(mock) as gateway:
        peers = start_streams(gateway, mock, 3)
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        gateway.event("drain")
        gateway.signal(number)
        for peer in peers:
            assert b'"overloaded"' in peer.chunks()[0]
        gateway.wait()
        assert time.monotonic() - started < 5


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_draining_is_alive_but_not_ready(mock):
    admin = {"listen": f"127.0.0.1:{free_port()}", "keys": [canaries.ADMIN_KEY]}
    port = int(admin["listen"].split(":")[1])
    with gateway_of(mock, admin=admin) as gateway:
        assert wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).status == 404
        assert wire.ask(port, wire.get("/ready")).status == 200
        peers = start_streams(gateway, mock, 1)
        reply = wire.ask(port, wire.post("/admin/drain", b"", key=canaries.ADMIN_KEY))
        assert reply.json() == {"draining": True}
        reply = wire.ask(port, wire.get("/ready"))
        assert (reply.status, reply.json()["reasons"]) == (503, ["draining"])
        assert wire.ask(port, wire.get("/health")).status == 200
        status = wire.ask(port, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()
        assert (status["draining"], status["streams"]) == (True, 1)
        with pytest.raises(ConnectionRefusedError):
            Wire(gateway)
        mock.release()
        for peer in peers:
            assert peer.chunks()[1]
        gateway.signal(signal.SIGTERM)
        gateway.wait()


def test_a_stop_without_any_request_is_clean(mock):
    with gateway_of(mock) as gateway:
        gateway.stop()


def test_a_stop_with_idle_connections_is_clean(mock):
    with gateway_of(mock) as gateway:
        peers = [Wire(gateway) for _ in range(50)]
        assert all(peer.ask(wire.chat_request("m")).status == 200 for peer in peers)
        gateway.stop()
        assert all(peer.closed() for peer in peers)
