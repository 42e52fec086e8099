"""Where an operator computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from surrogate.datasets.errors import expected
from surrogate.operator import Operator


def check_device(device: str | torch.device) -> torch.device:
    """Return the device; raise `InputError` if it is unknown or absent."""
    try:
        target = torch.device(device)
    except RuntimeError as error:
        raise expected("a device such as 'cpu' or 'cuda'", repr(device), "Correct `device`.") from error
    if target.type == "cuda" and not torch.cuda.is_available():
        raise expected("a CUDA device", "a machine (or a build of torch) without one", "Use device='cpu'.")
    return target


@contextmanager
def computing(operator: Operator, device: str | torch.device | None = None) -> Iterator[torch.device]:
    """Put ``operator`` in evaluation mode on ``device``, without gradients; afterwards put it back as it was."""
    before, training = operator.device, operator.training
    target = check_device(device) if device is not None else before
    operator.to(target).eval()
    try:
        with torch.inference_mode():
            yield target
    finally:
        operator.to(before).train(training)
