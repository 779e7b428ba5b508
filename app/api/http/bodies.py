"""Reads or refuses bodies that came compressed, or in another encoding than UTF-8."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import Headers

from app.bounds import JSON_VALUES, json_values
from app.errors import InvalidRequest, shortened
from app.wording.encodings import charset_of, not_utf8


def refuse_compressed(headers: Headers) -> None:
    """Refuse a body whose headers say that it is compressed.

    Raises:
        InvalidRequest: they say so.
    """
    packing = headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("", "identity"):
        raise InvalidRequest(
            f"the body is compressed (Content-Encoding: {shortened(packing)}), which this server "
            "does not read; send it as it is"
        )


def json_in(
    body: bytes,
    content_type: str = "",
    max_values: int = JSON_VALUES,
    *,
    what: str = "the body",
) -> Any:
    """Parse a JSON body in UTF-8, UTF-16 or UTF-32, or in the charset of its Content-Type.

    Args:
        max_values: how many commas, lists and objects it may have, those in texts included. Each
            value takes memory of its own, up to a hundred times what it takes in the body.
        what: what an error calls it.

    Raises:
        json.JSONDecodeError: it is no JSON.
        InvalidRequest: it cannot be read at all; the error says what it is.
    """
    if json_values(body) > max_values:
        raise InvalidRequest(
            f"{what} is JSON that is nested too deeply or has more than {max_values} values, "
            "commas in texts included"
        )
    try:
        return json.loads(_text_of(body, content_type))
    except UnicodeDecodeError:
        raise InvalidRequest(f"{what} {not_utf8(body)}; send it as UTF-8") from None
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise InvalidRequest(f"{what} is not valid JSON: it is nested too deeply") from None
    except ValueError:
        raise InvalidRequest(f"{what} is not valid JSON: a number has too many digits") from None


def _text_of(body: bytes, content_type: str) -> str | bytes:
    charset = charset_of(content_type)
    # json finds out for itself which of Unicode's encodings the body has.
    return body if charset is None or charset.startswith("utf") else body.decode(charset)
