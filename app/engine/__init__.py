"""Speaks with Kyutai's model, many requests at a time."""

from app.engine.upstream import import_upstream

import_upstream()
