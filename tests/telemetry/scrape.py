"""Reads what a server tells Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

PATIENCE_SECONDS = 5.0


class Scrape:
    """Holds one answer of GET /metrics."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: dict[str, Metric] = {
            each.name: each for each in text_string_to_metric_families(text)
        }

    @classmethod
    def of(cls, client: httpx.Client) -> Scrape:
        answer = client.get("/metrics")
        assert answer.status_code == 200, answer.text
        return cls(answer.text)

    @classmethod
    def once(cls, client: httpx.Client, holds: Callable[[Scrape], bool]) -> Scrape:
        """Scrape until it `holds`: a server counts a request after it has answered."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(scrape := cls.of(client)):
            assert time.monotonic() < deadline, scrape.text
            time.sleep(0.01)
        return scrape

    def value(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name which have these labels."""
        return sum(
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str) -> list[dict[str, str]]:
        return [
            sample.labels
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name
        ]

    @property
    def ours(self) -> set[str]:
        """The names of all metrics of this server's own."""
        return {name for name in self.families if name.startswith("pocket_speech")}
