"""What every scenario needs: servers on ports of their own, load, and a verdict.

Everything listens on 127.0.0.1, lives in a temporary folder, and ends with the `with Place()`
that it was started in, by its own pid.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from scenarios import bars

ROOT = Path(__file__).resolve().parents[2]
BUILD_DIR = Path(os.environ.get("BUILD_DIR", ROOT / "build"))
KEY = "sk-bench-0123456789abcdef0123456789abcdef"
LIMITS = "connections: 16384, in_flight: 16384"
NICE = ("chrt", "--idle", "0")  # for what stands for other machines, in front of its command
CORES = ("any", "apart", "one")
READY_SECONDS = 20
LOAD_SECONDS = 600


class CannotMeasure(Exception):
    """Something that the measurement needs is not here or does not work."""


def program(name):
    """The path of one of our programs."""
    path = BUILD_DIR / name
    if not path.exists():
        raise CannotMeasure(f"{path} is not built")
    return str(path)


@contextlib.contextmanager
def awake(verdict):
    """No core goes to sleep meanwhile, as far as the kernel lets us ask for that: to wake one up takes
    a virtual machine 50 us, more than anything that is measured here."""
    try:
        with open("/dev/cpu_dma_latency", "wb", buffering=0) as wish:
            wish.write(struct.pack("i", 0))
            yield
    except OSError as why:
        verdict.note("cores may go to sleep, which adds to each wait", str(why))
        yield


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(url, body=None, key=None, timeout=30):
    """Asks an HTTP server; gives the body of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)
    request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    context = ssl._create_unverified_context() if url.startswith("https:") else None  # ours
    with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
        return answer.read()


def rss_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class Server:
    """A started program. `pids` are the processes that do its work."""

    def __init__(self, process, url, errors):
        self.process = process
        self.url = url
        self.errors = errors  # the file with its stderr
        self.pids = [process.pid]
        self.measured = True
        self.headers = []   # what it wants of each request, beside the usual
        self.ended = False  # by us

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def watch(self, name):
        """The option by which sluice-load watches it."""
        return ["--pid", f"{name}={','.join(map(str, self.pids))}"]

    def wait_until_ready(self, path, seconds=READY_SECONDS):
        """Asks until it answers 200."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                ask(self.url + path, timeout=1)
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
        raise CannotMeasure(f"{self.process.args[0]} does not answer {path}")

    def stop(self):
        if self.process.poll() is not None:
            return
        self.ended = True
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """As kill -9 does."""
        self.ended = True
        self.process.kill()
        self.process.wait()


@dataclasses.dataclass
class Options:
    """What the command line of bench/run says beside the names of scenarios."""

    seconds: float | None = None  # of a scenario whose length can be chosen
    base: str | None = None       # another sluice, to compare this one with
    out: str | None = None        # folder for plots and figures
    cores: str | None = None      # of CORES, whatever a scenario says
    strict: bool = False          # a missed bar is a failure, too
    check: bool = False           # compare with what is committed
    write: bool = False           # what is to be committed
    peers: tuple = ()             # further gateways, "NAME=URL[,PID ...]"
    mock_port: int = 0            # where those find the fake provider


def plots_folder(options):
    folder = Path(options.out or BUILD_DIR / "plots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Place:
    """A temporary folder and the servers that were started in it."""

    def __init__(self, options=None):
        self.options = options or Options()
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
        self.servers = []
        self.numbers = itertools.count()  # of their files; scenarios may start two at a time
        self.deaths = []
        self.configs = {}  # port of a gateway: its file
        self.load_cores = os.sched_getaffinity(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            self.tell_of_death(server)
            server.stop()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def tell_of_death(self, server):
        """A server that ended by itself is the answer to most riddles."""
        code = server.process.poll()
        if code is None or server.ended:
            return
        self.deaths.append(server)
        last = server.errors.read_text(errors="replace").splitlines()[-5:]
        print(f"\n{server.process.args[0]} ended by itself, with {code}:", *last, sep="\n  ")

    def start(self, command, url, log="server", environment=None):
        """Starts a program, with this beside our environment; what it writes goes to two files in
        the folder."""
        base = self.folder / f"{log}-{next(self.numbers)}"
        errors = base.with_suffix(".err")
        with open(base.with_suffix(".out"), "wb") as out, open(errors, "wb") as err:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                       env={**os.environ, **(environment or {})})
        server = Server(process, url, errors)
        self.servers.append(server)
        return server

    def put_on_cores(self, how):
        """Where the servers that run, and the loads to come, may work: on `any` core as the kernel
        likes; the servers that are measured `apart` from the load and the fake providers; all on
        `one`. A command line that says otherwise is obeyed."""
        first, *others = sorted(os.sched_getaffinity(0))
        here = {"any": {first, *others}, "apart": {first}, "one": {first}}
        there = here | {"apart": set(others) or {first}}
        how = self.options.cores or how
        self.load_cores = there[how]
        for server in self.servers:
            for pid in {server.process.pid, *server.pids} if not server.ended else ():
                for thread in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setaffinity(int(thread), (here if server.measured else there)[how])

    def mock(self, *options, port=0, wrapper=()):
        """A fake provider."""
        port = port or free_port()
        server = self.start([*wrapper, program("sluice-mock"), "--listen", f"127.0.0.1:{port}",
                             *options], f"http://127.0.0.1:{port}", "mock")
        server.measured = False
        server.wait_until_ready("/mock/stats")
        return server

    def certificate(self):
        """A folder with tls.crt and tls.key, for localhost."""
        folder = self.folder / "certificate"
        if not folder.exists():
            folder.mkdir()
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "tls.key", "-out",
                 folder / "tls.crt", "-days", "2", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        return folder

    def plots(self):
        """Where plots go."""
        return plots_folder(self.options)

    def sluice(self, upstreams, more="", wrapper=(), binary=None, scheme="http", **config):
        """The gateway, with everything on: client keys, metrics, the access log to a file.
        `upstreams` are base URLs without /v1; model gpt-4.1 has a target at each."""
        path, port = self.write_config(upstreams, more, **config)
        server = self.start([*wrapper, binary or program("sluice"), "-c", str(path)],
                            f"{scheme}://127.0.0.1:{port}", "sluice")
        server.wait_until_ready("/ready")
        return server

    def write_config(self, upstreams, more="", weights=None, limits=LIMITS, green=None, ca=None,
                     kind="openai"):
        """Gives the file and the port that the gateway will listen on. `green`: the last upstream
        is the green side, with that many percent. `ca`: who signed the upstreams' certificates.
        `kind`: the language that the upstreams are asked in."""
        port = free_port()
        weights = weights or [100] * len(upstreams)
        last = len(upstreams) - 1
        sides = ["green" if green is not None and i == last else "blue" for i in range(last + 1)]
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        lines = [f"listen: 127.0.0.1:{port}",
                 "client_keys:",
                 f'  - {{ name: bench, hash: "sha256:{digest}" }}',
                 f"limits: {{ {limits} }}",
                 "log: { level: info, access: true }",
                 "providers:"]
        trust = f', ca_file: "{ca}"' if ca else ""
        path = "/v1" if kind == "openai" else ""
        lines += [f'  up{i}: {{ kind: {kind}, base_url: "{url}{path}", keys: ["sk-mock"]{trust} }}'
                  for i, url in enumerate(upstreams)]
        lines += ["models:", "  gpt-4.1:", "    targets:"]
        # Blue is not said, so that builds from before there were sides can read it, too.
        said = {"blue": "", "green": ", environment: green"}
        lines += [f"      - {{ name: t{i}, provider: up{i}, model: gpt-4.1, weight: {weight}"
                  f"{said[sides[i]]} }}" for i, weight in enumerate(weights)]
        if green is not None:
            lines.append(f"    split: {{ blue: {100 - green}, green: {green} }}")
        path = self.folder / f"sluice-{port}.yaml"
        path.write_text("\n".join(lines) + "\n" + more)
        self.configs[port] = path
        return path, port


def load_command(targets, *options):
    """sluice-load for {NAME: URL}; the first is the measure for the others."""
    return [program("sluice-load"), *[f"{name}={url}" for name, url in targets.items()],
            "--key", KEY, *map(str, options)]


def load(place, targets, *options):
    """Runs it, prints its table, gives its figures."""
    return Load(place, targets, *options).figures()


class Load:
    """A sluice-load that runs while the scenario does something else."""

    started = 0

    def __init__(self, place, targets, *options, wrapper=()):
        Load.started += 1
        self.path = place.folder / f"load-{Load.started}.json"
        command = [*wrapper, *load_command(targets, *options, "--json", self.path,
                                           "--allow-failures")]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        os.sched_setaffinity(self.process.pid, place.load_cores)
        self.begin = time.monotonic()

    def sleep_until(self, seconds):
        """Until so long after its begin."""
        time.sleep(max(0, self.begin + seconds - time.monotonic()))

    def figures(self):
        """Waits for its end; gives {NAME: figures}."""
        try:
            code = self.process.wait(LOAD_SECONDS)
        except subprocess.TimeoutExpired as slow:
            self.process.kill()
            raise CannotMeasure("sluice-load does not end") from slow
        if code:
            raise CannotMeasure(f"sluice-load ended with {code}")
        return json.loads(self.path.read_text())["targets"]


class Posts:
    """How many POSTs each fake provider has got since when: sampled, as one of them may be killed
    and come back with its counts at zero."""

    def __init__(self, mocks, every=0.1):
        self.urls = [mock.url for mock in mocks]
        self.rows = []  # (monotonic seconds, [posts of each so far])
        self.last = [0] * len(mocks)
        self.total = [0] * len(mocks)
        self.every = every
        self.ended = threading.Event()
        self.look()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(READY_SECONDS)
        self.look()

    def watch(self):
        while not self.ended.wait(self.every):
            self.look()

    def look(self):
        for i, url in enumerate(self.urls):
            try:
                now = json.loads(ask(url + "/mock/stats", timeout=1))["posts"]
            except (urllib.error.URLError, OSError):
                continue  # it is down
            self.total[i] += now - self.last[i] if now >= self.last[i] else now
            self.last[i] = now
        self.rows.append((time.monotonic(), list(self.total)))

    def at(self, when):
        """Each one's count at this time, between two samples in proportion."""
        if when <= self.rows[0][0]:
            return self.rows[0][1]
        for (a, before), (b, after) in zip(self.rows, self.rows[1:]):
            if a <= when <= b:
                part = (when - a) / (b - a)
                return [x + (y - x) * part for x, y in zip(before, after)]
        return self.rows[-1][1]

    def between(self, begin, end):
        return [b - a for a, b in zip(self.at(begin), self.at(end))]


def gauge(gateway, name):
    """What the gateway's metrics say, all labels together."""
    lines = ask(gateway.url + "/metrics").decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines
               if line.split("{")[0].split(" ")[0] == name)


class Verdict:
    """The figures of a scenario, and whether they are as they should be. A figure that misses its
    bar is a matter of degree; `none` and `enough` are not: something failed."""

    def __init__(self):
        self.rows = []
        self.shown = {}  # of bars.BARS: key -> figure
        self.missed = False
        self.failed = False

    def at_most(self, what, value, bar, unit=""):
        self.judge(what, value, f"at most {bar:g}{unit}", value <= bar)

    def at_least(self, what, value, bar, unit=""):
        self.judge(what, value, f"at least {bar:g}{unit}", value >= bar)

    def show(self, key, value):
        """A figure of bars.BARS."""
        bar = bars.BARS[key]
        self.shown[key] = value
        self.judge(bar.what + (f", {bar.unit}" if bar.unit not in ("", "x") else ""), value,
                   f"{'at most ' if bar.most is not None else ''}{bar.text()}", bar.met(value))

    def judge(self, what, value, bar, kept):
        self.missed |= not kept
        self.rows.append((what, value, bar, "ok" if kept else "MISSED"))

    def none(self, what, count):
        """There may be none of these."""
        self.failed |= count != 0
        self.rows.append((what, count, "none", "ok" if count == 0 else "FAILED"))

    def enough(self, what, count, least):
        """With fewer of these, the scenario has not happened as it should."""
        self.failed |= count < least
        self.rows.append((what, count, f"at least {least:g}", "ok" if count >= least else "FAILED"))

    def note(self, what, value):
        """A figure without a bar; `value` may be a text."""
        self.rows.append((what, value, "", ""))

    def print(self):
        print()
        for what, value, bar, mark in self.rows:
            small = not isinstance(value, str) and 0 < abs(value) < 0.1
            shown = value if isinstance(value, str) else f"{value:,.4g}" if small else f"{value:,.2f}"
            print(f"{mark:6} {what:58} {shown:>14}  {bar}")
