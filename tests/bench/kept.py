# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the bench keeps in the repository for the page that compares the backends: figures of stores, and of plays.

`figures.json` has the figures of each kind of store by its label, `plays.json` those of each way of a play. A measurement that
NEBULA_BENCH_SCALE made smaller is not kept.
"""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Mapping

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
FIGURES, PLAYS = (Path(__file__).with_name(name + ".json") for name in ("figures", "plays"))


def read_figures() -> Dict[str, Any]:
    """Return the figures by the label of each kind of store."""
    return _read(FIGURES)


def keep_figures(found: Mapping[str, Any]) -> None:
    """Replace the figures."""
    _keep(FIGURES, {label: found[label] for label in sorted(found)})


def read_plays() -> Dict[str, Any]:
    """Return logins and reads by the title of a play and the way to its values; None where a server does not count them."""
    return _read(PLAYS)


def keep_plays(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Replace the figures of plays."""
    _keep(PLAYS, found)


def describe_circumstances(load: float) -> Dict[str, Any]:
    """Return when and where something was measured: `day`, `machine` and the `load` that it had."""
    return {"day": datetime.now(timezone.utc).date().isoformat(), "machine": _describe_machine(), "load": round(load, 1)}


def _describe_machine() -> str:
    """Return the class of this machine in words: its processor, system and Python."""
    cpu = re.search(r"^model name\s*:\s*(\S+ \S+)", _text("/proc/cpuinfo"), re.MULTILINE)
    system = re.search(r'^PRETTY_NAME="?([^"(\n]+)', _text("/etc/os-release"), re.MULTILINE)
    words = ["{0} cores{1}".format(os.cpu_count(), " of an " + cpu[1] if cpu else "")]
    return ", ".join([*words, *([system[1].strip()] if system else []), "Python " + platform.python_version()])


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _read(path: Path) -> Dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _keep(path: Path, content: Mapping[str, Any]) -> None:
    if SCALE >= 1:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
