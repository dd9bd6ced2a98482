"""The commands: what they print, where, and how they end."""

import hashlib
import json
import re
import subprocess

import jsonschema
import pytest
import yaml

import canaries
import wire
from mock import Mock
from sluice import BINARY, ROOT, Sluice, openai_provider, run

WRONG = """\
listen: 127.0.0.1:0
providers:
  mock: { kind: opnai, base_url: "http://127.0.0.1:9/v1" }
  other: { kind: openai, base_url: "ftp://x", keys: [a], keys: [b] }
models:
  tide:
    targets: [ { provider: nobody, model: m, weight: -1 } ]
timeouts: { connect: 2 parsecs }
client_keys: [ { name: a, hash: "sha256:12" } ]
cache: { enabled: true }
modles: {}
key: ${NO_SUCH_VARIABLE}
"""


def test_check_lists_every_error_with_its_place(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    ended = run("check", "-c", file)
    assert ended.returncode == 1
    assert ended.stdout == ""
    places = [re.fullmatch(r"(.*):(\d+):(\d+): (.+)", line) for line in ended.stderr.splitlines()]
    assert all(places), ended.stderr
    assert {place.group(1) for place in places} == {str(file)}
    lines = {int(place.group(2)) for place in places}
    assert {3, 4, 7, 8, 9, 11} <= lines, ended.stderr
    assert "openai" in ended.stderr  # what would be right


def test_check_of_a_good_file_says_fine(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text("providers: { demo: { kind: demo } }\n")
    ended = run("check", "-c", file)
    assert (ended.returncode, ended.stdout) == (0, f"{file}: fine\n")


@pytest.mark.parametrize("words, code", [
    (["check"], 2), (["nonsense"], 2), (["--nonsense"], 2), (["check", "-c"], 2), (["keygen"], 2),
    (["check", "-c", "/nowhere.yaml"], 1), (["-c", "/nowhere.yaml"], 1), (["--help"], 0),
    (["--version"], 0), (["schema"], 0), (["reference"], 0)])
def test_exit_codes(words, code):
    ended = run(*words)
    assert ended.returncode == code, ended.stderr
    assert bool(ended.stdout) == (code == 0)
    assert bool(ended.stderr) == (code != 0)


def test_help_fits_one_screen():
    lines = run("--help").stdout.splitlines()
    assert len(lines) <= 24 and all(len(line) <= 100 for line in lines)
    assert "conf/README.md" in "".join(lines)


def test_a_variable_that_is_not_set_is_an_error(tmp_path):
    file = tmp_path / "key.yaml"
    file.write_text('providers: { openai: { keys: ["${SLUICE_TEST_KEY}"] } }\n')
    ended = run("check", "-c", file)
    assert ended.returncode == 1
    assert f"{file}:1:" in ended.stderr and "SLUICE_TEST_KEY" in ended.stderr
    assert run("check", "-c", file, env={"SLUICE_TEST_KEY": "sk-x"}).returncode == 0


def test_config_prints_what_is_in_force_without_secrets(tmp_path):
    with Mock() as mock:
        settings = {
            "providers": {"mock": openai_provider(mock)}, "admin": {"keys": [canaries.ADMIN_KEY]},
            "models": {"meta/llama-3:free": {"targets": [{"provider": "mock", "model": "yes"}]}}}
    file = tmp_path / "sluice.yaml"
    file.write_text(json.dumps(settings))
    printed = run("config", "-c", file)
    assert printed.returncode == 0
    assert "***" in printed.stdout
    canaries.assert_none_in(printed.stdout + printed.stderr, "configuration")
    again = tmp_path / "again.yaml"
    again.write_text(printed.stdout)
    assert run("config", "-c", again).stdout == printed.stdout


def test_config_without_a_file_is_made_from_the_environment():
    printed = run("config", env={"OPENAI_API_KEY": canaries.PROVIDER_KEY,
                                 "SLUICE_LISTEN": "127.0.0.1:1"})
    assert printed.returncode == 0, printed.stderr
    assert "openai" in printed.stdout and "127.0.0.1:1" in printed.stdout
    canaries.assert_none_in(printed.stdout + printed.stderr, "configuration")


PRICES = ROOT / "conf" / "prices.yaml"
SAMPLES = sorted(set((ROOT / "conf").glob("*.yaml")) - {PRICES})


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_fits_the_schema_and_is_fine(path):
    schema = json.loads(run("schema").stdout)
    jsonschema.validate(yaml.safe_load(path.read_text()), schema)
    names = re.findall(r"\$\{(\w+)\}", path.read_text())
    ended = run("check", "-c", path, env={name: "sk-x" for name in names})
    assert ended.returncode == 0, ended.stderr


def test_the_prices_are_printed_as_a_file_that_can_be_used(tmp_path):
    ended = run("prices")
    assert ended.returncode == 0 and ended.stdout == PRICES.read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(ended.stdout.replace("gpt-4.1-mini:", "gpt-4.1-maxi:"))
    sample = tmp_path / "sluice.yaml"
    sample.write_text(f"listen: 127.0.0.1:0\nprices_file: {mine}\nproviders: {{ demo: {{ kind: demo }} }}\n")
    assert run("check", "-c", sample).returncode == 0
    mine.write_text("prices: { m: { cost_per_mtok: dear } }\n")
    ended = run("check", "-c", sample)
    assert ended.returncode == 1
    assert f"{mine}:1:31: prices.m.cost_per_mtok: " in ended.stderr and "as_of is missing" in ended.stderr


def test_there_are_samples():
    assert "sluice.yaml" in [path.name for path in SAMPLES]


def test_the_schema_accepts_what_check_accepts_and_refuses_what_it_refuses(tmp_path):
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    provider = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "keys": ["k"]}
    good = {"listen": "127.0.0.1:0", "providers": {"mock": provider},
            "models": {"tide": {"aliases": ["ebb"], "cost_per_mtok": {"input": 8, "output": 32.5},
                                "targets": [{"provider": "mock", "model": "m", "weight": 10}]}},
            "timeouts": {"connect": "2s", "total": "10m"}, "limits": {"body_bytes": "50MiB"},
            "client_keys": [{"name": "a", "hash": "sha256:" + "0" * 64, "expires": "2099-01-01"}],
            "drain": {"seconds": 5}, "log": {"level": "debug", "format": "text"}}
    bad = [{"modles": {}}, {"listen": 7}, {"timeouts": {"connect": "2 parsecs"}},
           {"log": {"level": "loud"}}, {"drain": {"seconds": -1}}, {"providers": []},
           {"client_keys": [{"name": "a"}]}, {"client_keys": [{"name": "a", "hash": "x"}]},
           {"limits": {"body_bytes": "many"}}, {"models": {"tide": {"targets": [{"weight": 1}]}}}]
    for settings, fine in [(good, True)] + [({**good, **change}, False) for change in bad]:
        file = tmp_path / "one.yaml"
        file.write_text(json.dumps(settings))
        assert (run("check", "-c", file).returncode == 0) == fine, settings
        assert validator.is_valid(settings) == fine, settings


def test_the_reference_names_every_setting_path_and_metric():
    text = run("reference").stdout
    for word in ("circuit_breaker", "`first_byte`", "/v1/chat/completions", "/v1/models",
                 "/admin/status", "sluice_requests_total", "gen_ai_client_token_usage"):
        assert word in text, word


def test_keygen_prints_a_key_and_the_line_that_lets_it_in():
    printed = run("keygen", "team-a").stdout
    key = re.search(r"sk-sl-[A-Za-z0-9]{40,}", printed).group()
    line = re.search(r"- \{ name: team-a, hash: \"(sha256:[0-9a-f]{64})\" \}", printed)
    assert line.group(1) == "sha256:" + hashlib.sha256(key.encode()).hexdigest()
    assert key not in run("keygen", "team-a").stdout
    keys = [{"name": "team-a", "hash": line.group(1)}]
    with Mock() as mock, Sluice(providers={"mock": openai_provider(mock)}, default_provider="mock",
                                client_keys=keys) as gateway:
        assert wire.ask(gateway, wire.chat_request("m", key=key)).status == 200
        assert wire.ask(gateway, wire.chat_request("m", key=key[:-1])).status == 401


def test_healthcheck_tells_a_running_gateway_from_none():
    with Mock() as mock, Sluice(providers={"mock": openai_provider(mock)}) as gateway:
        assert run("healthcheck", "--url", gateway.url).returncode == 0
        gateway.stop()
        ended = run("healthcheck", "--url", gateway.url)
        assert ended.returncode == 1
        assert ended.stderr.startswith("sluice healthcheck: ")


def test_version_is_that_of_the_build():
    version = re.search(r"project\(sluice VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert run("--version").stdout == f"sluice {version.group(1)}\n"


def test_output_can_be_cut_short():
    ended = subprocess.run(f"{BINARY} reference | head -1", shell=True, capture_output=True,
                           text=True, timeout=10, check=False)
    assert ended.stdout.startswith("#") and ended.stderr == ""
