"""One of two upstreams dies under load and comes back."""

import json
import subprocess
import time

from scenarios import harness

QUESTION = "does a client notice when one of two upstreams is killed under load?"

SECONDS, KILL_AT, RESTART_AT = 14, 4, 9

# Kind of client: how many, and what they do. Large bodies go another way through libcurl.
CLIENTS = {
    "plain": ["-c", 15],
    "large": ["-c", 15, "--body-bytes", 100_000],
    "stream": ["-c", 20, "--stream", "--expect-tokens", 20],
}
KNOBS = ["--latency", "20", "--tokens", "20", "--interval", "10"]
MORE = "circuit_breaker: { timeout_seconds: 2 }\n"


def start_load(place, gateway, name, seconds, *options):
    path = place.folder / f"{name}.json"
    command = harness.load_command({"sluice": gateway.url}, "-d", seconds, "--json", path,
                                   "--allow-failures", "--quiet", *options)
    return subprocess.Popen(command, stdout=subprocess.DEVNULL), path


def under_load(place, gateway, seconds, meanwhile):
    """All clients together; gives {kind: figures}."""
    loads = {kind: start_load(place, gateway, kind, seconds, *options)
             for kind, options in CLIENTS.items()}
    meanwhile()
    for process, _ in loads.values():
        process.wait(harness.LOAD_SECONDS)
    return {kind: json.loads(path.read_text())["targets"]["sluice"]["sum"]
            for kind, (_, path) in loads.items()}


def run(place, verdict):
    victim, other = place.mock(*KNOBS), place.mock(*KNOBS)
    gateway = place.sluice([victim.url, other.url], MORE)
    back = []

    def kill_and_restart():
        begin = time.monotonic()
        time.sleep(KILL_AT)
        victim.kill()
        time.sleep(max(0, begin + RESTART_AT - time.monotonic()))
        back.append(place.mock(*KNOBS, port=victim.port))

    print(f"5 s undisturbed, then {SECONDS} s: kill -9 after {KILL_AT}, back after {RESTART_AT}",
          flush=True)
    calm = under_load(place, gateway, 5, lambda: None)
    storm = under_load(place, gateway, SECONDS, kill_and_restart)
    for kind, figures in storm.items():
        outcomes = figures["outcomes"]
        unbegun = outcomes["unanswered"] + outcomes["refused"] + outcomes["timeout"]
        verdict.note(f"{kind}: requests", figures["requests"])
        verdict.none(f"{kind}: failed before the answer had begun", unbegun)
        verdict.none(f"{kind}: ended well, but wrong", outcomes["wrong"])
        verdict.note(f"{kind}: broken after the answer had begun", outcomes["broken"])
        for at in ("p50", "p99", "max"):
            verdict.note(f"{kind}: whole request {at} ms, and undisturbed",
                         f"{figures['whole_us'][at] / 1000:.1f} / "
                         f"{calm[kind]['whole_us'][at] / 1000:.1f}")
        for outcome, example in figures["examples"].items():
            verdict.note(f"{kind}: first {outcome}", example)
    answered = json.loads(harness.ask(back[0].url + "/mock/stats"))["requests"]
    verdict.enough("requests that the restarted upstream got", answered, 1)
