"""Cost of the Galerkin transformer of the Burgers and Darcy experiments, beside matrix products of its shapes.

Run: ``python benchmarks/network.py`` (one thread, float32, batch 4; about 15 s), ``python benchmarks/network.py darcy``
or ``darcy_85`` (141² and 85² points, a minute). Dropout acts in the backward row, as published.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Sequence
from typing import NamedTuple

import torch
from roofline import cpu_ms, machine, product_rate

from surrogate.models import GalerkinTransformer

BATCH = 4


class Experiment(NamedTuple):
    """Points that enter, figures of the public implementation (ms, 1 thread of a 2-core x86 VM), nominal FLOP."""

    shape: tuple[int, ...]
    forward: float
    both: float
    nominal: float  # floating-point operations of the forward as its formulas are written
    rows: int  # points that the attention sees, in all samples
    channels: int


EXPERIMENTS = {
    "burgers": Experiment((2048,), 108, 362, 6.2e9, BATCH * 2048, 96),
    # of the three stacked convolutions, the encoder, the convolution on the way up, the decoder
    "darcy_85": Experiment((85, 85), 360, 798, 1.6e9 + 5.5e9 + 2.8e9 + 0.5e9, BATCH * 29**2, 128),
    "darcy": Experiment((141, 141), 1117, 2374, 4.0e9 + 12.1e9 + 7.0e9 + 1.4e9, BATCH * 43**2, 128),
}


def roofline(rows: int, d: int) -> float:
    """Return the rate, in FLOP/s, of the products that make up the encoder, weighted by their operations."""
    shapes: Sequence[tuple[int, ...]] = [(rows, d, d)] * 2 + [(rows, d, 2 * d), (rows, 2 * d, d)]
    return product_rate([*shapes, (BATCH, d, rows // BATCH, d), (BATCH, rows // BATCH, d, d)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="?", choices=EXPERIMENTS, default="burgers")
    name = parser.parse_args().experiment
    experiment = EXPERIMENTS[name]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = GalerkinTransformer.published(name)
    x = torch.randn(BATCH, network.in_channels, *experiment.shape)

    def forward() -> None:
        with torch.no_grad():
            network.eval()(x)

    def both() -> None:
        network.train().zero_grad()
        network(x).square().mean().backward()

    rate = roofline(experiment.rows, experiment.channels)
    print(f"{name}: {machine()}, {rate / 1e9:.0f} in products of the network's shapes")
    print(f"{'':20}{'CPU ms':>8}{'reference':>11}{'ratio':>7}{'of roofline':>13}")
    figures = (("forward", forward, experiment.forward, 1), ("forward + backward", both, experiment.both, 3))
    for row, function, reference, times in figures:
        before = roofline(experiment.rows, experiment.channels)
        cost = cpu_ms(function)
        after = roofline(experiment.rows, experiment.channels)
        bound = 1e3 * times * experiment.nominal / ((before + after) / 2)
        print(f"{row:20}{cost:8.0f}{reference:11.0f}{reference / cost:7.2f}{bound / cost:13.0%}")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
