"""Ctrl-C that waits until work in hand is put away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def waiting_interrupt() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C wait: the value tells whether it was pressed, and is to be asked often. Pressed again it acts at once.

    `KeyboardInterrupt` is raised at the end if nothing was raised before. Where others handle Ctrl-C, or in a thread,
    nothing is changed.
    """
    pressed: list[int] = []
    act = signal.getsignal(signal.SIGINT)

    def wait(number: int, frame: Any) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            signal.default_int_handler(number, frame)

    if act is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    signal.signal(signal.SIGINT, wait)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, act)
    if pressed:
        raise KeyboardInterrupt
