"""Noise on the inputs: its size, where it is, and that a training with it goes on with the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import Grid, InputError, objectives
from surrogate.datasets import Box, Normalizer, Points, Signature
from surrogate.training import PointSurrogate, SurrogateStepper

AsFields = Callable[..., xr.Dataset]
GRID = Grid((64,), periodic=True)
FIELDS = ("u", "v")


class Recording(nn.Module):
    """Keep what enters, return it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return x[:, -4:]


def test_the_noise_is_a_share_of_the_deviation_of_each_field_at_the_first_state_alone() -> None:
    signature = Signature(FIELDS, FIELDS, GRID, static_fields=("a",), history=2, dt=0.1)
    normalizers = {"input": Normalizer(FIELDS), "output": Normalizer(FIELDS), "static": Normalizer(["a"])}
    normalizers["input"].std.copy_(torch.tensor([0.5, 40.0]))
    normalizers["input"].mean.copy_(torch.tensor([3.0, -7.0]))
    network = Recording()
    model = SurrogateStepper(network, signature, normalizers)
    x, static = torch.randn(500, 4, 64), torch.randn(500, 1, 64)
    batch = {"x": x, "y": torch.ones(500, 4, 64), "static": static}
    torch.manual_seed(0)
    objective = objectives.Noise(objectives.Unrolled(2), scale=0.05)
    assert objective.frames(signature) == 2
    objective.losses(model, batch, 0)
    entered = torch.cat([normalizers["input"].denormalize(network.seen[0][:, :4]), network.seen[0][:, 4:]], dim=1)
    noise = (entered[:, :4] - x).transpose(0, 1).flatten(1)
    expected = 0.05 * torch.tensor([0.5, 40.0, 0.5, 40.0])
    # 32000 draws: the deviation is known to 1/sqrt(64000) = 0.4 %, the mean to 0.6 % of it, correlations to 0.6 %
    torch.testing.assert_close(noise.std(1), expected, rtol=0.02, atol=0)
    assert (noise.mean(1).abs() < 0.03 * expected).all()
    assert (torch.corrcoef(noise) - torch.eye(4)).abs().max() < 0.03
    assert torch.equal(entered[:, 4:], static)
    network.seen.clear()
    objective.losses(model, batch, None)
    assert torch.equal(normalizers["input"].normalize(x), network.seen[0][:, :4])


def test_fields_on_points_have_it_too() -> None:
    signature = Signature(("a",), ("u",), Box((0.0,), (1.0,)), functions=((), ("a",)))
    normalizers = {"function_1": Normalizer(["a"]), "output": Normalizer(["u"])}
    normalizers["function_1"].std.fill_(10.0)
    seen: list[Tensor] = []

    class Network(nn.Module):
        def forward(self, functions: Any, coordinates: Points) -> Tensor:
            seen.append(functions[0].values)
            return coordinates.coordinates

    model = PointSurrogate(Network(), signature, normalizers)
    ptr = torch.tensor([0, 5000])
    places = torch.rand(5000, 1)
    x = [Points(places, ptr), Points(places, ptr, torch.zeros(5000, 1))]
    torch.manual_seed(0)
    objectives.Noise(objectives.RelativeL2(), 0.2).losses(model, {"x": x, "y": places}, 0)
    assert seen[0].std().item() == pytest.approx(0.2, rel=0.05)  # normalized, of 5000 draws


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf")])
def test_a_scale_is_positive(scale: float) -> None:
    with pytest.raises(InputError, match="a positive scale of the noise"):
        objectives.Noise(objectives.RelativeL2(), scale)


KILLS = """
import hashlib, json, os, signal, sys
from pathlib import Path
import lightning, torch
import surrogate as sg
from surrogate.datasets.storage.store import read_store
from surrogate.training.objectives import MultiResolution, Noise, RelativeL2, Unrolled
torch.set_num_threads(1)
folder = Path(sys.argv[1])
tree = sg.prepare(read_store(folder / "fields.h5"), inputs=["u"], outputs=["u"], split=(6, 2, 2))

class Kill(lightning.Callback):
    def __init__(self, step): self.step = step
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step: os.kill(os.getpid(), signal.SIGKILL)

def run(name, kill):
    torch.manual_seed(0)
    network = sg.models.FNO(1, 1, dim=1, hidden_channels=4, n_layers=1, n_modes=[4], periodic=True)
    unrolled = Unrolled({0: 1, 1: 2, 3: 4}, truncate=2)
    objective = MultiResolution(Noise(unrolled + 0.5 * RelativeL2(), 0.1), factors=(1, 2))
    model = sg.fit(network, tree, path=folder / name, epochs=5, batch_size=4, objective=objective,
                   trainer={"accelerator": "cpu"}, callbacks=[Kill(kill)])
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in model.state_dict().values())).hexdigest()
    rows = (folder / name / "log.csv").read_text().splitlines()
    (folder / f"{name}.json").write_text(json.dumps([digest, [row.rpartition(",")[0] for row in rows]]))

def child(*arguments):
    pid = os.fork()
    if not pid:
        try: run(*arguments)
        finally: os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitpid(pid, 0)[1]

assert child("undisturbed", None) == 0
steps = 6 * 2 // 4  # of an epoch: two windows of each of six trajectories
for kill in (1, steps + 1, 3 * steps + 2):  # with 1, 2 and 4 steps
    assert child("killed", kill) == signal.SIGKILL, kill
assert child("killed", None) == 0
"""


def test_a_killed_training_draws_the_same_noise_grids_and_steps(as_fields: AsFields, tmp_path: Path) -> None:
    phases = np.random.default_rng(0).uniform(size=(10, 1, 1))
    times = 0.1 * np.arange(6)
    waves = np.sin(2 * np.pi * (np.arange(16) / 16 + phases - times[:, None]))
    fields = as_fields(Grid((16,), periodic=True), {"u": ("sample time x", waves)}, time=times)
    fields.to_netcdf(tmp_path / "fields.h5", engine="h5netcdf")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", KILLS, tmp_path], check=True, env=environment)
    one, other = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("undisturbed", "killed"))
    assert one == other
    assert len(one[1]) == 1 + 5
