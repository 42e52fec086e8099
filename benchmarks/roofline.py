"""What the other benchmarks measure with: CPU time of a call, rate of matrix products.

Run: ``python benchmarks/roofline.py`` prints the rate of a large product.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Iterable

import torch

REPEATS = 7


def cpu_ms(function: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median process CPU time of a call, after two calls to warm up."""
    times = []
    for _ in range(repeats + 2):
        start = time.process_time()
        function()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times[2:])


def product_rate(shapes: Iterable[tuple[int, ...]]) -> float:
    """Return the rate, in FLOP/s, of the products ``(*batch, m, k) @ (*batch, k, n)``, all together."""
    flops, seconds = 0, 0.0
    for *batch, m, k, n in shapes:
        one, two, result = torch.randn(*batch, m, k), torch.randn(*batch, k, n), torch.empty(*batch, m, n)
        flops += 2 * result.numel() * k
        seconds += 1e-3 * cpu_ms(lambda a=one, b=two, y=result: torch.matmul(a, b, out=y))
    return flops / seconds


def square_rate(n: int = 1536) -> float:
    """Return the rate, in FLOP/s, of a large square product."""
    return product_rate([(n, n, n)])


def machine() -> str:
    """Return what a result has to be read with."""
    rate = f"{square_rate() / 1e9:.0f} GFLOP/s in a large product"
    return f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread, float32, {rate}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(machine())
