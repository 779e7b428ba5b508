"""Lists the voice ids that clients of other services ship as defaults, and who speaks for them."""

from __future__ import annotations

from collections.abc import Collection
from itertools import cycle
from types import MappingProxyType

_EVERYWHERE = MappingProxyType(
    {
        "female": ("cosette", "eponine", "fantine", "azelma", "alba"),
        "male": ("marius", "javert", "jean"),
    }
)
"""Every released model has these voices."""
_AT_HOME = MappingProxyType(
    {
        ("fr", "female"): "estelle",
        ("es", "female"): "lola",
        ("it", "male"): "giovanni",
        ("pt", "male"): "rafael",
        ("de", "male"): "juergen",
        ("nl", "male"): "daan",
    }
)
"""Models of these languages have a voice that was recorded in it."""

_IDS = MappingProxyType(
    {
        # ElevenLabs' premade voices; the first are what its SDKs, LiveKit and Pipecat send unasked.
        ("en", "female"): """
            21m00Tcm4TlvDq8ikWAM EXAVITQu4vr4xnSDxMaL hpp4J3VqNfWAUOO0d1Us cgSgspJ2msm6clMCkdW9
            9BWtsMINqrJLrRacOk9x FGY2WhTYpPnrIDTdsKH5 XB0fDUnXU5powFXDhCwa Xb7hH8MSUJpSbSDYk0k2
            XrExE9yKIg1WjnnlVkGX pFZP5JQG7iQjIQuC4Bku AZnzlk1XvdvUeBnXmlld LcfcDJNUP1GQjkzn1xUU
            MF3mGyEYCl7XYWbV9V6O ThT5KcBeYPX3keUQqHPh jBpfuIE2acCO8z3wKNLl jsCqWAovK2LkecY7zXl4
            oWAxZDx7w5VEj9dCyTzz pMsXgVXv3BLzUgSXRplE piTKgcLEGmPE4e6mEKli z9fAnlkpzviPz146aGWa
            zrHiDhphv9ZnVXBqCLjz t0jbNlBVZ17f02VDIeMI SAz9YHcvj6GT2YYXdXww
            933563129e564b19a115bedd57b7406a
            af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river
            af_sarah af_sky bf_alice bf_emma bf_isabella bf_lily
            hf_alpha hf_beta jf_alpha jf_gongitsune jf_nezumi jf_tebukuro
            zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi
            cmu-slt-hsmm
        """,
        ("en", "male"): """
            VR6AewLTigWG4xSOukaG pNInz6obpgDQGcFmaJgB bIHbv24MWmeRgasZH58o ErXwobaYiN019PkySvjV
            JBFqnCBsd6RMkjVDRZzb CwhRBWXzGAHq8TQ4Fs17 IKne3meq5aSn9XLyUdCD N2lVS1w4EtoT3dr4eOWO
            SOYHLrjzK2X1ezoPC6cr TX3LPaxmHKxFdv7VOQHJ TxGEqnHWrfWFTfGW9XjX cjVigY5qzO86Huf0OWal
            iP95p4xoKVk53GoZ742B nPczCjzI2devNBz1zQrb onwK4e9ZLuTAKqWW03F9 pqHfZKP75CvOlQylNhV4
            yoZ06aMxZJJ28mfd3POQ 29vD33N1CtxCmqQRPOHJ 2EiwWnXFnvU5JabPnv8n 5Q0t7uMcjvnagumLfvZi
            CYw3kZ02Hs0563khs1Fj D38z5RcWu1voky8WS1ja GBv7mTt0atIp3Br8iCZE ODq5zmih8GrVes37Dizd
            ZQe5CZNOzWyzPSCn5a3c Zlb1dXrM653N07WRdFW3 bVMeCyTHy58xNoL34h3p flq6f7yk4E4fJM5XTYuZ
            g5CIjZEefAph4nQFvHAz wViXBPUzp2ZZixB1xQuM zcAOhNBS3c14rBihAFp1
            03397b4c4be74759b72533b663fbd001
            am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa
            bm_daniel bm_fable bm_george bm_lewis
            hm_omega hm_psi jm_kumo zm_yunjian zm_yunxi zm_yunxia zm_yunyang
            cmu-bdl-hsmm cmu-rms-hsmm
        """,
        ("es", "female"): "ef_dora",
        ("es", "male"): "em_alex em_santa",
        ("fr", "female"): "ff_siwis",
        ("it", "female"): "if_sara",
        ("it", "male"): "im_nicola",
        ("pt", "female"): "pf_dora",
        ("pt", "male"): "pm_alex pm_santa",
    }
)
"""ElevenLabs', Fish Audio's, Kokoro's and MaryTTS's ids, by the language and sex heard there.

Of languages that no model here speaks, only the sex is kept."""


def client_voices(languages: Collection[str]) -> dict[str, str]:
    """Return the voice for each id that clients ship, whose letters are small as in all aliases.

    Args:
        languages: two-letter codes of those spoken here. A voice that is at home in one of them
            speaks for the ids of that language; all others share the voices that every model has.
    """
    found: dict[str, str] = {}
    for (language, sex), ids in _IDS.items():
        own = _AT_HOME.get((language, sex))
        voices = (own,) if own is not None and language in languages else _EVERYWHERE[sex]
        found.update(zip(map(str.lower, ids.split()), cycle(voices), strict=False))
    return found
