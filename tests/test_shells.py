"""Sizes that a file claims of a network are compared with its weights before memory is taken."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import safetensors
import torch
from safetensors.torch import save_file
from torch import nn

from members.networks import MEMBERS
from surrogate import Grid, InputError, Surrogate, load, models
from surrogate.datasets import Normalizer, Signature
from surrogate.training.manifest import network_entry
from surrogate.training.shells import without_numbers

FNO = models.FNO(1, 1, dim=1, hidden_channels=4, n_layers=2, n_modes=4)


def claiming(path: Path, argument: str, size: int) -> Path:
    """Save a surrogate, and let its manifest claim an argument of its network."""
    signature = Signature(in_fields=("a",), out_fields=("u",), domain=Grid((12,)))
    Surrogate(FNO, signature, {"input": Normalizer(["a"]), "output": Normalizer(["u"])}).save(path)
    with safetensors.safe_open(path, "pt") as file:
        manifest = json.loads(file.metadata()["manifest"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    manifest["network"]["arguments"][argument] = size
    save_file(tensors, path, metadata={"manifest": json.dumps(manifest)})
    return path


HOSTILE = {
    "wide": ("hidden_channels", 10**6, "the weights of surrogate.models.fno.FNO, got others"),
    "too wide for any number": ("hidden_channels", 10**9, "a manifest to build the model from"),
    "of high modes": ("n_modes", 10**9, "the weights of surrogate.models.fno.FNO, got others"),
    "of many inputs": ("in_channels", 2**40, "the weights of surrogate.models.fno.FNO, got others"),
    "deep": ("n_layers", 10**9, r"at most \d+ layers of \d+ weights, got 1000000000"),
}


@pytest.mark.parametrize(("argument", "size", "message"), HOSTILE.values(), ids=HOSTILE)
def test_claims_are_refused_in_little_memory(tmp_path: Path, argument: str, size: int, message: str) -> None:
    path = claiming(tmp_path / "model.safetensors", argument, size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=message) as refusal:
        load(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB


def test_what_is_true_is_loaded(tmp_path: Path) -> None:
    network = load(claiming(tmp_path / "model.safetensors", "hidden_channels", 4)).network
    assert all(torch.equal(value, FNO.state_dict()[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("make", MEMBERS.values(), ids=MEMBERS)
def test_every_network_is_built_without_numbers(make: Callable[[], nn.Module]) -> None:
    network = make()
    weights = network.state_dict()
    with without_numbers(len(weights)):
        shell = type(network)(**network_entry(network)["arguments"])
    found = shell.state_dict()
    assert {name: value.shape for name, value in found.items()} == {name: v.shape for name, v in weights.items()}
    assert all(value.is_meta for value in (*found.values(), *shell.buffers()))


def test_layers_without_end_are_not_made() -> None:
    made = []

    def endless() -> Iterator[nn.Module]:
        while True:
            made.append(nn.Linear(1, 1))
            yield made[-1]

    with without_numbers(3), pytest.raises(InputError, match="a network of 3 weights, got more than 30"):
        nn.ModuleList(endless())
    assert len(made) == 15
    nn.Sequential(*(nn.Linear(1, 1) for _ in range(20)))  # elsewhere nothing is counted
