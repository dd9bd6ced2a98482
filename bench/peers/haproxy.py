"""haproxy as a plain proxy: one thread, connections kept on both sides."""

import shutil

from scenarios.harness import CannotMeasure, free_port

CONFIG = """
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    http-reuse always
    option http-no-delay
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    default_backend mock
backend mock
    server mock 127.0.0.1:{upstream} maxconn 8192 pool-max-conn 4096 pool-purge-delay 10m
"""


def start(place, mock):
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if not program:
        raise CannotMeasure("haproxy is not installed (deps/setup bench)")
    port = free_port()
    path = place.folder / f"haproxy-{port}.cfg"
    path.write_text(CONFIG.format(port=port, upstream=mock.port))
    server = place.start([program, "-db", "-f", str(path)], f"http://127.0.0.1:{port}", "haproxy")
    server.wait_until_ready("/mock/stats")
    return server
