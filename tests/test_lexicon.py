"""Words and phrases are found in texts as a reader would find them, and in linear time."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest, Parameter, TooLarge
from app.lexicon import (
    LANGUAGES,
    MAX_PRONUNCIATIONS,
    Lexicon,
    Pronunciation,
    checked,
    folded_word,
    reaches_across,
    replacements,
)
from app.voices import details


def respelt(text: str, *lexicons: Lexicon, language: str = "en") -> str:
    """The text with its words written as the dictionaries say."""
    pieces, done = list[str](), 0
    for part in replacements(text, lexicons, language):
        for start, end, spoken in part:
            assert done <= start < end
            pieces += text[done:start], spoken
            done = end
    return "".join([*pieces, text[done:]])


def words(**spoken: str) -> Lexicon:
    return Lexicon(Pronunciation(written, said) for written, said in spoken.items())


OWN = Lexicon(
    [
        Pronunciation("Nginx", "engine X"),
        Pronunciation("York", "Yoark"),
        Pronunciation("New York", "Noo Yawk"),
        Pronunciation("New York Times", "the Times"),
        Pronunciation("US", "U S", case_sensitive=True),
        Pronunciation("us", "you lot", "fr"),
        Pronunciation("C++", "see plus plus"),
        Pronunciation("%", "percent"),
        Pronunciation("don", "Don Juan"),
        Pronunciation("IBM", "eye bee em"),
        Pronunciation("tele", "telly", whole_words=False),
        Pronunciation("Zoë's", "Zoey's"),
        Pronunciation("東京", "Tokyo"),
        Pronunciation("live", "liv"),
        Pronunciation("live", "leev", "de"),
        Pronunciation("e-mail", "ee-mail"),
        Pronunciation("info@acme.com", "info at ack me"),
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nginx, nginx and NGINX!", "engine X, engine X and engine X!"),
        ("NginxPlus, MyNginx, nginx2", "NginxPlus, MyNginx, nginx2"),
        ("Nginx's, Nginx’s, 'Nginx'", "engine X's, engine X’s, 'engine X'"),
        ("Nginx-based _nginx_ **Nginx**", "engine X-based _engine X_ **engine X**"),
        ("nginx_conf", "engine X_conf"),
        ("New York, York", "Noo Yawk, Yoark"),
        ("the New York Times of New York", "the the Times of Noo Yawk"),
        ("New\n   York\tand new\u00a0york", "Noo Yawk\tand Noo Yawk"),
        ("New\n\nYork", "New\n\nYoark"),
        ("the US and us", "the U S and us"),
        ("C++ and C++11, c++", "see plus plus and see plus plus 11, see plus plus"),
        ("5% or 5 %", "5 percent or 5 percent"),
        ("%%a", "percent percent a"),
        ("don't, I don’t, Don", "don't, I don’t, Don Juan"),
        ("d'IBM, IBMs, l’IBM", "d'eye bee em, IBMs, l’eye bee em"),
        ("telephone, tele", "tellyphone, telly"),
        ("Zoë's and Zoe\u0308's", "Zoey's and Zoe\u0308's"),
        ("ZOË’S", "Zoey's"),
        ("e\u0301Nginx Nginx\u0301", "e\u0301Nginx Nginx\u0301"),
        ("東京都", "Tokyo 都"),
        ("live music", "liv music"),
        ("e‑mail, e‐mail, E-Mail", "ee-mail, ee-mail, ee-mail"),
        ("https://nginx.org/nginx. Nginx", "https://nginx.org/nginx. engine X"),
        ("[Nginx](nginx) (Nginx)", "[engine X](nginx) (engine X)"),
        ("us@nginx.com <nginx a='us'> &us; Nginx", "us@nginx.com <nginx a='us'> &us; engine X"),
        ("www.nginx.com and info@acme.com", "www.nginx.com and info at ack me"),
        ("", ""),
        ("İNginx İ Nginx", "İNginx İ engine X"),
    ],
)
def test_found(text: str, expected: str) -> None:
    """Whole words and the longest of them, whatever their case, apostrophe and white space."""
    assert respelt(text, OWN) == expected


def test_language() -> None:
    """What is for the language of the text comes before what is for all; others do not count."""
    assert respelt("live us", OWN, language="de") == "leev us"
    assert respelt("live us", OWN, language="fr") == "liv you lot"


def test_capitals_that_count_come_first() -> None:
    """One for `US` alone wins over one for every `us`."""
    lexicon = Lexicon([Pronunciation("us", "uss"), Pronunciation("US", "U S", case_sensitive=True)])
    assert respelt("US us Us", lexicon) == "U S uss uss"


def test_nothing_is_replaced_twice() -> None:
    """What was put in the place of something is not looked at."""
    assert respelt("a b c", words(a="b", b="c", c="a a")) == "b c a a"


def test_the_first_dictionary_counts() -> None:
    """Of two for the same; but a longer phrase counts before both."""
    first, second = words(York="Yoark"), Lexicon(OWN.pronunciations)
    assert respelt("York", first, second) == "Yoark"
    assert respelt("York", words(york="Jork"), second) == "Jork"
    assert respelt("New York", words(york="Jork"), second) == "Noo Yawk"


def test_languages_are_those_that_there_are() -> None:
    """A dictionary may be for every language that Pocket TTS speaks."""
    assert set(LANGUAGES) == set(details.LANGUAGES.values())


@pytest.mark.parametrize(
    ("pronunciation", "words"),
    [
        (Pronunciation(" ", "x"), "the word is empty"),
        (Pronunciation("x" * 101, "x"), "the word has 101 characters; at most 100"),
        (Pronunciation("x", " "), "what is spoken for 'x' is empty"),
        (Pronunciation("x", "x" * 501), "what is spoken for 'x' has 501 characters"),
        (Pronunciation("x", "..."), "neither a letter nor a digit"),
        (Pronunciation("a\x00", "x"), "control character"),
        (Pronunciation("x", "\ud800a"), "no character"),
        (Pronunciation("x", "y", "xx"), "must be one of en, fr, de, pt, it, es, nl; it is 'xx'"),
    ],
)
def test_refused(pronunciation: Pronunciation, words: str) -> None:
    """What cannot be meant is refused, by the check and by a lexicon that is looked into."""
    with pytest.raises(ValueError, match=words.replace("'", ".")):
        checked(pronunciation)
    with pytest.raises(InvalidRequest, match=words.replace("'", ".")) as refused:
        respelt("text", Lexicon([pronunciation]))
    assert refused.value.field is Parameter.PRONUNCIATIONS


def test_too_many() -> None:
    """A lexicon has a bound."""
    many = [Pronunciation(f"w{number}", "x") for number in range(MAX_PRONUNCIATIONS + 1)]
    with pytest.raises(TooLarge, match="10001 entries; at most 10000"):
        respelt("text", Lexicon(many))


TEXTS = st.text(st.sampled_from("ab'ß İ\u0301\n.%New York東"), max_size=60)
SPOKEN = st.text(st.sampled_from("xyz <b>[]*\n"), min_size=1, max_size=8).filter(
    lambda text: any(map(str.isalnum, text))
)
PRONUNCIATIONS = st.builds(
    Pronunciation,
    TEXTS.map(lambda text: text[:9]).filter(str.strip),
    SPOKEN,
    st.sampled_from([None, "en", "de"]),
    st.booleans(),
    st.booleans(),
)


@given(text=TEXTS, pronunciations=st.lists(PRONUNCIATIONS, max_size=8))
def test_any_input(text: str, pronunciations: list[Pronunciation]) -> None:
    """Only what a pronunciation is for is touched, and only with what it says."""
    lexicon = Lexicon(pronunciations)
    said = {checked(each).spoken for each in pronunciations}
    done = 0
    for part in replacements(text, [lexicon], "en"):
        for start, end, spoken in part:
            assert done <= start < end <= len(text)
            assert spoken.strip() in said
            assert any(
                each.word == folded_word(text[start:end])
                for each in pronunciations
                if each.language != "de"
            )
            done = end


@pytest.mark.parametrize(
    ("text", "at", "reaches"),
    [
        ("I use Yahoo! Inc is it.", 13, True),
        ("I use Yahoo! In", 13, True),
        ("I use Yahoo! Incas are there.", 13, True),
        ("I use Yahoo! It is good.", 13, False),
        ("I use Yahoos! Inc is it.", 14, False),
        ("I use MyYahoo! Inc is it.", 15, False),
        ("I use Yahoo!\n  Inc is it.", 15, True),
        ("One. Two.", 5, False),
    ],
)
def test_reaches_across(text: str, at: int, reaches: bool) -> None:
    """A phrase that is there, or may be once there is more, is noticed at a place inside it."""
    lexicons = [Lexicon(), words(One="x"), Lexicon([Pronunciation("Yahoo! Inc", "Yahoo")])]
    assert reaches_across(text, at, lexicons) is reaches


def test_ten_thousand_in_a_long_text() -> None:
    """They cost little more than a hundred do, and four times the text four times the time."""
    chance = random.Random(1)
    syllables = ["ka", "lo", "mi", "ter", "van", "so", "pre", "qui"]

    def word() -> str:
        return "".join(chance.choices(syllables, k=chance.randint(1, 4)))

    phrases = {" ".join(word() for _ in range(chance.randint(1, 3))) for _ in range(20_000)}
    many = Lexicon(Pronunciation(each, "x") for each in sorted(phrases)[:10_000])
    few = Lexicon(many.pronunciations[::100])
    text = " ".join(word() for _ in range(12_000))[:50_000]

    def seconds(text: str, lexicon: Lexicon) -> float:
        lexicon.tables("en")
        times = []
        for _ in range(3):
            began = time.process_time()
            assert respelt(text, lexicon) != text
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(text, many) < 10 * seconds(text, few)
    assert seconds(text, many) < 12 * seconds(text[:12_500], many)


def test_the_worst_text() -> None:
    """Many lengths, each of which is tried everywhere and none fits, are bounded too."""
    lexicon = Lexicon(
        [
            *(Pronunciation("a " * length + "b", "x") for length in range(49)),
            *(Pronunciation("a" * length + "b", "x", whole_words=False) for length in range(99)),
        ]
    )
    began = time.process_time()
    for text in ("a " * 10_000, "a" * 20_000):
        assert respelt(text, lexicon) == text
    assert time.process_time() - began < 5
