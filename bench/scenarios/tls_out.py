"""TLS to the upstream. The fake provider speaks none: another nginx ends it, in front of it."""

from peers import nginx
from scenarios import beside, harness

QUESTION = "what does a request cost over TLS to the upstream, beside nginx?"


def run(place, verdict):
    mock = place.mock()
    folder = place.certificate()
    front = nginx.start(place, mock, certificate=folder)
    port = int(front.tls_url.rsplit(":", 1)[1])
    servers = {"nginx": nginx.start(place, mock, certificate=folder, secure=port),
               "sluice": place.sluice([front.tls_url.replace("127.0.0.1", "localhost")],
                                      ca=folder / "tls.crt")}
    urls = {"nginx": servers["nginx"].to_tls_url, "sluice": servers["sluice"].url}
    figures = harness.load(place, urls, "-c", 64, "-n", 8000, "--rounds", 5, "--warmup", 1,
                           *beside.watch(servers))
    verdict.show("tls-out-cpu", figures["sluice"]["ratios"]["cpu_per_request"]["median"])
    beside.none_failed(verdict, figures)
    beside.note_cpu(verdict, figures, servers)
