"""Blue and green change places two hundred times under load."""

import json
import urllib.request

from scenarios import harness

QUESTION = "does a change of the split hold for the very next request, and does anything fail by it?"

FLIPS, SECONDS, RATE = 200, 20, 500
ADMIN_KEY = "sk-bench-admin-0123456789abcdef"
TOKENS = 20
STREAMS = ["--stream", "--expect-tokens", TOKENS]
KNOBS = ["--latency", "5", "--tokens", str(TOKENS), "--interval", "20"]
MORE = f"admin: {{ keys: [{ADMIN_KEY}] }}\n"
SIDES = ["blue", "green"]
BODY = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Who are you?"}]}


def set_split(gateway, green):
    body = json.dumps({"blue": 100 - green, "green": green}).encode()
    request = urllib.request.Request(gateway.url + "/admin/models/gpt-4.1/split", data=body,
                                     method="PUT", headers={"Authorization": f"Bearer {ADMIN_KEY}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def side(gateway):
    """Of a request that starts now."""
    request = urllib.request.Request(gateway.url + "/v1/chat/completions",
                                     data=json.dumps(BODY).encode())
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {harness.KEY}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
        return answer.headers["x-sluice-environment"]


def flip(gateway, load):
    """All flips, spread over the load; gives how many requests were on the wrong side."""
    wrong = 0
    for i in range(FLIPS):
        load.sleep_until(1 + i * (SECONDS - 3) / FLIPS)
        wanted = SIDES[(i + 1) % 2]
        set_split(gateway, 100 if wanted == "green" else 0)
        wrong += side(gateway) != wanted
    return wrong


def run(place, verdict):
    mocks = [place.mock(*KNOBS), place.mock(*KNOBS)]
    gateway = place.sluice([mock.url for mock in mocks], MORE, green=0)
    url = {"sluice": gateway.url}
    plain = harness.Load(place, url, "--rate", RATE * 4 // 5, "-c", 256, "-d", SECONDS, "--quiet")
    streams = harness.Load(place, url, "--rate", RATE // 5, "-c", 256, "-d", SECONDS, "--quiet",
                           *STREAMS)
    wrong = flip(gateway, plain)
    figures = {"plain": plain.figures()["sluice"]["sum"],
               "streams": streams.figures()["sluice"]["sum"]}
    verdict.none(f"of {FLIPS} first requests after a change, on the wrong side", wrong)
    for kind, each in figures.items():
        verdict.note(f"{kind}: requests", each["requests"])
        verdict.none(f"{kind}: failed, or not as they should be", each["failed"])
        verdict.note(f"{kind}: p99 of the whole, ms", each["whole_us"]["p99"] / 1000)
    stats = [json.loads(harness.ask(mock.url + "/mock/stats")) for mock in mocks]
    verdict.none("upstream calls cancelled", sum(each["cancelled"] for each in stats))
    for name, each in zip(SIDES, stats):
        verdict.enough(f"requests at {name}", each["posts"], SECONDS * RATE // 4)
