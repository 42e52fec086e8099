"""Windows that are read from files for each batch: the numbers of those in memory, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import xarray as xr
from torch.utils.data import DataLoader

import surrogate as sg
from surrogate.datasets import Grid, InputError, Normalizer, Signature, Windows, open_dataset, prepare, save_dataset
from surrogate.datasets.storage import blocks as blocks_module
from surrogate.datasets.storage.stored import BoxReader, is_lazy
from surrogate.training.shuffle import EpochShuffle

AsFields = Callable[..., xr.Dataset]
rng = np.random.default_rng(0)
SAMPLES, FRAMES = 7, 9


@pytest.fixture(params=["float32", "float64"])
def stored(as_fields: AsFields, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[xr.Dataset]:
    moving = {name: ("sample time x y", rng.normal(3, 2, size=(SAMPLES, FRAMES, 5, 4))) for name in ("u", "v", "load")}
    variables = {
        **moving,
        "wind": ("time x y", rng.normal(size=(FRAMES, 5, 4))),
        "slope": ("sample x y", rng.normal(size=(SAMPLES, 5, 4))),
        "bed": ("x y", rng.normal(size=(5, 4))),
        "re": ("sample", rng.normal(size=SAMPLES)),
        "a": ("sample x y", rng.normal(size=(SAMPLES, 5, 4))),
        "p": ("sample x y", rng.normal(size=(SAMPLES, 5, 4))),
    }
    fields = as_fields(Grid(shape=(5, 4)), variables, time=range(FRAMES)).astype(request.param)
    save_dataset(fields, tmp_path / "fields.h5")
    with open_dataset(tmp_path / "fields.h5") as opened:
        yield opened


MAPS = {
    "one field": {"inputs": ["u"], "outputs": ["u"]},
    "frames and fields": {"inputs": ["u", "v"], "outputs": ["u", "v"], "history": 3, "horizon": 2},
    "all that enters": {"inputs": ["u", "load", "wind", "slope", "bed", "re"], "outputs": ["u"], "history": 2},
    "forcing of its own": {"inputs": ["u", "wind"], "outputs": ["u"]},
    "stride": {"inputs": ["u"], "outputs": ["u"], "stride": 3},
    "steady": {"inputs": ["a", "re"], "outputs": ["p"]},
    "steady, with what is the same for all": {"inputs": ["a", "bed"], "outputs": ["p"]},
}


def both(stored: xr.Dataset, frames: int | None = None, **options: object) -> tuple[Windows, Windows]:
    part = prepare(stored, split=(5, 1, 1), **options)["train"].to_dataset()
    signature = Signature.from_data(part)
    held, read = (Windows(part, signature, torch.float32, frames, in_memory=choice) for choice in (True, False))
    assert len(held) == len(read) > 4
    return held, read


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("options", MAPS.values(), ids=MAPS)
def test_every_batch_is_that_of_memory(stored: xr.Dataset, options: dict) -> None:
    held, read = both(stored, **options)
    count = len(held)
    assert all(equal(held[index], read[index]) for index in range(count))
    whole = list(range(count))
    for indices in (whole, whole[::-1], whole[::2], [3, 3, 0], [1, 0, 2, 1], rng.permutation(count).tolist()):
        assert equal(held.__getitems__(indices), read.__getitems__(indices)), indices
    names = {name for names in (options["inputs"], options["outputs"]) for name in names}
    over_space = [name for name in names if {"sample", "x"} <= set(read.fields[name].dims)]
    assert all(is_lazy(read.fields[name]) for name in over_space), "kept in memory"


def test_longer_windows_are_those_of_memory(stored: xr.Dataset) -> None:
    held, read = both(stored, frames=5, inputs=["u", "load"], outputs=["u"], horizon=2)
    assert equal(held.__getitems__([4, 7, 1]), read.__getitems__([4, 7, 1]))


def test_windows_that_follow_each_other_are_read_once_and_viewed(stored: xr.Dataset) -> None:
    _, read = both(stored, inputs=["u"], outputs=["u"])
    batch = read.__getitems__([0, 1, 2, 3])
    assert batch["x"].untyped_storage().data_ptr() == batch["y"].untyped_storage().data_ptr()
    assert batch["x"].untyped_storage().nbytes() == 5 * 5 * 4 * 4


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_processes_read_the_same_batches_in_the_same_order(stored: xr.Dataset, context: str) -> None:
    held, read = both(stored, inputs=["u", "load", "slope", "re"], outputs=["u"])
    read[0]  # the file is open before the processes start
    shuffle = EpochShuffle(len(held), seed=3)
    options = {"batch_size": 6, "sampler": shuffle, "collate_fn": dict}
    ours = DataLoader(read, num_workers=2, multiprocessing_context=context, **options)
    for one, other in zip(DataLoader(held, **options), ours, strict=True):
        assert equal(one, other)


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing fit, and a few numbers be many blocks."""
    monkeypatch.setattr(blocks_module, "SHARE", 0)
    monkeypatch.setattr(blocks_module.read_blocks, "__kwdefaults__", {"size": 200, "in_order": False})


def test_what_does_not_fit_is_read_from_the_file(stored: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    part = prepare(stored, inputs=["u"], outputs=["u"], split=(5, 1, 1))["train"].to_dataset()
    signature = Signature.from_data(part)
    needed = part["u"].size * 4
    memory = psutil.virtual_memory()
    for free, fits in ((2 * needed, True), (2 * needed - 2, False)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: memory._replace(available=free))
        assert Windows(part, signature).in_memory is fits
        assert Windows(part.copy().load(), signature).in_memory, "it is there already"


@pytest.mark.parametrize("shape", [(), (5, 4)])
def test_statistics_in_blocks_are_those_of_numpy(
    stored: xr.Dataset, little_memory: None, shape: tuple[int, ...]
) -> None:
    part = stored.isel(sample=[0, 2, 3, 6])
    fitted = Normalizer(["u", "v"], shape).double().fit(part)
    for channel, name in enumerate(("u", "v")):
        assert is_lazy(part[name]), "kept in memory"
        values = part[name].copy(deep=False).values.astype(np.float64)
        over = (0, 1) if shape else None
        # sums of 36 or 720 terms in another order: a few times the precision of float64
        np.testing.assert_allclose(fitted.mean[channel], values.mean(over), rtol=1e-13)
        np.testing.assert_allclose(fitted.std[channel], values.std(over), rtol=1e-13)
        assert (fitted.low[channel], fitted.high[channel]) == (values.min(), values.max())


def test_samples_are_ranked_by_the_same_hashes(stored: xr.Dataset, little_memory: None) -> None:
    options = {"inputs": ["u", "load", "re"], "outputs": ["u"], "split": (4, 2, 1)}
    there = prepare(stored.copy(deep=False).load(), **options)
    read = prepare(stored, **options)
    for part, node in there.children.items():
        xr.testing.assert_identical(read[part].to_dataset(), node.to_dataset())


def test_training_from_files_ends_with_the_bits_of_training_from_memory(
    stored: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = prepare(stored, inputs=["u", "slope"], outputs=["u"], split=(5, 1, 1))
    weights = []
    for share in (1, 0):
        monkeypatch.setattr(blocks_module, "SHARE", share)
        monkeypatch.setattr("surrogate.datasets.samples.normalizer.fits_in_memory", lambda size: True)
        network = torch.nn.Conv2d(2, 1, 1)
        torch.nn.init.constant_(network.weight, 0.1)
        torch.nn.init.zeros_(network.bias)
        model = sg.fit(network, data, path=tmp_path / str(share), epochs=2, devices=1, trainer={"accelerator": "cpu"})
        weights.append((model.network.state_dict(), model.record["data_hash"]))
    assert all(torch.equal(weights[0][0][name], weights[1][0][name]) for name in weights[0][0])
    assert weights[0][1] == weights[1][1]
    assert is_lazy(data["train"]["u"])


@pytest.mark.parametrize("part", ["train", "validation"])
def test_training_refuses_values_that_are_not_finite(
    as_fields: AsFields, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    values = rng.normal(size=(6, 4, 5)).astype(np.float32)
    fields = as_fields(Grid(shape=(5,)), {"u": ("sample time x", values)}, time=range(4))
    split = prepare(fields.assign_coords(sample=range(6)), inputs=["u"], outputs=["u"], split=(4, 1, 1))
    values[int(split[part]["sample"][0]), 2, 3] = np.nan
    fields.assign_attrs(case="{}", seed=0).assign_coords(sample=("sample", range(6), {"units": "1"})).to_netcdf(
        tmp_path / "u.h5", engine="h5netcdf", encoding={"u": {"_FillValue": None}}
    )
    monkeypatch.setattr("surrogate.datasets.storage.finite.SMALL", 0)
    data = prepare(open_dataset(tmp_path / "u.h5"), inputs=["u"], outputs=["u"], split=(4, 1, 1))
    with pytest.raises(InputError, match=r"finite values in 'u', got 1 .*'time': 2, 'x': 3"):
        sg.fit(torch.nn.Conv1d(1, 1, 1), data, epochs=1, check=False)


def test_windows_of_shards_are_those_of_one_file(tmp_path: Path) -> None:
    case = sg.cases.Burgers(resolution=64, viscosity=0.05, steps=4)
    shards = sg.generate(case, 11, tmp_path / "shards", shard_size=3, seed=0, progress=False)
    assert BoxReader(shards["u"].variable).is_direct
    save_dataset(shards, tmp_path / "one.h5")
    held, _ = both(open_dataset(tmp_path / "one.h5"), inputs=["u"], outputs=["u"])
    _, read = both(shards, inputs=["u"], outputs=["u"])
    indices = rng.permutation(len(held)).tolist()
    assert equal(held.__getitems__(indices), read.__getitems__(indices))
