"""Runs all benchmarks one after the other, as `make bench` does; docs/performance.md shows them.

    python -m benchmarks                  # everything, about half an hour
    python -m benchmarks --quick          # a few minutes, rougher figures
    python -m benchmarks serve_load -- --streams 16 --arrivals poisson

Figures go to benchmarks/out/ as JSON as well, or to benchmarks-out/ in the working folder where the
package is installed without its repository.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.models import OUT

FULL: dict[str, list[str]] = {
    "startup": [],
    "engine_step": [],
    "codec_step": [],
    "fidelity": [],
    "effects_cost": [],
    "long_script": [],
    "serve_load": [],
}
QUICK_OPTIONS: dict[str, list[str]] = {
    "long_script": ["--chars", "3000", "--upstream-chars", "600"],
    "serve_load": ["--streams", "1", "4", "16", "--rounds", "1", "--seconds", "15"],
}


def run(name: str, options: list[str]) -> int:
    """Run one benchmark after printing its name; return its exit code."""
    print(f"\n=== {name} {' '.join(options)}\n", flush=True)
    report = ["--json", str(OUT / f"{name}.json")]
    command = [sys.executable, "-m", f"benchmarks.{name}", *report, *options]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("name", nargs="?", choices=FULL, help="only this one")
    parser.add_argument("--quick", action="store_true", help="shorter and rougher")
    parser.add_argument("options", nargs="*", help="after --, for the one benchmark")
    arguments = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    if arguments.name:
        return run(arguments.name, arguments.options)
    short = QUICK_OPTIONS if arguments.quick else {}
    failed = [name for name in FULL if run(name, short.get(name, [])) != 0]
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
