"""`predict`: fields in, fields out, once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import Grid, InputError, Operator, Stepper, Surrogate, predict
from surrogate.datasets import Normalizer, OutsideTrainingRange, Signature

AsFields = Callable[..., xr.Dataset]
GRID = Grid(shape=(6, 5), extent=(2.0, 1.0))
GRID_ACROSS = Grid(shape=(6, 5), extent=(2.0, 1.0), stretching=("uniform", "chebyshev"))


class Affine(Operator):
    """p = re * a * depth + 3."""

    in_fields, out_fields, static_fields, parameter_fields = ("a",), ("p",), ("depth",), ("re",)
    domain = GRID

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))
        self.sizes: list[int] = []

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        assert static is not None
        assert parameters is not None
        self.sizes.append(len(x))
        return parameters[:, :, None, None] * x * static + self.shift


@pytest.fixture
def fields(as_fields: AsFields) -> xr.Dataset:
    rng = np.random.default_rng(0)
    variables = {"a": ("sample x y", rng.normal(size=(7, 6, 5))), "depth": ("x y", rng.normal(size=(6, 5)))}
    return as_fields(GRID, {**variables, "re": ("sample", rng.normal(size=7))}, case="affine")


def test_an_operator_is_applied_to_every_sample_in_batches(fields: xr.Dataset) -> None:
    operator = Affine()
    for batch_size in (64, 3):
        result = predict(operator, fields.assign_coords(sample=np.arange(7) * 2), batch_size=batch_size)
        np.testing.assert_allclose(result["p"], fields["re"] * fields["a"] * fields["depth"] + 3, rtol=1e-14)
        assert result["p"].dims == ("sample", "x", "y")
        assert result["sample"].values.tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert operator.sizes == [7, 3, 3, 1]
    assert result.attrs == {"case": "affine", "operator": "Affine"}
    assert operator.training


def test_a_stepper_gives_its_horizon(as_fields: AsFields) -> None:
    class Double(Stepper):
        in_fields = out_fields = ("u",)
        domain = Grid(shape=(4,))
        dt, horizon = 0.5, 3

        def forward(
            self,
            state: Tensor,
            static: Tensor | None = None,
            forcing: Tensor | None = None,
            parameters: Tensor | None = None,
        ) -> Tensor:
            return torch.cat([2 * state, 4 * state, 8 * state], dim=1)

    u = np.random.default_rng(0).normal(size=(3, 1, 4)).astype("float32")
    result = predict(Double(), as_fields(Double.domain, {"u": ("sample time x", u)}, time=[1.0]))
    np.testing.assert_array_equal(result["u"], u * np.array([2, 4, 8], dtype="float32")[None, :, None])
    assert result["time"].values.tolist() == [1.5, 2.0, 2.5]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d.drop_vars("a"), "a field 'a'"),
        (lambda d: d.drop_vars("depth"), "a field 'depth'"),
        (lambda d: d.transpose("y", ...), "dimensions of 'a' in the order"),
        (lambda d: d.isel(sample=0), "fields with samples"),
        (lambda d: d.isel(sample=slice(0)), "fields with samples"),
        (lambda d: d.assign(a=d["a"].where(d["x"] > 0)), "finite values in 'a'"),
    ],
)
def test_fields_that_do_not_fit_are_refused(
    fields: xr.Dataset, spoil: Callable[[xr.Dataset], xr.Dataset], message: str
) -> None:
    with xr.set_options(keep_attrs=True), pytest.raises(InputError, match=message):
        predict(Affine(), spoil(fields))


def test_an_empty_batch_or_wrong_device_is_refused(fields: xr.Dataset) -> None:
    with pytest.raises(InputError, match="a batch_size of at least 1"):
        predict(Affine(), fields, batch_size=0)
    with pytest.raises(InputError, match="a device such as"):
        predict(Affine(), fields, device="gpu")


class Local(nn.Conv2d):
    """A network that takes every resolution and says so."""

    resolution = None


def surrogate(network: nn.Module, domain: Grid = GRID) -> Surrogate:
    signature = Signature(in_fields=("a",), out_fields=("p",), domain=domain)
    data = xr.Dataset({name: (("sample", "x", "y"), np.random.default_rng(0).normal(size=(4, 6, 5))) for name in "ap"})
    normalizers = {"input": Normalizer(["a"]).fit(data), "output": Normalizer(["p"]).fit(data)}
    return Surrogate(network, signature, normalizers)


def small(as_fields: AsFields, grid: Grid) -> xr.Dataset:
    rng = np.random.default_rng(1)
    return as_fields(grid, {"a": ("sample " + " ".join(grid.names), rng.uniform(-1, 1, size=(5, *grid.shape)))})


def test_another_resolution_is_taken_or_refused_as_the_network_says(as_fields: AsFields) -> None:
    fine = small(as_fields, GRID.with_shape((12, 9)))
    result = surrogate(Local(1, 1, 3, padding=1)).predict(fine)
    assert dict(result.sizes) == {"sample": 5, "x": 12, "y": 9}
    with pytest.raises(InputError, match=r"the training resolution \(6, 5\), got \(12, 9\)"):
        surrogate(nn.Conv2d(1, 1, 3, padding=1)).predict(fine)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (Grid(shape=(6, 5), extent=(2.0, 1.5)), r"the extent \(\(0.0, 2.0\), \(0.0, 1.0\)\)"),
        (Grid(shape=(6, 5), extent=((1.0, 3.0), 1.0)), "the extent"),
        (Grid(shape=(6, 5), extent=(2.0, 1.0), periodic=True), "the boundary"),
        (Grid(shape=(6, 5), extent=(2.0, 1.0), location="cell"), "values at each node, got at each cell"),
        (Grid(shape=(6,), extent=(2.0,)), "fields in 2 space dimensions, got 1"),
        (GRID_ACROSS, r"the axes \('uniform', 'uniform'\), got others \('uniform', 'chebyshev'\). Resample the fields"),
    ],
)
def test_another_box_boundary_location_or_rank_is_refused(as_fields: AsFields, grid: Grid, message: str) -> None:
    with pytest.raises(InputError, match=message):
        surrogate(Local(1, 1, 3, padding=1)).predict(small(as_fields, grid))


def test_the_answer_for_a_sample_does_not_depend_on_its_batch(as_fields: AsFields) -> None:
    model, fields = (
        surrogate(nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.GELU(), nn.Conv2d(8, 1, 1))),
        small(as_fields, GRID),
    )
    together = model.predict(fields)
    for sample in range(5):
        alone = model.predict(fields.isel(sample=[sample]))
        # the sums of a convolution of 9 or 8 terms of order one may be ordered otherwise in another batch
        np.testing.assert_allclose(alone["p"][0], together["p"][sample], rtol=0, atol=10 * 2**-23)


def test_inputs_outside_the_training_range_warn(as_fields: AsFields) -> None:
    fields = small(as_fields, GRID)
    fields["a"] = 100 * fields["a"].assign_attrs(units="1")
    fields["a"].attrs["units"] = "1"
    with pytest.warns(OutsideTrainingRange, match="'a' leaves the training range"):
        surrogate(Local(1, 1, 1)).predict(fields)


class Located(nn.Module):
    """A network on the coordinates, which need a gradient when it is trained."""

    resolution = None

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(2, 1)

    def forward(self, x: Tensor, coordinates: Tensor) -> Tensor:
        y: Tensor = x + self.lift(coordinates).movedim(-1, 0)
        return y


def test_coordinates_are_those_of_the_resolution_and_can_be_trained_on_after_a_prediction(as_fields: AsFields) -> None:
    network = Located()
    model = surrogate(network)
    fields = small(as_fields, GRID.with_shape((3, 5)))
    model.predict(fields)
    x = torch.zeros(1, 1, 3, 5)
    model(x).sum().backward()
    assert network.lift.weight.grad is not None
    scale = model.normalizers["output"].std.item()
    # sums of x and of y in the unit box over 3 x 5 points
    torch.testing.assert_close(network.lift.weight.grad, scale * torch.tensor([[7.5, 7.5]]))


def test_coordinates_of_a_stretched_axis_are_its_true_points(as_fields: AsFields) -> None:
    network = Located()
    with torch.no_grad():
        network.lift.weight.copy_(torch.tensor([[0.0, 1.0]]))
        network.lift.bias.zero_()
    model = surrogate(network, GRID_ACROSS)
    fields = small(as_fields, GRID_ACROSS.with_shape((6, 9)))
    fields["a"] = fields["a"] * 0 + model.normalizers["input"].mean.item()  # which the network sees as zero
    fields["a"].attrs["units"] = "1"
    y = (model.predict(fields)["p"] - model.normalizers["output"].mean.item()) / model.normalizers["output"].std.item()
    np.testing.assert_allclose(y, np.broadcast_to(fields["y"].values, y.shape), rtol=0, atol=1e-6)  # single precision
