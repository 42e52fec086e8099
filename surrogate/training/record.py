"""How a surrogate was made, and whether a folder holds the same training."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from lightning.pytorch.utilities import rank_zero_only

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.blocks import read_blocks
from surrogate.datasets.storage.finite import all_finite, not_finite
from surrogate.datasets.storage.locks import only_writer
from surrogate.datasets.storage.stored import is_lazy
from surrogate.datasets.storage.whole_files import whole_file
from surrogate.training.manifest import describe
from surrogate.training.surrogate import Surrogate

IDENTITY = ("network", "weights", "signature", "data_hash", "settings")
RUN, MODEL = "run.json", "surrogate.safetensors"


def make_record(
    model: Surrogate, training: xr.Dataset, validation: xr.Dataset, settings: dict[str, Any]
) -> dict[str, Any]:
    """Return data hash, network, settings, versions and command of a training, as they come back from JSON."""
    manifest = describe(model)
    record = {
        "network": manifest["network"],
        "weights": _hash_shapes(model),
        "signature": manifest["signature"],
        "data_hash": _hash_data(training, validation),
        "training_samples": training.sizes["sample"],
        "settings": settings,
        "versions": {name: importlib.metadata.version(name) for name in ("surrogate-pde", "torch", "lightning")},
        "command": " ".join(sys.argv),
    }
    plain: dict[str, Any] = json.loads(json.dumps(record))
    return plain


def _hash_data(*parts: xr.Dataset) -> str:
    """Read all data once, in blocks; those in files have not been looked at before."""
    digest = hashlib.sha256(str([part.attrs.get("stride", 1) for part in parts]).encode())
    for name, variable in ((name, part[name].variable) for part in parts for name in sorted(map(str, part.variables))):
        digest.update(f"{name} {variable.dims} {variable.shape} {variable.dtype}".encode())
        if variable.dtype.kind == "O":
            digest.update(variable.values.astype(str).tobytes())  # not their addresses
            continue
        for box, values in read_blocks(variable, in_order=True):
            if is_lazy(variable) and not all_finite(values):
                raise not_finite(name, variable, box)
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _hash_shapes(model: Surrogate) -> str:
    """Tell apart networks that do not keep their constructor's arguments."""
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    return hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()


def check_same_run(folder: Path, record: dict[str, Any]) -> bool:
    """Return whether ``folder`` holds this training, finished; write down what it holds if it is new.

    Raises
    ------
    InputError
        It holds another training.
    """
    file = folder / RUN
    identity = {key: record[key] for key in IDENTITY}
    if file.exists():
        stored = _stored(file)
        differing = [key for key in IDENTITY if stored.get(key) != identity[key]]
        if differing:
            do = "Choose another `path`, or delete the folder."
            raise expected(f"the training that {str(folder)!r} holds", f"another {' and '.join(differing)}", do)
        return (folder / MODEL).exists()
    if rank_zero_only.rank == 0:  # type: ignore[attr-defined]  # set by Lightning
        with whole_file(file) as part:
            part.write_text(json.dumps(identity, indent=1), encoding="utf-8")
    return False


def _stored(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        do = "Delete the folder to start again."
        raise expected(f"the description of a training in {str(file)!r}", "a damaged file", do) from error


@contextmanager
def run_folder(path: str | Path | None) -> Iterator[Path]:
    """Give the folder of the run, which nobody else trains in meanwhile; without a path one that vanishes."""
    if path is not None and Path(path).exists() and not Path(path).is_dir():
        raise expected("a folder", f"the file {str(path)!r}", "Choose another `path`.")
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        Path(path).mkdir(parents=True, exist_ok=True)
        first = rank_zero_only.rank == 0  # type: ignore[attr-defined]  # set by Lightning
        with only_writer(Path(path) / "training") if first else nullcontext():
            yield Path(path)
