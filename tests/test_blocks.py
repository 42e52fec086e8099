"""The bits of a sample depend on the case, the seed and its number; samples that fail do not touch the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

import surrogate as sg
from surrogate.cases import Burgers, Darcy, InverseDarcy, NavierStokes, PoissonPolygons
from surrogate.datasets.errors import NumericalFailure
from surrogate.datasets.samples.ragged import select_samples
from surrogate.ensembles.blocks import BlockSolver, FailedSamples
from surrogate.ensembles.sizes import block_size, shard_size
from surrogate.solvers.resolution import UnderResolved

CASES = {
    "Burgers": (Burgers(64, 0.05, dt=0.05, steps=3), 4),
    "NavierStokes": (NavierStokes(64, 1e-3, dt=0.2, steps=1), 2),  # whose bits do depend on the batch
    "Darcy": (Darcy(16), 4),
    "InverseDarcy": (InverseDarcy(17, 5), 1),
    "PoissonPolygons": (PoissonPolygons(nodes=(80, 160)), 1),
}


@dataclass(frozen=True)
class Fragile(Burgers):
    """Initial data that no solver survives for some samples, or that cannot be drawn."""

    wild: tuple[int, ...] = field(default=(), kw_only=True)
    refused: tuple[int, ...] = field(default=(), kw_only=True)

    def initial_state(self, indices: Iterable[int], *, seed: int, resolution: int | None = None) -> Tensor:
        numbers = list(indices)
        if not set(self.refused).isdisjoint(numbers):
            raise LookupError("there is no such sample")
        factors = torch.tensor([1e9 if number in self.wild else 1.0 for number in numbers], dtype=torch.float64)
        return super().initial_state(numbers, seed=seed, resolution=resolution) * factors[:, None, None]


def same_bits(one: xr.Dataset, other: xr.Dataset) -> bool:
    return one.variables.keys() == other.variables.keys() and all(
        np.array_equal(one[name].values, other[name].values) for name in one.variables
    )


@pytest.mark.parametrize("name", CASES)
def test_neither_shards_nor_mates_nor_threads_change_bits(name: str) -> None:
    case, size = CASES[name]
    solver = BlockSolver(case, 3, size, "float64")
    whole = solver.solve(range(7)).fields
    assert whole is not None
    for numbers in ([0], [5], [2, 3, 6], [1, 2, 3, 4, 5, 6]):
        part = solver.solve(numbers).fields
        assert part is not None
        assert same_bits(part, select_samples(whole, numbers)), numbers
    torch.set_num_threads(2)
    try:
        again = solver.solve(range(7)).fields
    finally:
        torch.set_num_threads(1)
    assert again is not None
    assert same_bits(again, whole)


def test_the_number_of_samples_does_not_change_bits() -> None:
    case = NavierStokes(32, 1e-3, dt=0.2, steps=1)
    few, more = (sg.generate(case, samples, seed=1, dtype="float64", progress=False) for samples in (3, 11))
    np.testing.assert_array_equal(few["vorticity"], more["vorticity"][:3])


def test_samples_that_fail_are_named_and_the_others_keep_their_bits() -> None:
    options = {"resolution": 32, "viscosity": 0.05, "dt": 0.05, "steps": 2}
    fine = BlockSolver(Burgers(**options), 0, 4, "float32").solve(range(10)).fields
    solved = BlockSolver(Fragile(**options, wild=(2, 5, 6), refused=(9,)), 0, 4, "float32").solve(range(10))
    assert fine is not None
    assert solved.fields is not None
    assert sorted(solved.failed) == [2, 5, 6, 9]
    assert "step 1 (time 0.05), sample 5, field 'u'" in solved.failed[5]
    assert solved.failed[9] == "there is no such sample"
    assert solved.fields["sample"].values.tolist() == [0, 1, 3, 4, 7, 8]
    np.testing.assert_array_equal(solved.fields["u"], fine["u"].sel(sample=solved.fields["sample"]))


def test_values_that_overflow_as_they_are_stored_have_failed() -> None:
    class Huge(Darcy):
        def solve(self, inputs: xr.Dataset, **options: object) -> xr.Dataset:
            solved = super().solve(inputs, **options)
            factors = xr.where(solved["sample"] == 1, 1e60, 1.0)
            return solved.assign(pressure=(solved["pressure"] * factors).assign_attrs(solved["pressure"].attrs))

    solved = BlockSolver(Huge(8), 0, 2, "float32").solve(range(4))
    assert solved.failed == {1: "sample 1, field 'pressure': it is not finite as float32."}


def test_a_failing_polygon_is_found_among_its_mates() -> None:
    class Odd(PoissonPolygons):
        def solve(self, inputs: xr.Dataset, **options: object) -> xr.Dataset:
            if 2 in inputs["sample"].values:
                raise np.linalg.LinAlgError("singular matrix")
            return super().solve(inputs, **options)

    solved = BlockSolver(Odd(nodes=(80, 120)), 0, 1, "float32").solve(range(4))
    assert solved.failed == {2: "singular matrix"}
    assert solved.fields is not None
    assert solved.fields["sample"].values.tolist() == [0, 1, 3]


def test_a_mistake_in_the_case_is_raised() -> None:
    case = Fragile(32, 0.05, dt=0.05, refused=(0, 1, 2))
    with pytest.raises(LookupError, match="there is no such sample"):
        BlockSolver(case, 0, 4, "float32").solve(range(3))


def test_in_memory_failures_warn_and_nothing_but_failures_raise() -> None:
    case = Fragile(32, 0.05, dt=0.05, wild=(1,))
    with pytest.warns(FailedSamples, match="1 of 3 samples failed .1: Rollout stopped"):
        fields = sg.generate(case, 3, progress=False)
    assert fields["sample"].values.tolist() == [0, 2]
    assert fields.attrs["failed_samples"] == 1
    with pytest.raises(NumericalFailure, match="2 of 2 samples failed"):
        sg.generate(Fragile(32, 0.05, dt=0.05, wild=(0, 1)), 2, progress=False)


def test_sizes_follow_from_the_case_and_the_bytes() -> None:
    assert block_size(Burgers(256), None) == 32  # 64 KiB of float64
    assert block_size(NavierStokes(256), "cpu") == 1
    assert block_size(NavierStokes(256), "cuda:1") == 32
    assert block_size(PoissonPolygons(), "cpu") == 1
    assert shard_size(10**6, 2**20, block=2, workers=4) == 64  # 64 MiB
    assert shard_size(64, 2**10, block=2, workers=4) == 2  # eight for each worker
    assert shard_size(10, 2**30, block=32, workers=1) == 32  # never less than a block


def test_a_warning_of_many_blocks_is_shown_once(tmp_path: Path) -> None:
    for path in (None, tmp_path / "shards"):
        with pytest.warns(UnderResolved) as shown:
            sg.generate(Burgers(16, 0.5, dt=0.1), 12, path, batch_size=2, convergence=False, progress=False)
        assert len(shown) == 1


def test_a_warning_names_the_sample() -> None:
    solver = BlockSolver(Burgers(16, 0.5, dt=0.1), 0, 4, "float32")
    for number, block in ((6, range(4, 8)), (15, range(12, 16))):
        with pytest.warns(UnderResolved, match=rf"Field 'u' of sample {number} is not resolved"):
            solver.solve(block)


def test_polygons_are_counted_one_by_one() -> None:
    told: list[int] = []
    case = PoissonPolygons(nodes=(80, 160))
    solved = BlockSolver(case, 3, 1, "float64").solve(range(3), told.append)
    together = case.solve(case.inputs(range(3), seed=3))
    assert told == [1, 1, 1]
    assert solved.fields is not None
    assert solved.fields.identical(together)
