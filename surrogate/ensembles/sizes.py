"""How many samples are solved together, how many go into a shard, and how much room they take."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.grids.grid import Grid
from surrogate.ensembles.blocks import BlockSolver

# Bytes of the state of a block, and samples in it: what a cache holds, or what keeps a GPU busy.
_ON_CPU = (2**16, 64)
_ON_GPU = (2**24, 2**12)
_TRAJECTORY_BYTES = 2**30  # frames of a block, which are held in memory in float64
_SHARD_BYTES = 2**26
_SHARDS_PER_WORKER = 8  # so that the last one to finish does not keep the others waiting for long
_MEASURED_SAMPLES = 4


def block_size(case: Case | SteadyCase, device: str | None) -> int:
    """Return how many samples are solved together where nobody says it: it depends on case and kind of device only."""
    if isinstance(case, SteadyCase) and not case.batched:
        return 1
    solver = case.solver()
    assert isinstance(solver.domain, Grid)
    state = 8 * len(solver.out_fields) * math.prod(solver.domain.shape)
    frames = case.steps + 1 if isinstance(case, Case) else 1
    fitting, most = _ON_CPU if torch.device(device or "cpu").type == "cpu" else _ON_GPU
    return max(1, min(most, fitting // state, _TRAJECTORY_BYTES // (state * frames)))


def shard_size(samples: int, sample_bytes: int, block: int, workers: int) -> int:
    """Return how many samples go into a shard: whole blocks, about 64 MiB, and eight shards for each worker."""
    fitting = min(_SHARD_BYTES / sample_bytes, samples / (_SHARDS_PER_WORKER * workers))
    return block * max(1, round(fitting / block))


def sample_bytes(solver: BlockSolver) -> int:
    """Return how many bytes a sample takes in a file; of a steady case by solving some."""
    case = solver.case
    if isinstance(case, Case):
        values = (case.steps + 1) * len(case.solver().out_fields) * math.prod(case.grid.shape)
        return values * np.dtype(solver.dtype).itemsize
    fields = replace(solver, device=None).solve(range(_MEASURED_SAMPLES)).fields  # workers may have another device
    return 1 if fields is None else math.ceil(fields.nbytes / fields.sizes["sample"])
