"""Webhooks: every event, signed, once more until it arrives."""

import hashlib
import hmac
import pathlib
import socket
import subprocess
import time

import pytest

import canaries
import wire
from certificate import make_certificate
from receiver import PATH, SECRET, Receiver, snippet
from sluice import ROOT, Sluice, run


def hook(receiver, **more):
    return {"url": receiver.url, "secret": SECRET, **more}


def gateway_of(*hooks, **settings):
    return Sluice(**{"admin": {"keys": [canaries.ADMIN_KEY]},
                     "alerts": {"webhooks": list(hooks)}, **settings})


def make_event(gateway, count=1):
    """A reload for each. They need no receiver to be answered."""
    for _ in range(count):
        reply = wire.ask(gateway, wire.post("/admin/reload", b"", key=canaries.ADMIN_KEY))
        assert reply.status == 200


def last_event(gateway):
    reply = wire.ask(gateway, wire.get("/admin/events", key=canaries.ADMIN_KEY))
    return reply.json()["events"][-1]


def outcome(gateway, name):
    return gateway.metric("sluice_webhook_deliveries_total", outcome=name)


def wait_outcome(gateway, name, count):
    gateway.wait_metric("sluice_webhook_deliveries_total", count, outcome=name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def right(post):
    t, v1 = (part.split("=")[1] for part in post.signature.split(","))
    assert abs(int(t) - time.time()) < 60
    mac = hmac.new(SECRET.encode(), t.encode() + b"." + post.body, hashlib.sha256).hexdigest()
    return mac == v1


def test_an_event_arrives_signed():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        make_event(gateway)
        post = receiver.wait(1)[0]
        assert post.path == PATH
        assert post.event == last_event(gateway)
        assert (post.kind, post.event["kind"]) == ("reload", "reload")
        assert post.headers["Content-Type"] == "application/json"
        assert len(post.delivery) == 32 and right(post)
        wait_outcome(gateway, "delivered", 1)
        assert gateway.metric("sluice_webhook_waiting") == 0


def test_it_is_tried_again_with_the_same_delivery():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        receiver.answers = [500, 404]
        make_event(gateway)
        posts = receiver.wait(3)
        assert len({post.delivery for post in posts}) == 1
        assert len({post.body for post in posts}) == 1
        assert all(right(post) for post in posts)
        assert 0.9 < posts[1].at - posts[0].at < 2
        assert 1.9 < posts[2].at - posts[1].at < 3.5
        wait_outcome(gateway, "delivered", 1)
        assert outcome(gateway, "failed") == 2
        assert gateway.event("webhook_failed")["webhook"] == f"http://127.0.0.1:{receiver.port}"
        assert last_event(gateway)["kind"] == "reload" # a failing webhook is no event


def test_they_come_in_order_one_at_a_time():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        receiver.answers = [503]
        make_event(gateway, 20)
        posts = receiver.wait(21)
        assert [post.id for post in posts] == [1, *range(1, 21)]
        assert len({post.delivery for post in posts}) == 20
        wait_outcome(gateway, "delivered", 20)


def test_a_slow_one_holds_nothing_up():
    with Receiver() as slow, Receiver() as quick, \
            gateway_of(hook(slow), hook(quick)) as gateway:
        slow.open.clear()
        make_event(gateway, 5)
        assert [post.id for post in quick.wait(5)] == [1, 2, 3, 4, 5]
        assert [post.id for post in slow.wait(1)] == [1]
        wait_outcome(gateway, "delivered", 5)
        assert gateway.metric("sluice_webhook_waiting") == 5
        slow.open.set()
        assert [post.id for post in slow.wait(5)] == [1, 2, 3, 4, 5]
        assert {post.delivery for post in slow.posts}.isdisjoint(
            {post.delivery for post in quick.posts})
        wait_outcome(gateway, "delivered", 10)


def test_one_that_is_not_there_yet():
    port = free_port()
    with gateway_of({"url": f"http://127.0.0.1:{port}/hooks/canary", "secret": SECRET}) as gateway:
        make_event(gateway, 2)
        wait_outcome(gateway, "failed", 1)
        with Receiver(port) as receiver:
            assert [post.id for post in receiver.wait(2)] == [1, 2]
            wait_outcome(gateway, "delivered", 2)


def test_a_redirect_is_a_failure():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        receiver.answers = [302]
        make_event(gateway)
        assert "redirect" in gateway.event("webhook_failed")["why"]
        assert [post.path for post in receiver.wait(2)] == [PATH] * 2
        wait_outcome(gateway, "delivered", 1)


def test_a_long_answer_is_not_read():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        receiver.says = b"x" * (8 << 20)
        before = gateway.rss_bytes()
        make_event(gateway, 3)
        assert [post.id for post in receiver.wait(3)] == [1, 2, 3]
        wait_outcome(gateway, "delivered", 3)
        gateway.assert_growth(before, 4 << 20)


def test_a_thousand_wait_and_the_oldest_go():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        receiver.open.clear()
        make_event(gateway, 1012)
        assert gateway.metric("sluice_webhook_waiting") == 1000
        receiver.open.set()
        posts = receiver.wait(1001)
        assert [post.id for post in posts] == [1, *range(13, 1013)]
        wait_outcome(gateway, "delivered", 1001)
        assert outcome(gateway, "dropped") == 11
        assert gateway.event("webhook_dropped")["number"] == "11"


def test_over_tls(tmp_path):
    mine = make_certificate(tmp_path / "mine")
    with Receiver(certificate=mine) as receiver, \
            gateway_of(hook(receiver, ca_file=str(mine / "tls.crt"))) as gateway:
        make_event(gateway, 2)
        assert all(right(post) for post in receiver.wait(2))
        wait_outcome(gateway, "delivered", 2)


def test_a_certificate_that_nobody_signed_gets_nothing(tmp_path):
    mine = make_certificate(tmp_path / "mine")
    with Receiver(certificate=mine) as receiver, gateway_of(hook(receiver)) as gateway:
        make_event(gateway)
        gateway.event("webhook_failed")
        assert receiver.posts == []
        gateway.stop()
        assert receiver.posts == []
        assert gateway.event("webhook_left")["number"] == "1"


def test_a_reload_adds_one_and_takes_one_away():
    with Receiver() as first, Receiver() as second, gateway_of(hook(first)) as gateway:
        gateway.reload(alerts={"webhooks": [hook(first), hook(second)]})
        assert second.wait(1)[0].id == 1 # the reload that made it known
        first.wait(1)
        gateway.reload(alerts={"webhooks": [hook(second)]})
        assert [post.id for post in second.wait(2)] == [1, 2]
        make_event(gateway)
        second.wait(3)
        assert [post.id for post in first.posts] == [1]


def test_a_secret_that_is_replaced_signs_the_next_try():
    with Receiver() as receiver, gateway_of({"url": receiver.url, "secret": "old"}) as gateway:
        receiver.answers = [500]
        make_event(gateway)
        assert not right(receiver.wait(1)[0])
        gateway.reload(alerts={"webhooks": [hook(receiver)]})
        assert right(receiver.wait(2)[1])


def test_kill_9_loses_none(tmp_path):
    """What had not arrived when it died arrives behind the restart, as the same delivery."""
    with Receiver() as receiver, \
            gateway_of(hook(receiver), state={"path": str(tmp_path / "state")}) as gateway:
        make_event(gateway, 2)
        wait_outcome(gateway, "delivered", 2)
        receiver.open.clear()
        make_event(gateway, 3)
        before = receiver.wait(3)[2]
        gateway.kill()
        receiver.open.set()
        gateway.start()
        after = receiver.wait(6)[3:]
        assert [post.id for post in after] == [3, 4, 5]
        assert after[0].delivery == before.delivery and after[0].body == before.body
        gateway.kill() # the last may have arrived, but not have been written down
        gateway.start()
        make_event(gateway)
        posts = receiver.wait_for(6)
        firsts = {post.delivery: post.id for post in reversed(posts)}
        assert list(dict.fromkeys(post.delivery for post in posts)) == sorted(
            firsts, key=firsts.get)
        assert sorted(firsts.values()) == [1, 2, 3, 4, 5, 6]


def test_a_restart_sends_nothing_twice(tmp_path):
    with Receiver() as receiver, \
            gateway_of(hook(receiver), state={"path": str(tmp_path / "state")}) as gateway:
        make_event(gateway, 3)
        wait_outcome(gateway, "delivered", 3)
        gateway.stop()
        gateway.start()
        make_event(gateway)
        receiver.wait_for(4)
        assert [post.id for post in receiver.posts] == [1, 2, 3, 4]


def test_one_that_is_new_after_a_restart_gets_what_is_new(tmp_path):
    state = {"path": str(tmp_path / "state")}
    with Receiver() as first, Receiver() as second, \
            gateway_of(hook(first), state=state) as gateway:
        make_event(gateway, 3)
        wait_outcome(gateway, "delivered", 3)
        gateway.kill()
        gateway.settings["alerts"] = {"webhooks": [hook(second)]}
        gateway.write(**gateway.settings)
        gateway.start()
        make_event(gateway)
        assert second.wait(1)[0].id == 4
        assert len(first.posts) == 3


def test_the_end_tries_what_is_waiting():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        receiver.answers = [500] * 4
        make_event(gateway, 2)
        while outcome(gateway, "failed") < 3: # the next one is 4 s away
            pass
        receiver.answers = []
        begun = time.monotonic()
        gateway.stop()
        assert time.monotonic() - begun < 2
        assert [post.id for post in receiver.posts] == [1, 1, 1, 1, 2]
        assert not [event for event in gateway.events() if event["event"] == "webhook_left"]


def test_the_end_does_not_wait_for_a_slow_one():
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        receiver.open.clear()
        make_event(gateway, 2)
        receiver.wait(1)
        begun = time.monotonic()
        gateway.stop()
        assert 0.9 < time.monotonic() - begun < 3
        left = gateway.event("webhook_left")
        assert left["number"] == "2" and "lost" in left["why"]


def test_the_secret_is_nowhere(tmp_path):
    """What the gateway writes is searched by Sluice, what it answers by wire."""
    with Receiver() as receiver, gateway_of(hook(receiver),
                                            state={"path": str(tmp_path / "state")}) as gateway:
        receiver.answers = [500]
        make_event(gateway)
        receiver.wait(2)
        wait_outcome(gateway, "delivered", 1)
        for path in ("/admin/status", "/admin/config", "/admin/events", "/metrics"):
            assert wire.ask(gateway, wire.get(path, key=canaries.ADMIN_KEY)).status == 200
        canaries.assert_none_in(run("config", "-c", gateway.file).stdout, "printed configuration")
        gateway.kill()
        for file in pathlib.Path(tmp_path / "state").iterdir():
            canaries.assert_none_in(file.read_bytes(), file.name)


@pytest.mark.parametrize("spoiled", [False, True], ids=["as it came", "changed on the way"])
def test_the_readmes_snippets_tell_right_from_wrong(tmp_path, spoiled):
    readme = (ROOT / "README.md").read_text()
    with Receiver() as receiver, gateway_of(hook(receiver)) as gateway:
        make_event(gateway)
        post = receiver.wait(1)[0]
    body = post.body.replace(b"reload", b"rollout") if spoiled else post.body
    names = {}
    exec(snippet(readme, "python"), names) # pylint: disable=exec-used
    assert names["is_from_sluice"](SECRET, post.signature, body) is not spoiled
    assert names["is_from_sluice"]("another", post.signature, body) is False
    (tmp_path / "body.json").write_bytes(body)
    shell = subprocess.run(["sh", "-euc", snippet(readme, "sh")], cwd=tmp_path, check=False,
                           env={"PATH": "/usr/bin:/bin", "SECRET": SECRET,
                                "SIGNATURE": post.signature}, capture_output=True, text=True)
    assert (shell.returncode == 0) is not spoiled, shell
