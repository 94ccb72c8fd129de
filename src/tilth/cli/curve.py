"""A curve of accuracy against ε, drawn in a terminal or as a picture."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

from tilth.sdk.preview import Curve, Point

_HEIGHT: Final = 12
_APART: Final = 9
"""Columns between two ε."""


def drawn(curve: Curve) -> str:
    """Dots are means, strokes reach from the worst training to the best."""
    low, high = _range(curve)
    width = _APART * len(curve.points)
    grid = [[" "] * width for _ in range(_HEIGHT + 1)]
    for level, sign in ((curve.without, "┄"), (curve.guess, "·")):
        grid[_row(level, low, high)] = [sign] * width
    for number, point in enumerate(curve.points):
        _draw(grid, _APART * number + _APART // 2, point, low, high)
    lines = [f"{_label(row, low, high):>6} ┤{''.join(cells)}" for row, cells in enumerate(grid)]
    names = "".join(f"{point.epsilon:g}".center(_APART) for point in curve.points)
    means = "".join(f"{point.mean:.2f}".center(_APART) for point in curve.points)
    return "\n".join(
        [*lines, f"{'':>6} └{'─' * width}", f"{'ε':>6}  {names}", f"{'mean':>6}  {means}"]
    )


def _draw(grid: list[list[str]], column: int, point: Point, low: float, high: float) -> None:
    top, bottom = (
        _row(value, low, high) for value in (max(point.accuracies), min(point.accuracies))
    )
    for row in range(top, bottom + 1):
        grid[row][column] = "│"
    grid[_row(point.mean, low, high)][column] = "●"


def _range(curve: Curve) -> tuple[float, float]:
    """In tenths, around all there is."""
    values = [curve.without, curve.guess]
    values += [value for point in curve.points for value in point.accuracies]
    low, high = int(min(values) * 10) / 10, -int(-max(values) * 10 // 1) / 10
    return low, min(1.0, max(high, low + 0.1))


def _row(value: float, low: float, high: float) -> int:
    return round(_HEIGHT * (high - value) / (high - low))


def _label(row: int, low: float, high: float) -> str:
    return f"{high - row * (high - low) / _HEIGHT:.2f}" if row % 3 == 0 else ""


def legend(curve: Curve) -> str:
    """What the curve is, and what it is not."""
    some = "" if curve.rows == curve.of_rows else f", of the table's {curve.of_rows:,},"
    return (
        f"● accuracy on {curve.rows:,} made-up rows{some} with a made-up rule to learn, a straight "
        f"line; ┄ {curve.without:.2f} without noise, · {curve.guess:.2f} by guessing.\n"
        "What noise costs is told, not how hard the owner's rows are. No row of his was touched."
    )


_WIDE, _HIGH, _MARGIN = 640, 360, 56


def picture(curve: Curve, title: str) -> str:
    """The same as an SVG."""
    low, high = _range(curve)
    step = (_WIDE - 2 * _MARGIN) / max(1, len(curve.points) - 1)

    def y(value: float) -> float:
        return _MARGIN + (_HIGH - 2 * _MARGIN) * (high - value) / (high - low)

    places = [(_MARGIN + step * number, y(point.mean)) for number, point in enumerate(curve.points)]
    parts = [_text(_WIDE / 2, 24, title, size=15)]
    for tenth in range(round(low * 10), round(high * 10) + 1):
        parts.append(_line((_MARGIN, y(tenth / 10)), (_WIDE - _MARGIN, y(tenth / 10)), "#ddd"))
        parts.append(_text(_MARGIN - 20, y(tenth / 10) + 4, f"{tenth / 10:.1f}"))
    for value, name, colour in (
        (curve.without, "without noise", "#386"),
        (curve.guess, "guessing", "#999"),
    ):
        parts.append(_line((_MARGIN, y(value)), (_WIDE - _MARGIN, y(value)), colour, "6 4"))
        parts.append(_text(_WIDE - _MARGIN - 48, y(value) - 6, f"{name} {value:.2f}", colour))
    for (x, _), point in zip(places, curve.points, strict=True):
        ends = y(min(point.accuracies)), y(max(point.accuracies))
        parts.append(_line((x, ends[0]), (x, ends[1]), "#8bd"))
        parts.append(_text(x, _HIGH - _MARGIN + 22, f"{point.epsilon:g}"))
    parts += [_line(one, other, "#27b") for one, other in pairwise(places)]
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#27b"/>' for x, y in places]
    parts.append(_text(_WIDE / 2, _HIGH - 12, "ε"))
    size = f'width="{_WIDE}" height="{_HIGH}" viewBox="0 0 {_WIDE} {_HIGH}"'
    back = '<rect width="100%" height="100%" fill="white"/>'
    body = "\n".join([back, *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{body}\n</svg>\n'


def _line(
    start: Sequence[float], end: Sequence[float], colour: str, dashes: str | None = None
) -> str:
    broken = f' stroke-dasharray="{dashes}"' if dashes else ""
    where = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {where} stroke="{colour}" stroke-width="2"{broken}/>'


def _text(x: float, y: float, text: str, colour: str = "#333", size: int = 12) -> str:
    look = f'fill="{colour}" font-size="{size}" font-family="sans-serif" text-anchor="middle"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(text)}</text>'
