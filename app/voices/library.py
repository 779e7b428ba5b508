"""Finds the voices of a model by name, and makes each into a voice state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.errors import InvalidRequest, ModelUnavailable, VoiceNotFound
from app.owners import WhoAsks, everybody
from app.speech import Clip
from app.speech_engine import SpeechEngine, VoiceState
from app.voices.kept_states import KeptStates
from app.voices.listing import VOICE_SUFFIXES, VoiceFiles
from app.voices.names import folded
from app.voices.prompts import Prompt
from app.voices.states import VoiceStates
from app.work import CancelToken, Pools

ClipPreparer = Callable[[Clip, CancelToken], Prompt]
"""A preparer makes the prompt of a recording, at the model's rate; raises InvalidClip."""


@dataclass(frozen=True, slots=True)
class ReadyVoice:
    """Holds a voice that is ready to speak, and how the recording was prepared that it is of."""

    state: VoiceState
    preparation: tuple[str, ...] = ()
    """It is empty for a voice that has a name."""

    @property
    def nbytes(self) -> int:
        """Return how much memory the state takes."""
        return self.state.nbytes


class VoiceLibrary:
    """Resolves names of voices, which are never paths or addresses, and gets their states.

    It only reads; `VoiceStore` changes what it finds. Each model has a library of its own.

    A file NAME with one of `VOICE_SUFFIXES` in `directory` is the voice NAME and takes the place
    of a predefined one of that name. Files may come and go while the server runs.

    Args:
        engine: gives the running engine, which makes the states.
        predefined: lists the voices that come with the model.
        model: name of the model, under which states are cached in `states`.
        kept: keeps the states of files from one start of the server to the next.
        who_asks: tells for whom voices are found.
    """

    def __init__(
        self,
        directory: Path,
        *,
        engine: Callable[[], SpeechEngine],
        predefined: Callable[[], tuple[str, ...]],
        prepare: ClipPreparer,
        states: VoiceStates[ReadyVoice],
        model: str,
        kept: KeptStates,
        pools: Pools,
        who_asks: WhoAsks = everybody,
    ) -> None:
        self._files = VoiceFiles(directory, who_asks)
        self._engine = engine
        self._predefined = predefined
        self._prepare = prepare
        self._states = states
        self._model = model
        self._kept = kept
        self._pools = pools
        self._digests: dict[Path, tuple[Hashable, str]] = {}

    def names(self) -> tuple[str, ...]:
        """List every voice, the predefined ones in their own order, then those that are files.

        Raises:
            ModelUnavailable: only a loaded model tells which voices are predefined.
        """
        predefined = self.predefined()
        custom = sorted(name for name in self._files.by_name() if name not in predefined)
        return (*predefined, *custom)

    def predefined(self) -> tuple[str, ...]:
        """List the voices that come with the model, also those whose place a file takes."""
        return self._predefined()

    def resolve(self, name: str) -> str:
        """Return the voice that a caller's `name` means: in any case, also as the name of its file.

        Raises:
            VoiceNotFound: there is none; the error lists those that exist.
            ModelUnavailable: as in `names`.
        """
        names = self.names()
        if name in names:
            return name
        by_folded = {folded(known): known for known in names}
        found = by_folded.get(folded(name))
        stem, dot, ending = name.strip().rpartition(".")
        if found is None and f"{dot}{ending}".lower() in VOICE_SUFFIXES:
            found = by_folded.get(folded(stem))
        if found is None:
            raise VoiceNotFound(name, names)
        return found

    def has(self, name: str) -> bool:
        """Tell whether a caller's `name` means a voice here.

        Raises:
            ModelUnavailable: as in `names`.
        """
        try:
            self.resolve(name)
        except VoiceNotFound:
            return False
        return True

    def is_file(self, name: str) -> bool:
        """Tell whether people put this voice here, perhaps in the place of a predefined one."""
        return name in self._files.by_name()

    async def ready(self, voice: str | Clip) -> ReadyVoice:
        """Get the voice of a name or of an uploaded clip, from the cache where possible.

        Raises:
            VoiceNotFound, InvalidClip, ModelUnavailable.
        """
        engine = self._engine()
        if isinstance(voice, Clip):
            sound = await self._digest(voice.data)
            key: Hashable = (self._model, "clip", sound)
            return await self._states.get(key, partial(self._encoded, engine, voice))
        name = self.resolve(voice)
        path = self._files.by_name().get(name)
        if path is None:
            return await self._states.get(
                (self._model, "predefined", name), partial(self._shipped, engine, name)
            )
        digest = await self._pools.files.run(partial(self.digest_of, name, path))
        return await self._states.get(
            (self._model, "file", digest), partial(self._loaded, engine, name, path, digest)
        )

    async def state_of(self, voice: str | Clip) -> VoiceState:
        """Get the state of a voice, as in `ready`."""
        return (await self.ready(voice)).state

    async def state_of_recording(self, clip: Clip) -> VoiceState:
        """Get the state that a voice file with the clip's contents would have.

        Raises:
            InvalidClip, ModelUnavailable.
        """
        engine = self._engine()
        digest = await self._digest(clip.data)
        ready = await self._states.get(
            (self._model, "file", digest), partial(self._kept_or_encoded, engine, clip, digest)
        )
        return ready.state

    def forget_recording(self, digest: str) -> None:
        """Remove from the disk what was made of a recording, given its SHA-256. Blocks."""
        self._kept.forget(digest)

    def digest_of(self, name: str, path: Path) -> str:
        """Get the SHA-256 of a voice file, in hex, computed anew only if the file changed. Blocks.

        Raises:
            VoiceNotFound: the file has gone.
            ModelUnavailable: it cannot be read.
        """
        try:
            stat = path.stat()
            version = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
            known = self._digests.get(path)
            if known is not None and known[0] == version:
                return known[1]
            digest = _sha256_of(path.read_bytes())
        except FileNotFoundError:
            self._digests.pop(path, None)
            raise VoiceNotFound(name, self.names()) from None
        except OSError as error:
            raise _unusable(name, error) from error
        self._digests[path] = (version, digest)
        return digest

    async def _digest(self, data: bytes) -> str:
        return await self._pools.files.run(partial(_sha256_of, data))

    async def _shipped(self, engine: SpeechEngine, name: str) -> ReadyVoice:
        # Nobody waits for the end of a download that is of no use any more.
        state = await self._pools.loading.run_cancellable(lambda _: engine.predefined_voice(name))
        return ReadyVoice(state)

    async def _encoded(self, engine: SpeechEngine, clip: Clip) -> ReadyVoice:
        prompt = await self._pools.decoding.run_cancellable(partial(self._prepare, clip))
        encode = partial(engine.encode_voice, prompt.pcm)
        return ReadyVoice(await self._pools.encoding.run_cancellable(encode), prompt.preparation)

    async def _kept_or_encoded(self, engine: SpeechEngine, clip: Clip, digest: str) -> ReadyVoice:
        kept = await self._pools.files.run(partial(self._kept.find, digest))
        if kept is not None:
            return ReadyVoice(kept)
        state = (await self._encoded(engine, clip)).state
        await self._pools.files.run(partial(self._kept.keep, digest, state))
        return ReadyVoice(state)

    async def _loaded(self, engine: SpeechEngine, name: str, path: Path, digest: str) -> ReadyVoice:
        try:
            if path.suffix.lower() == ".safetensors":
                return ReadyVoice(await self._pools.files.run(partial(engine.load_voice, path)))
            data = await self._pools.files.run(path.read_bytes)
            if await self._digest(data) != digest:
                raise ModelUnavailable(
                    f"the file of voice {name!r} is being replaced", retry_after_seconds=1
                )
            clip = Clip(data, path.name, field=path.name)
            return await self._kept_or_encoded(engine, clip, digest)
        except (InvalidRequest, OSError) as error:
            raise _unusable(name, error) from error


def _sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unusable(name: str, error: Exception) -> ModelUnavailable:
    """Make an error that blames the operator's file, since the caller did nothing wrong."""
    return ModelUnavailable(
        f"the file of voice {name!r} cannot be used: {error}; replace it in VOICES_DIR"
    )
