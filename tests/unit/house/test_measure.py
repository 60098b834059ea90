# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measures of the house, counted on a small tree of known ones."""

from __future__ import annotations

import subprocess

import pytest

from tests.house.measure import measure
from tests.house.source import LIBRARY, OURS

FILES = {
    "plugins/module_utils/errors.py": "def told(): ...\n",
    "plugins/module_utils/model/record.py": "import {0}errors\n".format(LIBRARY),
    "plugins/module_utils/store/reader.py": "import {0}model.record, {0}layers.base\n".format(LIBRARY),
    "plugins/module_utils/layers/base.py": "import {0}store.writer\n".format(LIBRARY),
    "plugins/module_utils/store/writer.py": "def read(): ...\n",
    "plugins/module_utils/backends/base.py": "class Backend:\n    def setting(self): ...\n    def get(self): ...\n",
    "plugins/module_utils/backends/kubernetes/backend.py": "# kubernetes\n",
    "plugins/plugin_utils/client/run.py": "import {0}store.reader\n".format(LIBRARY),
    "plugins/lookup/get.py": "import {0}plugin_utils.client.run\n".format(OURS),
    "plugins/module_utils/backends/vault/login.py": "# kubernetes\n",
    "docs/reference/stores.md": "`kubernetes`\n",
    "docs/integrations/backends/kubernetes.md": "`kubernetes`\n",
    "docs/advanced/performance.md": "Kubernetes\n",
    "tests/unit/house/test_rules.py": "def test_a(): ...\ndef test_b(): ...\n",
    "tests/unit/store/test_reader.py": "def _checked(): ...\ndef test_c(): ...\n",
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkout")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return measure(root)


def test_everything_is_counted(measured):
    assert measured.counts == {
        "rooms of module_utils and plugin_utils": "6",
        "of these, loose files in module_utils": "1",
        "floors: rooms that stand on one another, each of a circle on the others": "6",
        "circles of rooms": "1",
        "circles of files": "0",
        "files, outside its own, that name the backend `kubernetes`": "2",
        "methods of the contract of a backend": "1",
        "functions in plugins": "4",
        "of these, beginning with a past participle": "1 (25.0 %)",
        "functions in tests": "4",
        "of these, beginning with a past participle (tests)": "1 (25.0 %)",
        "tests": "3",
        "of these, rules of the house": "2",
        "files and folders at the top": "3",
    }


def test_what_is_counted_has_names(measured):
    assert measured.names["circles of rooms"] == ["module_utils/layers, module_utils/store"]
    named = measured.names["files, outside its own, that name the backend `kubernetes`"]
    assert named == ["docs/advanced/performance.md", "docs/reference/stores.md"]
    assert measured.names["of these, beginning with a past participle"] == ["plugins/module_utils/errors.py:1 told"]
