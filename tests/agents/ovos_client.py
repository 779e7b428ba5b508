"""Speaks with OVOS's own plug-in for servers, and prints how long the sound is, as JSON.

It is run by the Python of `make test-agents`, where the plug-in is: URL in, one line out.
"""

from __future__ import annotations

import json
import sys
import tempfile
import wave
from pathlib import Path

from ovos_tts_plugin_server import OVOSServerTTS


def main(url: str) -> dict[str, float]:
    tts = OVOSServerTTS(config={"host": url, "lang": "en-us"})
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heard.wav"
        for text in ("Hello there, this is a test.", "🙂"):
            tts.get_tts(text, str(path), lang="en-us", voice="alba")
            with wave.open(str(path)) as file:
                found[text] = file.getnframes() / file.getframerate()
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
