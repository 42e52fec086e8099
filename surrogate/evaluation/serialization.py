"""A comparison as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np

from surrogate.evaluation.report import Comparison


def to_json(comparison: Comparison) -> str:
    """Return the text of ``report.json``: valid JSON, in which numbers that are not finite are strings."""
    errors = comparison.scores["relative_l2"].mean("sample")
    over_time = errors.mean("field")
    content = {
        "headline": "relative L2 over space and all times, mean over fields and samples",
        "reference_error": comparison.floor,
        "errors_of_seeds": {
            name: scores["error"].transpose("seed", "sample").values for name, scores in comparison.seed_scores.items()
        },
        "members": [dataclasses.asdict(row) for row in comparison.rows],
        "verdicts": [dataclasses.asdict(verdict) for verdict in comparison.verdicts],
        "lead_times": comparison.scores["time"].values,
        "relative_l2_over_time": {str(part["member"].values): part.values for part in over_time},
        "relative_l2_of_fields_over_time": {
            str(part["member"].values): {str(name): part.sel(field=name).values for name in part["field"].values}
            for part in errors
        },
        "errors_of_samples": {str(part["member"].values): part.values for part in comparison.scores["error"]},
        "learning_curves": {name: dataclasses.asdict(curve) for name, curve in comparison.learning_curves.items()},
        "notes": comparison.notes,
        "provenance": comparison.provenance,
    }
    return json.dumps(plain(content), indent=1, allow_nan=False)


def plain(value: Any) -> Any:
    """Return ``value`` in terms of JSON."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
