"""Where a comparison comes from."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr

from surrogate.evaluation.environment import environment
from surrogate.evaluation.members import Member
from surrogate.evaluation.reference import Reference
from surrogate.evaluation.schedule import Schedule
from surrogate.evaluation.verdicts import Investment
from surrogate.operator import Operator


def investment_of(seeds: Sequence[Operator], truth: xr.Dataset) -> Investment:
    """Return what data, training (the mean over seeds) and tuning cost, as far as the files say."""
    records = [getattr(operator, "record", {}) for operator in seeds]
    tuning = [float(record["tuning_seconds"]) for record in records if "tuning_seconds" in record]
    training = [float(record["training_seconds"]) for record in records if "training_seconds" in record]
    generation = truth.attrs.get("generation_seconds")
    return Investment(
        None if generation is None else float(generation),
        sum(training) / len(training) if len(training) == len(records) else None,
        max(tuning) if tuning else None,
    )


def provenance(
    players: Sequence[Member],
    truth: xr.Dataset,
    reference: Reference,
    schedule: Schedule | None,
    devices: Sequence[torch.device],
    seed: int,
) -> dict[str, Any]:
    """Return everything needed to make the comparison again (JSON)."""
    judged = [member for member in players if member.kind == "surrogate"]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": " ".join(sys.argv),
        "environment": environment(devices[0]),
        "devices": {str(device): environment(device) for device in devices},
        "equation": truth.attrs.get("equation"),
        "case": _parsed(truth.attrs.get("case")),
        "data_seed": None if "seed" not in truth.attrs else int(truth.attrs["seed"]),
        "data_solver": _parsed(truth.attrs.get("solver")),
        "samples": truth.sizes["sample"],
        "sample_numbers": truth["sample"].values.tolist() if "sample" in truth.coords else None,
        "frames": None if schedule is None else schedule.count,
        "time_between_frames": None if schedule is None else schedule.stride * schedule.dt,
        "reference": reference.settings,
        "bootstrap_seed": seed,
        "candidates": {member.name: [_description(operator) for operator in member.seeds] for member in judged},
        "recorded": {
            member.name: {"files": member.recorded.label, "hardware": member.recorded.hardware}
            for member in players
            if member.recorded is not None
        },
    }


def _description(operator: Operator) -> dict[str, Any]:
    parameters = sum(parameter.numel() for parameter in operator.parameters())
    record = getattr(operator, "record", None) or dict(operator.settings)
    return {"class": type(operator).__name__, "parameters": parameters, "record": record}


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)
