"""Training in bfloat16: the network computes in it, weights and losses stay float32, the result is nearly the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import Grid, OneCycleAdamW, fit, models, objectives, prepare

GRID = Grid(shape=(12, 16), periodic=True)
NETWORKS = {
    "fno": lambda: models.FNO(1, 1, hidden_channels=16, n_layers=2, n_modes=6, periodic=True),
    "galerkin": lambda: models.GalerkinTransformer(1, 1, dim=2, hidden_channels=16, n_layers=2, n_frequencies=4),
    "complex": lambda: Complex(),  # noqa: PLW0108  # it is defined below
}


class Complex(nn.Module):
    """A user's own Fourier layer, with complex weights."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.project = nn.Conv2d(1, 8, 1), nn.Conv2d(8, 1, 1)
        self.weight = nn.Parameter(0.3 * torch.randn(8, 12, 9, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        lifted = self.lift(x)
        mixed = torch.fft.irfft2(self.weight * torch.fft.rfft2(lifted.float()), s=x.shape[-2:])
        y: Tensor = self.project(lifted + mixed)
        return y


class Seen(objectives.RelativeL2):
    """The relative L2 error, with a note of the dtypes that came."""

    dtypes: set[torch.dtype] = set()

    def __call__(self, prediction: Any, target: Any, domain: Any) -> Any:
        losses = super().__call__(prediction, target, domain)
        self.dtypes.update((prediction.dtype, target.dtype, losses.dtype))
        return losses


def data() -> xr.DataTree:
    """Return waves and their derivative along x."""
    x, y = np.meshgrid(*GRID.axes, indexing="ij")
    phase = np.random.default_rng(0).uniform(size=(24, 1, 1))
    a, u = np.sin(2 * np.pi * (x + y + phase)), np.cos(2 * np.pi * (x + y + phase))
    variables = {name: (("sample", "x", "y"), v, {"units": "1"}) for name, v in {"a": a, "u": u}.items()}
    return prepare(xr.Dataset(variables, coords=GRID.coordinates()), inputs=["a"], outputs=["u"], split=(20, 4, 0))


@pytest.mark.parametrize("name", NETWORKS)
def test_bfloat16_trains_with_losses_in_float32(name: str) -> None:
    losses, inner = {}, set()
    for precision in ("32-true", "bf16-mixed"):
        torch.manual_seed(0)
        network, objective = NETWORKS[name](), Seen()
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
                layer.register_forward_hook(
                    lambda _, __, y: inner.add(y.dtype) if torch.is_autocast_enabled("cpu") else None
                )
        model = fit(
            network,
            data(),
            epochs=8,
            batch_size=4,
            objective=objective,
            optimizer=OneCycleAdamW(learning_rate=1e-2),
            trainer={"accelerator": "cpu"},
            precision=precision,
        )
        losses[precision] = model.record["validation_loss"]
        assert objective.dtypes == {torch.float32}
        assert all(weight.dtype in (torch.float32, torch.complex64) for weight in model.parameters())
    assert inner == {torch.bfloat16}
    assert losses["bf16-mixed"] < (0.95 if name == "complex" else 0.2)  # 1 before the training
    # every product is off by 2^-9; the trainings part, but end as far from the truth up to that times some tens
    assert losses["bf16-mixed"] == pytest.approx(losses["32-true"], abs=0.1)
