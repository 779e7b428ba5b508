"""Shows what the server does: numbers for Prometheus, and traces of requests."""
