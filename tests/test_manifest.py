"""A surrogate in one file: everything comes back, nothing is executed, damage is refused."""

from __future__ import annotations

import errno
import json
import os
import pickle
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
import xarray as xr
from safetensors.torch import save_file
from torch import Tensor, nn

from surrogate import Grid, InputError, Surrogate, fit, load, models, prepare
from surrogate.datasets import Normalizer, Signature

GRID = Grid(shape=(12,), extent=((-1.0, 1.0),), periodic=True)


class Filter(nn.Module):
    """A network with complex weights; its arguments are kept as attributes."""

    resolution = None

    def __init__(self, modes: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.modes, self.gain = modes, gain
        self.weight = nn.Parameter(torch.randn(modes, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(x)[..., : self.modes] * self.weight
        return self.gain * torch.fft.irfft(spectrum, n=x.shape[-1])


def small() -> nn.Module:
    """Return one of our own networks."""
    return models.FNO(3, 1, dim=1, hidden_channels=4, n_layers=2, n_modes=4, periodic=True, parameter_channels=1)


def make(network: nn.Module, *, full: bool = False, dtype: torch.dtype = torch.float32) -> Surrogate:
    """Return a surrogate with random statistics; a ``full`` one is a stepper with every kind of input."""
    torch.manual_seed(0)
    extra: dict[str, Any] = {}
    if full:
        extra = {"static_fields": ("slope",), "parameter_fields": ("re",), "history": 2, "dt": 0.25}
    out = ("a",) if full else ("u",)
    signature = Signature(in_fields=("a",), out_fields=out, domain=GRID, **extra)
    names = {"input": ("a",), "output": out, "static": ("slope",), "parameter": ("re",)}
    normalizers = {role: Normalizer(members) for role, members in names.items() if full or role in ("input", "output")}
    for normalizer in normalizers.values():
        normalizer.mean.normal_()
        normalizer.std.uniform_(1, 2)
    from surrogate.compute import cast_floating
    from surrogate.training.assembly import assemble

    attributes = {out[0]: {"units": "Pa", "long_name": "pressure"}}
    model = assemble(network, signature, normalizers, attributes=attributes, record={"seed": 7, "none": None})
    return cast_floating(model, dtype).eval()


def inputs(model: Surrogate) -> tuple[Tensor, ...]:
    full = bool(model.static_fields)
    x = torch.randn(3, 2 if full else 1, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rest = (x[:, :1] + 1, None, x[:, :1, 0]) if full else ()
    return tuple(None if part is None else part.to(model.dtype) for part in (x, *rest))  # type: ignore[misc]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_our_own_networks_come_back_with_the_same_outputs(tmp_path: Path, dtype: torch.dtype) -> None:
    model = make(small(), full=True, dtype=dtype)
    model.save(tmp_path / "model.safetensors")
    back = load(tmp_path / "model.safetensors")
    assert type(back) is type(model)
    assert not back.training
    assert back.dtype == dtype
    assert torch.equal(back(*inputs(model)), model(*inputs(model)))
    assert back.signature == model.signature
    assert (back.dt, back.history, back.domain) == (0.25, 2, GRID)  # type: ignore[attr-defined]
    assert back.attributes == model.attributes
    assert back.record == model.record


@pytest.mark.parametrize("stretching", ["chebyshev", ("tanh", 2.0), [0.0, 0.1, 0.35, 1.0]])
def test_stretched_axes_come_back(tmp_path: Path, stretching: Any) -> None:
    grid = Grid((4,), stretching=(stretching,))
    signature = Signature(in_fields=("a",), out_fields=("u",), domain=grid)
    normalizers = {"input": Normalizer(["a"]), "output": Normalizer(["u"])}
    Surrogate(nn.Conv1d(1, 1, 1), signature, normalizers).save(tmp_path / "model.safetensors")
    assert load(tmp_path / "model.safetensors", network=nn.Conv1d(1, 1, 1)).domain == grid


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_foreign_network_needs_its_class_or_an_instance(tmp_path: Path, dtype: torch.dtype) -> None:
    model = make(Filter(4, gain=2.0), dtype=dtype)
    path = tmp_path / "model.safetensors"
    model.save(path)
    with pytest.raises(InputError, match=r"one of our networks, got '.*Filter'. Pass `network=`"):
        load(path)
    for network in (Filter, Filter(4, gain=2.0)):
        back = load(path, network=network)
        assert back.network.weight.is_complex()
        assert torch.equal(back(*inputs(model)), model(*inputs(model)))
    with pytest.raises(InputError, match=r"the weights of .*Filter, got others \(\['network.weight'\]\)"):
        load(path, network=Filter(5))
    with pytest.raises(InputError, match=r"the weights of .*Filter, got others"):
        load(path, network=nn.Conv1d(1, 1, 1))


def test_a_class_that_cannot_be_built_again_is_refused_with_the_cure(tmp_path: Path) -> None:
    class Wrapper(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.inner(x)
            return y

    model = make(Wrapper(nn.Conv1d(1, 1, 1)))
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(
        InputError, match=r"one of our networks, got 'torch.nn.modules.conv.Conv1d'. Pass `network=`: an instance"
    ):
        load(tmp_path / "model.safetensors", network=Wrapper)
    back = load(tmp_path / "model.safetensors", network=Wrapper(nn.Conv1d(1, 1, 1)))
    assert torch.equal(back(*inputs(model)), model(*inputs(model)))


def test_the_manifest_of_a_training_says_how_it_was_made(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    units = {"units": "1"}
    fields = xr.Dataset(
        {
            "a": (("sample", "x"), rng.normal(size=(10, 12)), units),
            "u": (("sample", "x"), rng.normal(size=(10, 12)), {"units": "Pa", "long_name": "pressure"}),
        },
        coords=GRID.coordinates("m"),
    )
    tree = prepare(fields, inputs=["a"], outputs=["u"], split=(6, 2, 2))
    network = models.FNO.for_data(tree, hidden_channels=4, n_layers=1, n_modes=4)
    fit(network, tree, path=tmp_path / "run", epochs=1, seed=11, trainer={"accelerator": "cpu"})
    with safetensors.safe_open(tmp_path / "run" / "surrogate.safetensors", "pt") as file:
        manifest = json.loads(file.metadata()["manifest"])
    assert manifest["format_version"] == 1
    assert manifest["network"]["class"] == "surrogate.models.fno.FNO"
    arguments = manifest["network"]["arguments"]
    assert {key: arguments[key] for key in ("in_channels", "out_channels", "dim", "hidden_channels")} == {
        "in_channels": 1,
        "out_channels": 1,
        "dim": 1,
        "hidden_channels": 4,
    }
    signature = manifest["signature"]
    assert (signature["in_fields"], signature["out_fields"], signature["dt"]) == (["a"], ["u"], None)
    assert signature["domain"] == {
        "shape": [12],
        "extent": [[-1.0, 1.0]],
        "boundary": [["periodic", "periodic"]],
        "location": "node",
        "stretching": ["uniform"],
    }
    assert manifest["normalizers"] == {"input": ["a"], "output": ["u"]}
    assert manifest["attributes"] == {"u": {"units": "Pa", "long_name": "pressure"}}
    record = manifest["record"]
    assert record["settings"]["seed"] == 11
    assert record["training_samples"] == 6
    assert len(record["data_hash"]) == 64
    assert record["versions"]["torch"] == torch.__version__
    assert record["command"] == " ".join(sys.argv)
    assert record["training_seconds"] > 0


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    make(small(), full=True).save(path)
    return path


def rewrite(path: Path, change: dict[str, Any]) -> None:
    """Replace parts of the manifest."""
    with safetensors.safe_open(path, "pt") as file:
        manifest = {**json.loads(file.metadata()["manifest"]), **change}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    save_file(tensors, path, metadata={"manifest": json.dumps(manifest)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format version 1 in .*model.safetensors', got 2. Use the release that wrote it"),
        ({"format_version": None}, "format version 1"),
        ({"network": {"class": "os.system", "arguments": {"command": "true"}}}, "one of our networks, got 'os.system'"),
        ({"network": {"class": "surrogate.models.network.GridNetwork", "arguments": {}}}, "one of our networks"),
        ({"network": {"class": "surrogate.models.fno.importlib", "arguments": {}}}, "one of our networks"),
        ({"network": {"class": "surrogate.models.fno.__name__", "arguments": {}}}, "one of our networks"),
        ({"network": {"class": "surrogate.models.fno.FNO", "arguments": {"depth": 3}}}, "a manifest to build"),
        ({"network": {}}, "a manifest to build"),
        ({"signature": {}}, "a manifest to build"),
        ({"normalizers": {"input": ["a"]}}, "the weights of"),
        ({"complex": ["network.none"]}, None),
    ],
)
def test_wrong_manifests_are_refused(saved: Path, change: dict[str, Any], message: str | None) -> None:
    rewrite(saved, change)
    if message is None:
        load(saved)
        return
    with pytest.raises(InputError, match=message):
        load(saved)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(InputError, match="an existing file"):
        load(path)
    for content in (b"", b"x", b"something else entirely" * 10, bytes(100)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a whole surrogate file at .*model\.safetensors"):
            load(path)
    save_file({"weight": torch.ones(3)}, path)
    with pytest.raises(InputError, match="a whole surrogate file"):
        load(path)


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("form", ["torch", "torch before 1.6", "pickle"])
def test_a_pickle_is_refused_and_not_run(tmp_path: Path, form: str) -> None:
    path = tmp_path / "model.safetensors"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    else:
        torch.save(Bomb(tmp_path / "ran"), path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(InputError, match=r"a safetensors file at .* got one made by pickle"):
        load(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved: Path, share: float) -> None:
    os.truncate(saved, int(share * saved.stat().st_size))
    with pytest.raises(InputError, match=r"a whole surrogate file at .*model\.safetensors"):
        load(saved)


def test_a_flipped_bit_loads_or_is_refused_and_nothing_else(saved: Path) -> None:
    whole = saved.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    dice = random.Random(0)
    refused = 0
    for trial in range(400):
        content = bytearray(whole)
        content[dice.randrange(header if trial % 4 else len(content))] ^= 1 << dice.randrange(8)
        saved.write_bytes(content)
        try:
            load(saved)
        except InputError as error:
            assert str(error).startswith("Expected ")  # noqa: PT017  # both outcomes are right
            refused += 1
    assert refused > 100


def test_an_existing_path_or_another_suffix_is_refused(tmp_path: Path) -> None:
    model, path = make(small(), full=True), tmp_path / "model.safetensors"
    path.write_bytes(b"older")
    with pytest.raises(InputError, match="an output path that does not exist"):
        model.save(path)
    assert path.read_bytes() == b"older"
    model.save(path, overwrite=True)
    load(path)
    with pytest.raises(InputError, match=r"a path that ends in \.safetensors"):
        model.save(tmp_path / "model.pt")


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "model.safetensors"
    path.write_bytes(b"older")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"Could not write .*model\.safetensors': No space left on device"):
        make(small(), full=True).save(path, overwrite=True)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("model.safetensors", b"older")]
