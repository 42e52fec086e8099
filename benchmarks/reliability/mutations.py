"""Damage to the bytes of a file, of the kinds that disks, networks and other people do."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]

#: Numbers at which programs break.
EXTREMES = (0, 1, -1, 2**15 - 1, 2**16 - 1, 2**24, 2**31 - 1, 2**32 - 1, 2**33, 2**40, 2**63 - 1)
WORDS = (b"0", b"-1", b"1", b"7", b"2147483647", b"99999999999", b"9223372036854775807", b"1e308", b"nan", b"x", b"")


def damaged(content: bytes, dice: random.Random) -> bytes:
    """Return ``content`` after one mutation, rarely after several."""
    for _ in range(dice.choice((1, 1, 1, 1, 2, 4))):
        content = dice.choice(MUTATIONS)(content, dice)
    return content


def truncated(content: bytes, dice: random.Random) -> bytes:
    return content[: _place(content, dice)]


def flipped(content: bytes, dice: random.Random) -> bytes:
    """Turn over some bits."""
    changed = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 8, 64)) if content else 0):
        changed[_place(content, dice)] ^= 1 << dice.randrange(8)
    return bytes(changed)


def overwritten(content: bytes, dice: random.Random) -> bytes:
    """Replace single bytes."""
    changed = bytearray(content)
    for _ in range(dice.choice((1, 5, 30)) if content else 0):
        changed[_place(content, dice)] = dice.randrange(256)
    return bytes(changed)


def zeroed(content: bytes, dice: random.Random) -> bytes:
    start, size = _range(content, dice)
    return content[:start] + bytes(len(content[start : start + size])) + content[start + size :]


def swapped(content: bytes, dice: random.Random) -> bytes:
    """Exchange two ranges of bytes, as blocks of a disk."""
    (a, size), (b, _) = sorted((_range(content, dice), _range(content, dice)))
    size = min(size, b - a, len(content) - b)
    first, second = content[a : a + size], content[b : b + size]
    return content[:a] + second + content[a + size : b] + first + content[b + size :]


def repeated(content: bytes, dice: random.Random) -> bytes:
    start, size = _range(content, dice)
    return content[: start + size] + content[start:]


def cut(content: bytes, dice: random.Random) -> bytes:
    start, size = _range(content, dice)
    return content[:start] + content[start + size :]


def extreme(content: bytes, dice: random.Random) -> bytes:
    """Put an extreme whole number, of either byte order, at a multiple of its size."""
    size, code = dice.choice(((2, "H"), (4, "I"), (8, "Q")))
    number = struct.pack(dice.choice("<>") + code, dice.choice(EXTREMES) % 256**size)
    at = _place(content, dice) // size * size
    return content[:at] + number + content[at + size :]


def renumbered(content: bytes, dice: random.Random) -> bytes:
    """Replace a number that is written as text: a count in VTK, a shape in JSON or XML."""
    found = list(re.finditer(rb"(?<![\w.])\d+(?![\w.])", content[: 2**16]))
    if not found:
        return extreme(content, dice)
    start, end = dice.choice(found).span()
    return content[:start] + dice.choice(WORDS) + content[end:]


MUTATIONS: tuple[Mutation, ...] = (
    truncated, flipped, overwritten, zeroed, swapped, repeated, cut, extreme, extreme, renumbered, renumbered,
)  # fmt: skip


def _place(content: bytes, dice: random.Random) -> int:
    """Return a place, half of the time in the first kilobyte, where the headers are."""
    return dice.randrange(max(1, min(len(content), dice.choice((1024, len(content))))))


def _range(content: bytes, dice: random.Random) -> tuple[int, int]:
    return _place(content, dice), dice.choice((1, 4, 16, 64, 512))
