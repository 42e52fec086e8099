"""Cost of the networks on grids at the configurations of their papers, beside the public implementations.

Run: ``python benchmarks/grid_networks.py`` (one thread, float32; half an hour), or with names of configurations
(``--help`` lists them). Each runs in a process of its own. The reference figures are process CPU milliseconds of the
public implementation, measured on a two-core x86 virtual machine; neuraloperator is measured here, in turn with ours.
``products`` is the share of our time that matrix products, convolutions and Fourier transforms take in the run
itself: what is left when everything else costs nothing. ``rate`` is the floating-point rate of the whole over that of a
large matrix product on the same machine. The last table gives the exponent p of the cost, time ~ (points)^p.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from roofline import cpu_ms, machine, square_rate
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from surrogate import models

REPEATS = 5
CHANNEL = (32, 33, 16)  # of the flow at friction Reynolds number 180
PRODUCTS = ("mm", "bmm", "addmm", "baddbmm", "convolution", "fft", "scaled_dot_product")


@dataclass(frozen=True)
class Configuration:
    """A network, the shape of what enters, and the reference's forward and forward + backward in ms."""

    build: Callable[[], nn.Module]
    batch: int
    shape: tuple[int, ...]
    reference: tuple[float, float] | None = None


def published(kind: type[Any], name: str) -> Callable[[], nn.Module]:
    return lambda: kind.published(name)


def neuraloperator() -> nn.Module:
    from neuralop.models import FNO

    return FNO((16, 16), 1, 1, hidden_channels=64)


def fno() -> nn.Module:
    return models.FNO(1, 1, dim=2, n_modes=16, hidden_channels=64, periodic=True)


def ffno() -> nn.Module:
    return models.FFNO(1, 1, dim=2, n_modes=16, hidden_channels=64, periodic=True)


def uno() -> nn.Module:
    return models.UNO(1, 1, dim=2, hidden_channels=64, periodic=True)


CONFIGURATIONS = {
    "Galerkin, Burgers 2048": Configuration(published(models.GalerkinTransformer, "burgers"), 4, (2048,), (108, 362)),
    "Fourier, Burgers 2048": Configuration(
        published(models.GalerkinTransformer, "burgers_fourier"), 4, (2048,), (1869, 3393)
    ),
    "Galerkin, Darcy 85": Configuration(published(models.GalerkinTransformer, "darcy_85"), 4, (85, 85), (360, 798)),
    "Galerkin, Darcy 141": Configuration(published(models.GalerkinTransformer, "darcy"), 4, (141, 141), (1117, 2374)),
    "Galerkin, Navier-Stokes 64": Configuration(
        published(models.GalerkinTransformer, "navier_stokes"), 4, (64, 64), (153, 315)
    ),
    "FactFormer, Kolmogorov 64": Configuration(published(models.FactFormer, "kolmogorov"), 2, (64, 64), (685, 1583)),
    "FactFormer, Kolmogorov 128": Configuration(
        published(models.FactFormer, "kolmogorov"), 1, (128, 128), (1987, 4293)
    ),
    "FactFormer, smoke 32": Configuration(published(models.FactFormer, "smoke"), 1, (32, 32, 32), (3406, 6855)),
    "IFactFormer-m, channel": Configuration(published(models.IFactFormer, "channel"), 1, CHANNEL, (4446, 7704)),
    "IFactFormer-o, channel": Configuration(published(models.IFactFormer, "channel_chained"), 1, CHANNEL, (1598, 3852)),
    "MgNO, Darcy 64": Configuration(published(models.MgNO, "darcy"), 4, (64, 64), (46, 135)),
    "FNO 64": Configuration(fno, 2, (64, 64), (75, 242)),
    "FNO of neuraloperator 64": Configuration(neuraloperator, 2, (64, 64), (75, 242)),
    "FFNO 64": Configuration(ffno, 2, (64, 64)),
    "UNO 64": Configuration(uno, 2, (64, 64)),
}


class Products(TorchDispatchMode):
    """Adds up the CPU time of matrix products, convolutions and Fourier transforms."""

    seconds = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not any(name in func.name() for name in PRODUCTS):
            return func(*args, **(kwargs or {}))
        began = time.process_time()
        result = func(*args, **(kwargs or {}))
        self.seconds += time.process_time() - began
        return result


def calls(network: nn.Module, x: torch.Tensor) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return a forward pass and one with the backward pass."""

    @torch.no_grad()
    def forward() -> torch.Tensor:
        return network.eval()(x)

    def both() -> None:
        network.train().zero_grad()
        network(x).square().mean().backward()

    return forward, both


def peak_memory() -> float:
    """Return the peak of this process in MB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1024


def inputs(network: nn.Module, batch: int, shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(batch, network.in_channels, *shape)


def measured(name: str) -> dict[str, Any]:
    """Return the figures of a configuration; this process does nothing else."""
    configuration = CONFIGURATIONS[name]
    network = configuration.build()
    before = peak_memory()
    result: dict[str, Any] = {"parameters": sum(p.numel() for p in network.parameters()), "passes": []}
    for call in calls(network, inputs(network, configuration.batch, configuration.shape)):
        rate = square_rate()
        cost = cpu_ms(call, REPEATS)
        with FlopCounterMode(display=False) as counter:
            call()
        with Products() as products:
            began = time.process_time()
            call()
            share = products.seconds / (time.process_time() - began)
        flops = counter.get_total_flops() / (1e-3 * cost)
        result["passes"].append([cost, share, flops / ((rate + square_rate()) / 2)])
    result["memory"] = peak_memory() - before
    return result


def exponents(name: str) -> list[float]:
    """Return p in time ~ (points)^p of a forward pass, and of one with the backward pass, as every axis is doubled.

    To twice the points of the configuration along each axis, in 3-D from half of them.
    """
    configuration = CONFIGURATIONS[name]
    network, shape = configuration.build(), configuration.shape
    grids = (shape, [2 * n for n in shape]) if len(shape) < 3 else ([n // 2 for n in shape], shape)
    one, two = (calls(network, inputs(network, 1, tuple(grid))) for grid in grids)
    return [math.log2(cpu_ms(b, 3) / cpu_ms(a, 3)) / len(shape) for a, b in zip(one, two, strict=True)]


def alone(*arguments: str) -> Any:
    """Return what a process of its own prints."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def show(name: str) -> None:
    configuration, result = CONFIGURATIONS[name], alone("--alone", name)
    print(f"{name}, batch {configuration.batch}: {result['parameters']:,} parameters, {result['memory']:.0f} MB")
    for i, (cost, share, rate) in enumerate(result["passes"]):
        kind = ("forward", "forward + backward")[i]
        if configuration.reference:
            theirs = configuration.reference[i]
            beside = f"reference {theirs:5.0f}, ratio {theirs / cost:5.2f}"
        else:
            beside = "no reference"
        print(f"  {kind:20}{cost:6.0f} ms   {beside:30} products {share:4.0%}, rate {rate:4.0%}", flush=True)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(CONFIGURATIONS))
    parser.add_argument("--alone", metavar="NAME", help="print the figures of one configuration as JSON")
    parser.add_argument("--exponents", metavar="NAME", help="print its exponents as JSON")
    options = parser.parse_args()
    unknown = {*options.names} - CONFIGURATIONS.keys()
    if unknown:
        parser.error(f"no configuration {sorted(unknown)}; there are {'; '.join(CONFIGURATIONS)}")
    if options.alone:
        print(json.dumps(measured(options.alone)))
    elif options.exponents:
        print(json.dumps(exponents(options.exponents)))
    else:
        print(machine())
        chosen = options.names or list(CONFIGURATIONS)
        for name in chosen:
            show(name)
        print(
            "exponent p of the cost, (points)^p, forward and forward + backward, to twice the points along every axis"
        )
        for name in chosen:
            print(f"  {name:34}", *(f"{p:6.2f}" for p in alone("--exponents", name)), flush=True)


if __name__ == "__main__":
    main()
