"""A folder that is deleted under a running server takes along what was in it, and no more."""

from __future__ import annotations

import shutil

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import LogRecords, error_of

HELLO = {"script": "Hello there.", "format": "wav"}


def test_everything_is_deleted(
    fake_server: ServeFake, recording: bytes, log_records: LogRecords
) -> None:
    """Built-in voices speak on, what is lost is not found, and the folders come back."""
    engine = FakeEngine(frames_per_chunk=20, hold_after=3)
    served = fake_server(engine)
    client, files = served.client, {"files": ("a.wav", recording)}
    consent = {"name": "me", "language": "en"}

    def make() -> tuple[str, str]:
        assert client.post("/voices", data={"name": "tess"}, files=files).status_code == 201
        assert client.get("/voices/tess/preview").status_code == 200
        sent = client.post(
            "/v1/audio/voice_consents", data=consent, files={"recording": ("a.wav", recording)}
        )
        saved = client.post("/tts", json={**HELLO, "voice": "tess", "type": "url"})
        return str(sent.json()["id"]), str(saved.json()["url"])

    engine.hold_after = None
    _, lost_url = make()
    engine.hold_after = 3
    body = {**HELLO, "voice": "tess", "stream": True}
    with client.stream("POST", "/tts", json=body) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        shutil.rmtree(served.settings.voices_dir)
        shutil.rmtree(served.settings.voice_output_dir)
        engine.let_go.set()
        assert sum(map(len, pieces)) > 10 * 2 * 1920, "who is heard is heard to the end"
    engine.hold_after = None
    assert client.post("/tts", json=HELLO).status_code == 200
    assert "tess" not in [each["name"] for each in client.get("/voices").json()["voices"]]
    assert error_of(client.post("/tts", json={**HELLO, "voice": "tess"}), 404)
    assert client.get("/voices/tess").status_code == 404
    assert client.delete("/voices/tess").status_code == 404
    assert client.get("/v1/audio/voice_consents").json()["data"] == []
    assert client.get(lost_url).status_code == 404
    consent_id, url = make()
    assert client.get(url).status_code == 200
    assert client.get(f"/v1/audio/voice_consents/{consent_id}").status_code == 200
    assert not [each for each in log_records.kept if each.exc_info or each.levelname == "ERROR"]
