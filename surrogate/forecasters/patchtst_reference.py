"""Settings and weights of the public implementation of PatchTST, turned into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from surrogate.datasets.errors import expected

SMALL = {"hidden_channels": 16, "n_heads": 4, "dropout": 0.3, "options": {"feed_forward_channels": 128}}
TYPE3 = "4e-6 in the first epoch, constant in the next three, then times 0.9 each epoch"
# channels, further network arguments, batch size, learning rate, schedule, patience
RECIPES: dict[str, tuple[int, dict[str, Any], int, float, str, int]] = {
    "etth1": (7, SMALL, 128, 1e-4, TYPE3, 100),
    "etth2": (7, SMALL, 128, 1e-4, TYPE3, 100),
    "ettm1": (7, {}, 128, 1e-4, "one cycle, rising for 0.4", 20),
    "ettm2": (7, {}, 128, 1e-4, "one cycle, rising for 0.4", 20),
    "weather": (21, {}, 128, 1e-4, TYPE3, 20),
    "electricity": (321, {}, 32, 1e-4, "one cycle, rising for 0.2", 10),
    "traffic": (862, {}, 24, 1e-4, "one cycle, rising for 0.2", 10),
    "illness": (7, {**SMALL, "patch_length": 24, "stride": 2}, 16, 2.5e-3, "constant", 100),
}
FIXED: dict[str, tuple[Any, ...]] = {  # settings of which only one value has a counterpart, or does what it says
    "norm": ("BatchNorm",),
    "pre_norm": (False,),
    "d_k": (None,),
    "d_v": (None,),
    "attn_dropout": (0.0,),
    "head_type": ("flatten",),
    "padding_patch": ("end", None, "None"),
}
RENAMED = {
    r"^model(_res)?\.": "networks.0.",
    r"^model_trend\.": "networks.1.",
    r"\.revin_layer\.affine_": ".rev_in.",
    r"\.backbone\.W_pos$": ".positions",
    r"\.backbone\.W_P\.": ".embedding.",
    r"\.backbone\.encoder\.": ".",
    r"\.self_attn\.to_out\.0\.": ".attention.output.",
    r"\.norm_attn\.1\.": ".norms.0.",
    r"\.norm_ffn\.1\.": ".norms.1.",
    r"\.ff\.": ".feed_forward.",
    r"\.head\.linear\.": ".head.",
}


def published() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the supervised configurations of the paper with 42 patches, for its first horizon."""
    configurations = {}
    for name, (channels, network, batch_size, learning_rate, schedule, patience) in RECIPES.items():
        sizes = {"history": 104, "horizon": 24} if name == "illness" else {"history": 336, "horizon": 96}
        training = {
            "epochs": 100,
            "optimizer": "Adam",
            "loss": "mse",
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "schedule": schedule,
            "patience": patience,
            "seed": 2021,
        }
        configurations[name] = {"network": {"channels": channels, **sizes, **network}, "training": training}
    return configurations


def check_variant(config: Mapping[str, Any], reference: str) -> None:
    """Raise `InputError` for a class or a setting that has no counterpart."""
    if reference != "PatchTST_supervised":
        raise expected("the reference 'PatchTST_supervised'", repr(reference), "Correct the name.")
    for name, values in FIXED.items():
        if name in config and config[name] not in values:
            do = "This variant has no counterpart here."
            raise expected(f"{name} = {values[0]!r}", repr(config[name]), do)
    rest = (config["seq_len"] - config["patch_len"]) % config["stride"]
    if config["padding_patch"] != "end" and rest:
        raise expected("patches to the end of the window", f"{rest} values that the reference drops", "Pad the end.")


def arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return our constructor arguments for the reference's settings."""
    return {
        "channels": config["enc_in"],
        "history": config["seq_len"],
        "horizon": config["pred_len"],
        "patch_length": config["patch_len"],
        "stride": config["stride"],
        "hidden_channels": config["d_model"],
        "n_layers": config["e_layers"],
        "n_heads": config["n_heads"],
        "dropout": config["dropout"],
        "options": {
            "feed_forward_channels": config["d_ff"],
            "activation": config.get("act", "gelu"),
            "residual_attention": config.get("res_attention", True),
            "pad_end": config["padding_patch"] == "end",
            "head_dropout": config["head_dropout"],
            "individual": bool(config["individual"]),
            "normalized": bool(config["revin"]),
            "affine": bool(config["affine"]),
            "subtract_last": bool(config["subtract_last"]),
            "decomposition": bool(config["decomposition"]),
            "kernel": config["kernel_size"],
        },
    }


def weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return our state dict for the reference's: three projections become one, single heads are stacked."""
    ours: dict[str, Tensor] = {}
    for name, value in state.items():
        if not re.search(r"\.self_attn\.(W_|sdp_attn)|\.head\.linears\.", name):
            ours[_renamed(name)] = value
    for part in ("weight", "bias"):
        for first in [name for name in state if name.endswith(f".self_attn.W_Q.{part}")]:
            three = torch.cat([state[first.replace(".W_Q.", f".{which}.")] for which in ("W_Q", "W_K", "W_V")])
            ours[_renamed(first).replace("self_attn.W_Q", "attention.projection")] = three
        for first in [name for name in state if name.endswith(f".head.linears.0.{part}")]:
            stem = first.removesuffix(f"0.{part}")
            count = sum(name.startswith(stem) and name.endswith(part) for name in state)
            heads = torch.stack([state[f"{stem}{channel}.{part}"] for channel in range(count)])
            ours[_renamed(first).replace("head.linears.0", "head")] = heads
    return ours


def _renamed(name: str) -> str:
    for pattern, new in RENAMED.items():
        name = re.sub(pattern, new, name)
    return name
