"""Where an operator computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

from surrogate.datasets.errors import expected
from surrogate.operator import Operator

Module = TypeVar("Module", bound=nn.Module)


def check_device(device: str | torch.device) -> torch.device:
    """Return the device; raise `InputError` if it is unknown or absent."""
    try:
        target = torch.device(device)
    except RuntimeError as error:
        raise expected("a device such as 'cpu' or 'cuda'", repr(device), "Correct `device`.") from error
    if target.type == "cuda" and not torch.cuda.is_available():
        raise expected("a CUDA device", "a machine (or a build of torch) without one", "Use device='cpu'.")
    return target


def cast_floating(module: Module, dtype: torch.dtype) -> Module:
    """Give all weights the real ``dtype``, or the complex one of the same precision, in place; return ``module``."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_complex():
            tensor.data = tensor.data.to(dtype.to_complex())
        elif tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)
    return module


@contextmanager
def computing(operator: Operator, device: str | torch.device | None = None) -> Iterator[torch.device]:
    """Put ``operator`` in evaluation mode on ``device``, without gradients; afterwards put it back as it was."""
    before = operator.device
    target = check_device(device) if device is not None else before
    modes = [(module, module.training) for module in operator.modules()]
    operator.to(target).eval()
    try:
        with torch.inference_mode():
            yield target
    finally:
        operator.to(before)
        for module, training in modes:
            module.training = training
