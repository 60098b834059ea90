# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of docs/advanced/performance.md: requests and wall time of one play, ours beside others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Sequence

from tests.bench.session_runs import Measured

OURS, THEIRS, NOTHING = "#1b7a4b", "#8a8f98", "#c9ccd1"
INK = "#24292f"
WIDTH, HEIGHT = 9.0, 3.6
HIGHLIGHTED = "nebula.credential"


def draw(title: str, found: Sequence[Measured], path: Path) -> None:
    """Draw two panels of bars as SVG, the same bytes for the same figures."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "nebula.credential", "svg.fonttype": "path", "font.size": 9, "text.color": INK})
    from matplotlib import pyplot as plt

    figure, (requests, times) = plt.subplots(1, 2, figsize=(WIDTH, HEIGHT), sharey=True, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    ordered = list(reversed(found))
    _panel(requests, ordered, [float((one.logins or 0) + (one.reads or 0)) for one in ordered], "requests, logins included", "{0:.0f}")
    _panel(times, ordered, [one.median for one in ordered], "seconds of the whole run", "{0:.1f}")
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)
    # Lines of path data end in a blank, which the checks of this repository refuse.
    path.write_text("\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()) + "\n", encoding="utf-8")


def _panel(axes: Any, found: Sequence[Measured], values: List[float], title: str, shown: str) -> None:
    bars = axes.barh([one.way.label for one in found], values, color=[_colour(one) for one in found], height=0.66)
    axes.bar_label(bars, labels=[shown.format(value) for value in values], padding=3, color=INK)
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_xlim(0, max(values) * 1.15)
    axes.xaxis.set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


def _colour(one: Measured) -> str:
    if one.way.label.startswith(HIGHLIGHTED):
        return OURS
    return THEIRS if one.way.is_peer else NOTHING
