"""The official OpenAI SDK for Node: each test of sdk.test.mjs is a test here."""

import os
import pathlib
import re
import subprocess

import pytest

import canaries

HERE = pathlib.Path(__file__).parent
SOURCE = (HERE / "sdk.test.mjs").read_text()
LOOP = re.search(r"for \(const \[fault.*?\] of \[(.*?)\n\]\)", SOURCE, re.S).group(1)
NAMES = re.findall(r'^test\("(.*?)",', SOURCE, re.M) + [
    f"a provider's {fault} has its class" for fault in re.findall(r'\["([^"]+)", OpenAI', LOOP)]
RESULT = re.compile(r"^(not )?ok \d+ - (.*?)( # .*)?$", re.M)


@pytest.fixture(scope="module")
def results(gateway_of_session, mock_of_session):
    mock_of_session.set(latency_ms=0, tokens=5, interval_ms=0, error_rate=0, fault=None)
    run = subprocess.run(
        ["node", "--test-reporter=tap", "--test", HERE / "sdk.test.mjs"], capture_output=True,
        text=True, timeout=120, check=False, cwd=HERE,
        env={**os.environ, "SLUICE_URL": gateway_of_session.url, "MOCK_URL": mock_of_session.url,
             "CLIENT_KEY": canaries.CLIENT_KEY})
    passed = {name: not failed for failed, name, _ in RESULT.findall(run.stdout)}
    return passed, run.stdout + run.stderr


@pytest.mark.parametrize("name", NAMES)
def test_node(results, name):
    passed, output = results
    assert passed.get(name), output[-6000:]


def test_no_node_test_is_left_out(results):
    assert set(results[0]) == set(NAMES)
    assert len(NAMES) >= 35
