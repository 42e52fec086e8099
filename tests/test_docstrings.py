"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import surrogate

MODULES = [module.name for module in pkgutil.walk_packages(surrogate.__path__, "surrogate.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failures, _ = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert failures == 0
