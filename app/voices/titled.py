"""Makes voices for clients whose titles need not be unique, unlike the names of voices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from app.errors import VoiceExists
from app.speech import Clip
from app.voices.details import VoiceDetails
from app.voices.names import folded, name_from
from app.voices.store import Voice, VoiceStore


async def create_titled(
    store: VoiceStore, title: str, clips: Sequence[Clip], details: VoiceDetails
) -> Voice:
    """Make a voice of recordings under a free name that resembles `title`, which it keeps.

    Raises:
        InvalidClip, ModelUnavailable, StorageFailed.
    """
    details = dataclasses.replace(details, title=title)
    while True:
        name = await _free_name(store, title)
        try:
            voice, _ = await store.create(name, clips, details, replace=False)
        except VoiceExists:  # somebody else took the name meanwhile
            continue
        return voice


async def _free_name(store: VoiceStore, title: str) -> str:
    taken = {folded(voice.name) for voice in await store.all()}
    name = base = name_from(title)
    number = 2
    while folded(name) in taken:
        name = f"{base}-{number}"
        number += 1
    return name
