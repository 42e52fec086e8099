"""Settings and weights of the public implementation of the Galerkin transformer, turned into ours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from surrogate.datasets.errors import expected

SCALED = "FourierTransformer2D"
DIMS = {"SimpleTransformer": 1, "FourierTransformer2DLite": 2, SCALED: 2}

OFF: dict[str, tuple[Any, ...]] = {  # settings that we do not have, and the values that mean their absence
    "edge_feats": (None, 0),
    "num_feat_layers": (None, 0),
    "n_freq_targets": (None, 0),
    "feat_extract_type": (None,),
    "symmetric_init": (None, False),
    "batch_norm": (None, False),
    "spacial_residual": (None, False),
    "bulk_regression": (None, False),
    "residual_type": (None, "plus", "add"),
    "decoder_type": ("ifft", "pointwise", "ifft2"),
    "downsample_mode": (None, "interp"),
    "upsample_mode": (None, "interp"),
    "regressor_activation": (None, "silu"),
    "upscaler_activation": (None, "silu"),
    "last_activation": (None, True),
    "norm_type": (None, "layer"),
}

RENAMED = {
    r"^feat_extract\.id\.": "lift.",
    r"^downscaler\.downsample\.conv0\.conv\.0\.": "lift.first.0.convolution.",
    **{rf"^downscaler\.downsample\.conv{i + 1}\.conv\.0\.": f"lift.stacked.{i}.0.convolution." for i in range(3)},
    r"^upscaler\.upsample\.conv\.0\.conv\.0\.": "up.block.0.convolution.",
    r"^encoder_layers\.": "layers.",
    r"\.attn\.fc\.": ".attention.output.",
    r"\.ff\.lr1\.": ".feed_forward.0.",
    r"\.ff\.lr2\.": ".feed_forward.3.",
    r"\.layer_norm1\.": ".norms.0.",
    r"\.layer_norm2\.": ".norms.1.",
    r"^regressor\.fc\.": "join.",
    r"^regressor\.spectral_conv\.": "decoder.blocks.",
    r"\.fourier_weight$": ".convolution.weight",
    r"^regressor\.regressor\.": "decoder.projection.",
    r"^regressor\.ff\.": "decoder.layers.",
    r"^regressor\.out\.": "decoder.output.",
}


def arguments(config: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Return our constructor arguments for those of the reference's class.

    Raises
    ------
    InputError
        Unknown class, or a setting is switched on that we do not have.
    """
    if reference not in DIMS:
        raise expected(f"a reference out of {', '.join(DIMS)}", repr(reference), "Correct the name.")
    given = defaultdict(lambda: None, config)
    absent = {name: values for name, values in OFF.items() if name in given and given[name] not in values}
    for name, values in absent.items():
        raise expected(f"{name} = {values[-1]!r}", repr(given[name]), "This variant has no counterpart here.")
    if given["layer_norm"] and given["attn_norm"]:
        raise expected("layer_norm or attn_norm", "both", "This variant has no counterpart here.")
    dim, scaled = DIMS[reference], reference == SCALED
    shapes = _shapes(given) if scaled else {}
    return {
        "in_channels": given["node_feats"] - (dim if dim > 1 and not scaled else 0),
        "out_channels": given["n_targets"],
        "dim": dim,
        "hidden_channels": given["n_hidden"],
        "n_layers": given["num_encoder_layers"],
        "n_heads": given["n_head"],
        "attention": "fourier" if given["attention_type"] == "integral" else given["attention_type"],
        "n_frequencies": given["fourier_modes"] or 16,
        "options": {**_options(given), **(_scaled_options(given) if scaled else {})},
        **shapes,
    }


def _shapes(given: Mapping[str, Any]) -> dict[str, Any]:
    if given["n_fine"] is None or given["n_coarse"] is None:
        raise expected("n_fine and n_coarse in the configuration", "none", "Add the points along an axis.")
    leaving = list((given["upscaler_size"] or [[given["n_fine"]]])[-1])
    return {"coarse_shape": given["n_coarse"], "out_shape": None if leaving[0] == given["n_fine"] else leaving}


def _scaled_options(given: Mapping[str, Any]) -> dict[str, Any]:
    if given["decoder_type"] == "pointwise":
        own = {"decoder": "point"}
    else:
        own = {"joined_channels": given["freq_dim"], "projection_channels": 4 * given["freq_dim"]}
    rate = {name: 0.05 if given[name] is None else given[name] for name in ("downscaler_dropout", "upscaler_dropout")}
    return {
        **own,
        "norm_eps": given["norm_eps"] or 1e-5,
        "down_scaler_activation": given["downscaler_activation"] or "silu",
        "down_scaler_dropout": rate["downscaler_dropout"],
        "up_scaler_dropout": rate["upscaler_dropout"],
    }


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    rate = {name: 0.05 if given[name] is None else given[name] for name in ("dropout", "encoder_dropout")}
    return {
        "feed_forward_channels": given["dim_feedforward"],
        "norm": "layer" if given["layer_norm"] else "heads",
        "coordinates_in_heads": bool(given["pos_dim"]),
        "decoder_channels": given["freq_dim"],
        "decoder_layers": given["num_regressor_layers"],
        "coordinates_in_decoder": bool(given["spacial_fc"]),
        "dropout": rate["dropout"],
        "attention_dropout": rate["encoder_dropout"],
        "encoder_dropout": rate["encoder_dropout"],
        "feed_forward_dropout": given["ffn_dropout"] or 0.0,
        "decoder_dropout": given["decoder_dropout"] or 0.0,
        "xavier_gain": given["xavier_init"],
        "diagonal_weight": given["diagonal_weight"],
    }


def weights(state: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """Return our state dict for the reference's; ``kind`` is that of the attention."""
    ours: dict[str, Tensor] = {}
    for name, value in state.items():
        if re.search(r"\.attn\.(linears|norm_)|fourier_weight\.\d$", name):
            continue
        ours[_renamed(name)] = value
    for name in state:
        if name.endswith(".fourier_weight.0"):  # rows 0, 1, .. and, in entry 1, the negative ones: ours are in order
            halves = [state[f"{name[:-1]}{i}"] for i in (1, 0)]
            block = name.removeprefix("regressor.spectral_conv.").partition(".")[0]
            ours[f"decoder.blocks.{block}.convolution.weight"] = torch.cat(halves, dim=2)
    for layer in range(sum(name.endswith(".attn.linears.0.weight") for name in state)):
        ours |= _attention(state, f"encoder_layers.{layer}.attn", f"layers.{layer}.attention", kind)
    return ours


def _renamed(name: str) -> str:
    for pattern, new in RENAMED.items():
        name = re.sub(pattern, new, name)
    return name


def _attention(state: Mapping[str, Tensor], theirs: str, ours: str, kind: str) -> dict[str, Tensor]:
    joined = {}
    tensors = ("K", "V") if kind in ("galerkin", "linear") else ("Q", "K")
    heads = sum(name.startswith(f"{theirs}.norm_K.") for name in state) // 2
    for part in ("weight", "bias"):
        joined[f"{ours}.projection.{part}"] = torch.cat([state[f"{theirs}.linears.{i}.{part}"] for i in range(3)])
        if heads:
            rows = [torch.stack([state[f"{theirs}.norm_{t}.{head}.{part}"] for head in range(heads)]) for t in tensors]
            joined[f"{ours}.norm.{part}"] = torch.stack(rows)
    return joined
