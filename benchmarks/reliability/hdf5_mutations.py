"""Whole HDF5 files that say something else than they should: ranks, types, sizes, attributes, files of others."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

Mutation = Callable[[h5py.File, str, random.Random], None]
HUGE = 2**40


def alter(path: Path, outside: Path, dice: random.Random) -> None:
    """Change one object of an HDF5 file by its own library, or let it lead to the file ``outside``."""
    with h5py.File(path, "r+", libver="latest" if dice.random() < 0.5 else None) as file:
        names: list[str] = []
        file.visit(names.append)
        datasets = [name for name in names if isinstance(file[name], h5py.Dataset)]
        if dice.random() < 0.15:
            numbers = [name for name in datasets if file[name].shape and file[name].dtype.kind == "f"]
            _lead_outside(file, dice.choice(numbers), outside, dice)
        else:
            dice.choice(MUTATIONS)(file, dice.choice(datasets), dice)


def removed(file: h5py.File, name: str, dice: random.Random) -> None:
    del file[name]


def other_rank(file: h5py.File, name: str, dice: random.Random) -> None:
    values = file[name][()] if file[name].shape is not None else np.zeros(())
    shapes = [(), (0,), (1,), (7,), (3, 0), values.shape[::-1], values.shape[1:], (*values.shape, 2), (1,) * 12]
    shape = dice.choice(shapes)
    _replace(file, name, data=np.resize(values, shape) if values.size else np.zeros(shape))


def other_type(file: h5py.File, name: str, dice: random.Random) -> None:
    shape = file[name].shape or ()
    kinds = ("i1", "u8", "f2", ">f8", "c16", "S5", [("a", "f4"), ("b", "i2")], "b1")
    special = (
        h5py.string_dtype(),
        h5py.ref_dtype,
        h5py.vlen_dtype("f4"),
        h5py.enum_dtype({"A": 1}),
        h5py.opaque_dtype("V8"),
    )
    _replace(file, name, shape=shape, dtype=dice.choice((*kinds, *special)))


def huge_claim(file: h5py.File, name: str, dice: random.Random) -> None:
    """Claim many values of which none is written."""
    rank = max(1, len(file[name].shape or ()))
    shape = [dice.choice((3, 8)) for _ in range(rank)]
    place = dice.randrange(rank)
    shape[place] = dice.choice((2**27, 2**31, HUGE))
    chunks = [1] * rank
    chunks[place] = dice.choice((1024, 2**20, 2**25, 2**27))
    _replace(file, name, shape=tuple(shape), chunks=tuple(chunks), dtype=file[name].dtype)


def growing(file: h5py.File, name: str, dice: random.Random) -> None:
    """Resize what can be resized, else replace it by something that is compressed."""
    values = np.resize(file[name][()], (file[name].shape or (1,))) if file[name].dtype.kind in "fiu" else np.zeros(3)
    filters = {"compression": "gzip", "shuffle": dice.random() < 0.5, "fletcher32": dice.random() < 0.5}
    _replace(file, name, data=values, maxshape=(None,) * values.ndim, **filters)


def attribute(file: h5py.File, name: str, dice: random.Random) -> None:
    """Remove or replace an attribute of the dataset or of the whole file."""
    owner = file[name] if dice.random() < 0.8 else file
    chosen = dice.choice([*owner.attrs, "units", "_FillValue", "scale_factor", "coordinates", "_Unsigned", "extra"])
    if chosen in owner.attrs and dice.random() < 0.3:
        del owner.attrs[chosen]
        return
    texts = ("", "x" * 300, b"\xff\xfe bytes", np.void(b"\x00bytes"), "days since 1", ["a", "ü"])
    numbers = (-1, 0.0, np.nan, 2**62, [1, 2], np.zeros((2, 2)), np.zeros(0), np.full(6000, 7.0))
    values = (*texts, *numbers, h5py.Empty("f4"), file.ref)
    owner.attrs[chosen] = dice.choice(values)


def numbers(file: h5py.File, name: str, dice: random.Random) -> None:
    """Put values where no data have them."""
    dataset = file[name]
    if dataset.dtype.kind not in "fiu" or not dataset.size:
        return
    values = dataset[()].reshape(-1)
    bad = (np.nan, np.inf, 1e300, -1.0, 0.0) if values.dtype.kind == "f" else (0, 1, np.iinfo(values.dtype).max)
    with np.errstate(over="ignore"):
        values[dice.randrange(values.size) :] = np.asarray(dice.choice(bad)).astype(values.dtype)
    dataset[...] = values.reshape(dataset.shape)


def moved(file: h5py.File, name: str, dice: random.Random) -> None:
    """Rename an object, put it into a group, or lead to itself."""
    if dice.random() < 0.3:
        del file[name]
        file[name] = h5py.SoftLink(dice.choice(("/nowhere", f"/{name}")))
    elif dice.random() < 0.3:
        del file[name]
        file.create_group(name)
    else:
        file.create_group("other")
        file.move(name, dice.choice(("other/", "x", "y" * 200, "ü", "u")) + str(dice.randrange(3)))


MUTATIONS: tuple[Mutation, ...] = (
    removed, other_rank, other_rank, other_type, huge_claim, huge_claim, growing, attribute, attribute, numbers, moved,
)  # fmt: skip


def _lead_outside(file: h5py.File, name: str, outside: Path, dice: random.Random) -> None:
    """Let a dataset take its numbers from a file elsewhere."""
    shape, dtype = file[name].shape, file[name].dtype
    way = dice.choice(("link", "storage", "virtual"))
    if way == "link":
        name = dice.choice((name, name.partition("/")[0]))  # or the group that it is in
        del file[name]
        file[name] = h5py.ExternalLink(str(outside), name)
    elif way == "storage":
        _replace(file, name, shape=shape, dtype=dtype, external=[(str(outside), 0, 2**20)])
    else:
        layout = h5py.VirtualLayout(shape=shape, dtype=dtype)
        layout[...] = h5py.VirtualSource(str(outside), name, shape=shape)
        _replace(file, name, layout=layout)


def _replace(file: h5py.File, name: str, **options: object) -> None:
    """Put another dataset in the place of one, with its attributes."""
    attrs = {
        key: value
        for key, value in file[name].attrs.items()
        if key not in ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME")
    }
    axes = {key: file[name].attrs[key] for key in ("CLASS", "NAME") if key in file[name].attrs}
    lists = [list(dim.values()) for dim in file[name].dims] if not axes else []
    del file[name]
    if "layout" in options:
        dataset = file.create_virtual_dataset(name, options["layout"])
    else:
        dataset = file.create_dataset(name, **options)
    dataset.attrs.update(attrs)
    if axes:
        dataset.make_scale(axes["NAME"])
    for dim, scales in zip(dataset.dims, lists, strict=False):
        for scale in scales:
            dim.attach_scale(scale)
