"""What every distribution of initial data must pass. A new one is tested by one more entry in DISTRIBUTIONS."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial import (
    Distribution,
    FilteredVelocity,
    FourierSeries,
    GaussianBlobs,
    GaussianRandomField,
    McWilliams,
    Rogallo,
    SineWaves,
    Solitons,
    TaylorGreen,
)


class Member(NamedTuple):
    """A distribution and a grid that holds all of its modes."""

    distribution: Distribution
    grid: Grid


def box(*shape: int, lengths: tuple[float, ...] = ()) -> Grid:
    return Grid(shape, extent=lengths or (1.0, 2.0, 0.7)[: len(shape)], periodic=True)


DISTRIBUTIONS = {
    "GaussianRandomField-1D": Member(GaussianRandomField(n_frequencies=8), box(20)),
    "GaussianRandomField-2D": Member(GaussianRandomField.navier_stokes(8), box(17, 20)),
    "GaussianRandomField-3D": Member(GaussianRandomField.kolmogorov(3), box(9, 7, 8)),
    "FourierSeries-1D": Member(FourierSeries(), box(11)),
    "FourierSeries-2D": Member(FourierSeries(4, maximum=None, offset=0.5), box(10, 9)),
    "FourierSeries-3D": Member(FourierSeries(2, maximum=3.0), box(5, 6, 7)),
    "SineWaves": Member(SineWaves(3, 5, 2.0), box(11)),
    "TaylorGreen-2D": Member(TaylorGreen(2.0, shifted=True), box(6, 7)),
    "TaylorGreen-3D": Member(TaylorGreen(2.0, shifted=True), box(6, 7, 4)),
    "FilteredVelocity-2D": Member(FilteredVelocity(3.0, 6.0, 4), box(9, 12)),
    "FilteredVelocity-3D": Member(FilteredVelocity(3.0, 6.0, 3), box(7, 8, 9)),
    "McWilliams": Member(McWilliams(n_frequencies=5), box(12, 15)),
    "Rogallo": Member(Rogallo(n_frequencies=3), box(9, 7, 8)),
    "Solitons-1": Member(Solitons(spread=0.1), box(40, lengths=(30.0,))),
    "Solitons-2": Member(Solitons((16.0, 4.0), (0.4, 0.5), spread=0.1), box(50, lengths=(20.0,))),
    "GaussianBlobs-1D": Member(GaussianBlobs(3, amplitude=(-1.0, 1.0)), box(40)),
    "GaussianBlobs-3D": Member(GaussianBlobs(2), box(11, 20, 10)),
}


@pytest.fixture(params=DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def member(request: pytest.FixtureRequest) -> Member:
    return request.param


def test_one_sample_is_one_function_at_every_resolution(member: Member) -> None:
    grid, twice = member.grid, member.grid.with_shape(tuple(2 * n for n in member.grid.shape))
    coarse = member.distribution.sample(grid, seed=2, index=4)
    fine = member.distribution.sample(twice, seed=2, index=4)
    assert coarse.shape[1:] == grid.shape
    even, odd = ((..., *[slice(first, None, 2)] * grid.dim) for first in (0, 1))
    assert coarse.numpy() == pytest.approx(fine[even].numpy(), rel=0, abs=1e-13 * fine.abs().max().item())
    cells = member.distribution.sample(replace(grid, location="cell"), seed=2, index=4)
    assert cells.numpy() == pytest.approx(fine[odd].numpy(), rel=0, abs=1e-13 * fine.abs().max().item())


def test_a_sample_depends_on_seed_and_index_only(member: Member) -> None:
    distribution, grid = member
    batch = distribution.samples(grid, seed=5, indices=[3, 0, 2**40])
    for row, index in zip(batch, [3, 0, 2**40], strict=True):
        assert torch.equal(row, distribution.sample(grid, seed=5, index=index))
    assert not torch.equal(batch[0], batch[1])
    assert not torch.equal(batch[1], distribution.sample(grid, seed=6, index=0))
    assert not torch.equal(distribution.sample(grid, seed=1, index=2), distribution.sample(grid, seed=2, index=1))


def test_samples_are_independent(member: Member) -> None:
    """The correlation of neighboring samples is that of noise with as many degrees of freedom as samples, or more."""
    count = 400
    u = member.distribution.samples(member.grid, seed=0, indices=range(count)).flatten(1)
    u = u - u.mean(dim=0)
    for lag in (1, 2):
        products = (u[lag:] * u[:-lag]).sum(dim=1)
        assert abs(products.mean()) < 5 * products.std() / math.sqrt(count)


def test_settings_describe_the_distribution(member: Member) -> None:
    settings = json.loads(json.dumps(member.distribution.settings))
    again = type(member.distribution).from_settings(settings)
    assert again == member.distribution
    assert torch.equal(*(d.sample(member.grid, seed=0, index=0) for d in (again, member.distribution)))
    with pytest.raises(InputError, match=f"Expected settings of {type(again).__name__}, got Noise"):
        type(again).from_settings(settings | {"distribution": "Noise"})


def test_other_grids_and_seeds_are_refused(member: Member) -> None:
    with pytest.raises(InputError, match="Expected a periodic grid"):
        member.distribution.sample(Grid(member.grid.shape), seed=0, index=0)
    with pytest.raises(InputError, match=r"Expected a grid of dimension .*, got \(\)"):
        member.distribution.sample(Grid(()), seed=0, index=0)
    with pytest.raises(InputError, match="Expected seed from 0 to"):
        member.distribution.sample(member.grid, seed=-1, index=0)
    with pytest.raises(InputError, match="Expected index from 0 to"):
        member.distribution.sample(member.grid, seed=0, index=2**64)
