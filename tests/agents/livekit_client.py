"""Speaks with LiveKit's own plug-ins, and prints what was heard as JSON.

It is run by the Python of `make test-agents`, where they are: URL and key in, one line out.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
from livekit.agents import tts as agents_tts
from livekit.plugins import elevenlabs, fishaudio, openai, pocket

TEXT = "Hello there, this is a first sentence. And here is a second one."
ENDS_IN_EMOJI = "This is a reply. 🙂"
EMOJI = "🙂"


async def heard(stream: Any) -> dict[str, Any]:
    """How long the sound of a stream is, how loud, and which words came with their times."""
    samples, loudest, words = 0, 0, []
    rate_hz = 0
    async for event in stream:
        frame = event.frame
        samples += frame.samples_per_channel
        rate_hz = frame.sample_rate
        loudest = max(loudest, *map(abs, frame.data[::7]), 0)
        timed = frame.userdata.get("lk.timed_transcripts", [])
        words += [[str(word), word.start_time, word.end_time] for word in timed]
    return {"seconds": samples / rate_hz, "loudest": int(loudest), "words": words}


async def streamed(tts: agents_tts.TTS, text: str = TEXT) -> dict[str, Any]:
    """Speak a text that comes token by token."""
    stream = tts.stream()
    for start in range(0, len(text), 4):
        stream.push_text(text[start : start + 4])
        await asyncio.sleep(0.005)
    stream.end_input()
    async with stream:
        return await heard(stream)


async def interrupted(tts: agents_tts.TTS) -> dict[str, Any]:
    """Stop listening in the middle, and speak again."""
    stream = tts.stream()
    stream.push_text(TEXT * 4)
    stream.end_input()
    await anext(stream)
    await stream.aclose()
    return await streamed(tts, "This is what comes after it.")


async def main(url: str, key: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        eleven = elevenlabs.TTS(
            voice_id="alba", api_key=key, base_url=f"{url}/v1", http_session=session
        )
        fish = fishaudio.TTS(api_key=key, voice_id="alba", base_url=url, http_session=session)
        socket = f"{url.replace('http', 'ws', 1)}/tts/ws"
        of_pocket = pocket.TTS(ws_url=socket, api_key=key, voice="alba", http_session=session)
        whole = openai.TTS(base_url=f"{url}/v1", api_key=key, voice="alba", model="tts-1")
        found = {
            "elevenlabs": await streamed(eleven),
            "elevenlabs again": await streamed(eleven, "Another reply."),
            "elevenlabs interrupted": await interrupted(eleven),
            "elevenlabs whole": await heard(eleven.synthesize(TEXT)),
            "fish": await streamed(fish),
            "fish whole": await heard(fish.synthesize(TEXT)),
            "pocket": await streamed(of_pocket),
            "pocket interrupted": await interrupted(of_pocket),
            "openai": await heard(whole.synthesize(TEXT)),
            "elevenlabs emoji at the end": await streamed(eleven, ENDS_IN_EMOJI),
            "fish emoji at the end": await streamed(fish, ENDS_IN_EMOJI),
            "pocket emoji at the end": await streamed(of_pocket, ENDS_IN_EMOJI),
            "openai emoji at the end": await heard(whole.synthesize(ENDS_IN_EMOJI)),
            "elevenlabs emoji": await heard(eleven.synthesize(EMOJI)),
            "fish emoji": await heard(fish.synthesize(EMOJI)),
            "openai emoji": await heard(whole.synthesize(EMOJI)),
        }
        for each in (eleven, fish, of_pocket, whole):
            await each.aclose()
        return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
