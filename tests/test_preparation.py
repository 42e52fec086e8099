"""Roles, and splits that depend on the content of the samples alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate.datasets import Grid, InputError, Signature, prepare

GRID = Grid(shape=(4,), extent=(2.0,), periodic=True)
PARTS = ("train", "validation", "test")
AsFields = Callable[..., xr.Dataset]


def steady(values: np.ndarray) -> xr.Dataset:
    """Return samples with the given numbers as constant input; the output is twice the input."""
    a = np.repeat(values[:, None], 4, axis=1).astype(float)
    units = {"units": "1"}
    fields = {"a": (("sample", "x"), a, units), "u": (("sample", "x"), 2 * a, units)}
    return xr.Dataset(fields, coords=GRID.coordinates())


def members(tree: xr.DataTree) -> list[list[float]]:
    return [tree[part]["a"].values[:, 0].tolist() for part in PARTS]


def split(values: np.ndarray, split: Any, **options: Any) -> list[list[float]]:
    return members(prepare(steady(values), inputs=["a"], outputs=["u"], split=split, **options))


@given(order=st.permutations(range(20)))
def test_the_order_of_the_samples_does_not_matter(order: list[int]) -> None:
    reference = split(np.arange(20), (12, 5, 3))
    assert [sorted(part) for part in split(np.array(order), (12, 5, 3))] == [sorted(part) for part in reference]


@settings(max_examples=10)
@given(more=st.integers(1, 30))
def test_more_samples_do_not_change_the_rank_of_the_old_ones(more: int) -> None:
    def ranking(values: np.ndarray) -> list[float]:
        """Read the rank of each sample off the splits (1, n - 1, 0), (2, n - 2, 0), ..."""
        seen: list[float] = []
        for count in range(1, len(values)):
            seen += [value for value in split(values, (count, 0, 0))[0] if value not in seen]
        return seen

    old = ranking(np.arange(8))
    assert [value for value in ranking(np.arange(8 + more)) if value in old] == old


def test_a_sample_s_rank_is_the_hash_of_its_input_bytes() -> None:
    values = np.arange(10)
    digests = [hashlib.sha256(np.full(4, value, dtype=float).tobytes()).hexdigest() for value in values]
    ranked = values[np.argsort(digests)]
    parts = split(values, (6, 3, 1))
    assert [set(part) for part in parts] == [set(ranked[:6]), set(ranked[6:9]), set(ranked[9:])]


@given(values=st.lists(st.integers(0, 9), min_size=12, max_size=30))
def test_equal_samples_are_never_on_two_sides(values: list[int]) -> None:
    try:
        parts = split(np.array(values), (0.6, 0.2, 0.2))
    except InputError as error:
        assert "none left" in str(error)  # noqa: PT017  # too few different ones for three parts
        return
    assert sum(map(len, parts)) == len(values)
    assert not set(parts[0]) & set(parts[1])
    assert not set(parts[0]) & set(parts[2])
    assert not set(parts[1]) & set(parts[2])


def test_groups_stay_together(as_fields: AsFields) -> None:
    rng = np.random.default_rng(0)
    geometry = rng.integers(0, 40, size=200)
    fields = steady(np.arange(200)).assign(geometry=("sample", geometry, {"units": "1"}))
    tree = prepare(fields, inputs=["a"], outputs=["u"], group="geometry")
    of = dict(zip(range(200), geometry, strict=True))
    sides = [{of[int(value)] for value in part} for part in members(tree)]
    assert sorted(sides[0] | sides[1] | sides[2]) == sorted(set(geometry))
    assert sum(map(len, sides)) == len(set(geometry))
    assert all(sides)
    sizes = np.array([len(part) for part in members(tree)])
    assert np.all(np.abs(np.cumsum(sizes) - [160, 180, 200]) <= np.bincount(geometry).max() / 2)
    with pytest.raises(InputError, match="a variable 'shape' over 'sample'"):
        prepare(fields, inputs=["a"], outputs=["u"], group="shape")


@pytest.mark.parametrize(
    ("requested", "counts"),
    [((7, 2, 1), [7, 2, 1]), ((3, 0, 2), [3, 0, 2]), ((0.8, 0.1, 0.1), [8, 1, 1]), ((0.5, 0.25, 0.25), [5, 3, 2])],
)
def test_counts_and_fractions_are_exact(requested: Any, counts: list[int]) -> None:
    parts = split(np.arange(10), requested)
    # cumulative rounding: 10 x (0.5, 0.75, 1) = 5, 7.5, 10, and NumPy rounds 7.5 to 8
    assert [len(part) for part in parts] == counts
    assert len(set().union(*parts)) == sum(counts)


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ((8, 2, 1), "counts that sum to at most 10"),
        ((0.8, 0.1, 0.2), "fractions that sum to 1"),
        ((0.0, 0.5, 0.5), "at least one sample to train on"),
        ((-1, 5, 6), "three non-negative numbers"),
        ((np.nan, 0.5, 0.5), "three non-negative numbers"),
    ],
)
def test_splits_that_do_not_fit_are_refused(requested: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split(np.arange(10), requested)


def test_too_few_different_samples_are_refused() -> None:
    with pytest.raises(InputError, match="samples for 'train', got none left"):
        split(np.zeros(10), (8, 1, 1))


def test_generated_data_are_ranked_by_case_seed_and_index() -> None:
    def ranked(values: np.ndarray, seed: int, sample: np.ndarray) -> list[set[int]]:
        fields = steady(values).assign_attrs(case="Burgers", seed=seed).assign_coords(sample=sample)
        tree = prepare(fields, inputs=["a"], outputs=["u"], split=(6, 2, 2))
        return [set(tree[part]["sample"].values.tolist()) for part in PARTS]

    index = np.arange(10)
    reference = ranked(index, 0, index)
    assert ranked(index + 100.0, 0, index) == reference  # the values do not matter
    assert ranked(index, 0, index[::-1].copy()) == reference
    assert ranked(index, 1, index) != reference
    digests = [hashlib.sha256(f"Burgers|0|{i}".encode()).hexdigest() for i in index]
    assert reference[0] == set(np.argsort(digests)[:6].tolist())


def trajectories(as_fields: AsFields, **more: tuple[str, Any]) -> xr.Dataset:
    rng = np.random.default_rng(0)
    variables = {
        "u": ("sample time x", rng.normal(size=(10, 6, 4))),
        "v": ("sample time x", rng.normal(size=(10, 6, 4))),
        "load": ("sample time x", rng.normal(size=(10, 6, 4))),
        "slope": ("x", rng.normal(size=4)),
        "viscosity": ("sample", rng.normal(size=10)),
        "gravity": ("", 9.81),
    }
    return as_fields(GRID, {**variables, **more}, time=0.5 * np.arange(6))


def test_roles_of_a_stepper(as_fields: AsFields) -> None:
    fields = trajectories(as_fields)
    before = fields.copy(deep=True)
    inputs = ["viscosity", "v", "load", "u", "slope", "gravity"]
    tree = prepare(fields, inputs=inputs, outputs=["u", "v"], history=2, horizon=3)
    xr.testing.assert_identical(fields, before)
    signature = Signature.from_data(tree)
    assert signature == Signature(
        in_fields=("v", "u"),
        out_fields=("v", "u"),
        domain=GRID,
        static_fields=("slope",),
        forcing_fields=("load",),
        parameter_fields=("viscosity", "gravity"),
        history=2,
        horizon=3,
        dt=0.5,
    )
    assert signature == Signature.from_data(tree["test"])
    assert (signature.in_channels, signature.out_channels, signature.parameter_channels) == (6, 6, 2)


def test_roles_of_a_steady_map(as_fields: AsFields) -> None:
    fields = steady(np.arange(10)).assign(re=("sample", np.arange(10.0), {"units": "1"}))
    signature = Signature.from_data(prepare(fields, inputs=["re", "a"], outputs=["u"]))
    assert (signature.in_fields, signature.out_fields, signature.parameter_fields) == (("a",), ("u",), ("re",))
    assert signature.dt is None
    assert (signature.in_channels, signature.out_channels) == (1, 1)


def test_fields_that_have_no_role_are_left_out(as_fields: AsFields) -> None:
    tree = prepare(trajectories(as_fields), inputs=["u"], outputs=["u"])
    assert set(tree["train"].data_vars) == {"u"}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown name": ({"inputs": ["w"], "outputs": ["u"]}, "a field 'w', got only"),
    "output with time that is no input": ({"inputs": ["v"], "outputs": ["u"]}, "all stepped in time, or all steady"),
    "mixed outputs": ({"inputs": ["u"], "outputs": ["u", "v"]}, "all stepped in time, or all steady"),
    "steady output that is an input": ({"inputs": ["slope"], "outputs": ["slope"]}, "all stepped in time"),
    "no outputs": ({"inputs": ["u"], "outputs": []}, "all stepped in time"),
    "no history": ({"inputs": ["u"], "outputs": ["u"], "history": 0}, "at least 1"),
    "too few frames": ({"inputs": ["u"], "outputs": ["u"], "history": 4, "horizon": 3}, "at least 7 frames, got 6"),
    "steady from parameters alone": ({"inputs": ["viscosity"], "outputs": ["slope"]}, "steady inputs"),
    "steady from forcing": ({"inputs": ["slope", "load"], "outputs": ["target"]}, "steady inputs"),
    "history of a steady map": ({"inputs": ["slope"], "outputs": ["target"], "history": 2}, "for a steady map"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_prepared_is_refused(as_fields: AsFields, what: str) -> None:
    arguments, message = WRONG[what]
    fields = trajectories(as_fields, target=("sample x", np.ones((10, 4))))
    with pytest.raises(InputError, match=message):
        prepare(fields, **arguments)


def test_data_without_samples_and_data_that_break_the_convention_are_refused(as_fields: AsFields) -> None:
    fields = trajectories(as_fields)
    with pytest.raises(InputError, match=r"dimension 'sample'.*expand_dims"):
        prepare(fields.isel(sample=0), inputs=["u"], outputs=["u"])
    with pytest.raises(InputError, match="uniform time axis"):
        prepare(fields.isel(time=[0, 1, 3]), inputs=["u"], outputs=["u"])
    fields["u"].values[3, 2, 1] = np.nan
    with pytest.raises(InputError, match=r"finite values in 'u'.* sample 3"):
        prepare(fields, inputs=["u"], outputs=["u"])


def test_a_static_field_that_lacks_an_axis_is_refused(as_fields: AsFields) -> None:
    grid = Grid(shape=(4, 3))
    variables = {"u": ("sample time x y", np.ones((4, 3, 4, 3))), "depth": ("x", np.ones(4))}
    with pytest.raises(InputError, match="'depth' along every axis of space, got none along 'y'"):
        prepare(as_fields(grid, variables, time=range(3)), inputs=["u", "depth"], outputs=["u"])


def test_plain_fields_have_no_signature() -> None:
    with pytest.raises(InputError, match=r"data with roles.*prepare"):
        Signature.from_data(steady(np.arange(3)))
