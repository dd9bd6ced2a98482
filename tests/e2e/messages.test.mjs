// The official Anthropic SDK for Node at a running gateway; test_node.py starts it and reads the results.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: process.env.SLUICE_URL, authToken: process.env.CLIENT_KEY, apiKey: null, maxRetries: 0, timeout: 15000 });
const text = "tok0 tok1 na\u00efve2 tok3 \u6f6e4";
const messages = [{ role: "user", content: "Hello" }];
const tools = ["tide", "now"].map((name) => ({ name, input_schema: { type: "object", properties: name === "tide"
  ? { harbour: { type: "string" }, hour: { type: "integer" } } : {} } }));

for (const model of (process.env.MODELS ?? "").split(",")) {
  const ask = (more) => client.messages.create({ model, max_tokens: 4000, messages, ...more });
  const named = (what) => `${model}: ${what}`;

  test(named("a plain answer"), async () => {
    const answer = await ask({ system: "Be brief." });
    assert.equal(answer.content[0].text, text);
    assert.equal(answer.stop_reason, "end_turn");
    assert.equal(answer.usage.output_tokens, 5);
    assert.ok(answer._request_id);
  });

  test(named("a stream"), async () => {
    const stream = client.messages.stream({ model, max_tokens: 4000, messages });
    const parts = [];
    stream.on("text", (part) => parts.push(part));
    const final = await stream.finalMessage();
    assert.deepEqual(parts, ["tok0", " tok1", " na\u00efve2", " tok3", " \u6f6e4"]);
    assert.equal(final.usage.output_tokens, 5);
    assert.ok(final.usage.input_tokens > 0);
  });

  test(named("events as they come"), async () => {
    const types = [];
    for await (const event of await ask({ stream: true })) types.push(event.type);
    assert.deepEqual(types, ["message_start", "content_block_start", ...Array(5).fill("content_block_delta"),
      "content_block_stop", "message_delta", "message_stop"]);
  });

  test(named("tools, and what they gave"), async () => {
    const first = await client.messages.stream({ model, max_tokens: 4000, messages, tools }).finalMessage();
    const calls = first.content.filter((block) => block.type === "tool_use"); // one that signs thinks first
    assert.deepEqual(calls.map((call) => call.input), [{ harbour: "Oban \u2693", hour: 7 }, {}]);
    assert.equal(first.stop_reason, "tool_use");
    const results = calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: "3 m" }));
    const second = await ask({ tools, tool_choice: { type: "none" }, messages: [...messages,
      { role: "assistant", content: first.content }, { role: "user", content: results }] });
    assert.equal(second.content[0].text, text);
  });

  test(named("the length of a request"), async () => {
    assert.ok((await client.messages.countTokens({ model, messages })).input_tokens > 0);
  });

  test(named("a stream that breaks"), async () => {
    await assert.rejects(async () => {
      for await (const _ of await ask({ model: `${model}-breaks`, stream: true }));
    }, (error) => error instanceof Anthropic.APIError && /error/.test(error.message));
  });

  test(named("an overload"), async () => {
    await assert.rejects(ask({ model: `${model}-loaded` }), (error) => error.status === 529);
  });
}

test("an unknown model is a NotFoundError", async () => {
  await assert.rejects(client.messages.create({ model: "tides", max_tokens: 1, messages }),
    (error) => error instanceof Anthropic.NotFoundError && error.requestID !== undefined);
});

test("a wrong key is an AuthenticationError", async () => {
  await assert.rejects(client.withOptions({ authToken: "sk-wrong" }).messages.create(
    { model: "anthropic", max_tokens: 1, messages }), Anthropic.AuthenticationError);
});
