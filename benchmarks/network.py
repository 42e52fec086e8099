"""Cost of the Galerkin transformer of the Burgers experiment, beside matrix products of its shapes.

Run: ``python benchmarks/network.py`` (one thread, float32, batch 4, 2048 points; about 15 s).
"""

from __future__ import annotations

import platform
import resource
import statistics
import time
from collections.abc import Callable

import torch

from surrogate.models import GalerkinTransformer

BATCH, POINTS, REPEATS = 4, 2048, 7
REFERENCE = {"forward": 108.0, "forward + backward": 362.0}  # ms; public implementation, 1 thread of a 2-core x86 VM
NOMINAL = 6.2e9  # floating-point operations of the forward as its formulas are written


def cpu_ms(function: Callable[[], object]) -> float:
    """Return the median process CPU time of a call, after two calls to warm up."""
    times = []
    for _ in range(REPEATS + 2):
        start = time.process_time()
        function()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times[2:])


def product_rate() -> float:
    """Return the rate, in FLOP/s, of the products that make up the network, weighted by their operations."""
    rows, d = BATCH * POINTS, 96
    x, wide, narrow = torch.randn(rows, d), torch.randn(d, 2 * d), torch.randn(2 * d, d)
    square, hidden, sample = torch.randn(d, d), torch.randn(rows, 2 * d), torch.randn(BATCH, POINTS, d)
    per_sample = torch.randn(BATCH, d, d)
    products = [lambda: x @ square] * 2 + [lambda: x @ wide, lambda: hidden @ narrow]
    products += [lambda: sample.mT @ sample, lambda: sample @ per_sample]
    flops = 2 * rows * d * d * (1 + 1 + 2 + 2 + 1 + 1)
    return flops / (1e-3 * sum(cpu_ms(product) for product in products))


def square_rate(n: int = 1536) -> float:
    a = torch.randn(n, n)
    return 2 * n**3 / (1e-3 * cpu_ms(lambda: a @ a))


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

    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread, float32")
    print(
        f"matrix products: {square_rate() / 1e9:.0f} GFLOP/s square, {product_rate() / 1e9:.0f} at the network's shapes"
    )
    print(f"{'':20}{'CPU ms':>8}{'reference':>11}{'ratio':>7}{'of roofline':>13}")
    for name, function, flops in (("forward", forward, NOMINAL), ("forward + backward", both, 3 * NOMINAL)):
        before, cost, after = product_rate(), cpu_ms(function), product_rate()
        bound = 1e3 * flops / ((before + after) / 2)
        ratio = REFERENCE[name] / cost
        print(f"{name:20}{cost:8.0f}{REFERENCE[name]:11.0f}{ratio:7.2f}{bound / cost:13.0%}")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
