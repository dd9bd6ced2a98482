"""The fault matrix, row 95: one packet of ten is lost on the way, to the provider and to the client.
lossy_link.py says how, and what is played where the kernel offers no such thing."""

import json
import pathlib
import subprocess
import sys
import warnings

import pytest

PLAY = pathlib.Path(__file__).with_name("loss_play.py")


@pytest.mark.parametrize("kind", ["lost", "late"])
def test_fault_95_packet_loss_costs_time_alone(kind):
    run = subprocess.run([sys.executable, PLAY, kind], capture_output=True, text=True, timeout=120,
                         check=False)
    assert run.returncode == 0, run.stderr[-4000:]
    facts = json.loads(run.stdout)
    if facts["played"] != kind:
        warnings.warn(f"no packets can be lost here: {facts['refused']}; played as {facts['played']}",
                      stacklevel=1)
    count = len(facts["replies"])
    text = facts["replies"][0]["text"]
    assert text.startswith("tok0 tok1") and len(text.split()) == 40
    assert all(reply == {"status": 200, "attempts": "1", "text": text, "whole": True}
               for reply in facts["replies"])
    assert facts["outcomes"] == ["ok"]
    # No question was put twice: each request reached the provider once, under its own id.
    assert facts["posts"] == count == len(set(facts["asked"]))
    assert sorted(facts["asked"]) == sorted(facts["logged"])
    assert facts["lost_or_late"] > count / 2, "the fault was not played"
