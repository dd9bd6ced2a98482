"""A gateway that nobody asks anything: what do its health checks ask for?"""

import json
import os
import time

from scenarios import harness

QUESTION = "do health checks of the default configuration ever cost a prompt?"

SECONDS = 300
PROBES_BAR = 0.5  # of what the interval of one second promises


def by_file(place, mock):
    """Everything at its default but the interval."""
    port = harness.free_port()
    path = place.folder / "default.yaml"
    path.write_text(f"listen: 127.0.0.1:{port}\n"
                    "health: { interval: 1s }\n"
                    "providers:\n"
                    f'  up: {{ kind: openai, base_url: "{mock.url}/v1", keys: ["sk-mock"] }}\n'
                    "models:\n"
                    "  gpt-4.1: { targets: [ { provider: up, model: gpt-4.1 } ] }\n")
    return place.start([harness.program("sluice"), "-c", str(path)],
                       f"http://127.0.0.1:{port}", "by-file")


def by_environment(place, mock):
    """No file at all. A model has to be named: else there is nothing to weigh, nothing to probe."""
    port = harness.free_port()
    words = {"SLUICE_LISTEN": f"127.0.0.1:{port}", "HEALTH_CHECK_INTERVAL": "1",
             "DEFAULT_MODEL": "gpt-4.1", "OPENAI_API_KEY": "sk-mock",
             "OPENAI_BASE_URL": f"{mock.url}/v1"}
    return place.start(["env", "-i", f"PATH={os.environ['PATH']}",
                        *[f"{name}={value}" for name, value in words.items()],
                        harness.program("sluice")], f"http://127.0.0.1:{port}", "environment")


def judge(verdict, name, mock, least):
    asked = json.loads(harness.ask(mock.url + "/mock/log"))
    probes = [one for one in asked if one["method"] == "GET"]
    stats = json.loads(harness.ask(mock.url + "/mock/stats"))
    verdict.none(f"{name}: completions asked for", len(asked) - len(probes))
    verdict.none(f"{name}: tokens sent", stats["tokens_sent"])
    verdict.none(f"{name}: requests that the log has lost", stats["requests"] - len(asked))
    verdict.enough(f"{name}: probes", len(probes), least)
    verdict.note(f"{name}: probed", " ".join(sorted({one["path"] for one in probes})))


def run(place, verdict):
    seconds = place.options.seconds or SECONDS
    ways = {"from a file": by_file, "from the environment": by_environment}
    mocks = {name: place.mock() for name in ways}
    for name, start in ways.items():
        start(place, mocks[name]).wait_until_ready("/ready")
    print(f"{seconds:g} s without a client", flush=True)
    time.sleep(seconds)
    for name, mock in mocks.items():
        judge(verdict, name, mock, max(1, seconds * PROBES_BAR))
