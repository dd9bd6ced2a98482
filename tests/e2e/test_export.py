"""What the operator sees: health, metrics, the access log, the admin plane."""

import json
import re

import pytest

import asked
import canaries
import prometheus
import wire
from mock import Mock
from sluice import Sluice, openai_provider, target

FIELDS = ["time", "id", "client", "key", "model", "target", "environment", "attempts", "status",
          "outcome", "stream", "ttft_ms", "duration_ms", "overhead_us", "tokens", "cost_usd",
          "bytes_in", "bytes_out", "error"]
TOKENS = {"input", "output", "cached", "cache_write", "reasoning", "estimated"}
METRICS = {
    "gen_ai_server_request_duration_seconds": "histogram",
    "gen_ai_server_time_to_first_token_seconds": "histogram",
    "gen_ai_server_time_per_output_token_seconds": "histogram",
    "gen_ai_client_token_usage": "histogram",
    "sluice_requests_total": "counter",
    "sluice_attempts_total": "counter",
    "sluice_overhead_seconds": "histogram",
    "sluice_target_weight": "gauge",
    "sluice_breaker_state": "gauge",
    "sluice_cost_usd_total": "counter",
    "sluice_tokens_total": "counter",
    "sluice_in_flight": "gauge",
    "sluice_streams": "gauge",
    "sluice_loop_utilisation": "gauge",
    "sluice_config_generation": "gauge",
    "sluice_config_reload_failed_total": "counter",
    "sluice_build_info": "gauge",
}


@pytest.mark.parametrize("path, status", [("/health", 200), ("/ready", 200), ("/metrics", 200)])
def test_probes_need_no_key_and_are_not_logged(gateway, mock, path, status):
    before = len(gateway.access_log())
    assert wire.ask(gateway, wire.get(path)).status == status
    reply = wire.ask(gateway, wire.chat_request("m"))
    gateway.log_of(reply["x-request-id"])
    assert len(gateway.access_log()) == before + 1


def test_no_usable_target_is_not_ready():
    with Mock() as mock, Sluice(providers={"off": openai_provider(mock, keys=["${NO_SUCH_KEY:-}"])},
                                models={"tide": {"targets": [target("off", "m")]}}) as gateway:
        reply = wire.ask(gateway, wire.get("/ready"))
        assert (reply.status, reply.json()["reasons"]) == (503, ["no model has a usable target"])
        assert wire.ask(gateway, wire.get("/health")).status == 200


def test_metrics_are_what_prometheus_reads(gateway, client):
    asked.chat(client, "plain", model="tide")
    list(asked.chat(client, "plain", model="tide", stream=True))
    families = gateway.metrics()
    for name, kind in METRICS.items():
        assert families[name]["type"] == kind, name
        assert families[name]["help"], name
        assert families[name]["samples"], name
    assert wire.ask(gateway, wire.get("/metrics"))["content-type"] \
        == "text/plain; version=0.0.4; charset=utf-8"


def test_histograms_are_cumulative(gateway, client):
    list(asked.chat(client, "plain", model="tide", stream=True))
    for name, family in gateway.metrics().items():
        if family["type"] != "histogram":
            continue
        series = {}
        for sample, labels, value in family["samples"]:
            bound = labels.pop("le", None)
            one = series.setdefault(tuple(labels.items()), {"buckets": []})
            if sample.endswith("_bucket"):
                one["buckets"].append((float(bound), value))
            else:
                one[sample.removeprefix(name)] = value
        for one in series.values():
            assert one["buckets"] == sorted(one["buckets"]), name
            counts = [count for _, count in one["buckets"]]
            assert counts == sorted(counts)
            assert one["buckets"][-1] == (float("inf"), one["_count"])
            assert one["_sum"] >= 0


def test_what_is_counted_is_what_happened(gateway, client, mock):
    target_id = wire.ask(gateway, wire.chat_request("tide"))["x-sluice-target"]

    def figures():
        seen = gateway.metrics()
        return [prometheus.total(seen, *row[:1], **row[1]) for row in (
            ("sluice_requests_total", {"model": "tide", "code": "200", "environment": "blue"}),
            ("sluice_attempts_total", {"outcome": "ok", "target": target_id}),
            ("sluice_tokens_total", {"model": "tide", "type": "output"}),
            ("gen_ai_server_request_duration_seconds_count", {"gen_ai_request_model": "tide"}),
            ("gen_ai_server_time_to_first_token_seconds_count", {"gen_ai_response_model": "tide"}),
            ("sluice_cost_usd_total", {"model": "tide", "key": "team"}))]

    before = figures()
    for stream in (False, True, True):
        answer = asked.chat(client, "plain", model="tide", stream=stream)
        if stream:
            list(answer)
        else:
            price = (answer.usage.prompt_tokens * 8 + answer.usage.completion_tokens * 32) / 1e6
    difference = [after - earlier for after, earlier in zip(figures(), before)]
    assert difference == pytest.approx([3, 3, 15, 3, 2, 3 * price])


def test_a_thousand_invented_models_are_one_series(gateway, mock):
    with wire.Wire(gateway) as peer:
        for number in range(1000):
            assert peer.ask(wire.chat_request(f"invented-{number}")).status == 200
    families = gateway.metrics()
    assert prometheus.total(families, "sluice_requests_total", model="other") >= 1000
    assert "invented" not in json.dumps(families)
    assert sum(len(family["samples"]) for family in families.values()) < 2000


def test_a_line_of_the_access_log_is_complete(gateway, mock):
    reply = wire.ask(gateway, wire.chat_request("ebb", True))
    line = gateway.log_of(reply["x-request-id"])
    assert list(line) == FIELDS
    assert set(line["tokens"]) == TOKENS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["client"], line["key"]) == ("team", canaries.hash_of(canaries.CLIENT_KEY)[7:15])
    assert (line["model"], line["environment"]) == ("ebb", "blue")
    assert line["target"] == reply["x-sluice-target"]
    assert (line["attempts"], line["status"], line["outcome"]) == (1, 200, "ok")
    assert (line["stream"], line["error"]) == (True, None)
    assert 0 < line["ttft_ms"] <= line["duration_ms"] < 5000
    assert line["overhead_us"] < 100_000
    assert line["bytes_in"] == len(wire.chat_body("ebb", True))
    assert line["bytes_out"] > len(reply.body)
    assert line["cost_usd"] == pytest.approx(
        (line["tokens"]["input"] * 8 + line["tokens"]["output"] * 32) / 1e6)


@pytest.mark.parametrize("model, stream, status, outcome, error", [
    ("fault:400", False, 400, "client_error", "invalid_value"),
    ("fault:503", False, 503, "failed", "server_is_overloaded"),
    ("fault:401", False, 502, "failed", "upstream_auth"),
    ("fault:reset-mid-event", True, 200, "broken", "upstream_truncated")])
def test_what_went_wrong_is_in_the_access_log(gateway, mock, model, stream, status, outcome, error):
    reply = wire.ask(gateway, wire.chat_request(model, stream))
    line = gateway.log_of(reply["x-request-id"])
    assert (line["status"], line["outcome"], line["error"]) == (status, outcome, error)


def test_a_refusal_is_in_the_access_log(gateway, mock):
    for key, model, status, error in ((None, "m", 401, "invalid_api_key"),
                                      (canaries.OTHER_KEY, "m", 403, "model_not_allowed")):
        reply = wire.ask(gateway, wire.chat_request(model, key=key))
        line = gateway.log_of(reply["x-request-id"])
        assert (line["status"], line["outcome"], line["error"]) == (status, "refused", error)
        assert line["attempts"] == 0


def test_cached_and_reasoning_tokens_are_accounted_for(gateway, mock):
    for stream in (False, True):
        reply = wire.ask(gateway, wire.chat_request("cached-reason", stream))
        tokens = gateway.log_of(reply["x-request-id"])["tokens"]
        assert tokens["cached"] == (tokens["cached"] + tokens["input"]) // 2 > 0  # apart
        assert tokens["reasoning"] == 32


def test_bodies_are_logged_only_when_asked_for():
    with Mock() as mock, Sluice(providers={"mock": openai_provider(mock)}, default_provider="mock",
                                log={"bodies": True}) as gateway:
        reply = wire.ask(gateway, wire.chat_request("m", user="sesame"))
        assert json.loads(gateway.log_of(reply["x-request-id"])["request_body"])["user"] == "sesame"
        gateway.reload(log={"bodies": False})
        reply = wire.ask(gateway, wire.chat_request("m", user="poppy"))
        assert list(gateway.log_of(reply["x-request-id"])) == FIELDS
        assert "poppy" not in gateway.out.text() + gateway.err.text()


def test_the_access_log_can_be_off():
    with Mock() as mock, Sluice(providers={"mock": openai_provider(mock)}, default_provider="mock",
                                log={"access": False}) as gateway:
        assert wire.ask(gateway, wire.chat_request("m")).status == 200
        gateway.stop()
        assert gateway.access_log() == []


# ---- the admin plane ----


@pytest.mark.parametrize("path", ["/admin/status", "/admin/config"])
def test_the_admin_plane_wants_an_admin_key(gateway, path):
    for key in (None, "sk-no", canaries.CLIENT_KEY, canaries.PROVIDER_KEY):
        reply = wire.ask(gateway, wire.get(path, key=key))
        assert (reply.status, reply.code) == (401, "invalid_api_key")
    assert wire.ask(gateway, wire.get(path, key=canaries.ADMIN_KEY)).status == 200


def test_without_an_admin_key_there_is_no_admin_plane():
    with Mock() as mock, Sluice(providers={"mock": openai_provider(mock)}) as gateway:
        for path in ("/admin/status", "/admin/config", "/admin/nothing"):
            assert wire.ask(gateway, wire.get(path, key="")).status == 404


def test_status_shows_the_targets_and_why(gateway, mock):
    wire.ask(gateway, wire.chat_request("tide"))
    status = wire.ask(gateway, wire.get("/admin/status", key=canaries.ADMIN_KEY)).json()
    seen = status["models"]["tide"]["targets"][0]
    assert (seen["provider"], seen["model"], seen["breaker"]) == ("mock", "gpt-4.1", "closed")
    assert (seen["weight"], seen["effective_weight"], seen["why"]) == (100, 100, "as configured")
    assert seen["attempts"] > 0
    assert status["config_generation"] == gateway.metric("sluice_config_generation")


def test_the_effective_configuration_hides_secrets_and_can_be_read_again(gateway):
    shown = wire.ask(gateway, wire.get("/admin/config", key=canaries.ADMIN_KEY)).body.decode()
    assert "***" in shown
    canaries.assert_none_in(shown, "configuration")


def test_no_secret_is_ever_shown(gateway, mock):
    """Errors that quote keys, wrong keys, every path: nothing of a key comes out. What sluice logs
    is searched when each gateway ends, what it answers by wire.py, here in every form."""
    for fault in ("400", "401", "403", "html", "sse-error-mid"):
        for stream in (False, True):
            for key in (canaries.CLIENT_KEY, canaries.OTHER_KEY, canaries.CLIENT_KEY + "x",
                        canaries.ADMIN_KEY, canaries.PROVIDER_KEY):
                gateway.forget_keys()  # a refused one is not shown again
                wire.ask(gateway, wire.chat_request("fault:" + fault, stream, key=key))
    for path in ("/v1/models", "/v1/models/tide", "/admin/status", "/admin/config", "/metrics",
                 "/ready", "/health", "/nothing"):
        for key in (canaries.CLIENT_KEY, canaries.ADMIN_KEY, canaries.PROVIDER_KEY):
            wire.ask(gateway, wire.get(path, key=key))
    assert len(mock.log()) == 10
    assert {record["headers"]["authorization"] for record in mock.log()} <= {
        f"Bearer {key}" for key in mock.keys}
