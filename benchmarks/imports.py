"""Measures what this server's largest imports cost a process: memory and processor time.

    python -m benchmarks.imports

Each row is a process of its own, which imports what the rows above it import as well.
"""

from __future__ import annotations

import json
import subprocess
import sys

LIGHTLY = "from app.engine.upstream import import_upstream; import_upstream()"
SERVER = f"{LIGHTLY}; import app.engine.loader, app.main"
ROWS = {
    "torch": "import torch",
    "upstream, as the server imports it": LIGHTLY,
    "upstream, as it imports itself": "import pocket_tts",
    "the whole server": SERVER,
    "and scipy's filters": f"{SERVER}; import scipy.signal",
}
MEASURE = """
import json, time
{imports}
with open("/proc/self/status") as status:
    kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
print(json.dumps([kilobytes / 1024, time.process_time()]))
"""


def cost(imports: str) -> tuple[float, float]:
    """Return the resident memory in MB and the seconds of processor time of a process."""
    program = MEASURE.format(imports=imports)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    megabytes, seconds = json.loads(done.stdout)
    return megabytes, seconds


def main() -> None:
    print(f"{'':36} {'MB':>6} {'CPU s':>6}")
    for name, imports in ROWS.items():
        megabytes, seconds = cost(imports)
        print(f"{name:36} {megabytes:6.0f} {seconds:6.2f}")


if __name__ == "__main__":
    main()
