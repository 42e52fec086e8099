"""The page of a comparison: one file that needs nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape

from surrogate.evaluation.html_tables import by_field, ensembles, line_of, physics, table_of
from surrogate.evaluation.plots import Drawn
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.serialization import plain
from surrogate.evaluation.summary import Row
from surrogate.evaluation.table import cells, heading, headings, investments, ordered, reference_sentence, remarks
from surrogate.evaluation.timing import REPEATS
from surrogate.evaluation.verdicts import duration

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p.lead { color: #555; margin-top: 0; }
.verdict { border-left: 4px solid #999; background: #f6f6f6; padding: .5rem 1rem; margin: .6rem 0; }
.verdict.won { border-color: #0072b2; background: #f4f8fb; }
.verdict.lost { border-color: #d55e00; background: #fdf5f0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .2rem .45rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e4e4; }
th:first-child, td:first-child { text-align: left; }
tr.surrogate td { font-weight: 600; } tr.first td { border-top: 2px solid #999; }
figure { margin: 1.2rem 0; } img { max-width: 100%; } figcaption { font-size: .9rem; color: #555; }
pre { background: #f6f6f6; padding: .8rem; font-size: .78rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""

DETAILS = (
    "95 % interval",
    "median",
    "90 %",
    "geometric mean over time",
    "correlation 0.9 until",
    "set-up + first call",
    "blew up",
)
VERDICTS = {"speed-up": "won", "not reached": "won", "the solver dominates": "lost", "not bracketed": ""}


def page(comparison: Comparison, figures: Sequence[Drawn]) -> str:
    """Return the HTML of the report, images within; the first figure goes with the verdicts."""
    equation = comparison.provenance["equation"]
    first, *others = figures
    body = [
        "<h1>Surrogate and solver at equal accuracy</h1>",
        f'<p class="lead">{escape(_subject(comparison))}</p>',
        f"<p>{escape(equation)}</p>" if equation else "",
        _verdicts(comparison),
        _figure(first),
        "<h2>How it was measured</h2>",
        *(f"<p>{escape(text)}</p>" for text in _method(comparison)),
        "<h2>Errors and costs</h2>",
        _table(comparison),
        by_field(comparison),
        physics(comparison),
        ensembles(comparison),
        "<h2>Figures</h2>",
        *map(_figure, others),
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
        kind = "" if verdict.match is None else VERDICTS[verdict.match.status]
        text = f"<strong>{escape(heading(verdict, comparison))}</strong>: {escape(verdict.sentence)}"
        boxes.append(f'<div class="verdict {kind}">{text}</div>')
    return "\n".join(boxes)


def _method(comparison: Comparison) -> list[str]:
    source, machine = comparison.provenance, comparison.provenance["environment"]
    texts = [reference_sentence(comparison)]
    if source["data_solver"] is not None:
        made = ", ".join(f"{key} {value}" for key, value in source["data_solver"].items() if key != "solver")
        texts.append(f"The data were made by the solver {source['data_solver'].get('solver')} ({made}).")
    if source["frames"] is not None:
        texts.append(
            "All start from the same given frames, which are not scored, and meet at the same times and points."
        )
    texts.append(
        "Errors are relative L2 norms over space and all times, means over fields and samples. Times run from the "
        "state in host memory to the frames in host memory, transfers and interpolation included, after a warm-up, "
        f"medians over {_repeats(comparison)}. The solver of equal error is interpolated between the best solvers."
    )
    hardware = machine.get("accelerator") or machine["processor"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    texts.append(f"Machine: {hardware}, {machine['threads']} threads, {machine['system']}. Versions: {versions}.")
    unranked = [row.name for row in comparison.rows if not row.ranked]
    if unranked:
        texts.append(f"Not ranked, because the reference itself is not much better: {'; '.join(unranked)}.")
    return [*texts, *investments(comparison), *remarks(comparison)]


def _repeats(comparison: Comparison) -> str:
    counts = [timing.repeats for row in comparison.rows if row.cost is not None for timing in row.cost.tried]
    few = min(counts, default=REPEATS)
    return f"{REPEATS} repeats" if few == REPEATS else f"{few} to {max(counts)} repeats (the time was limited)"


def _table(comparison: Comparison) -> str:
    previous, lines = None, []
    for row in ordered(comparison.rows):
        first = " first" if previous not in (None, row.kind) else ""
        lines.append(line_of([*cells(row, comparison), *_details(row)], "td", f"{row.kind}{first}"))
        previous = row.kind
    return table_of([*headings(comparison), *DETAILS], lines)


def _details(row: Row) -> list[str]:
    s = row.statistics
    first = "" if row.cost is None else duration(row.planning_seconds + row.cost.first_call_seconds)
    interval = f"{s.low:.2e} to {s.high:.2e}"
    blown_up = f"{s.blown_up:.0%} at frame {s.blown_up_at}" if s.blown_up else ""
    until = s.closely_correlated_until
    closely = "" if until is None else f"{'> ' if s.closely_censored else ''}{until:.3g}"
    return [interval, f"{s.median:.2e}", f"{s.percentile_90:.2e}", f"{s.geometric:.2e}", closely, first, blown_up]


def _figure(drawn: Drawn) -> str:
    data = base64.b64encode(drawn.png).decode()
    caption = escape(drawn.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )


def _settings(comparison: Comparison) -> str:
    return escape(json.dumps(plain(comparison.provenance), indent=1, ensure_ascii=False))
