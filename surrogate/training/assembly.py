"""Which kind of surrogate a network and its data make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from surrogate.datasets.samples.normalizer import Normalizer
from surrogate.datasets.samples.signature import Signature
from surrogate.training.corrected import Corrected, CorrectedStepper
from surrogate.training.point_surrogate import PointSurrogate
from surrogate.training.surrogate import Surrogate, SurrogateStepper


def assemble(network: nn.Module, signature: Signature, normalizers: Mapping[str, Normalizer], **rest: Any) -> Surrogate:
    """Return a stepper if the signature has a time step, else an operator: on points if they differ by sample."""
    if isinstance(network, Corrected):
        return CorrectedStepper(network, signature, normalizers, **rest)
    if signature.functions:
        return PointSurrogate(network, signature, normalizers, **rest)
    kind = Surrogate if signature.dt is None else SurrogateStepper
    return kind(network, signature, normalizers, **rest)
