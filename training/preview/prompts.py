"""Stage `prompts`: with which of its sentences each shipped voice is understood best."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from pathlib import Path

import torch

from training.preview.corpus import Corpus
from training.preview.evaluate import Panel, Saying, model_saying
from training.preview.export import CONFIG, load_exported, prompts_in, write_prompt, write_voices
from training.preview.sentences import held_out_sentences
from training.preview.voices import SHIPPED, Speaker
from training.preview.workspace import Workspace

CANDIDATES = 6
# The first 25 of each are for the figures.
CHOOSING = {"everyday": slice(25, 50), "wider_test": slice(25, 50)}


def misheard(panel: Panel, saying: Saying) -> int:
    """How many words whisper and pocketsphinx mishear together, of the sentences for choices."""
    shares = held_out_sentences()
    scores = [panel.score(shares[share][part], saying) for share, part in CHOOSING.items()]
    return sum(score.whisper.edits + score.sphinx.edits for score in scores)


def choose(workspace: Workspace, speaker: Speaker) -> int:
    """Print how each of the voice's first candidates is heard; return the best one's sentence."""
    torch.set_num_threads(1)
    panel, model = Panel(), load_exported(workspace.model / CONFIG)
    counts: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        prompt = Path(folder) / "prompt.wav"
        for spoken in prompts_in(Corpus.load(workspace.corpus), speaker)[:CANDIDATES]:
            write_prompt(spoken, prompt)
            counts[spoken.index] = misheard(panel, model_saying(model, prompt))
            print(f"{speaker.name:8} {spoken.index:6} {counts[spoken.index]} words", flush=True)
    return min(counts, key=lambda index: counts[index])


def run(workspace: Workspace, *, processes: int = 1) -> None:
    """Write which prompts were chosen, for later exports too, and put them into the model's folder.

    Raises ImportError without listeners.
    """
    jobs = [(workspace, speaker) for speaker in SHIPPED]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        chosen = pool.starmap(choose, jobs, chunksize=1)
    names = [speaker.name for speaker in SHIPPED]
    workspace.prompts.write_text(json.dumps(dict(zip(names, chosen, strict=True))), "utf-8")
    write_voices(workspace, workspace.model)
