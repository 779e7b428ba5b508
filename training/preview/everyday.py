"""Everyday sentences from templates: the time, the weather, who does what with which thing."""

from __future__ import annotations

from random import choice, randint

from training.preview.spoken_numbers import ONES, ORDINALS, below_hundred

MONTHS = (
    "January February March April May June July August September October November December"
).split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NAMES = (
    "Alice Bob Charles David Emma Frank Grace Henry Isabel Jack Karen Laura Michael Nancy Oliver "
    "Paul Rachel Sarah Thomas William Mary John Anna Peter"
).split()
CITIES = (
    "London Paris Houston Boston Chicago Berlin Tokyo Madrid Rome Sydney Toronto Dublin Seattle "
    "Denver"
).split()
WEATHER = "sunny cloudy rainy windy cold warm hot foggy snowy dry humid stormy".split()
THINGS = (
    "book phone letter table window garden car bicycle coffee sandwich ticket camera jacket "
    "computer kitchen door key lamp mirror picture radio ship train bridge river mountain street "
    "school office hospital library market museum restaurant station airport hotel message email "
    "report file program server speaker voice model test page song movie game"
).split()
ADJECTIVES = (
    "red green blue yellow white black small large new old good bad quick slow quiet loud bright "
    "dark easy hard heavy light clean dirty cheap expensive happy sad strong weak young early "
    "late ready open closed broken perfect simple beautiful strange important different possible"
).split()
VERBS = (
    "open close read write find buy sell bring take move clean fix change check send keep show "
    "start stop use watch see hold carry leave lose drop paint draw"
).split()
MINUTES = "fifteen|thirty|forty five|twenty|ten|o clock"
SHORT_MINUTES = "fifteen|thirty|twenty|forty"
EVENTS = "train|bus|flight|meeting"
HOW_TO_SPEAK = "English|without any download|clearly|right away|on a small computer"
SIZES, TRIALS = "short|small|simple|quick", "preview|test|example|demo"
PROGRAMS = "download|install|update|server|model"
ANSWERS = (
    "Yes|No|Well|Stop|Wait|Now|Hello|Good|Right|Of course|Thank you|Not yet|I see|All right|Go on|"
    "Who is there|Why not|Sorry|Please|Maybe|Never|Oh|So|Listen"
)
MODALS = "could|would|should|might"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def spelled_out(number: int) -> str:
    """A whole number below a million as words."""
    if number < 100:
        return below_hundred(number)
    if number < 1000:
        rest = number % 100
        return f"{ONES[number // 100]} hundred" + (f" and {spelled_out(rest)}" if rest else "")
    rest = number % 1000
    return f"{spelled_out(number // 1000)} thousand" + (f" {spelled_out(rest)}" if rest else "")


def _number(low: int, high: int) -> str:
    return spelled_out(randint(low, high))


def _one(options: str) -> str:
    return choice(options.split("|"))


def everyday_sentence() -> str:
    """A sentence from a template chosen by chance, as are its words."""
    name, thing = choice(NAMES), choice(THINGS)
    adjective, verb = choice(ADJECTIVES), choice(VERBS)
    return choice(
        [
            *_small_talk(name, thing, adjective, verb),
            *_instructions(name, thing, adjective, verb),
            *_statements(name, thing, verb),
        ]
    )


def short_sentence() -> str:
    """One to four words that are a sentence by themselves."""
    name, thing = choice(NAMES), choice(THINGS)
    adjective, verb = choice(ADJECTIVES), choice(VERBS)
    words = choice(
        [
            spelled_out(randint(0, 120)),
            thing,
            f"{thing}s",
            adjective,
            name,
            choice([*DAYS, *MONTHS, *CITIES]),
            _one(ANSWERS),
            _one(ANSWERS),
            f"{verb} it",
            f"the {thing}",
            f"a {adjective} {thing}",
            f"{_number(2, 20)} {thing}s",
            f"it is {adjective}",
            f"I {verb} it",
            f"{_one('I|we|you|they')} {_one('know|see|wait|agree|left|stopped|laughed')}",
            f"{name} {_one('said no|said yes|left|laughed|waited|is here|was late')}",
            f"then {_one('we left|it stopped|he laughed|she ran away|they waited')}",
            f"a {_one('first|second|third|new|last')} {_one('part|word|line|day|time')}",
        ]
    )
    return words[0].upper() + words[1:] + choice("....!?")


def listed_things() -> str:
    """A list with commas, at each of which one pauses."""
    things = [
        f"{choice(ADJECTIVES)} {thing}" if randint(0, 2) == 0 else thing
        for thing in (choice(THINGS) for _ in range(randint(3, 5)))
    ]
    listed = ", ".join(things[:-1]) + f", and {things[-1]}"
    return choice(
        [
            f"We need {listed}.",
            f"There is {listed}.",
            f"{choice(NAMES)} asked for {listed}.",
            f"First, {choice(VERBS)} the {things[0]}, then {choice(VERBS)} the {things[1]}.",
            f"{_one(ANSWERS)}, {choice(NAMES)}, the {things[0]} is {choice(ADJECTIVES)}.",
        ]
    )


def _small_talk(name: str, thing: str, adjective: str, verb: str) -> list[str]:
    return [
        f"Today is {choice(DAYS)}, {choice(MONTHS)} the {choice(ORDINALS[1:])}.",
        f"It is {_number(1, 12)} {_one(MINUTES)} in the {_one('morning|afternoon|evening')}.",
        f"The weather in {choice(CITIES)} is {choice(WEATHER)} and {choice(WEATHER)} today.",
        f"The temperature is {_number(1, 99)} degrees.",
        f"Hello {name}, how are you today?",
        f"Good {_one('morning|evening|afternoon')}, {name}.",
        f"My name is {name} and I live in {choice(CITIES)}.",
        f"Please {verb} the {adjective} {thing}.",
        f"Can you {verb} the {thing} for me?",
        f"I would like to {verb} a {adjective} {thing}.",
        f"The {thing} is {adjective}, but the {choice(THINGS)} is {choice(ADJECTIVES)}.",
        f"{name} wants to {verb} the {thing} on {choice(DAYS)}.",
        f"There are {_number(2, 999)} {thing}s in {choice(CITIES)}.",
    ]


def _instructions(name: str, thing: str, adjective: str, verb: str) -> list[str]:
    return [
        f"The number is {_number(0, 9)} {_number(0, 9)} {_number(0, 9)} {_number(0, 9)}.",
        f"The total is {_number(1, 5000)} dollars.",
        f"We will meet at the {thing} at {_number(1, 12)}.",
        f"Thank you very much, {name}.",
        f"Your {thing} is {adjective} now.",
        f"Where is the {adjective} {thing}?",
        f"I think the {thing} is too {adjective}.",
        f"Do not {verb} the {thing} yet.",
        f"You have {_number(2, 40)} new messages.",
        f"The next {_one(EVENTS)} leaves at {_number(1, 12)} {_one(SHORT_MINUTES)}.",
        f"Welcome back, {name}.",
        f"This is a {adjective} {thing} and that is a {choice(ADJECTIVES)} {choice(THINGS)}.",
        f"What time does the {thing} open on {choice(DAYS)}?",
        f"{name} and {choice(NAMES)} are {adjective} and {choice(ADJECTIVES)}.",
    ]


def _statements(name: str, thing: str, verb: str) -> list[str]:
    return [
        f"Turn {_one('left|right')} at the {thing}, then go straight for {_number(2, 90)} miles.",
        f"I can speak {_one(HOW_TO_SPEAK)}.",
        f"This is a {_one(SIZES)} {_one(TRIALS)} of the {_one('voice|speech|model|server')}.",
        f"Text to speech is {_one('easy|fun|useful|fast|ready')}.",
        f"The {_one(PROGRAMS)} is {_one('complete|ready|running|finished')}.",
        f"Let us {verb} {_one('it|this|that|them')} {_one('now|later|tomorrow|again|together')}.",
        f"He said that {_one('she|he|it|they')} {_one(MODALS)} {verb} the {thing}.",
        f"In {choice(MONTHS)}, {name} {_one('went|came|moved|traveled')} to {choice(CITIES)}.",
        f"The alphabet starts with {choice(LETTERS)}.",
    ]
