"""This module tells chemical formulas from other names of letters and digits."""

from __future__ import annotations

import re

_ELEMENTS = (
    "He Li Be Ne Na Mg Al Si Cl Ar Ca Sc Ti Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Zr Nb Mo "
    "Tc Ru Rh Pd Ag Cd In Sn Sb Te Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta Re "
    "Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa Np Pu Am H B C N O F P S K V Y I W U"
)
_FORMULA = re.compile(rf"(?:(?:{'|'.join(_ELEMENTS.split())})\d{{0,3}}){{2,12}}")


def is_chemical(written: str) -> bool:
    """Tell whether letters and digits are symbols of elements and their counts: "C6H12O6"."""
    return _FORMULA.fullmatch(written) is not None
