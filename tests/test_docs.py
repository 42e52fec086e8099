"""Every public name has its line in the documentation, and the equation that it writes down is solved."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import surrogate

DOCS = Path(__file__).parents[1] / "docs"
API = DOCS / "api.rst"
MODULES = pkgutil.walk_packages(surrogate.__path__, "surrogate.")
PACKAGES = ["surrogate", *(m.name for m in MODULES if m.ispkg and m.name != "surrogate.cli")]  # the shell's has --help


def documented() -> list[str]:
    """Return the full names that the API page lists."""
    names, module = [], ""
    for line in API.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.fullmatch(r"   ([\w.]+)", line):
            names.append(f"{module}.{match[1]}")
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_documented(package: str) -> None:
    module = importlib.import_module(package)
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        listed = [full for full in documented() if full.endswith(f".{name}")]  # perhaps under another package
        assert isinstance(value, ModuleType) or any(pkgutil.resolve_name(full) is value for full in listed), name


def test_the_equation_of_the_page_on_solvers() -> None:
    """Its soliton sqrt(c) sech(sqrt(c) (x - c t)), which is e^-20 at the ends of the period."""
    (code,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "concepts" / "solvers.md").read_text(encoding="utf-8"), re.DOTALL
    )
    page: dict[str, Any] = {}
    exec(code, page)
    solver, (x,) = page["solver"], page["solver"].domain.axes

    def soliton(time: float) -> torch.Tensor:
        return torch.from_numpy(1 / np.cosh(x - 20 - time))[None, None]

    torch.testing.assert_close(solver(soliton(0.0)), soliton(0.5), rtol=0, atol=1e-7)
    assert solver.dt_max(soliton(0.0)) > 0.5
