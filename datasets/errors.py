"""The one exception that wrong input raises."""

from __future__ import annotations

_LONGEST = 600  # a damaged file may say anything at any length


class InputError(ValueError):
    """Wrong input from the user: what was expected, what came, what to do about it.

    The command line prints its text on one line and exits with code 2.
    """


def expected(what: str, got: object, do: str) -> InputError:
    """Return the error ``Expected {what}, got {got}. {do}`` to be raised by the caller, ``got`` printable and cut."""
    words = "".join(sign if sign.isprintable() else "?" for sign in str(got))
    short = words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
    return InputError(f"Expected {what}, got {short}. {do}")


class NumericalFailure(ArithmeticError):
    """A solver, a training or a rollout produced values that cannot be right; the message says where.

    Attributes
    ----------
    sample
        The number of the sample in what was to be computed, where one is to blame.
    """

    def __init__(self, message: str, sample: int | None = None) -> None:
        super().__init__(message)
        self.sample = sample
