"""What the SDK sees through the gateway is what it sees from the provider itself: object by object,
event by event."""

import asyncio

import openai
import pytest

import asked
import canaries
from asked import sdk


@pytest.mark.parametrize("name", asked.CHATS)
def test_a_chat_is_the_same_as_directly(client, direct, name):
    assert asked.dump(asked.chat(client, name)) == asked.dump(asked.chat(direct, name))


@pytest.mark.parametrize("options", [{}, asked.USAGE, asked.NO_USAGE],
                         ids=["usage not named", "usage", "no usage"])
@pytest.mark.parametrize("name", asked.CHATS)
def test_a_stream_is_the_same_as_directly(client, direct, name, options):
    seen = asked.dump(asked.chat(client, name, stream=True, **options))
    assert seen == asked.dump(asked.chat(direct, name, stream=True, **options))
    assert len(seen) > 2


def test_async_streams_at_once_are_the_same_as_directly(gateway, direct):
    async def one(client, name):
        stream = await asked.chat(client, name, stream=True)
        return asked.dump([event async for event in stream])

    async def every():
        async with sdk(gateway.url, openai.AsyncOpenAI) as client:
            return await asyncio.gather(*(one(client, name) for name in asked.CHATS))

    for name, seen in zip(asked.CHATS, asyncio.run(every())):
        assert seen == asked.dump(asked.chat(direct, name, stream=True)), name


def test_the_streaming_helper_is_the_same_as_directly(client, direct):
    def final(client):
        with client.chat.completions.stream(model="m", messages=asked.USER,
                                            tools=[]) as stream:
            kinds = [event.type for event in stream]
            return kinds, asked.dump(stream.get_final_completion())

    assert final(client) == final(direct)


COMPLETIONS = {"plain": {}, "two choices": {"n": 2}, "two prompts": {"prompt": ["a", "b"]},
               "max_tokens": {"max_tokens": 2}, "stop": {"stop": "x", "echo": True}}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_legacy_completion_is_the_same_as_directly(client, direct, name, stream):
    options = {"model": "m", "prompt": "Once", "stream": stream, **COMPLETIONS[name]}
    assert asked.dump(client.completions.create(**options)) \
        == asked.dump(direct.completions.create(**options))


EMBEDDINGS = {"one": {"input": "a"}, "several": {"input": ["a", "\u6f6e"]},
              "tokens": {"input": [1, 2, 3]}, "lists of tokens": {"input": [[1, 2], [3]]},
              "floats": {"encoding_format": "float"}, "base64": {"encoding_format": "base64"},
              "dimensions": {"dimensions": 5}}


@pytest.mark.parametrize("name", EMBEDDINGS)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # of base64 where floats may be
def test_embeddings_are_the_same_as_directly(client, direct, name):
    options = {"model": "e", "input": "a", **EMBEDDINGS[name]}
    seen = asked.dump(client.embeddings.create(**options))
    assert seen == asked.dump(direct.embeddings.create(**options))
    assert seen["data"][0]["embedding"]


RESPONSES = {"plain": {}, "instructions": {"instructions": "Be brief.", "temperature": 0.5},
             "items": {"input": [{"role": "user", "content": [
                 {"type": "input_text", "text": "Hello \U0001f30a"}]}]},
             "tools": {"tools": asked.FLAT_TOOLS}, "cut": {"max_output_tokens": 2}}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_is_the_same_as_directly(client, direct, name, stream):
    options = {"model": "m", "input": "Hello", "stream": stream, **RESPONSES[name]}
    assert asked.dump(client.responses.create(**options)) \
        == asked.dump(direct.responses.create(**options))


def test_many_streams_at_once_neither_mix_nor_lose_events(gateway, mock):
    async def one(client, number):
        words = [f"{number}-{i}" for i in range(50)]
        stream = await client.chat.completions.create(
            model="m", messages=asked.says(" ".join(words)), stream=True)
        seen = "".join([event.choices[0].delta.content or "" async for event in stream])
        assert seen.split() == words

    async def every():
        async with sdk(gateway.url, openai.AsyncOpenAI, canaries.CLIENT_KEY) as client:
            await asyncio.gather(*(one(client, number) for number in range(100)))

    asyncio.run(every())
    assert mock.stats()["complete"] == 100
