"""Ten thousand requests of every kind, and then the accounts: what the gateway's metrics, its report and its
access log say that each model has used and cost, against what the fake providers know themselves. Equal
for answers that were complete; within 2 % for streams that clients left, and for the embeddings of a provider
that does not say what they cost."""

import asyncio
import concurrent.futures
import dataclasses
import decimal
import itertools
import json
import random

import pytest

import canaries
import prometheus
from mock import Mock
from sluice import Sluice, openai_provider, target

CLASSES = ("input", "cached", "cache_write", "output", "reasoning")
WORKERS = 48
LEAVERS = 100
CUT_AFTER = range(40, 90)  # events that a client reads before it leaves
CUT = "@tokens=2000,interval=20"  # what is on its way when the client leaves is far less than 2 %
TOOLS = [{"type": "function", "function": {
    "name": name, "parameters": {"type": "object", "properties": {
        "harbour": {"type": "string"}, "when": {"type": "integer"}}}}}
    for name in ("lookup_tide", "lookup_wind")]
ANTHROPIC_TOOLS = [{"name": tool["function"]["name"], "input_schema": tool["function"]["parameters"]}
                   for tool in TOOLS]
WORDS = ["tide", "how high", "\u00e9t\u00e9", "\u6f6e\u6c50", "\n", "\"quoted\"", "\\", "\U0001f30a", "harbour of Oban"]


def chat(prompt):
    return {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt}]}


def message(prompt):
    return {"max_tokens": 4000, "system": "Be brief.", "messages": [{"role": "user", "content": prompt}]}


def embedding(prompt):
    return {"input": [prompt, "and " + prompt]}


def price(unit, **more):
    """A price whose classes cannot be mistaken for each other."""
    shares = {"input": 1.01, "output": 5.3, "cached_input": 0.17, "cache_write": 1.29, "cache_write_long": 2.03}
    return {**{name: round(unit * share, 2) for name, share in shares.items()}, **more}


UNITS = itertools.count(2)  # no two rows cost the same


@dataclasses.dataclass
class Row:
    """One kind of request. The name is that of the model at its provider, too: the mocks go by parts of it."""
    name: str
    count: int
    provider: str = "openai"
    stream: bool = False
    cut: bool = False
    path: str = "/v1/chat/completions"
    body: callable = chat
    more: dict = dataclasses.field(default_factory=dict)
    price: dict = dataclasses.field(default_factory=lambda: price(next(UNITS)))  # None: the list's
    words: range = range(1, 60)  # of the prompt
    uncounted: bool = None  # its provider does not say what it used; None: as with whatever is cut

    def __post_init__(self):
        if self.uncounted is None:
            self.uncounted = self.cut


USAGE = {"stream_options": {"include_usage": True}}
LONG = {"above": {"tokens": 400, "input": 7, "output": 11, "cached_input": 3}}
RESPONSES = {"path": "/v1/responses", "body": lambda prompt: {"input": prompt}}
MESSAGES = {"path": "/v1/messages", "body": message}
EMBEDDINGS = {"path": "/v1/embeddings", "body": embedding}
THINKS = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
MIX = [
    # OpenAI's clients at home
    Row("plain", 600),
    Row("events", 600, stream=True),
    Row("events-asked", 400, stream=True, more=USAGE),
    Row("events-not-asked", 200, stream=True, more={"stream_options": {"include_usage": False}}),
    Row("cached", 200),
    Row("cached-events", 300, stream=True),
    Row("reason", 200),
    Row("reason-cached-events", 200, stream=True),
    Row("tools", 200, more={"tools": TOOLS}),
    Row("tools-events", 200, stream=True, more={"tools": TOOLS}),
    Row("two-choices", 200, stream=True, more={"n": 2}),
    Row("short-prompt", 100, price=price(13, **LONG), words=range(1, 10)),
    Row("long-prompt", 100, price=price(13, **LONG), words=range(2000, 2001)),
    Row("gpt-4.1-2025-04-14", 200, stream=True, price=None),
    Row("text", 200, path="/v1/completions", body=lambda prompt: {"prompt": prompt}, stream=True),
    Row("responses", 150, **RESPONSES),
    Row("responses-events", 200, **RESPONSES, stream=True),
    Row("embedding", 150, **EMBEDDINGS),
    Row("azure", 150, "azure"),
    Row("azure-events", 200, "azure", stream=True),
    Row("azure-reason-cached-events", 150, "azure", stream=True),
    Row("azure-tools-events", 100, "azure", stream=True, more={"tools": TOOLS}),
    Row("cut" + CUT, 100, stream=True, cut=True),
    # ... at Anthropic
    Row("claude", 200, "claude"),
    Row("claude-events", 300, "claude", stream=True),
    Row("claude-cached-events", 150, "claude", stream=True, more=USAGE),
    Row("claude-cached-hour", 150, "claude"),
    Row("claude-tools-events", 150, "claude", stream=True, more={"tools": TOOLS}),
    Row("claude-opus-5-5", 100, "claude", stream=True, more={"reasoning_effort": "high"}, price=None),
    Row("claude-cut" + CUT, 100, "claude", stream=True, cut=True),
    Row("claude-cut-cached" + CUT, 100, "claude", stream=True, cut=True),
    # ... at Gemini
    Row("gemini", 200, "google"),
    Row("gemini-events", 250, "google", stream=True),
    Row("gemini-cached-events", 150, "google", stream=True, more=USAGE),
    Row("gemini-tools", 100, "google", more={"tools": TOOLS}),
    Row("gemini-tools-events", 150, "google", stream=True, more={"tools": TOOLS}),
    Row("gemini-2.5-flash-cached", 100, "google", more={"reasoning_effort": "high"}),
    Row("gemini-2.5-flash-events", 100, "google", stream=True, more={"reasoning_effort": "high"}),
    Row("gemini-embedding", 150, "google", **EMBEDDINGS, uncounted=True, words=range(30, 60)),
    Row("gemini-cut" + CUT, 100, "google", stream=True, cut=True, uncounted=False),
    # Anthropic's clients at home
    Row("relay", 150, "claude", **MESSAGES),
    Row("relay-events", 250, "claude", **MESSAGES, stream=True),
    Row("relay-cached", 100, "claude", **MESSAGES),
    Row("relay-cached-hour-events", 150, "claude", **MESSAGES, stream=True),
    Row("relay-tools-events", 100, "claude", **MESSAGES, stream=True, more={"tools": ANTHROPIC_TOOLS}),
    Row("relay-thinks", 50, "claude", **MESSAGES, more=THINKS),
    Row("relay-thinks-events", 50, "claude", **MESSAGES, stream=True, more=THINKS),
    Row("relay-cut-cached" + CUT, 100, "claude", **MESSAGES, stream=True, cut=True),
    # ... at OpenAI
    Row("turned", 100, **MESSAGES),
    Row("turned-events", 200, **MESSAGES, stream=True),
    Row("turned-cached", 100, **MESSAGES),
    Row("turned-reason-cached-events", 150, **MESSAGES, stream=True),
    Row("turned-tools", 50, **MESSAGES, more={"tools": ANTHROPIC_TOOLS}),
    Row("turned-tools-events", 50, **MESSAGES, stream=True, more={"tools": ANTHROPIC_TOOLS}),
    Row("turned-azure-events", 50, "azure", **MESSAGES, stream=True),
    Row("turned-cut" + CUT, 100, **MESSAGES, stream=True, cut=True),
    # ... at Gemini
    Row("turned-gemini", 100, "google", **MESSAGES),
    Row("turned-gemini-events", 150, "google", **MESSAGES, stream=True),
    Row("turned-gemini-cached-events", 100, "google", **MESSAGES, stream=True),
    Row("turned-gemini-tools-events", 50, "google", **MESSAGES, stream=True, more={"tools": ANTHROPIC_TOOLS}),
    Row("turned-gemini-2.5-flash", 50, "google", **MESSAGES, more=THINKS),
    Row("turned-gemini-2.5-flash-events", 50, "google", **MESSAGES, stream=True, more=THINKS),
    Row("turned-gemini-cut" + CUT, 100, "google", **MESSAGES, stream=True, cut=True, uncounted=False),
]
LISTED = {  # conf/prices.yaml
    "gpt-4.1-2025-04-14": {"input": 2, "cached_input": 0.5, "output": 8},
    "claude-opus-5-5": {"input": 4, "cached_input": 0.2, "cache_write": 5, "cache_write_long": 8, "output": 20},
}


@pytest.fixture(name="mocks")
def mocks_of_test():
    with (Mock(tokens=8, name="openai") as openai, Mock(tokens=8, name="azure") as azure,
          Mock(tokens=8, name="claude") as claude, Mock(tokens=8, name="google") as google):
        yield {"openai": openai, "azure": azure, "claude": claude, "google": google}


@pytest.fixture(name="gateway")
def gateway_of_test(mocks):
    models = {row.name: {"targets": [target(row.provider, row.name)],
                         **({"cost_per_mtok": row.price} if row.price else {})} for row in MIX}
    kinds = {"azure": "azure", "claude": "anthropic", "google": "gemini"}
    with Sluice(
        providers={"openai": openai_provider(mocks["openai"])} | {
            name: {"kind": kind, "base_url": mocks[name].url, "keys": mocks[name].keys}
            for name, kind in kinds.items()},
        models=models,
        client_keys=[{"name": "team", "hash": canaries.hash_of(canaries.CLIENT_KEY)}],
        admin={"keys": [canaries.ADMIN_KEY]},
    ) as sluice:
        yield sluice


# ---- ten thousand requests ----

class Client:
    """A connection that asks one request after the other."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)

    async def ask(self, row, prompt, leave_after):
        if self.writer is None:
            await self.connect()
        asked = {"model": row.name, **row.body(prompt), **({"stream": True} if row.stream else {}), **row.more}
        body = json.dumps(asked).encode()
        self.writer.write(
            f"POST {row.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {canaries.CLIENT_KEY}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), (row.name, head, await self.reader.read(500))
        if row.cut:
            await self.leave(leave_after)
        elif row.stream:
            assert b"x-sluice-cost-usd" not in head
            await self.reader.readuntil(b"\r\n0\r\n\r\n")
        else:
            fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            await self.reader.readexactly(int(fields[b"Content-Length"]))
            return pico(fields[b"x-sluice-cost-usd"].decode())
        return 0

    async def leave(self, events):
        seen = 0
        while seen < events:
            seen += (await self.reader.readuntil(b"\n\n")).count(b"data: ")
        self.writer.transport.abort()
        self.writer = None


async def work(port, jobs, told):
    client = Client(port)
    while jobs:
        row, prompt, leave_after = jobs.pop()
        said = await client.ask(row, prompt, leave_after)
        told[row.name] = told.get(row.name, 0) + said
    if client.writer:
        client.writer.close()


async def ask_all(port):
    """Gives what the answers themselves said that they cost."""
    chance = random.Random(4)
    told = {}
    jobs = {True: [], False: []}
    for row in MIX:
        for _ in range(row.count):
            prompt = "tell me: " + " ".join(chance.choices(WORDS, k=chance.choice(row.words)))
            jobs[row.cut].append((row, prompt, chance.choice(CUT_AFTER)))
    for some in jobs.values():
        chance.shuffle(some)
    await asyncio.gather(*(work(port, jobs[False], told) for _ in range(WORKERS)),
                         *(work(port, jobs[True], told) for _ in range(LEAVERS)))
    return told


def ask(port):
    return asyncio.run(ask_all(port))


# ---- the accounts ----

def pico(dollars):
    """10^-12 dollars, exactly."""
    value = decimal.Decimal(dollars) * 10 ** 12
    assert value == int(value), dollars
    return int(value)


def cost(row, used):
    """What `used` costs by the row's price, in 10^-12 dollars."""
    listed = row.price or LISTED[row.name]
    listed = {**listed, **(listed.get("above", {}) if row.name == "long-prompt" else {})}
    rate = {name: round(value * 10 ** 6) for name, value in listed.items() if isinstance(value, (int, float))}
    written = used["cache_write"] - used["cache_write_long"]
    return (used["input"] * rate["input"] + used["cached"] * rate["cached_input"] + used["output"] * rate["output"]
            + written * rate.get("cache_write", 0) + used["cache_write_long"] * rate.get("cache_write_long", 0))


def from_metrics(metrics, row):
    account = {name: prometheus.total(metrics, "sluice_tokens_total", model=row.name, type=name) for name in CLASSES}
    account["cost"] = round(prometheus.total(metrics, "sluice_cost_usd_total", model=row.name) * 10 ** 12)
    return account


def from_report(report, row):
    model = report["models"][row.name]
    return {**{name: model["tokens"][name] for name in CLASSES}, "cost": pico(model["cost_usd"])}


def from_log(lines, row):
    mine = [line for line in lines if line["model"] == row.name]
    return {**{name: sum(line["tokens"][name] for line in mine) for name in CLASSES},
            "cost": sum(round(line["cost_usd"] * 10 ** 12) for line in mine)}


def truth(bills, row):
    assert bills["complete" if row.cut else "cut"]["requests"] == 0
    used = bills["cut" if row.cut else "complete"]
    assert used["requests"] == row.count
    return {**{name: used[name] for name in CLASSES}, "cost": cost(row, used)}


def test_the_bills_of_ten_thousand_requests(gateway, mocks):
    count = sum(row.count for row in MIX)
    with concurrent.futures.ProcessPoolExecutor(1) as elsewhere:  # this process reads the access log
        told = elsewhere.submit(ask, gateway.port).result(timeout=120)
    for mock in mocks.values():
        mock.wait(in_flight_max=0)
    lines = gateway.access_log(count)
    metrics = gateway.metrics()
    report = json.loads(gateway.get("/admin/report?window=60m", key=canaries.ADMIN_KEY),
                        parse_float=decimal.Decimal)
    assert len(lines) == count == 10000
    total = {"said": 0, "true": 0}
    for row in MIX:
        true = truth(mocks[row.provider].bills()[row.name], row)
        said = from_metrics(metrics, row)
        total = {"said": total["said"] + said["cost"], "true": total["true"] + true["cost"]}
        assert from_report(report, row) == said, row.name
        assert from_log(lines, row) == said, row.name
        estimated = prometheus.total(metrics, "sluice_usage_estimated_total", model=row.name)
        assert estimated == (row.count if row.uncounted else 0), row.name
        assert (report["models"][row.name]["tokens"]["estimated"] > 0) == row.uncounted
        if row.cut or row.uncounted:  # what Gemini says with each event is not what it sends behind it
            for name, value in true.items():
                assert abs(said[name] - value) <= 0.02 * value, (row.name, said, true)
        else:
            assert said == true, row.name
        if not row.stream:
            assert told[row.name] == said["cost"], row.name
    print(f"\n{count} requests: the gateway says ${total['said'] / 10 ** 12:.6f}, "
          f"the providers ${total['true'] / 10 ** 12:.6f}")
