"""How soon does the upstream connection close after the client has closed its own?

In three phases the fake provider notes when it sees its connection close, by the same clock by
which sluice-load notes when it closed. While the gateway waits for a connection there is nobody
upstream to see anything: there the kernel is asked, over and over, whether the half-open socket
is still there, which can only make the figure larger than the truth.
"""

import json
import socket
import struct
import subprocess
import time
from pathlib import Path

from scenarios import harness

QUESTION = "how soon is the upstream cancelled when the client leaves?"

P99_MS_BAR = 5
TIMES = 400
CONNECT_TIMES = 100
GIVE_UP_SECONDS = 10

# Of the kernel: linux/inet_diag.h, linux/sock_diag.h, net/tcp_states.h.
SYN_SENT = 2
SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, NETLINK_SOCK_DIAG = 20, 1, 4
ANY_COOKIE = b"\xff" * 8

# Phase: what the mock does meanwhile.
PHASES = {
    "headers": {"latency_ms": 5000, "interval_ms": 0},
    "stream": {"latency_ms": 0, "interval_ms": 20},
    "wait": {"latency_ms": 5000, "interval_ms": 0},
}
NAMES = {
    "connect": "waiting for connect",
    "headers": "waiting for headers",
    "stream": "mid-stream",
    "wait": "plain answer, waiting",
}


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def upstream_closes(mock):
    """{user: when the mock saw the connection close}, of the requests that were cancelled."""
    closes = {}
    for record in json.loads(harness.ask(mock.url + "/mock/log")):
        if record["state"] == "cancelled":
            closes[json.loads(record["body"])["user"]] = record["closed_ns"]
    return closes


def measure(place, mock, gateway, phase):
    """Milliseconds from close to close, one for each request that could be matched."""
    harness.ask(mock.url + "/mock/reset", {})
    harness.ask(mock.url + "/mock/control", {"tokens": 500, **PHASES[phase]})
    path = place.folder / f"closes-{phase}.json"
    command = harness.load_command({"sluice": gateway.url}, "-c", 10, "-n", TIMES, "--quiet",
                                   "--disconnect", phase, "--closes", path)
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=harness.LOAD_SECONDS, check=True)
    harness.ask(mock.url + "/mock/wait?in_flight_max=0&timeout_ms=10000")
    seen = upstream_closes(mock)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(seen[line["user"]] - line["closed_ns"]) / 1e6
            for line in lines if line["user"] in seen]


def half_open(port):
    """The local ports of connections to this port of 127.0.0.1 that nobody has accepted yet."""
    wanted = f"0100007F:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {int(row[1].split(":")[1], 16) for row in rows
            if row[2] == wanted and int(row[3], 16) == SYN_SENT}


def is_half_open(netlink, local_port, port):
    """The same for one connection, in microseconds; reading the table takes milliseconds."""
    loopback = socket.inet_aton("127.0.0.1") + bytes(12)
    ends = struct.pack("!HH", local_port, port) + loopback + loopback + bytes(4) + ANY_COOKIE
    wanted = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 1 << SYN_SENT)
    wanted += ends
    head = struct.pack("=IHHII", 16 + len(wanted), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0)
    netlink.send(head + wanted)
    answer = netlink.recv(4096)
    kind = struct.unpack_from("=H", answer, 4)[0]
    return kind == SOCK_DIAG_BY_FAMILY and answer[17] == SYN_SENT


def wait_for(condition):
    """The moment at which it was seen to hold."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return time.monotonic_ns()
    raise harness.CannotMeasure(f"nothing happened for {GIVE_UP_SECONDS} s")


def request_bytes():
    body = json.dumps({"model": "gpt-4.1", "stream": True,
                       "messages": [{"role": "user", "content": "hello"}]})
    head = ["POST /v1/chat/completions HTTP/1.1", "Host: bench",
            f"Authorization: Bearer {harness.KEY}", "Content-Type: application/json",
            f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(head).encode()


def measure_connect(gateway, hole_port):
    """One client at a time, so that it is clear whose half-open socket goes."""
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
    taken = []
    for _ in range(CONNECT_TIMES):
        others = half_open(hole_port)
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            client.sendall(request_bytes())
            wait_for(lambda: half_open(hole_port) - others)
            ours = (half_open(hole_port) - others).pop()
            if not is_half_open(netlink, ours, hole_port):
                raise harness.CannotMeasure("the kernel does not show single sockets")
            closed_ns = time.monotonic_ns()
        gone_ns = wait_for(lambda: not is_half_open(netlink, ours, hole_port))
        taken.append((gone_ns - closed_ns) / 1e6)
    netlink.close()
    return taken


def judge(verdict, phase, taken, wanted):
    verdict.enough(f"{NAMES[phase]}: cancelled upstream", len(taken), wanted)
    if taken:
        verdict.note(f"{NAMES[phase]}: p50 ms", percentile(taken, 0.5))
        verdict.at_most(f"{NAMES[phase]}: p99 ms", percentile(taken, 0.99), P99_MS_BAR)


def run(place, verdict):
    mock = place.mock()
    hole = json.loads(harness.ask(mock.url + "/mock/blackhole", {}))["url"]
    waiting = place.sluice([hole], "timeouts: { connect: 30s }\n")
    taken = measure_connect(waiting, int(hole.rsplit(":", 1)[1]))
    judge(verdict, "connect", taken, CONNECT_TIMES)
    waiting.stop()
    gateway = place.sluice([mock.url])
    for phase in PHASES:
        judge(verdict, phase, measure(place, mock, gateway, phase), TIMES)
