// The questions of matrix.py with the official SDKs for Node. `node matrix.mjs SETUP`, which is {url, key, picture,
// schema, tools, result} as JSON, reads a question ({client, ...}) a line and prints an observation a line.
import { createInterface } from "node:readline";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const { url, key, picture, schema, tools, result } = JSON.parse(process.argv[2]);
const options = { apiKey: key, maxRetries: 0, timeout: 20000 };

// ---- OpenAI ----

function ofOpenai(question) {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${picture}` } };
  const content = question.image ? [{ type: "text", text: question.say }, image] : question.say;
  const more = question.stream ? { stream_options: { include_usage: true } } : {};
  if (question.tools)
    more.tools = tools.map((tool) => ({ type: "function", function: { ...tool, parameters: schema } }));
  if (question.think) more.reasoning_effort = "low";
  return [[{ role: "user", content }], more];
}

function addPart(calls, part) {
  if (part.index === calls.length)
    calls.push({ id: part.id, type: "function", function: { name: part.function.name, arguments: "" } });
  calls[part.index].function.arguments += part.function.arguments ?? "";
}

async function gather(events, message) {
  let usage;
  for await (const event of events) {
    usage = event.usage ?? usage;
    for (const choice of event.choices) {
      message.finish = choice.finish_reason ?? message.finish;
      message.content += choice.delta.content ?? "";
      message.reasoning_content += choice.delta.reasoning_content ?? "";
      for (const part of choice.delta.tool_calls ?? []) addPart(message.tool_calls, part);
    }
  }
  return usage;
}

async function answerOfOpenai(client, question, messages, more, message) {
  const asked = { model: question.model, messages, stream: question.stream, ...more };
  const answer = await client.chat.completions.create(asked);
  if (question.stream) return gather(answer, message);
  Object.assign(message, answer.choices[0].message, { finish: answer.choices[0].finish_reason });
  return answer.usage;
}

async function openaiTurn(client, question, messages, more) {
  const message = { role: "assistant", content: "", reasoning_content: "", tool_calls: [], finish: null };
  try {
    const usage = await answerOfOpenai(client, question, messages, more, message);
    const { finish, ...said } = message;
    const calls = (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
    return [Object.fromEntries(Object.entries(said).filter(([, part]) => part?.length)), {
      text: message.content ?? "", thinking: message.reasoning_content ?? "", calls, finish,
      usage: { input: usage.prompt_tokens, output: usage.completion_tokens,
        cached: usage.prompt_tokens_details?.cached_tokens ?? 0 } }];
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    return [null, error.status ? { error: error.status } : { error: "stream", text: message.content }];
  }
}

async function askOpenai(question) {
  const client = new OpenAI({ ...options, baseURL: `${url}/v1` });
  const [messages, more] = ofOpenai(question);
  const [message, seen] = await openaiTurn(client, question, messages, more);
  if (seen.calls?.length) {
    messages.push(message, ...message.tool_calls.map((call) =>
      ({ role: "tool", tool_call_id: call.id, content: result })));
    [, seen.second] = await openaiTurn(client, question, messages, more);
  }
  return seen;
}

// ---- Anthropic ----

function ofAnthropic(question) {
  const content = [{ type: "text", text: question.say }];
  const more = {};
  if (question.image)
    content.push({ type: "image", source: { type: "base64", media_type: "image/png", data: picture } });
  if (question.tools) more.tools = tools.map((tool) => ({ ...tool, input_schema: schema }));
  if (question.think) more.thinking = { type: "enabled", budget_tokens: 1024 };
  return [[{ role: "user", content }], more];
}

const joined = (blocks, type, member) =>
  blocks.filter((block) => block.type === type).map((block) => block[member]).join("");

function seenByAnthropic({ content, usage, stop_reason }) {
  const cached = usage.cache_read_input_tokens ?? 0;
  return {
    text: joined(content, "text", "text"), thinking: joined(content, "thinking", "thinking"),
    calls: content.filter((block) => block.type === "tool_use").map((block) => [block.name, block.input]),
    finish: stop_reason,
    usage: { input: usage.input_tokens + cached + (usage.cache_creation_input_tokens ?? 0),
      output: usage.output_tokens, cached } };
}

async function anthropicTurn(client, question, messages, more) {
  const asked = { model: question.model, messages, max_tokens: 4000, ...more };
  let text = "";
  try {
    if (!question.stream) {
      const answer = await client.messages.create(asked);
      return [answer, seenByAnthropic(answer)];
    }
    const stream = client.messages.stream(asked).on("text", (piece) => { text += piece; });
    const answer = await stream.finalMessage();
    return [answer, seenByAnthropic(answer)];
  } catch (error) {
    if (!(error instanceof Anthropic.AnthropicError)) throw error;
    return [null, error.status ? { error: error.status } : { error: "stream", text }];
  }
}

async function askAnthropic(question) {
  const client = new Anthropic({ ...options, baseURL: url });
  const [messages, more] = ofAnthropic(question);
  const [answer, seen] = await anthropicTurn(client, question, messages, more);
  if (seen.calls?.length) {
    messages.push({ role: "assistant", content: answer.content }, { role: "user", content: answer.content
      .filter((block) => block.type === "tool_use")
      .map((block) => ({ type: "tool_result", tool_use_id: block.id, content: result })) });
    [, seen.second] = await anthropicTurn(client, question, messages, more);
  }
  return seen;
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(await (question.client === "openai" ? askOpenai(question) : askAnthropic(question))));
}
