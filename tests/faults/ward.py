"""The gateway of these tests: a sick provider, a well one, and short clocks."""

import pytest

import canaries
from sluice import Sluice, openai_provider, target

CLOCKS = {"connect": "300ms", "first_byte": "600ms", "idle": "500ms", "total": "2s",
          "sse_comment": "150ms", "client_header": "500ms", "client_body": "700ms",
          "client_write": "1s", "keepalive": "5s"}


def engines(*names):
    """Runs the tests of a file with each of these engines (providers.NAME.engine); with -tls behind
    the name over TLS."""
    return pytest.mark.parametrize("engine", names, indirect=True, scope="session")


def gateway_of(mocks, attempts, **settings):
    sick, well = mocks
    return Sluice(**{
        "providers": {"sick": openai_provider(sick), "well": openai_provider(well)},
        "default_provider": "sick",
        "models": {"both": {"targets": [target("sick", "a", priority=1),
                                        target("well", "b", priority=2)]}},
        "client_keys": [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "retry": {"max_attempts": attempts, "initial_delay_ms": 1},
        "circuit_breaker": {"enabled": False},
        "timeouts": CLOCKS,
        **settings})


def refused(gateway, reply, status, *codes):
    """It is an error as the dialect has it, with its line in the log and no tokens billed."""
    assert (reply.status, reply.ended) == (status, True), reply.body
    assert reply.code in codes
    assert set(reply.error) == {"message", "type", "param", "code"}
    assert reply["content-type"] == "application/json"
    assert reply["x-sluice-attempts"] == "1"
    line = gateway.log_of(reply["x-request-id"])
    assert (line["status"], line["error"], line["outcome"]) == (status, reply.code, "failed")
    assert line["tokens"]["output"] == 0
