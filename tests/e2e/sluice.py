"""The gateway, as tests use it.

    with Sluice(providers={...}, models={...}) as gateway:
        ...                                # gateway.url answers
        gateway.access_log(1)[0]["status"] # waits until there is one line

Leaving the block ends it with SIGTERM and asserts that it ended well: exit code 0, no sanitizer
report, and nowhere in what it wrote one of the keys of canaries.py."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

import canaries
import prometheus
import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))
BINARY = BUILD_DIR / "sluice"
ENGINE = os.environ.get("ENGINE")  # of the providers that openai_provider() makes
PATIENCE_S = 15
ENVIRONMENT = {name: os.environ[name] for name in os.environ
               if name in ("PATH", "HOME", "LD_LIBRARY_PATH") or name.endswith("SAN_OPTIONS")}


class Lines:
    """What a pipe says, line by line as it comes."""

    def __init__(self, pipe):
        self.lines = []
        self.ended = False
        self.more = threading.Condition()
        self.thread = threading.Thread(target=self.read, args=(pipe,), daemon=True)
        self.thread.start()

    def read(self, pipe):
        with pipe:
            for line in pipe:
                with self.more:
                    self.lines.append(line)
                    self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    def wait_for(self, wanted, what):
        """Waits until `wanted(lines)` is true, gives that."""
        with self.more:
            self.more.wait_for(lambda: self.ended or wanted(self.lines), PATIENCE_S)
            found = wanted(self.lines)
            assert found, f"no {what} within {PATIENCE_S} s: {''.join(self.lines)[-2000:]}"
            return found

    def text(self):
        with self.more:
            return "".join(self.lines)


class Sluice:
    """A running gateway on a port of its own. The settings are those of the configuration file, as
    Python values; `env` is added to an environment that holds nothing of yours, and with
    from_file=False it is all there is; `file` is one that the test itself writes.
    Probes are off unless the settings say otherwise: tests count what upstreams get."""

    def __init__(self, env=None, from_file=True, file=None, **settings):
        self.directory = tempfile.TemporaryDirectory(prefix="sluice-e2e-")
        self.file = file or pathlib.Path(self.directory.name) / "sluice.yaml"
        self.env = env or {}
        self.words = ["-c", self.file] if from_file else []
        self.settings = {"listen": "127.0.0.1:0", "health": {"interval": 0}, **settings}
        if not file:
            self.write(**self.settings)
        self.start()

    def write(self, **settings):
        """Writes the file anew, whole, as an editor does. JSON is YAML."""
        self.write_text(json.dumps(settings, indent=1))

    def write_text(self, text):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.file)

    def start(self):
        self.process = subprocess.Popen(
            [BINARY, *self.words], env={**ENVIRONMENT, **self.env}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)
        self.port = int(self.event("start")["port"])
        scheme = "https" if "tls" in self.settings else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        else:
            self.check(self.process.wait())
        self.directory.cleanup()

    # ---- what it says ----

    def events(self):
        """The log lines of stderr that are events, each a dict."""
        return [json.loads(line) for line in self.err.text().split("\n") if line[:1] == "{"]

    def event(self, name, count=1, **fields):
        """Waits for the `count`th event of that name with those fields, gives it."""
        def found(lines):
            named = [json.loads(line) for line in lines if f'"event":"{name}"' in line]
            fits = [event for event in named if fields.items() <= event.items()]
            return fits[count - 1:count]
        return self.err.wait_for(found, f"event {name} {fields}")[0]

    def access_log(self, count=0):
        """All lines of the access log; waits until there are at least `count`."""
        self.out.wait_for(lambda lines: len(lines) >= count, f"{count} lines in the access log")
        return [json.loads(line) for line in self.out.text().split("\n")[:-1]]

    def log_of(self, request_id):
        """The line of that request."""
        def found(lines):
            return [line for line in lines if f'"id":"{request_id}"' in line]
        return json.loads(self.out.wait_for(found, f"log line of {request_id}")[0])

    def get(self, path, key=None, timeout=PATIENCE_S):
        """The text of a GET, whatever its status."""
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"Bearer {key}"} if key else {})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.read().decode()

    def metrics(self):
        return prometheus.parse(self.get("/metrics"))

    def metric(self, name, **labels):
        """The sum of the samples of that name with those labels."""
        return prometheus.total(self.metrics(), name, **labels)

    def wait_metric(self, name, wanted, **labels):
        """Waits until the metric is `wanted`; it changes with a request that is not ours."""
        deadline = time.monotonic() + PATIENCE_S
        while (value := self.metric(name, **labels)) != wanted:
            assert time.monotonic() < deadline, f"{name} {labels} is {value}, not {wanted}"

    def rss_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def assert_growth(self, before_bytes, most_bytes):
        """Its memory has grown by at most so much. AddressSanitizer keeps freed memory back."""
        sanitized = b"__asan_init" in BINARY.read_bytes()
        assert self.rss_bytes() - before_bytes < most_bytes + (512 << 20 if sanitized else 0)

    # ---- what it is told ----

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, **changes):
        """Writes the settings with these changes and waits until they are in force."""
        self.settings = {**self.settings, **changes}
        before = len([event for event in self.events() if event["event"] == "reload"])
        self.write(**self.settings)
        self.signal(signal.SIGHUP)
        self.event("reload", count=before + 1)

    def stop(self):
        """Ends it and asserts that it ended well."""
        if self.url.startswith("http:"):
            canaries.assert_none_in(self.get("/metrics"), "metrics")
            self.check_admin()
        self.signal(signal.SIGTERM)
        self.wait()

    def put_keys(self, provider, keys):
        """Other keys for a provider, as an operator gives them. Gives what is answered."""
        body = json.dumps({"keys": keys}).encode()
        admin = self.settings["admin"]["keys"][0]
        return wire.ask(self, wire.put(f"/admin/providers/{provider}/keys", body, key=admin))

    def forget_keys(self):
        """Nothing is known of any key any more."""
        for name, provider in self.settings["providers"].items():
            assert self.put_keys(name, [canaries.provider_key()]).status == 200
            assert self.put_keys(name, provider["keys"]).status == 200

    def check_admin(self):
        """Nothing that an operator may ask for shows a key."""
        admin = self.settings.get("admin", {})
        if "keys" in admin and "listen" not in admin:
            for path in ("status", "events", "config"):
                said = self.get("/admin/" + path, key=admin["keys"][0])
                canaries.assert_none_in(said, path)

    def wait(self):
        """Waits for its end, which somebody else has asked for, and asserts that it ended well."""
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"does not end: {self.err.text()[-4000:]}") from None
        self.check(code)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def check(self, code):
        self.out.thread.join(PATIENCE_S)
        self.err.thread.join(PATIENCE_S)
        said = self.err.text()
        for word in ("Sanitizer", "runtime error", "Assertion"):
            assert word not in said, said[-8000:]
        assert code in (0, -signal.SIGKILL), f"exit code {code}: {said[-4000:]}"
        canaries.assert_none_in(said, "events")
        canaries.assert_none_in(self.out.text(), "access log")


def openai_provider(mock, **more):
    """A provider as the configuration wants it: this mock, with a key that nobody may see."""
    engine = {"engine": ENGINE} if ENGINE else {}
    return {"kind": "openai", "base_url": mock.url + "/v1",
            "keys": mock.keys, **engine, **getattr(mock, "provider", {}), **more}


def target(provider, model, **more):
    return {"provider": provider, "model": model, **more}


def run(*words, env=None, stdin=None):
    """Runs a command of sluice to its end."""
    return subprocess.run([BINARY, *words], env={**ENVIRONMENT, **(env or {})}, input=stdin,
                          capture_output=True, text=True, timeout=30, check=False)
