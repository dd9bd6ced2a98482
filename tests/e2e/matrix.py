"""The same questions in every client's language to every provider's, and what must come of each.

A question is a dict: `model`, `say`, `stream`, and what it needs: `tools` (two of them; their results are sent
back and the answer to that is `second`), `image`, `think`. Whatever the SDK, what came is an observation: `text`,
`thinking`, `calls` ([name, arguments]), `finish`, `usage` {input, cached, output}, or `error`: the HTTP status that
the SDK raised, or "stream" for one inside a stream, after `text`.

matrix.mjs asks the same questions with the SDKs for Node."""

import base64
import json

import anthropic
import openai
from google import genai
from google.genai import errors, types

import canaries

PICTURE = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
SCHEMA = {"type": "object", "properties": {"harbour": {"type": "string"}, "hour": {"type": "integer"}},
          "required": ["harbour"]}
TOOLS = [{"name": name, "description": "Of a harbour"} for name in ("tide", "wind")]
RESULT = "4.1 m"
OPTIONS = {"api_key": canaries.CLIENT_KEY, "max_retries": 0, "timeout": 20}


# ---- what a client does with a question ----

def of_openai(question):
    """The messages and options of OpenAI's SDK."""
    content = question["say"]
    if question.get("image"):
        content = [{"type": "text", "text": content},
                   {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PICTURE}}]
    more = {"stream_options": {"include_usage": True}} if question["stream"] else {}
    if question.get("tools"):
        more["tools"] = [{"type": "function", "function": {**tool, "parameters": SCHEMA}}
                         for tool in TOOLS]
    if question.get("think"):
        more["reasoning_effort"] = "low"
    return [{"role": "user", "content": content}], more


def seen_by_openai(message, usage):
    details = usage.prompt_tokens_details
    return {"text": message.get("content") or "",
            "thinking": message.get("reasoning_content") or "",
            "calls": [[call["function"]["name"], json.loads(call["function"]["arguments"])]
                      for call in message.get("tool_calls") or []],
            "finish": message["finish"],
            "usage": {"input": usage.prompt_tokens, "output": usage.completion_tokens,
                      "cached": (details and details.cached_tokens) or 0}}


def gather(events, message):
    """What the events of a stream add up to goes into `message`; gives the usage."""
    usage = None
    for event in events:
        usage = event.usage or usage
        for choice in event.choices:
            delta = choice.delta.model_dump(exclude_none=True)
            message["finish"] = choice.finish_reason or message["finish"]
            for name in ("content", "reasoning_content"):
                message[name] += delta.get(name, "")
            for part in delta.get("tool_calls", []):
                add_part(message["tool_calls"], part)
    return usage


def add_part(calls, part):
    if part["index"] == len(calls):
        calls.append({"id": part["id"], "type": "function",
                      "function": {"name": part["function"]["name"], "arguments": ""}})
    calls[part["index"]]["function"]["arguments"] += part["function"].get("arguments") or ""


def answer_of_openai(client, question, messages, more, message):
    answer = client.chat.completions.create(
        model=question["model"], messages=messages, stream=question["stream"], **more)
    if question["stream"]:
        return gather(answer, message)
    choice = answer.choices[0]
    message.update(choice.message.model_dump(exclude_none=True), finish=choice.finish_reason)
    return answer.usage


def openai_turn(client, question, messages, more):
    """One answer: as a message to send back, and as an observation."""
    message = {"role": "assistant", "content": "", "reasoning_content": "", "tool_calls": [],
               "finish": None}
    try:
        usage = answer_of_openai(client, question, messages, more, message)
    except openai.APIStatusError as error:
        return None, {"error": error.status_code}
    except openai.APIError:
        return None, {"error": "stream", "text": message["content"]}
    seen = seen_by_openai(message, usage)
    del message["finish"]
    return {name: part for name, part in message.items() if part}, seen


def ask_openai(url, question):
    with openai.OpenAI(base_url=url + "/v1", **OPTIONS) as client:
        messages, more = of_openai(question)
        message, seen = openai_turn(client, question, messages, more)
        if seen.get("calls"):
            messages += [message] + [
                {"role": "tool", "tool_call_id": call["id"], "content": RESULT}
                for call in message["tool_calls"]]
            seen["second"] = openai_turn(client, question, messages, more)[1]
    return seen


def of_anthropic(question):
    content = [{"type": "text", "text": question["say"]}]
    more = {}
    if question.get("image"):
        content.append({"type": "image", "source": {
            "type": "base64", "media_type": "image/png", "data": PICTURE}})
    if question.get("tools"):
        more["tools"] = [{**tool, "input_schema": SCHEMA} for tool in TOOLS]
    if question.get("think"):
        more["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    return [{"role": "user", "content": content}], more


def seen_by_anthropic(answer):
    usage = answer.usage
    cached = usage.cache_read_input_tokens or 0
    return {"text": "".join(block.text for block in answer.content if block.type == "text"),
            "thinking": "".join(block.thinking for block in answer.content
                                if block.type == "thinking"),
            "calls": [[block.name, block.input] for block in answer.content
                      if block.type == "tool_use"],
            "finish": answer.stop_reason,
            "usage": {"input": usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
                      "output": usage.output_tokens, "cached": cached}}


def anthropic_turn(client, question, messages, more):
    asked = {"model": question["model"], "messages": messages, "max_tokens": 4000, **more}
    text = ""
    try:
        if not question["stream"]:
            answer = client.messages.create(**asked)
        else:
            with client.messages.stream(**asked) as stream:
                for event in stream:
                    text += event.text if event.type == "text" else ""
                answer = stream.get_final_message()
    except anthropic.APIStatusError as error:
        return None, ({"error": "stream", "text": text} if text or error.status_code == 200
                      else {"error": error.status_code})
    return answer, seen_by_anthropic(answer)


def ask_anthropic(url, question):
    with anthropic.Anthropic(base_url=url, **OPTIONS) as client:
        messages, more = of_anthropic(question)
        answer, seen = anthropic_turn(client, question, messages, more)
        if seen.get("calls"):
            messages += [
                {"role": "assistant", "content": [block.model_dump(exclude_none=True)
                                                  for block in answer.content]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": block.id, "content": RESULT}
                    for block in answer.content if block.type == "tool_use"]}]
            seen["second"] = anthropic_turn(client, question, messages, more)[1]
    return seen


def of_gemini(question):
    parts = [types.Part(text=question["say"])]
    more = {}
    if question.get("image"):
        parts.append(types.Part.from_bytes(data=base64.b64decode(PICTURE), mime_type="image/png"))
    if question.get("tools"):
        more["tools"] = [types.Tool(function_declarations=[
            types.FunctionDeclaration(**tool, parameters_json_schema=SCHEMA) for tool in TOOLS])]
    if question.get("think"):
        more["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_level="LOW")
    return [types.Content(role="user", parts=parts)], types.GenerateContentConfig(
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True), **more)


def gemini_turn(client, question, contents, config):
    asked = {"model": question["model"], "contents": contents, "config": config}
    parts = []
    try:
        events = client.models.generate_content_stream(**asked) if question["stream"] else [
            client.models.generate_content(**asked)]
        for event in events:
            parts += event.candidates[0].content.parts or []
    except errors.APIError as error:
        text = "".join(part.text or "" for part in parts)
        return None, {"error": "stream", "text": text} if text else {"error": error.code}
    usage = event.usage_metadata
    return parts, {
        "text": "".join(part.text or "" for part in parts if not part.thought),
        "thinking": "".join(part.text or "" for part in parts if part.thought),
        "calls": [[part.function_call.name, part.function_call.args] for part in parts
                  if part.function_call],
        "finish": event.candidates[0].finish_reason.value,
        "usage": {"input": usage.prompt_token_count, "cached": usage.cached_content_token_count or 0,
                  "output": usage.candidates_token_count + (usage.thoughts_token_count or 0)}}


def ask_gemini(url, question):
    with genai.Client(api_key=canaries.CLIENT_KEY, http_options=types.HttpOptions(
            base_url=url, timeout=20000, retry_options=types.HttpRetryOptions(attempts=1))) as client:
        contents, config = of_gemini(question)
        parts, seen = gemini_turn(client, question, contents, config)
        if seen.get("calls"):
            contents += [types.Content(role="model", parts=parts), types.Content(role="user", parts=[
                types.Part.from_function_response(name=name, response={"output": RESULT})
                for name, _ in seen["calls"]])]
            seen["second"] = gemini_turn(client, question, contents, config)[1]
    return seen
