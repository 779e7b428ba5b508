"""What the model reads for a chunk of text, and how long it may speak: upstream's rules."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pocket_tts import TTSModel
from pocket_tts.models.text_chunking import prepare_text_prompt
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chunk ready for prefill.

    Attributes:
        tokens: `[n]`, int64; None when nothing is left to speak.
        max_frames: latents after which the chunk ends without EOS.
        frames_after_eos: upstream's guess from the number of words.
    """

    tokens: Tensor | None
    max_frames: int
    frames_after_eos: int


def make_prompt(model: TTSModel, text: str) -> Prompt:
    """Prepare and tokenise `text` as `TTSModel.generate_audio` does for a chunk."""
    try:
        prepared, words_guess = prepare_text_prompt(
            text,
            model.pad_with_spaces_for_short_inputs,
            model.remove_semicolons,
            model.append_terminal_punctuation,
            model.capitalize_first_letter,
            model.replace_characters,
        )
    except ValueError:  # upstream's only complaint: no text is left
        return Prompt(None, 0, 0)
    ids = model.flow_lm.conditioner.tokenizer.encode(prepared)
    seconds = len(ids) / model._TOKENS_PER_SECOND_ESTIMATE + model._GEN_SECONDS_PADDING
    max_frames = math.ceil(seconds * model.config.mimi.frame_rate)
    return Prompt(torch.tensor(ids, dtype=torch.long), max_frames, words_guess + 2)


def count_tokens(model: TTSModel, text: str) -> int:
    tokens = make_prompt(model, text).tokens
    return 0 if tokens is None else len(tokens)
