"""The admin plane and browsers: who asks by another name, or for another site's page, is refused."""

import canaries
import pytest
import wire
from sluice import Sluice


def gateway_of(**admin):
    return Sluice(models={}, admin={"keys": [canaries.ADMIN_KEY], **admin})


def ask(gateway, host, headers="", path="/admin/status"):
    return wire.ask(gateway, (f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}"
                              f"Authorization: Bearer {canaries.ADMIN_KEY}\r\n\r\n").encode())


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "LocalHost:9090", "[::1]:9090", "10.1.2.3"])
def test_addresses_and_localhost_are_fine(host):
    with gateway_of() as gateway:
        assert ask(gateway, host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:9090", "localhost.evil.example"])
def test_another_name_is_refused_unless_it_is_listed(host):
    with gateway_of() as gateway:
        reply = ask(gateway, host)
        assert (reply.status, reply.json()["error"]["code"]) == (403, "forbidden")
        assert "admin.hosts" in reply.json()["error"]["message"]
        assert wire.ask(gateway, f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 200
    with gateway_of(hosts=[host.split(":")[0]]) as gateway:
        assert ask(gateway, host).status == 200


def test_the_origin_must_be_the_host():
    with gateway_of(hosts=["admin.example"]) as gateway:
        for origin, status in (("http://127.0.0.1:8080", 200), ("http://evil.example", 403), ("null", 403),
                               ("http://127.0.0.1:9999", 403), ("https://admin.example", 200)):
            assert ask(gateway, "127.0.0.1:8080", f"Origin: {origin}\r\n").status == status, origin
