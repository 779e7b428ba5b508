"""Prints how many of the project's own cases are read right, by language and kind of text.

The cases are the tables of `tests/text/cases`; those that are known to be read wrongly count as
wrong, and are listed with the reason.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import groupby

from app.text.normalise import normalise
from tests.text.cases import Case, load_cases


def main() -> None:
    """Read all cases, and print the shares and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", help="two letters; all languages unless given")
    language = parser.parse_args().language
    results = [
        (case, normalise(case.written, language=case.language, **case.options).text)
        for case in load_cases()
        if language in (None, case.language)
    ]
    _print_shares(results)
    _print_wrong([(case, spoken) for case, spoken in results if spoken != case.spoken])


def _print_shares(results: list[tuple[Case, str]]) -> None:
    print(f"{'language':10}{'kind':26}{'right':>7}{'of':>6}{'share':>8}")
    totals: dict[str, list[bool]] = defaultdict(list)
    for (language, kind), group in groupby(
        results, key=lambda result: (result[0].language, result[0].kind)
    ):
        right = [spoken == case.spoken for case, spoken in group]
        totals[language] += right
        _print_share(language, kind, right)
    for language, right in totals.items():
        _print_share(language, "all", right)


def _print_share(language: str, kind: str, right: list[bool]) -> None:
    share = sum(right) / len(right)
    print(f"{language:10}{kind:26}{sum(right):7}{len(right):6}{share:8.1%}")


def _print_wrong(wrong: list[tuple[Case, str]]) -> None:
    def reason_of(result: tuple[Case, str]) -> str:
        return result[0].known_wrong

    for reason, group in groupby(sorted(wrong, key=reason_of), key=reason_of):
        print(f"\n{reason or 'wrong without a reason given'}:")
        for case, spoken in group:
            print(f"  {case.language} {case.kind}: {case.written!r}")
            print(f"    is read   {spoken!r}")
            print(f"    should be {case.spoken!r}")


if __name__ == "__main__":
    main()
