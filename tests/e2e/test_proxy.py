"""A provider behind a proxy, which is told to connect, or asked for the whole address."""

import asyncio
import contextlib
import threading

import pytest

import canaries
import wire
from certificate import make_certificate
from mock import Mock
from sluice import Sluice, openai_provider
from tls_front import TlsFront, pump


class Proxy:
    """An HTTP proxy on a port of its own. `heads` is what it was asked for; with `refuses` it does
    not do it."""

    def __init__(self, refuses=False):
        self.refuses = refuses
        self.heads = []
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    async def serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode())
            method, where, _ = head.split(b"\r\n")[0].split(b" ")
            if self.refuses:
                writer.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                writer.close()
                return
            host = where if method == b"CONNECT" else where.split(b"/")[2]
            drop = b"http://" + host
            name, port = host.decode().rsplit(":", 1)
            up_reader, up_writer = await asyncio.open_connection(name, int(port))
            if method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 Connected\r\nX-Proxy: here\r\n\r\n")
            else:
                up_writer.write(head.replace(drop, b""))
            await asyncio.gather(pump(reader, up_writer, drop), pump(up_reader, writer))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@pytest.fixture(scope="module")
def mock():
    with Mock(tokens=5) as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


def gateway_of(mock, proxy, **provider):
    provider = openai_provider(mock, proxy=proxy.url, **provider)
    return Sluice(providers={"mock": provider}, default_provider="mock",
                  client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
                  retry={"max_attempts": 1})


def serves(gateway):
    for stream in (False, True, False):
        assert wire.ask(gateway, wire.chat_request("m", stream)).text().startswith("tok0 tok1")


@pytest.mark.parametrize("engine", ["auto", "direct", "transfer"])
def test_tls_goes_through(mock, certificate, engine):
    with TlsFront(mock, certificate) as front, Proxy() as proxy, \
            gateway_of(mock, proxy, engine=engine, base_url=front.url + "/v1",
                       ca_file=str(certificate / "tls.crt")) as gateway:
        serves(gateway)
    assert len(proxy.heads) == 1  # the connection was kept
    assert proxy.heads[0].startswith("CONNECT " + front.url.removeprefix("https://"))
    canaries.assert_none_in(proxy.heads[0].encode(), "what the proxy sees")


@pytest.mark.parametrize("engine, begin", [
    ("auto", "POST http://"), ("direct", "CONNECT "), ("transfer", "POST http://")])
def test_clear_text_is_asked_for(mock, engine, begin):
    with Proxy() as proxy, gateway_of(mock, proxy, engine=engine) as gateway:
        serves(gateway)
    assert all(head.startswith(begin + mock.url.removeprefix("http://")) for head in proxy.heads)


@pytest.mark.parametrize("engine", ["direct", "transfer"])
def test_a_proxy_that_refuses_is_a_connection_that_failed(mock, engine):
    with Proxy(refuses=True) as proxy, \
            gateway_of(mock, proxy, engine=engine, base_url="https://localhost:1/v1") as gateway:
        reply = wire.ask(gateway, wire.chat_request("m"))
        assert (reply.status, reply.code) == (502, "upstream_reset")
