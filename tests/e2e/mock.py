"""The fake provider, as tests use it.

    with Mock(tokens=5) as mock:
        mock.set(fault="503", fault_count=2)
        ...
        mock.wait(requests_min=1)
        assert mock.log()[0]["state"] == "complete"

bench/mock/README.md says what can be set, what the log holds and which faults there are."""

import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

import canaries

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))
BINARY = BUILD_DIR / "sluice-mock"


class Mock:
    """A running sluice-mock on a port of its own. Options are those of the command line, with _
    for -; one that is True has no value."""

    def __init__(self, **options):
        self.options = options
        self.process = None
        self.port = 0
        self.keys = [canaries.provider_key()]  # those of the providers that it plays
        self.provider = {}  # what else a configuration says of them
        self.start()

    def start(self):
        """Starts it; after stop() on the same port."""
        command = [str(BINARY), "--listen", f"127.0.0.1:{self.port}"]
        for name, value in self.options.items():
            command.append("--" + name.replace("_", "-"))
            if value is not True:
                command.append(str(value))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("sluice-mock listening on "):
            self.process.wait()
            raise RuntimeError(f"{' '.join(command)} did not start: {line!r}")
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        """Ends it; gives its exit code."""
        self.process.terminate()
        code = self.process.wait(10)
        self.process.stdout.close()
        return code

    def kill(self):
        """Ends it at once, as kill -9 does."""
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.check_keys()
            self.stop()

    def ask(self, path, body=None, timeout=30):
        """Asks the control side; gives the JSON of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.code} {error.read().decode()}") from None

    def log(self, since=0):
        """The requests it got, oldest first, each a dict."""
        return self.ask(f"/mock/log?since={since}")

    def stats(self):
        return self.ask("/mock/stats")

    def bills(self):
        """What its answers have really used: by model, complete or cut, and by class."""
        return self.ask("/mock/bills")

    def set(self, **knobs):
        """Turns knobs for all requests from now on: latency_ms=50, fault="503", fault_count=2."""
        return self.ask("/mock/control", knobs)

    def check_keys(self):
        """Asserts that no gateway has shown it another provider's key, or a client's."""
        canaries.assert_only(self.keys, self.log())

    def reset(self):
        """Forgets the log and the counts."""
        self.check_keys()
        return self.ask("/mock/reset", {})

    def wait(self, timeout_ms=10000, **conditions):
        """Waits until all hold: requests_min=3, cancelled_min=1, in_flight_max=0. Gives the
        figures; raises when that takes longer than timeout_ms."""
        query = "&".join(f"{name}={value}" for name, value in conditions.items())
        self.ask(f"/mock/wait?{query}&timeout_ms={timeout_ms}", timeout=timeout_ms / 1000 + 5)
        return self.stats()

    def release(self):
        """Lets the requests go on that the faults hold and hold-mid-stream hold."""
        return self.set(release=True)

    def end_idle(self, how="close"):
        """Closes idle connections: "close", "reset", or "garbage" to send some on them."""
        return self.set(idle=how)

    def refuse(self, after_ms):
        """Refuses new connections for so long."""
        return self.set(accept=False, accept_after_ms=after_ms)

    def blackhole(self):
        """A URL where connecting never ends."""
        return self.ask("/mock/blackhole", {})["url"]
