"""Training on coarser grids: where their points are, how they are drawn, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

import surrogate as sg
from surrogate import Grid, InputError, models, objectives
from surrogate.datasets import Normalizer, Signature
from surrogate.training import Surrogate
from surrogate.training.objectives import MultiResolution
from surrogate.training.objectives.multi_resolution import coarser

AsFields = Callable[..., xr.Dataset]
CPU = {"accelerator": "cpu"}
TANH = ("tanh", 1.5)


class Recording(nn.Module):
    resolution = None

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, coordinates: Tensor) -> Tensor:
        self.seen.append((x, coordinates))
        return x


def made(grid: Grid, field: Tensor) -> tuple[Surrogate, Recording, dict[str, Tensor]]:
    network = Recording()
    model = Surrogate(network, Signature(("a",), ("p",), grid), {"input": Normalizer(["a"]), "output": Normalizer("p")})
    return model, network, {"x": field, "y": 2 * field}


@pytest.mark.parametrize(
    ("grid", "factor", "shape"),
    [
        (Grid((12, 6), (2.0, 1.0), periodic=True), 3, (4, 2)),
        (Grid((13, 7), (2.0, 1.0)), 3, (5, 3)),
        (Grid((13, 8), (2.0, 1.0), boundary=(("wall", "wall"), ("periodic", "periodic"))), 4, (4, 2)),
        (Grid((9, 13), (2.0, 1.0), stretching=("chebyshev", TANH)), 4, (3, 4)),
        (Grid((12, 6), (2.0, 1.0), location="cell"), 2, (6, 3)),
        (Grid((12, 6), (2.0, 1.0), location="cell", periodic=True), 3, (4, 2)),
        (Grid((12, 8), (2.0, 1.0), location="cell", stretching=(TANH, "chebyshev")), 4, (3, 2)),
    ],
)
def test_values_are_those_at_the_points_of_the_coarser_grid(grid: Grid, factor: int, shape: tuple[int, ...]) -> None:
    """A linear function: its mean over a cell is its value in the middle, however wide the cells."""
    x, y = torch.meshgrid(*map(torch.tensor, grid.axes), indexing="ij")
    model, network, batch = made(grid, (1 + 2 * x - 3 * y)[None, None])
    MultiResolution(objectives.RelativeL2(), (factor,)).losses(model, batch, 0)
    seen, coordinates = network.seen[0]
    assert seen.shape[2:] == shape == coarser(grid, factor).shape
    lengths, lows = torch.tensor(grid.lengths), torch.tensor([low for low, _ in grid.extent])
    points = coordinates * lengths.double() + lows.double()
    torch.testing.assert_close(seen[0, 0], 1 + 2 * points[..., 0] - 3 * points[..., 1], rtol=0, atol=1e-12)


def test_the_loss_is_that_on_the_coarser_grid_and_draws_are_even() -> None:
    grid = Grid((12,), periodic=True)
    torch.manual_seed(0)
    model, network, batch = made(grid, torch.randn(2, 1, 12))
    objective = MultiResolution(objectives.H1(0.5), factors=(1, 2, 2, 4))
    counts = {12: 0, 6: 0, 3: 0}
    for _ in range(400):
        network.seen.clear()
        loss = objective.losses(model, batch, 3)
        n = network.seen[0][0].shape[-1]
        x = batch["x"][..., :: 12 // n]
        assert torch.equal(loss, objectives.H1(0.5)(x, 2 * x, Grid((n,), periodic=True)))
        counts[n] += 1
    # binomial deviations are 10, 9 and 9
    assert abs(counts[6] - 200) < 40
    assert max(abs(counts[12] - 100), abs(counts[3] - 100)) < 36
    network.seen.clear()
    objective.losses(model, batch, None)
    assert network.seen[0][0].shape[-1] == 12


@pytest.mark.parametrize("location", ["node", "cell"])
def test_a_network_learns_to_step_at_all_resolutions(as_fields: AsFields, location: Any) -> None:
    """Trained with static fields at 32 and 16 points, used at both."""
    rng = np.random.default_rng(0)
    grid, coarse = (Grid((n,), periodic=True, location=location) for n in (32, 16))
    waves = np.sin(2 * np.pi * (grid.axes[0] - 0.1 * np.arange(6)[:, None] + rng.uniform(size=(24, 1, 1))))
    variables = {"u": ("sample time x", waves), "slope": ("sample x", rng.normal(size=(24, 32)))}
    tree = sg.prepare(
        as_fields(grid, variables, time=0.1 * np.arange(6)), inputs=["u", "slope"], outputs=["u"], split=(16, 4, 4)
    )
    torch.manual_seed(0)
    network = models.FNO.for_data(tree, hidden_channels=8, n_layers=2, n_modes=[4])
    objective = MultiResolution(objectives.Unrolled(2), (1, 2))
    recipe = sg.OneCycleAdamW(0.01)
    model = sg.fit(network, tree, epochs=10, batch_size=8, objective=objective, optimizer=recipe, trainer=CPU)
    fine = tree["test"].to_dataset()
    for test in (fine, sg.datasets.resample(fine, coarse, method="spectral")):
        found = sg.rollout(model, test, steps=2, progress=False)["u"].values
        truth = test["u"].values[:, 1:3]
        assert np.linalg.norm(found - truth) < 0.3 * np.linalg.norm(truth)


@pytest.mark.parametrize(
    ("grid", "network", "factors", "message"),
    [
        (Grid((16,), periodic=True), nn.Conv1d(1, 1, 1), (1, 2), r"the training resolution \(16,\), got \(8,\)"),
        (Grid((16,), periodic=True), None, (1, 3), "a factor that divides the 16 points along x, got 3"),
        (Grid((16,)), None, (2,), "a factor that divides the 15 intervals along x, got 2"),
        (Grid((16,), location="cell"), None, (3,), "a factor that divides the 16 points along x"),
        (Grid((16,), periodic=True), None, (1, 8), "modes"),
        (Grid((16,), stretching=(np.linspace(0, 1, 16) ** 2,)), None, (3,), "which were given one by one"),
    ],
)
@pytest.mark.filterwarnings("ignore:The data have axes")
def test_grids_that_cannot_be_made_are_refused_before_training(
    as_fields: AsFields, grid: Grid, network: Any, factors: tuple[int, ...], message: str
) -> None:
    values = np.random.default_rng(0).normal(size=(2, 6, 16))
    variables = {name: ("sample x", field) for name, field in zip("ap", values, strict=True)}
    tree = sg.prepare(as_fields(grid, variables), inputs=["a"], outputs=["p"], split=(4, 2, 0))
    network = network or models.FNO.for_data(tree, hidden_channels=4, n_layers=1, n_modes=[4])
    with pytest.raises(InputError, match=message):
        sg.fit(network, tree, objective=MultiResolution(objectives.RelativeL2(), factors), trainer=CPU)


def test_meshes_and_factors_below_one_are_refused(polygons: xr.DataTree) -> None:
    with pytest.raises(InputError, match="factors of at least 1"):
        MultiResolution(objectives.RelativeL2(), (0, 1))
    network = models.GNOT.for_data(polygons, hidden_channels=8, n_layers=1, n_heads=1)
    with pytest.raises(InputError, match="fields on a grid for MultiResolution"):
        sg.fit(network, polygons, objective=MultiResolution(objectives.RelativeL2()), trainer=CPU)
