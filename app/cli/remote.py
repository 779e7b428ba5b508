"""Gets speech from a running server, over its native HTTP API."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx

from app.cli.backend import (
    VOICE_FIELDS,
    BookToNarrate,
    NewVoice,
    Recording,
    Spoken,
    TextToSpeak,
    Told,
    stand_in_warning,
    why_ended,
)
from app.cli.exits import SPEECH_WORDS, VOICE_WORDS, ExitCode, Refused, about_option
from app.cli.progress import ProgressLine
from app.engine.preview import PREVIEW
from app.errors import Parameter
from app.network.connections import ended
from app.settings import SettingsError, load_settings
from app.voices.listing import STATE_SUFFIX

CONNECT_SECONDS = 10.0
WORK_SECONDS = 3600.0
"""A server may take this long for a complete answer, or between two pieces of a stream."""
FIRST_PACE = 3.0
"""A server is expected to make this many seconds of speech in a second, until its pace is known."""
DRAW_SECONDS = 0.2
JOB_LOOK_SECONDS = 0.5
GONE_SECONDS = 600.0
"""A server that works on a book may be away for so long."""
_INSIDE = frozenset({"v1", "v2", "openai", "elevenlabs", "fish", "flash", "chattts", "pocket"})
"""The base URLs that other clients want go on with one of these after the server's address."""
BUSY_TRIES = 20
LONGEST_PAUSE_SECONDS = 30.0


class _Gone(Refused):
    """Says that the server is not there, or has left while it answered."""


class RemoteBackend:
    """Asks a server for speech, with the API_KEY of the environment or of `.env`."""

    side_by_side = 4

    def __init__(self, url: str, progress: ProgressLine) -> None:
        """Prepare to ask the server at `url`.

        Raises:
            Refused: the address or the key cannot be used.
        """
        self._url = _checked(url)
        self._progress = progress
        timeout = httpx.Timeout(WORK_SECONDS, connect=CONNECT_SECONDS)
        self._has_warned = False
        self._speech_seconds_per_second = FIRST_PACE
        self._client = httpx.AsyncClient(base_url=self._url, headers=_key_header(), timeout=timeout)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with self._client:
            yield

    async def speak(self, wanted: TextToSpeak, spoken: Spoken, /) -> AsyncGenerator[bytes, None]:
        """Yield the encoded audio.

        A server does not tell how far it is: `spoken` hears what its pace lets expect.
        """
        path, sent = _asked_for(wanted)
        async with (
            self._expected(spoken) as learn,
            self._answer("POST", path, SPEECH_WORDS, **sent) as answer,
        ):
            kind = answer.headers.get("content-type", "")
            if not kind.startswith("audio/"):
                raise Refused(
                    f"{self._url} does not answer with audio but with {kind or 'nothing'}",
                    ExitCode.FAILED,
                )
            if not wanted.stream:
                data = await answer.aread()
                learn(answer)
                yield data
                return
            async for data in answer.aiter_raw():
                yield data

    async def speak_captioned(
        self, wanted: TextToSpeak, spoken: Spoken, /
    ) -> tuple[bytes, Mapping[str, str]]:
        path, sent = _asked_for(wanted)
        async with (
            self._expected(spoken) as learn,
            self._answer("POST", path, SPEECH_WORDS, **sent) as answer,
        ):
            data = await answer.aread()
            learn(answer)
        try:
            told = json.loads(data)
            return base64.b64decode(told["audio"]), dict(told["captions"])
        except (ValueError, KeyError, TypeError):
            raise Refused(f"{self._url} knows of no captions", ExitCode.FAILED) from None

    @asynccontextmanager
    async def _expected(self, spoken: Spoken) -> AsyncIterator[Callable[[httpx.Response], None]]:
        """Tell `spoken`, while the block runs, how much speech there should be by now.

        Yields:
            What is to be told of a complete answer, so that the next guess is better.
        """
        began_seconds = time.monotonic()

        def passed_seconds() -> float:
            return time.monotonic() - began_seconds

        async def tell() -> None:
            while True:
                await asyncio.sleep(DRAW_SECONDS)
                spoken(passed_seconds() * self._speech_seconds_per_second)

        def learn(answer: httpx.Response) -> None:
            with suppress(KeyError, ValueError):
                made_seconds = float(answer.headers["x-audio-duration"])
                self._speech_seconds_per_second = made_seconds / max(0.001, passed_seconds())

        telling = asyncio.create_task(tell())
        try:
            yield learn
        finally:
            await ended(telling)

    async def narrate(self, wanted: BookToNarrate, told: Told, /) -> str:
        asked = {**wanted.fields, **wanted.read}
        form = {name: _in_form(value) for name, value in asked.items()}
        files = {"document": (wanted.filename, wanted.data)}
        key = {"Idempotency-Key": wanted.key}
        job_id = str(
            (await self._asked("POST", "/jobs", data=form, files=files, headers=key))["id"]
        )
        path = f"/jobs/{job_id}"
        job = await self._asked("GET", path)
        if job["state"] in ("paused", "failed"):
            job = await self._asked("POST", f"{path}/resume")
        try:
            while job["state"] != "done":
                if job["state"] in ("failed", "cancelled"):
                    raise Refused(why_ended(job["state"], job["reason"], job_id), ExitCode.FAILED)
                told(job)
                await asyncio.sleep(JOB_LOOK_SECONDS)
                job = await self._asked_again(path)
        except asyncio.CancelledError:
            with suppress(Refused):  # who is gone does nothing for it either
                await self._asked("POST", f"{path}/pause")
            raise
        return job_id

    async def _asked_again(self, path: str) -> dict[str, Any]:
        """Ask for a job until the server is back, which may be started again meanwhile."""
        deadline_seconds = time.monotonic() + GONE_SECONDS
        while True:
            try:
                return await self._asked("GET", path)
            except Refused as refused:
                if not isinstance(refused, _Gone) or time.monotonic() > deadline_seconds:
                    raise
                self._progress.status("the server is away; waiting for it")
                await asyncio.sleep(JOB_LOOK_SECONDS)

    async def narrated(self, job_id: str, part: str) -> AsyncGenerator[bytes, None]:
        async with self._answer("GET", f"/jobs/{job_id}/{part}", SPEECH_WORDS) as answer:
            async for piece in answer.aiter_raw():
                yield piece

    async def voices(self) -> list[dict[str, Any]]:
        answer = await self._asked("GET", "/voices")
        return [_shown(voice) for voice in answer["voices"]]

    async def add_voice(self, voice: NewVoice) -> dict[str, Any]:
        form = {"name": voice.name, "replace": _in_form(voice.replace)}
        described = {
            "description": voice.description,
            "tags": ",".join(voice.tags),
            "language": voice.language,
        }
        form |= {name: value for name, value in described.items() if value}
        imported = voice.recordings[0].filename.lower().endswith(STATE_SUFFIX)
        field, path = ("file", "/voices/import") if imported else ("files", "/voices")
        files = [(field, (each.filename, each.data)) for each in voice.recordings]
        return _shown(await self._asked("POST", path, data=form, files=files))

    async def remove_voice(self, name: str) -> str:
        return str((await self._asked("DELETE", f"/voices/{quote(name, safe='')}"))["name"])

    async def export_voice(self, name: str) -> bytes:
        return await self._fetched(f"/voices/{quote(name, safe='')}/export")

    async def preview_voice(self, name: str, audio_format: str) -> bytes:
        return await self._fetched(f"/voices/{quote(name, safe='')}/preview?format={audio_format}")

    async def _asked(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        async with self._answer(method, path, VOICE_WORDS, **sent) as answer:
            data = await answer.aread()
        try:
            document = json.loads(data)
        except ValueError:
            raise Refused(f"{self._url} does not answer with JSON", ExitCode.FAILED) from None
        return cast("dict[str, Any]", document)

    async def _fetched(self, path: str) -> bytes:
        async with self._answer("GET", path, VOICE_WORDS) as answer:
            return await answer.aread()

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, words: Mapping[Parameter, str], **sent: Any
    ) -> AsyncIterator[httpx.Response]:
        """Ask the server until it is not busy, and yield its answer if that is a success.

        Raises:
            Refused: the answer is an error.
        """
        for tries_left in reversed(range(BUSY_TRIES)):
            with self._connected():
                async with self._client.stream(method, path, **sent) as answer:
                    if answer.is_success:
                        await self._warn_of_stand_in(answer)
                        yield answer
                        return
                    await answer.aread()
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or not tries_left:
                raise _refusal(answer, self._url, words)
            seconds = _pause_seconds(answer)
            self._progress.status(f"the server is busy; trying again in {seconds:.0f} s")
            await asyncio.sleep(seconds)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise _Gone(
                f"the server {self._url} cannot be reached: {str(error) or 'no answer in time'}",
                ExitCode.UNREACHABLE,
            ) from None
        except httpx.TimeoutException:
            raise _Gone(
                f"the server {self._url} has stopped answering", ExitCode.UNREACHABLE
            ) from None
        except httpx.TransportError as error:
            why = f": {error}" if str(error) else ""
            raise _Gone(f"the server broke off its answer{why}", ExitCode.FAILED) from None

    async def _warn_of_stand_in(self, answer: httpx.Response) -> None:
        """Warn, once, if the preview model speaks in place of another one."""
        if answer.headers.get("x-tts-model") != PREVIEW or self._has_warned:
            return
        self._has_warned = True
        # A proxy may let nothing but speech through.
        with suppress(Refused, KeyError, TypeError):
            model = (await self._asked("GET", "/health"))["model"]
            if "wanted" in model:
                self._progress.say(stand_in_warning(model["wanted"]["reason"], PREVIEW))
                return
            if model["name"] == PREVIEW:
                return
        self._progress.say(f"warning: the {PREVIEW} model speaks")


def _asked_for(wanted: TextToSpeak) -> tuple[str, dict[str, Any]]:
    """Return the path to ask at, and what to send there."""
    fields = {**wanted.controls, "script": wanted.text, "format": wanted.format}
    if wanted.captions:
        fields["captions"] = ",".join(wanted.captions)
    else:
        fields["stream"] = wanted.stream
    if isinstance(wanted.voice, Recording):
        file = (wanted.voice.filename, wanted.voice.data)
        form = {name: _in_form(value) for name, value in fields.items()}
        return "/tts/clone", {"data": form, "files": {"voice_file": file}}
    named = {} if wanted.voice is None else {"voice": wanted.voice}
    return "/tts", {"json": {**fields, **named}}


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        usable = usable and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise Refused(
            f"--server must be an http:// or https:// address without a query; it is {url!r}"
        )
    parts_of_path = [part for part in parts.path.split("/") if part]
    inside = next((place for place, part in enumerate(parts_of_path) if part in _INSIDE), None)
    if inside is not None:
        wanted = "/".join([f"{parts.scheme}://{parts.netloc}", *parts_of_path[:inside]])
        raise Refused(
            f"--server must be the address of the server itself, without "
            f"/{'/'.join(parts_of_path[inside:])}: {wanted}; it is {url!r}"
        )
    return url.rstrip("/")


def _key_header() -> dict[str, str]:
    try:
        key = load_settings(for_command=True).api_key
    except SettingsError as error:
        raise Refused(str(error)) from None
    if key is None:
        return {}
    if not key.get_secret_value().isascii() or not key.get_secret_value().isprintable():
        raise Refused("API_KEY must be printable ASCII")
    return {"X-API-Key": key.get_secret_value()}


def _in_form(value: object) -> str:
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(voice: Mapping[str, Any]) -> dict[str, Any]:
    return {name: voice.get(name) for name in VOICE_FIELDS}


def _pause_seconds(answer: httpx.Response) -> float:
    try:
        wanted = float(answer.headers.get("retry-after", ""))
    except ValueError:
        wanted = 1.0
    return min(max(wanted, 0.1), LONGEST_PAUSE_SECONDS)


def _refusal(answer: httpx.Response, url: str, words: Mapping[Parameter, str]) -> Refused:
    status = answer.status_code
    code = ExitCode.USAGE if 400 <= status < 500 else ExitCode.FAILED
    if status == httpx.codes.TOO_MANY_REQUESTS:
        code = ExitCode.FAILED
    error = _error_of(answer)
    if status == httpx.codes.UNAUTHORIZED:
        # The server's own words tell of headers, which nobody writes here.
        missing = not answer.request.headers.get("x-api-key")
        said = "the server wants an API key" if missing else "the API key is wrong"
        return Refused(f"{said}: set API_KEY in the environment or .env", ExitCode.UNAUTHORIZED)
    if "message" not in error:
        return Refused(f"{url} answered {status} {answer.reason_phrase}", code)
    option = next((word for each, word in words.items() if each.value == error.get("field")), None)
    return Refused(about_option(error["message"], option), code)


def _error_of(answer: httpx.Response) -> dict[str, str]:
    """Return the native error in an answer; empty if it has none, such as a proxy's page."""
    try:
        error = answer.json()["error"]
        return {name: str(error[name]) for name in ("message", "field") if error.get(name)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
