"""The chart becomes what Kubernetes and Ray Serve take, and says what is missing."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "deploy" / "helm"
IN_FLEET = ROOT / ".venv-fleet" / "bin"
CHECK = """
import sys, yaml, kubernetes_validate
from ray.serve.schema import ServeDeploySchema
for each in yaml.safe_load_all(sys.stdin):
    if each["kind"] == "RayService":
        config = ServeDeploySchema.model_validate(yaml.safe_load(each["spec"]["serveConfigV2"]))
        groups = each["spec"]["rayClusterConfig"]
        each = groups["headGroupSpec"]["template"]
        for group in (each, *(one["template"] for one in groups["workerGroupSpecs"])):
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group}
            kubernetes_validate.validate(pod, "1.31", strict=True)
    else:
        kubernetes_validate.validate(each, "1.31", strict=True)
    print("taken")
"""

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Any]:
    """What Helm does: check values, put them into the templates, read what becomes of it."""
    program = tmp_path_factory.mktemp("helm") / "render"
    source = Path(__file__).with_name("helm_template.go")
    environment = {"HOME": str(program.parent), "GOCACHE": str(program.parent / "cache")}
    subprocess.run(
        [IN_FLEET / "go", "build", "-o", program, source],
        check=True,
        env={**environment, "PATH": "/usr/bin:/bin"},
    )
    check = jsonschema_rs.validator_for(json.loads((CHART / "values.schema.json").read_text()))

    def rendered(values: dict[str, Any]) -> str:
        merged = _merged(yaml.safe_load((CHART / "values.yaml").read_text()), values)
        check.validate(merged)
        made = subprocess.run(
            [program, CHART], input=json.dumps(merged), capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise ValueError(made.stderr)
        return made.stdout

    return rendered


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(base)
    for name, value in more.items():
        is_table = isinstance(value, dict) and isinstance(made.get(name), dict)
        made[name] = _merged(made[name], value) if is_table else value
    return made


FULL = {
    "replicas": {"min": 3, "max": 50, "cores": 8},
    "replicasPerPod": 2,
    "storage": {
        "voicesUrl": "s3://speech/voices",
        "voiceOutputUrl": "s3://speech/voice",
        "jobsUrl": "s3://speech/jobs",
        "endpointUrl": "https://s3.example.com",
    },
    "redisUrl": "redis://redis:6379",
    "keys": {
        "apiKey": "a-key",
        "urlSigningSecret": "sixteen-letters-at-least",
        "databaseUrl": "postgresql://speech:secret@db/speech",
    },
    "settings": {"MODEL_LANGUAGE": "english,german", "MAX_RUNNING_ROWS": 64},
    "ingress": {"enabled": True, "tlsSecret": "tls"},
}


@pytest.mark.parametrize("values", [FULL, {"keys": {"apiKey": "a-key"}}, {"existingSecret": "own"}])
def test_what_comes_of_it(render: Callable[..., str], values: dict[str, Any]) -> None:
    """Kubernetes' schemas take every object, and Ray Serve takes its own."""
    made = render(values)
    objects = [each for each in yaml.safe_load_all(made) if each]
    taken = subprocess.run(
        [IN_FLEET / "python", "-c", CHECK],
        input=yaml.safe_dump_all(objects),
        capture_output=True,
        text=True,
        check=False,
    )
    assert taken.returncode == 0, taken.stderr
    assert taken.stdout.split() == ["taken"] * len(objects)


def test_values(render: Callable[..., str]) -> None:
    """Replicas, cores, stores, keys and settings are where they belong."""
    by_kind = {each["kind"]: each for each in yaml.safe_load_all(render(FULL)) if each}
    settings = by_kind["ConfigMap"]["data"]
    assert settings["VOICES_URL"] == "s3://speech/voices"
    assert settings["MAX_RUNNING_ROWS"] == "64"
    assert by_kind["Secret"]["stringData"]["DATABASE_URL"].startswith("postgresql://")
    spec = by_kind["RayService"]["spec"]
    (application,) = yaml.safe_load(spec["serveConfigV2"])["applications"]
    (deployment,) = application["deployments"]
    scaling = deployment["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (3, 50)
    # What Ray's own autoscaling makes of the rest is tried in test_scaling.py.
    served = yaml.safe_load((ROOT / "deploy" / "serve.yaml").read_text("utf-8"))
    expected = served["applications"][0]["deployments"][0]["autoscaling_config"]
    assert {name for name in expected if scaling[name] != expected[name]} == {
        "min_replicas",
        "initial_replicas",
        "max_replicas",
    }
    assert deployment["ray_actor_options"] == {"num_cpus": 8}
    (group,) = spec["rayClusterConfig"]["workerGroupSpecs"]
    assert (group["minReplicas"], group["maxReplicas"]) == (2, 25)
    assert group["rayStartParams"]["num-cpus"] == "16"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "keys.apiKey"),
        ({"replicas": {"min": 0}}, "less than the minimum"),
        ({"storage": {"voicesUrl": "/srv/voices"}}, "does not match"),
        ({"replica": 3}, "Additional properties"),
    ],
)
def test_bad_values(render: Callable[..., str], values: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, jsonschema_rs.ValidationError), match=words):
        render(values)
