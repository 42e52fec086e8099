"""A complex tensor in Tucker form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class TuckerTensor(nn.Module):
    r"""Complex tensor of low multilinear rank, :math:`W = C \times_1 U_1 \times_2 U_2 \cdots`.

    The core :math:`C` has ``ranks`` :math:`r_i`, about in the ratio of the sizes :math:`n_i`; the factors
    :math:`U_i` are :math:`n_i \times r_i`.

    Parameters
    ----------
    shape
        The sizes.
    rank
        Number of parameters, relative to that of the full tensor, to which the ranks are chosen.
    std
        Standard deviation of real and imaginary part of the initial entries of the tensor.

    References
    ----------
    J. Kossaifi et al., "Multi-Grid Tensorized Fourier Neural Operator for High-Resolution PDEs", TMLR 2024,
    arXiv:2310.00120.
    """

    def __init__(self, shape: Sequence[int], *, rank: float, std: float) -> None:
        super().__init__()
        self.ranks = tucker_ranks(shape, rank)
        # an entry is a sum over the core of products of the core and each factor, which all have this spread
        spread = (std * math.sqrt(2) / math.prod(self.ranks) ** 0.5) ** (1 / (len(shape) + 1)) / math.sqrt(2)
        self.core = nn.Parameter(spread * torch.randn(*self.ranks, 2))
        self.factors = nn.ParameterList(
            spread * torch.randn(n, kept, 2) for n, kept in zip(shape, self.ranks, strict=True)
        )

    def forward(self) -> Float[Tensor, "*shape 2"]:
        """Return the full tensor; real and imaginary part are the last axis."""
        tensor = torch.view_as_complex(self.core)
        for factor in self.factors:  # each takes the first axis and gives the last
            tensor = torch.tensordot(tensor, torch.view_as_complex(factor), dims=([0], [1]))
        return torch.view_as_real(tensor)


def tucker_ranks(shape: Sequence[int], rank: float) -> tuple[int, ...]:
    r"""Return :math:`c\,n_i` rounded, at least 1, so that about ``rank`` :math:`\prod n_i` parameters are left."""
    full, squares = math.prod(shape), sum(n * n for n in shape)
    low, high = 0.0, rank * full / squares + 1.0
    for _ in range(100):
        middle = (low + high) / 2
        enough = middle ** len(shape) * full + middle * squares > rank * full
        low, high = (low, middle) if enough else (middle, high)
    return tuple(max(round(low * n), 1) for n in shape)
