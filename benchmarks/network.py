"""Cost of the Galerkin transformer of the Burgers experiment, beside matrix products of its shapes.

Run: ``python benchmarks/network.py`` (one thread, float32, batch 4, 2048 points; about 15 s).
"""

from __future__ import annotations

import resource

import torch
from roofline import cpu_ms, machine, product_rate

from surrogate.models import GalerkinTransformer

BATCH, POINTS = 4, 2048
REFERENCE = {"forward": 108.0, "forward + backward": 362.0}  # ms; public implementation, 1 thread of a 2-core x86 VM
NOMINAL = 6.2e9  # floating-point operations of the forward as its formulas are written


def roofline() -> float:
    """Return the rate, in FLOP/s, of the products that make up the network, weighted by their operations."""
    rows, d = BATCH * POINTS, 96
    wide, narrow = (rows, d, 2 * d), (rows, 2 * d, d)
    return product_rate([*[(rows, d, d)] * 2, wide, narrow, (BATCH, d, POINTS, d), (BATCH, POINTS, d, d)])


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = GalerkinTransformer.published("burgers")
    x = torch.randn(BATCH, network.in_channels, POINTS)

    def forward() -> None:
        with torch.no_grad():
            network.eval()(x)

    def both() -> None:
        network.train().zero_grad()
        network(x).square().mean().backward()

    print(f"{machine()}, {roofline() / 1e9:.0f} in products of the network's shapes")
    print(f"{'':20}{'CPU ms':>8}{'reference':>11}{'ratio':>7}{'of roofline':>13}")
    for name, function, flops in (("forward", forward, NOMINAL), ("forward + backward", both, 3 * NOMINAL)):
        before, cost, after = roofline(), cpu_ms(function), roofline()
        bound = 1e3 * flops / ((before + after) / 2)
        ratio = REFERENCE[name] / cost
        print(f"{name:20}{cost:8.0f}{REFERENCE[name]:11.0f}{ratio:7.2f}{bound / cost:13.0%}")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
