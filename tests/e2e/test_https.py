"""The same over TLS: trusted certificates and others, both versions, resumption, reload."""

import pathlib
import socket
import ssl
import subprocess

import httpx
import openai
import pytest

import asked
import canaries
import wire
from asked import sdk
from certificate import make_certificate
from sluice import Sluice, openai_provider


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def https(mock_of_session, certificate):
    with Sluice(
        tls={"certificate": str(certificate / "tls.crt"), "key": str(certificate / "tls.key")},
        providers={"mock": openai_provider(mock_of_session)}, default_provider="mock",
        client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        retry={"max_attempts": 1}, timeouts={"client_header": "2s"},
    ) as sluice:
        yield sluice


def trusting(certificate):
    return httpx.Client(verify=wire.tls_context(certificate / "tls.crt"))


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", ["plain", "parallel tools", "emoji", "picture", "many tokens"])
def test_https_is_the_same_as_directly(https, direct, certificate, name, stream):
    with sdk(https.url, http_client=trusting(certificate)) as client:
        seen = asked.dump(asked.chat(client, name, stream=stream))
    assert seen == asked.dump(asked.chat(direct, name, stream=stream))


def test_errors_and_cancellation_are_the_same_over_https(https, mock, certificate):
    with sdk(https.url, http_client=trusting(certificate)) as client:
        with pytest.raises(openai.RateLimitError):
            asked.chat(client, "plain", model="fault:429-seconds")
        stream = asked.chat(client, "plain", model="fault:stall-mid-stream", stream=True)
        next(iter(stream))
        stream.close()
        mock.wait(cancelled_min=1, in_flight_max=0)


def test_a_certificate_that_nobody_trusts_is_refused_by_the_sdk(https):
    with sdk(https.url) as client, pytest.raises(openai.APIConnectionError):
        asked.chat(client, "plain")


def s_client(port, version, *options):
    """What openssl's own client says of a connection; Python's forgets sessions with OpenSSL 3.5."""
    words = ["openssl", "s_client", version, "-connect", f"127.0.0.1:{port}", "-servername",
             "localhost", "-ign_eof", *map(str, options)]
    return subprocess.run(words, input=wire.get("/health", "Connection: close\r\n"), timeout=15,
                          capture_output=True).stdout.decode()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_both_versions_are_spoken_and_sessions_resumed(https, certificate, tmp_path, version):
    kept = tmp_path / "session"
    first = s_client(https.port, version, "-CAfile", certificate / "tls.crt", "-sess_out", kept)
    again = s_client(https.port, version, "-CAfile", certificate / "tls.crt", "-sess_in", kept)
    name = "TLSv1.2" if version == "-tls1_2" else "TLSv1.3"
    assert f"New, {name}" in first and "HTTP/1.1 200 OK" in first
    assert f"Reused, {name}" in again and "HTTP/1.1 200 OK" in again


def test_tls_1_1_is_refused(https, certificate):
    context = wire.tls_context(certificate / "tls.crt")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        wire.Wire(https, tls=context)


def test_a_new_certificate_is_served_after_a_reload(mock, tmp_path):
    old = make_certificate(tmp_path / "old")
    new = make_certificate(tmp_path / "new")
    tls = {"certificate": str(old / "tls.crt"), "key": str(old / "tls.key")}
    with Sluice(tls=tls, providers={"mock": openai_provider(mock)}) as sluice:
        with wire.Wire(sluice, tls=wire.tls_context(old / "tls.crt")) as running:
            sluice.reload(tls={"certificate": str(new / "tls.crt"), "key": str(new / "tls.key")})
            with wire.Wire(sluice, tls=wire.tls_context(new / "tls.crt")) as fresh:
                assert fresh.ask(wire.get("/health")).status == 200
            assert running.ask(wire.get("/health")).status == 200
        with pytest.raises(ssl.SSLError):
            wire.Wire(sluice, tls=wire.tls_context(old / "tls.crt"))


def test_a_client_without_the_wanted_certificate_is_refused(mock, certificate, tmp_path):
    own = make_certificate(tmp_path / "client", "client")
    tls = {"certificate": str(certificate / "tls.crt"), "key": str(certificate / "tls.key"),
           "client_ca": str(own / "tls.crt")}
    with Sluice(tls=tls, providers={"mock": openai_provider(mock)}) as sluice:
        context = wire.tls_context(certificate / "tls.crt")
        with pytest.raises((ssl.SSLError, ConnectionError)), wire.Wire(sluice, tls=context) as peer:
            peer.ask(wire.get("/health"))
        context.load_cert_chain(pathlib.Path(own, "tls.crt"), pathlib.Path(own, "tls.key"))
        with wire.Wire(sluice, tls=context) as peer:
            assert peer.ask(wire.get("/health")).status == 200
