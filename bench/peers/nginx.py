"""nginx as a plain proxy: the nearest thing to the limit of what a proxy can cost."""

import os
import shutil
from pathlib import Path

from scenarios.harness import CannotMeasure, free_port

CONFIG = """
worker_processes 1;
{mode}
daemon off;
pid {folder}/nginx-{plain}.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 50m;
    ssl_session_tickets off;
    client_body_buffer_size 64k;
    keepalive_requests 1000000000;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 600s;
    upstream mock {{
        server 127.0.0.1:{upstream};
        keepalive 4096;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        location / {{ proxy_pass http://mock; }}
    }}
    server {{
        listen 127.0.0.1:{stream} backlog=4096;
        location / {{ proxy_pass http://mock; proxy_buffering off; }}
    }}
{more}
}}
"""

# TLS on the listener.
INWARD = """
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{ proxy_pass http://mock; }}
    }}
"""

# TLS to the upstream.
OUTWARD = """
    upstream secure {{
        server 127.0.0.1:{secure};
        keepalive 4096;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass https://secure;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate {certificate};
            proxy_ssl_name localhost;
        }}
    }}
"""

# To another provider, through the same worker.
SECOND = """
    upstream second {{
        server 127.0.0.1:{second};
        keepalive 4096;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://second; }}
    }}
"""


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def further_servers(certificate, secure, second):
    """Those that speak TLS, or to another provider, and their URLs."""
    more, urls = "", {}
    if certificate:
        files = {"certificate": certificate / "tls.crt", "key": certificate / "tls.key"}
        urls["tls_url"] = f"https://127.0.0.1:{(port := free_port())}"
        more += INWARD.format(port=port, **files)
    if secure:
        urls["to_tls_url"] = f"http://127.0.0.1:{(port := free_port())}"
        more += OUTWARD.format(port=port, secure=secure, **files)
    if second:
        urls["second_url"] = f"http://127.0.0.1:{(port := free_port())}"
        more += SECOND.format(port=port, second=second.port)
    return more, urls


def start(place, mock, wrapper=(), certificate=None, secure=None, second=None):
    """Starts it in front of the mock: one worker, upstream connections kept, no access log. Its
    `url` buffers answers, as nginx does by default; its `stream_url` does not; with a `certificate`
    its `tls_url` is https; `to_tls_url` asks the TLS server at the port `secure` of this machine, `second_url` the mock `second`.
    With a `wrapper` (valgrind) it is a single process."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not program:
        raise CannotMeasure("nginx is not installed (deps/setup bench)")
    mode = "user root;" if os.geteuid() == 0 else ""
    if wrapper:
        mode += " master_process off;"
    plain, stream = free_port(), free_port()
    more, urls = further_servers(certificate, secure, second)
    path = place.folder / f"nginx-{plain}.conf"
    path.write_text(CONFIG.format(mode=mode, folder=place.folder, upstream=mock.port,
                                  plain=plain, stream=stream, more=more))
    command = [*wrapper, program, "-c", str(path), "-p", str(place.folder),
               "-e", str(place.folder / "nginx.log")]
    server = place.start(command, f"http://127.0.0.1:{plain}", "nginx")
    server.stream_url = f"http://127.0.0.1:{stream}"
    for name, url in urls.items():
        setattr(server, name, url)
    server.wait_until_ready("/mock/stats")
    if not wrapper:
        server.pids = children(server.process.pid)
    return server
