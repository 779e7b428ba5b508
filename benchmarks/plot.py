"""Draws throughput and time to first audio against streams, from the JSON of `serve_load`.

python -m benchmarks.plot benchmarks/out/serve_load.json docs/serve_load.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use("svg")
# The same figures give the same file, so that it can be kept in version control.
mpl.rcParams["svg.hashsalt"] = "serve_load"


def draw(levels: list[dict[str, Any]], path: Path) -> None:
    """Draw two panels over the number of streams, with a line for each server."""
    figure, (rate, wait) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for server in dict.fromkeys(level["server"] for level in levels):
        own = [level for level in levels if level["server"] == server]
        streams = [level["streams"] for level in own]
        rate.plot(streams, [level["audio_rate"] for level in own], marker="o", label=server)
        wait.plot(streams, [level["first_audio_p50"] for level in own], marker="o", label=server)
    rate.set(
        title="Throughput", xlabel="streams", ylabel="audio-seconds per second", ylim=(0, None)
    )
    wait.set(title="Time to first audio", xlabel="streams", ylabel="median, seconds", yscale="log")
    for panel in (rate, wait):
        panel.grid(alpha=0.3)
        panel.legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("figures", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    draw(json.loads(arguments.figures.read_text()), arguments.picture)


if __name__ == "__main__":
    main()
