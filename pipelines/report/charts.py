"""Histograms as inline SVG: sharp at any size, no library in the page."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping, Sequence
from typing import Final

from pipelines.report.notes import MIN_NOTE_SECS, note_name

WIDE: Final = 760
NARROW: Final = 430  # two stand side by side
HEIGHT: Final = 170
LEFT: Final = 36  # room for the axis' labels
RIGHT: Final = 16
BOTTOM: Final = 22
TOP: Final = 8
STRAY_SHARE: Final = 0.01  # of the highest bar: under two points high


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bar.

    Args:
        at: Its place on the axis, in the axis' unit.
        secs: Its height, in seconds.
        title: Shown when the mouse rests on it.
        style: CSS class.
    """

    at: float
    secs: float
    title: str
    style: str = "bar"


def pitch_chart(trained: Mapping[str, float], found: Mapping[str, float]) -> str:
    """Draw seconds by note; what was found and is not trained on lies behind."""
    notes = [int(key) for key in (*trained, *found)]
    if sum(found.values()) < MIN_NOTE_SECS:
        return "<p class='none'>No note was found.</p>"
    low, high = min(notes) - 1, max(notes) + 1
    bars = []
    for name, secs, style in (("found", found, "ghost"), ("trained", trained, "bar")):
        bars += [
            Bar(int(k), s, f"{note_name(int(k))}: {s:.1f} s {name}", style)
            for k, s in secs.items()
        ]
    span = high - low
    every = 12 if span > 60 else 4 if span > 16 else 1
    ticks = [(n, note_name(n)) for n in range(low, high + 1) if n % every == 0]
    return _chart(bars, (low - 0.5, high + 0.5), 1.0, ticks, "seconds by note", WIDE)


def histogram_chart(
    bins: Sequence[Sequence[float]], step: float, unit: str, label: str, every: float
) -> str:
    """Draw seconds by value.

    Args:
        bins: (value, seconds).
        step: Between two bins.
        unit: Of the values.
        label: What the chart shows, for those who hear the page.
        every: Distance of the ticks, in the unit.
    """
    if not bins:
        return "<p class='none'>Nothing was measured.</p>"
    bins = _without_strays(bins)
    bars = [Bar(v, s, f"{v:g}{unit}: {s:.1f} s") for v, s in bins]
    low, high = bins[0][0] - step, bins[-1][0] + step
    first, last = math.ceil(low / every), math.floor(high / every)
    ticks = [(k * every, f"{k * every:g}{unit}") for k in range(first, last + 1)]
    return _chart(bars, (low, high), step, ticks, label, NARROW)


def _chart(
    bars: Sequence[Bar],
    ends: tuple[float, float],
    step: float,
    ticks: Sequence[tuple[float, str]],
    label: str,
    width: int,
) -> str:
    top = max(bar.secs for bar in bars) or 1.0
    scale = (width - LEFT - RIGHT) / (ends[1] - ends[0])
    inner = HEIGHT - BOTTOM - TOP
    parts = []
    for bar in bars:
        x = LEFT + (bar.at - step / 2 - ends[0]) * scale
        height = bar.secs / top * inner
        parts.append(
            f'<rect class="{bar.style}" x="{x + 0.5:.1f}"'
            f' y="{TOP + inner - height:.1f}" width="{max(step * scale - 1, 0.6):.1f}"'
            f' height="{height:.1f}"><title>{html.escape(bar.title)}</title></rect>'
        )
    for at, text in ticks:
        x = LEFT + (at - ends[0]) * scale
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">'
            f"{html.escape(text)}</text>"
        )
    parts.append(
        f'<line x1="{LEFT}" x2="{width}" y1="{TOP + inner}" y2="{TOP + inner}"/>'
        f'<text x="{LEFT - 4}" y="{TOP + 9}" text-anchor="end">{_short(top)}</text>'
        f'<text x="{LEFT - 4}" y="{TOP + inner}" text-anchor="end">0</text>'
    )
    return (
        f'<svg viewBox="0 0 {width} {HEIGHT}" role="img"'
        f' aria-label="{html.escape(label)}">{"".join(parts)}</svg>'
    )


def _without_strays(bins: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """Leave out what is too little to be seen, at both ends."""
    least = STRAY_SHARE * max(secs for _, secs in bins)
    seen = [k for k, (_, secs) in enumerate(bins) if secs >= least]
    return bins[seen[0] : seen[-1] + 1]


def _short(secs: float) -> str:
    """Return a duration in few characters.

    >>> _short(7.25), _short(90), _short(9000)
    ('7.2s', '90s', '150m')
    """
    if secs < 10:
        return f"{secs:.1f}s"
    return f"{secs:.0f}s" if secs < 600 else f"{secs / 60:.0f}m"
