# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a tree of files is scanned, and how much memory that takes, beside gitleaks if that is on PATH.

`python -m tests.bench.scanning`, part of `make bench`. NEBULA_BENCH_SCALE=0.01 makes the tree and the store smaller. gitleaks
(`go install github.com/zricethezav/gitleaks/v8@v8.30.1`) guesses from the look of a text and knows no value, so its figure shows only
what a tree of that size takes elsewhere. Asserts nothing.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.scanning.places import Places, search_each
from ansible_collections.nebula.credential.plugins.module_utils.scanning.report import Report
from ansible_collections.nebula.credential.plugins.module_utils.scanning.scan import Scan
from ansible_collections.nebula.credential.plugins.module_utils.scanning.searcher import Searcher
from ansible_collections.nebula.credential.plugins.module_utils.scanning.stored_values import Origin
from tests.bench.measuring import figure, once, title

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
MIB = max(2, int(1024 * SCALE))
VALUES = max(20, int(10_000 * SCALE))
IN_A_FILE = 64
"""KiB."""
SEED = 20260101


def make_tree(root: Path, mebibytes: int) -> int:
    """Write files of lines of words, and return their number."""
    chosen = random.Random(SEED)
    words = ["{0:x}".format(chosen.getrandbits(chosen.choice((8, 16, 32, 64)))) for _number in range(4000)]
    number = mebibytes * 1024 // IN_A_FILE
    for index in range(number):
        lines = "\n".join(" ".join(chosen.choices(words, k=12)) for _line in range(IN_A_FILE * 1024 // 95))
        folder = root / "{0:03d}".format(index % 200)
        folder.mkdir(exist_ok=True)
        (folder / "{0:06d}.txt".format(index)).write_text(lines[: IN_A_FILE * 1024])
    return number


def measure(root: Path, count: int) -> dict[str, Any]:
    """Scan a tree for this many values."""
    chosen = random.Random(SEED + 1)
    values = [
        (Origin("a/{0}".format(index), "value", "1", CURRENT), Secret("{0:032x}".format(chosen.getrandbits(128)))) for index in range(count)
    ]
    built: list[Searcher] = []
    building = once(lambda: built.append(Searcher(values)))
    report = Report(built[0], 1000)
    places = Places([str(root)], history=False, staged=False, exclude=(), own=frozenset())
    seconds = once(lambda: list(search_each(Scan(built[0], None, report), places)))
    mebibytes = report.scanned["bytes"] / (1 << 20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"found": report.counts["value"], "building": building, "seconds": seconds, "MiB": mebibytes, "peak": peak}


def measure_gitleaks(root: Path, program: str) -> float:
    """Return the seconds that gitleaks takes for the same tree."""
    command = [program, "dir", "--no-banner", "--exit-code", "0", "--log-level", "fatal", str(root)]
    return once(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def main(arguments: Sequence[str]) -> None:
    """Print the figures. The argument is a tree that is there already; else one is made."""
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as directory:
        root = Path(arguments[0]) if arguments else Path(directory)
        files = make_tree(root, MIB) if not arguments else sum(len(names) for _path, _folders, names in os.walk(root))
        title("Scanning {0:,} files for {1:,} values".format(files, VALUES))
        done = measure(root, VALUES)
        figure("building the automaton", "{0:.1f} s".format(done["building"]), "")
        figure("scanning {0:,.0f} MiB".format(done["MiB"]), "{0:.1f} s".format(done["seconds"]), "minutes a GiB")
        figure("speed", "{0:.1f} MiB/s".format(done["MiB"] / done["seconds"]), "")
        figure("largest memory of the process", "{0:.0f} MiB".format(done["peak"]), "")
        program = shutil.which("gitleaks")
        if program is None:
            figure("gitleaks", "not on PATH", "")
        else:
            figure("gitleaks, the same tree", "{0:.1f} MiB/s".format(done["MiB"] / measure_gitleaks(root, program)), "")


if __name__ == "__main__":
    main(sys.argv[1:])
