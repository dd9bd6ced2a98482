"""The gateway of these tests: a sick provider, a well one, and short clocks."""

import canaries
from sluice import Sluice, openai_provider, target

CLOCKS = {"connect": "300ms", "first_byte": "600ms", "idle": "500ms", "total": "2s",
          "sse_comment": "150ms", "client_header": "500ms", "client_body": "700ms",
          "client_write": "1s", "keepalive": "5s"}


def gateway_of(mocks, attempts, **settings):
    sick, well = mocks
    return Sluice(**{
        "providers": {"sick": openai_provider(sick), "well": openai_provider(well)},
        "default_provider": "sick",
        "models": {"both": {"targets": [target("sick", "a", priority=1),
                                        target("well", "b", priority=2)]}},
        "client_keys": [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        "retry": {"max_attempts": attempts, "initial_delay_ms": 1},
        "circuit_breaker": {"enabled": False},
        "timeouts": CLOCKS,
        **settings})
