"""Settings and weights of the public implementation of GNOT, turned into ours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from surrogate.datasets.errors import expected

CLASSES = ("GNOT", "CGPT")

RENAMED = {
    r"^trunk_mlp\.": "lift.",
    r"^branch_mlps\.": "function_lifts.",
    r"^out_mlp\.": "projection.",
    r"\.linear_pre\.": ".lift.",
    r"\.linears\.": ".layers.",
    r"\.linear_post\.": ".projection.",
    r"\.crossattn\.": ".cross.",
    r"\.selfattn\.(key|value)\.": r".attention.\1s.0.",
    r"\.selfattn\.": ".attention.",
    r"\.proj\.": ".output.",
    r"\.ln1\.": ".attention_norms.0.",
    r"\.ln2_branch\.": ".function_norms.",
    r"\.ln3\.": ".mixture_norms.0.",
    r"\.ln4\.": ".attention_norms.1.",
    r"\.ln5\.": ".mixture_norms.1.",
    r"\.moe_mlp1\.(\d+)\.": r".mixtures.0.experts.\1.",
    r"\.moe_mlp2\.(\d+)\.": r".mixtures.1.experts.\1.",
    r"\.mlp1\.": ".mixtures.0.experts.0.",
    r"\.mlp2\.": ".mixtures.1.experts.0.",
    r"(experts\.\d+)\.2\.": r"\1.3.",
    r"\.gatenet\.": ".gate.",
}


def arguments(config: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Return our constructor arguments for those of the reference's class.

    Raises
    ------
    InputError
        Unknown class, or a setting is switched on that we do not have or that fails there.
    """
    if reference not in CLASSES:
        raise expected(f"a reference out of {', '.join(CLASSES)}", repr(reference), "Correct the name.")
    given: Mapping[str, Any] = defaultdict(lambda: None, config)
    if given["attn_type"] not in (None, "linear"):
        raise expected("attn_type = 'linear'", repr(given["attn_type"]), "This variant has no counterpart here.")
    if given["space_dim"] is None:
        raise expected("space_dim in the configuration", "none", "Add the number of space dimensions.")
    if reference == "GNOT" and given["horiz_fourier_dim"]:
        raise expected("horiz_fourier_dim = 0", given["horiz_fourier_dim"], "The reference fails there.")
    dim, hidden = given["space_dim"], given["n_hidden"]
    dims = [min(dim, width) for width in given["branch_sizes"] or []]
    return {
        "in_channels": [width - own for width, own in zip(given["branch_sizes"] or [], dims, strict=True)],
        "out_channels": given["output_size"],
        "dim": dim,
        "hidden_channels": hidden,
        "n_layers": given["n_layers"],
        "n_heads": given["n_head"],
        "n_experts": given["n_experts"] if reference == "GNOT" else 1,
        "parameter_channels": given["trunk_size"] - dim,
        "options": {
            "feed_forward_channels": (given["n_inner"] if reference == "GNOT" else 4) * hidden,
            "mlp_layers": given["mlp_layers"],
            "activation": given["act"] or "gelu",
            "pre_norm": reference == "CGPT",
            "octaves": given["horiz_fourier_dim"] or 0,
            "function_dims": dims,
            "dropout": given["ffn_dropout"] or 0.0,
            "attention_dropout": given["attn_dropout"] or 0.0,
        },
    }


def weights(state: Mapping[str, Tensor], *, gated: bool) -> dict[str, Tensor]:
    """Return our state dict for the reference's, without the gates unless ``gated``."""
    return {renamed(name): value for name, value in state.items() if gated or ".gatenet." not in name}


def renamed(name: str) -> str:
    """Return our name of a weight of the reference."""
    for pattern, new in RENAMED.items():
        name = re.sub(pattern, new, name)
    return name
