"""Where TRUSTED_HOSTS says what this server is called, requests for other hosts are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.settings import SettingsError
from tests.conftest import ServeFake
from tests.serving import KEY, Served, detail_of, error_of, fake_in_process, make_settings

NAMED = ("speech.example.com", "*.internal", "[::1]")
BODY = {"script": "Hi.", "type": "url"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("hosts")
    # The client in the tests' own process has no address that could be a proxy's.
    with fake_in_process(folder, trusted_hosts=NAMED, trusted_proxies=("10.0.0.0/8",)) as served:
        yield served.client


@pytest.mark.parametrize(
    "host", ["speech.example.com", "Speech.Example.COM:8443", "a.b.internal", "[::1]:8000"]
)
def test_own_names(client: httpx.Client, host: str) -> None:
    """A name counts in any case and with any port, and a star for whatever is before it."""
    answer = client.post("/tts", json=BODY, headers={"Host": host})
    assert answer.json()["url"].startswith(f"http://{host}/voice/")


@pytest.mark.parametrize(
    "host", ["evil.example.com", "internal", "speech.example.com.evil.net", "127.0.0.1:8000"]
)
def test_other_names(client: httpx.Client, host: str) -> None:
    """The refusal names the host and the setting; nothing is spoken."""
    error = error_of(client.post("/tts", json=BODY, headers={"Host": host}), 400)
    assert (error["type"], error["field"]) == ("invalid_request", "Host")
    assert host in error["message"]
    assert "TRUSTED_HOSTS" in error["message"]


def test_in_the_words_of_a_dialect(client: httpx.Client) -> None:
    """A client of another service gets the shape that it knows."""
    answer = client.post("/fish/v1/tts", json={"text": "Hi."}, headers={"Host": "evil.net"})
    assert answer.status_code == 400
    assert answer.json()["status"] == 400
    detail = detail_of(
        client.post("/pocket/tts", data={"text": "Hi."}, headers={"Host": "evil.net"}), 400
    )
    assert "evil.net" in detail


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes(client: httpx.Client, path: str) -> None:
    """Whoever looks after a container asks at its address."""
    assert client.get(path, headers={"Host": "172.17.0.2:8000"}).is_success


def test_what_a_trusted_proxy_forwards(tmp_path: Path) -> None:
    """Behind a proxy the host counts that the client asked the proxy for."""
    hosts = ("speech.example.com",)
    with fake_in_process(tmp_path, trusted_hosts=hosts, trusted_proxies=("*",)) as served:
        forwarded = {"Host": "127.0.0.1:8000", "X-Forwarded-Host": "speech.example.com"}
        assert served.client.get("/voices", headers=forwarded).is_success
        forwarded["X-Forwarded-Host"] = "evil.net"
        error_of(served.client.get("/voices", headers=forwarded), 400)


def test_sockets(fake_server: ServeFake) -> None:
    """A socket is refused as well, before it is opened."""
    served: Served = fake_server(trusted_hosts=("speech.example.com",))
    url = f"{served.url}/v1/tts/live".replace("http", "ws", 1)
    key = {"Authorization": f"Bearer {KEY}"}
    with pytest.raises(InvalidStatus) as caught, connect(url, additional_headers=key, proxy=None):
        pass
    assert caught.value.response.status_code == 400
    assert b"TRUSTED_HOSTS" in caught.value.response.body


@pytest.mark.parametrize("wrong", ["http://x.com", "x.com:80", "a b", "*x.com", "x.*", "x.com/"])
def test_what_is_no_host(tmp_path: Path, wrong: str) -> None:
    """A setting that could never match is told at the start."""
    with pytest.raises(SettingsError, match=r"TRUSTED_HOSTS: .* is no host without a port"):
        make_settings(tmp_path, trusted_hosts=wrong)
