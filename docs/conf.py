"""Sphinx settings; warnings are errors (``make docs``)."""

from __future__ import annotations

import logging

import surrogate

logging.getLogger("skfem").setLevel(logging.WARNING)  # accessible-pygments, of furo, lets all libraries log at INFO

project = "surrogate"
author = "The surrogate developers"
copyright = "2026, The surrogate developers"
release = surrogate.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/GALLERY_HEADER.rst", "results"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = f"surrogate {release}"

default_role = "autolink"  # `name` in a docstring links where it can
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # or the fields of named tuples are described twice
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py",
    "abort_on_example_error": True,
    "write_computation_times": False,
    "download_all_examples": False,
}
