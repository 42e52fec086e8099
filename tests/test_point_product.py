"""A matrix product in place of a convolution with one point."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surrogate.layers.point_product import PointProduct, use_products


@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_convolution(bias):
    torch.manual_seed(0)
    convolution = nn.Sequential(nn.Conv1d(3, 5, 1, bias=bias), nn.Conv1d(5, 2, 3)).double()
    x = torch.randn(4, 3, 7, dtype=torch.float64)
    before, state = convolution(x), {key: value.clone() for key, value in convolution.state_dict().items()}
    before.square().sum().backward()
    gradients = [parameter.grad.clone() for parameter in convolution.parameters()]
    convolution.zero_grad()
    use_products(convolution)
    assert [type(part) for part in convolution] == [PointProduct, nn.Conv1d]
    assert all(torch.equal(state[key], value) for key, value in convolution.state_dict().items())
    after = convolution(x)
    after.square().sum().backward()
    torch.testing.assert_close(after, before)
    for parameter, gradient in zip(convolution.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
