"""Languages other than English get their numbers and amounts in words; the rest stays."""

import pytest

from app.text.normalise import normalise


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("fr", "Il a 21 ans.", "Il a vingt et un ans."),
        ("fr", "3,14 et 10 000", "trois virgule un quatre et dix mille"),
        ("fr", "3,50 €", "trois euros et cinquante centimes"),
        ("fr", "le 1er, la 1re et le 2e", "le premier, la première et le deuxième"),
        ("fr", "50 %", "cinquante pour cent"),
        ("fr", "17h30", "dix-sept heures trente"),
        ("de", "1.234,5", "eintausendzweihundertvierunddreißig Komma fünf"),
        ("de", "1 €", "ein Euro"),
        ("de", "am 3. Mai", "am dritten Mai"),
        ("de", "am 3.5.2024", "am dritten Mai zweitausendvierundzwanzig"),
        ("de", "z. B. 5 %", "z. B. fünf Prozent"),
        ("de", "um 17:45 Uhr", "um siebzehn Uhr fünfundvierzig"),
        ("de", "1984", "neunzehnhundertvierundachtzig"),
        ("de", "-5 Grad, 10-15 km", "minus fünf Grad, zehn bis fünfzehn km"),
        ("pt", "R$ 3,50", "três reais e cinquenta centavos"),
        ("pt", "a 2ª vez", "a segunda vez"),
        ("pt", "20/11/2026", "vinte de novembro de dois mil e vinte e seis"),
        ("it", "3,14", "tre virgola uno quattro"),
        ("it", "1 euro e 5 €", "uno euro e cinque euro"),
        ("it", "il 3º posto", "il terzo posto"),
        ("es", "3,14", "tres coma uno cuatro"),
        ("es", "20 $", "veinte dólares"),
        ("es", "la 1.ª vez", "la primera vez"),
        ("nl", "de 3e keer", "de derde keer"),
        ("nl", "€ 1.000", "duizend euro"),
        ("nl", "007", "nul nul zeven"),
        ("xx", "**5** 😀 eur", "5 eur"),
    ],
)
def test_numbers_in_words(language: str, written: str, spoken: str) -> None:
    assert normalise(written, language=language) == spoken
