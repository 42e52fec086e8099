"""Arrays of numpy, told what they are as those of MATLAB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import surrogate as sg
from surrogate.datasets import Grid, InputError
from surrogate.datasets.storage.stored import is_lazy

VALUES = np.random.default_rng(0).random((3, 4, 8, 6))


def test_one_array(tmp_path: Path) -> None:
    np.save(tmp_path / "flow.npy", VALUES.astype("f4"))
    options = {"dims": {"u": ("sample", "time", "x", "y")}, "grid": {"periodic": True}, "times": (0.0, 3.0)}
    fields = sg.open_dataset(tmp_path / "flow.npy", names={"u": "vorticity"}, **options)
    assert fields["vorticity"].dims == ("sample", "time", "x", "y")
    np.testing.assert_array_equal(fields["vorticity"], VALUES.astype("f4"))
    assert Grid.from_fields(fields) == Grid(shape=(8, 6), periodic=True)
    assert fields["time"].values.tolist() == [0, 1, 2, 3]
    assert sg.open_dataset(tmp_path / "flow.npy")["u"].dims == ("sample", "x", "y", "z")


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "i4", "bool", "f2"])
def test_all_real_types(dtype: str, tmp_path: Path) -> None:
    values = (10 * VALUES[0]).astype(dtype)
    np.save(tmp_path / "u.npy", values)
    found = sg.open_dataset(tmp_path / "u.npy")["u"]
    assert found.dtype == ("f8" if dtype.endswith("f8") else "f4")
    np.testing.assert_array_equal(found, values)


def test_the_array_stays_in_the_file(tmp_path: Path) -> None:
    for dtype in ("f4", "i4"):
        np.save(tmp_path / "u.npy", (10 * VALUES).astype(dtype))
        fields = sg.open_dataset(tmp_path / "u.npy", dims={"u": ("time", "sample", "x", "y")})
        part = (10 * VALUES).astype(dtype)[1, :, [0, 5]][..., 2]  # numpy brings chosen numbers to the front
        np.testing.assert_array_equal(fields["u"][:, 1, [0, 5], 2], part.T)
        assert is_lazy(fields["u"])


def test_an_archive(tmp_path: Path) -> None:
    x = np.linspace(0, 1, 8)
    np.savez(tmp_path / "pair.npz", a=VALUES[:, 0, :, 0], u=VALUES[:, 1, :, 0], visc=0.1, other=np.ones(3))
    fields = sg.open_dataset(tmp_path / "pair.npz", names={"a": "initial", "visc": "viscosity"})
    assert set(fields.data_vars) == {"initial", "u", "viscosity"}
    np.savez_compressed(tmp_path / "usol.npz", usol=VALUES[0, :, :, 0], x=x, t=np.arange(4.0))
    fields = sg.open_dataset(tmp_path / "usol.npz")
    assert fields["usol"].dims == ("sample", "time", "x")
    np.savez(tmp_path / "x.npz", q=x)
    with pytest.raises(InputError, match=r"the variables a/u .*x\.npz', got \['q'\]"):
        sg.open_dataset(tmp_path / "x.npz")


def test_python_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "u.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"arrays of numbers at '.*u\.npy', got .*Python objects"):
        sg.open_dataset(tmp_path / "u.npy")
    np.savez(tmp_path / "u.npz", u=np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"arrays of numbers at '.*u\.npz'"):
        sg.open_dataset(tmp_path / "u.npz")
    for content, message in ((np.array(["a"]), "real numbers in 'u'"), (VALUES[0, 0, 0, 0], "rank 0")):
        np.save(tmp_path / "u.npy", content)
        with pytest.raises(InputError, match=message):
            sg.open_dataset(tmp_path / "u.npy")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "u.npy", VALUES)
    whole = (tmp_path / "u.npy").read_bytes()
    for size in (5, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "u.npy").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"arrays of numbers at '.*u\.npy'"):
            sg.open_dataset(tmp_path / "u.npy")
    np.savez(tmp_path / "u.npz", u=VALUES)
    (tmp_path / "u.npz").write_bytes((tmp_path / "u.npz").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"arrays of numbers at '.*u\.npz'"):
        sg.open_dataset(tmp_path / "u.npz")
