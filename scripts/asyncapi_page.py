"""Print docs/asyncapi.yaml: what goes to and fro on this server's own WebSocket.

python -m scripts.asyncapi_page > docs/asyncapi.yaml
"""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel

from app import __version__
from app.api.native.live import LIVE_PATH
from app.api.native.live_messages import CLIENT_MESSAGES, SERVER_MESSAGES, Audio

_HEAD = "# This file is written by `python -m scripts.asyncapi_page > docs/asyncapi.yaml`.\n"
_SOUND = "Sound"


def document() -> dict[str, Any]:
    """Return the description, as AsyncAPI 3 has it."""
    schemas: dict[str, Any] = {}
    messages = {}
    for model in (*CLIENT_MESSAGES, *SERVER_MESSAGES):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
        messages[model.__name__] = {
            "summary": _summary(model),
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        }
    messages[_SOUND] = {
        "summary": f"A binary frame of encoded sound; directly before it comes {Audio.__name__}.",
        "contentType": "application/octet-stream",
        "payload": {"type": "string", "format": "binary"},
    }
    names = [model.__name__ for model in SERVER_MESSAGES]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pocket Speech, live",
            "version": __version__,
            "description": "Text in while it is written, speech out. docs/live.md tells more.",
        },
        "channels": {
            "live": {
                "address": LIVE_PATH,
                "messages": {name: _ref("messages", name) for name in messages},
            }
        },
        "operations": {
            "take": _operation("receive", [model.__name__ for model in CLIENT_MESSAGES]),
            "tell": _operation("send", [*names, _SOUND]),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def page() -> str:
    """Write the description as YAML."""
    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)
    return _HEAD + str(text)


def _operation(action: str, names: list[str]) -> dict[str, Any]:
    channel = {"$ref": "#/channels/live"}
    messages = [{"$ref": f"#/channels/live/messages/{name}"} for name in names]
    return {"action": action, "channel": channel, "messages": messages}


def _summary(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


if __name__ == "__main__":
    print(page(), end="")
