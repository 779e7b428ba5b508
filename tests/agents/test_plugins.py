"""LiveKit's and Pipecat's own plug-ins speak with a real server; only the address is ours.

Their packages are in an environment of their own, which `make test-agents` makes. AGENTS_PYTHON
names the Python of another one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeEngine
from tests.serving import KEY, Served, serve_fake

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("AGENTS_PYTHON", ROOT / ".venv-agents" / "bin" / "python"))
TEXT = "Hello there, this is a first sentence. And here is a second one."
FRAMES = 12
SECONDS = FRAMES * 0.08
RUN_SECONDS = 300

pytestmark = [
    pytest.mark.skipif(
        not PYTHON.exists(), reason=f"no packages of agents at {PYTHON}: run `make test-agents`"
    ),
    pytest.mark.xdist_group("agents"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    engine = FakeEngine(frames_per_chunk=FRAMES)
    with serve_fake(tmp_path_factory.mktemp("agents"), engine) as served:
        yield served


def run(client: str, served: Served, *key: str) -> dict[str, Any]:
    script = ROOT / "tests" / "agents" / client
    command = [str(PYTHON), str(script), served.url, *key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def livekit(served: Served) -> dict[str, Any]:
    return run("livekit_client.py", served, KEY)


@pytest.fixture(scope="module")
def pipecat(served: Served) -> dict[str, Any]:
    return run("pipecat_client.py", served, KEY)


@pytest.mark.parametrize(
    ("call", "chunks"),
    [
        ("elevenlabs", 2),
        ("elevenlabs again", 1),
        ("elevenlabs interrupted", 1),
        ("elevenlabs whole", 1),
        ("fish", 2),
        ("fish whole", 1),
        ("pocket", 2),
        ("pocket interrupted", 1),
        ("openai", 1),
    ],
)
def test_livekit(livekit: dict[str, Any], call: str, chunks: int) -> None:
    """Each plug-in hears the text, token by token where it can, and again once interrupted."""
    found = livekit[call]
    # Two sentences that come far apart are two chunks with a pause between them.
    assert SECONDS - 0.02 < found["seconds"] < chunks * (SECONDS + 0.4)
    assert found["loudest"] > 5000


def test_livekit_words(livekit: dict[str, Any]) -> None:
    """ElevenLabs' plug-in knows when each word is heard, by the clock of the whole reply."""
    found = livekit["elevenlabs"]
    assert [word.strip() for word, _, _ in found["words"]] == TEXT.split()
    ends = [end for _, _, end in found["words"]]
    assert ends == sorted(ends)
    assert found["seconds"] - 0.3 < ends[-1] < found["seconds"] + 0.1
    assert all(start < end for _, start, end in found["words"])


@pytest.mark.parametrize("plugin", ["elevenlabs", "fish", "pocket", "openai"])
def test_livekit_emoji(livekit: dict[str, Any], plugin: str) -> None:
    """A reply that ends in an emoji, or is none but that, ends well: LiveKit gives up otherwise."""
    assert livekit[f"{plugin} emoji at the end"]["loudest"] > 5000
    if plugin != "pocket":  # which sends no text without letters
        assert livekit[f"{plugin} emoji"]["loudest"] < 100
        assert 0.1 < livekit[f"{plugin} emoji"]["seconds"] < 0.4


@pytest.mark.parametrize("service", ["elevenlabs", "fish", "openai"])
def test_pipecat(pipecat: dict[str, Any], service: str) -> None:
    """Each service speaks a reply to its end, and the next one after an interruption."""
    for found in pipecat[service].values():
        assert found["errors"] == []
        assert found["seconds"] > SECONDS - 0.02
    assert " ".join(pipecat[service]["whole"]["words"]).split() == TEXT.split()
    after = " ".join(pipecat[service]["after an interruption"]["words"])
    assert after == "This is what comes after it."


def test_ovos(tmp_path: Path) -> None:
    """OVOS's plug-in speaks with a server that has no key, for it sends none."""
    engine = FakeEngine(frames_per_chunk=FRAMES)
    with serve_fake(tmp_path, engine, api_key=None, auth_disabled=True) as keyless:
        spoken, silent = run("ovos_client.py", keyless).values()
    assert spoken == pytest.approx(SECONDS)
    assert silent == pytest.approx(0.2)
