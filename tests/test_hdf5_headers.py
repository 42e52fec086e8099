"""HDF5 files whose structure asks for room that they do not have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from surrogate.datasets import InputError
from surrogate.datasets.readers.hdf5_structure import require_sound

HUGE = 2**40
OPTIONS = {
    "old": {"libver": "earliest"},
    "new": {"libver": "latest"},
    "in order": {"track_order": True},
    "behind a block": {"userblock_size": 1024},
}


def write(path: Path, **options: object) -> None:
    """Write nested groups, one with many members, and a dataset whose attributes take several chunks."""
    with h5py.File(path, "w", **options) as file:
        inner = file.create_group("outer/inner")
        inner["u"] = np.ones(3)
        for number in range(300):
            file.create_dataset(f"many/{number}", data=number)
        file["again"], file["soft"] = file["outer"], h5py.SoftLink("/nowhere")
        inner["back"] = file["outer"]  # a circle of groups
    for number in range(6):
        with h5py.File(path, "r+", libver=options.get("libver")) as file:
            file["outer/inner/u"].attrs[f"a{number}"] = "x" * 1003


def damage(path: Path, sign: bytes, change: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    at = content.index(sign) + len(sign)
    path.write_bytes(content[:at] + change(content[at:]))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_whole_files_are_sound(tmp_path: Path, options: dict[str, object]) -> None:
    write(tmp_path / "whole.h5", **options)
    require_sound(tmp_path / "whole.h5")


def test_whole_files_with_short_addresses_are_sound(tmp_path: Path) -> None:
    plan = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    plan.set_sizes(4, 4)
    file = h5py.File(h5py.h5f.create(str(tmp_path / "whole.h5").encode(), fcpl=plan))
    file["u"] = np.ones(3)
    file.close()
    require_sound(tmp_path / "whole.h5")


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_later_chunks_of_a_header_have_to_lie_in_the_file(tmp_path: Path, options: dict[str, object]) -> None:
    write(tmp_path / "false.h5", **options)
    content = bytearray((tmp_path / "false.h5").read_bytes())
    base = int(options.get("userblock_size", 0))  # type: ignore[call-overload]
    for at in range(base + 8, len(content) - 16):  # where a chunk is told: of the new layout it has a sign
        place = base + int.from_bytes(content[at : at + 8], "little")
        if content[at - 8 : at - 4] == b"\x10\0\x10\0" or content[place : place + 4] == b"OCHK":
            content[at + 8 : at + 16] = HUGE.to_bytes(8, "little")
    (tmp_path / "false.h5").write_bytes(content)
    with pytest.raises(InputError, match=r"^Expected whole headers in '.*false\.h5', got one that claims what is not"):
        require_sound(tmp_path / "false.h5")


def test_a_header_does_not_lead_to_itself(tmp_path: Path) -> None:
    write(tmp_path / "circle.h5", libver="earliest")
    content = bytearray((tmp_path / "circle.h5").read_bytes())
    at = content.index(b"\x10\0\x10\0\0\0\0\0") + 8
    place, size = (int.from_bytes(content[at + 8 * k : at + 8 * k + 8], "little") for k in (0, 1))
    head = b"\x10\0\x10\0\0\0\0\0"
    content[place : place + 24] = head + place.to_bytes(8, "little") + size.to_bytes(8, "little")
    (tmp_path / "circle.h5").write_bytes(content)
    with pytest.raises(InputError, match="whole headers"):
        require_sound(tmp_path / "circle.h5")


def test_the_names_of_a_group_have_to_lie_in_the_file(tmp_path: Path) -> None:
    write(tmp_path / "names.h5", libver="earliest")
    damage(tmp_path / "names.h5", b"HEAP\0\0\0\0", lambda rest: HUGE.to_bytes(8, "little") + rest[8:])
    with pytest.raises(InputError, match="whole headers"):
        require_sound(tmp_path / "names.h5")


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_texts_have_to_fit_in_the_file(tmp_path: Path, options: dict[str, object]) -> None:
    write(tmp_path / "texts.h5", **options)
    length = (1003).to_bytes(4, "little")
    content = (tmp_path / "texts.h5").read_bytes()
    assert content.count(length) >= 6
    (tmp_path / "texts.h5").write_bytes(content.replace(length, b"\xff" * 4))
    with pytest.raises(InputError, match="whole headers"):
        require_sound(tmp_path / "texts.h5")


def test_links_to_other_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "link.h5")
    with h5py.File(tmp_path / "link.h5", "r+") as file:
        file["outer/inner/away"] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(InputError, match=r"numbers of 'away' in '.*link\.h5' itself, got a reference to another file"):
        require_sound(tmp_path / "link.h5")


def test_a_file_that_changes_is_looked_at_again(tmp_path: Path) -> None:
    write(tmp_path / "names.h5", libver="earliest")
    require_sound(tmp_path / "names.h5")
    damage(tmp_path / "names.h5", b"HEAP\0\0\0\0", lambda rest: HUGE.to_bytes(8, "little") + rest[8:])
    with pytest.raises(InputError, match="whole headers"):
        require_sound(tmp_path / "names.h5")
