"""Dictionaries of tensors saved by torch, as neuraloperator ships them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.arrays import DimsChoice, arrays_to_fields
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.storage.pickles import load_plain

NAMES = {"x": "input", "y": "output"}


def read_pt(
    path: Path,
    *,
    names: Mapping[str, str] | None = None,
    grid: GridChoice | None = None,
    times: Sequence[float] | None = None,
    dims: DimsChoice | None = None,
) -> xr.Dataset:
    """Read ``{"x": (sample, *space), "y": (sample, *space)}`` as the fields ``input`` and ``output``.

    One of them may have a time axis more, last or behind the sample. Tensors of one number beside them are parameters.
    Only tensors are unpickled (``weights_only=True``). Booleans and integers become float32.

    Parameters
    ----------
    path
        The file.
    names
        Other names, such as ``{"x": "coefficient", "y": "pressure"}``.
    grid
        Where the points are: a `Grid`, or its arguments other than the shape, such as ``{"periodic": True}``; default:
        nodes of the unit box.
    times
        First and last time of the frames, or all; default: counted from 1.
    dims
        The axes of tensors whose shapes leave a choice, such as ``{"y": ("sample", "time", "x")}``.

    Raises
    ------
    InputError
        Not such a file, truncated, holding other objects, or without ``x`` and ``y``.
    """
    content = load_plain(path, "a dictionary of tensors at")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), torch.Tensor) for key in NAMES):
        got = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise expected(f"tensors 'x' and 'y' in {str(path)!r}", got, "Save a dictionary with these keys.")
    numbers = {k: v for k, v in content.items() if k not in NAMES and isinstance(v, torch.Tensor) and v.numel() == 1}
    tensors = {key: content[key] for key in (*NAMES, *numbers)}
    if any(tensor.is_complex() for tensor in tensors.values()):
        raise expected(f"real tensors in {str(path)!r}", "complex ones", "Save real and imaginary parts as two files.")
    arrays = {key: to_array(tensor) for key, tensor in tensors.items()}
    return arrays_to_fields(
        {key: arrays[key] for key in NAMES},
        vectors={},
        numbers={key: arrays[key] for key in numbers},
        names={**NAMES, **(names or {})},
        grid=grid,
        times=times,
        dims=dims,
        source=path.name,
    )


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """Return double precision as it is, and all else in single precision."""
    dense = tensor.detach().to_dense() if tensor.layout != torch.strided else tensor.detach()
    return (dense if dense.dtype == torch.float64 else dense.to(torch.float32)).numpy()
