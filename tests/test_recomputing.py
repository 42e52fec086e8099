"""Gradient checkpointing: the same gradients bit for bit, from fewer saved activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import Grid, InputError, Surrogate, fit, models, prepare
from surrogate.training.recomputing import blocks, recomputing

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {  # and how many blocks there are
    "galerkin": (lambda: models.GalerkinTransformer(1, 1, dim=2, hidden_channels=16, n_frequencies=4), 4 + 2),
    "fno": (lambda: models.FNO(1, 1, hidden_channels=16, n_modes=6), 1),
    "tfno": (lambda: models.TFNO(1, 1, hidden_channels=16, n_modes=6, rank=0.5), 1),
    "ffno": (lambda: models.FFNO(1, 1, hidden_channels=16, n_modes=6), 4 + 4),
    "unet": (lambda: models.UNet(1, 1, hidden_channels=8, n_layers=1, channel_multipliers=(1, 2)), 0),
    "factformer": (lambda: models.FactFormer(1, 1, hidden_channels=16, n_heads=2, head_channels=8), 4 + 4),
    "mgno": (lambda: models.MgNO(1, 1, hidden_channels=8, n_smoothing=[[1, 1], [1, 1], [1, 0]]), 0),
    "nested": (
        lambda: nn.Sequential(nn.Conv2d(1, 8, 1), nn.Sequential(*[Block() for _ in range(3)]), nn.Conv2d(8, 1, 1)),
        3,
    ),
}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.dropout = nn.Conv2d(8, 32, 1), nn.Conv2d(32, 8, 1), nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.dropout(self.two(self.one(x).sin().cos()))
        return y


def gradients(network: nn.Module, active: bool) -> tuple[dict[str, Tensor], int]:
    """Return the gradients, and the bytes that are saved for the backward pass, shared memory counted once."""
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)  # or its memory is taken by the next one
        return tensor

    kept: list[Tensor] = []
    parameters = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    x = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    with recomputing(network, active):
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = network(x).square().mean()
        total = sum(size for place, size in saved.items() if place not in parameters)
        loss.backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}, total


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradients_are_the_same_bits_from_fewer_saved_activations(name: str) -> None:
    make, count = NETWORKS[name]
    results = []
    for active in (False, True):
        torch.manual_seed(0)
        network = make()
        assert not count or len(blocks(network)) == count
        results.append(gradients(network, active))
        assert not any("forward" in vars(module) for module in network.modules())
    (plain, all_saved), (again, fewer) = results
    assert plain.keys() == again.keys()
    assert all(torch.equal(plain[key], again[key]) for key in plain)
    assert fewer < 0.6 * all_saved


def data() -> xr.DataTree:
    grid = Grid(shape=(16, 16), periodic=True)
    a = np.random.default_rng(0).normal(size=(6, 16, 16))
    variables = {"a": (("sample", "x", "y"), a, {"units": "1"}), "u": (("sample", "x", "y"), -a, {"units": "1"})}
    return prepare(xr.Dataset(variables, coords=grid.coordinates()), inputs=["a"], outputs=["u"], split=(4, 2, 0))


def train(network: nn.Module, **options: Any) -> Surrogate:
    return fit(network, data(), epochs=2, batch_size=2, trainer={"accelerator": "cpu"}, **options)


def test_a_training_ends_with_the_same_bits() -> None:
    models_ = []
    for active in (False, True):
        torch.manual_seed(0)
        models_.append(train(NETWORKS["nested"][0](), gradient_checkpointing=active).state_dict())
    assert all(torch.equal(models_[0][key], models_[1][key]) for key in models_[0])


def test_networks_that_cannot_be_checkpointed_are_refused() -> None:
    with pytest.raises(InputError, match=r"blocks in a list to checkpoint, got Conv2d\. Name its largest parts"):
        train(nn.Conv2d(1, 1, 1), gradient_checkpointing=True)
    with pytest.raises(InputError, match="blocks without batch normalization to checkpoint, got Wrapped"):
        train(nn.Sequential(Wrapped()), gradient_checkpointing=True)


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x)
        return y
