"""Draws deploy/grafana/dashboard.json from a real run of the server, read by a real Prometheus.

    python -m benchmarks.dashboard docs/images/dashboard.png --minutes 5

Some callers speak, are refused and hang up, as callers do; Prometheus (Debian's package of that
name) reads the server as deploy/prometheus/prometheus.yml says, and is then asked the dashboard's
own expressions. Traffic goes to loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import matplotlib as mpl
import yaml
from matplotlib import dates
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from app.callers.keys_file import add_key
from app.engine.preview import PREVIEW
from benchmarks.scripts import mixed_scripts
from benchmarks.servers import ROOT, Server, our_server

mpl.use("agg")

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
PROMETHEUS = ROOT / "deploy" / "prometheus"
SCRAPE_SECONDS = 5
START_SECONDS = 30.0
AT_THE_END_SECONDS = 10.0
ASSISTANTS = 6
ROW_INCHES, COLUMN_INCHES = 0.36, 0.62
COLOURS = ("#3274d9", "#e0752d", "#37872d", "#a352cc", "#c4162a", "#e0b400", "#00838f")
BACKGROUND, INK = "#f4f5f5", "#24292e"


@dataclass(frozen=True)
class Keys:
    """Holds the keys of the callers, by their names."""

    file: Path
    of: dict[str, str]


def make_keys(folder: Path) -> Keys:
    """Make a key for Prometheus and some for callers, one of whom may not do much."""
    path = folder / "keys.toml"
    return Keys(
        path,
        {
            "prometheus": add_key(path, "prometheus", ["metrics"], {}),
            "audiobooks": add_key(path, "audiobooks", ["speech"], {}),
            "assistant": add_key(path, "assistant", ["speech", "voices"], {}),
            "shop": add_key(path, "shop", ["speech"], {"requests_per_minute": 20}),
        },
    )


@contextmanager
def prometheus(server: Server, key: str, folder: Path) -> Iterator[str]:
    """Run Prometheus with the configuration of deploy/, at this server; give its address."""
    program = shutil.which("prometheus")
    if program is None:
        raise SystemExit("there is no prometheus on this machine: apt-get install prometheus")
    (folder / "key").write_text(key)
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    config["global"]["scrape_interval"] = f"{SCRAPE_SECONDS}s"
    config["rule_files"] = [str(PROMETHEUS / "alerts.yml")]
    (job,) = config["scrape_configs"]
    job["authorization"]["credentials_file"] = str(folder / "key")
    job["static_configs"] = [{"targets": [f"127.0.0.1:{server.port}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    process = subprocess.Popen(command, cwd=folder)
    try:
        _wait_until_ready(process, f"http://{address}/-/ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(address, trust_env=False).status_code == 200:
                return
        time.sleep(0.2)
    raise RuntimeError("prometheus did not start")


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncIterator[None]:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            yield


class Callers:
    """Speaks as three kinds of callers do, more of them towards the middle of the time."""

    def __init__(self, server: Server, keys: Keys, seconds: float) -> None:
        self._keys = keys
        self._began = time.monotonic()
        self._seconds = seconds
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=120
        )
        self._dice = random.Random(1)

    async def run(self) -> None:
        """Let them call until the time is over."""
        async with self._client, _at_most(self._seconds + AT_THE_END_SECONDS):
            await asyncio.gather(
                self._audiobook(),
                *(self._assistant(index) for index in range(ASSISTANTS)),
                *(self._shop(audio_format) for audio_format in ("opus", "mp3")),
            )

    @property
    def _crowd(self) -> float:
        """How much is going on, from a little at both ends to 1 in the middle."""
        share = (time.monotonic() - self._began) / self._seconds
        return max(0.1, 1 - abs(2 * share - 1))

    @property
    def _over(self) -> bool:
        return time.monotonic() - self._began >= self._seconds

    async def _audiobook(self) -> None:
        for script in mixed_scripts(seed=0):
            if self._over:
                return
            await self._post("audiobooks", "/tts", {"script": script, "format": "mp3"})
            await asyncio.sleep(self._dice.uniform(5, 15))

    async def _assistant(self, index: int) -> None:
        """Listen at the speed of speech, when there are enough others; sometimes hang up."""
        for number, script in enumerate(mixed_scripts(seed=100 + index)):
            while self._crowd < index / ASSISTANTS and not self._over:  # noqa: ASYNC110 - for time
                await asyncio.sleep(0.5)
            if self._over:
                return
            body = {"input": script, "voice": "alba", "response_format": "pcm"}
            hangs_up = self._dice.random() < 0.15
            await self._listen("assistant", body, pieces=8 if hangs_up else None)
            if number % 5 == 0:
                await self._post("assistant", "/v1/audio/speech", {**body, "voice": "nobody"})
            await asyncio.sleep(self._dice.uniform(0.2, 3))

    async def _shop(self, audio_format: str) -> None:
        """Ask for short texts, more often than the key allows once it is busy."""
        while not self._over:
            script = f"Order {self._dice.randint(1, 999)} is ready."
            await self._post("shop", "/tts", {"script": script, "format": audio_format})
            await asyncio.sleep(self._dice.uniform(1, 3) / self._crowd)

    async def _post(self, caller: str, path: str, body: dict[str, str]) -> None:
        with suppress(httpx.TransportError):
            await self._client.post(path, json=body, headers={"X-API-Key": self._keys.of[caller]})

    async def _listen(self, caller: str, body: dict[str, str], *, pieces: int | None) -> None:
        headers = {"X-API-Key": self._keys.of[caller]}
        path = "/v1/audio/speech"
        with suppress(httpx.TransportError):
            async with self._client.stream("POST", path, json=body, headers=headers) as answer:
                heard = 0
                async for _ in answer.aiter_raw():
                    heard += 1
                    if heard == pieces:
                        return


@dataclass(frozen=True)
class Line:
    """Holds what Prometheus answers to one expression, for one set of labels."""

    label: str
    times: list[float]
    values: list[float]


def ask(address: str, target: dict[str, Any], began: float, ended: float) -> list[Line]:
    """Ask Prometheus an expression of the dashboard, over the time of the run."""
    query = {"query": target["expr"], "start": began, "end": ended, "step": SCRAPE_SECONDS}
    answer = httpx.get(f"{address}/api/v1/query_range", params=query, trust_env=False)
    answer.raise_for_status()
    lines = []
    for series in answer.json()["data"]["result"]:
        labels = series["metric"]
        label = target["legendFormat"]
        for name in re.findall(r"\{\{(\w+)\}\}", label):
            label = label.replace(f"{{{{{name}}}}}", labels[name])
        points = [(at, float(value)) for at, value in series["values"] if value != "NaN"]
        times = [_axis_time(at) for at, _ in points]
        lines.append(Line(label, times, [value for _, value in points]))
    return sorted(lines, key=lambda each: each.label)


def _axis_time(unix_seconds: float) -> float:
    """Return a time as matplotlib has it, in days."""
    at = datetime.fromtimestamp(unix_seconds, UTC)
    return float(dates.date2num(at))  # type: ignore[no-untyped-call]


def draw(dashboard: dict[str, Any], found: dict[int, list[Line]], path: Path) -> None:
    """Draw the panels on the dashboard's own grid of 24 columns."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    size = (24 * COLUMN_INCHES, (rows + 1.5) * ROW_INCHES)
    figure = plt.figure(figsize=size, facecolor=BACKGROUND)
    title_y = 1 - 0.5 * ROW_INCHES / size[1]
    figure.text(0.012, title_y, dashboard["title"], size=14, weight="bold", va="center", color=INK)
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        left, width = place["x"] / 24, place["w"] / 24
        bottom = 1 - (place["y"] + place["h"] + 1.5) / (rows + 1.5)
        height = place["h"] / (rows + 1.5)
        frame = (left + 0.003, bottom + 0.003, width - 0.006, height - 0.006)
        figure.patches.append(
            mpl.patches.Rectangle(
                frame[:2],
                frame[2],
                frame[3],
                transform=figure.transFigure,
                color="white",
                zorder=-1,
            )
        )
        figure.text(
            left + 0.008,
            bottom + height - 0.35 * ROW_INCHES / size[1],
            panel["title"],
            size=9,
            weight="bold",
            va="top",
            color=INK,
        )
        inside = (left + 0.04, bottom + 0.032, width - 0.05, height - 0.058)
        if panel["type"] == "stat":
            _stat(
                figure.add_axes((left + 0.005, bottom + 0.005, width - 0.01, height * 0.45)),
                panel,
                found[panel["id"]],
            )
        else:
            _time_series(figure.add_axes(inside), panel, found[panel["id"]])
    figure.savefig(path, dpi=90, metadata={"Software": None})


def _stat(axes: Axes, panel: dict[str, Any], lines: list[Line]) -> None:
    axes.axis("off")
    (line,) = lines
    last = line.values[-1]
    mappings = panel["fieldConfig"]["defaults"].get("mappings")
    if mappings:
        shown = mappings[0]["options"][f"{last:g}"]
        text, colour = shown["text"], shown["color"]
    else:
        text, colour = _unit(panel)(last), COLOURS[2]
        axes.fill_between(line.times, line.values, color=colour, alpha=0.15)
        axes.plot(line.times, line.values, color=colour, linewidth=0.8)
        axes.set_ylim(0, None)
    axes.text(0.5, 1.12, text, size=18, color=colour, ha="center", transform=axes.transAxes)


def _time_series(axes: Axes, panel: dict[str, Any], lines: list[Line]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    colours = [COLOURS[index % len(COLOURS)] for index in range(len(lines))]
    if defaults["custom"]["stacking"]["mode"] == "normal" and lines:
        times = sorted({each for line in lines for each in line.times})
        by_time = [dict(zip(line.times, line.values, strict=True)) for line in lines]
        values = [[line.get(each, 0.0) for each in times] for line in by_time]
        labels = [line.label for line in lines]
        axes.stackplot(times, values, labels=labels, colors=colours, alpha=0.6)
    else:
        for line, colour in zip(lines, colours, strict=True):
            axes.plot(line.times, line.values, label=line.label, color=colour, linewidth=1.1)
    axes.set_ylim(defaults.get("min"), defaults.get("max"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _unit(panel)(value)))
    axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=2, maxticks=5))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=7, length=2, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.margins(x=0)
    if lines:
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.48, -0.1),
            ncols=min(4, len(lines)),
            fontsize=7,
            frameon=False,
            handlelength=1.2,
            columnspacing=1,
        )


def _unit(panel: dict[str, Any]) -> Any:
    """Return what writes a value as Grafana does in the unit of a panel."""
    return {
        "s": lambda value: f"{1000 * value:.0f} ms" if value < 1 else f"{value:.3g} s",
        "bytes": lambda value: f"{value / 2**20:.0f} MiB",
        "percentunit": lambda value: f"{value:.0%}",
        "reqps": lambda value: f"{value:.3g} req/s",
        "none": lambda value: f"{value:.3g}",
    }[panel["fieldConfig"]["defaults"]["unit"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    arguments = parser.parse_args()
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        keys = make_keys(work)
        settings = {
            "MODEL_CONFIG": "",
            "MODEL_LANGUAGE": PREVIEW,
            "AUTH_DISABLED": "false",
            "API_KEYS_FILE": str(keys.file),
            "VOICES_DIR": str(work / "none"),
        }
        with (
            our_server(Path(), work, **settings) as server,
            prometheus(server, keys.of["prometheus"], work) as address,
        ):
            began = time.time()
            asyncio.run(Callers(server, keys, 60 * arguments.minutes).run())
            ended = time.time()
            found = {
                panel["id"]: [
                    line
                    for target in panel["targets"]
                    for line in ask(address, target, began, ended)
                ]
                for panel in dashboard["panels"]
            }
    draw(dashboard, found, arguments.picture)
    for panel in dashboard["panels"]:
        print(
            panel["title"], "-", ", ".join(line.label for line in found[panel["id"]]) or "nothing"
        )


if __name__ == "__main__":
    main()
