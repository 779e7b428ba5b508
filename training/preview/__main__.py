"""The preview voice, stage by stage.

    python -m training.preview sentences --workspace DIR
    python -m training.preview all --workspace DIR

See training/preview/README.md for what each stage needs and how long it takes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from training.preview import (
    analysis,
    carry_over,
    corpus,
    decoder,
    encoder,
    evaluate,
    export,
    language_model,
    lexicon,
    predict,
    prompts,
    sentences,
    teacher,
)
from training.preview.workspace import Workspace

# Minutes of one core each for a model from nothing
DECODER_MINUTES, LANGUAGE_MODEL_MINUTES, ENCODER_MINUTES = 80.0, 180.0, 20.0
TUNING_SHARE = 0.25  # of the decoder's time, on predicted latents


def stages(
    workspace: Workspace,
    minutes: float | None,
    processes: int,
    continued: bool,
    shipped: bool,
    sentences_heard: int | None,
    folder: Path | None,
) -> dict[str, Callable[[], None]]:
    """All stages in their order; `minutes` replaces each training's own time."""

    def start(part: str) -> Path | None:
        path = workspace.checkpoint(part)
        return path if continued else None

    def decode(share: float, again: bool) -> None:
        again_from = workspace.checkpoint("decoder") if again else start("decoder")
        duration = (minutes or DECODER_MINUTES) * share
        decoder.run(workspace, minutes=duration, continue_from=again_from)

    def learn_language() -> None:
        duration = minutes or LANGUAGE_MODEL_MINUTES
        known = start("language_model")
        language_model.run(workspace, minutes=duration, processes=processes, continue_from=known)

    def encode() -> None:
        duration = minutes or ENCODER_MINUTES
        encoder.run(workspace, minutes=duration, continue_from=start("encoder"))

    return {
        "sentences": lambda: sentences.run(workspace),
        "teacher": lambda: teacher.run(workspace, processes=processes),
        "analysis": lambda: analysis.run(workspace, processes=processes),
        "latents": lambda: corpus.run(workspace),
        "decoder": lambda: decode(1 - TUNING_SHARE, again=False),
        "language-model": learn_language,
        "predict": lambda: predict.run(workspace),
        "decoder-tuning": lambda: decode(TUNING_SHARE, again=True),
        "encoder": encode,
        "lexicon": lambda: lexicon.run(workspace),
        "export": lambda: export.run(workspace, shipped=shipped),
        "prompts": lambda: prompts.run(workspace, processes=processes),
        "evaluate": lambda: evaluate.run(
            workspace, folder=folder, sentences=sentences_heard, processes=processes
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [
        *stages(Workspace(Path()), None, 1, False, False, None, None),
        "carry-over",
        "pack",
        "mean",
        "all",
    ]
    parser.add_argument("stage", choices=names)
    parser.add_argument("--workspace", type=Path, default=Path("models/preview-training"))
    parser.add_argument("--minutes", type=float, help="of training, instead of the stage's own")
    parser.add_argument(
        "--processes",
        type=int,
        default=2,
        help="of teacher, analysis, language-model, prompts, evaluate",
    )
    parser.add_argument(
        "--continue", dest="continued", action="store_true", help="training goes on"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="to pack weights into, or to take them from; for evaluate an exported model's",
    )
    parser.add_argument(
        "--share", type=float, default=0.5, help="of the folder's weights in the mean"
    )
    parser.add_argument(
        "--sentences", type=int, help="of each share that are evaluated, instead of all"
    )
    parser.add_argument("--shipped", action="store_true", help="export to app/preview")
    arguments = parser.parse_args()
    if arguments.shipped and arguments.stage != "export":
        parser.error("--shipped goes with the stage export, when prompts are chosen")
    torch.set_num_threads(1)  # two threads gain a third; two stages side by side gain double
    workspace = Workspace(arguments.workspace)
    if arguments.stage == "carry-over":
        carry_over.run(workspace, arguments.folder or export.SHIPPED_FOLDER)
        return 0
    if arguments.stage == "mean":
        carry_over.mean(workspace, arguments.folder or export.SHIPPED_FOLDER, arguments.share)
        return 0
    if arguments.stage == "pack":
        if not arguments.folder:
            parser.error("pack needs --folder, the folder to write the weights into")
        carry_over.pack(workspace, arguments.folder)
        return 0
    every = stages(
        workspace,
        arguments.minutes,
        arguments.processes,
        arguments.continued,
        arguments.shipped,
        arguments.sentences,
        arguments.folder,
    )
    chosen = every if arguments.stage == "all" else {arguments.stage: every[arguments.stage]}
    for name, stage in chosen.items():
        started = time.monotonic()
        print(f"== {name}", flush=True)
        stage()
        print(f"== {name} took {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
