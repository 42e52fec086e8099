"""surrogate audit."""

from __future__ import annotations

from typing import Any

import surrogate as sg
from surrogate.cli.opening_options import OpeningOptions
from surrogate.cli.screen import screen
from surrogate.datasets.storage.whole_files import refuse_existing


def audit(
    path: str,
    *,
    opening: OpeningOptions,
    validation: str | None = None,
    test: str | None = None,
    equation: str | None = None,
    parameters: dict[str, Any] | None = None,
    samples: int = 8,
    full: bool = False,
    format: str | None = None,
    json: str | None = None,
    overwrite: bool = False,
) -> int:
    """Look for what is wrong with data; exit with code 1 if there are errors.

    Example: surrogate audit train.h5 --test test.h5
    Example: surrogate audit darcy_train_16.pt --equation darcy
    Example: surrogate audit burgers.mat --equation burgers --parameters.viscosity 0.01 --grid '{"periodic": true}'

    Args:
        path: A file or folder of fields; those to train on if others follow.
        validation: Another part of the same data: nothing of it should be in the first.
        test: A third one.
        equation: The equation that they should satisfy, such as burgers, darcy or kdv; default: the case in the file.
        parameters: Constants of the named equation that are not in the file, each as --parameters.NAME VALUE.
        samples: Number of samples to try the equation on, evenly spaced.
        full: Try it on all samples and frames.
        format: Name of the format, where it cannot be told.
        json: Also write the report to this file.
        overwrite: Replace that file if it exists.
    """
    if json is not None:
        refuse_existing(json, overwrite)
    report = sg.audit(
        path,
        parts={part: file for part, file in (("validation", validation), ("test", test)) if file is not None},
        equation=equation,
        parameters=parameters,
        samples=None if full else samples,
        opening={"format": format, **vars(opening)},
    )
    screen().print(report)
    if json is not None:
        report.save(json, overwrite=overwrite)
    return int(bool(report.of("error")))
