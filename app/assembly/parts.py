"""Makes the long-lived parts of a server."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from app import __version__
from app.assembly.models import chosen_models
from app.assembly.speakers import BuildEngine, Speakers, aliases, make_cast
from app.assembly.stores import open_bucket
from app.audio.storage import AUDIO_NAME, AudioStore, Retention
from app.bounds import DOCUMENT_CHARACTERS
from app.callers.allowances import Allowances
from app.callers.caller import ANYBODY, OPERATOR, Caller
from app.callers.keyring import Keyring
from app.callers.keys_file import KeysFileError
from app.callers.sessions import Sessions
from app.callers.stored import Stored, StoredLimits
from app.callers.tokens import Tokens
from app.engine.languages import PREDEFINED_SEXES
from app.engine.preview import preview_voices
from app.errors import Forbidden, StoreUnreachable
from app.folders import check_folder
from app.jobs.board import Board
from app.jobs.database import SqliteDatabase
from app.jobs.job import Job
from app.jobs.jobs import HEARTBEAT_SECONDS, Jobs
from app.jobs.leases import AloneInFolder, Leases
from app.jobs.mastering import Mastering
from app.jobs.postgres import PostgresDatabase
from app.jobs.runner import LOOK_SECONDS, JobRunner
from app.jobs.speaking import SegmentSpeaker
from app.jobs.sql import Database
from app.jobs.store import JobStore
from app.jobs.takes import JobFiles
from app.lifetime import Lifetime
from app.named_voices import check_default_voice
from app.network.peers import Peers
from app.network.wrong_keys import WrongKeys
from app.owners import NOBODY, Viewer, WhoAsks, everybody
from app.pronunciations.dictionaries import Dictionaries
from app.pronunciations.own import OwnPronunciations, PronunciationsFileError
from app.request_record import current_record
from app.services import Services
from app.settings import SQLITE, Settings, SettingsError
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speaking.previews import Previews
from app.stores.bucket import Bucket
from app.stores.cached import FilesInBucket
from app.stores.changes import ChangingFolder, OwnFolder
from app.stores.files import FileStore
from app.stores.folder import FilesInFolder
from app.stores.shared import SharedFolder
from app.telemetry.meter import Meter, Now
from app.telemetry.requests import Requests
from app.telemetry.tracing import Tracing, TracingError, make_tracing
from app.voices.consents import ConsentStore
from app.voices.fetch import VoiceFetcher
from app.voices.folder import VoiceFolder
from app.voices.kept_files import KeptFiles
from app.voices.store import VoiceStore
from app.work import ByteBudget, make_pools

CACHE_FOLDER = ".cache"
"""What a store has is kept here as well."""
SESSIONS_FILE = ".sessions"
PREVIEWS_BYTES = 64_000_000
"""Samples of voices take up at most this much of the disk."""


def make_services(
    settings: Settings,
    build_engine: BuildEngine | None = None,
    build_preview: BuildEngine | None = None,
    *,
    look_first: bool = False,
) -> Services:
    """Make the long-lived parts of a server; no model is being loaded yet.

    Args:
        build_engine: loads a model and starts an engine on it; tests put a fake here.
        build_preview: does the same for the model that fills in.
        look_first: whether to ask the hub for better weights before those are loaded that are
            here, not later in the background.

    Raises:
        SettingsError: the parts cannot work as set.
    """
    models = chosen_models(settings)
    check_folder("MODELS_DIR", settings.models_dir, otherwise="no weights can be downloaded")
    check_folder(
        "VOICES_DIR", settings.voices_dir, otherwise="no voice can be made, changed or kept ready"
    )
    check_folder("JOBS_DIR", settings.jobs_dir, otherwise="no long recordings can be made")
    tracing = _tracing()
    parts = _Parts(settings, models, build_engine, build_preview, look_first=look_first)
    parts.meter.watch(parts.now)
    keyring = parts.keyring
    return Services(
        settings=settings,
        lifetime=parts.lifetime,
        speech=parts.speech,
        cast=parts.cast,
        voices=parts.voices,
        previews=parts.previews,
        consents=parts.consents,
        pronunciations=parts.pronunciations,
        dictionaries=parts.dictionaries,
        fetcher=parts.fetcher,
        saved=parts.saved,
        followed=parts.followed,
        jobs=parts.jobs,
        keyring=keyring,
        tokens=Tokens(keyring, _token_secret(settings)),
        allowances=parts.allowances,
        sessions=Sessions(keyring, settings.models_dir / SESSIONS_FILE, _shared_secret(settings)),
        ffmpeg=parts.speakers.ffmpeg,
        pools=parts.pools,
        bodies=ByteBudget(max(int(settings.max_bodies_mb * 1_000_000), settings.max_body_bytes)),
        peers=Peers(settings.trusted_proxies),
        wrong_keys=WrongKeys(),
        meter=parts.meter,
        requests=Requests(parts.meter, tracing),
        tracing=tracing,
    )


class _Parts:
    """Makes each part when another first needs it; which needs which stands in the code of each.

    Args:
        models: the language of each model, the default first.

    The others are those of `make_services`.
    """

    def __init__(
        self,
        settings: Settings,
        models: Mapping[str, str],
        build_engine: BuildEngine | None,
        build_preview: BuildEngine | None,
        *,
        look_first: bool,
    ) -> None:
        self._settings = settings
        self._models = models
        self._build_preview = build_preview
        self.followed: list[SharedFolder] = []
        self.pools = make_pools()
        self.meter = Meter(__version__)
        self.lifetime = Lifetime(settings.shutdown_grace_seconds)
        self.who_asks = _who_asks(settings)
        self.allowances = Allowances(settings.redis_url)
        self.speakers = Speakers(
            settings,
            build_engine,
            self.pools,
            self.meter,
            who_asks=self.who_asks,
            elsewhere=self.allowances.elsewhere,
            look_first=look_first,
        )
        self.stored_limits = StoredLimits(self._stored_by)
        self.keyring = _keyring(settings)

    @cached_property
    def folder(self) -> VoiceFolder:
        """The folder of voices, mended after a crash."""
        settings = self._settings
        folder = VoiceFolder(self._voice_files, self.who_asks)
        _recover(settings, folder.recover)
        released = () if settings.model_config_path else (*PREDEFINED_SEXES, *preview_voices())
        check_default_voice(settings, (*released, *folder.by_name(), *aliases(settings)))
        return folder

    @cached_property
    def _voice_files(self) -> ChangingFolder:
        return self._changing_folder("voices", self._settings.voices_dir)

    @cached_property
    def _consent_files(self) -> ChangingFolder:
        folder = self._changing_folder("consents", self._settings.voices_dir / ".consents")
        _recover(self._settings, folder.recover)
        return folder

    def _changing_folder(self, name: str, directory: Path) -> ChangingFolder:
        if self._voices_bucket is None:
            return OwnFolder(directory)
        folder = SharedFolder(self._voices_bucket, name, directory)
        self.followed.append(folder)
        return folder

    @cached_property
    def _voices_bucket(self) -> Bucket | None:
        url = self._settings.voices_url
        return None if url is None else open_bucket("VOICES_URL", url)

    @cached_property
    def cast(self) -> Cast:
        """All who can speak."""
        return make_cast(
            self._settings,
            self._models,
            self.speakers,
            self.folder,
            self._build_preview,
            self.pools,
        )

    @cached_property
    def pronunciations(self) -> OwnPronunciations:
        """The operator's pronunciations."""
        return _pronunciations(self._settings)

    @cached_property
    def dictionaries(self) -> Dictionaries:
        """The dictionaries that callers have stored."""
        return Dictionaries(self._settings.dictionaries_dir)

    @cached_property
    def speech(self) -> Speech:
        """The door."""
        settings = self._settings
        return Speech(
            self.cast,
            self.lifetime,
            ffmpeg=self.speakers.ffmpeg,
            pronunciations=self.pronunciations,
            dictionaries=self.dictionaries,
            max_script_chars=settings.max_script_chars,
            max_chars_per_chunk=settings.max_chars_per_chunk,
            max_speech_seconds=settings.max_speech_seconds,
            patience_seconds=settings.queue_timeout_seconds,
            first_text_wait_seconds=settings.first_text_wait_ms / 1000,
            reading=self.pools.reading,
            loading=self.pools.loading,
            meter=self.meter,
        )

    @cached_property
    def saved(self) -> AudioStore:
        """Saved audio."""
        settings = self._settings
        retention = Retention(
            max_age_seconds=settings.voice_max_age_hours * 3600 or None,
            max_bytes=int(settings.voice_max_mb * 1_000_000) or None,
            max_files=settings.voice_max_files or None,
        )
        return AudioStore(self._saved_files(), retention, self.who_asks, self._room)

    def _saved_files(self) -> FileStore:
        settings, folder = self._settings, self._settings.voice_output_dir
        if settings.voice_output_url is None:
            return FilesInFolder(folder, names=AUDIO_NAME)
        bucket = open_bucket("VOICE_OUTPUT_URL", settings.voice_output_url)
        return FilesInBucket(bucket, folder / CACHE_FOLDER, names=AUDIO_NAME)

    @cached_property
    def consents(self) -> ConsentStore:
        """What people have said about the use of their voices."""
        return ConsentStore(self._consent_files, self.who_asks)

    @cached_property
    def preview_files(self) -> KeptFiles:
        """Samples of voices, on disk."""
        folder = self._settings.voices_dir / ".previews"
        return KeptFiles(folder, PREVIEWS_BYTES, self.meter.lookups("previews"))

    @cached_property
    def voices(self) -> VoiceStore:
        """The voices, and all that can be done to them."""
        return VoiceStore(
            self.folder,
            lambda: self.cast.current.library,
            engine=lambda: self.cast.current.supervisor.engine,
            prompts=self.speakers.prompts,
            model_language=(
                None if self._settings.model_config_path else self.cast.default.language
            ),
            stand_ins=lambda: self.cast.current.stand_ins,
            forget_previews=self.preview_files.forget,
            forget_consent=self.consents.forget,
            pools=self.pools,
            room=self._room,
        )

    @cached_property
    def previews(self) -> Previews:
        """Speaks samples of voices."""
        return Previews(
            self.speech,
            self.cast,
            self.voices,
            self.preview_files,
            ffmpeg=self.speakers.ffmpeg,
            pools=self.pools,
        )

    @cached_property
    def _database(self) -> Database:
        url = self._settings.database_url
        if url is None:
            return SqliteDatabase(self._settings.jobs_dir / "jobs.sqlite3")
        if url.startswith(SQLITE):
            return SqliteDatabase(Path(url.removeprefix(SQLITE)))
        return PostgresDatabase(url)

    @cached_property
    def job_store(self) -> JobStore:
        """What is kept of the long recordings."""
        return JobStore(self._database)

    @cached_property
    def jobs(self) -> Jobs:
        """The long recordings."""
        settings, pools, board = self._settings, self.pools, Board()
        bucket = None
        if settings.jobs_url is not None:
            bucket = open_bucket("JOBS_URL", settings.jobs_url)
        files = JobFiles(settings.jobs_dir, bucket)
        store = self.job_store
        is_alone = isinstance(self._database, SqliteDatabase)
        runner = JobRunner(
            self._database,
            store,
            files,
            SegmentSpeaker(self.speech, self.cast, self.allowances, self._caller_of, pools.jobs),
            Mastering(store, files, self.speakers.ffmpeg, pools.mastering),
            board,
            self.lifetime,
            AloneInFolder(settings.jobs_dir) if is_alone else Leases(self._database),
            room=self._room_of,
            pool=pools.jobs,
            leasing=pools.leasing,
            at_once=max(1, settings.max_running_rows // 2),
        )
        return Jobs(
            store,
            files,
            runner,
            board,
            self.speech,
            self.cast,
            who_asks=self.who_asks,
            room=self._room,
            pool=pools.jobs,
            cutting=pools.documents,
            max_characters=DOCUMENT_CHARACTERS,
            look_seconds=HEARTBEAT_SECONDS if is_alone else LOOK_SECONDS,
        )

    def _caller_of(self, job: Job) -> Caller:
        """Return whose a job is, as the keys are now."""
        if job.owner is None:
            return OPERATOR if self.keyring.asks_for_keys else ANYBODY
        caller = self.keyring.named(job.owner)
        if caller is None or not caller.may("jobs"):
            raise Forbidden("the key that made this job was revoked, or is not for jobs any more")
        return caller

    @cached_property
    def fetcher(self) -> VoiceFetcher | None:
        """Fetches recordings from addresses, where that is allowed."""
        settings = self._settings
        if not settings.allow_voice_urls:
            return None
        return VoiceFetcher(
            max_bytes=settings.max_upload_bytes, allow_http=settings.allow_insecure_voice_urls
        )

    def now(self) -> Now:
        """Look at what the metrics tell of the moment."""
        statuses = [(each.model, each.supervisor.status().engine) for each in self.cast.loaded]
        return Now(
            ready=not self.lifetime.is_stopping and self.cast.current.supervisor.is_available,
            engines=tuple((model, status) for model, status in statuses if status is not None),
            requests=len(self.lifetime.at_work),
            voice_cache_bytes=self.speakers.states.nbytes,
        )

    def _stored_by(self, owner: str) -> Stored:
        voices, voice_bytes = self.folder.kept_by(owner)
        job_bytes = self.job_store.bytes_of(owner)
        return Stored(voices, voice_bytes + self.saved.bytes_of(owner) + job_bytes)

    def _room(self, *, voices: int = 0, size_bytes: int = 0) -> AbstractContextManager[None]:
        caller = current_record().caller
        return self.stored_limits.room(caller, voices=voices, size_bytes=size_bytes)

    def _room_of(self, job: Job, size_bytes: int) -> AbstractContextManager[None]:
        return self.stored_limits.room(self._caller_of(job), voices=0, size_bytes=size_bytes)


def _keyring(settings: Settings) -> Keyring:
    operator_key = None if settings.api_key is None else settings.api_key.get_secret_value()
    try:
        return Keyring(
            operator_key, settings.api_keys_file, asks_for_keys=not settings.auth_disabled
        )
    except KeysFileError as error:
        raise SettingsError(f"API_KEYS_FILE: {error}") from error


def _tracing() -> Tracing | None:
    try:
        return make_tracing()
    except TracingError as error:
        raise SettingsError(str(error)) from error


def _pronunciations(settings: Settings) -> OwnPronunciations:
    check_folder(
        "DICTIONARIES_DIR", settings.dictionaries_dir, otherwise="no dictionary can be made"
    )
    try:
        return OwnPronunciations(settings.pronunciations_file)
    except PronunciationsFileError as error:
        raise SettingsError(f"PRONUNCIATIONS_FILE: {error}") from error


def _shared_secret(settings: Settings) -> bytes | None:
    """Return the operator's secret, which several servers may have in common; None without one."""
    secret = settings.url_signing_secret
    return None if secret is None else secret.get_secret_value().encode()


def _token_secret(settings: Settings) -> bytes:
    """Return the operator's secret; without one tokens end when the server does."""
    return _shared_secret(settings) or secrets.token_bytes(32)


def _who_asks(settings: Settings) -> WhoAsks:
    """Return what tells for whom something is done: for who sent the request that is served."""

    def viewer() -> Viewer:
        caller = current_record().caller
        if caller is None:
            return NOBODY if settings.tenants == "separate" else everybody()
        administers = caller.may("admin")
        owner = None if administers or caller.for_operator else caller.name
        if settings.tenants == "shared":
            return Viewer(owner, "shared")
        return Viewer(owner, "all" if administers else "own")

    return viewer


def _recover(settings: Settings, recover: Callable[[], None]) -> None:
    try:
        recover()
    except StoreUnreachable as error:
        raise SettingsError(f"VOICES_URL: {error.message}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"VOICES_DIR: {settings.voices_dir} cannot be used: {error}") from error
