"""What the other benchmarks measure with: CPU time, rate of matrix products, time of activations, page faults.

Run: ``python benchmarks/roofline.py`` prints the rate of a large product.
"""

from __future__ import annotations

import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

REPEATS = 7


def cpu_ms(function: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median process CPU time of a call, after two calls to warm up."""
    times = []
    for _ in range(repeats + 2):
        start = time.process_time()
        function()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times[2:])


def page_faults(function: Callable[[], object]) -> int:
    """Return how many pages of memory the system hands over during a call (the allocator may keep its own)."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    function()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def product_rate(shapes: Iterable[tuple[int, ...]]) -> float:
    """Return the rate, in FLOP/s, of the products ``(*batch, m, k) @ (*batch, k, n)``, all together."""
    flops, seconds = 0, 0.0
    for *batch, m, k, n in shapes:
        one, two, result = torch.randn(*batch, m, k), torch.randn(*batch, k, n), torch.empty(*batch, m, n)
        flops += 2 * result.numel() * k
        seconds += 1e-3 * cpu_ms(lambda a=one, b=two, y=result: torch.matmul(a, b, out=y))
    return flops / seconds


class Activations(TorchDispatchMode):
    """Counts the elements that pass a GELU, forward and backward."""

    def __init__(self) -> None:
        super().__init__()
        self.forward, self.backward = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.gelu.default:
            self.forward += args[0].numel()
        if func is torch.ops.aten.gelu_backward.default:
            self.backward += args[0].numel()
        return func(*args, **(kwargs or {}))


def gelu_seconds(shape: tuple[int, int]) -> tuple[float, float]:
    """Return the seconds for each element of GELU and of its derivative, both into memory that is there."""
    x, result = torch.randn(shape), torch.empty(shape)
    forward = cpu_ms(lambda: torch.ops.aten.gelu.out(x, out=result))
    backward = cpu_ms(lambda: torch.ops.aten.gelu_backward.grad_input(x, x, grad_input=result))
    return 1e-3 * forward / x.numel(), 1e-3 * backward / x.numel()


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
