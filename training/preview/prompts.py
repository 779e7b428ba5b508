"""Stage `prompts`: with which of its sentences each shipped voice is understood best."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from pathlib import Path

import numpy as np
import torch

from training.preview.corpus import Corpus
from training.preview.evaluate import Panel, Saying, model_saying
from training.preview.export import (
    CONFIG,
    load_exported,
    prompts_in,
    voice_prompts,
    write_prompt,
    write_voices,
)
from training.preview.sentences import held_out_sentences
from training.preview.voices import SHIPPED, Speaker
from training.preview.workspace import Workspace

CANDIDATES = 4
# The first 25 of each are for the figures.
CHOOSING = {"everyday": slice(25, 50), "wider_test": slice(25, 50)}


def judge(panel: Panel, saying: Saying) -> tuple[int, float]:
    """How many words both recognisers mishear of the sentences for choices, and DNSMOS."""
    shares = held_out_sentences()
    scores = [panel.score(shares[share][part], saying) for share, part in CHOOSING.items()]
    misheard = sum(score.whisper.edits + score.sphinx.edits for score in scores)
    return misheard, float(np.mean([sound for score in scores for sound in score.dnsmos]))


def choose(workspace: Workspace, speaker: Speaker) -> str:
    """Print how each of the voice's first candidates is heard; return the text of the best one."""
    torch.set_num_threads(1)
    panel, model = Panel(), load_exported(workspace.model / CONFIG)
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        prompt = Path(folder) / "prompt.wav"
        for spoken in prompts_in(Corpus.load(workspace.corpus), speaker)[:CANDIDATES]:
            write_prompt(spoken, prompt)
            counts[spoken.text], sound = judge(panel, model_saying(model, prompt))
            print(
                f"{speaker.name:8} {counts[spoken.text]:3} words misheard, DNSMOS {sound:.2f}: "
                f"{spoken.text}",
                flush=True,
            )
    return min(counts, key=lambda text: counts[text])


def run(workspace: Workspace, *, processes: int = 1) -> None:
    """Choose each shipped voice's prompt for the exported model and for later exports.

    Raises ImportError without listeners.
    """
    jobs = [(workspace, speaker) for speaker in SHIPPED]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        chosen = pool.starmap(choose, jobs, chunksize=1)
    keep(workspace, dict(zip((speaker.name for speaker in SHIPPED), chosen, strict=True)))


def keep(workspace: Workspace, chosen: dict[str, str]) -> None:
    """Note the chosen texts, by the names of voices, and put those prompts into the model."""
    workspace.chosen_prompts.write_text(json.dumps(chosen), "utf-8")
    write_voices(voice_prompts(workspace, Corpus.load(workspace.corpus)), workspace.model)
