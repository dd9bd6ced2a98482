"""The report, the alerts and what they are made of, against what the mock and the access log know."""

import json
import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import canaries
import sluice
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

PRICE = {"input": 8.00, "output": 32.00, "cached_input": 2.00}
THREADS = 24
WITHIN_S = 30


def gateway_of(mock, models, **settings):
    return Sluice(**{
        "providers": {"mock": openai_provider(mock)},
        "models": models,
        "client_keys": [
            {"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)},
            {"name": "guest", "hash": canaries.hash_of(canaries.OTHER_KEY), "models": ["other"]}],
        "admin": {"keys": [canaries.ADMIN_KEY]},
        "circuit_breaker": {"enabled": False},
        **settings})


def model(*called, **more):
    """Targets of one model at the mock, tried in that order."""
    return {"cost_per_mtok": PRICE, **more,
            "targets": [{**target("mock", name), "name": f"t{at}", "priority": at}
                        for at, name in enumerate(called, 1)]}


def admin(gateway, path):
    return wire.ask(gateway, wire.get(path, key=canaries.ADMIN_KEY))


def report(gateway, window="60m"):
    return admin(gateway, f"/admin/report?window={window}").json()


def until(look, what):
    """Asks again until the answer is true; gives it."""
    deadline = time.monotonic() + WITHIN_S
    while not (found := look()):
        assert time.monotonic() < deadline, f"no {what} within {WITHIN_S} s"
    return found


def run_all(gateway, requests):
    """Each thread on a connection of its own; gives the replies."""
    def some(part):
        with wire.Wire(gateway) as line:
            return [line.ask(request) for request in part]
    with ThreadPoolExecutor(THREADS) as pool:
        parts = pool.map(some, [requests[at::THREADS] for at in range(THREADS)])
        return [reply for part in parts for reply in part]


def nearest_rank(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1]


def cost_of(usages):
    dollars = 0
    for usage in usages:
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        dollars += ((usage["prompt_tokens"] - cached) * PRICE["input"] + cached * PRICE["cached_input"]
                    + usage["completion_tokens"] * PRICE["output"]) / 1e6
    return dollars


def usage_of(reply):
    if not reply["content-type"].startswith("text/event-stream"):
        return reply.json()["usage"]
    return next(json.loads(event)["usage"] for event in reply.events()
                if event != "[DONE]" and json.loads(event).get("usage"))


def check_figures(figures, outcomes):
    """The rates belong to the counts."""
    judged = sum(count for name, count in outcomes.items()
                 if name not in ("client_error", "cancelled"))
    assert figures["outcomes"] == outcomes
    assert figures["requests"] == judged
    assert figures["errors"] == judged - outcomes.get("ok", 0)
    assert abs(figures["error_rate"] - figures["errors"] / judged) < 2e-6
    assert abs(figures["success_rate"] + figures["error_rate"] - 1) < 2e-6


def test_the_report_is_what_the_mock_says_happened():
    models = {
        "steady": model("steady@latency=60,slow-every=10,slow=150"),
        "streams": model("cached-stream@latency=30,interval=1,tokens=20"),
        "failing": model("bad@error-rate=0.3", "good@latency=5"),
        "wrong": model("missing-model"),
        "idle": model("idle"),
    }
    requests = ([wire.chat_request("steady", max_tokens=9)] * 1200 +
                [wire.chat_request("streams", stream=True, stream_options={"include_usage": True})] * 800 +
                [wire.chat_request("failing")] * 900 + [wire.chat_request("wrong")] * 100)
    with Mock(seed=7) as mock, gateway_of(mock, models) as gateway:
        replies = run_all(gateway, requests)
        told = report(gateway)
        truth = mock.log()
        log = gateway.access_log(len(requests))
        metrics = gateway.metrics()

    # counts: those of the mock, exactly
    def count(name, fault):
        return sum(record["model"].split("@")[0] == name and record["fault"] == fault
                   for record in truth)
    bad = count("bad", "500") + count("bad", "503")
    assert 200 < bad < 350
    check_figures(told["models"]["steady"], {"ok": 1200})
    check_figures(told["models"]["streams"], {"ok": 800})
    check_figures(told["models"]["failing"], {"ok": 900, "server_error": bad})
    assert told["models"]["wrong"]["outcomes"] == {"client_error": 100}
    assert told["models"]["wrong"]["success_rate"] is None
    assert told["models"]["idle"]["requests"] == 0
    check_figures(told["total"], {"ok": 2900, "server_error": bad, "client_error": 100})
    assert count("good", None) == bad

    # tokens that the mock really sent, and cost to the cent
    for name, prefix in {"steady": "steady", "streams": "cached-stream"}.items():
        sent = sum(record["tokens"] for record in truth if record["model"].startswith(prefix))
        assert told["models"][name]["tokens"]["output"] == sent
    dollars = {name: 0 for name in models}
    for name in ("steady", "streams", "failing"):
        dollars[name] = cost_of(usage_of(reply) for reply in replies
                                if reply.status == 200 and reply["x-sluice-model"] == name)
        assert abs(told["models"][name]["cost_usd"] - dollars[name]) < 1e-9
    assert told["models"]["streams"]["tokens"]["cached"] > 0
    assert abs(told["total"]["cost_usd"] - sum(dollars.values())) < 1e-9
    assert abs(sum(line["cost_usd"] or 0 for line in log) - sum(dollars.values())) < 1e-9
    assert abs(sum(value for _, _, value in metrics["sluice_cost_usd_total"]["samples"])
               - sum(dollars.values())) < 1e-9
    assert abs(told["total"]["cost_per_minute_usd"] - sum(dollars.values()) / 60) < 2e-6
    assert abs(told["total"]["projected_daily_cost_usd"] - sum(dollars.values()) * 24) < 1e-4

    # percentiles within 2 %, of requests that were one attempt
    for name in ("steady", "streams"):
        took = [line["duration_ms"] for line in log if line["model"] == name]
        figures = told["models"][name]["latency_ms"]
        for field, share in {"p50": 0.5, "p95": 0.95, "p99": 0.99}.items():
            assert figures[field] == pytest.approx(nearest_rank(took, share), rel=0.02), name
        assert figures["mean"] == pytest.approx(sum(took) / len(took), rel=0.02)
        assert figures["max"] == pytest.approx(max(took), rel=0.02)
    first = [line["ttft_ms"] for line in log if line["model"] == "streams"]
    assert told["models"]["streams"]["ttft_ms"]["p95"] == pytest.approx(nearest_rank(first, 0.95), rel=0.02)
    assert told["models"]["steady"]["ttft_ms"]["p95"] is None


def test_a_client_asks_for_the_figures_of_its_models():
    models = {"tide": model("a", aliases=["harbour/ebb"]), "other": model("b")}
    with Mock() as mock, gateway_of(mock, models) as gateway:
        for _ in range(3):
            assert wire.ask(gateway, wire.chat_request("tide")).status == 200
        for name in ("tide", "harbour/ebb", "harbour%2Febb"):
            told = wire.ask(gateway, wire.get(f"/v1/models/{name}/metrics?window=5m",
                                              key=canaries.CLIENT_KEY)).json()
            assert (told["total_requests"], told["failed_requests"]) == (3, 0)
            assert told["success_rate"] == 1
            assert told["window_seconds"] == 300
            assert set(told["latency_ms"]) == {"mean", "min", "max", "p50", "p95", "p99"}
            assert told["tokens"]["output"] == 48
            assert told["cost_usd"] > 0
        assert wire.ask(gateway, wire.get("/v1/models/tide/metrics")).status == 401
        reply = wire.ask(gateway, wire.get("/v1/models/tide/metrics", key=canaries.OTHER_KEY))
        assert (reply.status, reply.code) == (404, "model_not_found")


@pytest.mark.parametrize("query, param, allowed", [
    ("window=59s", "window", "1m to 24h"), ("window=25h", "window", "1m to 24h"),
    ("window=", "window", "1m to 24h"), ("window=60", "window", "1m to 24h"),
    ("window=5m&format=xml", "format", "json or text")])
def test_a_wrong_window_is_told_what_is_right(gateway, query, param, allowed):
    reply = admin(gateway, f"/admin/report?{query}")
    assert (reply.status, reply.code, reply.error["param"]) == (400, "invalid_value", param)
    assert allowed in reply.error["message"]


def test_the_command_prints_it():
    models = {"tide": model("a"), "idle": model("b")}
    with Mock() as mock, gateway_of(mock, models) as gateway:
        for _ in range(4):
            assert wire.ask(gateway, wire.chat_request("tide")).status == 200
        key = {"SLUICE_ADMIN_KEY": canaries.ADMIN_KEY}
        text = sluice.run("report", "--url", gateway.url, "--window", "5m", env=key)
        assert text.returncode == 0, text.stderr
        assert text.stdout.startswith("The last 5m: 4 requests, 100 % successful")
        assert "\ntide " in text.stdout and "\nidle " in text.stdout
        assert text.stdout.endswith("Alerts:\n  none\n")
        whole = sluice.run("report", "--url", gateway.url, "--json", env=key)
        assert json.loads(whole.stdout)["models"]["tide"]["environments"]["blue"]["requests"] == 4
        refused = sluice.run("report", "--url", gateway.url)
        assert refused.returncode == 5 and "admin key" in refused.stderr
        wrong = sluice.run("report", "--url", gateway.url, "--window", "2d", env=key)
        assert wrong.returncode == 5 and "1m to 24h" in wrong.stderr
        for said in (text, whole, refused, wrong):
            canaries.assert_none_in(said.stdout + said.stderr, "report")
    assert sluice.run("report", "--url", "http://127.0.0.1:1", env=key).returncode == 5


def test_a_long_report_arrives_whole():
    models = {f"model-{at:03}": model("a") for at in range(300)}
    with Mock() as mock, gateway_of(mock, models) as gateway:
        told = sluice.run("report", "--url", gateway.url, "--json",
                          env={"SLUICE_ADMIN_KEY": canaries.ADMIN_KEY})
        assert list(json.loads(told.stdout)["models"]) == list(models)


# ---- alerts ----

def test_an_alert_is_raised_once_and_cleared_once(tmp_path):
    settings = {"state": {"path": str(tmp_path / "state")},
                "alerts": {"error_rate": 0.05, "latency_p95": "0", "projected_cost_usd_per_day": 0}}
    with Mock() as mock, gateway_of(mock, {"m": model("a")}, **settings) as gateway:
        def alert_events():
            return [event for event in admin(gateway, "/admin/events").json()["events"]
                    if event["kind"] == "alert"]

        assert admin(gateway, "/admin/alerts").json() == {"alerts": []}
        mock.set(fault="503", fault_count=10)
        run_all(gateway, [wire.chat_request("m", headers="X-Sluice-No-Fallback: 1\r\n")] * 60)
        truth = report(gateway)["models"]["m"]
        assert truth["errors"] == 10
        raised = until(lambda: admin(gateway, "/admin/alerts").json()["alerts"], "alert")
        assert [(one["name"], one["severity"], one["model"], one["threshold"]) for one in raised] == [
            ("error_rate", "critical", "m", 0.05)]
        assert raised[0]["value"] == truth["error_rate"]
        event = alert_events()[0]
        assert (event["alert"], event["severity"], event["model"], event["to"]) == (
            "error_rate", "critical", "m", "raised")
        assert event["figures"] == {"value": truth["error_rate"], "threshold": 0.05,
                                    "requests": truth["requests"]}
        assert event["time"] == raised[0]["since"]
        assert gateway.event("alert", to="raised")["level"] == "warn"
        assert gateway.metric("sluice_alerts", alert="error_rate", model="m") == 1

        # neither over a restart nor between the thresholds is it told anew
        gateway.stop()
        gateway.start()
        assert admin(gateway, "/admin/alerts").json()["alerts"][0]["since"] == raised[0]["since"]
        run_all(gateway, [wire.chat_request("m")] * 170)  # 10 of 230 or so: below 5 %, above 4 %
        assert 0.04 <= report(gateway)["models"]["m"]["error_rate"] < 0.05
        until(lambda: admin(gateway, "/admin/alerts").json()["alerts"][0]["value"] not in
              (0, raised[0]["value"]) or None, "second look")
        assert len(alert_events()) == 1
        run_all(gateway, [wire.chat_request("m")] * 200)
        until(lambda: admin(gateway, "/admin/alerts").json()["alerts"] == [], "end of the alert")
        assert [event["to"] for event in alert_events()] == ["raised", "cleared"]
        assert gateway.metric("sluice_alerts", alert="error_rate", model="m") == 0


def test_the_projected_cost_is_that_of_all_models():
    settings = {"alerts": {"error_rate": 0, "latency_p95": "0", "projected_cost_usd_per_day": 1}}
    models = {"m": model("a@tokens=200"), "n": model("b@tokens=200")}
    with Mock() as mock, gateway_of(mock, models, **settings) as gateway:
        run_all(gateway, [wire.chat_request(name) for name in ("m", "n")] * 24)
        cost = report(gateway)["total"]["cost_usd"]
        assert cost / 2 < 1 / 288 * 50 < cost * 50  # a day of either would be less than both
        raised = until(lambda: admin(gateway, "/admin/alerts").json()["alerts"], "alert")
        assert [(one["name"], one["model"]) for one in raised] == [
            ("projected_cost_usd_per_day", None)]
        assert raised[0]["value"] == pytest.approx(cost * 288, rel=1e-4)
        assert gateway.metric("sluice_alerts", alert="projected_cost_usd_per_day", model="all") == 1


# ---- status and stream ----

def test_status_and_stream_show_the_last_minutes():
    models = {"m": model("a"), "n": model("b")}
    with Mock() as mock, gateway_of(mock, models) as gateway:
        for _ in range(5):
            assert wire.ask(gateway, wire.chat_request("m")).status == 200
        status = admin(gateway, "/admin/status").json()
        window = status["models"]["m"]["window"]
        assert window["seconds"] == 300
        assert window["all"] == window["blue"]
        assert window["green"] is None
        assert (window["all"]["requests"], window["all"]["success_rate"]) == (5, 1)
        assert window["all"]["latency_ms"]["p95"] > 0
        assert status["models"]["n"]["window"]["all"]["requests"] == 0
        assert status["total"]["window_seconds"] == 300
        assert status["total"]["requests"] == 5
        assert status["total"]["cost_per_minute_usd"] == pytest.approx(
            window["all"]["cost_usd"] / 5, abs=1e-6)
        assert status["alerts"] == []


def test_each_side_has_its_figures():
    # the default phases have one that is called like the keys of canaries.py
    phases = [{"name": "few", "green": 5, "at_least": "1h"}, {"name": "all", "green": 100}]
    tide = {"cost_per_mtok": PRICE, "split": {"blue": 70, "green": 30},
            "rollout": {"phases": phases},
            "targets": [target("mock", "a", name="now"),
                        target("mock", "b@tokens=3", name="next", environment="green")]}
    with Mock() as mock, gateway_of(mock, {"tide": tide}) as gateway:
        for side, count in {"blue": 7, "green": 4}.items():
            for _ in range(count):
                reply = wire.ask(gateway, wire.chat_request(
                    "tide", headers=f"X-Deployment-Environment: {side}\r\n"))
                assert (reply.status, reply["x-sluice-environment"]) == (200, side)
        told = report(gateway)["models"]["tide"]
        assert told["requests"] == 11
        sides = told["environments"]
        assert {side: sides[side]["requests"] for side in sides} == {"blue": 7, "green": 4}
        assert sides["green"]["tokens"]["output"] == 4 * 3
        window = admin(gateway, "/admin/status").json()["models"]["tide"]["window"]
        assert (window["all"]["requests"], window["green"]["requests"]) == (11, 4)
        text = admin(gateway, "/admin/report?format=text").body.decode()
        assert "\n  green " in text


# ---- kill -9 ----

def test_a_kill_loses_at_most_five_seconds(tmp_path):
    settings = {"state": {"path": str(tmp_path / "state")}}
    with Mock() as mock, gateway_of(mock, {"m": model("a@latency=5")}, **settings) as gateway:
        seen = []  # (when, requests in the report)

        def load():
            run_all(gateway, [wire.chat_request("m")] * THREADS)
            seen.append((time.monotonic(), report(gateway)["total"]["requests"]))

        until(lambda: load() or time.monotonic() - seen[0][0] > 7, "end of seven seconds")
        killed = time.monotonic()
        gateway.kill()
        gateway.start()
        after = report(gateway)["total"]
        must = max(count for when, count in seen if when <= killed - 5)
        assert must >= THREADS
        assert must <= after["requests"] <= seen[-1][1]
        assert after["latency_ms"]["p95"] > 5 and after["cost_usd"] > 0

        # an orderly end loses nothing
        load()
        gateway.stop()
        gateway.start()
        assert report(gateway)["total"]["requests"] == seen[-1][1] == after["requests"] + THREADS
