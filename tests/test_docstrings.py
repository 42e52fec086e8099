"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import surrogate

MODULES = [module.name for module in pkgutil.walk_packages(surrogate.__path__, "surrogate.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failures, _ = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert failures == 0
