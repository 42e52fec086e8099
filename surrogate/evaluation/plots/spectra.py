"""Energy spectra at the last time."""

from __future__ import annotations

from matplotlib.figure import Figure

from surrogate.evaluation.plots.rivals import rival, surrogates
from surrogate.evaluation.plots.style import REFERENCE, SOLVERS, canvas, colors, tidy
from surrogate.evaluation.report import Comparison


def spectra(comparison: Comparison) -> Figure:
    """Draw the mean energy spectra of reference, candidates and rival solver at the last time, a panel a field."""
    scores = comparison.scores
    fields = [str(name) for name in scores["field"].values]
    figure = canvas(0.8 + 5.6 * len(fields), 4.2)
    lines = [("reference", REFERENCE, "-", scores["reference_spectrum"])]
    solver = rival(comparison)
    if solver is not None:
        lines.append((f"solver: {solver}", SOLVERS, "--", scores["spectrum"].sel(member=solver)))
    for name, color in colors(surrogates(comparison)).items():
        lines.append((name, color, "-", scores["spectrum"].sel(member=name)))
    for axes, field in zip(figure.subplots(1, len(fields), squeeze=False)[0], fields, strict=True):
        for label, color, style, spectrum in lines:
            part = spectrum.sel(field=field).isel(wavenumber=slice(1, None))
            axes.loglog(
                part["wavenumber"], part, style, color=color, label=label, lw=1.6 if color == REFERENCE else 1.2
            )
        top = float(scores["reference_spectrum"].sel(field=field).isel(wavenumber=slice(1, None)).max())
        axes.set_ylim(top * 1e-16, top * 10)
        axes.set(xlabel="wavenumber", ylabel=f"energy of {field}")
        tidy(axes)
    figure.axes[0].legend(frameon=False, fontsize="small", loc="lower left")
    return figure
