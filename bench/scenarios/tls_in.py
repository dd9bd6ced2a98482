"""TLS on the listener."""

from peers import nginx
from scenarios import beside, harness

QUESTION = "what does TLS on the listener cost, beside nginx's: a request, and a handshake?"

RATIO_BAR = 1.1


def run(place, verdict):
    mock = place.mock()
    folder = place.certificate()
    more = f"tls: {{ certificate: {folder}/tls.crt, key: {folder}/tls.key }}\n"
    servers = {"nginx": nginx.start(place, mock, certificate=folder),
               "sluice": place.sluice([mock.url], more, scheme="https")}
    urls = {"nginx": servers["nginx"].tls_url, "sluice": servers["sluice"].url}
    print("--- a request on a connection that is kept", flush=True)
    figures = harness.load(place, urls, "-c", 64, "-n", 6000, "--rounds", 5, "--warmup", 1,
                           *beside.watch(servers))
    verdict.at_most("CPU per request / nginx, TLS",
                    figures["sluice"]["ratios"]["cpu_per_request"]["median"], RATIO_BAR)
    beside.none_failed(verdict, figures)
    beside.note_cpu(verdict, figures, servers)
    print("--- a handshake for each request", flush=True)
    figures = harness.load(place, urls, "-c", 8, "-n", 300, "--rounds", 3, "--warmup", 0.3,
                           "--connection-per-request", *beside.watch(servers))
    beside.none_failed(verdict, figures)
    beside.note_cpu(verdict, figures, servers, what="CPU per request and handshake")
