"""The server shows a certificate of its own: https and wss, without a proxy."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from websockets.sync.client import connect

from app.main import create_app
from app.settings import SettingsError, load_settings
from app.tls import check_certificate
from tests.api.elevenlabs.sdk import sdk_for
from tests.certificates import certificate_of
from tests.fakes import FakeEngine
from tests.programs import program
from tests.serving import KEY, Served, make_settings, running


class Secured(NamedTuple):
    served: Served
    trusting: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    program("openssl")
    return certificate_of(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


@pytest.fixture(scope="module")
def secured(
    certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    settings = make_settings(
        tmp_path_factory.mktemp("secured"), ssl_certfile=certificate[0], ssl_keyfile=certificate[1]
    )
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(certificate[0])
    app = create_app(settings, FakeEngine)
    with (
        running(app) as plain_url,
        httpx.Client(
            base_url=plain_url.replace("http:", "https:"),
            headers={"X-API-Key": KEY},
            verify=trusting,
            trust_env=False,
        ) as client,
    ):
        served = Served(str(client.base_url), client, settings)
        served.wait_until(lambda health: health["model"]["state"] == "ready")
        yield Secured(served, trusting)


def test_https(secured: Secured) -> None:
    """Speech comes whole and live, and addresses of saved audio are https."""
    client = secured.served.client
    for stream in (True, False):
        body = {"script": "Hello there.", "format": "wav", "stream": stream}
        answer = client.post("/tts", json=body)
        assert answer.status_code == 200
        assert len(answer.content) > 0.4 * 48000
    saved = client.post("/tts", json={"script": "Hello there.", "type": "url"}).json()
    assert saved["url"].startswith("https://127.0.0.1:")
    assert client.get(saved["url"]).status_code == 200


def test_wss(secured: Secured) -> None:
    """So do sockets."""
    url = f"{secured.served.url.replace('https', 'wss')}/ws/tts"
    with connect(
        url, additional_headers={"X-API-Key": KEY}, ssl=secured.trusting, proxy=None
    ) as ws:
        for message in ({"type": "start"}, {"type": "text", "text": "Hi there."}, {"type": "end"}):
            ws.send(json.dumps(message))
        heard = b""
        while isinstance(frame := ws.recv(timeout=10), bytes) or '"done"' not in frame:
            heard += frame if isinstance(frame, bytes) else b""
    assert len(heard) == 5 * 1920 * 2


@pytest.mark.filterwarnings(r"ignore:ConnectionClosed\.(code|reason):DeprecationWarning")
def test_elevenlabs_sdk(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its `convert_realtime` speaks TLS only."""
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: secured.trusting)
    sdk = sdk_for(secured.served)
    sdk.text_to_speech._ws_base_url = secured.served.url.replace("https", "wss")
    assert b"".join(sdk.text_to_speech.convert_realtime("alba", text=iter(["Hello there. "])))


def test_plain_http_is_not_answered(secured: Secured) -> None:
    """Who speaks plain HTTP gets nothing, and harms nobody."""
    plain = secured.served.url.replace("https", "http")
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{plain}/health", trust_env=False)
    assert secured.served.client.get("/health").status_code == 200


def test_what_cannot_be_used(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """What is wrong with the files is one line that names the setting."""
    locked, other = tmp_path / "locked.pem", tmp_path / "other"
    other.mkdir()
    of_another = certificate_of(other, "IP:127.0.0.1")
    command = [
        program("openssl"),
        "pkey",
        "-in",
        str(certificate[1]),
        "-aes256",
        "-out",
        str(locked),
    ]
    subprocess.run([*command, "-passout", "pass:secret"], check=True, capture_output=True)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    for cert, key, words in (
        (None, certificate[1], "SSL_KEYFILE is set without SSL_CERTFILE"),
        (tmp_path / "none.pem", None, "SSL_CERTFILE: .*none.pem cannot be read: No such file"),
        (certificate[0], tmp_path, "SSL_KEYFILE: .* cannot be read: Is a directory"),
        (certificate[0], None, "SSL_CERTFILE: .* and the key in it cannot be used together"),
        (certificate[0], of_another[1], "cannot be used together"),
        (certificate[0], locked, "the key without a passphrase"),
        (garbage, certificate[1], "cannot be used together"),
    ):
        files = {"ssl_certfile": cert, "ssl_keyfile": key}
        given: dict[str, Any] = {
            name: str(path) for name, path in files.items() if path is not None
        }
        settings = load_settings(tmp_path / "no.env", api_key=KEY, **given)
        with pytest.raises(SettingsError, match=words) as caught:
            check_certificate(settings)
        assert "\n" not in str(caught.value)
    both = tmp_path / "both.pem"
    both.write_text(certificate[0].read_text() + certificate[1].read_text())
    check_certificate(load_settings(tmp_path / "no.env", api_key=KEY, ssl_certfile=str(both)))
