"""Every public name has its line in the documentation."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import surrogate

API = Path(__file__).parents[1] / "docs" / "api.rst"
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
