"""`--play`, with programs that stand on the PATH in the place of real players."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.cli.exits import Refused
from app.cli.player import find_player
from tests.audio.probe import voice_like
from tests.cli.command import Here, files_in
from tests.conftest import wav_bytes
from tests.serving import Served

# Copies what it is given to play; the last argument is the file.
COPIES = (
    '#!/bin/sh\nfor last; do :; done\ncase "$last" in pipe:0|-) cat;; *) cat "$last";; esac >> '
)


def install(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(script)
    program.chmod(0o755)


@pytest.fixture
def programs(command: Here, tmp_path: Path) -> Path:
    """The only folder on the PATH; what it plays is in the file `heard` there."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("cat", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    command.patch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["ffplay", "aplay"])
def test_play(at_server: Here, server: Served, programs: Path, name: str, stream: bool) -> None:
    """Texts are heard in their order, and nothing is kept."""
    install(programs, name, f"{COPIES}{programs}/heard\n")
    options = ["--stream"] if stream else []
    spoken = ("say", "One.", "Two.", "--play", *options, "--server", server.url)
    assert at_server(*spoken) == (0, "", "")
    heard = (programs / "heard").read_bytes()
    assert heard.count(b"WAVEfmt ") == 2
    assert len(heard) > 2 * 24000 * 0.3
    assert files_in(at_server.folder) == []


def test_keep_and_play(at_server: Here, server: Served, programs: Path) -> None:
    """With -o the file that is kept is the one that is played."""
    install(programs, "ffplay", f"{COPIES}{programs}/heard\n")
    spoken = ("say", "One.", "--play", "-o", "one.mp3", "--server", server.url)
    assert at_server(*spoken) == (0, "one.mp3\n", "")
    assert (programs / "heard").read_bytes() == (at_server.folder / "one.mp3").read_bytes()


@pytest.mark.parametrize("stream", [True, False])
def test_player_fails(at_server: Here, server: Served, programs: Path, stream: bool) -> None:
    """What the player says last is the reason."""
    install(programs, "ffplay", "#!/bin/sh\necho 'no sound card' >&2\nexit 3\n")
    options = ["--stream"] if stream else []
    ended = at_server("say", "One. " * 40, "--play", *options, "--server", server.url)
    assert (ended.code, ended.err) == (1, "error: ffplay does not play: no sound card")


def test_no_player(at_server: Here, server: Served, programs: Path) -> None:
    """Without a player it ends before anything is spoken."""
    ended = at_server("say", "One.", "--play", "--server", server.url)
    assert ended.code == 1
    assert ended.err.startswith("error: --play needs one of ffplay, afplay, aplay on the PATH")


def test_players_differ(programs: Path) -> None:
    """A player is asked only for what it can do."""
    install(programs, "afplay", "#!/bin/sh\n")
    assert find_player("mp3", live=False).program == "afplay"
    with pytest.raises(Refused, match="afplay cannot play wav while it is made: install ffplay"):
        find_player("wav", live=True)
    install(programs, "aplay", "#!/bin/sh\n")
    assert find_player("wav", live=True).program == "aplay"
    with pytest.raises(Refused, match="cannot play mp3 while it is made"):
        find_player("mp3", live=True)


@pytest.mark.skipif(shutil.which("ffplay") is None, reason="no ffplay on this machine")
async def test_real_ffplay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ffplay understands its arguments, from a file and from a pipe."""
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    sound = wav_bytes(voice_like(0.2))
    path = tmp_path / "x.wav"
    path.write_bytes(sound)
    player = find_player("wav", live=True)
    await player.play(path)
    async with player.playing() as write:
        await write(sound)
    path.write_bytes(b"no audio at all")
    with pytest.raises(Refused, match=r"ffplay does not play: .*Invalid data"):
        await player.play(path)
    path.write_bytes(sound)
    monkeypatch.setenv("SDL_AUDIODRIVER", "no-such-driver")
    with pytest.raises(Refused, match=r"ffplay does not play: "):
        await player.play(path)
