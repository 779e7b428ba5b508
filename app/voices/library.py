"""Which voices exist, and how each becomes a voice state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import Protocol

from app.errors import InvalidRequest, ModelUnavailable, VoiceNotFound
from app.speech import Clip, Pcm
from app.voices.states import Sized, VoiceStates

VOICE_SUFFIXES = (".safetensors", ".wav", ".flac", ".mp3", ".ogg")
"""Files that are voices, the preferred one first where a name has several"""


class VoiceMaker(Protocol):
    """What the library needs of the engine."""

    @property
    def predefined_voices(self) -> tuple[str, ...]: ...

    def encode_voice(self, pcm: Pcm) -> Sized: ...

    def load_voice(self, path: Path) -> Sized: ...

    def predefined_voice(self, name: str) -> Sized: ...


ClipDecoder = Callable[[bytes, str], Pcm]
"""(file contents, field name for errors) → checked mono PCM at the model's rate"""


class VoiceLibrary:
    """Names resolve here and nowhere else: a voice is never a path or an address.

    A file `NAME.wav|mp3|flac|ogg|safetensors` in `directory` is the voice NAME and takes the place
    of a predefined one of that name. Files may come and go while the server runs.
    """

    def __init__(
        self,
        directory: Path,
        *,
        maker: Callable[[], VoiceMaker],
        decode_clip: ClipDecoder,
        states: VoiceStates[Sized],
    ) -> None:
        self._directory = directory
        self._maker = maker
        self._decode_clip = decode_clip
        self._states = states

    def names(self) -> tuple[str, ...]:
        """Every voice: the predefined ones in their own order, then those that are files.

        Raises:
            ModelUnavailable: which voices are predefined is known once the model is loaded.
        """
        predefined = self._maker().predefined_voices
        custom = sorted(name for name in self._files() if name not in predefined)
        return (*predefined, *custom)

    def resolve(self, name: str) -> str:
        """The voice that a caller's `name` means, whatever its case.

        Raises:
            VoiceNotFound: with the names that exist.
        """
        names = self.names()
        if name in names:
            return name
        folded = {known.casefold(): known for known in names}
        found = folded.get(name.strip().casefold())
        if found is None:
            raise VoiceNotFound(name, names)
        return found

    async def state_of(self, voice: str | Clip, *, field: str) -> Sized:
        """The voice state of a name or of an uploaded clip, from the cache where possible.

        Args:
            field: the caller's name for the clip, for errors.

        Raises:
            VoiceNotFound, InvalidClip, ModelUnavailable.
        """
        maker = self._maker()
        if isinstance(voice, Clip):
            key: Hashable = ("clip", hashlib.sha256(voice.data).digest())
            return await self._states.get(key, partial(self._encode, maker, voice.data, field))
        name = self.resolve(voice)
        path = self._files().get(name)
        if path is None:
            return await self._states.get(
                ("predefined", name), partial(maker.predefined_voice, name)
            )
        stat = path.stat()
        key = ("file", str(path), stat.st_mtime_ns, stat.st_size)
        return await self._states.get(key, partial(self._load, maker, name, path))

    def _files(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        if not self._directory.is_dir():
            return found
        by_preference = sorted(
            (path for path in self._directory.iterdir() if path.suffix.lower() in VOICE_SUFFIXES),
            key=lambda path: VOICE_SUFFIXES.index(path.suffix.lower()),
        )
        for path in by_preference:
            if path.is_file() and not path.name.startswith("."):
                found.setdefault(path.stem, path)
        return found

    def _encode(self, maker: VoiceMaker, data: bytes, field: str) -> Sized:
        return maker.encode_voice(self._decode_clip(data, field))

    def _load(self, maker: VoiceMaker, name: str, path: Path) -> Sized:
        try:
            if path.suffix.lower() == ".safetensors":
                return maker.load_voice(path)
            return self._encode(maker, path.read_bytes(), path.name)
        except (InvalidRequest, OSError) as error:
            # The caller did nothing wrong: the operator's file is.
            raise ModelUnavailable(
                f"the file of voice {name!r} cannot be used: {error}; replace it in VOICES_DIR"
            ) from error
