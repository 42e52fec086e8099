"""What is in a directory of shards: ``manifest.json``, read as something that nobody has vouched for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.storage.whole_files import whole_file

MANIFEST = "manifest.json"
FORMAT = "surrogate shards"
VERSION = 1

_NAME = re.compile(r"shard-[0-9]{5,9}\.h5", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIMENSION = re.compile(r"[a-z_]{1,40}", re.ASCII)
_MOST_BYTES = 2**25  # of a manifest: about 80,000 shards
_MOST = 2**53  # whole numbers of JSON that every reader keeps


@dataclass(frozen=True)
class Shard:
    """One file of a directory, with the samples ``first`` to ``first + samples - 1`` but for those that ``failed``.

    Attributes
    ----------
    sizes
        Its lengths along the dimensions that join samples: ``sample``, and on meshes of their own ``node``, ``cell``.
    bytes, sha256
        Size and hash of the file. No bytes: all samples failed, and there is no file.
    seconds
        How long it took to make.
    failed
        Why a sample failed, by its number.
    """

    name: str
    first: int
    samples: int
    sizes: Mapping[str, int]
    bytes: int
    sha256: str
    seconds: float
    failed: Mapping[int, str] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the samples that are in the file."""
        return [number for number in range(self.first, self.first + self.samples) if number not in self.failed]


@dataclass(frozen=True)
class Manifest:
    """What a directory holds.

    Attributes
    ----------
    settings
        What decides the values: a case, a seed, ...; the same for all shards.
    samples
        How many samples were asked for.
    shard_size
        How many samples there are in a shard; fewer in the last one.
    shards
        Those that are complete, in the order of their samples.
    convergence
        What is known of the error of the samples.
    """

    settings: Mapping[str, Any]
    samples: int
    shard_size: int
    shards: tuple[Shard, ...] = ()
    convergence: Mapping[str, Any] | None = None

    @property
    def failed(self) -> dict[int, str]:
        """Why samples failed, by their number."""
        return {number: reason for shard in self.shards for number, reason in shard.failed.items()}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json``, whole or not at all."""
    contents = {"format": FORMAT, "version": VERSION, **asdict(manifest)}
    with whole_file(folder / MANIFEST, overwrite=True) as part:
        part.write_text(json.dumps(contents, indent=1), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a directory.

    Raises
    ------
    InputError
        There is none, or it is damaged: not JSON, an unknown version, a name that is no shard's, numbers that are
        none or do not fit together.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise expected(f"{MANIFEST} in {str(folder)!r}", "none", "Give the directory that `generate` wrote.")
    if path.stat().st_size > _MOST_BYTES:
        raise expected(f"a manifest of at most {_MOST_BYTES} bytes", path.stat().st_size, f"Look at {str(path)!r}.")
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise unreadable("JSON in", path, error) from error
    try:
        return _manifest(contents)
    except InputError as error:
        raise InputError(f"{error} (In {str(path)!r}.)") from error


def _manifest(contents: Any) -> Manifest:
    contents = _of_type(contents, dict, "an object")
    if contents.get("format") != FORMAT or contents.get("version") != VERSION:
        got = f"{contents.get('format')!r:.80}, {contents.get('version')!r:.80}"
        raise expected(f"format {FORMAT!r}, version {VERSION}", got, "Update this package, or give another directory.")
    samples = _number(contents.get("samples"), "samples", low=1)
    shards = [_shard(entry) for entry in _of_type(contents.get("shards"), list, "a list of shards")]
    _check_order(shards, samples)
    convergence = contents.get("convergence")
    return Manifest(
        settings=_of_type(contents.get("settings"), dict, "settings"),
        samples=samples,
        shard_size=_number(contents.get("shard_size"), "shard_size", low=1),
        shards=tuple(shards),
        convergence=None if convergence is None else _of_type(convergence, dict, "the convergence"),
    )


def _shard(entry: Any) -> Shard:
    entry = _of_type(entry, dict, "a shard")
    name = _matching(entry.get("name"), _NAME, "a name such as 'shard-00000.h5'")
    first, samples = _number(entry.get("first"), "first"), _number(entry.get("samples"), "samples", low=1)
    seconds = entry.get("seconds")
    if type(seconds) not in (int, float) or not 0 <= seconds < float("inf"):
        raise expected(f"seconds of {name!r}", f"{seconds!r:.80}", "Generate it again.")
    failed = {}
    for number, reason in _of_type(entry.get("failed"), dict, "failed samples").items():
        whole = int(number) if re.fullmatch(r"[0-9]{1,16}", number) else number
        failed[_number(whole, f"a failed sample of {name!r}", low=first, high=first + samples - 1)] = str(reason)
    lengths = _of_type(entry.get("sizes"), dict, "sizes")
    sizes = {_matching(dim, _DIMENSION, "a dimension"): _number(size, dim) for dim, size in lengths.items()}
    if sizes.get("sample") != samples - len(failed):
        raise expected(f"{samples - len(failed)} samples in {name!r}", sizes.get("sample"), "Generate it again.")
    sha256 = _matching(entry.get("sha256"), _HASH, f"a SHA-256 hash of {name!r}")
    return Shard(name, first, samples, sizes, _number(entry.get("bytes"), "bytes"), sha256, seconds, failed)


def _check_order(shards: Iterable[Shard], samples: int) -> None:
    """Raise `InputError` unless the shards follow one another, each with a file of its own."""
    end, names = 0, set()
    for shard in shards:
        if shard.first < end or shard.name in names:
            raise expected(
                "shards in the order of their samples", f"{shard.name!r} twice or out of order", "Repair it."
            )
        end = shard.first + shard.samples
        names.add(shard.name)
    if end > samples:
        raise expected(f"shards of {samples} samples", end, "Repair it.")


def _number(value: Any, name: str, *, low: int = 0, high: int = _MOST) -> int:
    if type(value) is not int or not low <= value <= high:
        raise expected(f"a whole number from {low} to {high} as {name:.80}", f"{value!r:.80}", "Repair it.")
    return value


def _matching(value: Any, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise expected(what, f"{value!r:.80}", "Repair it, or generate the data again.")
    return value


def _of_type(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise expected(what, f"{value!r:.80}", "Repair it, or generate the data again.")
    return value
