"""Whether a directory of shards still holds what was written, and whether it can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from surrogate.cases.stored import case_of
from surrogate.compute import check_device
from surrogate.datasets.errors import expected
from surrogate.datasets.samples.ragged import select_samples
from surrogate.datasets.storage.shard_manifest import Manifest, Shard, read_manifest
from surrogate.datasets.storage.store import read_store
from surrogate.ensembles.blocks import BlockSolver
from surrogate.ensembles.directory import is_whole
from surrogate.ensembles.plan import Plan, versions
from surrogate.progress import progress_bar


def verify_ensemble(path: str | Path, *, solve: int = 0, progress: bool = True) -> dict[str, str]:
    """Compare the shards of a directory with the hashes in its manifest; return what is wrong, by file.

    Parameters
    ----------
    path
        A directory that `generate` wrote.
    solve
        Also solve so many samples again, drawn at random, and compare all their bits.
    progress
        Show a progress bar.

    Returns
    -------
    dict
        Nothing, if all is right. Calling `generate` again makes the files named here anew.

    Raises
    ------
    InputError
        There is no manifest, or it is damaged. With ``solve``: a case that is not one of `surrogate.cases`, fewer
        samples than that, other versions of the packages than those that made the samples, or no such device.

    Examples
    --------
    >>> import tempfile
    >>> import surrogate as sg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fields = sg.generate(sg.cases.Burgers(resolution=32), 4, f"{folder}/burgers", progress=False)
    ...     sg.verify_ensemble(f"{folder}/burgers", solve=1)
    {}
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    plan = _plan(manifest) if solve else None
    damaged = {}
    with progress_bar("verifying", len(manifest.shards), show=progress, unit="shards") as advance:
        for shard in manifest.shards:
            if not is_whole(folder / shard.name, shard):
                there = (folder / shard.name).is_file()
                damaged[shard.name] = "it has other bytes than were written" if there else "it is missing"
            advance()
    if plan is not None:
        whole = [shard for shard in manifest.shards if shard.name not in damaged]
        damaged |= _solved_again(folder, whole, plan, solve)
    return damaged


def _solved_again(folder: Path, shards: Sequence[Shard], plan: Plan, count: int) -> dict[str, str]:
    """Return the shards in which a sample is not what solving it gives."""
    places = [(shard, number) for shard in shards for number in shard.numbers]
    if count > len(places):
        raise expected(f"at most {len(places)} samples to solve again", count, "Ask for fewer.")
    wrong = {}
    for row in sorted(np.random.default_rng().choice(len(places), count, replace=False).tolist()):
        shard, number = places[row]
        difference = _difference(folder, shard, plan, number)
        if difference is not None:
            wrong[shard.name] = f"sample {number} is not what solving it gives, in {difference!r}"
    return wrong


def _difference(folder: Path, shard: Shard, plan: Plan, number: int) -> str | None:
    """Return the first field of a sample that has other bits when it is solved again."""
    solved = plan.solver.solve([number]).fields
    if solved is None:
        return "all"
    with read_store(folder / shard.name) as stored:
        own = select_samples(stored, [shard.numbers.index(number)])
        return next((str(name) for name in solved.data_vars if not _same(own, solved, str(name))), None)


def _same(own: xr.Dataset, other: xr.Dataset, name: str) -> bool:
    return name in own and np.array_equal(own[name].values, other[name].values)


def _plan(manifest: Manifest) -> Plan:
    """Return the plan of a directory."""
    settings: dict[str, Any] = dict(manifest.settings)
    case = case_of(settings.get("case", {}))
    if case is None:
        raise expected("a case of surrogate.cases to solve again", settings.get("case"), "Leave out `solve`.")
    if settings.get("versions") != versions():
        do = "Install these, or leave out `solve`: other versions may round differently."
        raise expected(f"the versions {settings.get('versions')}", versions(), do)
    device = str(check_device(settings["device"]))
    solver = BlockSolver(case, settings["seed"], settings["batch_size"], settings["dtype"], device)
    return Plan(solver, manifest.samples, manifest.shard_size, manifest.convergence)
