"""Sentences, clauses and paragraphs end where a reader would say so."""

from __future__ import annotations

import pytest

from app.text.sentences import Break, find_words


def parts(text: str, least: Break) -> list[str]:
    """The text cut at every break at least that good."""
    found: list[str] = []
    start: int | None = None
    for word in find_words(text):
        start = word.start if start is None else start
        if word.after >= least:
            found.append(text[start : word.end])
            start = None
    return found


@pytest.mark.parametrize(
    "sentences",
    [
        "Dr. Smith paid $3.50 at 5:30 p.m. | He left.",
        "It costs 1,000.50 or so. | Run v1.2.3. | Then 2.0 came.",
        "Fruit, e.g. Apples, i.e. Food vs. Drink. | J. R. R. Tolkien wrote it.",
        "See No. 5 and Fig. 2. | He said no. | Then he went.",
        "The U.S. Army left the U.S.A. | They came to St. John and Mt. Everest.",
        "Sammy Davis Jr. sang. | Apple Inc. | The end etc. | More.",
        "Mail bob.jones@a.example.com. | See https://a.example/b.c?d=e.f! | Open read.me.txt now.",
        'He said "Stop." | "No!" he cried. | "Go?" | She went.',
        "(It was late.) | He slept [badly]. | What?! | Really!!! | Yes.",
        "Wait... what? | Well . . . maybe. | Hmm… | Yes.",
        "He came (see p. 5). | I know. | It was I. | You too.",
        "Great! 😀 | Next one. 👍🏽 🇫🇷 | It wins.",
        "iPhones sell well. | 5 people came.",
        "Das ist z.B. Berlin, d. h. Die Stadt. | Am 3. Oktober kam er. | Nr. 7 usw. | Er ging.",
        "« Bonjour ! » dit-il. | M. Dupont arriva. | Ah bon ? | Oui !",
        "¿Qué tal? | ¡Hola! | El Sr. García y la Sra. López vinieron.",
        "Il Dott. Rossi, l'Avv. Bianchi ecc. | Poi basta.",
        "O Sr. Silva saiu. | A Dra. Costa ficou.",
        "Neem bijv. Amsterdam. | Dhr. Jansen o.a. Piet.",
        "今天很好。 | 明天也好！ | 「はい。」 | そうです。",
    ],
)
def test_sentences_end_where_they_should(sentences: str) -> None:
    """The bars show where sentences end; nothing else ends one."""
    expected = sentences.split(" | ")
    assert parts(" ".join(expected), Break.SENTENCE) == expected


def test_unspaced_scripts_break_after_their_own_marks() -> None:
    """Chinese and Japanese need no white space after a mark, and quotes stay closed."""
    assert parts("今天很好。「明天，也好！」再见", Break.SENTENCE) == [
        "今天很好。",
        "「明天，也好！」",
        "再见",
    ]
    assert parts("明天，也好", Break.CLAUSE) == ["明天，", "也好"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("A heading\n\nText here.", ["A heading", "Text here."]),
        ("wrapped\ntext here", ["wrapped\ntext here"]),
        ("It ends.\nanother line", ["It ends.", "another line"]),
        ("met Dr.\nSmith", ["met Dr.\nSmith"]),
        ("“Stop!”\nhe said", ["“Stop!”\nhe said"]),
        ("To buy\n- milk\n- eggs", ["To buy", "- milk", "- eggs"]),
        ("Steps\n1. Go on\n2. Stop\na) x", ["Steps", "1. Go on", "2. Stop", "a) x"]),
        ("Il entre\n— Bonjour\n— Salut", ["Il entre", "— Bonjour", "— Salut"]),
        ("he said\n— and then", ["he said\n— and then"]),
        ("End.\n***\nBegin.", ["End.\n***", "Begin."]),
    ],
)
def test_lines_count_only_as_lists_or_after_a_sentence_mark(
    text: str, sentences: list[str]
) -> None:
    """A blank line ends a paragraph; a single line break is mere white space otherwise."""
    assert parts(text, Break.SENTENCE) == sentences


def test_only_blank_lines_are_paragraph_breaks() -> None:
    """White space on the blank line does not matter."""
    assert parts("one.\ntwo.\n \t\nthree", Break.PARAGRAPH) == ["one.\ntwo.", "three"]


def test_clauses_end_at_commas_dashes_and_brackets() -> None:
    """A dash stays with the word before it; commas inside numbers are no breaks."""
    text = "First, 1,000 (or so) came — late; others: no – never—well then - bye"
    assert parts(text, Break.CLAUSE) == [
        "First,",
        "1,000",
        "(or so)",
        "came —",
        "late;",
        "others:",
        "no –",
        "never—",
        "well then -",
        "bye",
    ]


@pytest.mark.parametrize(
    "whole", ["Dr. Smith", "No. 5", "10 000", "10\u00a0km", "« Bonjour", "oui !", "1. One", "— Oui"]
)
def test_what_belongs_together_is_joined(whole: str) -> None:
    """Titles, numbers, no-break spaces, list marks and spaced signs hold on to their word."""
    assert parts(whole, Break.WORD) == [whole]


def test_a_space_with_a_combining_mark_is_no_break() -> None:
    """The two form one grapheme."""
    assert parts("a \u0301b c", Break.JOINED) == ["a \u0301b", "c"]


def test_white_space_has_no_words() -> None:
    """There is nothing to find."""
    assert find_words(" \n\n ") == []
