"""Ctrl-C waits until it is asked for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from surrogate.interrupts import waiting_interrupt


@pytest.fixture(autouse=True)
def _as_in_a_terminal() -> Iterator[None]:
    """Handle Ctrl-C as Python does; a shell ignores it for what it runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_waits_and_is_raised_at_the_end() -> None:
    told: list[bool] = []

    def press() -> None:
        with waiting_interrupt() as pressed:
            told.append(pressed())
            signal.raise_signal(signal.SIGINT)
            told.append(pressed())

    with pytest.raises(KeyboardInterrupt):
        press()
    assert told == [False, True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_was_raised_before_is_what_is_raised() -> None:
    def fail() -> None:
        with waiting_interrupt():
            signal.raise_signal(signal.SIGINT)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_handlers_are_left_alone() -> None:
    told: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: told.append(number))
    with waiting_interrupt() as pressed:
        signal.raise_signal(signal.SIGINT)
        assert not pressed()
    assert told == [signal.SIGINT]


def test_threads_have_no_ctrl_c() -> None:
    found: list[bool] = []

    def look() -> None:
        with waiting_interrupt() as pressed:
            found.append(pressed())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [False]
