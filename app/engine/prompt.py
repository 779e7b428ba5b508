"""Decides what the model reads for a chunk, and how long it may speak, by upstream's rules."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from pocket_tts import TTSModel
from pocket_tts.models.text_chunking import prepare_text_prompt
from torch import Tensor

from app.engine.alignment.words import Reading
from app.speech import TokenCounter


@dataclass(frozen=True, slots=True)
class Prompt:
    """Holds a chunk of text as the model reads it.

    Attributes:
        tokens: `[n]`, int64.
        reading: what the tokens stand for.
        max_frames: latents after which the chunk ends without EOS.
        frames_after_eos: latents from EOS on, by upstream's guess from the number of words.
    """

    tokens: Tensor
    reading: Reading
    max_frames: int
    frames_after_eos: int


def make_prompt(model: TTSModel, text: str) -> Prompt | None:
    """Prepare and tokenise `text` as `TTSModel.generate_audio` does; None if no text is left."""
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
        return None
    ids, offsets = _encode(model, prepared)
    seconds = len(ids) / model._TOKENS_PER_SECOND_ESTIMATE + model._GEN_SECONDS_PADDING
    max_frames = math.ceil(seconds * model.config.mimi.frame_rate)
    tokens = torch.tensor(ids, dtype=torch.long)
    return Prompt(tokens, Reading(text, prepared, offsets), max_frames, words_guess + 2)


def count_tokens(model: TTSModel, text: str) -> int:
    """Count the tokens that the model reads for a chunk of text; 0 if it has nothing to say."""
    prompt = make_prompt(model, text)
    return 0 if prompt is None else len(prompt.tokens)


def token_counter(model: TTSModel, text: str) -> TokenCounter:
    """Make a function that counts the tokens of pieces of `text`; the text is read only once.

    Cutting a script asks for hundreds of pieces, and a tokenizer with pronunciations inside takes
    20 ms for any of them. Tokens do not reach over white space, but for the marks that
    `make_prompt` may add at the edges, so a piece has the tokens of its words.
    """
    tokenizer = _json_tokenizer(model)
    if tokenizer is None:  # sentencepiece, which says nothing of places and is quick
        return partial(count_tokens, model)
    words = list(re.finditer(r"\S+", text))
    starts = [word.start() for word in words]
    counts = [0] * len(words)
    for start, end in tokenizer.encode_batch([text])[0].offsets:
        # A token of white space counts with the word before it.
        index = bisect_right(starts, max(start, end - 1)) - 1
        if index >= 0:
            counts[index] += 1
    of_word: dict[str, int] = {}
    for word, tokens in zip(words, counts, strict=True):
        of_word[word[0]] = max(tokens, of_word.get(word[0], 0))

    def count(piece: str) -> int:
        """Add up the tokens of the piece's words."""
        total = 0
        for word in piece.split():
            if word not in of_word:  # a piece may begin or end inside a word
                of_word[word] = count_tokens(model, word)
            total += of_word[word]
        return total

    return count


def _encode(model: TTSModel, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokenise text that has been prepared; return the tokens and their places in it."""
    tokenizer = _json_tokenizer(model)
    if tokenizer is None:
        processor = model.flow_lm.conditioner.tokenizer.sp
        pieces = processor.encode(text, return_type="offset_mapping")
        return pieces["ids"], pieces["offsets"]
    # `encode` would hold the interpreter's lock, and the event loop up; `encode_batch` does not.
    encoding = tokenizer.encode_batch([text])[0]
    return encoding.ids, encoding.offsets


def _json_tokenizer(model: TTSModel) -> Any:
    """Return the `tokenizers.Tokenizer` that upstream wraps; None if it wraps sentencepiece."""
    return getattr(model.flow_lm.conditioner.tokenizer, "tokenizer", None)
