"""What decides the frames of a rollout, as short words: two with the same words have the same bits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
import xarray as xr
from torch import Tensor

import surrogate
from surrogate.initial_value import InitialValue
from surrogate.operator import Operator, Stepper

_PLAIN = (bool, int, float, str)


def describe_request(stepper: Stepper, start: InitialValue, template: xr.Dataset, **settings: object) -> dict[str, str]:
    """Return hashes of the stepper, of what it is given and of the labels of the result, beside the settings."""
    given = (start.state, start.static, start.forcing, start.parameters)
    labels = template.drop_vars(list(template.data_vars))
    return {
        "stepper": hash_operator(stepper),
        "initial state, static fields, forcing or parameters": _digest([start.start], given),
        "coordinates or attributes": _of_labels(labels),
        "version": f"{surrogate.__version__}, torch {torch.__version__}",
        **{name: str(value) for name, value in settings.items()},
    }


def hash_operator(operator: Operator) -> str:
    """Tell apart classes, settings, tensors, and the plain public attributes of the operator and of what is in it."""
    words = [type(operator).__qualname__, operator.domain]
    words += [getattr(operator, name, None) for name in ("dt", "history", "horizon")]
    words += [operator.in_fields, operator.out_fields, sorted(map(str, operator.settings.items()))]
    for name, module in operator.named_modules():
        plain = {k: v for k, v in vars(module).items() if isinstance(v, _PLAIN) and not k.startswith("_")}
        words += [name, type(module).__qualname__, sorted((plain | {"training": False}).items())]
    return _digest(words, [*operator.parameters(), *operator.buffers()])


def _of_labels(labels: xr.Dataset) -> str:
    digest = hashlib.sha256(repr(sorted(map(str, labels.attrs.items()))).encode())
    for name, variable in sorted(labels.variables.items(), key=lambda item: str(item[0])):
        values = variable.values.astype(str) if variable.dtype.kind == "O" else variable.values  # not their addresses
        digest.update(f"{name} {variable.dims} {variable.shape} {values.dtype}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _digest(words: Iterable[object], tensors: Iterable[Tensor | None]) -> str:
    digest = hashlib.sha256(repr([str(word) for word in words]).encode())
    for tensor in tensors:
        if tensor is not None:
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            values = tensor.detach().cpu().resolve_conj().contiguous().reshape(-1).view(torch.uint8)
            digest.update(values.numpy().data)
    return digest.hexdigest()
