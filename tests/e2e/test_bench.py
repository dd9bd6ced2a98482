"""The harness as far as it can be judged without measuring: names, questions, bars, the page."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "bench" / "run"
COMPARE = ROOT / "bench" / "compare"


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


def compare(folder, *runs):
    """Gives the exit code and the lines."""
    paths = []
    for i, figures in enumerate(runs):
        paths.append(folder / f"{i}.json")
        paths[-1].write_text(json.dumps(figures))
    done = subprocess.run([sys.executable, COMPARE, *paths], capture_output=True, text=True,
                          timeout=30, check=False)
    return done.returncode, done.stdout.splitlines()


def test_runs_that_agree_are_told_from_those_that_do_not(tmp_path):
    code, lines = compare(tmp_path, {"unary-cpu": 0.80, "storm-left": 0},
                          {"unary-cpu": 0.88, "storm-left": 0}, {"unary-cpu": 0.85, "storm-left": 0})
    assert (code, len(lines)) == (0, 2)
    assert lines[0].split()[-4:] == ["0.8", "0.88", "0.85", "1.10"]
    code, lines = compare(tmp_path, {"unary-cpu": 0.90, "storm-left": 0},
                          {"unary-cpu": 1.08, "storm-left": 3})
    assert code == 1
    assert lines[0].endswith("1.20  OVER 10 %  met and missed")
    assert lines[1].endswith("inf  OVER 10 %  met and missed")


def test_a_figure_that_is_not_in_each_run_is_said(tmp_path):
    code, lines = compare(tmp_path, {"unary-cpu": 0.90}, {"chunk-cpu": 0.90})
    assert code == 1
    assert [line.endswith("NOT IN EACH") for line in lines] == [True, True]


def test_what_cannot_be_compared_is_refused(tmp_path):
    assert compare(tmp_path, {"unary-cpu": 0.90})[0] == 2
    assert compare(tmp_path, {"unary-cpu": 0.90}, ["none"])[0] == 2
