"""TLS to the upstream. The fake provider speaks none: another nginx ends it, in front of it."""

from peers import nginx
from scenarios import beside

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
    figures, costs = beside.at_once(place, servers, urls, "cpu_us_per_request", "-c", 32, "-d", 1,
                                    "--rounds", 12, "--warmup", 1)
    beside.none_failed(verdict, figures)
    verdict.show("tls-out-cpu", beside.note_at_once(verdict, costs, "CPU per request"))
