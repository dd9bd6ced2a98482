"""Several keys of one provider: used in turn, set aside when they are bad, replaced while it runs."""

import contextlib
import json
import threading

import pytest

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target


def gateway_of(mock, keys, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock, keys=keys)},
        "models": {"m": {"targets": [target("mock", "a")]}},
        "client_keys": [{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        "admin": {"keys": [canaries.ADMIN_KEY]},
        **settings})


@contextlib.contextmanager
def stage(count, accepted=None, **settings):
    """A provider with so many keys, and a gateway before it. The provider accepts only those keys
    of the numbers in `accepted`."""
    with Mock(tokens=5) as mock:
        mock.keys = [canaries.provider_key() for _ in range(count)]
        if accepted is not None:
            mock.set(key=",".join(mock.keys[at] for at in accepted))
        with gateway_of(mock, list(mock.keys), **settings) as gateway:
            yield mock, gateway


def admin(gateway, path):
    return wire.ask(gateway, wire.get("/admin/" + path, key=canaries.ADMIN_KEY)).json()


def key_events(gateway, kind="key"):
    return [event for event in admin(gateway, "events")["events"] if event["kind"] == kind]


def keys_of(gateway, provider="mock"):
    return admin(gateway, "status")["providers"][provider]["keys"]


def fingerprint(key):
    return canaries.hash_of(key)[len("sha256:"):][:8]


def shown(mock):
    """The keys that it was shown, oldest first."""
    return [record["headers"]["authorization"].removeprefix("Bearer ") for record in mock.log()]


def test_keys_take_turns():
    with stage(3) as (mock, gateway):
        for _ in range(9):
            assert wire.ask(gateway, wire.chat_request("m")).status == 200
        assert shown(mock) == mock.keys * 3
        assert [key["uses"] for key in keys_of(gateway)] == [3, 3, 3]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_bad_key_is_noticed_once_and_the_next_one_answers(stream):
    with stage(2, accepted=[1]) as (mock, gateway):
        reply = wire.ask(gateway, wire.chat_request("m", stream))
        assert (reply.status, reply["x-sluice-attempts"]) == (200, "2")
        assert reply.text().startswith("tok0 tok1")
        for _ in range(10):
            reply = wire.ask(gateway, wire.chat_request("m", stream))
            assert (reply.status, reply["x-sluice-attempts"]) == (200, "1")
        assert shown(mock).count(mock.keys[0]) == 1
        (event,) = key_events(gateway)
        assert (event["provider"], event["key"], event["from"], event["to"]) == (
            "mock", fingerprint(mock.keys[0]), "usable", "quarantined")
        logged = gateway.event("key", state="quarantined")
        assert logged["key"] == event["key"]
        assert gateway.metric("sluice_provider_key_faults_total", reason="refused") == 1
        assert gateway.metric("sluice_provider_keys", state="quarantined") == 1
        assert gateway.metric("sluice_provider_keys", state="usable") == 1
        first, second = keys_of(gateway)
        assert (first["state"], first["rests"][0]["reason"]) == ("quarantined", "refused")
        assert (second["state"], second["rests"]) == ("usable", [])
        (row,) = admin(gateway, "status")["models"]["m"]["targets"]
        assert (row["failures"], row["breaker"], row["health"]) == (0, "closed", 1)


def test_without_a_good_key_the_target_is_out_until_it_gets_one():
    with stage(2, accepted=[]) as (mock, gateway):
        mock.set(key="nobody-has-this-one")
        for attempts in ("2", "0", "0"):
            reply = wire.ask(gateway, wire.chat_request("m"))
            assert (reply.status, reply.code) == (502, "upstream_auth")
            assert reply["x-sluice-attempts"] == attempts
        (row,) = admin(gateway, "status")["models"]["m"]["targets"]
        assert row["effective_weight"] == 0 and "key" in row["why"]
        assert wire.ask(gateway, wire.get("/ready")).status == 503
        mock.keys.append(canaries.provider_key())
        mock.set(key=mock.keys[2])
        answer = gateway.put_keys("mock", mock.keys[1:]).json()
        assert [key["key"] for key in answer["keys"]] == [fingerprint(key) for key in mock.keys[1:]]
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        assert wire.ask(gateway, wire.get("/ready")).status == 200
        (event,) = key_events(gateway, "keys_replaced")
        assert (event["provider"], event["actor"]) == ("mock", "admin")


def test_a_limited_key_rests_for_the_time_told():
    with stage(2) as (mock, gateway):
        mock.set(fault="429-seconds", fault_count=1)
        reply = wire.ask(gateway, wire.chat_request("m"))
        assert (reply.status, reply["x-sluice-attempts"]) == (200, "2")
        assert shown(mock) == mock.keys
        first, second = keys_of(gateway)
        assert (first["state"], second["rests"]) == ("usable", [])
        assert (first["rests"][0]["state"], first["rests"][0]["model"]) == ("cooling", "a")


def test_an_empty_account_gives_way_to_the_next():
    with stage(2) as (mock, gateway):
        mock.set(fault="429-quota", fault_count=1)
        for _ in range(4):
            assert wire.ask(gateway, wire.chat_request("m")).status == 200
        assert shown(mock) == [mock.keys[0]] + [mock.keys[1]] * 4
        assert [key["state"] for key in keys_of(gateway)] == ["cooling", "usable"]
        assert [event["to"] for event in key_events(gateway)] == ["cooling"]


class Load:
    """Clients that ask without a pause until the block ends."""

    def __init__(self, gateway, clients=6):
        self.gateway = gateway
        self.over = threading.Event()
        self.more = threading.Condition()
        self.statuses = []
        self.threads = [threading.Thread(target=self.ask, args=(at % 2 == 0,))
                        for at in range(clients)]

    def ask(self, stream):
        with wire.Wire(self.gateway) as peer:
            while not self.over.is_set():
                reply = peer.ask(wire.chat_request("m", stream))
                good = reply.status == 200 and reply.text().startswith("tok0")
                with self.more:
                    self.statuses.append(200 if good else reply.status or "cut")
                    self.more.notify_all()

    def wait(self, answers):
        with self.more:
            assert self.more.wait_for(lambda: len(self.statuses) >= answers, 15)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_keys_are_swapped_under_load_without_one_failed_request():
    with stage(1) as (mock, gateway):
        mock.set(key=mock.keys[0])
        with Load(gateway, clients=6) as load:
            load.wait(1)
            for _ in range(50):
                old, new = mock.keys[-1], canaries.provider_key()
                mock.keys.append(new)
                mock.set(key=f"{old},{new}")  # both are good for a while
                assert gateway.put_keys("mock", [new]).status == 200
                mock.set(key=new)
                load.wait(len(load.statuses) + 7)  # six may have been on their way
        assert set(load.statuses) == {200} and len(load.statuses) >= 300
        assert len(set(shown(mock))) == 51
        assert len(key_events(gateway, "keys_replaced")) == 50


def test_a_running_stream_goes_on_with_the_key_it_began_with():
    with stage(1, default_provider="mock") as (mock, gateway):
        with wire.Wire(gateway) as peer:
            peer.send(wire.chat_request("fault:hold-mid-stream", True))
            peer.head()
            began = peer.until(b"tok1")
            mock.keys.append(canaries.provider_key())
            assert gateway.put_keys("mock", mock.keys[1:]).status == 200
            mock.set(key=mock.keys[1])
            mock.release()
            rest, ended = peer.chunks()
            assert ended and wire.data_of(began + rest)[-1] == "[DONE]"
        assert wire.ask(gateway, wire.chat_request("m")).status == 200


def test_replaced_keys_last_until_the_file_says_other_ones():
    with stage(1) as (mock, gateway):
        mock.keys += [canaries.provider_key(), canaries.provider_key()]
        gateway.put_keys("mock", [mock.keys[1]])
        gateway.reload(default_model="m")
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        gateway.reload(providers={"mock": openai_provider(mock, keys=[mock.keys[2]])})
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        assert shown(mock) == mock.keys[1:]


def test_a_provider_that_was_off_is_on_with_its_first_key():
    with Mock(tokens=5) as mock, gateway_of(mock, ["${EMPTY:-}"]) as gateway:
        assert wire.ask(gateway, wire.chat_request("m")).status == 503
        assert gateway.put_keys("mock", mock.keys).status == 200
        assert wire.ask(gateway, wire.chat_request("m")).status == 200


def test_replaced_keys_survive_kill_9(tmp_path):
    with stage(1, state={"path": str(tmp_path / "state")}) as (mock, gateway):
        mock.keys.append(canaries.provider_key())
        assert gateway.put_keys("mock", mock.keys[1:]).status == 200
        gateway.kill()
        gateway.start()
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        assert shown(mock) == mock.keys[1:]


KEY = canaries.provider_key()


@pytest.mark.parametrize("provider, body, status, code, said", [
    ("mcok", {"keys": [KEY]}, 404, "not_found", "`mock`"),
    ("mock", {"keys": []}, 400, "invalid_value", "`keys`"),
    ("mock", {"keys": [KEY] * 257}, 400, "invalid_value", "256"),
    ("mock", {"keys": [KEY, 7]}, 400, "invalid_value", "`keys[1]`"),
    ("mock", {"keys": [""]}, 400, "invalid_value", "`keys[0]`"),
    ("mock", {"keys": [KEY + "\r\nX: y"]}, 400, "invalid_value", "`keys[0]`"),
    ("mock", {"keys": [KEY + " "]}, 400, "invalid_value", "`keys[0]`"),
    ("mock", {"keys": ["k" * 4097]}, 400, "invalid_value", "`keys[0]`"),
    ("mock", {"keys": KEY}, 400, "invalid_value", "\"keys\""),
    ("mock", {"key": [KEY]}, 400, "invalid_value", "\"keys\""),
    ("mock", {"keys": [KEY], "weight": 1}, 400, "invalid_value", "\"keys\""),
    ("mock", [KEY], 400, "invalid_value", "\"keys\""),
    ("mock", "{", 400, "invalid_json", "JSON"),
    ("demo", {"keys": [KEY]}, 400, "invalid_value", "takes no keys"),
    ("mock", {"keys": ["k" * (1 << 20)]}, 413, "request_too_large", "large"),
])
def test_wrong_keys_are_refused_and_change_nothing(gateway_with_many, provider, body, status, code,
                                                   said):
    body = body if isinstance(body, str) else json.dumps(body)
    path = f"/admin/providers/{provider}/keys"
    reply = wire.ask(gateway_with_many, wire.put(path, body.encode(), key=canaries.ADMIN_KEY))
    assert (reply.status, reply.code) == (status, code)
    assert said in reply.error["message"]
    assert wire.ask(gateway_with_many, wire.chat_request("m")).status == 200


@pytest.fixture(scope="module")
def gateway_with_many():
    with Mock(tokens=5) as mock:
        providers = {"mock": openai_provider(mock), "demo": {"kind": "demo"}}
        with gateway_of(mock, mock.keys, providers=providers) as gateway:
            yield gateway


def test_keys_are_replaced_by_an_admin_alone_and_by_put_alone(gateway_with_many):
    body = json.dumps({"keys": [KEY]}).encode()
    path = "/admin/providers/mock/keys"
    for key in (canaries.CLIENT_KEY, KEY, ""):
        assert wire.ask(gateway_with_many, wire.put(path, body, key=key)).status == 401
    reply = wire.ask(gateway_with_many, wire.post(path, body, key=canaries.ADMIN_KEY))
    assert reply.status == 405
    assert wire.ask(gateway_with_many, wire.chat_request("m")).status == 200


def test_the_canaries_sing():
    """What the other tests rely on: a key in the wrong place is noticed."""
    with pytest.raises(AssertionError):
        canaries.assert_none_in(f"Bearer {KEY}", "test")
    with pytest.raises(AssertionError):
        canaries.assert_none_in(f"...{KEY[-4:]}", "test")
    with Mock(tokens=5) as mock, Mock(tokens=5) as other:
        other.keys = mock.keys
        with gateway_of(other, mock.keys) as gateway:
            assert wire.ask(gateway, wire.chat_request("m")).status == 200
        other.keys = [KEY]
        with pytest.raises(AssertionError):
            other.check_keys()
        other.keys = mock.keys
