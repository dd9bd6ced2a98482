"""Runs the tests of a file for Node: their names and whether they passed, and what was printed."""

import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).parent
RESULT = re.compile(r"^(not )?ok \d+ - (.*?)( # .*)?$", re.M)


def run(name, **env):
    done = subprocess.run(["node", "--test-reporter=tap", "--test", HERE / name], capture_output=True,
                          text=True, timeout=120, check=False, cwd=HERE, env={**os.environ, **env})
    passed = {name: not failed for failed, name, _ in RESULT.findall(done.stdout)}
    return passed, done.stdout + done.stderr
