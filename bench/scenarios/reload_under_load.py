"""The configuration is read again and again under load."""

import signal

from scenarios import harness

QUESTION = "does a reload of the configuration cost a request, or a stream its end?"

RELOADS, SECONDS, RATE = 50, 15, 400
TOKENS = 40
KNOBS = ["--latency", "5", "--tokens", str(TOKENS), "--interval", "20"]
P99_BAR = 2


def run(place, verdict):
    mocks = [place.mock(*KNOBS), place.mock(*KNOBS)]
    gateway = place.sluice([mock.url for mock in mocks])
    url = {"sluice": gateway.url}
    plain = ["--rate", RATE, "--poisson", "-c", 512, "-d"]
    calm = harness.load(place, url, *plain, 5, "--quiet")["sluice"]["sum"]
    load = harness.Load(place, url, *plain, SECONDS, "--quiet")
    streams = harness.Load(place, url, "-c", 100, "-d", SECONDS, "--stream", "--expect-tokens",
                           TOKENS, "--quiet", *gateway.watch("sluice"))
    path = place.configs[gateway.port]
    text = path.read_text()
    for i in range(RELOADS):
        load.sleep_until(1 + i * (SECONDS - 2) / RELOADS)
        path.write_text(text.replace("weight: 100", f"weight: {50 + i % 2 * 50}"))
        gateway.process.send_signal(signal.SIGHUP)
    figures = {"plain": load.figures()["sluice"]["sum"],
               "streams": streams.figures()["sluice"]["sum"]}
    for kind, each in figures.items():
        verdict.note(f"{kind}: requests", each["requests"])
        verdict.none(f"{kind}: failed, or not as they should be", each["failed"])
    verdict.enough("configurations that it has had",
                   harness.gauge(gateway, "sluice_config_generation"), RELOADS)
    verdict.none("reloads refused", harness.gauge(gateway, "sluice_config_reload_failed_total"))
    verdict.at_most("p99 of plain requests / without reloads",
                    figures["plain"]["whole_us"]["p99"] / calm["whole_us"]["p99"], P99_BAR)
    verdict.note("p99 of plain requests, max, ms",
                 f"{figures['plain']['whole_us']['p99'] / 1000:.2f}, "
                 f"{figures['plain']['whole_us']['max'] / 1000:.2f}")
    usage = figures["streams"]["usage"]
    verdict.note("resident before / peak / after, MB",
                 " / ".join(f"{usage[at] / 1e6:.1f}" for at in ("rss_begin", "rss_peak", "rss_end")))
