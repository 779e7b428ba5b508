"""Names the long-lived parts of one server, for the front ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.audio.storage import AudioStore
from app.callers.allowances import Allowances
from app.callers.keyring import Keyring
from app.callers.sessions import Sessions
from app.callers.tokens import Tokens
from app.jobs.jobs import Jobs
from app.lifetime import Lifetime
from app.network.peers import Peers
from app.network.wrong_keys import WrongKeys
from app.pronunciations.dictionaries import Dictionaries
from app.pronunciations.own import OwnPronunciations
from app.settings import Settings
from app.speaking.cast import Cast
from app.speaking.door import Speech
from app.speaking.previews import Previews
from app.stores.shared import SharedFolder
from app.telemetry.meter import Meter
from app.telemetry.requests import Requests
from app.telemetry.tracing import Tracing
from app.voices.consents import ConsentStore
from app.voices.fetch import VoiceFetcher
from app.voices.store import VoiceStore
from app.work import ByteBudget, Pools


@dataclass(frozen=True, slots=True)
class Services:
    """Holds all that a front end may use. `app/assembly/parts.py` makes it once.

    Attributes:
        speech: begins all speech.
        cast: knows which models there are, and what they are doing.
        voices: lists all voices, and changes those that people made.
        fetcher: gets recordings from other servers; None where that is off.
        pronunciations: hold for all speech; kept fresh by `assembly.running`.
        dictionaries: keep pronunciations that hold where somebody names them.
        saved: keeps audio that was saved for a URL; opened by whoever serves it.
        followed: folders that other servers change as well; followed by whoever serves.
        keyring: knows who has which key; kept fresh by whoever serves.
        sessions: know who has shown a key in a browser.
        allowances: counts what callers use; opened by whoever serves.
        pools: run what blocks, each kind of work on threads of its own.
        bodies: counts the bytes of all requests that are being answered.
        requests: makes the record of each request, and tells of its end.
        tracing: shows requests as traces, opened by whoever serves; None if nobody asked for that.
    """

    settings: Settings
    lifetime: Lifetime
    speech: Speech
    cast: Cast
    voices: VoiceStore
    previews: Previews
    consents: ConsentStore
    pronunciations: OwnPronunciations
    dictionaries: Dictionaries
    fetcher: VoiceFetcher | None
    saved: AudioStore
    followed: Sequence[SharedFolder]
    jobs: Jobs
    keyring: Keyring
    tokens: Tokens
    sessions: Sessions
    allowances: Allowances
    ffmpeg: Path
    pools: Pools
    bodies: ByteBudget
    peers: Peers
    wrong_keys: WrongKeys
    meter: Meter
    requests: Requests
    tracing: Tracing | None
