"""What the tests share: one mock and one gateway in front of it, for all that need none of their
own."""

import sys

import pytest

import canaries
from asked import sdk
from mock import Mock
from sluice import Sluice, openai_provider, target


KEYS = 16  # a test that has some refused still finds a good one


@pytest.fixture(scope="session")
def mock_of_session():
    with Mock(tokens=5) as mock:
        mock.keys = [canaries.provider_key() for _ in range(KEYS)]
        yield mock


@pytest.fixture
def gateway(gateway_of_session):
    gateway_of_session.forget_keys()
    return gateway_of_session


@pytest.fixture(scope="session")
def gateway_of_session(mock_of_session):
    provider = openai_provider(mock_of_session)
    with Sluice(
        providers={"mock": provider, "other": provider},
        default_provider="mock",
        models={
            "tide": {
                "aliases": ["ebb", "harbour/ebb"],
                "targets": [target("mock", "gpt-4.1")],
                "description": "knows the sea",
                "context_window": 128000,
                "max_tokens": 16384,
                "cost_per_mtok": {
                    "input": 8.00, "output": 32.00, "cached_input": 2.00, "cache_write": 10.00,
                },
            },
            "meta/llama-3:free": {"targets": [target("other", "llama")]},
            "vector": {"targets": [target("mock", "text-embedding-3-small")]},
        },
        client_keys=[
            {"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)},
            {"name": "guest", "hash": canaries.hash_of(canaries.OTHER_KEY),
             "models": ["tide", "meta/*"]},
        ],
        admin={"keys": [canaries.ADMIN_KEY]},
        retry={"max_attempts": 1},
        circuit_breaker={"enabled": False},
    ) as sluice:
        yield sluice


@pytest.fixture
def mock(mock_of_session):
    mock_of_session.set(latency_ms=0, tokens=5, interval_ms=0, error_rate=0, fault=None)
    mock_of_session.reset()
    return mock_of_session


@pytest.fixture
def client(mock, gateway):
    with sdk(gateway.url) as client:
        yield client


@pytest.fixture
def direct(mock):
    """The same SDK, without the gateway between."""
    with sdk(mock.url) as client:
        yield client


def pytest_terminal_summary(terminalreporter):
    """The table of SDKs and providers, when its tests were run."""
    matrix = sys.modules.get("test_matrix")
    if matrix and matrix.passed:
        terminalreporter.write_line("Whole answers and streams, through sluice:")
        terminalreporter.write_line(matrix.table(matrix.passed))
