"""Two gateways before a sick and a well provider: `alone` asks the sick one once and nobody else,
`pair` may go on to the other."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from mock import Mock  # noqa: E402
from ward import gateway_of  # noqa: E402


@pytest.fixture(scope="session")
def mocks():
    with Mock(tokens=5) as sick, Mock(tokens=5) as well:
        yield sick, well


def fresh(mock):
    mock.set(latency_ms=0, tokens=5, interval_ms=0, error_rate=0, fault=None, release=True)
    mock.reset()
    return mock


@pytest.fixture
def sick(mocks):
    return fresh(mocks[0])


@pytest.fixture
def well(mocks):
    return fresh(mocks[1])


@pytest.fixture(scope="session")
def alone_of_session(mocks):
    with gateway_of(mocks, 1) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def pair_of_session(mocks):
    with gateway_of(mocks, 3) as gateway:
        yield gateway


@pytest.fixture
def alone(alone_of_session, sick, well):
    alone_of_session.forget_keys()
    return alone_of_session


@pytest.fixture
def pair(pair_of_session, sick, well):
    pair_of_session.forget_keys()
    return pair_of_session
