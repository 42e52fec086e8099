r"""Products of matrices for each sample of a ragged batch: no padding, no loop over samples, no large intermediate.

A sample of :math:`n` points is cut by the binary digits of :math:`n` into blocks of :math:`2^k` points, at most one for
each :math:`k`. With the blocks of equal length side by side (`segment_order`), they are one batched product for each
:math:`k`, of views. Samples of equal size, and a single one, are one batched product as they are.

The two products are each other's derivatives. The compiler sees them as single operations; ``ptr`` lies on the CPU.
"""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Run(NamedTuple):
    """Blocks of equal length, one after another."""

    rows: slice
    shape: tuple[int, int]  # blocks, length
    samples: Tensor  # to which the blocks belong
    first: tuple[int, ...]  # row of the sample with which each block begins


@functools.lru_cache(maxsize=256)
def runs(ptr: tuple[int, ...], device: torch.device) -> tuple[Run, ...]:
    """Return the runs of blocks of a batch."""
    counts = [stop - start for start, stop in pairwise(ptr)]
    lengths = set(counts) if len(set(counts)) == 1 else {1 << digit for digit in range(max(counts).bit_length())}
    result, row = [], 0
    for length in sorted(lengths - {0}, reverse=True):
        samples = [i for i, count in enumerate(counts) if count & length]
        first = tuple(ptr[i] + counts[i] // (2 * length) * (2 * length) for i in samples)
        rows = slice(row, row + length * len(samples))
        if samples:
            result.append(Run(rows, (len(samples), length), torch.tensor(samples, device=device), first))
        row = rows.stop
    return tuple(result)


@torch.library.custom_op("surrogate::segment_order", mutates_args=(), schema="(Tensor ptr, SymInt n) -> Tensor")
def _order(ptr: Tensor, n: int) -> Tensor:
    starts = [
        torch.tensor(run.first)[:, None] + torch.arange(run.shape[1]) for run in runs(tuple(ptr.tolist()), ptr.device)
    ]
    return torch.cat([start.flatten() for start in starts]) if starts else torch.arange(n)


@torch.library.custom_op(
    "surrogate::segment_product", mutates_args=(), schema="(Tensor left, Tensor right, Tensor ptr) -> Tensor"
)
def _product(left: Tensor, right: Tensor, ptr: Tensor) -> Tensor:
    result = left.new_zeros(len(ptr) - 1, left.shape[1], right.shape[1])
    for run in runs(tuple(ptr.tolist()), left.device):
        blocks = torch.unflatten(left[run.rows], 0, run.shape).mT @ torch.unflatten(right[run.rows], 0, run.shape)
        result.index_add_(0, run.samples, blocks)
    return result


@torch.library.custom_op(
    "surrogate::segment_apply", mutates_args=(), schema="(Tensor x, Tensor matrices, Tensor ptr) -> Tensor"
)
def _apply(x: Tensor, matrices: Tensor, ptr: Tensor) -> Tensor:
    result = x.new_empty(len(x), matrices.shape[2])
    for run in runs(tuple(ptr.tolist()), x.device):
        blocks = torch.unflatten(x[run.rows], 0, run.shape)
        torch.bmm(blocks, matrices[run.samples], out=torch.unflatten(result[run.rows], 0, run.shape))
    return result


@_order.register_fake
def _order_shape(ptr: Tensor, n: int) -> Tensor:
    return ptr.new_empty(n)


@_product.register_fake
def _product_shape(left: Tensor, right: Tensor, ptr: Tensor) -> Tensor:
    return left.new_empty(ptr.shape[0] - 1, left.shape[1], right.shape[1])


@_apply.register_fake
def _apply_shape(x: Tensor, matrices: Tensor, ptr: Tensor) -> Tensor:
    return x.new_empty(x.shape[0], matrices.shape[2])


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _product_backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    left, right, ptr = ctx.saved_tensors
    of_left, of_right, _ = ctx.needs_input_grad
    return _apply(right, gradient.mT, ptr) if of_left else None, _apply(left, gradient, ptr) if of_right else None, None


def _apply_backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    x, matrices, ptr = ctx.saved_tensors
    of_x, of_matrices, _ = ctx.needs_input_grad
    return (
        _apply(gradient, matrices.mT, ptr) if of_x else None,
        _product(x, gradient, ptr) if of_matrices else None,
        None,
    )


_product.register_autograd(_product_backward, setup_context=_keep)
_apply.register_autograd(_apply_backward, setup_context=_keep)


def segment_order(ptr: Int[Tensor, " samples_and_one"], n: int) -> Int[Tensor, " points"]:
    """Return the order of the ``n`` points in which the products here take them."""
    order: Tensor = _order(ptr, n)
    return order


def segment_product(
    left: Float[Tensor, "points one"], right: Float[Tensor, "points two"], ptr: Int[Tensor, " samples_and_one"]
) -> Float[Tensor, "samples one two"]:
    r"""Return :math:`L_i^\top R_i` for every sample :math:`i`; rows in `segment_order`. Without points it is zero."""
    result: Tensor = _product(left, right, ptr)
    return result


def segment_apply(
    x: Float[Tensor, "points one"], matrices: Float[Tensor, "samples one two"], ptr: Int[Tensor, " samples_and_one"]
) -> Float[Tensor, "points two"]:
    r"""Return :math:`X_i M_i` for every sample :math:`i`; rows in `segment_order`."""
    result: Tensor = _apply(x, matrices, ptr)
    return result
