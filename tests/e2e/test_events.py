"""GET /admin/events: what changed, asked as an operator asks."""

import canaries
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target


def gateway_of(mock, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock)},
        "models": {"m": {"targets": [target("mock", "a")]}},
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "retry": {"max_attempts": 1},
        **settings})


def events(gateway, since=0):
    path = f"/admin/events?since={since}"
    return wire.ask(gateway, wire.get(path, key=canaries.ADMIN_KEY)).json()["events"]


def test_a_breaker_that_opens_and_closes_is_told():
    breaker = {"failure_threshold": 2, "timeout_seconds": 3, "half_open_requests": 1}
    with Mock(tokens=5) as mock, gateway_of(mock, circuit_breaker=breaker) as gateway:
        mock.set(fault="503", fault_count=2)
        for _ in range(2):
            assert wire.ask(gateway, wire.chat_request("m")).status == 503
        first = [event for event in events(gateway) if event["kind"] == "breaker"]
        assert [(e["model"], e["target"], e["from"], e["to"]) for e in first] == [
            ("m", "m:mock", "closed", "open")]
        assert first[0]["reason"] and first[0]["actor"] == "sluice"
        assert first[0]["figures"]["failures"] == 2
        assert gateway.event("health", to="out")["target"] == "m:mock"
        gateway.event("health", to="degraded")
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        later = events(gateway, since=first[0]["id"])
        assert all(event["id"] > first[0]["id"] for event in later)
        assert [(e["from"], e["to"]) for e in later if e["kind"] == "breaker"] == [
            ("open", "half_open"), ("half_open", "closed")]
        for number, at in enumerate(("open", "half_open", "closed")):
            assert gateway.event("breaker", count=number + 1)["state"] == at
        assert [e["reason"] for e in later if e["kind"] == "health"][0] == (
            "its circuit breaker is open")


def test_reloads_are_told_also_refused_ones():
    with Mock(tokens=5) as mock, gateway_of(mock) as gateway:
        gateway.reload(default_model="m")
        good = events(gateway)[-1]
        assert (good["kind"], good["actor"]) == ("reload", "SIGHUP")
        assert good["figures"] == {"from_generation": 1, "to_generation": 2}
        gateway.write_text("nonsense: 1")
        assert wire.ask(gateway, wire.post("/admin/reload", b"", key=canaries.ADMIN_KEY)).status == 422
        bad = [event for event in events(gateway) if event["kind"] == "reload_refused"][-1]
        assert "nonsense" in bad["reason"]


def test_every_event_is_in_the_log_and_counted():
    breaker = {"failure_threshold": 1, "timeout_seconds": 1, "half_open_requests": 1}
    models = {"m": {"targets": [target("mock", "a")]}, "n": {"targets": [target("mock", "b")]}}
    with Mock(tokens=5) as mock, gateway_of(mock, models=models, fallback_model="n",
                                            health={"interval": 0, "min_requests": 1},
                                            circuit_breaker=breaker) as gateway:
        gateway.reload(default_model="m")
        mock.set(fault="503", fault_count=1)
        assert wire.ask(gateway, wire.chat_request("m")).status == 503
        gateway.event("health", target="m:mock", to="out")
        gateway.write_text("nonsense: 1")
        assert wire.ask(gateway, wire.post("/admin/reload", b"", key=canaries.ADMIN_KEY)).status == 422
        told = [event["kind"] for event in events(gateway)]
        assert {"breaker", "health", "switch", "reload", "reload_refused"} <= set(told)
        for kind in set(told):
            assert gateway.metric("sluice_events_total", kind=kind) >= told.count(kind)
            gateway.event(kind, count=told.count(kind))


def test_events_are_for_admins():
    with Mock(tokens=5) as mock, gateway_of(mock) as gateway:
        assert wire.ask(gateway, wire.get("/admin/events", key="")).status == 401
