"""The fault matrix, rows 1 to 6 and 45: what can go wrong on the way to a provider. Each test bears
the number of its row."""

import contextlib
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
from ward import engines, gateway_of, refused

pytestmark = engines("direct", "transfer")


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
    with with_provider(mocks, base_url="http://a..b:1/v1", timeouts={"connect": "5s"}) as gateway:
        assert wire.ask(gateway, wire.chat_request("both")).status == 200
        assert gateway.event("attempt_failed")["code"] == "upstream_dns"
        assert gateway.metric("sluice_attempts_total", outcome="connection_error") == 1
    one_and_both(mocks, 502, "upstream_dns", base_url="http://a..b:1/v1",
                 timeouts={"connect": "5s"})


def test_fault_4_metadata_address(mocks, sick, well):
    with with_provider(mocks, base_url="http://169.254.169.254/v1") as gateway:
        for model in ("one", "both"):
            refused(gateway, wire.ask(gateway, wire.chat_request(model)), 502,
                    "upstream_address_denied")
        assert gateway.event("attempt_failed", count=2)["code"] == "upstream_address_denied"
    assert well.stats()["requests"] == 0


class Listener:
    """A server that does with each connection what `handle` says. Keeps what it received."""

    def __init__(self, handle, host="127.0.0.1"):
        self.socket = socket.create_server((host, 0))
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


@pytest.mark.parametrize("trusted", [False, True], ids=["self-signed", "wrong host"])
def test_fault_5_certificate_that_is_not_to_be_trusted(mocks, sick, well, tmp_path, trusted):
    certificate = make_certificate(tmp_path / "tls")

    def handle(listener, peer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
        with context.wrap_socket(peer, server_side=True) as tls:
            listener.listen(tls)

    host = "127.0.0.2" if trusted else "127.0.0.1"
    more = {"ca_file": str(certificate / "tls.crt")} if trusted else {}
    with Listener(handle, host) as server:
        url = f"https://{host}:{server.port}/v1"
        one_and_both(mocks, 502, "upstream_tls", base_url=url, **more)
        assert server.received == b""


def test_fault_6_tls_handshake_stalls(mocks, sick, well):
    with Listener(Listener.listen) as server:
        one_and_both(mocks, 504, "upstream_connect_timeout",
                     base_url=f"https://127.0.0.1:{server.port}/v1")
        assert b"canary" not in server.received


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
