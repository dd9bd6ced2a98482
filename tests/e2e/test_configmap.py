"""A ConfigMap that changes as the kubelet changes it: FILE -> ..data/FILE, ..data -> ..TIME/, and then
another link is renamed over ..data.

CONFIGMAP_SWAPS=100 does a hundred; a swap takes about a second, because that is how
often the file is looked at."""

import json
import os
import random
import shutil
import threading
import time

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

SWAPS = int(os.environ.get("CONFIGMAP_SWAPS", "20"))
BAD_IN_TEN = 3
CLIENTS = 4
IN_FORCE_S = 2
BAD = ["models: [", "nonsense: 1", "", "providers: {p: {kind: openai, base_url: 'ftp://x'}}"]


class ConfigMap:
    """A mounted volume with one file."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0
        self.file = folder / "sluice.yaml"

    def put(self, text):
        old = (self.folder / "..data").resolve() if self.count else None
        self.count += 1
        fresh = self.folder / f"..2026_11_21_{self.count:06}"
        fresh.mkdir()
        (fresh / "sluice.yaml").write_text(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(fresh.name)
        link.rename(self.folder / "..data")
        if old:
            shutil.rmtree(old)
        else:
            self.file.symlink_to("..data/sluice.yaml")


class Load:
    """Clients that ask one thing after the other."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.over = False
        self.statuses = []
        self.clients = [threading.Thread(target=self.ask, args=(stream,))
                        for stream in [False, True] * (CLIENTS // 2)]
        for client in self.clients:
            client.start()

    def ask(self, stream):
        while not self.over:
            try:
                reply = wire.ask(self.gateway, wire.chat_request("m", stream))
                self.statuses.append(reply.status if reply.ended and reply.text() else "broken")
            except Exception as problem: # pylint: disable=broad-except
                self.statuses.append(repr(problem))

    def end(self):
        self.over = True
        for client in self.clients:
            client.join()
        return self.statuses


def settings_of(mock, number):
    """What says which file it is: the description of a model."""
    return json.dumps({
        "listen": "127.0.0.1:0", "health": {"interval": 0},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "providers": {"mock": openai_provider(mock)},
        "models": {"m": {"targets": [target("mock", "a")], "description": f"file {number}"}}})


def description(gateway):
    reply = wire.ask(gateway, wire.get("/v1/models"))
    return reply.json()["data"][0]["description"]


def wait_until(true, what):
    """Gives how long it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < IN_FORCE_S, f"{what} is not so within {IN_FORCE_S} s"
    return time.monotonic() - begun


def test_swaps_are_in_force_within_two_seconds_and_fail_no_request(tmp_path):
    dice = random.Random(7)
    bad = [number % 10 < BAD_IN_TEN for number in range(SWAPS)]
    dice.shuffle(bad)
    took = []
    volume = ConfigMap(tmp_path)
    with Mock(tokens=3) as mock:
        volume.put(settings_of(mock, 0))
        with Sluice(file=volume.file) as gateway:
            load = Load(gateway)
            said = "file 0"
            refused = 0
            for number, is_bad in enumerate(bad, start=1):
                volume.put(dice.choice(BAD) if is_bad else settings_of(mock, number))
                if is_bad:
                    refused += 1
                    took.append(wait_until(
                        lambda: gateway.metric("sluice_config_reload_failed_total") == refused,
                        f"refusal {refused}"))
                else:
                    said = f"file {number}"
                    took.append(wait_until(lambda: description(gateway) == said, said))
                assert description(gateway) == said
            statuses = load.end()
            assert set(statuses) == {200}, {s: statuses.count(s) for s in set(statuses)}
            assert gateway.metric("sluice_config_generation") == 1 + SWAPS - refused
    print(f"{SWAPS} swaps, {refused} bad, {len(statuses)} requests, 0 failed; "
          f"in force after {max(took):.2f} s at most")
    assert len(statuses) > SWAPS
