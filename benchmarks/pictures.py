"""Tables in Markdown and pictures in SVG of what was measured: text in, text out."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, MARGIN = 760, 24
_BAR, _GAP, _LABELS, _VALUES = 13, 3, 150, 64
_COLOURS = (
    ("#1f6feb", "#58a6ff"),
    ("#8250df", "#bc8cff"),
    ("#9a6700", "#d29922"),
    ("#bc4c00", "#f0883e"),
    ("#1a7f37", "#3fb950"),
    ("#bf3989", "#f778ba"),
)
"""Of a contender, on a light and on a dark page."""


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def number(value: float) -> str:
    """With three digits that count, or all digits before the point."""
    if value <= 0:
        return "0"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(value)))}f}"


def bars(title: str, groups: Mapping[str, Mapping[str, float]], whole: str) -> str:
    """Horizontal bars from 0 to 1, some in each group, a colour for each name.

    `whole` says what 1 is.
    """
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    left, scale = MARGIN + _LABELS, WIDTH - 2 * MARGIN - _LABELS - _VALUES
    parts, top = _legend(names), 92.0
    for group, values in groups.items():
        middle = top + len(values) * (_BAR + _GAP) / 2 + 3
        parts.append(_text(left - 12, middle, group, "end", "strong"))
        for name, value in values.items():
            length = max(1.5, min(value, 1.1) * scale)
            look = f'class="c{names.index(name)}" rx="2"'
            parts.append(
                f'<rect {look} x="{left}" y="{top}" width="{length:.1f}" height="{_BAR}"/>'
            )
            parts.append(_text(left + length + 6, top + _BAR - 2.5, f"{value:.3f}", "start"))
            top += _BAR + _GAP
        top += 14
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = left + share * scale
        parts.insert(0, f'<line class="grid" x1="{x}" x2="{x}" y1="84" y2="{top - 6}"/>')
        parts.append(_text(x, top + 10, f"{share:g}", "middle"))
    parts.append(_text(left + scale, top + 26, whole, "end"))
    return _picture(title, parts, top + 42, range(len(names)))


def lines(
    title: str, series: Mapping[str, Mapping[int, float]], unit: str, colours: int = 6
) -> str:
    """A line for each name, over sizes; both axes are logarithmic.

    After so many colours they come again, with dashes.
    """
    names = list(series)
    xs = sorted({x for values in series.values() for x in values})
    ys = [y for values in series.values() for y in values.values()]
    left, right = MARGIN + 44, WIDTH - MARGIN - 24
    top, bottom = 84 + 20.0 * ((len(names) - 1) // 3), 400 + 20.0 * ((len(names) - 1) // 3)
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))

    def at_x(x: float) -> float:
        across = math.log10(xs[-1] / xs[0]) or 1
        return left + (right - left) * math.log10(x / xs[0]) / across

    def at_y(y: float) -> float:
        return bottom - (bottom - top) * math.log10(y / low) / math.log10(high / low)

    parts = _legend(names, colours)
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        y = at_y(10.0**power)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4, f"{10.0**power:,.{max(0, -power)}f}", "end"))
    for x in xs:
        parts.append(_text(at_x(x), bottom + 20, f"{x:,}", "middle"))
    for place, values in enumerate(series.values()):
        points = [f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in sorted(values.items())]
        dashes = ' stroke-dasharray="5 4"' if place >= colours else ""
        parts.append(f'<polyline class="l{place}"{dashes} points="{" ".join(points)}"/>')
        for x, y in values.items():
            parts.append(
                f'<circle class="c{place}" cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5"/>'
            )
    parts.append(_text(right, bottom + 40, f"{unit}, over articles", "end"))
    return _picture(title, parts, bottom + 56, [place % colours for place in range(len(names))])


def _legend(names: Sequence[str], solid: int = 6) -> list[str]:
    columns = 4 if len(names) <= 4 else 3
    parts, width = [], (WIDTH - 2 * MARGIN) / min(len(names), columns)
    for place, name in enumerate(names):
        row, column = divmod(place, columns)
        x, y = MARGIN + column * width, 52 + row * 20
        shown = f'class="c{place}" y="{y}" height="12"'
        if place < solid:
            parts.append(f'<rect {shown} rx="2" x="{x:.1f}" width="12"/>')
        else:
            parts += [f'<rect {shown} x="{x + shift:.1f}" width="5"/>' for shift in (0, 7)]
        parts.append(_text(x + 18, y + 10.5, name, "start"))
    return parts


def _text(x: float, y: float, text: str, anchor: str, look: str = "") -> str:
    known = f' class="{look}"' if look else ""
    return f'<text{known} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(title: str, parts: Sequence[str], height: float, colours: Sequence[int]) -> str:
    """`colours` says which one a class has, in order."""
    light = "".join(_colour(place, _COLOURS[one % 6][0]) for place, one in enumerate(colours))
    dark = "".join(_colour(place, _COLOURS[one % 6][1]) for place, one in enumerate(colours))
    style = (
        "text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#57606a}"
        ".strong{fill:#24292f;font-weight:600}.title{font-size:15px}"
        f".grid{{stroke:#8b949e;stroke-opacity:.35}}polyline{{fill:none;stroke-width:2}}{light}"
        "@media(prefers-color-scheme:dark){text{fill:#9198a1}.strong{fill:#f0f6fc}" + dark + "}"
    )
    heading = _text(MARGIN, 30, title, "start", "strong title")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" aria-label="{escape(title)}">\n'
        f"<style>{style}</style>\n" + "\n".join([heading, *parts]) + "\n</svg>\n"
    )


def _colour(place: int, colour: str) -> str:
    return f".c{place}{{fill:{colour}}}.l{place}{{stroke:{colour}}}"
