"""An operator is put back as it was found."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from surrogate import InputError, Operator
from surrogate.compute import cast_floating, check_device, computing


class Net(Operator):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.frozen = nn.Linear(2, 2), nn.BatchNorm1d(2)
        self.spectral = nn.Parameter(torch.randn(2, dtype=torch.complex64))
        self.register_buffer("count", torch.tensor(3))

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        y: Tensor = self.first(x)
        return y


def test_mode_of_every_part_comes_back_also_after_an_error() -> None:
    net = Net()
    net.frozen.eval()
    with computing(net) as device:
        assert device == torch.device("cpu")
        assert not any(module.training for module in net.modules())
        assert not net(torch.ones(1, 2)).requires_grad
    assert [net.training, net.first.training, net.frozen.training] == [True, True, False]
    with pytest.raises(RuntimeError, match="stop"), computing(net):
        raise RuntimeError("stop")
    assert [net.training, net.first.training, net.frozen.training] == [True, True, False]
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_absent_cuda_is_refused() -> None:
    with pytest.raises(InputError, match=r"a CUDA device, got .* Use device='cpu'"):
        check_device("cuda")


@pytest.mark.parametrize("device", ["gpu", "", "cpu:x", "cuda0"])
def test_unknown_devices_are_refused(device: str) -> None:
    with pytest.raises(InputError, match="a device such as 'cpu' or 'cuda'"):
        check_device(device)


@pytest.mark.gpu
def test_device_comes_back() -> None:
    net = Net()
    with computing(net, "cuda"):
        assert net.device.type == "cuda"
    assert net.device.type == "cpu"


def test_complex_weights_stay_complex_and_whole_numbers_whole() -> None:
    net = Net()
    before = net.spectral.detach().clone()
    cast_floating(net, torch.float64)
    assert net.first.weight.dtype == torch.float64
    assert net.spectral.dtype == torch.complex128
    assert net.get_buffer("count").dtype == torch.int64
    assert torch.equal(net.spectral, before.to(torch.complex128))
    assert net.frozen.running_mean is not None
    assert net.frozen.running_mean.dtype == torch.float64
