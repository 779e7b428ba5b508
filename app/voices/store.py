"""Makes, describes, renames, deletes, imports and exports the voices of people."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from app.errors import (
    Conflict,
    Field,
    InvalidRequest,
    Parameter,
    VoiceExists,
    VoiceNotFound,
)
from app.files import scratch_folder
from app.owners import Room, unlimited
from app.speech import Clip
from app.speech_engine import SpeechEngine
from app.stores.changes import Change
from app.voices.clips import PromptReport
from app.voices.details import VoiceDetails, read_details
from app.voices.durations import reference_seconds
from app.voices.folder import DETAILS_SUFFIX, VoiceFolder
from app.voices.library import VoiceLibrary
from app.voices.listing import owner_of, stem_of
from app.voices.names import check_length, check_name, folded
from app.voices.prompts import PromptMaker
from app.voices.state_files import check_state_file
from app.work import Pools


@dataclass(frozen=True, slots=True)
class Voice:
    """Describes one voice in the list of voices."""

    name: str
    kind: Literal["built-in", "custom"]
    details: VoiceDetails
    spoken_by: str | None = None
    """This voice is heard in its place while another model fills in; None means itself."""


class VoiceStore:
    """Lists all voices and changes those of people. Use from one event loop.

    Args:
        folder: where the voices of people are kept.
        library: gives the library of the model that speaks now, which finds voices by name.
        engine: gives the running engine.
        prompts: makes recordings into the sound of a voice.
        model_language: the language of the voices that are built in, in two letters.
        stand_ins: gives the voices that are heard in the place of others now.
        forget_previews: removes the previews whose names begin with its argument.
        forget_consent: removes the consent recording of that id, if it is still there.
        room: bounds what each caller keeps.
    """

    def __init__(
        self,
        folder: VoiceFolder,
        library: Callable[[], VoiceLibrary],
        *,
        engine: Callable[[], SpeechEngine],
        prompts: PromptMaker,
        model_language: str | None,
        stand_ins: Callable[[], Mapping[str, str]],
        forget_previews: Callable[[str], None],
        forget_consent: Callable[[str], None],
        pools: Pools,
        room: Room = unlimited,
    ) -> None:
        self._room = room
        self._folder = folder
        self._library = library
        self._engine = engine
        self._prompts = prompts
        self._model_language = model_language
        self._stand_ins = stand_ins
        self._forget_previews = forget_previews
        self._forget_consent = forget_consent
        self._pools = pools
        # Nobody may take a name between a check that it is free and its use. Names are few and
        # taking one is quick, so all of them share a lock.
        self._naming = asyncio.Lock()

    def names(self) -> tuple[str, ...]:
        """List the names of all voices, the built-in ones first.

        Raises:
            ModelUnavailable: the model is not loaded.
        """
        return self._library().names()

    async def all(self) -> list[Voice]:
        """List every voice, the built-in ones first.

        Raises:
            ModelUnavailable: the model is not loaded.
        """
        names = self._library().names()
        return await self._pools.files.run(partial(self._described, names))

    async def get(self, name: str) -> Voice:
        """Find a voice by its name, in upper or lower case.

        Raises:
            VoiceNotFound, ModelUnavailable.
        """
        found = self._library().resolve(name)
        return (await self._pools.files.run(partial(self._described, [found])))[0]

    async def sound_id(self, name: str) -> str:
        """Compute 32 hex digits that change when the sound of a voice does.

        Raises:
            VoiceNotFound, ModelUnavailable.
        """
        name = self._library().resolve(name)
        path = self._folder.by_name().get(name)
        if path is None:
            return hashlib.sha256(name.encode()).hexdigest()[:32]
        digest = await self._pools.files.run(partial(self._library().digest_of, name, path))
        return digest[:32]

    async def create(
        self, name: str, clips: Sequence[Clip], details: VoiceDetails, *, replace: bool
    ) -> tuple[Voice, PromptReport]:
        """Make a voice of recordings, and report what was done to them.

        Args:
            replace: whether a voice of this name may be replaced; what `details` do not say is
                kept of it.

        Raises:
            InvalidRequest: the name breaks a rule.
            InvalidClip: a recording cannot be used.
            Conflict: there is such a voice, and `replace` is false.
            LimitReached: the caller keeps as much already as it may.
            ModelUnavailable, StorageFailed.
        """
        name = check_name(name)
        self._check_free(name, replace=replace)
        await self._pools.files.run(partial(self._require_room, name))
        data, report = await self._prompt_of(clips)
        await self._library().state_of_recording(_prompt(data, clips))
        details = dataclasses.replace(
            details,
            created=_now(),
            reference_seconds=report.seconds,
            report=dataclasses.asdict(report),
        )
        try:
            return await self._put(name, ".wav", data, details, replace=replace), report
        except BaseException:
            self._library().forget_recording(hashlib.sha256(data).hexdigest())
            raise

    async def joined(self, clips: Sequence[Clip]) -> Clip:
        """Join several recordings into one, as for a voice that is kept; may raise InvalidClip."""
        data, report = await self._prompt_of(clips)
        return dataclasses.replace(_prompt(data, clips), preparation=report.actions)

    async def check_recording(self, clip: Clip) -> None:
        """Raise InvalidClip if nothing can be heard in a recording."""
        await self._pools.decoding.run_cancellable(partial(self._prompts.decode, clip))

    async def import_state(
        self,
        name: str,
        data: bytes,
        details: VoiceDetails,
        *,
        replace: bool,
        field: Field = Parameter.STATE,
    ) -> Voice:
        """Take in a voice state that another server, or pocket-tts itself, has exported.

        Args:
            field: where the state stood in the request, for errors.

        Raises:
            InvalidRequest: it is no state, or one of another model or precision.
            Conflict, LimitReached, ModelUnavailable, StorageFailed.
        """
        name = check_name(name)
        self._check_free(name, replace=replace)
        await self._pools.files.run(partial(self._require_room, name))
        model = await self._pools.files.run(partial(self._try_state, name, data, field))
        details = dataclasses.replace(details, created=_now(), model=model)
        return await self._put(name, ".safetensors", data, details, replace=replace)

    async def update(
        self,
        name: str,
        edit: Callable[[VoiceDetails], VoiceDetails],
        *,
        new_name: str | None = None,
    ) -> Voice:
        """Describe or rename a voice that people made; its files change as one.

        Raises:
            InvalidRequest: the new name breaks a rule.
            Conflict: the new name is taken, or the voice is built in.
            VoiceNotFound, StorageFailed.
        """
        async with self._naming:
            name = self._custom(name)
            new_name = name if new_name in (None, name) else check_name(new_name)
            if folded(name) != folded(new_name):
                self._check_free(new_name, replace=False)
            rewrite = partial(self._rewrite, name, new_name, edit)
            named = await self._pools.saving.run(partial(self._folder.changing, rewrite))
        return await self.get(named)

    async def delete(self, name: str) -> str:
        """Delete a voice that people made, and all that was made of it.

        Speech in this voice that has begun goes on.

        Returns:
            The name that the voice had.

        Raises:
            VoiceNotFound, Conflict, StorageFailed.
        """
        async with self._naming:
            name = self._custom(name)
            remove = partial(self._remove, name)
            digest, consent = await self._pools.saving.run(partial(self._folder.changing, remove))
            await self._pools.saving.run(partial(self._forget, digest, consent))
            return name

    async def export(self, name: str) -> tuple[str, bytes]:
        """Export any voice as a `.safetensors` file, which pocket-tts reads as well.

        Returns:
            The voice's name and the contents of the file.

        Raises:
            VoiceNotFound, ModelUnavailable, StorageFailed.
        """
        name = self._library().resolve(name)
        state = await self._library().state_of(name)
        engine = self._engine()

        def written() -> bytes:
            with scratch_folder() as scratch:
                path = scratch / "state.safetensors"
                engine.save_voice(state, path)
                return path.read_bytes()

        return name, await self._pools.files.run(written)

    async def _prompt_of(self, clips: Sequence[Clip]) -> tuple[bytes, PromptReport]:
        return await self._pools.decoding.run_cancellable(partial(self._prompts.make, clips))

    def _described(self, names: Collection[str]) -> list[Voice]:
        files = self._folder.by_name()
        return [
            Voice(name, "custom", self._details(name)) if name in files else self._built_in(name)
            for name in names
        ]

    def _built_in(self, name: str) -> Voice:
        spoken_by = self._stand_ins().get(name)
        description = spoken_by and f"stand-in: the preview's voice {spoken_by} speaks in its place"
        details = VoiceDetails(language=self._model_language, description=description)
        return Voice(name, "built-in", details, spoken_by)

    def _details(self, name: str) -> VoiceDetails:
        """Read the details of a voice that is a file, and find out what its maker did not note."""
        path = self._path_of(name)
        details = self._noted(path.stem)
        if details.created is None:
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            details = dataclasses.replace(details, created=made.isoformat(timespec="seconds"))
        seconds = reference_seconds(path, at_most=self._prompts.max_seconds)
        if seconds is not None:
            details = dataclasses.replace(details, reference_seconds=seconds)
        return details

    def _noted(self, stem: str) -> VoiceDetails:
        return read_details(self._folder.details_path(stem)) or VoiceDetails()

    def _check_free(self, name: str, *, replace: bool) -> None:
        taken = {folded(known): known for known in self._library().names()}.get(folded(name))
        if taken is not None and not replace:
            raise VoiceExists(taken)

    def _custom(self, name: str) -> str:
        name = self._library().resolve(name)
        path = self._folder.by_name().get(name)
        if path is None:
            raise Conflict(f"the voice {name!r} is built in: it cannot be changed or deleted")
        if not self._folder.may_change(path.stem):
            raise Conflict(f"the voice {name!r} is the operator's: it cannot be changed or deleted")
        return name

    def _try_state(self, name: str, data: bytes, field: Field) -> str:
        """Refuse a state that the engine cannot load; return the fingerprint of its model."""
        engine = self._engine()
        model = engine.model_fingerprint
        check_state_file(data, model=model, precision=engine.voice_precision, field=field)
        with scratch_folder() as scratch:
            path = scratch / f"{name}.safetensors"
            path.write_bytes(data)
            try:
                engine.load_voice(path)
            except InvalidRequest as error:
                raise InvalidRequest(error.template, field=field) from error
        return model

    async def _put(
        self, name: str, suffix: str, data: bytes, details: VoiceDetails, *, replace: bool
    ) -> Voice:
        async with self._naming:
            built_in = {folded(known): known for known in self._library().predefined()}
            name = built_in.get(folded(name), name)
            check_length(self._folder.new_stem(name))
            write = partial(self._write, name, suffix, data, details, replace)
            details = await self._pools.saving.run(partial(self._folder.changing, write))
        return Voice(name, "custom", details)

    def _write(
        self,
        name: str,
        suffix: str,
        data: bytes,
        details: VoiceDetails,
        replace: bool,
        change: Change,
    ) -> VoiceDetails:
        """Write a voice; its details are those given and, where they are silent, the old ones."""
        self._check_free(name, replace=replace)
        same = self._replaced_by(name)
        for known in same:
            details = details.replacing(self._noted(known))
        stem, own = self._folder.new_stem(name), self._own(same)
        write = {f"{stem}{suffix}": data, _details_name(stem): details.to_json()}
        more_bytes = sum(map(len, write.values())) - sum(map(self._folder.size_bytes, own))
        with self._room(voices=1 - len(own), size_bytes=more_bytes):
            change(write, [file for known in same for file in self._folder.files_of(known)])
        return details

    def _replaced_by(self, name: str) -> list[str]:
        """List the stems of voices that one of this name takes the place of."""
        return [
            path.stem
            for known, path in self._folder.by_name().items()
            if folded(known) == folded(name) and self._folder.may_change(path.stem)
        ]

    def _own(self, stems: Collection[str]) -> list[str]:
        return [stem for stem in stems if self._folder.is_own(stem)]

    def _require_room(self, name: str) -> None:
        """Refuse a voice that could not be kept, before it is made."""
        with self._room(voices=1 - len(self._own(self._replaced_by(name)))):
            pass

    def _rewrite(
        self,
        name: str,
        new_name: str,
        edit: Callable[[VoiceDetails], VoiceDetails],
        change: Change,
    ) -> str:
        """Write the details of a voice, and its files under a new name; return what it is now."""
        stem = self._path_of(name).stem
        # Somebody else's voice stays theirs, whoever renames it.
        new_stem = stem if name == new_name else stem_of(new_name, owner_of(stem))
        others = {folded(each) for each in self._folder.all() if each != stem}
        if new_stem != stem and folded(new_stem) in others:
            raise VoiceExists(new_name)
        files = self._folder.files_of(stem) if stem != new_stem else []
        write = {
            new_stem + filename[len(stem) :]: (self._folder.directory / filename).read_bytes()
            for filename in files
        }
        write[_details_name(new_stem)] = edit(self._noted(stem)).to_json()
        change(write, files)
        seen = self._folder.by_name().items()
        return next((known for known, path in seen if path.stem == new_stem), new_name)

    def _remove(self, name: str, change: Change) -> tuple[str, str | None]:
        """Remove the files of a voice; return the digest of its sound, and its consent."""
        path = self._path_of(name)
        digest = self._library().digest_of(name, path)
        consent = self._noted(path.stem).consent
        change({}, self._folder.files_of(path.stem))
        return digest, consent

    def _path_of(self, name: str) -> Path:
        """Return the file of a voice; raises VoiceNotFound if another server has removed it."""
        path = self._folder.by_name().get(name)
        if path is None:
            raise VoiceNotFound(name, self._library().names())
        return path

    def _forget(self, digest: str, consent: str | None) -> None:
        """Remove what was made of a voice that has gone."""
        if consent is not None and not self._is_consent_of_another(consent):
            self._forget_consent(consent)
        self._library().forget_recording(digest)
        self._forget_previews(digest[:32])

    def _is_consent_of_another(self, consent: str) -> bool:
        return any(self._noted(stem).consent == consent for stem in self._folder.all())


def _prompt(data: bytes, clips: Sequence[Clip]) -> Clip:
    """Wrap a prompt as a clip, whose errors name the field in which the recordings stood."""
    return Clip(data, "joined.wav", field=clips[0].field)


def _details_name(stem: str) -> str:
    return f"{stem}{DETAILS_SUFFIX}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
