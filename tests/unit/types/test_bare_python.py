# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types where only Python is installed: they can be loaded, and name all that they need."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import CHECKOUT
from tests.type_conformance.samples import TYPES
from tests.type_conformance.test_every_type import LOADED, MISSING, check_missing

PACKAGE = "tests.type_conformance"


def run(program, collection_root):
    found = "import sys\nsys.path[:0] = {0!r}\n".format([str(collection_root), str(CHECKOUT)])
    done = subprocess.run([sys.executable, "-I", "-S", "-c", found + program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_type_can_be_loaded(collection_root):
    loaded = run(LOADED.format(package=PACKAGE), collection_root)
    assert len([name for name in loaded if ".module_utils.types." in name]) >= len(TYPES) // 2


def test_every_type_names_what_it_needs(collection_root):
    """What it imports without naming it in its packages is an error here, and nowhere else."""
    check_missing(run(MISSING.format(package=PACKAGE, hidden=[]), collection_root))
