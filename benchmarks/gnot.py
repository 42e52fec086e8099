"""Cost of GNOT: beside the public implementation and the roofline, on ragged batches, and with the number of points.

Run: ``python benchmarks/gnot.py`` (one thread, float32; about five minutes).
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from roofline import Activations, cpu_ms, gelu_seconds, machine, page_faults, product_rate
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula

from surrogate.datasets import Points
from surrogate.models import GNOT

CYLINDERS = {"in_channels": [0], "out_channels": 3, "dim": 2, "parameter_channels": 12}
DARCY = {"in_channels": [1], "out_channels": 1, "dim": 2, "parameter_channels": 1}
CONFIGURATIONS = [  # arguments, query points, points of the function, ms of the public implementation on such a machine
    (CYLINDERS, 1024, 256, (99, 240)),
    ({**CYLINDERS, "hidden_channels": 128, "n_experts": 3, "n_heads": 4}, 1024, 256, (537, 1416)),
    ({**DARCY, "hidden_channels": 96, "n_experts": 3}, 4096, 4096, (1402, 3536)),
]
BATCH = 4
CLOUDS = [round(200 * 100 ** (i / 7)) for i in range(8)]  # 200 to 20,000 points
SIZES = (10_000, 100_000, 1_000_000)


@register_flop_formula([torch.ops.surrogate.segment_product, torch.ops.surrogate.segment_apply])
def _segment_flops(one: Any, two: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return 2 * math.prod(one) * two[-1]


def inputs(network: GNOT, counts: list[int], function_counts: list[int]) -> tuple[Any, ...]:
    """Return random functions, query points and parameters."""

    def points(numbers: list[int], channels: int) -> Points:
        n = sum(numbers)
        values = torch.randn(n, channels) if channels else None
        return Points(torch.rand(n, network.dim), torch.tensor([0, *numbers]).cumsum(0), values)

    functions = [points(function_counts, channels) for channels in network.in_channels]
    return functions, points(counts, 0), torch.randn(len(counts), network.parameter_channels)


def calls(network: GNOT, given: tuple[Any, ...]) -> dict[str, Callable[[], Any]]:
    @torch.no_grad()
    def forward() -> torch.Tensor:
        return network.eval()(*given)

    def both() -> None:
        network.train().zero_grad()
        network(*given).square().mean().backward()

    return {"forward": forward, "forward + backward": both}


def roofline(network: GNOT, rows: int) -> float:
    """Return the rate, in FLOP/s, of the products of the experts, with which most of the time goes."""
    d, rows = network.hidden_channels, min(rows, 8192)
    return product_rate([(rows, d, 4 * d), (rows, 4 * d, d), (4 * d, rows, d)])


def beside_the_reference() -> None:
    header = f"{'':42}{'GFLOP':>7}{'CPU ms':>8}{'reference':>11}{'ratio':>7}"
    print(
        header
        + f"{'products':>10}{'GELU':>6}{'faults':>8}: shares of the time that they need alone, page faults a call"
    )
    for arguments, n, m, reference in CONFIGURATIONS:
        network = GNOT(**arguments)
        name = f"C{network.hidden_channels} L{network.n_layers} E{network.n_experts} N={n} M={m}"
        given = inputs(network, [n] * BATCH, [m] * BATCH)
        for (kind, call), theirs in zip(calls(network, given).items(), reference, strict=True):
            with FlopCounterMode(display=False) as counter, Activations() as activations:
                call()
            before, cost, after = roofline(network, BATCH * n), cpu_ms(call, 5), roofline(network, BATCH * n)
            flops = counter.get_total_flops()
            products = 1e3 * flops / ((before + after) / 2) / cost
            seconds = gelu_seconds((BATCH * n, 4 * network.hidden_channels))
            gelu = 1e3 * (activations.forward * seconds[0] + activations.backward * seconds[1]) / cost
            figures = f"{flops / 1e9:7.1f}{cost:8.0f}{theirs:11.0f}{theirs / cost:7.2f}{products:10.0%}{gelu:6.0%}"
            print(f"{name + ' ' + kind:42}{figures}{page_faults(call):8}")


def ragged_beside_padded() -> None:
    network = GNOT(**CYLINDERS)
    longest = [max(CLOUDS)] * len(CLOUDS)
    ragged = calls(network, inputs(network, CLOUDS, CLOUDS))
    padded = calls(network, inputs(network, longest, longest))  # as many rows as padding has, without its masks
    print(f"{len(CLOUDS)} clouds of {min(CLOUDS)} to {max(CLOUDS)} points, CPU ms")
    for kind in ragged:
        one, two = cpu_ms(ragged[kind], 3), cpu_ms(padded[kind], 1)
        print(f"{kind:20} ragged {one:7.0f}   padded {two:7.0f}   ratio {two / one:.2f}")


def alone(n: int, chunk_size: int | None) -> None:
    """Print CPU seconds and growth of the peak memory, in MB, of one forward in this process."""
    network = GNOT(**DARCY, options={"chunk_size": chunk_size})
    calls(network, inputs(network, [100], [100]))["forward"]()
    given = inputs(network, [n], [n])
    memory, start = peak_memory(), time.process_time()
    y = calls(network, given)["forward"]()
    print(time.process_time() - start, peak_memory() - memory, float(y.double().square().mean()))


def peak_memory() -> float:
    """Return the peak of this process in MB; that of `resource` begins with the parent's."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1024


def with_the_number_of_points() -> None:
    print("forward, C64 L3 E1, one sample, function on as many points; chunks beside all points at once")
    measured = []
    for n in SIZES:
        for chunk_size in (None, n):
            command = [sys.executable, __file__, str(n), str(chunk_size or 0)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, memory, square = map(float, done.stdout.split())
            how = "at once" if chunk_size else "in chunks"
            print(f"{n:9} points {how:9} {seconds:7.2f} s {memory:7.0f} MB, mean square {square:.8f}")
            if chunk_size is None:
                measured.append((n, seconds, memory))
    for one, two in pairwise(measured):
        cost, memory = (math.log(two[i] / one[i]) / math.log(two[0] / one[0]) for i in (1, 2))
        print(f"{one[0]} to {two[0]} points: exponent of time {cost:.2f}, of memory {memory:.2f}")


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if sys.argv[1:]:
        alone(int(sys.argv[1]), int(sys.argv[2]) or None)
        return
    print(machine())
    beside_the_reference()
    ragged_beside_padded()
    with_the_number_of_points()


if __name__ == "__main__":
    main()
