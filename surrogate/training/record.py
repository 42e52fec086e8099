"""How a surrogate was made, and whether a folder holds the same training."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.preparation import sample_keys
from surrogate.datasets.store import whole_file
from surrogate.training.manifest import describe
from surrogate.training.surrogate import Surrogate

IDENTITY = ("network", "signature", "data_hash", "settings")
RUN, MODEL = "run.json", "surrogate.safetensors"


def make_record(model: Surrogate, training: xr.Dataset, settings: dict[str, Any]) -> dict[str, Any]:
    """Return data hash, network, settings, versions and command of a training."""
    keys = sorted(sample_keys(training, [*model.in_fields]))
    manifest = describe(model)
    return {
        "network": manifest["network"],
        "signature": manifest["signature"],
        "data_hash": hashlib.sha256("".join(keys).encode()).hexdigest(),
        "training_samples": len(keys),
        "settings": settings,
        "versions": {name: importlib.metadata.version(name) for name in ("surrogate-pde", "torch", "lightning")},
        "command": " ".join(sys.argv),
    }


def check_same_run(folder: Path, record: dict[str, Any]) -> bool:
    """Return whether ``folder`` holds this training, finished; write down what it holds if it is new.

    Raises
    ------
    InputError
        It holds another training.
    """
    file = folder / RUN
    identity = json.loads(json.dumps({key: record[key] for key in IDENTITY}))
    if file.exists():
        stored = json.loads(file.read_text())
        differing = [key for key in IDENTITY if stored[key] != identity[key]]
        if differing:
            do = "Choose another `path`, or delete the folder."
            raise expected(f"the training that {str(folder)!r} holds", f"another {' and '.join(differing)}", do)
        return (folder / MODEL).exists()
    with whole_file(file) as part:
        part.write_text(json.dumps(identity, indent=1))
    return False
