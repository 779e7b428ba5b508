"""The dashboard, the alerts and the page about them know the metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ServeFake
from tests.programs import program, run
from tests.telemetry.scrape import Scrape

ROOT = Path(__file__).parent.parent.parent
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text("utf-8"))
PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
TESTS_OF_ALERTS = Path(__file__).parent / "alerts.yml"
PAGE = ROOT / "docs" / "operating.md"
OF_PROMETHEUS_ITSELF = {"up"}
GRID_COLUMNS = 24


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in alerts())


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in PromQL: words that are no function, label, keyword or number."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\b(by|without|on|ignoring) \([^)]*\)|\{[^}]*\}|\[\w+\]", "", bare)
    words = re.findall(r"\b[a-z]\w*\b(?!\s*\()", bare)
    return set(words) - {"by", "sum", "min", "or", "and", "le"}


@pytest.fixture
def spoken(fake_app: ServeFake) -> Scrape:
    """A scrape of a server that has spoken, refused, and shown a voice."""
    client = fake_app().client
    assert client.post("/tts", json={"script": "Hello."}).status_code == 200
    assert client.post("/tts", json={"script": ""}).status_code == 400
    assert client.get("/voices/alba/preview").status_code == 200
    return Scrape.of(client)


def test_every_metric_that_is_asked_for_exists(spoken: Scrape) -> None:
    """What the dashboard and the alerts name is in a scrape of a server that has spoken."""
    names = {sample.name for each in spoken.families.values() for sample in each.samples}
    # The fake engine has no batches, but the metric is there before the first one.
    asked = set().union(*map(metrics_in, expressions()))
    assert len(asked) > 15
    assert asked - OF_PROMETHEUS_ITSELF <= names


def test_metrics_in_an_expression() -> None:
    """Names are found among functions, labels and numbers."""
    expression = 'sum by (le) (rate(some_bucket{code=~"5..|or"}[5m])) / (other_total > 0) or third'
    assert metrics_in(expression) == {"some_bucket", "other_total", "third"}


def test_every_metric_is_explained(spoken: Scrape) -> None:
    """docs/operating.md has a line for each of our metrics, with its kind, and for no other."""
    page = PAGE.read_text("utf-8")
    listed = dict(re.findall(r"^\| `(pocket_speech\w*)`[^|]*\| (\w+) \|", page, re.MULTILINE))
    kinds = {
        f"{name}_total" if each.type == "counter" else name: each.type
        for name, each in spoken.families.items()
        if name in spoken.ours
    }
    assert listed == kinds


def test_the_dashboard_is_one_of_grafanas() -> None:
    """Its panels have ids of their own, fit into the grid, and do not lie on each other."""
    assert DASHBOARD["schemaVersion"] >= 38  # Grafana 10
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= GRID_COLUMNS
        assert panel["title"]
        assert panel["description"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters))
        for each in (panel, *panel["targets"]):
            assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_prometheus_reads_what_is_there(tmp_path: Path) -> None:
    """promtool takes the configuration, the alerts, and each expression of the dashboard."""
    promtool = program("promtool")
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(expressions())
    ]
    of_dashboard = tmp_path / "dashboard.yml"
    of_dashboard.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    for command in (
        ("check", "config", "--syntax-only", str(PROMETHEUS / "prometheus.yml")),
        ("check", "rules", str(ALERTS), str(of_dashboard)),
    ):
        ended = run(promtool, *command)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_alerts_come_when_they_should() -> None:
    """Each comes for a server in trouble, with its words, and not for another one."""
    ended = run(program("promtool"), "test", "rules", str(TESTS_OF_ALERTS))
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_is_tested() -> None:
    """None is left out, each says how urgent it is, and for whom."""
    tests = yaml.safe_load(TESTS_OF_ALERTS.read_text("utf-8"))["tests"]
    tested = [each["alert_rule_test"][0]["alertname"] for each in tests]
    assert tested == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert "$labels.instance" in rule["annotations"]["summary"]
