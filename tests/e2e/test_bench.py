"""The harness as far as it can be judged without measuring: names, questions, bars, the page."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "bench" / "run"


def listed():
    done = subprocess.run([sys.executable, RUN, "--list"], capture_output=True, text=True,
                          timeout=30, check=True)
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def test_every_scenario_states_its_question():
    questions = listed()
    assert len(questions) > 20
    assert all(question.endswith("?") for question in questions.values())


def test_the_page_describes_the_scenarios_that_there_are():
    rows = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "bench" / "README.md").read_text(), re.M)
    assert rows == list(listed())


def test_every_bar_belongs_to_a_scenario_and_is_handed_in_by_it():
    bars = (ROOT / "bench" / "scenarios" / "bars.py").read_text()
    rows = re.findall(r'^    "([a-z0-9-]+)": Bar\((.*?)\),?$', bars, re.M | re.S)
    assert len(rows) == len(re.findall(r"\bBar\(\"", bars)) > 15
    for key, row in rows:
        scenario, = [name for name in listed() if f'"{name}"' in row]
        source = (ROOT / "bench" / "scenarios" / f"{scenario.replace('-', '_')}.py").read_text()
        assert f'"{key}"' in source or re.search(r'show\(f"', source), key


def test_an_unknown_scenario_is_refused():
    done = subprocess.run([sys.executable, RUN, "nothing"], capture_output=True, text=True,
                          timeout=30, check=False)
    assert (done.returncode, "--list" in done.stderr) == (2, True)
