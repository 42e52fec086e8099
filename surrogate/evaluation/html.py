"""The page of a comparison: one file that needs nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape

from surrogate.evaluation.plots import Drawn
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.serialization import plain
from surrogate.evaluation.summary import Row
from surrogate.evaluation.table import HEADINGS, cells, ordered, reference_sentence
from surrogate.evaluation.verdicts import MODES, duration

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p.lead { color: #555; margin-top: 0; }
.verdict { border-left: 4px solid #0072b2; background: #f4f8fb; padding: .5rem 1rem; margin: .6rem 0; }
.verdict.lost { border-color: #d55e00; background: #fdf5f0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e4e4; }
th:first-child, td:first-child { text-align: left; }
tr.surrogate td { font-weight: 600; } tr.first td { border-top: 2px solid #999; }
figure { margin: 1.2rem 0; } img { max-width: 100%; } figcaption { font-size: .9rem; color: #555; }
pre { background: #f6f6f6; padding: .8rem; font-size: .78rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page(comparison: Comparison, figures: Sequence[Drawn]) -> str:
    """Return the HTML of the report, images within."""
    equation = comparison.provenance["equation"]
    body = [
        "<h1>Surrogate and solver at equal accuracy</h1>",
        f'<p class="lead">{escape(_subject(comparison))}</p>',
        f"<p>{escape(equation)}</p>" if equation else "",
        _verdicts(comparison),
        "<h2>How it was measured</h2>",
        *(f"<p>{escape(text)}</p>" for text in _method(comparison)),
        "<h2>Errors and costs</h2>",
        _table(comparison),
        *(_extra_tables(comparison)),
        "<h2>Figures</h2>",
        *map(_figure, figures),
        "<h2>Provenance</h2>",
        f"<details><summary>All settings (also in report.json)</summary><pre>{_settings(comparison)}</pre></details>",
    ]
    head = f'<meta charset="utf-8"><title>Comparison</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(body) + "\n</body></html>\n"


def _subject(comparison: Comparison) -> str:
    source = comparison.provenance
    case = source["case"]["case"] if source["case"] else "data without a case"
    text = f"{case}, {source['samples']} samples"
    if source["frames"] is not None:
        text += f", {source['frames']} frames at intervals of {source['time_between_frames']:.4g}"
    return f"{text}. Made on {source['date'][:10]}."


def _verdicts(comparison: Comparison) -> str:
    boxes = []
    for verdict in comparison.verdicts:
        won = verdict.match is not None and verdict.match.status in ("speed-up", "not reached")
        text = f"<strong>{escape(verdict.name)}</strong>, {MODES[verdict.mode]}: {escape(verdict.sentence)}"
        boxes.append(f'<div class="verdict{"" if won else " lost"}">{text}{_aside(verdict.match)}</div>')
    return "\n".join(boxes)
