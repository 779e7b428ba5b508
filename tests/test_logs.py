"""Two ways to log: lines for people, objects for machines."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest

from app.audio.encode import encode_clip
from app.audio.formats import FORMATS
from app.errors import SynthesisFailed
from app.logs import FewerRepeats, NoTraceOfRefusals, OneLineASocket, configure_logging
from tests.audio.probe import voice_like
from tests.conftest import ServeFake
from tests.serving import json_lines


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("app", "httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def log_something(level: str, style: Literal["console", "json"]) -> None:
    configure_logging(level, style)
    logger = logging.getLogger("app.test")
    logger.debug("too quiet")
    logger.info("héllo %s\nsecond line", "world", extra={"request_id": "abc"})
    for library in ("httpx", "httpx2"):
        logging.getLogger(library).info("chatter of a library")
    try:
        int("inner words")
    except ValueError:
        logger.exception("it broke")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Each record is one line that parses: time, level, message, request id, trace."""
    log_something("info", "json")
    first, second = json_lines(capsys.readouterr().err)
    assert datetime.fromisoformat(first["time"]).tzinfo is not None
    assert (first["level"], first["logger"]) == ("info", "app.test")
    assert first["message"] == "héllo world\nsecond line"
    assert first["request_id"] == "abc"
    assert "request_id" not in second
    assert "inner words" in second["trace"]


def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    """A line has time, level, message and the request id where there is one."""
    log_something("info", "console")
    said = capsys.readouterr().err
    assert " INFO    héllo world\\nsecond line [abc]\n" in said
    assert " ERROR   it broke\nTraceback" in said
    assert "too quiet" not in said
    assert "chatter" not in said


@pytest.mark.parametrize(("level", "count"), [("debug", 5), ("info", 2), ("error", 1)])
def test_level(capsys: pytest.CaptureFixture[str], level: str, count: int) -> None:
    """LOG_LEVEL decides how much is said; only at debug do libraries chatter."""
    log_something(level, "json")
    assert len(json_lines(capsys.readouterr().err)) == count


def test_what_libraries_say_while_debugging(
    capsys: pytest.CaptureFixture[str], ffmpeg: Path, tmp_path: Path
) -> None:
    """Even at debug nobody repeats what FFmpeg says, nor what clients send."""
    configure_logging("debug", "console")
    encode_clip([voice_like(0.1)], 24000, FORMATS["mp3"], ffmpeg).close()
    logging.getLogger("python_multipart.multipart").debug("Calling on_part_data with a secret")
    logging.getLogger("app.test").debug("ours")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("DEBUG   ours")


FIELDS = {"caller": "operator", "voice": 'Zoë "Z"\n2026 INFO forged', "empty": "", "bytes_out": 5}


def log_fields(style: Literal["console", "json"]) -> None:
    configure_logging("info", style)
    named = {"method": "POST", "route": "/tts"}
    extra = {"request_id": "abc", "fields": FIELDS}
    logging.getLogger("app.test").info("%(method)s %(route)s", named, extra=extra)


def test_fields_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Fields follow the message, each in one word on the same line, whatever is in it."""
    log_fields("console")
    line = capsys.readouterr().err
    shown = r'voice="Zo\u00eb \"Z\"\n2026 INFO forged" empty="" bytes_out=5'
    assert line.endswith(f" INFO    POST /tts caller=operator {shown} [abc]\n")
    assert line.count("\n") == 1


def test_fields_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """Fields are keys of their own, and so is what the message was made of."""
    log_fields("json")
    (entry,) = json_lines(capsys.readouterr().err)
    assert (entry["message"], entry["method"], entry["route"]) == ("POST /tts", "POST", "/tts")
    assert {name: entry[name] for name in FIELDS} == FIELDS


HOSTILE = "".join(map(chr, (0, 7, 10, 13, 27, 127, 0x85, 0x9B, 0x2028, 0x2029, 0x202E, 0xFEFF)))


@pytest.mark.parametrize("style", ["console", "json"])
def test_nothing_that_is_not_seen(
    capsys: pytest.CaptureFixture[str], style: Literal["console", "json"]
) -> None:
    """Whatever a client sends, a record stays one line, and no terminal obeys what stands in it."""
    configure_logging("info", style)
    extra = {"fields": {"voice": f"Zoë{HOSTILE}"}}
    logging.getLogger("app.test").info("no voice %s, only Zoë", HOSTILE, extra=extra)
    said = capsys.readouterr().err
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    if style == "json":
        (entry,) = json_lines(said)
        assert entry["message"] == f"no voice {HOSTILE}, only Zoë"
        assert entry["voice"] == f"Zoë{HOSTILE}"


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_client_cannot_write_the_log(
    fake_app: ServeFake, capsys: pytest.CaptureFixture[str], style: Literal["console", "json"]
) -> None:
    """Its words, in whatever place, make no line of their own and no terminal obey."""
    client = fake_app().client
    configure_logging("info", style)
    hostile = "x\r\n2026 INFO forged\x1b[2J\x85\u2028"
    client.post("/tts", json={"script": "Hi.", "voice": hostile})
    client.post("/tts", json={"script": "Hi.", hostile: 1})
    client.get(f"/voices/{quote(hostile)}", headers={"X-Request-Id": "a b"})
    client.get(f"/{quote(hostile)}")
    lines = [each for each in capsys.readouterr().err.split("\n") if each]
    assert sum("POST" in each or "GET" in each for each in lines) == 4
    assert all(each.isprintable() for each in lines)


def test_a_stream_broken_off_on_purpose_leaves_no_trace() -> None:
    """Uvicorn's trace of a known failure is dropped; that of a bug is kept."""
    no_trace = NoTraceOfRefusals()

    def record_of(error: Exception) -> logging.LogRecord:
        info = (type(error), error, None)
        return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "failed", None, info)

    wrapped = RuntimeError("response already started")
    wrapped.__cause__ = SynthesisFailed("the engine broke")
    assert not no_trace.filter(record_of(wrapped))
    assert no_trace.filter(record_of(RuntimeError("a bug")))


def test_one_line_a_socket() -> None:
    """What uvicorn says of sockets is dropped: the query in it may hold a key."""
    one_line = OneLineASocket()

    def record_of(message: str, *args: object) -> logging.LogRecord:
        return logging.LogRecord("uvicorn.error", logging.INFO, "", 0, message, args, None)

    assert not one_line.filter(record_of('%s - "WebSocket %s" [accepted]', "x", "/y?key=z"))
    assert not one_line.filter(record_of("connection open"))
    assert not one_line.filter(record_of("connection rejected (%d %s)", 404, "Not Found"))
    assert one_line.filter(record_of("Uvicorn running on %s", "x"))


def test_long_messages_are_clipped(capsys: pytest.CaptureFixture[str]) -> None:
    """However long a message or a trace is, its line and its last words stay readable."""
    for style in ("console", "json"):
        configure_logging("info", style)
        try:
            int(f"first {'x' * 200_000} last")
        except ValueError:
            logging.getLogger("app.test").exception("what came: %s", "y" * 200_000)
        logging.getLogger("app.test").info("%(name)s", {"name": "z" * 200_000})
        logging.getLogger("app.test").info("it", extra={"fields": {"voice": "v" * 200_000}})
        said = capsys.readouterr().err
        assert len(said) < 30_000
        assert "what came: yyy" in said
        assert "invalid literal" in said
        assert "vvv" in said


def test_repeated_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """One place in the code cannot fill the log; what it says next tells how much is missing."""
    configure_logging("info", "console")
    logger = logging.getLogger("app.test")
    for number in range(5_000):
        logger.warning("no room for %d", number)
    logger.warning("another place")
    lines = capsys.readouterr().err.splitlines()
    assert 50 < len(lines) < 300
    assert "another place" in lines[-1]
    handler = logging.getLogger().handlers[0]
    (fewer,) = handler.filters
    record = logging.LogRecord("app.test", logging.WARNING, "place.py", 1, "again", None, None)
    assert isinstance(fewer, FewerRepeats)
    while fewer.filter(record):
        pass
    time.sleep(0.15)
    assert fewer.filter(record)
    assert handler.format(record).endswith("again (1 lines like this were left out)")
