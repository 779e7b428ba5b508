"""Tests that mirror `app/`."""

from app.engine.upstream import import_upstream

# As the server has it, before anything here imports it and torch's compiler along with it.
import_upstream()
