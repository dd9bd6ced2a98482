"""The official OpenAI SDK for Node: each test of sdk.test.mjs is a test here."""

import pathlib
import re

import pytest

import canaries
import node

HERE = pathlib.Path(__file__).parent
SOURCE = (HERE / "sdk.test.mjs").read_text()
LOOP = re.search(r"for \(const \[fault.*?\] of \[(.*?)\n\]\)", SOURCE, re.S).group(1)
NAMES = re.findall(r'^test\("(.*?)",', SOURCE, re.M) + [
    f"a provider's {fault} has its class" for fault in re.findall(r'\["([^"]+)", OpenAI', LOOP)]


@pytest.fixture(scope="module")
def results(gateway_of_session, mock_of_session):
    mock_of_session.set(latency_ms=0, tokens=5, interval_ms=0, error_rate=0, fault=None)
    return node.run("sdk.test.mjs", SLUICE_URL=gateway_of_session.url,
                    MOCK_URL=mock_of_session.url, CLIENT_KEY=canaries.CLIENT_KEY)


@pytest.mark.parametrize("name", NAMES)
def test_node(results, name):
    passed, output = results
    assert passed.get(name), output[-6000:]


def test_no_node_test_is_left_out(results):
    assert set(results[0]) == set(NAMES)
    assert len(NAMES) >= 35
