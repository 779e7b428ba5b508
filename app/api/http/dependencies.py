"""Hands the app's services to the routes, by FastAPI's dependency injection."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from app.services import Services


def services(connection: HTTPConnection) -> Services:
    """Return the services of the app that a connection belongs to."""
    found: Services = connection.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]
