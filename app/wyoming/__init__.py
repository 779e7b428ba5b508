"""The Wyoming protocol, over which Home Assistant speaks: not HTTP, so not in `api`."""
