"""Headers of the objects in an HDF5 file, looked at before the library makes room for what they claim.

The layout is that of "HDF5 File Format Specification", II.A (superblock), III.D (local heap) and IV.A.1 (object
header). A header is a chain of chunks, which hold messages. One of the kind "continuation" says where the next chunk
lies and how long it is; the library makes that room before it looks at the length of the file. So it does for the names
of a group, whose local heap a message "symbol table" points to, and for texts and lists of varying length, which tell
their length in a message "attribute".
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

import h5py

from surrogate.datasets.errors import InputError, expected

#: Bytes of a chunk, or of the names in a group, beyond which they are taken for damaged.
_MOST = 2**27
_SIGN = b"\x89HDF\r\n\x1a\n"
_ATTRIBUTE, _CONTINUATION, _SYMBOL_TABLE = 0x0C, 0x10, 0x11
_OF_GROUPS = {_SYMBOL_TABLE, 0x02, 0x06}  # and "link info", "link"
_VARYING = 9  # the class of data types of varying length


@dataclass(frozen=True)
class _Form:
    """Bytes in one version: of the kind of a message, of all before its data, around messages in later chunks."""

    kind: int
    head: int
    before: int = 0
    behind: int = 0


@dataclass(frozen=True)
class Headers:
    """The headers in a file.

    Attributes
    ----------
    path
        Of the file.
    content
        Its bytes.
    base
        Where HDF5 begins, behind what the user may put there; addresses count from there.
    address, length
        The bytes that an address takes, and a length.
    """

    path: str
    content: mmap.mmap
    base: int
    address: int
    length: int

    @classmethod
    def of(cls, path: str, content: mmap.mmap) -> Headers | None:
        """Return those of a file, after a look at the first ones; None where the library would not find any either.

        Raises
        ------
        InputError
            One of them claims more than the file has.
        """
        base = 0
        while content[base : base + 8] != _SIGN:
            base = max(512, 2 * base)
            if base >= len(content):
                return None
        version = content[base + 8]
        sizes, first = (13, 24 + 4 * version) if version < 2 else (9, 12)
        headers = cls(path, content, base, content[base + sizes], content[base + sizes + 1])
        # behind four addresses and that of a name; or one address that continues the superblock, and the third after it
        for place in (5,) if version < 2 else (1, 3):
            headers.is_group(headers._number(base + first + place * headers.address, headers.address))
        return headers

    def refuse_damaged(self, file: h5py.File) -> None:
        """Look at the header of each object in a file that can be reached, before the library does.

        Raises
        ------
        InputError
            One of them claims more than the file has, or a link leads to another file: it may be any.
        """
        groups, seen = [h5py.h5g.open(file.id, b"/")], set[int]()
        while groups:
            group = groups.pop()
            for name, kind, address in _links(group):
                if kind == h5py.h5l.TYPE_EXTERNAL:
                    raise elsewhere(name.decode(errors="replace"), self.path)
                if kind == h5py.h5l.TYPE_HARD and address not in seen and self.is_group(address):
                    groups.append(h5py.h5g.open(group, name))
                seen.add(address)

    def is_group(self, address: int) -> bool:
        """Return whether the object at an address is a group; raise `InputError` where its header is damaged."""
        kinds = set()
        for kind, at, size in self._messages(self.base + address):
            kinds.add(kind)
            if kind == _SYMBOL_TABLE:
                heap = self.base + self._number(at + self.address, self.address)
                self._require_room(0, self._number(heap + 8, self.length))
            elif kind == _ATTRIBUTE:
                self._refuse_long(at, at + size)
        return not kinds.isdisjoint(_OF_GROUPS)

    def _messages(self, header: int) -> Iterator[tuple[int, int, int]]:
        """Return the kind of each message, where its data are, and their size."""
        form, first, size = self._begun(header)
        chunks, places = [(first, first + min(size, len(self.content)))], {first}
        for begin, end in chunks:
            for kind, at, size in self._in_chunk(begin, end, form):
                if kind == _CONTINUATION:
                    place = self.base + self._number(at, self.address)
                    length = self._number(at + self.address, self.length)
                    self._require_room(place, length)
                    if place in places:  # the library would go around in a circle
                        raise self._damaged()
                    places.add(place)
                    chunks.append((place + form.before, place + length - form.behind))
                yield kind, at, size

    def _begun(self, header: int) -> tuple[_Form, int, int]:
        """Return the form of a header, and where its first messages lie, in how many bytes."""
        if self.content[header : header + 4] != b"OHDR":
            return _Form(kind=2, head=8), header + 16, self._number(header + 8, 4)
        flags = self.content[header + 5]
        at, width = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0), 1 << (flags & 3)
        form = _Form(kind=1, head=6 if flags & 4 else 4, before=4, behind=4)
        return form, at + width, self._number(at, width)

    def _in_chunk(self, at: int, end: int, form: _Form) -> Iterator[tuple[int, int, int]]:
        while at + form.head <= end:
            kind, size = self._number(at, form.kind), self._number(at + form.kind, 2)
            yield kind, at + form.head, size
            at += form.head + size

    def _refuse_long(self, at: int, end: int) -> None:
        """Look at the texts or lists of an attribute: the length of each, and where it lies."""
        version = self._number(at, 1)
        name, kind, shape = (self._number(at + place, 2) for place in (2, 4, 6))
        if version == 1:  # each part is padded
            name, kind, shape = (size + -size % 8 for size in (name, kind, shape))
        first = at + (9 if version == 3 else 8) + name
        if self._number(first, 1) & 15 == _VARYING:
            step = 8 + self.address
            for entry in range(first + kind + shape, end - step + 1, step):
                self._require_room(0, self._number(entry, 4))

    def _require_room(self, place: int, size: int) -> None:
        if size > _MOST or place + size > len(self.content):
            raise self._damaged()

    def _damaged(self) -> InputError:
        return expected(
            f"whole headers in {self.path!r}", "one that claims what is not there", "Make or copy it again."
        )

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self.content[at : at + width], "little")


def elsewhere(name: str, path: str) -> InputError:
    """Return the error to be raised where an object takes its numbers from another file."""
    do = "Copy them into one file (h5repack)."
    return expected(f"the numbers of {name!r} in {path!r} itself", "a reference to another file", do)


def _links(group: h5py.h5g.GroupID) -> list[tuple[bytes, int, int]]:
    """Return the name and kind of each link in a group, and the address that a hard one leads to."""
    found: list[tuple[bytes, int, int]] = []
    group.links.iterate(lambda name, link: found.append((name, link.type, link.u)), info=True)
    return found
