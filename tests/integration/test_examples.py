# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples in the documentation run, as they are printed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
DOCUMENTED = [
    *(("lookup", path.stem) for path in sorted((PLUGINS / "lookup").glob("*.yml"))),
    ("module", "credential"),
    ("module", "credential_info"),
]


def examples(kind, name):
    if kind == "lookup":
        return yaml.safe_load((PLUGINS / "lookup" / (name + ".yml")).read_text(encoding="utf-8"))["EXAMPLES"]
    tree = ast.parse((PLUGINS / "modules" / (name + ".py")).read_text(encoding="utf-8"))
    return next(node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "EXAMPLES")


@pytest.mark.parametrize(("kind", "name"), DOCUMENTED)
def test_the_examples_run(project, kind, name):
    text = examples(kind, name).replace("/tmp/", str(project.directory) + "/")
    project.play(text).succeeded()


@pytest.mark.parametrize(("kind", "name"), [*DOCUMENTED, ("module", "credential_rotate")])
def test_ansible_doc_shows_every_plugin(project, kind, name):
    shown = project.run("ansible-doc", "-t", kind, "nebula.credential." + name).succeeded()
    assert "EXAMPLES" in shown.output
    assert "WARNING" not in shown.output
    assert "ERROR" not in shown.output
