"""Two gateways before a sick and a well provider: `alone` asks the sick one once and nobody else,
`pair` may go on to the other."""

import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import sluice  # noqa: E402
from certificate import make_certificate  # noqa: E402
from mock import Mock  # noqa: E402
from tls_front import TlsFront  # noqa: E402
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


@pytest.fixture(scope="session", autouse=True)
def engine(request, mocks, tmp_path_factory):
    """What makes the upstream calls, and over what: see ward.engines()."""
    before = sluice.ENGINE
    how = getattr(request, "param", None)
    if how:
        sluice.ENGINE = how.removesuffix("-tls")
    with contextlib.ExitStack() as fronts:
        if how and how.endswith("-tls"):
            certificate = make_certificate(tmp_path_factory.mktemp("tls"))
            for mock in mocks:
                front = fronts.enter_context(TlsFront(mock, certificate))
                mock.provider = {"base_url": front.url + "/v1",
                                 "ca_file": str(certificate / "tls.crt")}
        yield
        for mock in mocks:
            mock.provider = {}
    sluice.ENGINE = before


@pytest.fixture(scope="session")
def alone_of_session(mocks, engine):
    with gateway_of(mocks, 1) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def pair_of_session(mocks, engine):
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
