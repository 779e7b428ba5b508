"""SSML says how to speak; whatever it says wrongly is refused with its place."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest, Parameter, TooLarge
from app.speech import Prosody
from app.text.markup import parse_script
from app.text.passages import Passage, Pause, Span


def parse(ssml: str, language: str = "en") -> tuple[Passage, ...]:
    return parse_script(ssml, voice_called=lambda _: None, language=language)


def speak(body: str) -> tuple[Passage, ...]:
    return parse(f"<speak>{body}</speak>")


def outcome(body: str) -> tuple[Passage, ...] | InvalidRequest:
    try:
        return speak(body)
    except InvalidRequest as refused:
        return refused


def refusal(ssml: str) -> str:
    with pytest.raises(InvalidRequest) as refused:
        parse(ssml)
    assert refused.value.field is Parameter.TEXT
    return refused.value.message


@pytest.mark.parametrize(
    "ssml",
    [
        "<speak>Hello.</speak>",
        "\ufeff \n<?xml version='1.0' encoding='utf-16'?>\n<!-- a --><speak>\n Hello.\n</speak>",
        (
            '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-GB">'
            "<metadata><x:any xmlns:x='y'>note</x:any></metadata>Hello.</speak>"
        ),
        "<speak><![CDATA[Hello]]>&#46;&#8203;</speak>",
        "<speak><emphasis level='strong'>Hel<mark name='here'/>lo</emphasis>.</speak>",
        "<speak>(happy) [laugh] Hello.</speak>",
        "<speak><lang xml:lang='EN_us'>Hello.</lang></speak>",
    ],
)
def test_says_the_same(ssml: str) -> None:
    """Declarations, notes, marks, emphasis and white space do not change what is said."""
    assert parse(ssml) == (Span("Hello."),)


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ('<break time="500ms"/>', 0.5),
        ('<break time="1.5s"/>', 1.5),
        ("<break/>", 0.5),
        ('<break strength="x-strong"/>', 1.5),
        ('<break strength="weak" time="3s"></break>', 3.0),
        ("[pause 2s]", 2.0),
    ],
)
def test_break(tag: str, seconds: float) -> None:
    """A break is a pause of its time or strength."""
    assert speak(f"One {tag} two.") == (Span("One"), Pause(seconds), Span("two."))
    assert speak('One <break strength="none"/> two.') == (Span("One two."),)


def test_paragraphs_and_sentences_are_seen_in_the_text() -> None:
    """A sentence ends with a mark, a paragraph with a blank line."""
    body = "<p><s>One</s> <s>Two!</s><s>“Three.”</s></p>\n<p>Four</p> five <s>six</s>"
    assert speak(body) == (Span("One. Two! “Three.”\n\nFour\n\nfive. six."),)


def test_sub_and_say_as_are_spoken_forms() -> None:
    """They are not to be normalised again, and join the text around without a gap."""
    assert speak('H<sub alias=" two ">2</sub>O') == (
        Span("H"),
        Span("two", verbatim=True),
        Span("O"),
    )
    assert speak('At <say-as interpret-as="cardinal">12</say-as>.') == (
        Span("At "),
        Span("twelve.", verbatim=True),
    )


def test_voice_and_prosody_nest() -> None:
    """The inner voice wins; rates multiply, volumes and pitches add up; all end with the tag."""
    body = (
        'One <voice name="alba">two <prosody rate="80%" volume="+6dB" pitch="+2st">three '
        '<prosody rate="slow" volume="-3dB" pitch="-12st">four</prosody></prosody> '
        '<voice name="marius">five</voice></voice> six'
    )
    assert speak(body) == (
        Span("One "),
        Span("two ", "alba"),
        Span("three ", "alba", Prosody(0.8, 6.0, 2.0)),
        Span("four ", "alba", Prosody(0.75, -3.0, -12.0).within(Prosody(0.8, 6.0, 2.0))),
        Span("five", "marius"),
        Span(" six"),
    )


@pytest.mark.parametrize(
    ("attribute", "prosody"),
    [
        ('rate="1.2"', (1.2, 0, 0)),
        ('rate="+10%"', (1.1, 0, 0)),
        ('rate="-50%"', (0.5, 0, 0)),
        ('rate="x-fast"', (1.75, 0, 0)),
        ('volume="x-soft"', (1, -12, 0)),
        ('volume="50"', (1, -6.0206, 0)),
        ('volume="+100%"', (1, 6.0206, 0)),
        ('pitch="high"', (1, 0, 2)),
        ('pitch="-50%"', (1, 0, -12)),
        ('pitch="default" rate="medium"', (1, 0, 0)),
    ],
)
def test_prosody_values(attribute: str, prosody: tuple[float, float, float]) -> None:
    """Words, percentages, decibels and semitones become numbers."""
    (span,) = speak(f"<prosody {attribute}>Hello</prosody>")
    assert isinstance(span, Span)
    found = span.prosody
    assert (found.speed, found.volume_db, found.pitch_semitones) == pytest.approx(prosody, abs=1e-3)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("é <foo>x</foo>", "<foo> at line 1, column 10 is not known; known are speak, p, s"),
        ("\n <amazon:effect>x</amazon:effect>", "<amazon:effect> at line 2, column 2 is not known"),
        ('<phoneme ph="x">a</phoneme>', "column 8 is not supported: the model reads letters"),
        ('<audio src="x"/>', "recordings cannot be put into speech"),
        ('<lexicon uri="x"/>', "<lexicon> at line 1, column 8: there is no dictionary 'x'"),
        ('<lexicon uri="https://a.com/x.pls"/>', "names an address, and none is fetched"),
        ('<lexicon uri="file:///etc/passwd"/>', "names an address, and none is fetched"),
        ('<lexicon uri="x" type="text/csv"/>', "has the type 'text/csv'; supported: application/"),
        ('<lookup ref="x">a</lookup>', "refers to 'x', but no <lexicon> before it has that"),
        ("<speak>a</speak>", "must be <speak>"),
        ("<voice>a</voice>", "<voice> at line 1, column 8 needs the attribute 'name'"),
        (f'<voice name="{"a" * 201}">a</voice>', "has a name of more than 200 characters"),
        ('<voice gender="f" name="a">a</voice>', "has no attribute 'gender'; supported: name"),
        ('<s class="x">a</s>', "has no attribute 'class'; supported: none"),
        ('<break time="5"/>', "malformed time or strength"),
        ('<break strength="huge"/>', "malformed time or strength"),
        ('<break time="31s"/>', "too long; allowed is 0 to 30 seconds"),
        ("a [pause: x]<s>b</s>", "[pause: x] in the text that ends at line 1, column 20"),
        ('<break time="30s"/>' * 21, "more than 600 seconds together"),
        ('<sub alias="">a</sub>', "needs the attribute 'alias'"),
        ('<sub alias="a"><s>b</s></sub>', "inside <sub>, which holds text alone"),
        ('<say-as interpret-as="cardinal">cat</say-as>', "<say-as> at line 1, column 8: "),
        ('<say-as interpret-as="x">1</say-as>', "<say-as> at line 1, column 8: "),
        ('<say-as interpret-as="cardinal"> </say-as>', "is empty"),
        ('<prosody rate="5">a</prosody>', "rate='5' is out of range; allowed is 25% to 400%"),
        ('<prosody rate="quick">a</prosody>', "rate='quick' is not known; write slow, 80%"),
        ('<prosody rate="+0.5">a</prosody>', "is not known"),
        ('<prosody volume="silent">a</prosody>', "volume='silent' is not known"),
        ('<prosody volume="0">a</prosody>', "volume='0' is out of range"),
        ('<prosody volume="101">a</prosody>', "volume='101' is not known"),
        ('<prosody pitch="+10Hz">a</prosody>', "pitch='+10Hz' is not known; write low, +2st"),
        ('<prosody pitch="110%">a</prosody>', "is not known"),
        ('<prosody contour="x">a</prosody>', "has no attribute 'contour'"),
        (
            '<prosody rate="x-slow"><prosody rate="49%">a',
            "<prosody> at line 1, column 31: rate, with the tags around it, is out of range",
        ),
        ('<p xml:lang="fr-FR">oui</p>', "asks for the language 'fr-FR'"),
        ("<lang>a</lang>", "needs the attribute 'xml:lang'"),
        ("<break/> … <metadata>words</metadata>", "nothing that can be spoken"),
        ("a &nbsp; b", "not well-formed at line 1, column 10: undefined entity"),
        ("a" + "&#769;" * 31, "more than 30 combining marks"),
        ("a<p>\n\nb</s>", "not well-formed at line 3, column 4: mismatched tag"),
    ],
)
def test_refuses_with_the_place(body: str, reason: str) -> None:
    """The error names the tag or value, line and column, and what is allowed."""
    assert reason in refusal(f"<speak>{body}</speak>")


@pytest.mark.parametrize(
    ("ssml", "reason"),
    [
        ("<speak>Hello", "not well-formed at line 1, column 13"),
        ("<speak", "not well-formed at line 1"),
        ("<speak>a</speak> b", "not well-formed at line 1, column 18: junk after"),
        ("<SPEAK>a</SPEAK>", "<SPEAK> at line 1, column 1 is not known"),
        ("\n\n  <speak><foo/></speak>", "<foo> at line 3, column 10"),
        ("<?xml version='1.0'?><html>a</html>", "<html> at line 1, column 22 is not known"),
        ("<speak>\ud800</speak>", "surrogate"),
        ("<!DOCTYPE speak><speak>a</speak>", "document type or an entity"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><speak>&b;</speak>', "document type or an entity"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><speak>a</speak>', "document type or an entity"),
        ("<speak>" + "<p>" * 100, "is more than 64 tags deep"),
    ],
)
def test_refuses_broken_and_hostile_documents(ssml: str, reason: str) -> None:
    """Broken XML, document types, entities and endless nesting never get through."""
    assert reason in refusal(ssml)


def test_bounds_the_number_of_tags_and_parts() -> None:
    """A document of tags alone is too large, and so are thousands of changes of voice."""
    with pytest.raises(TooLarge, match="more than 20000 tags"):
        speak("<s/>" * 20_000)
    with pytest.raises(TooLarge, match="more than 10000 parts"):
        speak("a[laugh]b[pause 1ms]" * 10_000)


TREES = st.recursive(
    st.sampled_from(["one", "two.", " ", "&amp;", "<break/>", "(happy)", "…", "<mark name='m'/>"]),
    lambda inner: st.builds(
        lambda tag, children: f"<{tag}>{' '.join(children)}</{tag.split()[0]}>",
        st.sampled_from(["p", "s", "voice name='v'", "prosody rate='medium'", "emphasis"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_no_word_is_lost(tree: str) -> None:
    """Every word and sign between tags is spoken, in order, kept apart."""
    parts = speak(f"begin {tree}")
    text = "".join(part.text if isinstance(part, Span) else " " for part in parts)
    words = ["one", "two", "&", "begin"]
    wanted = [tree.count(word if word != "&" else "&amp;") for word in words[:3]]
    assert [text.count(word) for word in words] == [*wanted, 1]
    assert all(isinstance(part, Pause) or part.text.strip() for part in parts)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="<>/&;=\"' \n![]-?x#1") | st.text())
def test_any_document_is_read_or_refused(body: str) -> None:
    """No text breaks the reader."""
    result = outcome(body)
    assert not isinstance(result, InvalidRequest) or result.field is Parameter.TEXT


@pytest.mark.parametrize(
    "body",
    [
        "<speak>" * 40_000,
        "<p a='" + "&#65;" * 60_000 + "'>",
        "<p " + "".join(f"a{n}='' " for n in range(40_000)) + "/>",
        "<!--" * 75_000,
        "<![CDATA[" * 30_000,
        "a &amp; " * 40_000,
        " " * 300_000 + "a",
        "<metadata>" + "<a/>" * 15_000 + "</metadata>",
        ". <s/>" * 15_000,
        "<s>. </s>" * 15_000,
        '<sub alias="x">' + "<" * 100_000,
    ],
)
def test_time_is_linear(body: str) -> None:
    """Long documents of the worst kind are read or refused in well under a second."""
    start = time.process_time()
    result = outcome(body)
    assert not isinstance(result, InvalidRequest) or len(result.message) < 500
    assert time.process_time() - start < 2
