"""The XML file that names the data files of a format, and what we note in it."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import xarray as xr

from surrogate.datasets.notes import Notes
from surrogate.datasets.storage.whole_files import replacing


def write_index(path: Path, root: Element, place: Element, fields: xr.Dataset) -> None:
    """Write ``root`` to a file, whole or not at all, with the `Notes` of the fields as a last entry of ``place``."""
    SubElement(place, "Information", Name="surrogate").text = Notes.of(fields).text()
    indent(root)
    with replacing(path) as part:
        ElementTree(root).write(part, encoding="utf-8", xml_declaration=True)
