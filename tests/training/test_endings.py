"""The tokenizer's words, taken apart at their endings."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from training.preview.endings import ED, ING, S, stems_and_exceptions
from training.preview.symbols import phone_character, write_tokenizer


def test_words_of_one_stem_share_a_rule_and_forms_of_no_list_are_known(tmp_path: Path) -> None:
    """What is said otherwise than its stem would have it is an exception."""
    walk, hope, seem = ("w", "ˈɔ", "k"), ("h", "ˈO", "p"), ("s", "ˈi", "m")
    words = {
        "walk": walk,
        "walks": S.on(walk),
        "walked": ED.on(walk),
        "hop": ("h", "ˈɑ", "p"),
        "hoped": ED.on(hope),
        "seeming": ING.on(seem),
    }
    stems, exceptions = stems_and_exceptions(words)
    assert stems == {"walk": walk, "hop": ("h", "ˈɑ", "p"), "seem": seem}
    assert exceptions == {"hoped": ("h", "ˈO", "p", "t")}
    write_tokenizer(tmp_path / "tokenizer.json", words)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    unlisted = {"walking's": S.on(ING.on(walk)), "seemingly": (*seem, "ɪ", "ŋ", "l", "i")}
    for text, phones in (words | unlisted).items():
        assert tokenizer.encode(text).tokens == [phone_character(phone) for phone in phones], text
    for text in ("'walked'", "the walks' end", "‘walks’"):
        tokens = "".join(tokenizer.encode(text).tokens)
        assert "walk" not in tokens, text
        assert tokens.count("'") == text.replace("’", "'").replace("‘", "'").count("'"), text
    for text in ("talks", "talked", "talkingly", "bring", "boss's"):
        assert "".join(tokenizer.encode(text).tokens) == text


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.builds(
            "".join,
            st.tuples(
                st.sampled_from(["", "", "o'"]),
                st.sampled_from(["cat", "bat", "rest", "wish", "pit", "it", "full", "bus", "o'er"]),
                st.sampled_from(["", "ing", "ed", "ly"]),
                st.sampled_from(["", "s", "ly"]),
                st.sampled_from(["", "'s", "'ll"]),
            ),
        ),
        st.lists(
            st.sampled_from(["k", "t", "ɾ", "s", "l", "d", "ˈæ", "ə", "ɪ", "ŋ", "z"]), min_size=1
        ),
        max_size=12,
    )
)
def test_every_known_word_is_said_as_the_dictionary_has_it(
    dictionary: dict[str, list[str]],
) -> None:
    """Whatever its stem and its endings are, and those of the words beside it."""
    known = {word: tuple(phones) for word, phones in dictionary.items()}
    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(Path(folder) / "tokenizer.json", known)
        tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    for word, phones in known.items():
        assert tokenizer.encode(word).tokens == [phone_character(phone) for phone in phones], word
