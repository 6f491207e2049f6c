"""Charts of the figures, as SVG that follows the reader's light or dark page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from .operations import OPERATIONS

_SHOWN = {"sonic": "Sonic", "orm": "Django ORM", "floor": "by hand"}
_COLORS = {"sonic": "#2f81f7", "orm": "#d29922", "floor": "#8b949e"}
_GROWING = ("get", "tag_page", "tag_count", "random_depth_page")
_GROWING_COLORS = ("#2f81f7", "#3fb950", "#a371f7", "#d29922")
_MOST_TICKS = 10
_CSS = """inline:
  text { fill: #1f2328 !important; }
  .guides, .axis path { stroke: #8b949e !important; }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 !important; } }
"""


def write(images: Path, figures: list[dict[str, Any]]) -> list[str]:
    """Write ``performance-*.svg`` for the sections in the figures. Returns the names."""
    written = []
    for name, chart in _charts({result["section"]: result["figures"] for result in figures}):
        file = images / f"performance-{name}.svg"
        chart.add_xml_filter(_tidied)
        file.write_text(chart.render(is_unicode=True), "utf-8")
        written.append(file.name)
    return written


def _tidied(root: Any) -> Any:
    """Without pygal's name as the title, and its configuration for scripts."""
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).rpartition("}")[2] in ("script", "title"):
                parent.remove(child)
    return root


def _charts(sections: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    if "blog" in sections:
        measured = sections["blog"]["measured"]
        for name, writes in (("reading", False), ("writing", True)):
            chosen = [one for one in measured if OPERATIONS[one["operation"]].writes == writes]
            if chosen:
                yield name, _bars(chosen)
    if sections.get("growth", {}).get("medians"):
        yield "growth", _lines(sections["growth"])
    memories = [
        one
        for name in ("peers_memory", "memory")
        for one in sections.get(name, {}).get("memory", [])
    ]
    if memories:
        yield "memory", _memory(memories)


def _bars(measured: list[dict[str, Any]]) -> Any:
    """Horizontal bars on a logarithmic scale; the first operation on top."""
    names = [name for name in _SHOWN if any(name in one["times"] for one in measured)]
    medians = [
        one["times"][name]["median"] for one in measured for name in names if name in one["times"]
    ]
    chart = pygal.HorizontalBar(
        **_options([_COLORS[name] for name in names]),
        **_scale(medians),
        height=90 + 46 * len(measured),
        x_title="logarithmic: shorter is faster",
    )
    # pygal draws from the bottom upwards
    chart.x_labels = [one["label"] for one in reversed(measured)]
    for name in names:
        times = [one["times"].get(name) for one in reversed(measured)]
        chart.add(_SHOWN[name], [one and round(one["median"]) for one in times])
    return chart


def _lines(growth: dict[str, Any]) -> Any:
    """Sonic in full lines, Django's ORM dashed in the same colour."""
    shown = [name for name in _GROWING if "sonic" in growth["medians"].get(name, {})]
    colors = [color for color, _ in zip(_GROWING_COLORS, shown, strict=False) for _ in range(2)]
    chart = pygal.Line(
        **_options(colors, columns=2),
        **_scale(
            [time for name in shown for list_ in growth["medians"][name].values() for time in list_]
        ),
        height=560,
        y_title="logarithmic",
        x_title="rows; Sonic in full lines, Django dashed",
    )
    chart.x_labels = [f"{rows:,}" for rows in growth["rows"]]
    for name in shown:
        medians, label = growth["medians"][name], OPERATIONS[name].label
        chart.add(f"{label}: Sonic", medians["sonic"], stroke_style={"width": 3})
        chart.add(
            f"{label}: Django",
            medians.get("orm", []),
            stroke_style={"width": 2, "dasharray": "6, 6"},
        )
    return chart


def _memory(memories: list[dict[str, Any]]) -> Any:
    """One bar for each contender at the most rows it was given."""
    most = {one["contender"]: one for one in sorted(memories, key=lambda one: one["rows"])}
    chart = pygal.HorizontalBar(
        **_options(["#2f81f7"]),
        height=90 + 46 * len(most),
        x_title="bytes of Redis memory an object",
        show_legend=False,
        print_values=True,
    )
    bars = sorted(most.values(), key=lambda one: -one["bytes"] / one["rows"])
    chart.x_labels = [f"{one['label']}, {one['rows']:,} rows" for one in bars]
    chart.add("bytes", [round(one["bytes"] / one["rows"]) for one in bars])
    return chart


def _scale(values: list[float]) -> dict[str, Any]:
    """A logarithmic scale that holds the values, with ticks at 1, 2 and 5 times powers of ten."""
    ticks = [digit * 10**power for power in range(8) for digit in (1, 2, 5)]
    first = max(tick for tick in ticks if tick <= max(1, min(values)))
    last = min(tick for tick in ticks if tick >= max(values))
    within = [tick for tick in ticks if first <= tick <= last]
    if len(within) > _MOST_TICKS:
        within = [tick for tick in within if str(tick).startswith("1")]
    labels = [{"label": _duration(tick), "value": tick} for tick in within]
    # bars begin at zero, which is nowhere on this scale
    return {"logarithmic": True, "zero": first, "range": (first, last), "y_labels": labels}


def _duration(microseconds: int) -> str:
    """In few letters, since the ticks of a scale stand close together."""
    for unit, size in (("s", 1_000_000), ("ms", 1000)):
        if microseconds >= size:
            return f"{microseconds // size:,} {unit}"
    return f"{microseconds} µs"


def _options(colors: list[str], columns: int = 3) -> dict[str, Any]:
    style = Style(
        background="transparent",
        plot_background="transparent",
        colors=tuple(colors),
        font_family="system-ui, sans-serif",
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=14,
        title_font_size=14,
        value_font_size=13,
        opacity="1",
    )
    return {
        "style": style,
        "css": ["file://style.css", "file://graph.css", _CSS],
        "js": [],
        "width": 900,
        "margin_right": 40,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": columns,
        "formatter": lambda value: f"{value:,.0f}",
        "disable_xml_declaration": True,
        "no_prefix": False,
        "truncate_label": -1,
        "truncate_legend": -1,
        "explicit_size": True,
    }
