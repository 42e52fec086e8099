"""The time schemes of semilinear equations, by name."""

from __future__ import annotations

from typing import Literal

from surrogate.datasets.errors import expected
from surrogate.solvers.etdrk import ETDRK1, ETDRK2, ETDRK3, ETDRK4
from surrogate.solvers.imex import ARS222, ARS443

Scheme = ETDRK1 | ETDRK2 | ETDRK3 | ETDRK4 | ARS222 | ARS443
SchemeName = Literal["ETDRK1", "ETDRK2", "ETDRK3", "ETDRK4", "ARS222", "ARS443"]
SCHEMES: dict[str, type[Scheme]] = {
    "ETDRK1": ETDRK1,
    "ETDRK2": ETDRK2,
    "ETDRK3": ETDRK3,
    "ETDRK4": ETDRK4,
    "ARS222": ARS222,
    "ARS443": ARS443,
}
#: Order of convergence in time.
ORDERS: dict[str, int] = {"ETDRK1": 1, "ETDRK2": 2, "ETDRK3": 3, "ETDRK4": 4, "ARS222": 2, "ARS443": 3}


def scheme_named(name: str) -> type[Scheme]:
    """Return the scheme of that name; raise `InputError` where there is none."""
    if name not in SCHEMES:
        raise expected(f"a scheme out of {', '.join(SCHEMES)}", repr(name), "Choose one of them.")
    return SCHEMES[name]
