"""How ``--help`` is laid out."""

from __future__ import annotations

import re
import textwrap

from jsonargparse import DefaultHelpFormatter

#: Where a piece of text begins that is not to run on from the one before: after an empty line, or an example.
_BEGINS = re.compile(r"\n\s*\n|\n\s*(?=Example:)")


class HelpText(DefaultHelpFormatter):
    """Descriptions keep their paragraphs; examples follow, each on its line."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = textwrap.TextWrapper(width, initial_indent=indent, break_on_hyphens=False, break_long_words=False)
        pieces = [" ".join(piece.split()) for piece in _BEGINS.split(text.strip())]
        paragraphs: list[str] = []
        examples: list[str] = []
        for piece in pieces:
            is_example = piece.startswith("Example:")
            lines.subsequent_indent = indent + " " * 4 * is_example
            (examples if is_example else paragraphs).append(lines.fill(piece))
        return "\n\n".join([*paragraphs, *(["\n".join(examples)] if examples else [])])
