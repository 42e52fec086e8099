from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from surrogate.layers import segment_apply, segment_order, segment_product
from surrogate.layers.segments import runs

BATCHES = {
    "ragged": [5, 1, 130, 64, 7],
    "equal": [6, 6, 6],
    "single": [37],
    "ones": [1, 1, 1],
    "with empty": [0, 9, 0, 2],
    "empty": [0, 0],
    "ones and none": [0, 1],
}
batches = pytest.mark.parametrize("counts", BATCHES.values(), ids=BATCHES.keys())


def data(counts: list[int]) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    ptr = torch.tensor([0, *counts]).cumsum(0)
    shapes = (ptr[-1], 3), (ptr[-1], 4), (len(counts), 3, 4)
    tensors = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return ptr, *(tensor.requires_grad_() for tensor in tensors)


def samples(ptr: torch.Tensor) -> list[slice]:
    return [slice(*ends) for ends in pairwise(ptr)]


@batches
def test_products_are_those_of_the_samples(counts):
    ptr, left, right, matrices = data(counts)
    order = segment_order(ptr, len(left))
    assert sorted(order.tolist()) == list(range(len(left)))
    expected = torch.stack([left[rows].mT @ right[rows] for rows in samples(ptr)])
    torch.testing.assert_close(segment_product(left[order], right[order], ptr), expected, rtol=0, atol=1e-13)
    expected = torch.cat([left[rows] @ matrix for rows, matrix in zip(samples(ptr), matrices, strict=True)])
    torch.testing.assert_close(segment_apply(left[order], matrices, ptr), expected[order], rtol=0, atol=1e-13)


@batches
def test_gradients_of_first_and_second_order(counts):
    if sum(counts) > 50:
        counts = [5, 1, 7]
    ptr, left, right, matrices = data(counts)
    for function, arguments in ((segment_product, (left, right)), (segment_apply, (left, matrices))):
        assert torch.autograd.gradcheck(lambda *x, f=function: f(*x, ptr), arguments)
        assert torch.autograd.gradgradcheck(lambda *x, f=function: f(*x, ptr), arguments)


def test_equal_samples_stay_in_order_as_one_product():
    ptr = torch.tensor([0, 6, 12])
    assert torch.equal(segment_order(ptr, 12), torch.arange(12))
    assert len(runs((0, 6, 12), torch.device("cpu"))) == 1


def test_number_of_products_is_logarithmic_and_no_point_is_added():
    counts = list(range(1, 1000))
    ptr = torch.tensor([0, *counts]).cumsum(0)
    cut = runs(tuple(ptr.tolist()), torch.device("cpu"))
    assert len(cut) == 10  # digits of 999
    assert sum(n_blocks * length for n_blocks, length in (run.shape for run in cut)) == sum(counts)


def test_operators_declare_themselves_rightly():
    ptr, left, right, matrices = data([5, 1, 7])
    for operator, arguments in (("product", (left, right)), ("apply", (left, matrices))):
        torch.library.opcheck(getattr(torch.ops.surrogate, f"segment_{operator}").default, (*arguments, ptr))
