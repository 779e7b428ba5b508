"""The file of keys holds hashes, says what is wrong with it, and keeps what people wrote in it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.callers.caller import Caller, CallerLimits
from app.callers.keys_file import KeysFileError, add_key, hash_of, read_keys, revoke_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "keys.toml"


def test_a_key_is_found_by_its_hash(path: Path) -> None:
    """A new caller has what was given, and the key itself is not in the file."""
    key = add_key(path, "shop", ["speech", "voices"], {"requests_per_minute": 60})
    assert read_keys(path) == {
        hash_of(key): Caller(
            "shop", frozenset({"speech", "voices"}), CallerLimits(requests_per_minute=60)
        )
    }
    assert key not in path.read_text()
    assert key.startswith("ps_")
    assert len(key) > 40


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_only_the_owner_reads_the_file(path: Path) -> None:
    """Other users of the machine see nothing of it."""
    add_key(path, "shop", ["speech"], {})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_people_wrote_stays(path: Path) -> None:
    """Comments survive when keys are added and revoked."""
    add_key(path, "one", ["speech"], {})
    path.write_text("# the shop on the corner\n" + path.read_text())
    add_key(path, "two", ["speech"], {})
    revoke_key(path, "one")
    assert "# the shop on the corner" in path.read_text()
    assert [caller.name for caller in read_keys(path).values()] == ["two"]
    revoke_key(path, "two")
    assert read_keys(path) == {}


def test_names_are_taken_once(path: Path) -> None:
    """A second key for a name is refused, and the first stays good."""
    key = add_key(path, "shop", ["speech"], {})
    with pytest.raises(KeysFileError, match="there is a key for shop already"):
        add_key(path, "shop", ["speech"], {})
    with pytest.raises(KeysFileError, match="no key for shopp; there are shop"):
        revoke_key(path, "shopp")
    assert hash_of(key) in read_keys(path)


HASH = hash_of("a key")
STREAMS = "concurrent_streams"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[keys.a", "is not TOML"),
        ("\udcff", "is not TOML"),
        ("keys = 1", "tables [keys.NAME] only"),
        ("[kyes.a]", "tables [keys.NAME] only"),
        ("[keys]\na = 1", "keys.a: must be a table"),
        (f'[keys."a b"]\nhash = "{HASH}"', "cannot be a name"),
        (f'[keys."{"a" * 65}"]\nhash = "{HASH}"', "cannot be a name"),
        ("[keys.a]", "hash must be 'sha256:' and 64 hex digits"),
        ('[keys.a]\nhash = "secret"', "hash must be"),
        (f'[keys.a]\nhash = "{HASH}"\nscope = ["speech"]', "scope is not known; there are hash"),
        (f'[keys.a]\nhash = "{HASH}"\nscopes = ["speech", "all"]', "scopes must be some of"),
        (f'[keys.a]\nhash = "{HASH}"\nscopes = "speech"', "scopes must be some of"),
        (f'[keys.a]\nhash = "{HASH}"\nscopes = []', "scopes must be some of"),
        (f'[keys.a]\nhash = "{HASH}"\nscopes = [["speech"]]', "scopes must be some of"),
        (f'[keys.a]\nhash = "{HASH}"\nscopes = ["admin"]\nstored_voices = 1', "not go with admin"),
        ("a = " + 3000 * "[", "is not TOML"),
        (
            f'[keys.a]\nhash = "{HASH}"\n{STREAMS} = -1',
            "must be a whole number from 0 on",
        ),
        (
            f'[keys.a]\nhash = "{HASH}"\n{STREAMS} = true',
            "must be a whole number",
        ),
        (
            f'[keys.a]\nhash = "{HASH}"\n{STREAMS} = 1.5',
            "must be a whole number",
        ),
        (f'[keys.a]\nhash = "{HASH}"\n[keys.b]\nhash = "{HASH}"', "a and b have the same key"),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, content: str, words: str) -> None:
    """The error says in one line where in the file what is wrong."""
    path = tmp_path / "keys.toml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(KeysFileError) as caught:
        read_keys(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(KeysFileError, match="No such file"):
        read_keys(tmp_path / "keys.toml")


@pytest.mark.parametrize(
    ("scopes", "limits", "words"),
    [(["all"], {}, "scopes must be"), (["speech"], {"sounds": 1}, "sounds is not known")],
)
def test_nothing_wrong_is_added(
    path: Path, scopes: list[str], limits: dict[str, int], words: str
) -> None:
    """What the server would not read back is refused, and no file is made."""
    with pytest.raises(KeysFileError, match=words):
        add_key(path, "shop", scopes, limits)  # type: ignore[arg-type]
    assert not path.exists()


def test_two_processes_lose_nothing(path: Path) -> None:
    """Keys that are added and revoked at the same moment are all added and revoked."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from app.callers.keys_file import add_key, revoke_key\n"
        "path, name = Path(sys.argv[1]), sys.argv[2]\n"
        "for i in range(10):\n"
        "    add_key(path, f'{name}-{i}', ['speech'], {})\n"
        "    add_key(path, f'{name}-gone', ['speech'], {})\n"
        "    revoke_key(path, f'{name}-gone')\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("a", "b")
    ]
    assert [each.wait(60) for each in running] == [0, 0]
    names = {caller.name for caller in read_keys(path).values()}
    assert names == {f"{name}-{i}" for name in ("a", "b") for i in range(10)}


def test_names_that_the_server_has_itself(path: Path) -> None:
    """Nobody's key makes them the operator, or Home Assistant."""
    with pytest.raises(KeysFileError, match="operator is what this server calls"):
        add_key(path, "operator", ["speech"], {})
