"""Row 95 as a program of its own, because a whole process moves into another network:

    loss_play.py lost|late        prints what happened, as one line of JSON

`lost` where the kernel does not let us lose packets is played as `late`; "played" says which it was."""

import concurrent.futures
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import canaries  # noqa: E402
import wire  # noqa: E402
from lossy_link import Late, Lost  # noqa: E402
from mock import Mock  # noqa: E402
from sluice import Sluice, openai_provider, target  # noqa: E402

SHARE = 0.1
REQUESTS = 48
AT_ONCE = 8
PATIENCE_S = 60
LONG = "x" * 20000  # the question goes up in many packets, too


def link_of(kind):
    """The link, and why it is not the one that was asked for."""
    if kind == "late":
        return Late(SHARE), None
    try:
        return Lost(SHARE), None
    except OSError as error:
        return Late(SHARE), str(error)


def ask(where, number):
    request = wire.chat_request("tide", number % 2 == 1, user=f"user-{number}", padding=LONG)
    reply = wire.ask(where, request, timeout=PATIENCE_S)
    whole = number % 2 == 0 or reply.events()[-1] == "[DONE]"
    return {"status": reply.status, "attempts": reply["x-sluice-attempts"],
            "text": reply.text(), "whole": reply.ended and whole}


def play(kind):
    link, refused = link_of(kind)
    with Mock(tokens=40, listen="0.0.0.0:0") as mock:
        mock.url = f"http://127.0.0.1:{mock.port}"
        host, port = link.address_of(mock.port)
        provider = openai_provider(mock, base_url=f"http://{host}:{port}/v1")
        with Sluice(
                listen="0.0.0.0:0", providers={"mock": provider},
                models={"tide": {"targets": [target("mock", "m")]}},
                client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
                retry={"max_attempts": 3, "initial_delay_ms": 1},
                timeouts={"connect": "40s", "first_byte": "40s", "idle": "40s", "total": "55s"},
        ) as gateway:
            where = link.address_of(gateway.port)
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                replies = list(pool.map(lambda number: ask(where, number), range(REQUESTS)))
            lines = gateway.access_log(REQUESTS)
        records = mock.log()
        facts = {
            "played": type(link).__name__.lower(),
            "refused": refused,
            "replies": replies,
            "posts": mock.stats()["posts"],
            "asked": [record["headers"]["x-request-id"] for record in records],
            "logged": [line["id"] for line in lines],
            "outcomes": sorted({line["outcome"] for line in lines}),
        }
    facts["lost_or_late"] = link.end()
    return facts


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1])))
