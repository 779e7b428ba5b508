"""Good inputs of every kind, and the pieces that mean something in them."""

from __future__ import annotations

import json
import struct
from typing import Any

import msgpack
import numpy as np

from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.text.cases import load_cases

WRITTEN = tuple(case.written for case in load_cases())
PLAIN = (
    "[alba] Good morning!\n[bruno]: Good morning. [pause 0.5s] How are you?",
    "[alba]\nHello.\n\n[pause 300ms][pause=2s] (laughs) [laugh] *sighs* <|endoftext|> Bye.",
    "<role:alba> One. <role:bruno, speed=1.2> Two.</role>",
    "[S1] Hello. [S2] Hi.",
    "# Title\n\n- *one*\n- **two** [three](https://example.com/a_(b))\n\n```py\nx = 1\n```\n> q",
    "<b>Bold</b> &amp; <a href='x'>link</a>, a < b && c > d",
    "He said “no”… and left—at 5:30 p.m. on 3/4/2024, with $3.50 (50 %).",
)
SCRIPTS = WRITTEN + PLAIN
TEXT_TOKENS = (
    *"[](){}<>*_`~#|\\/\"'“”‘’«»-–—…,;:.!?&@$€£¥₿%‰+=^°½¼⅞²³ⁿ№§©™ⅣⅫ\t\n \u00a0\u200d\ufeff\u0301",
    *("[pause 1s]", "[pause", "pause]", "[alba]", "\n[bruno] ", "<role:alba>", "<role:", "</role>"),
    *(
        "<speak>",
        "(laughs)",
        "<|x|>",
        "**",
        "__",
        "~~",
        "```",
        "\n\n",
        "\r\n",
        "\u2028",
        "![",
        "](",
    ),
    *(
        "http://",
        "www.",
        ".com",
        "a@b.c",
        "://",
        "0",
        "1",
        "00",
        "1,000",
        "1.5",
        "1e9",
        "10^",
        "12345678901234567890",
        "1/2",
    ),
    *(
        "12:30",
        "3/4",
        "2024-01-02",
        "$",
        "$1.5M",
        "5kg",
        "km/h",
        "XIV",
        "1st",
        "A.B.",
        "Dr. ",
        "e.g.",
    ),
    *(
        "👍",
        "👩‍👩‍👧",
        "🇩🇪",
        "e\u0301",
        "ﬁ",
        "①",
        "٣",
        "１",
        "中文。",
        "ไทย",
        "العربية",
        "\ud800",
        "\x00",
    ),
)
SSML = (
    "<speak>Hello.</speak>",
    "<?xml version='1.0' encoding='utf-16'?><!-- a --><speak>Hello.</speak>",
    '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-GB">Hi.</speak>',
    '<speak><p><s>One.</s><s>Two.</s></p><break time="500ms"/><break strength="weak"/>.</speak>',
    "<speak><prosody rate='80%' pitch='-2st'>a <sub alias='b'>c</sub></prosody></speak>",
    "<speak>a <voice name='alba'>b <emphasis level='none'>c</emphasis></voice></speak>",
    "<speak>a <mark name='b'/>c</speak>",
    "<speak><say-as interpret-as='date' format='dmy'>3/4/2024</say-as><![CDATA[x]]>&#46;</speak>",
    "<speak><say-as interpret-as='telephone'>+1 555 0100</say-as>&#x1F600;</speak>",
    "<speak><say-as interpret-as='characters'>abc</say-as><lang xml:lang='de'>b</lang></speak>",
    "<speak>Hi.<metadata><x:y xmlns:x='z'>n</x:y></metadata></speak>",
)
SSML_TOKENS = (
    *("<speak>", "</speak>", "<p>", "</p>", "<s>", "</s>", "<break/>", "<break time='1s'/>", "<"),
    *(
        "<prosody rate='50%'>",
        "<prosody pitch='+1st'>",
        "</prosody>",
        "<voice name='a'>",
        "</voice>",
    ),
    *("<say-as interpret-as='cardinal'>", "<say-as interpret-as='time'>", "</say-as>", ">", "/>"),
    *(
        "<sub alias='x'>",
        "</sub>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?x",
        "?>",
        "&",
        "&amp;",
        "&#",
    ),
    *(
        "&#0;",
        "&#xD800;",
        "&lol;",
        "<!DOCTYPE a [",
        "<!ENTITY a 'b'>",
        "]>",
        "xmlns:x='y'",
        "x:y='z'",
    ),
    *(
        "'",
        '"',
        "=",
        " ",
        "\n",
        "1",
        "9",
        ".",
        "%",
        "st",
        "ms",
        "-",
        "+",
        "e",
        "½",
        "$",
        "\x00",
        "\ud800",
    ),
)

RECORDING = wav_bytes(voice_like(1.2))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(struct.pack("<4sI", kind, len(data)) + data for kind, data in chunks)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body


def fmt_chunk(
    *, tag: int = 1, channels: int = 1, rate_hz: int = 24000, bits: int = 16, align: int = 2
) -> tuple[bytes, bytes]:
    """The chunk of a WAV file that says what its samples are."""
    per_second = rate_hz * align % (1 << 32)
    return b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, per_second, align, bits)


WAVS = (
    riff(fmt_chunk(), (b"data", bytes(100))),
    riff((b"LIST", b"INFOISFT\4\0\0\0abc\0"), fmt_chunk(), (b"fact", bytes(4)), (b"data", b"")),
    riff(fmt_chunk(tag=3, bits=32, align=4), (b"data", np.zeros(9, "<f4").tobytes())),
    riff((b"data", bytes(8))),
    RECORDING[:200],
)
WAV_TOKENS = (
    *(b"RIFF", b"RIFX", b"RF64", b"WAVE", b"fmt ", b"data", b"LIST", b"\0", b"\xff" * 4, b"\0" * 4),
    *(
        b"\x10\0\0\0",
        b"\1\0\0\0",
        b"\xff\xff\xff\x7f",
        b"\0\0\0\x80",
        b"abcd\0\0\0\0",
        b"\1",
        b"\xfe\xff",
    ),
)

FISH: tuple[dict[str, Any], ...] = (
    {"text": "Hello there.", "reference_id": "alba", "format": "wav"},
    {"text": "Hi.", "references": [{"audio": RECORDING[:400], "text": "x"}], "seed": 1},
    {"text": "1", "prosody": {"speed": 1.2, "volume": 3.0}, "temperature": 0.5, "normalize": False},
    {
        "text": "",
        "chunk_length": 100,
        "latency": "balanced",
        "mp3_bitrate": 64,
        "sample_rate": 8000,
    },
)
PACKED: tuple[bytes, ...] = tuple(msgpack.packb(each) for each in FISH)
PACKED_TOKENS = (
    *(bytes([each]) for each in (0x00, 0x7F, 0x80, 0x81, 0x90, 0x91, 0x9F, 0xA0, 0xC0, 0xC1, 0xC3)),
    *(
        b"\xc4\x01a",
        b"\xc6\xff\xff\xff\xff",
        b"\xc7\1\1a",
        b"\xca\x7f\xc0\0\0",
        b"\xcb" + b"\xff" * 8,
    ),
    *(
        b"\xcf" + b"\xff" * 8,
        b"\xd3\x80" + bytes(7),
        b"\xd4\1a",
        b"\xd9\4\xed\xa0\x80a",
        b"\xdb\xff\xff\xff",
    ),
    *(
        b"\xdc\x04\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\xde\xff\xff",
        b"\xdf\0\1\0\0",
        b"\xe0",
        b"\xff",
        b"\xa4text",
    ),
    *(
        b"\xadreference_id",
        b"\xaareferences",
        b"\xa5audio",
        b"\xa7prosody",
        b"\xa5event",
        b"\xa4stop",
    ),
)
EVENTS: tuple[bytes, ...] = tuple(
    msgpack.packb(each)
    for each in (
        {"event": "start", "request": FISH[0]},
        {"event": "start", "request": {"text": "", "format": "pcm", "reference_id": "alba"}},
        {"event": "text", "text": "Hello there. "},
        {"event": "flush"},
        {"event": "stop"},
    )
)

_MESSAGES: tuple[dict[str, Any], ...] = (
    {"text": " ", "voice_settings": {"speed": 1.1, "stability": 0.5}, "xi_api_key": "k"},
    {"text": "Hello there. How are you? ", "try_trigger_generation": True},
    {"text": "More. ", "flush": True, "generation_config": {"chunk_length_schedule": [120]}},
    {"text": ""},
    {"text": None, "pronunciation_dictionary_locators": []},
)
MESSAGES = tuple(map(json.dumps, _MESSAGES))
JSON_TOKENS = (
    *'{}[]",:\\0-.eE \n',
    *('"text"', '"voice_settings"', '"speed"', "null", "true", "1e999", "-0", "NaN", "Infinity"),
    *(
        '"\\ud800"',
        '"\\u0000"',
        "1" * 30,
        '{"a":',
        "[[",
        "]]",
        '""',
        "\ufeff",
        "\x00",
        "é",
        "\ud800",
        '"k"',
    ),
)
WYOMING: tuple[bytes, ...] = tuple(
    json.dumps(event).encode() + b"\n"
    for event in (
        {"type": "describe", "data": {}},
        {"type": "synthesize", "data": {"text": "Hello.", "voice": {"name": "alba"}}},
        {"type": "ping", "data_length": 2},
        {"type": "audio-chunk", "payload_length": 4, "data": {"rate": 16000}},
    )
)
WYOMING_TOKENS = (
    *(
        b"\n",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"{}",
        b"\0",
        b"\xff",
        b"1" * 30,
        b"-1",
        b"1.5",
    ),
    *(
        b'"type"',
        b'"data"',
        b'"data_length":',
        b'"payload_length":',
        b"null",
        b"true",
        b"\\ud800",
        b"1e9",
    ),
)

BOUNDARY = b"b0undary"


def _form(
    *fields: tuple[bytes, bytes], file: bytes | None = None, field: bytes = b"voice_file"
) -> bytes:
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (BOUNDARY, name, value)
        for name, value in fields
    ]
    if file is not None:
        parts.append(
            b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="a.%s"\r\n'
            b"Content-Type: audio/wav\r\n\r\n%s\r\n"
            % (BOUNDARY, field, b"txt" if field == b"file" else b"wav", file)
        )
    return b"".join(parts) + b"--%s--\r\n" % BOUNDARY


MULTIPARTS = (
    _form((b"script", b"Hello."), (b"format", b"wav"), file=RECORDING[:300]),
    _form(
        (b"script", "Grüße".encode("latin-1")), (b"speed", b"1.1"), (b"stream", b"true"), file=b""
    ),
    _form((b"name", b"tess"), (b"tags", b"a,b"), (b"tags", b"c"), (b"replace", b"1")),
    _form((b"dictionary", b"x"), (b"name", b"y"), file=b"Nginx = engine X\n", field=b"file"),
    _form((b"text", b"Hi."), (b"prosody", b'{"speed": 1.1}'), (b"references", b"[]")),
)
MULTIPART_TOKENS = (
    *(
        b"--",
        b"\r\n",
        b"\r\n\r\n",
        b"--" + BOUNDARY,
        b"--%s--" % BOUNDARY,
        b'name="',
        b'filename="',
    ),
    *(
        b"Content-Disposition: form-data; ",
        b"Content-Type: text/plain; charset=utf-16\r\n",
        b"; a=b",
    ),
    *(
        b"filename*=utf-8''%ff",
        b"Content-Transfer-Encoding: base64\r\n",
        b"\0",
        b"\xff\xfe",
        b"\x80",
        b'"',
    ),
    *(
        b"script",
        b"voice_file",
        b"speed",
        b"nan",
        b"1e999",
        b"[",
        b"{",
        b"data:audio/wav;base64,AAAA",
        b"\\",
    ),
)
URLENCODED = (
    b"script=Hello.&format=wav&speed=1.1",
    b"name=tess&replace=true&tags=a%2Cb&tags=c",
    b"text=Hi%20there%21+%E2%82%AC&voice_file=",
)
URLENCODED_TOKENS = (
    *(
        b"&",
        b"=",
        b"%",
        b"%%",
        b"+",
        b";",
        b"%00",
        b"%ff",
        b"%ED%A0%80",
        b"%C3",
        b"\0",
        b"\xff\xfe",
        b"\r\n",
    ),
    *(b"script=", b"name=", b"speed=nan", b"speed=1e999", b"replace=", b"tags=", b"[]", b"a" * 50),
)
CONTENT_TYPES = (
    "",
    "; charset=utf-8",
    "; charset=utf-16",
    "; charset=cp1252",
    "; charset=nonsense",
)
CHARSETS = (
    "punycode",
    "hex",
    "idna",
    "undefined",
    "utf-7",
    "unicode_escape",
    "gb18030",
    "zlib",
    "rot13",
)
