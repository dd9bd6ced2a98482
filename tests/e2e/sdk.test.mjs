// The official OpenAI SDK for Node against the gateway. Run by test_node.py, which makes each test
// here a test of its own. SLUICE_URL and MOCK_URL say where they are.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, beforeEach, test } from "node:test";

import OpenAI from "openai";

const { SLUICE_URL, MOCK_URL, CLIENT_KEY } = process.env;
const options = { apiKey: CLIENT_KEY, maxRetries: 0, timeout: 15000 };
const client = new OpenAI({ ...options, baseURL: `${SLUICE_URL}/v1` });
const direct = new OpenAI({ ...options, baseURL: `${MOCK_URL}/v1` });
const messages = [{ role: "user", content: "How high is the tide?" }];
const parameters = { type: "object", properties: { harbour: { type: "string" }, hour: { type: "integer" } } };
const tools = ["tide", "wind"].map((name) => ({ type: "function", function: { name, parameters } }));
const flatTools = tools.map((tool) => ({ type: "function", strict: null, ...tool.function }));
const text = "tok0 tok1 na\u00efve2 tok3 \u6f6e4";

const chat = (where, more = {}, how) => where.chat.completions.create({ model: "m", messages, ...more }, how);
const control = async (path, body) =>
  (await fetch(MOCK_URL + path, body && { method: "POST", body: JSON.stringify(body) })).json();

beforeEach(() => control("/mock/reset", {}));
after(() => control("/mock/reset", {}));

// The value without what differs between two answers to the same question.
function unnumbered(value) {
  if (Array.isArray(value)) return value.map(unnumbered);
  if (typeof value === "string") return value.replace(/^([a-z]+[-_](mock_)?)[0-9a-f]{8,}/, "$1N");
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== "_request_id")
    .map(([key, item]) => [key, /^(created|created_at|completed_at)$/.test(key) ? 0 : unnumbered(item)]));
}

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(unnumbered(event));
  return events;
}

// The gateway asks for usage where the client did not, and a provider that is asked says `"usage":
// null` in each chunk: the only difference that there may be.
const withoutNull = (events) => events.map(({ usage, ...event }) => (usage ? { usage, ...event } : event));

async function sameStream(more) {
  const seen = await collect(await chat(client, { ...more, stream: true }));
  assert.deepEqual(withoutNull(seen), withoutNull(await collect(await chat(direct, { ...more, stream: true }))));
  assert.ok(seen.length > 2);
}

async function sameAnswer(more) {
  assert.deepEqual(unnumbered(await chat(client, more)), unnumbered(await chat(direct, more)));
}

test("a plain answer has text and usage", async () => {
  const answer = await chat(client);
  assert.equal(answer.choices[0].message.content, text);
  assert.equal(answer.usage.completion_tokens, 5);
  assert.match(answer._request_id, /^req_/);
});

test("a stream says the same", async () => {
  const events = await collect(await chat(client, { stream: true }));
  assert.equal(events.map((event) => event.choices[0].delta.content ?? "").join(""), text);
  assert.equal(events.at(-1).choices[0].finish_reason, "stop");
});

test("a plain answer is the same as directly", () => sameAnswer({}));
test("a stream is the same as directly", () => sameStream({}));
test("a stream with usage is the same as directly", () => sameStream({ stream_options: { include_usage: true } }));
test("a stream without usage is the same as directly", () => sameStream({ stream_options: { include_usage: false } }));
test("parallel tool calls are the same as directly", () => sameAnswer({ tools }));
test("streamed tool calls are the same as directly", () => sameStream({ tools }));
test("three choices are the same as directly", () => sameAnswer({ n: 3 }));
test("three streamed choices are the same as directly", () => sameStream({ n: 3 }));
test("max_tokens and stop are the same as directly", () => sameAnswer({ max_tokens: 2, stop: ["x"] }));
test("JSON mode is the same as directly", () => sameStream({ response_format: { type: "json_object" } }));
test("unicode is the same as directly", () =>
  sameStream({ messages: [{ role: "user", content: "echo:na\u00efve \u{1f30a} \u2028 \"q\" \\ end" }] }));
test("torn events are the same as directly", () => sameStream({ model: "m@split=3" }));
test("a picture of three megabytes is the same as directly", () =>
  sameAnswer({ messages: [{ role: "user", content: [
    { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(3 << 20)}` } }] }] }));

test("usage is withheld unless asked for", async () => {
  const plain = await collect(await chat(client, { stream: true }));
  const asked = await collect(await chat(client, { stream: true, stream_options: { include_usage: true } }));
  assert.ok(plain.every((event) => !event.usage && event.choices.length === 1));
  assert.deepEqual(asked.at(-1).choices, []);
  assert.equal(asked.at(-1).usage.completion_tokens, 5);
});

test("the stream helper puts an answer together", async () => {
  const stream = client.chat.completions.stream({ model: "m", messages, tools });
  const final = await stream.finalChatCompletion();
  assert.deepEqual(final.choices[0].message.tool_calls.map((call) => call.function.name), ["tide", "wind"]);
  assert.deepEqual(JSON.parse(final.choices[0].message.tool_calls[0].function.arguments),
    { harbour: "Oban \u2693", hour: 7 });
});

test("the tool runner goes its rounds", async () => {
  const runner = client.chat.completions.runTools({ model: "m", messages, tools: [{ type: "function",
    function: { name: "tide", parameters, parse: JSON.parse, function: ({ hour }) => `${hour} m` } }] });
  assert.equal(await runner.finalContent(), text);
});

test("legacy completions are the same as directly", async () => {
  const ask = (where, stream) => where.completions.create({ model: "m", prompt: "Once", n: 2, stream });
  assert.deepEqual(unnumbered(await ask(client, false)), unnumbered(await ask(direct, false)));
  assert.deepEqual(withoutNull(await collect(await ask(client, true))),
    withoutNull(await collect(await ask(direct, true))));
});

test("embeddings are the same as directly in both encodings", async () => {
  for (const encoding_format of [undefined, "float", "base64"]) {
    const ask = (where) => where.embeddings.create({ model: "e", input: ["a", "\u6f6e"], dimensions: 5, encoding_format });
    assert.deepEqual(unnumbered(await ask(client)), unnumbered(await ask(direct)));
  }
});

test("responses are the same as directly", async () => {
  for (const more of [{}, { tools: flatTools }, { max_output_tokens: 2 }]) {
    const ask = (where, stream) => where.responses.create({ model: "m", input: "Hello", stream, ...more });
    assert.deepEqual(unnumbered(await ask(client, false)), unnumbered(await ask(direct, false)));
    assert.deepEqual(await collect(await ask(client, true)), await collect(await ask(direct, true)));
  }
});

test("models are listed and shown", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids.sort(), ["meta/llama-3:free", "tide", "vector"]);
  assert.equal((await client.models.retrieve("meta/llama-3:free")).id, "meta/llama-3:free");
  assert.equal((await client.models.retrieve("harbour/ebb")).id, "tide");
});

test("an unknown model is a NotFoundError", async () => {
  await assert.rejects(client.models.retrieve("tides"), (error) =>
    error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
});

test("a wrong key is an AuthenticationError", async () => {
  const stranger = new OpenAI({ ...options, apiKey: "sk-wrong", baseURL: `${SLUICE_URL}/v1` });
  await assert.rejects(chat(stranger), (error) =>
    error instanceof OpenAI.AuthenticationError && error.code === "invalid_api_key" && error.status === 401);
});

for (const [fault, kind, status] of [
  ["400", OpenAI.BadRequestError, 400], ["404", OpenAI.NotFoundError, 404],
  ["422", OpenAI.UnprocessableEntityError, 422], ["429-seconds", OpenAI.RateLimitError, 429],
  ["500", OpenAI.InternalServerError, 500], ["503", OpenAI.InternalServerError, 503],
  ["401", OpenAI.InternalServerError, 502], ["502-html", OpenAI.InternalServerError, 502],
  ["reset-before-headers", OpenAI.InternalServerError, 502],
]) {
  test(`a provider's ${fault} has its class`, async () => {
    for (const stream of [false, true])
      await assert.rejects(chat(client, { model: `fault:${fault}`, stream }), (error) =>
        error instanceof kind && error.status === status && /^req_/.test(error.requestID));
  });
}

test("an error inside a stream is thrown after the text before it", async () => {
  const seen = [];
  await assert.rejects(async () => {
    for await (const event of await chat(client, { model: "fault:sse-error-mid", stream: true })) seen.push(event);
  }, OpenAI.APIError);
  assert.equal(seen.map((event) => event.choices[0].delta.content ?? "").join(""), "tok0 tok1");
});

test("a stream that breaks off is thrown as truncated", async () => {
  await assert.rejects(async () => {
    for await (const event of await chat(client, { model: "fault:close-mid-event", stream: true })) assert.ok(event);
  }, (error) => error instanceof OpenAI.APIError && error.code === "upstream_truncated");
});

test("what the gateway has tried is not tried again", async () => {
  const patient = new OpenAI({ ...options, maxRetries: 3, baseURL: `${SLUICE_URL}/v1` });
  await assert.rejects(chat(patient, { model: "fault:503" }), OpenAI.InternalServerError);
  assert.equal((await control("/mock/stats")).requests, 1);
});

test("a timeout closes the provider's connection", async () => {
  await assert.rejects(chat(client, { model: "fault:stall-before-headers" }, { timeout: 200 }),
    OpenAI.APIConnectionTimeoutError);
  await control("/mock/wait?cancelled_min=1&in_flight_max=0");
});

test("breaking out of a stream closes the provider's", async () => {
  for await (const event of await chat(client, { model: "fault:stall-mid-stream", stream: true })) {
    assert.ok(event);
    break;
  }
  await control("/mock/wait?cancelled_min=1&in_flight_max=0");
});

test("aborting a request closes the provider's connection", async () => {
  const abort = new AbortController();
  const asked = chat(client, { model: "fault:hold" }, { signal: abort.signal });
  const refused = assert.rejects(asked, OpenAI.APIUserAbortError);
  await control("/mock/wait?requests_min=1");
  abort.abort();
  await refused;
  await control("/mock/wait?cancelled_min=1&in_flight_max=0");
});

test("raw headers say who answered", async () => {
  const { data, response } = await chat(client, { model: "ebb" }).withResponse();
  assert.equal(data.choices[0].message.content, text);
  assert.equal(response.headers.get("x-sluice-model"), "tide");
  assert.equal(response.headers.get("x-sluice-provider"), "mock");
  assert.equal(response.headers.get("x-sluice-attempts"), "1");
  assert.match(response.headers.get("server-timing"), /^gw;dur=/);
});

test("a transcription of a file that comes before its model", async () => {
  const sound = Buffer.alloc(3 << 20, "sound");
  const answer = await client.audio.transcriptions.create(
    { file: await OpenAI.toFile(sound, "a.wav"), model: "ebb" });
  const { fields, files } = answer.arrived;
  assert.deepEqual(fields, { model: "gpt-4.1" });
  assert.equal(files[0].sha256, createHash("sha256").update(sound).digest("hex"));
});

test("speech is the same as directly", async () => {
  const ask = { model: "voice", voice: "alloy", input: "hello" };
  const heard = await (await client.audio.speech.create(ask)).arrayBuffer();
  assert.deepEqual(heard, await (await direct.audio.speech.create(ask)).arrayBuffer());
});
