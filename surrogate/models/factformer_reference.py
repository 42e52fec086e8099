"""Settings and weights of the authors' implementation of FactFormer, turned into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from surrogate.datasets.errors import expected

SCRIPTS: dict[str, dict[str, Any]] = {
    "turb_ns2d_fact_lm": {"dim": 2, "position_scale": 8.0},
    "turb_ns3d_fact_lm": {"dim": 3, "position_scale": 8.0},
    "threed_smokesim_fact_lm": {"dim": 3, "convolution_branch": True},
    "darcy2d_fact": {"dim": 2, "convolution_branch": True},
}

RENAMED = {
    r"^latent_time_emb$": "marching.steps",
    r"^to_in\.(weight|bias)$": r"lift.fields.\1",
    r"^to_in\.0\.": "lift.fields.fields.",
    r"^to_in\.2\.": "lift.fields.frames.",
    r"^encoder\.layers\.(\d+)\.0\.0\._B$": r"positions.\1.frequencies",
    r"^encoder\.layers\.(\d+)\.0\.1\.": r"positions.\1.linear.",
    r"^encoder\.layers\.(\d+)\.1\.": r"layers.\1.",
    r"\.to_v\.": ".value.",
    r"^(layers\.\d+)\.to_in\.": r"\1.shared.",
    r"\.to_([xyz])\.\d\.to_in\.": r".axes.\1.projection.linear.",
    r"\.to_([xyz])\.\d\.out_ffn\.norm\.": r".axes.\1.projection.norm.",
    r"\.to_([xyz])\.\d\.out_ffn\.fn\.net\.0\.": r".axes.\1.projection.gate.",
    r"\.to_([xyz])\.\d\.out_ffn\.fn\.net\.3\.": r".axes.\1.projection.projection.",
    r"\.low_rank_kernel_([xyz])\.to_q\.": r".axes.\1.query.",
    r"\.low_rank_kernel_([xyz])\.to_k\.": r".axes.\1.key.",
    r"\.to_out\.1\.": ".output.0.",
    r"\.to_out\.3\.": ".output.2.",
    r"^expand_latent\.": "marching.expand.",
    r"^propagator\.norm\.": "marching.norm.",
    r"^propagator\.fn\.net\.": "marching.propagator.",
    r"^simple_to_out\.1\.": "decoder.norm.",
    r"^simple_to_out\.2\.": "decoder.maps.0.",
    r"^simple_to_out\.4\.": "decoder.maps.2.",
    r"^simple_to_out\.6\.": "decoder.maps.4.",
    r"^down_block\.1\.": "branch.down.0.",
    r"^down_block\.3\.": "branch.down.2.",
    r"^up_block\.1\.": "branch.up.0.",
    r"^up_block\.3\.": "branch.up.2.",
    r"\.axes\.x\.": ".axes.0.",
    r"\.axes\.y\.": ".axes.1.",
    r"\.axes\.z\.": ".axes.2.",
}


def arguments(config: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Return our constructor arguments for the section ``model`` of a configuration of the reference's script.

    Raises
    ------
    InputError
        Unknown script.
    """
    if reference not in SCRIPTS:
        raise expected(f"a reference out of {', '.join(SCRIPTS)}", repr(reference), "Correct the name.")
    options = {**SCRIPTS[reference], "norm": config.get("norm_variant", "group")}
    dim = options.pop("dim")
    options |= {"kernel_multiplier": config["kernel_multiplier"], "small_kernels": True, "quadrature": False}
    if reference == "threed_smokesim_fact_lm":
        options["padding"] = config["padding"]
    steps = 0 if reference == "darcy2d_fact" else config["max_latent_steps"]
    if steps:
        # one of the configurations misspells it
        multiplier = config.get("latent_multiplier", config.get("latent_mutliplier"))
        isotropic = reference == "turb_ns3d_fact_lm"
        options |= {"latent_multiplier": multiplier, "decoder_groups": 8 if isotropic else int(8 * multiplier)}
    if dim == 3:
        options["in_fields"] = config["in_dim"]
    return {
        "in_channels": config["in_dim"] * (config["in_time_window"] if steps else 1),
        "out_channels": config["out_dim"] * max(steps, 1),
        "dim": dim,
        "hidden_channels": config["dim"],
        "n_layers": config["depth"],
        "n_heads": config["heads"],
        "head_channels": config["dim_head"],
        "latent_steps": steps,
        "options": options,
    }


def weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return our state dict for the reference's."""
    ours = {renamed(name, RENAMED): value for name, value in state.items() if not name.endswith(".inv_freq")}
    if "marching.steps" in ours:
        ours["marching.steps"] = ours["marching.steps"].flatten(1, -2)[0]
    return ours


def renamed(name: str, table: Mapping[str, str]) -> str:
    """Return the name after all replacements of a table, from regular expression to text, in their order."""
    for pattern, new in table.items():
        name = re.sub(pattern, new, name)
    return name
