"""What units mean: powers of mass, length, time, temperature, amount and current."""

from __future__ import annotations

import re

Dimension = tuple[int, int, int, int, int, int]

_NONE: Dimension = (0, 0, 0, 0, 0, 0)
_MASS, _LENGTH, _TIME, _TEMPERATURE, _AMOUNT, _CURRENT = (
    tuple(int(row == column) for column in range(6)) for row in range(6)
)
_PRESSURE = (1, -1, -2, 0, 0, 0)
_ENERGY = (1, 2, -2, 0, 0, 0)
SYMBOLS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("1", "rad", "radian", "radians", "sr", "degree", "degrees", "deg", "percent", "%", "ppm"), _NONE),
    **dict.fromkeys(("g", "gram", "kilogram", "t", "lb"), _MASS),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres", "inch", "ft", "mile"), _LENGTH),
    **dict.fromkeys(("s", "sec", "second", "seconds", "min", "minute", "minutes", "h", "hr", "hour", "hours"), _TIME),
    **dict.fromkeys(("d", "day", "days", "year", "years", "yr"), _TIME),
    **dict.fromkeys(("K", "kelvin", "degC", "celsius", "Celsius", "°C", "degF"), _TEMPERATURE),
    **dict.fromkeys(("mol", "mole", "moles"), _AMOUNT),
    **dict.fromkeys(("A", "ampere"), _CURRENT),
    **dict.fromkeys(("Pa", "pascal", "bar", "atm", "psi"), _PRESSURE),
    **dict.fromkeys(("J", "joule", "eV", "cal"), _ENERGY),
    "N": (1, 1, -2, 0, 0, 0),
    "W": (1, 2, -3, 0, 0, 0),
    "Hz": (0, 0, -1, 0, 0, 0),
    "L": (0, 3, 0, 0, 0, 0),
    "l": (0, 3, 0, 0, 0, 0),
    "P": (1, -1, -1, 0, 0, 0),
    "St": (0, 2, -1, 0, 0, 0),
    "D": (0, 2, 0, 0, 0, 0),
    "darcy": (0, 2, 0, 0, 0, 0),
    "V": (1, 2, -3, 0, 0, -1),
    "C": (0, 0, 1, 0, 0, 1),
    "T": (1, 0, -2, 0, 0, -1),
}
_PREFIXES = ("da", "k", "h", "d", "c", "m", "u", "µ", "n", "p", "M", "G")
_FACTOR = re.compile(r"\s*([/*.·]?)\s*(°?[A-Za-zµ]+|%|1)\s*(?:\^|\*\*)?\s*([+-]?\d+)?")


def dimension_of(units: str) -> Dimension | None:
    """Return the dimension of units such as ``"m s-1"``, ``"kg/m^3"`` or ``"seconds since 2020-01-01"``, or None.

    >>> dimension_of("m s-1") == dimension_of("km/h")
    True
    >>> dimension_of("furlongs") is None
    True
    """
    text, at, total = units.partition(" since ")[0].strip(), 0, list(_NONE)
    if not text:
        return None
    while at < len(text):
        match = _FACTOR.match(text, at)
        powers = None if match is None else _symbol(match[2])
        if match is None or powers is None:
            return None
        power = int(match[3] or 1) * (-1 if match[1] == "/" else 1)
        total = [one + power * other for one, other in zip(total, powers, strict=True)]
        at = match.end()
    return tuple(total)  # type: ignore[return-value]


def _symbol(word: str) -> tuple[int, ...] | None:
    if word in SYMBOLS:
        return SYMBOLS[word]
    for prefix in _PREFIXES:
        if word.startswith(prefix) and word[len(prefix) :] in SYMBOLS:
            return SYMBOLS[word[len(prefix) :]]
    return None
