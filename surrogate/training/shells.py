"""Networks without numbers: what a file says of a network is compared with its weights before memory is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from surrogate.datasets.errors import expected

#: How often a weight may be registered while its network is built: copies of layers, and layers that are replaced.
_TIMES = 10


def refuse_deep(entry: Mapping[str, Any], weights: int) -> None:
    """Raise `InputError` where a description of a network claims more layers than there are weights."""
    layers = entry["arguments"].get("n_layers", 0)
    if layers > weights:
        raise expected(f"at most {weights} layers of {weights} weights", layers, "Copy the file or save it again.")
    for part in entry["arguments"].values():
        if isinstance(part, dict) and "class" in part:
            refuse_deep(part, weights)


@contextmanager
def without_numbers(weights: int) -> Iterator[None]:
    """Let networks be built that have shapes and no numbers.

    Raises
    ------
    InputError
        A network that has far more than so many ``weights``, as soon as it has.
    """
    made, most = count(1), _TIMES * max(weights, 1)

    def refuse_many(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        if next(made) > most:
            raise expected(f"a network of {weights} weights", f"more than {most}", "Copy the file or save it again.")

    hook = register_module_parameter_registration_hook(refuse_many)
    try:
        with torch.device("meta"):
            yield
    finally:
        hook.remove()
