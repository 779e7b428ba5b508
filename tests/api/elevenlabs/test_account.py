"""ElevenLabs' account, asked for with ElevenLabs' own SDK."""

from __future__ import annotations

from pathlib import Path

import pytest
from elevenlabs import Subscription, User
from elevenlabs.core import ApiError

from app.errors import ModelUnavailable
from tests.api.elevenlabs.sdk import ONCE, detail_of, sdk_for
from tests.fakes import FakeEngine
from tests.serving import make_settings, serve


def test_account(tmp_path: Path) -> None:
    """The account is there for programs that look before they speak, and never runs out.

    A key can be tried while the model is not there yet.
    """

    def build() -> FakeEngine:
        raise ModelUnavailable("not yet")

    with serve(make_settings(tmp_path), build) as served:
        account = sdk_for(served).user
        User.model_validate(account.get().model_dump())
        Subscription.model_validate(account.subscription.get().model_dump())
        for found in (account.get().subscription, account.subscription.get()):
            assert found.character_limit - found.character_count > 10**6
            assert found.can_use_instant_voice_cloning
            assert found.max_credit_limit_extension == "unlimited"
        for key in (None, "wrong"):
            stranger = sdk_for(served, key=key).user
            for ask in (stranger.get, stranger.subscription.get):
                with pytest.raises(ApiError) as caught:
                    ask(request_options=ONCE)
                assert detail_of(caught, 401)["status"] == "invalid_api_key"
