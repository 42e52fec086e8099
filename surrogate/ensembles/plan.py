"""What is asked for: a case, a seed, so many samples, and how they are solved and cut into shards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr

import surrogate
from surrogate.cases.case import Case
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import CONVENTIONS
from surrogate.datasets.storage.shard_manifest import Manifest
from surrogate.ensembles.blocks import BlockSolver


@dataclass(frozen=True)
class Plan:
    """An ensemble.

    Attributes
    ----------
    solver
        The case, the seed, and how its samples are solved.
    samples, shard_size
        How many there are, and how many in a shard.
    convergence
        What is known of the error of the samples, for the attributes of files.
    """

    solver: BlockSolver
    samples: int
    shard_size: int
    convergence: Mapping[str, Any] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the values of a sample (JSON)."""
        solver = self.solver
        settings = {
            "case": solver.case.settings,
            "seed": solver.seed,
            "dtype": solver.dtype,
            "solver": dict(solver.case.solver().settings),
            "batch_size": solver.size,
            "device": torch.device(solver.device or "cpu").type,
            "versions": versions(),
        }
        return dict(json.loads(json.dumps(settings)))  # as they come back from a file

    @property
    def manifest(self) -> Manifest:
        """The manifest of a directory in which nothing is done yet."""
        return Manifest(self.settings, self.samples, self.shard_size, (), self.convergence)

    def shards(self) -> Iterator[tuple[str, range]]:
        """Return name and samples of each shard."""
        for number, first in enumerate(range(0, self.samples, self.shard_size)):
            yield f"shard-{number:05d}.h5", range(first, min(first + self.shard_size, self.samples))

    def described(self, fields: xr.Dataset) -> xr.Dataset:
        """Return fields with the constants of the equation, and with all that is known of them as attributes."""
        case, settings = self.solver.case, self.settings
        described = fields.copy()
        for name, value in case.parameters.items():
            described[name] = ((), value, {"units": "1", "long_name": name})
        solver = settings["solver"]
        time = {"dt": case.dt, "solver_dt": case.dt / solver.get("substeps", 1)} if isinstance(case, Case) else {}
        described.attrs = {
            "Conventions": CONVENTIONS,
            "equation": case.equation,
            "domain": str(case.solver().domain),
            "case": json.dumps(case.settings, sort_keys=True),
            "seed": self.solver.seed,
            "solver": json.dumps(solver, sort_keys=True),
            "scheme": str(solver.get("scheme", solver.get("solver"))),
            **time,
            "dtype": self.solver.dtype,
            "surrogate_version": surrogate.__version__,
            "versions": json.dumps(settings["versions"], sort_keys=True),
        }
        if self.convergence is not None:
            described.attrs["convergence"] = json.dumps(self.convergence, sort_keys=True)
        return described

    def continued(self, manifest: Manifest, *, extend: bool) -> Plan:
        """Return the plan that goes on with what a directory holds; to extend it means to keep all that is there."""
        samples = max(self.samples, manifest.samples) if extend else self.samples
        convergence = manifest.convergence or self.convergence
        return replace(self, samples=samples, shard_size=manifest.shard_size, convergence=convergence)


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    return {"surrogate": surrogate.__version__, "torch": torch.__version__, "numpy": np.__version__}


def refuse_other(folder: str, manifest: Manifest, settings: Mapping[str, Any]) -> None:
    """Raise `InputError` if a directory holds samples that were made in another way; name what differs."""
    there, asked = _flat(manifest.settings), _flat(settings)
    differing = [name for name in sorted(there.keys() | asked.keys()) if there.get(name) != asked.get(name)]
    if differing:
        shown = ", ".join(f"{name} {asked.get(name)!r} instead of {there.get(name)!r}" for name in differing[:4])
        do = "Choose another path, or pass overwrite=True to replace them."
        raise expected(f"the settings of the samples in {folder!r}", shown, do)


def _flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested settings with names such as ``case.viscosity``."""
    if not isinstance(settings, Mapping):
        return {prefix: settings}
    return {
        name: value
        for key, part in settings.items()
        for name, value in _flat(part, f"{prefix}.{key}" if prefix else str(key)).items()
    }
