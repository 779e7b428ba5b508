"""Puts the routes of all small protocols together."""

from __future__ import annotations

from fastapi import APIRouter

from app.api.small import mary, ovos, piper, xtts

router = APIRouter()
for _part in (ovos, piper, mary, xtts):
    router.routes.extend(_part.router.routes)

SUPPORT = (*ovos.SUPPORT, *piper.SUPPORT, *mary.SUPPORT, *xtts.SUPPORT)
