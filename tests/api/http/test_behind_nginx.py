"""What a client sees behind a real nginx: as it comes, and as deploy/nginx.conf sets it up."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, error_of
from tests.test_server import free_port

pytestmark = pytest.mark.docs

EXAMPLE = Path(__file__).parents[3] / "deploy" / "nginx.conf"
AS_IT_COMES = """
server {
    listen 80;
    location / {
        proxy_pass http://127.0.0.1:8000;
    }
}
"""
AROUND = """
daemon off;
master_process off;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    gzip on;
{temporary}
{site}
}}
"""
"""The site stands in what Debian's own nginx.conf says, and writes nowhere but in its folder."""
TEMPORARY = "\n".join(
    f"    {name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
START_SECONDS = 10.0
LIVE = {"script": "The train leaves in ten minutes.", "stream": True, "format": "wav"}


@pytest.fixture(scope="module")
def program() -> str:
    """The nginx of this machine."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        reason = "nginx is not installed, for instance with: apt-get install nginx-light"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def nginx(program: str, folder: Path, site: str, upstream: tuple[str, int]) -> Iterator[str]:
    """Run nginx over a site, in front of a server; give its address."""
    port = free_port()
    folder.mkdir()
    for written, meant in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:8000", f"{upstream[0]}:{upstream[1]}"),
    ):
        assert site.count(written) == 1
        site = site.replace(written, meant)
    (folder / "nginx.conf").write_text(AROUND.format(temporary=TEMPORARY, site=site))
    errors = folder / "error.log"
    process = subprocess.Popen(
        [program, "-p", str(folder), "-e", str(errors), "-c", "nginx.conf"],
        stderr=subprocess.PIPE,
    )
    try:
        _wait_for(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(params=["as it comes", "as we set it up"])
def site(request: pytest.FixtureRequest) -> str:
    return AS_IT_COMES if request.param == "as it comes" else EXAMPLE.read_text("utf-8")


def speak(url: str) -> httpx.Response:
    headers = {"X-API-Key": KEY}
    return httpx.post(f"{url}/tts", json=LIVE, headers=headers, timeout=30, trust_env=False)


def test_speech_comes_whole(
    fake_server: ServeFake, program: str, tmp_path: Path, site: str
) -> None:
    """All of a live answer comes through, whichever way nginx asks for it."""
    served = fake_server()
    with nginx(program, tmp_path / "nginx", site, served.address) as url:
        answer = speak(url)
    direct = served.client.post("/tts", json=LIVE)
    assert answer.status_code == 200
    assert answer.content[-1000:] == direct.content[-1000:]
    assert len(answer.content) == len(direct.content)


def test_a_cut_is_noticed(fake_server: ServeFake, program: str, tmp_path: Path, site: str) -> None:
    """Speech that breaks off in the middle never reaches the client as a good answer."""
    served = fake_server(FakeEngine(frames_per_chunk=100, fail_after=60))
    with nginx(program, tmp_path / "nginx", site, served.address) as url:
        try:
            error_of(speak(url), 500)
        except httpx.RemoteProtocolError:
            assert site != AS_IT_COMES, "over HTTP/1.0 there is an error that can be read"


@pytest.mark.parametrize("name", ["wav", "mp3"])
def test_ours_sends_on_what_comes(
    fake_server: ServeFake, program: str, tmp_path: Path, name: str
) -> None:
    """As we set it up, the first sound is heard while the rest is made, and leaving ends it."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    served = fake_server(engine)
    with (
        nginx(program, tmp_path / "nginx", EXAMPLE.read_text("utf-8"), served.address) as url,
        httpx.Client(base_url=url, headers={"X-API-Key": KEY}, trust_env=False) as client,
    ):
        with client.stream("POST", "/tts", json=LIVE | {"format": name}) as answer:
            assert next(answer.iter_raw())
            assert engine.streams[0].frames_read <= 30
        assert engine.streams[0].aborted.wait(5)


def test_ours_names_the_address_that_clients_use(
    fake_server: ServeFake, program: str, tmp_path: Path
) -> None:
    """URLs of saved audio lead through nginx, and they work."""
    served = fake_server()
    saved = {"script": "Fetch me.", "type": "url"}
    headers = {"X-API-Key": KEY}
    with nginx(program, tmp_path / "nginx", EXAMPLE.read_text("utf-8"), served.address) as url:
        answer = httpx.post(f"{url}/tts", json=saved, headers=headers, trust_env=False)
        assert answer.json()["url"].startswith(f"{url}/voice/")
        assert httpx.get(answer.json()["url"], trust_env=False).is_success


def test_ours_passes_sockets_on(fake_server: ServeFake, program: str, tmp_path: Path) -> None:
    """A WebSocket goes through nginx both ways, to its proper end."""
    served = fake_server()
    with nginx(program, tmp_path / "nginx", EXAMPLE.read_text("utf-8"), served.address) as url:
        path = f"{url}/v1/text-to-speech/alba/stream-input".replace("http", "ws", 1)
        with connect(path, additional_headers={"xi-api-key": KEY}, proxy=None) as socket:
            socket.send('{"text": "One sentence. "}')
            socket.send('{"text": ""}')
            *heard, last = [json.loads(frame) for frame in socket]
    assert all(each["audio"] for each in heard)
    assert last["isFinal"] is True
