"""A key tells who calls; tokens stand for keys for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest

from app.callers import keyring as keyring_module
from app.callers.caller import ANYBODY, OPERATOR
from app.callers.keyring import Keyring
from app.callers.keys_file import add_key, revoke_key
from app.callers.tokens import Tokens
from app.errors import Unauthorized


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def test_keys_tell_callers_apart(path: Path) -> None:
    """API_KEY is the operator's, the keys of the file are their callers'."""
    shop = add_key(path, "shop", ["speech"], {})
    keyring = Keyring("operator's", path)
    assert keyring.caller(["operator's"]) == OPERATOR
    assert keyring.caller(["wrong", shop]).name == "shop"
    with pytest.raises(Unauthorized, match="no API key"):
        keyring.caller([])
    for wrong in ("", "wrong", shop[:-1], f"{shop} ", "\udcff"):
        with pytest.raises(Unauthorized, match="the API key is wrong"):
            keyring.caller([wrong])


def test_nobody_is_asked() -> None:
    """Without authentication everybody is the same caller, whatever they send."""
    keyring = Keyring(None, None, asks_for_keys=False)
    assert keyring.caller([]) == keyring.caller(["x"]) == ANYBODY


def test_changes_have_effect(path: Path) -> None:
    """A new key is good and a revoked one is not, once the file was looked at."""
    shop = add_key(path, "shop", ["speech"], {})
    keyring = Keyring(None, path)
    farm = add_key(path, "farm", ["speech"], {})
    revoke_key(path, "shop")
    keyring.refresh()
    assert keyring.caller([farm]).name == "farm"
    with pytest.raises(Unauthorized):
        keyring.caller([shop])


def test_a_broken_file_changes_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who has a key keeps it while the file is broken or gone, and the log says so once."""
    shop = add_key(path, "shop", ["speech"], {})
    keyring = Keyring(None, path)
    good = path.read_text()
    for break_it in (lambda: path.write_text("[keys"), path.unlink):
        break_it()
        with caplog.at_level(logging.ERROR):
            keyring.refresh()
            keyring.refresh()
        assert keyring.caller([shop]).name == "shop"
        (record,) = caplog.records
        assert "API_KEYS_FILE" in record.message
        caplog.clear()
    path.write_text(good)
    keyring.refresh()
    assert keyring.caller([shop]).name == "shop"


async def test_a_server_looks_by_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a server runs, changes have effect without anybody asking."""
    monkeypatch.setattr(keyring_module, "LOOK_SECONDS", 0.01)
    add_key(path, "shop", ["speech"], {})
    keyring = Keyring(None, path)
    async with keyring.kept_fresh(), asyncio.timeout(5):
        farm = add_key(path, "farm", ["speech"], {})
        while keyring.named("farm") is None:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.01)
    assert keyring.caller([farm]).name == "farm"


def test_tokens(path: Path) -> None:
    """A token stands for its maker, with its own scopes, until it ends."""
    add_key(path, "shop", ["speech", "voices"], {"requests_per_minute": 5})
    keyring = Keyring(None, path)
    tokens = Tokens(keyring, b"secret")
    shop = keyring.named("shop")
    assert shop is not None
    token = tokens.make(shop, ["speech"], int(time.time()) + 60)
    caller = tokens.caller(token)
    assert caller.name == "shop"
    assert caller.scopes == {"speech"}
    assert caller.by_token
    assert caller.limits == shop.limits
    assert tokens.caller(tokens.make(shop, ["admin"], int(time.time()) + 60)).scopes == set()


def test_tokens_that_are_no_good(path: Path) -> None:
    """Neither a token that has ended, nor a changed or foreign one, nor one of a revoked key."""
    add_key(path, "shop", ["speech"], {})
    keyring = Keyring(None, path)
    tokens = Tokens(keyring, b"secret")
    shop = keyring.named("shop")
    assert shop is not None
    good = tokens.make(shop, ["speech"], int(time.time()) + 60)
    other = Tokens(keyring, b"other").make(shop, ["speech"], int(time.time()) + 60)
    payload, _, signature = good.partition(".")
    for wrong in (other, payload, f"{payload}.", f"{payload}A.{signature}", "pst_", "pst_é.é"):
        with pytest.raises(Unauthorized, match="the token is wrong"):
            tokens.caller(wrong)
    with pytest.raises(Unauthorized, match="has ended"):
        tokens.caller(tokens.make(shop, ["speech"], int(time.time())))
    revoke_key(path, "shop")
    keyring.refresh()
    with pytest.raises(Unauthorized, match="was revoked"):
        tokens.caller(good)
    with pytest.raises(Unauthorized, match="was revoked"):
        tokens.make(shop, ["speech"], int(time.time()) + 60)
    add_key(path, "shop", ["speech"], {})
    keyring.refresh()
    with pytest.raises(Unauthorized, match="was revoked"):
        tokens.caller(good)
