"""What an operator copies: the image, compose files, and examples for systemd and Caddy."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from tests.programs import program, run

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


class _Loader(yaml.SafeLoader):
    """Reads compose files, whose tag `!override` replaces a list rather than adding to it."""


def _list(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


_Loader.add_constructor("!override", _list)


def composed(path: Path, **environment: str) -> Any:
    """A compose file as Docker reads it, with what .env sets in the place of ${NAME:-default}."""
    text = re.sub(
        r"\$\{(\w+):-([^}]*)\}",
        lambda found: environment.get(found[1]) or found[2],
        path.read_text("utf-8"),
    )
    return yaml.load(text, _Loader)


@pytest.mark.parametrize(("set_to", "port"), [({}, "8000"), ({"PORT": "9001"}, "9001")])
def test_the_port_of_env_counts_under_compose(set_to: dict[str, str], port: str) -> None:
    """The server listens where .env says, and that port is published."""
    speech = composed(ROOT / "compose.yaml", **set_to)["services"]["speech"]
    assert speech["ports"] == [f"{port}:{port}"]
    assert speech["env_file"] == ".env"
    assert "PORT" not in speech["environment"]


def test_the_image_is_healthy_once_it_can_speak() -> None:
    """Docker asks whether it is ready, at the port that is set."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    (line,) = [each for each in dockerfile.splitlines() if "urlopen" in each]
    assert "/ready'" in line
    assert 'os.environ.get(\\"PORT\\", \\"8000\\")' in line


def test_a_proxy_beside_the_server_is_trusted() -> None:
    """nginx comes from 127.0.0.1, which TRUSTED_PROXIES names unless told otherwise."""
    services = composed(DEPLOY / "compose.nginx.yaml")["services"]
    assert services["nginx"]["network_mode"] == "service:speech"
    assert services["speech"]["ports"] == ["80:80"]
    (mounted,) = services["nginx"]["volumes"]
    assert (ROOT / mounted.split(":")[0]).is_file()
    assert "server 127.0.0.1:8000;" in (DEPLOY / "nginx.conf").read_text("utf-8")


def test_a_fleet_behind_nginx() -> None:
    """The servers trust the network that nginx is in, and nobody else reaches them."""
    fleet = composed(DEPLOY / "compose.fleet.yaml")
    speech, nginx = fleet["services"]["speech"], fleet["services"]["nginx"]
    (network,) = fleet["networks"]["default"]["ipam"]["config"]
    assert speech["environment"]["TRUSTED_PROXIES"] == network["subnet"]
    assert speech["ports"] == []
    (mounted,) = nginx["volumes"]
    assert (ROOT / mounted.split(":")[0]).is_file()
    assert "server speech:8000 resolve" in (DEPLOY / "nginx.fleet.conf").read_text("utf-8")
    given = {**speech["environment"], "API_KEY": "a-key"}
    names = {(field.alias or name).upper() for name, field in Settings.model_fields.items()}
    assert set(given) <= names


def test_a_replica_speaks_on_the_cores_it_has() -> None:
    """Ray gives a replica as many cores as it has threads, and scales by what people wait for."""
    (application,) = yaml.safe_load((DEPLOY / "serve.yaml").read_text("utf-8"))["applications"]
    (deployment,) = application["deployments"]
    cores = application["runtime_env"]["env_vars"]["FLEET_CORES"]
    assert cores == str(deployment["ray_actor_options"]["num_cpus"])
    module, _, name = deployment["autoscaling_config"]["policy"]["policy_function"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_processes_of_the_unit_end_in_order() -> None:
    """systemd signals the server alone, and kills what is left after the grace time."""
    unit = (DEPLOY / "pocket-speech.service").read_text("utf-8")
    assert "\nKillMode=mixed\nTimeoutStopSec=30\n" in unit


@pytest.mark.docs
@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_the_unit_is_what_systemd_reads(tmp_path: Path) -> None:
    """systemd finds nothing to complain of, and little that the server may do beyond its work."""
    systemd = program("systemd-analyze")
    unit = (DEPLOY / "pocket-speech.service").read_text("utf-8")
    path = tmp_path / "pocket-speech.service"
    path.write_text(unit.replace("/opt/pocket-speech/.venv/bin/python", sys.executable), "utf-8")
    for asked in (
        ("verify", "--man=no", str(path)),
        ("security", "--offline=yes", "--threshold=25", str(path)),
    ):
        ended = run(systemd, *asked)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "pocket-speech.service:" not in ended.stderr


@pytest.mark.docs
def test_the_caddyfile_is_what_caddy_reads() -> None:
    """Caddy takes the site as it is."""
    config = ("--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile")
    ended = run(program("caddy"), "validate", *config)
    assert ended.returncode == 0, ended.stderr
    assert "not formatted" not in ended.stderr
