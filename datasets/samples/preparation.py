"""Roles and splits: which field is what, and which sample is for what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, check, require, uniform_step
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.ragged import count_variables, counts, select_samples
from surrogate.datasets.samples.splits import (
    PARTS,
    Split,
    geometry_keys,
    refuse_shared_geometries,
    time_split,
    whole_counts,
)
from surrogate.datasets.storage.blocks import read_blocks


def prepare(
    fields: Fields,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    history: int = 1,
    horizon: int = 1,
    stride: int = 1,
    group: str | None = None,
    split: Split = (0.8, 0.1, 0.1),
    split_by: Literal["sample", "time"] = "sample",
) -> xr.DataTree:
    """Say which fields enter and leave, and split the samples (or the times) into train, validation and test.

    A sample's place depends only on its content: samples (or groups) are ranked by hash, so that it does not change
    when samples are added or reordered, and equal samples are never on two sides.
    Generated data hash case, seed and index; other data the bytes of their input fields.

    Parameters
    ----------
    fields
        All samples.
    inputs, outputs
        Names. Outputs that are also inputs and have a time axis make a stepper (role ``state``); the other inputs
        become ``static``, ``forcing`` (with time) or ``parameter`` (one number per sample). Without time the map is
        steady, from ``static`` inputs to the ``target``.
    history, horizon
        Number of frames a stepper takes and gives.
    stride
        Frames between the starts of successive windows to train on; validation and test take every window.
    group
        Name of a variable over ``sample``; samples with the same value stay together, in parts of about the size asked.
        Where every sample has its own mesh, ``"geometry"`` needs no variable: samples with the same points stay
        together; without a group such samples on two sides are refused.
    split
        Fractions that sum to 1, or counts of samples. By time: of rows, earliest first; rows beyond the counts are
        left out.
    split_by
        ``"sample"``, or ``"time"`` for series: the past trains, the future tests. Validation and test begin ``history``
        rows early, so that their first target is their first own row; no target is ever in two parts.

    Returns
    -------
    xarray.DataTree
        Nodes ``train``, ``validation`` and ``test``, accepted wherever fields are.

    Raises
    ------
    InputError
        Unknown names, data that break the convention, too few frames or samples, a split that does not fit, a geometry
        in two parts.

    Examples
    --------
    >>> import surrogate as sg
    >>> fields = sg.generate(sg.cases.Burgers(resolution=32), samples=10, seed=0, progress=False)
    >>> {part: node.sizes["sample"] for part, node in sg.prepare(fields, inputs=["u"], outputs=["u"]).children.items()}
    {'train': 8, 'validation': 1, 'test': 1}
    """
    dataset = check(fields, values=None)
    require(dataset, [*inputs, *outputs])
    if "sample" not in dataset.dims:
        raise expected("fields with a dimension 'sample'", tuple(dataset.dims), "Use fields.expand_dims('sample').")
    if history < 1 or horizon < 1 or stride < 1:
        given = (history, horizon, stride)
        raise expected("history, horizon and stride of at least 1", given, "Count frames from 1.")
    roles = _roles(dataset, inputs, outputs)
    if "state" not in roles.values():
        if (history, horizon, stride) != (1, 1, 1):
            given = (history, horizon, stride)
            raise expected("no history, horizon and stride for a steady map", given, "Leave them out.")
    else:
        uniform_step(dataset)
        if dataset.sizes["time"] < history + horizon:
            got = f"{dataset.sizes['time']} frames"
            raise expected(f"at least {history + horizon} frames", got, "Use a shorter history or horizon.")
    chosen = dataset[list(roles)].assign_coords(dataset.coords).assign_attrs(history=history, horizon=horizon)
    for name, role in roles.items():
        chosen[name].attrs["role"] = role
    if split_by == "time":
        if group is not None or "state" not in roles.values():
            got = "a steady map" if group is None else f"group={group!r}"
            raise expected("series that are stepped in time, without groups, to split by time", got, "Split by sample.")
        return _tree(time_split(chosen, split, history, horizon), stride)
    keys = _keys(dataset, inputs, group)
    members = _split(keys, _counts(split, len(keys)))
    if group is None and "node" in counts(dataset):
        refuse_shared_geometries(geometry_keys(dataset), members)
    parts = {part: select_samples(chosen, np.sort(ids)) for part, ids in zip(PARTS, members, strict=True)}
    return _tree(parts, stride)


def _tree(parts: Mapping[str, xr.Dataset], stride: int) -> xr.DataTree:
    return xr.DataTree.from_dict({**parts, "train": parts["train"].assign_attrs(stride=stride)})


def sample_keys(fields: xr.Dataset, names: Sequence[str]) -> list[str]:
    """Return for each sample a hash of what it is: of case, seed and index, or of the bytes of ``names`` and points."""
    if {"case", "seed"} <= fields.attrs.keys() and "sample" in fields.coords:
        stem = f"{fields.attrs['case']}|{fields.attrs['seed']}|"
        return [hashlib.sha256(f"{stem}{int(index)}".encode()).hexdigest() for index in fields["sample"].values]
    varying = {"sample", *counts(fields)}
    points = [axis for axis in AXES if axis in fields.coords]
    differing = [name for name in (*names, *points) if not varying.isdisjoint(fields[name].dims)]
    digests = [hashlib.sha256() for _ in range(fields.sizes["sample"])]
    own = fields.reset_coords()[differing]
    lengths = {k: v for k, v in count_variables(fields).items() if v.attrs["sample_dimension"] in own.dims}
    if not lengths:
        for name in differing:
            for box, values in read_blocks(own[name].variable, in_order=True):
                for digest, sample in zip(digests[box[0]], values, strict=True):
                    digest.update(np.ascontiguousarray(sample).data)
        return [digest.hexdigest() for digest in digests]
    for index, digest in enumerate(digests):
        sample = select_samples(own.assign_coords(lengths), [index])
        for name in differing:
            digest.update(np.ascontiguousarray(sample[name].values).tobytes())
    return [digest.hexdigest() for digest in digests]


def _roles(fields: xr.Dataset, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for name in inputs:
        dims = fields[name].dims
        if "time" in dims:
            roles[name] = "state" if name in outputs else "forcing"
        else:
            roles[name] = "parameter" if dims in ((), ("sample",)) else "static"
    for name in outputs:
        roles.setdefault(name, "target")
    kinds = {roles[name] for name in outputs}
    stepped = kinds == {"state"}
    if kinds not in ({"state"}, {"target"}) or any(("time" in fields[name].dims) != stepped for name in outputs):
        do = "Name outputs with a time axis among the inputs, too, or select one time; name steady outputs once."
        raise expected("outputs that are all stepped in time, or all steady", list(outputs), do)
    if not stepped and ("static" not in roles.values() or "forcing" in roles.values()):
        do = "Give at least one field over space, and select one time of fields over time."
        raise expected("steady inputs for steady outputs", list(inputs), do)
    for name, role in roles.items():
        lacking = [axis for axis in AXES if axis in fields.dims and axis not in fields[name].dims]
        if lacking and role != "parameter":
            do = "Repeat its values along it (xarray.broadcast)."
            raise expected(f"{name!r} along every axis of space", f"none along {lacking[0]!r}", do)
    return roles


def _keys(fields: xr.Dataset, inputs: Sequence[str], group: str | None) -> list[str]:
    if group is None:
        return sample_keys(fields, inputs)
    if group == "geometry" and group not in fields and "node" in counts(fields):
        return geometry_keys(fields)
    if group not in fields or fields[group].dims != ("sample",):
        raise expected(f"a variable {group!r} over 'sample' to group by", list(fields.variables), "Correct `group`.")
    return [hashlib.sha256(str(value).encode()).hexdigest() for value in fields[group].values]


def _counts(split: Split, samples: int) -> tuple[int, ...]:
    counts = whole_counts(split, samples, of="samples")
    if counts is not None:
        return counts
    edges = np.round(np.cumsum(split) * samples).astype(int)
    return tuple(int(n) for n in np.diff(edges, prepend=0))


def _split(keys: list[str], counts: tuple[int, ...]) -> list[np.ndarray]:
    """Deal the samples out in the order of their keys, never parting equal keys: then counts are as near as can be."""
    order = np.argsort(np.array(keys), kind="stable")
    ranked = np.array(keys)[order]
    cuts = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]) + 1, len(ranked))
    parts, start = [], 0
    for number, (part, count) in enumerate(zip(PARTS, counts, strict=True)):
        end = start
        if count:
            waiting = sum(later > 0 for later in counts[number + 1 :])
            possible = cuts[cuts > start][: len(cuts[cuts > start]) - waiting]
            if not len(possible):
                raise expected(f"samples for {part!r}", "none left", "Give more (different) samples or another split.")
            end = int(possible[np.abs(possible - sum(counts[: number + 1])).argmin()])
        parts.append(order[start:end])
        start = end
    if not len(parts[0]):
        raise expected("at least one sample to train on", 0, "Give more samples or another split.")
    return parts
