"""One of two upstreams dies under load and comes back: what the client pays, and how its share
of the traffic rises again."""

from scenarios import harness, plot

QUESTION = "what does failover cost a client, and how does a target return to its share?"

SECONDS, KILL_AT, RESTART_AT = 30, 8, 14
CALM_SECONDS = 8
SLOW_START, BREAKER_SECONDS = 10, 2
ADDED_P99_MS_BAR, ADDED_MAX_MS_BAR = 50, 250
WEIGHT = 50  # percent, of each
JUMP_BAR, FALL_BAR, END_BAR = 25, 7, 5  # points a second up, down, and off the weight at the end
SLACK_SECONDS = 2  # of the slow start: shares are known by the second

# 50 connections in all. Streams are judged by their first token: the rest comes at its own pace.
CLIENTS = {"plain": ["-c", 30], "stream": ["-c", 20, "--stream", "--expect-tokens", 20]}
TIMES = {"plain": "whole_us", "stream": "first_token_us"}
KNOBS = ["--latency", "40", "--tokens", "20", "--interval", "10"]
MORE = (f"circuit_breaker: {{ timeout_seconds: {BREAKER_SECONDS} }}\n"
        f"health: {{ slow_start: {SLOW_START}s }}\n")


def start_load(place, gateway, seconds):
    return {kind: harness.Load(place, {"sluice": gateway.url}, "-d", seconds, "--quiet", *options)
            for kind, options in CLIENTS.items()}


def figures_of(loads):
    return {kind: load.figures()["sluice"]["sum"] for kind, load in loads.items()}


def judge_clients(verdict, calm, storm):
    """Added latency: of each request of the run that ended well, less the median of the
    undisturbed phase (same clients, same servers). So the machine's own noise counts against us;
    what it is in the undisturbed phase stands beside."""
    for kind, figures in storm.items():
        outcomes = figures["outcomes"]
        usual = calm[kind][TIMES[kind]]["p50"]
        unbegun = outcomes["unanswered"] + outcomes["refused"] + outcomes["timeout"]
        verdict.note(f"{kind}: requests", figures["requests"])
        verdict.none(f"{kind}: failed before the answer had begun", unbegun)
        verdict.none(f"{kind}: ended well, but wrong", outcomes["wrong"])
        verdict.note(f"{kind}: broken after the answer had begun", outcomes["broken"])
        for at, bar in (("p99", ADDED_P99_MS_BAR), ("max", ADDED_MAX_MS_BAR)):
            verdict.at_most(f"{kind}: added latency, {at}, ms",
                            (figures[TIMES[kind]][at] - usual) / 1000, bar)
            verdict.note(f"{kind}: the same when undisturbed, ms",
                         (calm[kind][TIMES[kind]][at] - usual) / 1000)
        for outcome, example in figures["examples"].items():
            verdict.note(f"{kind}: first {outcome}", example)


def shares(posts, begin):
    """The victim's share in percent of each whole second of the run: [(end of it, share)]."""
    rows = []
    for second in range(SECONDS):
        victim, other = posts.between(begin + second, begin + second + 1)
        rows.append((second + 1, 100 * victim / max(1, victim + other)))
    return rows


def judge_return(verdict, rows):
    """From the first second with a percent of the traffic until the end."""
    rising = [(at, share) for at, share in rows if at > RESTART_AT + 1]
    while rising and rising[0][1] < 1:
        rising.pop(0)
    if len(rising) < 4:
        verdict.enough("seconds with the returned target in them", len(rising), 4)
        return
    steps = [b - a for (_, a), (_, b) in zip([(0, 0), *rising], rising)]
    there = [at for at, share in rising if share >= WEIGHT - END_BAR]
    end = [share for _, share in rising[-3:]]
    verdict.note("back in the traffic after its restart, s", rising[0][0] - 1 - RESTART_AT)
    verdict.at_most("its share, largest rise, points a second", max(steps), JUMP_BAR)
    verdict.at_most("its share, largest fall, points a second", max(0, -min(steps)), FALL_BAR)
    verdict.at_most(f"its share over the last 3 s, points off {WEIGHT} %",
                    abs(sum(end) / len(end) - WEIGHT), END_BAR)
    verdict.at_most("from its return to its whole share, s",
                    there[0] - rising[0][0] + 1 if there else SECONDS,
                    SLOW_START + SLACK_SECONDS)
    verdict.note("its share second by second, %", " ".join(f"{share:.0f}" for _, share in rising))


def draw(place, rows):
    path = place.plots() / "failover-return.svg"
    plot.lines(path, f"Killed, restarted, slow start of {SLOW_START} s",
               {"killed target": rows, "the other": [(at, 100 - share) for at, share in rows]},
               ("seconds", "% of the requests"), [(KILL_AT, "kill -9"), (RESTART_AT, "restart")])
    return path


def run(place, verdict):
    victim, other = place.mock(*KNOBS), place.mock(*KNOBS)
    gateway = place.sluice([victim.url, other.url], MORE)
    print(f"{CALM_SECONDS} s undisturbed, then {SECONDS} s: kill -9 after {KILL_AT}, back after "
          f"{RESTART_AT}", flush=True)
    calm = figures_of(start_load(place, gateway, CALM_SECONDS))
    with harness.Posts([victim, other]) as posts:
        loads = start_load(place, gateway, SECONDS)
        clock = loads["plain"]
        clock.sleep_until(KILL_AT)
        victim.kill()
        clock.sleep_until(RESTART_AT)
        place.mock(*KNOBS, port=victim.port)
        storm = figures_of(loads)
    rows = shares(posts, clock.begin)
    judge_clients(verdict, calm, storm)
    judge_return(verdict, rows)
    verdict.note("plot", str(draw(place, rows)))
