"""How clearly the preview voice speaks: word error of its teacher, its codec and the whole model.

    python -m benchmarks.preview_quality                 # app/preview, about a quarter of an hour
    python -m benchmarks.preview_quality --config other/preview.yaml --sentences 20

Needs pocketsphinx; festival with festvox-us-slt-hts and pyworld for the first two figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from training.preview.evaluate import held_out_sentences, report

ROOT = Path(__file__).parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=ROOT / "app/preview/preview.yaml")
    parser.add_argument("--prompt", type=Path, help="WAV of a voice, instead of the model's own")
    parser.add_argument("--sentences", type=int, help="at most so many of each share")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    arguments = parser.parse_args()
    if importlib.util.find_spec("pocketsphinx") is None:
        print("pocketsphinx is missing: pip install -r training/preview/requirements.txt")
        return 1
    shares = {name: all_[: arguments.sentences] for name, all_ in held_out_sentences().items()}
    errors = report(arguments.config, shares, arguments.prompt)
    if arguments.json:
        figures = {
            name: {"percent": error.percent, "words": error.words} for name, error in errors.items()
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
