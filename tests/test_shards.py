"""A directory of shards opens as one dataset; its manifest is trusted in nothing."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import surrogate as sg
from surrogate.cases import Burgers, PoissonPolygons
from surrogate.datasets import InputError, open_dataset, select_samples
from surrogate.datasets.storage import shards as shards_module
from surrogate.datasets.storage.shard_manifest import read_manifest
from surrogate.datasets.storage.stored import BoxReader, is_lazy

CASE = Burgers(32, 0.05, dt=0.05, steps=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ensembles") / "burgers"
    sg.generate(CASE, 11, path, shard_size=3, convergence=False, progress=False)
    return path


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    held: np.ndarray = sg.generate(CASE, 11, progress=False)["u"].values
    return held


KEYS: list[dict[str, Any]] = [
    {},
    {"sample": 7},
    {"sample": -1, "time": slice(1, None)},
    {"sample": slice(2, 9, 2), "x": slice(None, None, 3)},
    {"sample": slice(None, None, 5)},
    {"sample": slice(8, 2, -2)},
    {"sample": slice(4, 4)},
    {"sample": [10, 0, 3, 3, 4]},
    {"sample": []},
    {"sample": [2, 5], "time": [0, 3], "x": [1, 15, 8]},
    {"time": 2, "x": [3, 1]},
    {"sample": slice(1, 10), "x": []},
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_parts_are_those_of_the_whole(folder: Path, values: np.ndarray, key: dict[str, Any]) -> None:
    lazy = open_dataset(folder)["u"]
    np.testing.assert_array_equal(lazy.isel(key), xr.DataArray(values, dims=lazy.dims).isel(key))


def test_boxes_are_read_straight_from_the_files(folder: Path, values: np.ndarray) -> None:
    reader = BoxReader(open_dataset(folder)["u"].isel(sample=[1, 2, 3, 9]).variable)
    assert reader.is_direct
    out = np.empty((3, 2, 32), np.float32)
    np.testing.assert_array_equal(reader.read((slice(1, 4), slice(1, 3), slice(0, 32)), out), values[[2, 3, 9], 1:3])


def test_opening_reads_one_file_and_no_values(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    original = h5py.File.__init__

    def counted(self: h5py.File, name: Any, *arguments: Any, **options: Any) -> None:
        opened.extend([Path(name).name] if isinstance(name, str | Path) else [])
        original(self, name, *arguments, **options)

    monkeypatch.setattr(h5py.File, "__init__", counted)
    fields = shards_module.read_shards(folder)
    assert set(opened) == {"shard-00000.h5"}
    assert is_lazy(fields["u"])
    fields["u"].isel(sample=4).load()
    assert set(opened) == {"shard-00000.h5", "shard-00001.h5"}


def test_a_shard_of_another_shape_is_refused(folder: Path, tmp_path: Path) -> None:
    """Its size is that of the manifest: only its dataset tells."""
    part = copied(folder, tmp_path, json.loads((folder / "manifest.json").read_text()))
    name = part / "shard-00001.h5"
    with h5py.File(name, "r+") as file:
        narrow = file["u"][..., :16]
        del file["u"]
        file["u"] = narrow
    contents = json.loads((part / "manifest.json").read_text())
    contents["shards"][1]["bytes"] = name.stat().st_size
    (part / "manifest.json").write_text(json.dumps(contents))
    fields = shards_module.read_shards(part)
    fields["u"].isel(sample=2).load()
    with pytest.raises(InputError, match=r"shape \(3, 4, 32\) of 'u' in .*shard-00001.h5', got \(3, 4, 16\)"):
        fields["u"].isel(sample=4).load()


def test_a_shard_that_is_replaced_before_it_is_read_is_refused(folder: Path, tmp_path: Path) -> None:
    part = copied(folder, tmp_path, json.loads((folder / "manifest.json").read_text()))
    fields = shards_module.read_shards(part)
    os.replace(part / "shard-00002.h5", part / "shard-00001.h5")
    with pytest.raises(InputError, match=r"shard-00001.h5' that was opened, got another one in its place"):
        fields["u"].isel(sample=4).load()


def test_it_can_be_pickled_and_prepared(folder: Path, values: np.ndarray) -> None:
    fields = open_dataset(folder)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fields))["u"], values)
    data = sg.prepare(fields, inputs=["u"], outputs=["u"], split=(7, 2, 2))
    assert sum(part.sizes["sample"] for part in data.children.values()) == 11


def test_meshes_of_their_own_are_joined(tmp_path: Path) -> None:
    case = PoissonPolygons(nodes=(80, 120))
    held = sg.generate(case, 5, progress=False)
    sg.generate(case, 5, tmp_path / "polygons", shard_size=2, convergence=False, progress=False)
    lazy = open_dataset(tmp_path / "polygons")
    for sample in (0, 3, 4):
        ours, theirs = (select_samples(fields, [sample]) for fields in (lazy, held))
        np.testing.assert_array_equal(ours["cell_nodes"], theirs["cell_nodes"])
        np.testing.assert_array_equal(ours["u"], theirs["u"])
        assert sg.Mesh.from_fields(lazy, sample).n_points == sg.Mesh.from_fields(held, sample).n_points


def test_a_stopped_run_opens_with_what_it_has(folder: Path, tmp_path: Path, values: np.ndarray) -> None:
    contents = json.loads((folder / "manifest.json").read_text())
    del contents["shards"][1]
    part = copied(folder, tmp_path, contents)
    fields = open_dataset(part)
    np.testing.assert_array_equal(fields["u"], np.delete(values, [3, 4, 5], axis=0))
    assert fields["sample"].values.tolist() == [0, 1, 2, 6, 7, 8, 9, 10]
    assert fields.attrs["missing_samples"] == 3


def copied(folder: Path, tmp_path: Path, contents: Any) -> Path:
    """Return a directory with the same shards and another manifest."""
    target = tmp_path / "copy"
    target.mkdir()
    for file in folder.glob("*.h5"):
        (target / file.name).write_bytes(file.read_bytes())
    text = contents if isinstance(contents, str) else json.dumps(contents)
    (target / "manifest.json").write_text(text)
    return target


def change(*keys: Any, to: Any) -> Callable[[Any], None]:
    def apply(contents: Any) -> None:
        *way, last = keys
        for key in way:
            contents = contents[key]
        contents[last] = to

    return apply


def more_dimensions(contents: Any) -> None:
    for shard in contents["shards"]:
        shard["sizes"]["node"] = 7


DAMAGE: dict[str, tuple[Callable[[Any], None], str]] = {
    "path": (change("shards", 0, "name", to="../../etc/passwd"), "Expected a name such as 'shard-00000.h5'"),
    "separator": (change("shards", 0, "name", to="shard-00000.h5/../x"), "Expected a name such as"),
    "absolute": (change("shards", 0, "name", to="/shard-00000.h5"), "Expected a name such as"),
    "newline": (change("shards", 0, "name", to="shard-00000.h5\n"), "Expected a name such as"),
    "digits": (change("shards", 0, "name", to="shard-٠٠٠٠٠.h5"), "Expected a name such as"),
    "type of name": (change("shards", 0, "name", to=5), "Expected a name such as"),
    "twice": (change("shards", 1, "name", to="shard-00000.h5"), "twice or out of order"),
    "order": (change("shards", 1, "first", to=1), "twice or out of order"),
    "other file": (change("shards", 3, "name", to="shard-99999.h5"), "no such file"),
    "huge": (change("shards", 0, "samples", to=2**60), "Expected a whole number from 1"),
    "long": (change("shards", 3, "samples", to=10**12), "Expected 1000000000000 samples in 'shard-00003.h5'"),
    "negative": (change("shards", 0, "first", to=-1), "Expected a whole number from 0"),
    "fraction": (change("shards", 0, "first", to=0.5), "Expected a whole number"),
    "truth": (change("shards", 0, "first", to=False), "Expected a whole number"),
    "sizes": (more_dimensions, "in 'shard-00000.h5', got {'sample': 3}"),
    "other sizes": (change("shards", 1, "sizes", to={"sample": 3, "node": 7}), "Expected the dimensions"),
    "a lie": (change("shards", 0, "sizes", "sample", to=2), "Expected 3 samples in 'shard-00000.h5', got 2"),
    "dimension": (change("shards", 0, "sizes", to={"sample": 3, "no/de": 7}), "Expected a dimension"),
    "bytes": (change("shards", 2, "bytes", to=10), "Expected 10 bytes in"),
    "hash": (change("shards", 2, "sha256", to="00"), "Expected a SHA-256 hash of 'shard-00002.h5'"),
    "seconds": (change("shards", 2, "seconds", to="NaN"), "Expected seconds of 'shard-00002.h5'"),
    "failed": (change("shards", 2, "failed", to={"1": "no"}), "a failed sample of 'shard-00002.h5'"),
    "failed word": (change("shards", 2, "failed", to={"one": "no"}), "a failed sample of 'shard-00002.h5'"),
    "shards": (change("shards", to={}), "Expected a list of shards"),
    "shard": (change("shards", 0, to=[]), "Expected a shard"),
    "samples": (change("samples", to=4), "Expected shards of 4 samples, got 11"),
    "format": (change("format", to="zip"), "Expected format 'surrogate shards'"),
    "version": (change("version", to=2), "Update this package"),
    "settings": (change("settings", to=1), "Expected settings"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_manifest_is_trusted_in_nothing(folder: Path, tmp_path: Path, kind: str) -> None:
    damage, words = DAMAGE[kind]
    contents = json.loads((folder / "manifest.json").read_text())
    damage(contents)
    with pytest.raises(InputError) as raised:
        open_dataset(copied(folder, tmp_path, contents))
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 10**5, '{"format": "' + "9" * 5000 + '"}', "1" * 5000])
def test_what_is_no_manifest_is_refused(folder: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"manifest\.json"):
        open_dataset(copied(folder, tmp_path, text))


def test_a_manifest_beyond_all_bounds_is_not_read(folder: Path, tmp_path: Path) -> None:
    part = copied(folder, tmp_path, "{}")
    with (part / "manifest.json").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match="Expected a manifest of at most"):
        read_manifest(part)


def test_a_shard_with_other_contents_is_named_when_it_is_read(folder: Path, tmp_path: Path) -> None:
    contents = json.loads((folder / "manifest.json").read_text())
    part = copied(folder, tmp_path, contents)
    size = (part / "shard-00002.h5").stat().st_size
    (part / "shard-00002.h5").write_bytes(bytes(size))
    with pytest.raises(InputError, match=r"Expected a readable 'u' in '.*shard-00002.h5'"):
        open_dataset(part)["u"].load()
    size = (part / "shard-00000.h5").stat().st_size
    (part / "shard-00000.h5").unlink()  # HDF5 shares what it knows of a file that is open
    (part / "shard-00000.h5").write_bytes(bytes(size))
    with pytest.raises(InputError, match=r"Expected a readable HDF5 file at '.*shard-00000.h5'"):
        open_dataset(part)
