"""Reads the settings and checks them; nothing else reads the environment or `.env`."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.bounds import (
    BODIES_MB,
    IDLE_CONNECTION_SECONDS,
    JSON_VALUES,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    SPEECH_SECONDS,
)
from app.env_file import ENCODING, EnvFileError, check_names, export_foreign_names
from app.ranges import (
    CharsPerChunk,
    EosThreshold,
    FramesAfterEos,
    NoiseClamp,
    SamplerDecodeSteps,
    Temperature,
)
from app.speech import Sampling

PLACEHOLDER_API_KEY = "change-me"
ENV_FILE = Path(".env")
SQLITE = "sqlite:///"
POSTGRESQL = "postgresql://"

_HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_USUAL_PORTS = MappingProxyType({"http": 80, "https": 443})


class SettingsError(Exception):
    """Says in one line which setting stops the start, and why."""


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _model_name(name: str) -> str:
    """Return a model's name in small letters, unless it is an address, whose letters count."""
    return name if "://" in name else name.lower()


def _voice_pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        alias, _, voice = (side.strip() for side in part.partition("="))
        if not alias or not voice or "=" in voice:
            raise ValueError(f"{part!r} is not of the form alias=voice")
        if alias.lower() in pairs:
            raise ValueError(f"{alias.lower()!r} is there twice")
        pairs[alias.lower()] = voice
    return pairs


def _voice_file_name(name: str) -> str:
    """Refuse a name that no voice can have, since no file in VOICES_DIR can be called so."""
    if name.startswith(".") or not name.isprintable() or not {"/", "\\"}.isdisjoint(name):
        raise ValueError(
            f"{name!r} cannot be the name of a voice, which neither begins with a '.' nor contains "
            "a slash, a backslash or a control character"
        )
    return name


def _http_url(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    is_web = parts.scheme in ("http", "https")
    if not is_web or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http:// or https:// address without a query")
    # Reading `port` raises ValueError where it is no port.
    if parts.port == 0:
        raise ValueError("port must be 1 to 65535")
    return value.rstrip("/")


def _store_url(value: str) -> str:
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[^?#]*)?", value):
        raise ValueError(f"must be s3://BUCKET or s3://BUCKET/FOLDER; it is {value!r}")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    if not re.fullmatch(rf"{SQLITE}.+|{POSTGRESQL}[^/]+/[^/]+", value):
        raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    return value


def _host(value: str) -> str:
    """Refuse a host that the system cannot look up; the lookup itself comes later."""
    try:
        value.encode("idna")
    except UnicodeError:
        raise ValueError(f"{value!r} can be neither the name of a host nor an address") from None
    return value


def _device(value: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", value):
        raise ValueError(f"must be cpu, cuda or cuda:N, such as cuda:0; it is {value!r}")
    return value


def _addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        if entry != "*":
            ipaddress.ip_network(entry, strict=False)
    return value


def _trusted_hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        if entry != "*" and _HOST_PATTERN.fullmatch(entry) is None:
            raise ValueError(
                f"{entry!r} is no host without a port; write speech.example.com, "
                "*.example.com, 192.168.1.5 or [::1]"
            )
    return value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    """Write origins exactly as browsers send them, for they are compared letter by letter."""
    return tuple(_origin(entry) for entry in value)


def _origin(entry: str) -> str:
    if entry in ("*", "null"):
        return entry
    example = "an origin is scheme://host or scheme://host:port, such as https://app.example.com"
    if "://" not in entry:
        raise ValueError(f"{entry!r} has no scheme; {example}")
    try:
        parts = urlsplit(entry)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{entry!r} is no origin: {error}; {example}") from None
    host = parts.hostname
    if not parts.scheme or not host or "*" in host or parts.username is not None:
        raise ValueError(f"{entry!r} is no origin; {example}, or * alone for every page")
    if parts.path or parts.query or parts.fragment or entry[-1] in "/?#":
        raise ValueError(f"{entry!r} has something after the host; {example}")
    host = f"[{host}]" if ":" in host else host
    is_usual = port is None or port == _USUAL_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{port}"


LowerCase = BeforeValidator(_lower_case)
Host = Annotated[str, Field(min_length=1), AfterValidator(_host)]
VoiceFileName = Annotated[str, Field(min_length=1), AfterValidator(_voice_file_name)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
ModelNames = Annotated[
    tuple[Annotated[str, AfterValidator(_model_name)], ...],
    NoDecode,
    BeforeValidator(_comma_separated),
]


class Settings(BaseSettings):
    """Holds everything an operator can set, under the environment variables in lower case."""

    model_config = SettingsConfigDict(
        env_file_encoding=ENCODING,
        # `TEMPERATURE=` in .env means the default, as a line that is not there does.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    # Who may speak
    api_key: SecretStr | None = None
    api_keys_file: Path | None = None
    tenants: Annotated[Literal["shared", "separate"], LowerCase] = "shared"
    redis_url: Annotated[str, Field(pattern=r"^rediss?://")] | None = None
    auth_disabled: bool = False
    public_lists: bool = False

    # Where the server listens, and how clients reach it
    host: Host = "0.0.0.0"  # noqa: S104 - serving the network is what the contract asks for
    port: int = Field(8000, ge=0, le=65535)
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    public_base_url: Annotated[str | None, AfterValidator(_http_url)] = None
    trusted_proxies: Annotated[CommaSeparated, AfterValidator(_addresses)] = ("127.0.0.1", "::1")
    trusted_hosts: Annotated[CommaSeparated, LowerCase, AfterValidator(_trusted_hosts)] = ("*",)
    cors_origins: Annotated[CommaSeparated, AfterValidator(_origins)] = ()

    dialects: Annotated[CommaSeparated, LowerCase] = ("all",)
    wyoming_host: Host = "127.0.0.1"
    wyoming_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    wyoming_markup: Annotated[Literal["on", "off"], LowerCase] = "on"

    # Limits
    max_connections: int = Field(MAX_CONNECTIONS, ge=1, le=100_000)
    max_connections_per_address: int = Field(MAX_CONNECTIONS_PER_ADDRESS, ge=1, le=100_000)
    connection_idle_seconds: float = Field(IDLE_CONNECTION_SECONDS, gt=0, le=3600)
    max_script_chars: int = Field(50_000, ge=1, le=10_000_000)
    max_speech_seconds: float = Field(SPEECH_SECONDS, ge=1, le=1_000_000)
    max_chars_per_chunk: CharsPerChunk = 218
    first_text_wait_ms: int = Field(250, ge=20, le=10_000)
    max_upload_mb: float = Field(25.0, gt=0, le=1024)
    max_bodies_mb: float = Field(BODIES_MB, gt=0, le=100_000)
    max_ref_duration: float = Field(15.0, ge=1, le=60)
    max_running_rows: int = Field(32, ge=1, le=512)
    max_queued_requests: int = Field(64, ge=0, le=10_000)
    max_queued_seconds: float = Field(3600.0, gt=0, le=10_000_000)
    queue_timeout_seconds: float = Field(60.0, gt=0, le=3600)
    shutdown_grace_seconds: float = Field(20.0, ge=0, le=600)

    # Model and voices
    model_language: Annotated[ModelNames, Field(min_length=1)] = ("english",)
    model_fallback: Annotated[Literal["preview", "none"], LowerCase] = "preview"
    max_loaded_models: int = Field(2, ge=1, le=32)
    idle_unload_minutes: float = Field(0.0, ge=0, le=100_000)
    model_config_path: str | None = Field(None, alias="MODEL_CONFIG")
    models_dir: Path = Path("models")
    voices_dir: Path = Path("models/voices")
    voices_url: StoreUrl | None = None
    pronunciations_file: Path = Path("models/pronunciations.txt")
    dictionaries_dir: Path = Path("models/dictionaries")
    jobs_dir: Path = Path("models/jobs")
    database_url: Annotated[str, AfterValidator(_database_url)] | None = None
    jobs_url: StoreUrl | None = None
    voice_output_dir: Path = Path("voice")
    voice_output_url: StoreUrl | None = None
    voice_output_redirect: bool = False
    voice_max_age_hours: float = Field(720.0, ge=0, le=1_000_000)
    voice_max_mb: float = Field(2000.0, ge=0, le=10_000_000)
    voice_max_files: int = Field(10_000, ge=0, le=1_000_000)
    url_signing_secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    url_lifetime_hours: float = Field(24.0, gt=0, le=1_000_000)
    default_voice: VoiceFileName = "alba"
    voice_cache_mb: float = Field(512.0, gt=0, le=1_000_000)
    voice_states_disk_mb: float = Field(1024.0, ge=0, le=10_000_000)
    allow_voice_urls: bool = False
    allow_insecure_voice_urls: bool = False
    openai_voices: Annotated[dict[str, VoiceFileName], NoDecode, BeforeValidator(_voice_pairs)] = {
        "alloy": "alba",
        "ash": "javert",
        "ballad": "jean",
        "cedar": "marius",
        "coral": "cosette",
        "echo": "marius",
        "fable": "jean",
        "marin": "eponine",
        "nova": "fantine",
        "onyx": "javert",
        "sage": "azelma",
        "shimmer": "eponine",
        "verse": "jean",
    }
    voice_aliases: Annotated[dict[str, VoiceFileName], NoDecode, BeforeValidator(_voice_pairs)] = {}

    # Sampling; empty means the model's own default
    temperature: Temperature | None = None
    sampler_decode_steps: SamplerDecodeSteps | None = None
    eos_threshold: EosThreshold | None = None
    noise_clamp: NoiseClamp | None = None
    frames_after_eos: FramesAfterEos | None = None

    takes: int = Field(3, ge=1, le=10)

    # Machine
    model_device: Annotated[str, LowerCase, AfterValidator(_device)] = "cpu"
    model_precision: Annotated[Literal["auto", "float32", "int8", "bfloat16"], LowerCase] = "auto"
    torch_threads: Annotated[int, Field(ge=1, le=256)] | None = None

    # Many machines (docs/scaling.md)
    fleet_replicas: int = Field(1, ge=1, le=10_000)
    fleet_max_replicas: Annotated[int, Field(ge=1, le=10_000)] | None = None
    fleet_cores: int = Field(1, ge=1, le=256)

    # What it tells
    metrics: Annotated[Literal["off", "key", "open"], LowerCase] = "key"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], LowerCase] = "info"
    log_format: Annotated[Literal["console", "json"], LowerCase] = "console"

    @property
    def max_body_bytes(self) -> int:
        """Return how large the body of a request may be that brings a recording.

        One in base64 has four characters for three bytes, and in a form some of them as three more.
        """
        return self.max_upload_bytes * 3 // 2 + self.max_script_bytes

    @property
    def max_json_values(self) -> int:
        """Return how many values a JSON body may have; the commas of a script count as such."""
        return JSON_VALUES + self.max_script_chars // 4

    @property
    def sampling(self) -> Sampling:
        """Return the server's sampling, which a request may override field by field."""
        return Sampling(
            temperature=self.temperature,
            sampler_decode_steps=self.sampler_decode_steps,
            eos_threshold=self.eos_threshold,
            noise_clamp=self.noise_clamp,
            frames_after_eos=self.frames_after_eos,
        )

    @property
    def max_upload_bytes(self) -> int:
        return int(self.max_upload_mb * 1_000_000)

    @property
    def max_script_bytes(self) -> int:
        """Return how many bytes of JSON the longest script may take, with all that belongs to it.

        A character beyond the basic plane may arrive as two escapes of six bytes.
        """
        return 12 * self.max_script_chars + 64 * 1024

    @property
    def voice_cache_bytes(self) -> int:
        return int(self.voice_cache_mb * 1_000_000)

    @property
    def voice_states_disk_bytes(self) -> int:
        return int(self.voice_states_disk_mb * 1_000_000)


def load_settings(
    env_file: Path = ENV_FILE, *, for_command: bool = False, **overrides: Any
) -> Settings:
    """Read the environment and `env_file` (the environment wins), and check what they say.

    What `env_file` sets for the libraries underneath, such as HF_TOKEN, goes into the environment,
    where they look for it. So call this before they are imported.

    Args:
        for_command: whether it is for a command, which asks nobody for a key and needs none.

    Raises:
        SettingsError: one setting is wrong; a line says which, why, and what is allowed.
    """
    try:
        check_names(env_file, _known_names())
        settings = Settings(_env_file=env_file, **overrides)
        _check_ports(settings)
        if not for_command:
            _check_api_key(settings)
        _check_fleet(settings)
        export_foreign_names(env_file)
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None
    except EnvFileError as error:
        raise SettingsError(str(error)) from None
    return settings


def _known_names() -> list[str]:
    return [(field.alias or name).upper() for name, field in Settings.model_fields.items()]


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]).upper()
    reason = first["msg"].removeprefix("Value error, ")
    return f"{name}: {reason[:1].lower()}{reason[1:]}"


def _check_ports(settings: Settings) -> None:
    port = settings.wyoming_port
    if port and port == settings.port:
        raise SettingsError(f"WYOMING_PORT: {port} is PORT already, where HTTP is served")


def _check_fleet(settings: Settings) -> None:
    most = settings.fleet_max_replicas
    if most is not None and most < settings.fleet_replicas:
        raise SettingsError(
            f"FLEET_MAX_REPLICAS: {most} is fewer than FLEET_REPLICAS, {settings.fleet_replicas}"
        )
    if settings.voice_output_redirect and settings.voice_output_url is None:
        raise SettingsError("VOICE_OUTPUT_REDIRECT: there is no VOICE_OUTPUT_URL to redirect to")


def _check_api_key(settings: Settings) -> None:
    if settings.auth_disabled:
        if settings.tenants == "separate":
            raise SettingsError(
                "TENANTS: without keys (AUTH_DISABLED=true) callers cannot be told apart"
            )
        return
    if settings.api_key is None:
        if settings.api_keys_file is not None:
            return
        raise SettingsError(
            "API_KEY is not set: put a key of your own into .env, name a file of keys in "
            "API_KEYS_FILE, or set AUTH_DISABLED=true to serve without one"
        )
    key = settings.api_key.get_secret_value()
    if key == PLACEHOLDER_API_KEY:
        raise SettingsError("API_KEY still has the placeholder of .env.example: choose a key")
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise SettingsError("API_KEY must be printable ASCII without spaces around it")
