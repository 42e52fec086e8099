"""What a network is without its attention, or with the usual one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import torch
from torch import nn

from surrogate.datasets.errors import expected
from surrogate.layers.configuration import Configured

TWINS = ("softmax", "identity")


def attention_twins(network: nn.Module) -> dict[str, nn.Module]:
    """Return a network, and twins that differ from it in their attention only, by the kind of attention.

    They answer whether the attention of a network is worth anything: ``"softmax"`` has the usual one in its place,
    ``"identity"`` mixes no points there (attention to input functions on points of their own stays). All weights they
    have in common with the network are copies of its own, so trainings of equal seed start at the same place and see
    the same batches.

    Parameters
    ----------
    network
        One of `surrogate.models` whose argument or option ``attention`` has these two values.

    Raises
    ------
    InputError
        A network without such a choice, or one whose attention is ``"identity"``: its twins would lack weights.

    Examples
    --------
    >>> from surrogate.models import GalerkinTransformer
    >>> list(attention_twins(GalerkinTransformer(1, 1, dim=1, hidden_channels=8)))
    ['galerkin', 'softmax', 'identity']
    """
    kind = _kind(network)
    if kind is None:
        raise expected("a network with a choice of `attention`", type(network).__name__, "It has no twins.")
    if kind == "identity":
        raise expected("a network with attention", "attention 'identity'", "Give the network that it is the twin of.")
    twins = {kind: network}
    for other in TWINS:
        if other != kind:
            twins[other] = _twin(network, other)
    return twins


def _kind(network: nn.Module) -> str | None:
    if not isinstance(network, Configured):
        return None
    options = {**getattr(network, "OPTIONS", {}), **getattr(network, "options", {})}
    kind = getattr(network, "attention", options.get("attention"))
    return kind if isinstance(kind, str) else None


def _twin(network: nn.Module, kind: str) -> nn.Module:
    names = [name for name in inspect.signature(type(network).__init__).parameters if name != "self"]
    arguments = {name: getattr(network, name) for name in names}
    if "attention" in arguments:
        arguments["attention"] = kind
    else:
        options: Mapping[str, object] = arguments["options"]
        arguments["options"] = {**options, "attention": kind}
        if kind == "identity" and "cross_attention" in getattr(network, "OPTIONS", {}):
            arguments["options"].setdefault("cross_attention", _kind(network))
    with torch.random.fork_rng(devices=[]):  # its own first weights are overwritten
        twin = type(network)(**arguments)
    state, like = network.state_dict(), next(network.parameters())
    twin.to(like.device, like.dtype).load_state_dict({name: state[name] for name in twin.state_dict()})
    return twin.train(network.training)
