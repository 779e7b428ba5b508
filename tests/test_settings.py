"""Settings: what is wrong stops the start with one line that names it."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.env_file import HUB_NAMES
from app.settings import Settings, SettingsError, load_settings

EXAMPLE = Path(__file__).parent.parent / ".env.example"
NAMES = [(field.alias or name).upper() for name, field in Settings.model_fields.items()]


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def write(env_file: Path, *lines: str) -> Path:
    env_file.write_text("\n".join(("API_KEY=a-good-key", *lines)), "utf-8")
    return env_file


def test_defaults(env_file: Path) -> None:
    """A key is all that has to be set; the rest is as the contract says."""
    settings = load_settings(write(env_file))
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "a-good-key"
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert settings.max_ref_duration == 15
    assert settings.max_chars_per_chunk == 218
    assert settings.model_language == ("english",)
    assert settings.model_config_path is None
    assert settings.default_voice == "alba"
    assert settings.voices_dir == Path("models/voices")
    assert settings.voice_output_dir == Path("voice")
    assert settings.models_dir == Path("models")
    assert settings.sampling.temperature is None
    assert (settings.log_level, settings.log_format) == ("info", "console")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "70000", "65535"),
        ("PORT", "-1", "greater than or equal to 0"),
        ("PORT", "http", "valid integer"),
        ("AUTH_DISABLED", "perhaps", "boolean"),
        ("MAX_REF_DURATION", "0", "greater than or equal to 1"),
        ("MAX_REF_DURATION", "nan", "MAX_REF_DURATION"),
        ("MAX_CHARS_PER_CHUNK", "3", "greater than or equal to 20"),
        ("MAX_SCRIPT_CHARS", "0", "greater than or equal to 1"),
        ("MAX_UPLOAD_MB", "0", "greater than 0"),
        ("MAX_UPLOAD_MB", "inf", "MAX_UPLOAD_MB"),
        ("MAX_RUNNING_ROWS", "0", "greater than or equal to 1"),
        ("MAX_QUEUED_REQUESTS", "-1", "greater than or equal to 0"),
        ("QUEUE_TIMEOUT_SECONDS", "0", "greater than 0"),
        ("SHUTDOWN_GRACE_SECONDS", "-1", "greater than or equal to 0"),
        ("VOICE_CACHE_MB", "0", "greater than 0"),
        ("VOICE_CACHE_MB", "inf", "VOICE_CACHE_MB"),
        ("PUBLIC_BASE_URL", "speech.example.com", "http:// or https://"),
        ("PUBLIC_BASE_URL", "ftp://example.com", "http:// or https://"),
        ("PUBLIC_BASE_URL", "https://example.com/?a=b", "without a query"),
        ("PUBLIC_BASE_URL", "https://x:99999", "port out of range"),
        ("PUBLIC_BASE_URL", "https://x:http", "port"),
        ("PUBLIC_BASE_URL", "https://x:0", "1 to 65535"),
        ("PUBLIC_BASE_URL", "https://:8000", "http:// or https://"),
        ("PUBLIC_BASE_URL", "https://[::1", "IPv6"),
        ("CORS_ORIGINS", "app.example.com", "'app.example.com' has no scheme; an origin is scheme"),
        ("CORS_ORIGINS", "localhost:3000", "'localhost:3000' has no scheme"),
        ("CORS_ORIGINS", "https://a.example, https://b.example/", "'https://b.example/' has some"),
        ("CORS_ORIGINS", "https://a.example/app", "something after the host"),
        ("CORS_ORIGINS", "https://a.example?", "something after the host"),
        ("CORS_ORIGINS", "https://*.example", "or * alone for every page"),
        ("CORS_ORIGINS", "https://a.example:http", "is no origin"),
        ("CORS_ORIGINS", "https://", "is no origin"),
        ("HOST", "x..y", "'x..y' can be neither the name of a host nor an address"),
        ("HOST", "a" * 70, "neither the name of a host"),
        ("WYOMING_HOST", "x..y", "neither the name of a host"),
        ("WYOMING_HOST", f"{'a' * 70}.example", "neither the name of a host"),
        ("WYOMING_PORT", "8000", "8000 is PORT already"),
        ("TRUSTED_PROXIES", "my-proxy", "'my-proxy'"),
        ("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/99", "'10.0.0.0/99'"),
        ("OPENAI_VOICES", "alloy", "alias=voice"),
        ("OPENAI_VOICES", "alloy=", "alias=voice"),
        ("OPENAI_VOICES", "=alba", "alias=voice"),
        ("OPENAI_VOICES", "alloy=alba=marius", "alias=voice"),
        ("OPENAI_VOICES", "alloy=alba, Alloy=marius", "'alloy' is there twice"),
        ("OPENAI_VOICES", "alloy=alba,echo=../marius", "'../marius' cannot be the name of a voice"),
        ("DEFAULT_VOICE", "voices/alba.wav", "'voices/alba.wav' cannot be the name of a voice"),
        ("DEFAULT_VOICE", "voices\\alba", "cannot be the name of a voice"),
        ("DEFAULT_VOICE", ".alba", "neither begins with a '.'"),
        ("DEFAULT_VOICE", "al\x1bba", "cannot be the name of a voice"),
        ("TEMPERATURE", "-0.1", "greater than or equal to 0"),
        ("TEMPERATURE", "warm", "valid number"),
        ("SAMPLER_DECODE_STEPS", "0", "greater than or equal to 1"),
        ("SAMPLER_DECODE_STEPS", "1.5", "integer"),
        ("EOS_THRESHOLD", "99", "less than or equal to 50"),
        ("NOISE_CLAMP", "0", "greater than 0"),
        ("FRAMES_AFTER_EOS", "101", "less than or equal to 100"),
        ("MODEL_DEVICE", "gpu", "must be cpu, cuda or cuda:N, such as cuda:0; it is 'gpu'"),
        ("MODEL_DEVICE", "cuda:first", "must be cpu, cuda or cuda:N"),
        ("MODEL_PRECISION", "int4", "'auto', 'float32', 'int8' or 'bfloat16'"),
        ("TORCH_THREADS", "0", "greater than or equal to 1"),
        ("VOICES_URL", "/srv/voices", "must be s3://BUCKET or s3://BUCKET/FOLDER"),
        ("VOICE_OUTPUT_URL", "s3://", "must be s3://BUCKET"),
        ("VOICE_OUTPUT_REDIRECT", "true", "there is no VOICE_OUTPUT_URL to redirect to"),
        ("JOBS_URL", "https://example.com/jobs", "must be s3://BUCKET"),
        ("DATABASE_URL", "mysql://host/jobs", "must be sqlite:///FILE or postgresql://"),
        ("FLEET_REPLICAS", "0", "greater than or equal to 1"),
        ("FLEET_CORES", "0", "greater than or equal to 1"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LOG_FORMAT", "xml", "'console' or 'json'"),
    ],
)
@pytest.mark.parametrize("source", ["file", "environment"])
def test_bad_value(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str, value: str, words: str
) -> None:
    """A value out of range is one line that begins with the setting's name."""
    write(env_file, f"{name}={value}" if source == "file" else "")
    if source == "environment":
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("MAX_REF_DURATOIN=15", "did you mean MAX_REF_DURATION?"),
        ("api_kye=x", "did you mean API_KEY?"),
        ("SOMETHING_ELSE=1", "sets SOMETHING_ELSE, which is not a setting"),
        ("MODEL_CONFIG_PATH=x.yaml", "did you mean MODEL_CONFIG?"),
        ("HTTPS_PROXI=http://proxy", "did you mean HTTPS_PROXY?"),
        ("HF_TOKN=x", "did you mean HF_TOKEN?"),
        ("hf_hub_ofline=1", "did you mean HF_HUB_OFFLINE?"),
        ("HF_ENDPONT=https://mirror.example", "did you mean HF_ENDPOINT?"),
        ("HFTOKEN=x", "did you mean HF_TOKEN?"),
        ("HUGGINGFACE_HUB_CASHE=/x", "did you mean HUGGINGFACE_HUB_CACHE?"),
        ("SSL_CERT=/etc/own.pem", "sets SSL_CERT, which is not a setting"),
        ("PORT 9000", "line 2 is not NAME=value"),
    ],
)
def test_unknown_name(env_file: Path, line: str, words: str) -> None:
    """A misspelt name in .env stops the start and the right one is suggested."""
    with pytest.raises(SettingsError, match=re.escape(words)):
        load_settings(write(env_file, line))


@pytest.mark.usefixtures("_no_other_programs")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("HF_ENDPOINT=mirror.example", "HF_ENDPOINT: must be an http:// or https:// address"),
        ("SSL_CERT_FILE=/no/such.pem", "SSL_CERT_FILE: there is no file /no/such.pem"),
        ("REQUESTS_CA_BUNDLE=/no/such.pem", "REQUESTS_CA_BUNDLE: there is no file /no/such.pem"),
    ],
)
def test_bad_value_of_other_programs(env_file: Path, line: str, words: str) -> None:
    """What would fail later, or be passed by in silence, is said at the start."""
    with pytest.raises(SettingsError, match=f"^{words}"):
        load_settings(write(env_file, line))


def test_names_of_the_hub_are_those_it_reads(env_file: Path) -> None:
    """Every name that the hub's client reads is known, and one that is far from all is let by."""
    package = importlib.util.find_spec("huggingface_hub")
    assert package is not None
    assert package.origin is not None
    read: set[str] = set()
    for path in Path(package.origin).parent.rglob("*.py"):
        text = path.read_text("utf-8")
        read |= set(re.findall(r'"((?:HF|HUGGINGFACE|HUGGING_FACE)_[A-Z_]+)"', text))
    assert read == set(HUB_NAMES)
    load_settings(write(env_file, "HF_SOMETHING_NEW="))


OTHER_PROGRAMS = {
    "HF_TOKEN": "hf_x",
    "HF_ENDPOINT": "https://mirror.example",
    "HUGGINGFACE_HUB_CACHE": "/cache",
    "HTTP_PROXY": "http://proxy:3128",
    "https_proxy": "http://proxy:3128",
    "ALL_PROXY": "http://proxy:3128",
    "NO_PROXY": "localhost",
    "SSL_CERT_FILE": __file__,
    "SSL_CERT_DIR": "/etc/ssl",
    "REQUESTS_CA_BUNDLE": __file__,
    "COMPOSE_PROJECT_NAME": "speech",
    "TZ": "Asia/Tokyo",
}


@pytest.fixture
def _no_other_programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in OTHER_PROGRAMS:
        monkeypatch.setenv(name.upper(), "")  # so that it is put back as it was
        monkeypatch.delenv(name.upper())
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_no_other_programs")
def test_names_of_other_programs(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the libraries read from the environment may stand in .env; the environment wins."""
    monkeypatch.setenv("HF_TOKEN", "of the environment")
    monkeypatch.setenv("HF_ENDPOINT", "")  # which means none
    load_settings(write(env_file, *(f"{name}={value}" for name, value in OTHER_PROGRAMS.items())))
    for name, value in OTHER_PROGRAMS.items():
        expected = "of the environment" if name == "HF_TOKEN" else value
        assert os.environ[name.upper()] == expected
    assert time.tzname == ("JST", "JST")


@pytest.mark.usefixtures("_no_other_programs")
def test_empty_names_of_other_programs(env_file: Path) -> None:
    """`HF_TOKEN=` in .env means none, as it does for every setting."""
    load_settings(write(env_file, "HF_TOKEN=", "SSL_CERT_FILE="))
    assert not {"HF_TOKEN", "SSL_CERT_FILE"} & set(os.environ)


def test_empty_values_are_defaults(env_file: Path) -> None:
    """`NAME=` means the default, for every setting but the key."""
    lines = [f"{name}=" for name in NAMES if name != "API_KEY"]
    assert load_settings(write(env_file, *lines)) == load_settings(write(env_file))


def test_environment_wins(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment takes precedence over .env."""
    monkeypatch.setenv("PORT", "9001")
    assert load_settings(write(env_file, "PORT=9000")).port == 9001


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "API_KEY is not set"),
        ("API_KEY=", "API_KEY is not set"),
        ("API_KEY=change-me", "placeholder"),
        ("API_KEY=clé", "printable ASCII"),
        ("API_KEY=' padded '", "printable ASCII"),
    ],
)
def test_bad_key(env_file: Path, content: str, words: str) -> None:
    """Without a key of one's own the server does not start."""
    env_file.write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=words):
        load_settings(env_file)


def test_auth_disabled(env_file: Path) -> None:
    """Only AUTH_DISABLED=true, set on purpose, starts without a key."""
    env_file.write_text("AUTH_DISABLED=true\n")
    assert load_settings(env_file).auth_disabled
    env_file.write_text("AUTH_DISABLED=false\n")
    with pytest.raises(SettingsError, match="AUTH_DISABLED=true"):
        load_settings(env_file)


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-16", "it seems to be UTF-16; save it as UTF-8"),
        ("cp1252", "it seems to be Windows-1252 (cp1252); save it as UTF-8"),
    ],
)
def test_file_in_another_encoding(env_file: Path, encoding: str, words: str) -> None:
    """A .env from a Windows shell is told its encoding, in one line."""
    env_file.write_bytes("API_KEY=key # für mich\n".encode(encoding))
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        load_settings(env_file)
    assert str(caught.value).endswith(words)
    assert "\n" not in str(caught.value)


def test_file_with_a_mark(env_file: Path) -> None:
    """Notepad begins UTF-8 with a byte order mark, which is no part of a name."""
    env_file.write_bytes(b"\xef\xbb\xbfAPI_KEY=key\nPORT=9000\n")
    assert load_settings(env_file).port == 9000


def test_file_that_is_none(env_file: Path) -> None:
    """A folder in its place is one line as well."""
    env_file.mkdir()
    with pytest.raises(SettingsError, match=r"cannot be read: Is a directory$"):
        load_settings(env_file)


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("CORS_ORIGINS", "https://a.example, https://b.example,", "cors_origins",
         ("https://a.example", "https://b.example")),
        ("TRUSTED_PROXIES", "10.0.0.0/8", "trusted_proxies", ("10.0.0.0/8",)),
        ("MODEL_LANGUAGE", "English, FRENCH", "model_language", ("english", "french")),
        ("OPENAI_VOICES", "Alloy = bruno , nova=alba", "openai_voices",
         {"alloy": "bruno", "nova": "alba"}),
        ("DEFAULT_VOICE", "Großmutter Anna", "default_voice", "Großmutter Anna"),
        ("PUBLIC_BASE_URL", "https://x.example/a/", "public_base_url", "https://x.example/a"),
        ("MODEL_PRECISION", "INT8", "model_precision", "int8"),
        ("DIALECTS", "OpenAI, fish", "dialects", ("openai", "fish")),
        ("HOST", "::1", "host", "::1"),
        ("HOST", "bücher.example.", "host", "bücher.example."),
        ("WYOMING_HOST", "fe80::1%eth0", "wyoming_host", "fe80::1%eth0"),
        ("LOG_LEVEL", "DEBUG", "log_level", "debug"),
        ("MODEL_CONFIG", "my.yaml", "model_config_path", "my.yaml"),
    ],
)  # fmt: skip
def test_values_are_understood(
    env_file: Path, name: str, text: str, field: str, value: Any
) -> None:
    """Lists are separated by commas, words may have any case, addresses lose their last slash."""
    assert getattr(load_settings(write(env_file, f"{name}={text}")), field) == value


def test_ports_that_the_system_picks(env_file: Path) -> None:
    """0 is a free port for each of them, and so not the same one."""
    settings = load_settings(write(env_file, "PORT=0", "WYOMING_PORT=0"))
    assert (settings.port, settings.wyoming_port) == (0, 0)


def test_sampling(env_file: Path) -> None:
    """The sampling settings reach the engine under the same names."""
    lines = ("TEMPERATURE=0.5", "SAMPLER_DECODE_STEPS=2", "EOS_THRESHOLD=-4", "NOISE_CLAMP=2.5",
             "FRAMES_AFTER_EOS=3")  # fmt: skip
    sampling = load_settings(write(env_file, *lines)).sampling
    assert (sampling.temperature, sampling.sampler_decode_steps) == (0.5, 2)
    assert (sampling.eos_threshold, sampling.noise_clamp, sampling.frames_after_eos) == (-4, 2.5, 3)


def test_the_example_documents_every_setting() -> None:
    """.env.example names each setting, with a comment above it."""
    lines = EXAMPLE.read_text("utf-8").splitlines()
    documented = {re.match(r"(?:# )?([A-Z_]+)=", line): at for at, line in enumerate(lines)}
    names = {match[1]: at for match, at in documented.items() if match}
    assert set(names) == set(NAMES)
    for name, at in names.items():
        assert any(line.startswith("#") for line in lines[max(0, at - 2) : at + 1]), name


def test_the_example_is_valid(env_file: Path) -> None:
    """.env.example starts the server once its placeholder is replaced, and not before."""
    with pytest.raises(SettingsError, match="placeholder"):
        load_settings(EXAMPLE)
    text = EXAMPLE.read_text("utf-8").replace("API_KEY=change-me", "API_KEY=a-good-key")
    env_file.write_text(text, "utf-8")
    assert load_settings(env_file) == load_settings(write(env_file))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("*", ("*",)),
        ("null", ("null",)),
        ("https://App.Example.com", ("https://app.example.com",)),
        ("https://a.example:443, http://b.example:80", ("https://a.example", "http://b.example")),
        ("http://localhost:3000,http://[::1]:5173", ("http://localhost:3000", "http://[::1]:5173")),
        ("chrome-extension://abcdef", ("chrome-extension://abcdef",)),
    ],
)
def test_origins(env_file: Path, written: str, meant: tuple[str, ...]) -> None:
    """Origins are kept as browsers send them, or they would match nothing."""
    write(env_file, f"CORS_ORIGINS={written}")
    assert load_settings(env_file).cors_origins == meant


def test_a_fleet_has_room_to_grow(env_file: Path) -> None:
    """There may not be fewer replicas than there are."""
    write(env_file, "FLEET_REPLICAS=3", "FLEET_MAX_REPLICAS=2")
    with pytest.raises(SettingsError, match="FLEET_MAX_REPLICAS: 2 is fewer than FLEET_REPLICAS"):
        load_settings(env_file)
