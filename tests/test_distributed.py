"""Two processes train as one does: the same batches, gradients, weights and losses."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from surrogate.training.loaders import InOrder
from surrogate.training.shuffle import EpochShuffle

SCRIPT = """
import sys
from pathlib import Path

import lightning
import numpy as np
import torch
import xarray as xr
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn

import surrogate as sg

torch.set_num_threads(1)
folder, devices = Path(sys.argv[1]), int(sys.argv[2])
grid = sg.Grid(shape=(16, 16), periodic=True)
a = np.random.default_rng(0).normal(size=(13, 16, 16))
fields = {name: (("sample", "x", "y"), v, {"units": "1"}) for name, v in {"a": a, "u": a - np.roll(a, 1, 2)}.items()}
fields = xr.Dataset(fields, coords=grid.coordinates())
tree = sg.prepare(fields, inputs=["a"], outputs=["u"], split=(8, 5, 0))  # 5: one process validates 3, the other 2

class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(16, 9, dtype=torch.complex64))
    def forward(self, x):
        return torch.fft.irfft2(self.weight * torch.fft.rfft2(x), s=x.shape[-2:])

def whole(tensor):
    return (tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor).detach().clone()

class See(lightning.Callback):
    def __init__(self, stop=0):
        self.gradients, self.stop = [], stop
    def on_before_optimizer_step(self, trainer, module, optimizer):
        self.gradients.append({name: whole(weight.grad) for name, weight in module.named_parameters()})
    def on_train_epoch_start(self, trainer, module):
        if self.stop and trainer.current_epoch == self.stop:
            raise RuntimeError("stopped here")

NETWORKS = {
    "fno": lambda: sg.models.FNO(1, 1, hidden_channels=8, n_layers=2, n_modes=6, periodic=True),
    "galerkin": lambda: sg.models.GalerkinTransformer(1, 1, dim=2, hidden_channels=16, n_layers=2, n_frequencies=4),
    "complex": Complex,
}

def sharded():
    return ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1, save_distributed_checkpoint=False)

def train(name, strategy, *, stop=0, **options):
    torch.manual_seed(0)
    network, see = NETWORKS[name](), See(stop)
    trainer = {"accelerator": "cpu"} | ({"strategy": strategy} if devices > 1 else {})
    options = {"epochs": 1, "batch_size": 4, "averaging": sg.EMA(0.5), **options}
    model = sg.fit(network, tree, devices=devices, trainer=trainer, callbacks=[see], check=False, **options)
    return {"gradients": see.gradients, "weights": model.state_dict(), "loss": model.record["validation_loss"]}

def refused(words, **options):
    try: train(**options)
    except sg.InputError as error: assert words in str(error), error
    else: raise AssertionError("no error")

results = {}
for name in NETWORKS:
    results[name, "ddp"] = train(name, "ddp", precision="64-true")
    results[name, "sharded"] = results[name, "ddp"] if name == "complex" else train(name, sharded())
if devices > 1:
    refused("Expected real weights to shard, got the complex 'network.weight'", name="complex", strategy=sharded())
    refused("a batch_size that 2 processes share equally, got 3", name="fno", strategy="ddp", batch_size=3)
    refused("a state in one file, got save_distributed", name="fno", strategy=ModelParallelStrategy())
    twice = {"epochs": 2, "path": folder / "run"}
    try: train("fno", sharded(), stop=1, **twice)
    except RuntimeError as error: assert str(error) == "stopped here"
    results["again", "sharded"] = train("fno", sharded(), **twice)
    results["undisturbed", "sharded"] = train("fno", sharded(), epochs=2)
torch.save(results, folder / f"{devices}_{torch.distributed.get_rank() if devices > 1 else 0}.pt")
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[Any, Any], ...]:
    """Return what one process found, and each of two."""
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for processes in (1, 2):
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [sys.executable, "-W", "ignore", *(torchrun if processes > 1 else []), folder / "script.py"]
        done = subprocess.run(
            [*command, folder, str(processes)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    return tuple(torch.load(folder / f"{name}.pt") for name in ("1_0", "2_0", "2_1"))


def largest_difference(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> float:
    """Return that of any entry, over the largest entry of all."""
    names = {name.removeprefix("module.") for name in one}
    assert names == {name.removeprefix("module.") for name in two}
    difference = max(float((a - b).abs().max()) for a, b in zip(one.values(), two.values(), strict=True))
    return difference / max(float(a.abs().max()) for a in one.values())


@pytest.mark.parametrize("name", ["fno", "galerkin", "complex"])
@pytest.mark.parametrize(("strategy", "tolerance"), [("ddp", 1e-14), ("sharded", 1e-6)])  # float64, float32: round-off
def test_two_processes_train_as_one_with_the_whole_batch(
    results: tuple[dict[Any, Any], ...], name: str, strategy: str, tolerance: float
) -> None:
    one, *two = (result[name, strategy] for result in results)
    assert len(one["gradients"]) == 2
    for other in two:
        for step in range(2):
            assert largest_difference(one["gradients"][step], other["gradients"][step]) < tolerance
        assert largest_difference(one["weights"], other["weights"]) < tolerance
        assert other["loss"] == pytest.approx(one["loss"], rel=tolerance)


def test_a_sharded_training_goes_on_with_the_same_bits(results: tuple[dict[Any, Any], ...]) -> None:
    for result in results[1:]:
        one, two = (result[name, "sharded"]["weights"] for name in ("undisturbed", "again"))
        assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(("length", "processes"), [(12, 3), (14, 4), (9, 2), (5, 5)])
def test_processes_share_the_samples(monkeypatch: pytest.MonkeyPatch, length: int, processes: int) -> None:
    def drawn(make: Any) -> list[Any]:
        parts = []
        for rank in range(processes):
            monkeypatch.setattr("torch.distributed.get_rank", lambda rank=rank: rank)
            sampler = make()
            parts.append(list(sampler))
            assert len(parts[-1]) == len(sampler)
        return parts

    whole = list(EpochShuffle(length, seed=1))
    parts = drawn(lambda: EpochShuffle(length, 1, processes))
    together = [index for step in zip(*parts, strict=True) for index in step]
    assert together == whole[: length - length % processes]  # each global batch is that of one process
    shares = drawn(lambda: InOrder(length, 4, processes))
    assert len({len(share) for share in shares}) == 1
    assert all(batch for share in shares for batch in share)
    assert sorted(index for share in shares for batch in share for index in batch) == list(range(length))
