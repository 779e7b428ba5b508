"""Runs whole servers as replicas of Ray Serve: `serve run app.fleet:app`.

It needs the extra `fleet`. Each replica is the server that `server.py` starts, without its web
server, for Ray Serve has the sockets. See docs/scaling.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import configure_logging
from app.main import create_app
from app.scaling import LOOK_BACK_SECONDS, Waits, replicas_wanted
from app.settings import Settings, load_settings

LOOK_SECONDS = 0.1
TOLD_SECONDS = 2.0
"""A replica tells so often how long people wait."""
READY_SECONDS = 900.0
"""Weights may have to be downloaded; a replica that is not ready by then is replaced."""
DRAIN_SECONDS = 10.0
"""Ray kills a replica so long after the grace time in which speech may go on."""


def build() -> Any:
    """Make the app in a replica, which takes requests once its model speaks."""
    settings = _settings()
    configure_logging(settings.log_level, settings.log_format)
    app = create_app(settings)
    life = app.router.lifespan_context

    @asynccontextmanager
    async def ready(served: Any) -> AsyncIterator[Any]:
        async with life(served) as state:
            async with asyncio.timeout(READY_SECONDS):
                # An old replica gives its place to a new one that answers, not to one that loads.
                while not app.state.services.cast.current.supervisor.is_available:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)
            yield state

    app.router.lifespan_context = ready
    app.add_middleware(_WithoutRequestId)
    return app


class _WithoutRequestId:
    """Leaves the id of a request to Ray Serve, which puts the same into each answer itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                message["headers"] = [each for each in headers if each[0] != b"x-request-id"]
            await send(message)

        await self._app(scope, receive, sent)


def deployment(settings: Settings) -> Any:
    """Say how many replicas there are, and what each may have."""
    how_many: dict[str, Any] = {"num_replicas": settings.fleet_replicas}
    if settings.fleet_max_replicas is not None:
        how_many = {
            "autoscaling_config": AutoscalingConfig(
                min_replicas=settings.fleet_replicas,
                max_replicas=settings.fleet_max_replicas,
                initial_replicas=settings.fleet_replicas,
                # The policy knows itself how long to wait; Ray would wait again after it.
                upscale_delay_s=0.0,
                downscale_delay_s=0.0,
                look_back_period_s=LOOK_BACK_SECONDS,
                metrics_interval_s=TOLD_SECONDS,
                policy=AutoscalingPolicy(policy_function=replicas_wanted),
            )
        }
    replica: Any = Replica
    return replica.options(
        **how_many,
        # What a replica cannot speak yet it queues and refuses itself, fairly between callers.
        max_ongoing_requests=settings.max_connections,
        graceful_shutdown_wait_loop_s=LOOK_SECONDS,
        graceful_shutdown_timeout_s=settings.shutdown_grace_seconds + DRAIN_SECONDS,
        ray_actor_options={"num_cpus": settings.fleet_cores},
    ).bind()


@serve.deployment(name="pocket-speech")
@serve.ingress(build)
class Replica:
    """Is one server."""

    app: Any
    _waits: Waits | None = None

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Tell Ray how long people wait here."""
        if self._waits is None:
            self._waits = Waits(self.app.state.services)
        return self._waits.told()


def _settings() -> Settings:
    settings = load_settings()
    if settings.torch_threads is None:
        return settings.model_copy(update={"torch_threads": settings.fleet_cores})
    return settings


app = deployment(_settings())
