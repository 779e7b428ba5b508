"""Serves the page at /docs, which tries the API out: Swagger UI, from files of this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse, Response

from app.api.http.forms import is_form

DOCS_PATH = "/docs"
ASSETS_PATH = "/docs/assets"
ASSETS = Path(__file__).parent / "swagger_ui"
"""docs.html and docs.js are ours; the rest is swagger-ui-dist 5.35.0, as npm has it."""

NATIVE_TAGS: list[dict[str, Any]] = [
    {"name": "speech", "description": "A script in, speech out."},
    {"name": "jobs", "description": "Long recordings, made in the background."},
    {"name": "voices", "description": "Voices of your own, and those that are built in."},
    {"name": "pronunciations", "description": "How words and names are spoken."},
    {"name": "server", "description": "What the server says about itself."},
]
"""The page shows this server's own calls first, under these headings."""

# The key is typed into this page, so nothing on it may come from, or go to, another host.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)


_NULL = {"type": "null"}


class DocumentedApp(FastAPI):
    """Describes its API so that the page has good first values for whoever tries it out."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            described = super().openapi()
            for schema in _form_schemas(described):
                _describe_as_form(schema)
        return super().openapi()


def _form_schemas(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in described["paths"].values():
        for operation in operations.values():
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                if is_form(kind):
                    name = body["schema"].get("$ref", "").rpartition("/")[2]
                    yield described["components"]["schemas"][name] if name else body["schema"]


def _describe_as_form(schema: dict[str, Any]) -> None:
    """Describe fields as a form has them, which knows no null: one that is left out is empty.

    Otherwise the page sends its own idea of each: "string", or the largest number allowed. For
    files it offers a text field unless they are called binary.
    """
    for field in schema["properties"].values():
        choices = field.get("anyOf", [])
        if _NULL in choices:
            given = [each for each in choices if each != _NULL]
            field.pop("anyOf")
            field.update(given[0] if len(given) == 1 else {"anyOf": given})
            if "contentMediaType" not in field:
                field.setdefault("examples", [""])
        one = field.get("items", field)
        if "contentMediaType" in one:
            one["format"] = "binary"


def serve_docs_page(app: FastAPI) -> None:
    """Serve the page and its files; they need neither the key nor the internet."""

    async def page(_request: Request) -> Response:
        return FileResponse(ASSETS / "docs.html", headers={"Content-Security-Policy": _POLICY})

    app.add_route(DOCS_PATH, page, include_in_schema=False)
    app.mount(ASSETS_PATH, StaticFiles(directory=ASSETS))
