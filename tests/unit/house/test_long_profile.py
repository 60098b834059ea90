# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The long profile runs the tests that it changes, and no others."""

from __future__ import annotations

from pathlib import Path

from tests.house.long_profile import list_changed
from tests.house.rooms import CHECKOUT
from tests.house.source import SourceTree


def write_tests(root: Path, **texts: str) -> None:
    (root / "tests").mkdir()
    for name, text in texts.items():
        (root / "tests" / (name + ".py")).write_text(text)


def test_a_test_is_changed_if_it_or_what_it_imports_reads_the_profile(tmp_path: Path) -> None:
    reads = "from tests.conftest import PROFILE\n"
    write_tests(
        tmp_path, conftest="PROFILE = 1\n", killing=reads, test_direct=reads, test_plain="import os\n", crowds="from tests import killing\n"
    )
    (tmp_path / "tests" / "test_far.py").write_text("import tests.crowds\n")
    (tmp_path / "tests" / "test_stands_on_all.py").write_text("from tests import conftest\n")
    assert list_changed(SourceTree(tmp_path)) == ["tests/test_direct.py", "tests/test_far.py"]


def test_the_crash_tests_and_the_suite_of_backends_are_changed_and_the_modules_are_not() -> None:
    names = list_changed(SourceTree(CHECKOUT))
    assert {"tests/integration/test_crash_rotation.py", "tests/conformance/test_contract.py", "tests/fuzz/test_parsers.py"} <= set(names)
    assert not {"tests/integration/test_modules.py", "tests/target_suite/test_every_target.py"} & set(names)
