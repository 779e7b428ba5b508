"""Makes files that are broken, or that attack who reads them, of every kind that people upload."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.fuzz.corpus import fmt_chunk, riff

MB = 1 << 20
VOICE = voice_like(1.5)
WAV = wav_bytes(VOICE)
SAMPLES = WAV[44:]
SWAPPED = np.frombuffer(SAMPLES, "<i2").astype(">i2").tobytes()
"""The same samples, as AIFF and AU have them."""
GARBAGE = random.Random(1).randbytes(20_000)
ADDRESS = "http://127.0.0.1:9/stolen.wav"
SECRET = "file:///etc/passwd"


def media(encoded: Callable[[str], bytes]) -> Mapping[str, bytes]:
    """Make all the files by name.

    Args:
        encoded: makes a good file with an ending such as "mp3".
    """
    return {
        **dict(_wavs()),
        **dict(_raw_headers()),
        **dict(_playlists()),
        **dict(_archives()),
        **dict(_documents()),
        **dict(_damaged(encoded)),
        **dict(_inflated(encoded)),
    }


RIGHTLY_TAKEN = frozenset(
    (
        *("WAV that says it has 4 GB", "WAV with a zip behind it", "WAV after 100,000 chunks"),
        *("WAV of blocks of nothing", "RF64 of 2^63 samples", "AU of data far away"),
        *("mp3 behind 1000 ID3 tags", "mp3 in a zip's clothes", "mp3 with a head of ones"),
        "WAV named MP3",
        *(
            f"{ending} with flipped bits"
            for ending in ("wav", "mp3", "flac", "ogg", "opus", "m4a", "webm", "aiff", "au")
        ),
    )
)
"""In these FFmpeg finds at least a second of the voice, beside what is wrong with them; of what has
flipped bits not every version of it does. All else is refused."""


def _wavs() -> Iterator[tuple[str, bytes]]:
    data = (b"data", SAMPLES)
    yield "WAV without a format", riff(data)
    yield "WAV without data", riff(fmt_chunk())
    yield "WAV of nothing", riff(fmt_chunk(), (b"data", b""))
    yield "WAV cut in its header", WAV[:30]
    yield "WAV that is too short", wav_bytes(VOICE[:200])
    yield "silent WAV", wav_bytes(np.zeros_like(VOICE))
    yield "WAV that stands still", wav_bytes(np.ones_like(VOICE))
    yield "WAV of a tone", wav_bytes(np.sin(np.arange(36000) / 9).astype(np.float32))
    yield "WAV of 0 channels", riff(fmt_chunk(channels=0), data)
    yield "WAV of 65535 channels", riff(fmt_chunk(channels=65535), data)
    yield "WAV of one sample a frame in 8 channels", riff(fmt_chunk(channels=8), data)
    yield "0 Hz WAV", riff(fmt_chunk(rate_hz=0), data)
    yield "1 Hz WAV", riff(fmt_chunk(rate_hz=1), data)
    yield "4 GHz WAV", riff(fmt_chunk(rate_hz=0xFFFFFFFF), data)
    yield "WAV of 0 bits", riff(fmt_chunk(bits=0), data)
    yield "WAV of 65535 bits", riff(fmt_chunk(bits=65535), data)
    yield "WAV of blocks of nothing", riff(fmt_chunk(align=0), data)
    yield "WAV of an unknown codec", riff(fmt_chunk(tag=0xFFF0), data)
    for tag in (2, 0x11, 0x31, 0x55, 0x69, 0x161, 0xFF):
        yield f"WAV whose codec {tag:#x} is a lie", riff(fmt_chunk(tag=tag), (b"data", GARBAGE))
    for name, value in (("NaN", np.nan), ("infinite", np.inf), ("huge", 1e38), ("tiny", 1e-44)):
        floats = np.full(36000, value, "<f4") if name != "huge" else VOICE.astype("<f4") * value
        yield (
            f"WAV of {name} floats",
            riff(fmt_chunk(tag=3, bits=32, align=4), (b"data", floats.tobytes())),
        )
    yield "WAV that says it has 4 GB", riff(fmt_chunk()) + b"data\xff\xff\xff\xff" + SAMPLES
    yield "WAV with a chunk of 4 GB", riff(fmt_chunk()) + b"LIST\xff\xff\xff\xff" + SAMPLES
    yield "WAV after 100,000 chunks", riff(fmt_chunk()) + b"junk\0\0\0\0" * 10**5 + riff(data)[12:]
    yield "RF64 of 2^63 samples", (
        b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, *[2**63 - 1] * 3, 0)
        + riff(fmt_chunk(), data)[12:]
    )  # fmt: skip
    yield "W64 of garbage", b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + GARBAGE
    yield "WAV of MP3 that is garbage", riff(fmt_chunk(tag=0x55), (b"data", b"\xff\xfb" * 9000))


def _raw_headers() -> Iterator[tuple[str, bytes]]:
    yield "a byte", b"R"
    yield "zeros", bytes(MB)
    yield "garbage", GARBAGE
    yield "ones", b"\xff" * MB
    for kind, channels, rate in (("0 channels", 0, 24000), ("a rate of 2^60 Hz", 1, None)):
        ten = b"\x40\x3b\x80" + bytes(7) if rate is None else b"\x40\x0d\xbb\x80" + bytes(6)
        comm = struct.pack(">hIh", channels, 36000, 16) + ten
        body = b"AIFFCOMM" + struct.pack(">I", 18) + comm + b"SSND" + struct.pack(">III", 8, 0, 0)
        yield f"AIFF of {kind}", b"FORM" + struct.pack(">I", 1 << 20) + body + SWAPPED
    for kind, fields in (
        ("no rate", (24, 99, 3, 0, 1)),
        ("2^32 channels", (24, 99, 3, 24000, 0xFFFFFFFF)),
        ("data far away", (0xFFFFFFFF, 99, 3, 24000, 1)),
        ("an unknown codec", (24, 99, 999, 24000, 1)),
    ):
        yield f"AU of {kind}", b".snd" + struct.pack(">IIIII", *fields) + SWAPPED
    info = struct.pack(">HH", 16, 65535) + bytes(6)
    yield "FLAC of nothing", b"fLaC"
    yield "FLAC of 0 Hz", b"fLaC\x80\0\0\x22" + info + bytes(24) + GARBAGE
    yield "FLAC with endless notes", b"fLaC\0\0\0\x22" + info + bytes(24) + b"\4\xff\xff\xff" * 999
    yield (
        "FLAC with a picture of 4 GB",
        (b"fLaC\0\0\0\x22" + info + bytes(24) + b"\6\xff\xff\xff" + b"\xff" * 60),
    )
    yield "endless ID3", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(MB)
    yield "ID3 of ID3", b"ID3\4\0\0\0\0\0\x0a" * 10**5
    yield "MP3 of frames without sound", b"\xff\xfb\x90\0" * 10**5
    yield "Ogg of empty pages", b"OggS\0\0" + bytes(20) + b"\0" + (b"OggS\0\0" + bytes(21)) * 10**4
    yield (
        "Opus of 255 channels",
        _ogg(b"OpusHead\1\xff\0\0\x80\xbb\0\0\0\0\xff\xff\xff" + bytes(255)),
    )
    yield (
        "Vorbis of garbage",
        _ogg(b"\1vorbis" + struct.pack("<IBI", 0, 255, 0xFFFFFFFF) + bytes(14)),
    )
    atoms = b"".join(struct.pack(">I4s", 8 * (9999 - each), b"moov") for each in range(9999))
    ftyp = struct.pack(">I4s4sI", 16, b"ftyp", b"M4A ", 0)
    yield "MP4 of nested atoms", ftyp + atoms
    yield "MP4 of an atom of 2^63", ftyp + struct.pack(">I4sQ", 1, b"moov", 2**63 - 1) + GARBAGE
    yield "MP4 of an atom of 0", ftyp + struct.pack(">I4s", 0, b"moov") + GARBAGE
    yield "MP4 with a zlib bomb", ftyp + _compressed_atom(200 * MB)
    ebml = b"\x1a\x45\xdf\xa3\x84\x42\x82\x84webm"
    yield "WebM of nothing", ebml
    yield (
        "WebM of endless elements",
        ebml + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + b"\xec\x80" * 10**5,
    )
    yield "WebM of nested elements", ebml + b"\x18\x53\x80\x67\x01\0\0\0\0\0\xff\xff" * 10**4


def _ogg(packet: bytes) -> bytes:
    page = b"OggS\0\2" + bytes(8) + b"\1\0\0\0" + bytes(8)
    lengths = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    return page + bytes([len(lengths)]) + lengths + packet + b"OggS\0\0" + GARBAGE


def _compressed_atom(size_bytes: int) -> bytes:
    packed = zlib.compress(bytes(size_bytes), 9)
    dcom = struct.pack(">I4s4s", 12, b"dcom", b"zlib")
    cmvd = struct.pack(">I4sI", 12 + len(packed), b"cmvd", size_bytes) + packed
    cmov = struct.pack(">I4s", 8 + len(dcom + cmvd), b"cmov") + dcom + cmvd
    return struct.pack(">I4s", 8 + len(cmov), b"moov") + cmov


def _playlists() -> Iterator[tuple[str, bytes]]:
    for what in (SECRET, ADDRESS, "/dev/zero"):
        for kind, text in (
            ("HLS", f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{what}\n#EXT-X-ENDLIST\n"),
            (
                "HLS with a key",
                f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{what}"\n#EXTINF:9,\na.ts\n',
            ),
            ("ffconcat", f"ffconcat version 1.0\nfile '{what}'\n"),
            ("DASH", f'<?xml version="1.0"?><MPD><Period><BaseURL>{what}</BaseURL></Period></MPD>'),
            ("PLS", f"[playlist]\nFile1={what}\nNumberOfEntries=1\n"),
        ):
            yield f"{kind} that points to {what}", text.encode()
    yield "a concat address", f"concat:{SECRET}|{SECRET}".encode()
    yield "SDP", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n"
    yield "ASX", f'<asx version="3.0"><entry><ref href="{ADDRESS}"/></entry></asx>'.encode()
    yield "a subtitle", b"1\n00:00:00,000 --> 00:00:09,000\nHello.\n"


def _archives() -> Iterator[tuple[str, bytes]]:
    bomb = zlib.compress(bytes(50 * MB), 9)
    yield "a zlib bomb", bomb
    yield "a gzip bomb", gzip.compress(bytes(50 * MB))
    yield "a zip with ..", _zip({"../../etc/cron.d/x": WAV, "voices/../../anna.wav": WAV})
    link = zipfile.ZipInfo("anna.wav")
    link.external_attr = 0o120777 << 16
    yield "a zip with a link", _zip({link: b"/etc/passwd"})
    nested = bytes(10 * MB)
    for depth in range(6):
        nested = _zip({f"{depth}-{copy}.zip": nested for copy in range(4)})
    yield "a zip of zips", nested
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        linked = tarfile.TarInfo("anna.wav")
        linked.type, linked.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(linked)
    yield "a tar with a link", packed.getvalue()
    yield "the beginning of a 7z", b"7z\xbc\xaf\x27\x1c\0\4" + GARBAGE


def _zip(files: Mapping[Any, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _documents() -> Iterator[tuple[str, bytes]]:
    yield (
        "SVG with an address",
        (f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{SECRET}"/></svg>'.encode()),
    )
    entities = "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(9))
    yield "XML that grows", f"<!DOCTYPE x [<!ENTITY a0 'a'>{entities}]><x>&a9;</x>".encode()
    yield "HTML", b"<!doctype html><script>alert(1)</script>"
    yield "JSON", b'{"voice": "anna"}'
    yield "a PDF", b"%PDF-1.7\n" + GARBAGE
    yield "a program", b"\x7fELF\2\1\1" + GARBAGE
    yield (
        "a PNG",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\10\6\0\0\0" + GARBAGE,
    )
    yield "a GIF that is JavaScript", b"GIF89a=1;alert(1)//" + GARBAGE
    yield "a pickle", b"\x80\4cposix\nsystem\n(S'id'\ntR."
    yield "text", "Grüße aus einem Text. ".encode() * 1000


def _damaged(encoded: Callable[[str], bytes]) -> Iterator[tuple[str, bytes]]:
    for ending in ("wav", "mp3", "flac", "ogg", "opus", "m4a", "webm", "aiff", "au"):
        good = encoded(ending)
        yield f"{ending} cut in half", good[: len(good) // 2]
        yield f"{ending} cut to its head", good[:64]
        chance = random.Random(ending)
        flipped = bytearray(good)
        for at in chance.sample(range(min(200, len(good)), len(good)), len(good) // 200):
            flipped[at] ^= 1 << chance.randrange(8)
        yield f"{ending} with flipped bits", bytes(flipped)
        yield f"{ending} with a head of ones", b"\xff" * 40 + good[40:]


def _inflated(encoded: Callable[[str], bytes]) -> Iterator[tuple[str, bytes]]:
    mp3, m4a = encoded("mp3"), encoded("m4a")
    tag = b"ID3\4\0\0\0\0\0\x0a" + b"\0" * 10
    yield "mp3 behind 1000 ID3 tags", tag * 1000 + mp3
    yield "mp3 in a zip's clothes", b"PK\3\4" + bytes(26) + mp3
    yield "WAV with a zip behind it", WAV + _zip({"../x": b"x"})
    yield "WAV named MP3", WAV
    at = m4a.index(b"stsz") + 12
    yield "m4a of 2^32 samples", m4a[:at] + b"\xff" * 4 + m4a[at + 4 :]
    at = m4a.index(b"stts") + 8
    yield "m4a of 2^32 durations", m4a[:at] + b"\xff" * 12 + m4a[at + 12 :]
    at = m4a.index(b"mdhd") + 16
    yield "m4a of a rate of 2^32", m4a[:at] + b"\xff" * 8 + m4a[at + 8 :]
