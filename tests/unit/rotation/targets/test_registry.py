# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry: every target is one file and one row, and is described whole; an unknown one is refused with what was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import registry
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option, build_argument
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS
from tests.conftest import CHECKOUT

PLUGINS = CHECKOUT / "plugins"
# `command` has a way by tasks files, which the role knows, and its example in the module's documentation is that module's.
ROOMS = ("action", "plugin_utils", "module_utils/operations", "module_utils/argument_specs", "module_utils/rotation")


def is_own_file(path: Path, kind: str) -> bool:
    """Whether a file is a target's own: `<kind>.py` or `<kind>_<part>.py`."""
    return path.parent.name == "targets" and (path.stem + "_").startswith(kind + "_")


def names(path: Path, kind: str) -> bool:
    """Whether a file names a target: by an import, or, in a file about rotation, by its kind. A kind may be a word of others, too."""
    quoted = "|[\"']{0}[\"']" if "rotate" in path.name or "rotation" in path.name else ""
    return re.search(("targets\\.{0}(_\\w+)? import" + quoted).format(kind), path.read_text()) is not None


def test_a_targets_own_files_and_the_catalog_alone_name_it() -> None:
    paths = [path for room in ROOMS for path in sorted((PLUGINS / room).rglob("*.py")) if path.name != "catalog.py"]
    assert [(path.name, kind) for path in paths for kind in TARGETS if names(path, kind) and not is_own_file(path, kind)] == []
    assert all(names(PLUGINS / "module_utils/rotation/targets/catalog.py", kind) for kind in TARGETS)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_has_a_page_and_describes_itself_and_every_option(kind: str) -> None:
    target = TARGETS[kind]
    assert target.kind == kind
    assert target.summary.startswith("V({0})".format(kind))
    assert target.about
    assert all(option.description for option in target.options.values())
    assert (CHECKOUT / "docs" / "integrations" / "targets" / (kind + ".md")).exists()
    assert {name for group in target.exclusive for name in group} <= set(target.options)


def test_a_target_named_like_a_secret_is_not_masked_as_a_whole() -> None:
    assert build_argument({"password": Option("str", ("It.",), no_log=True)}, ())["no_log"] is False


def test_an_unknown_target_is_refused_with_what_was_meant() -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        registry.find_target("postgres")
    assert "Did you mean 'postgresql'?" in str(raised.value)
    with pytest.raises(errors.InvalidInput) as raised:
        registry.find_target("x")
    assert ", ".join(registry.KINDS) in str(raised.value)


def test_another_collections_target_is_unknown_to_a_host() -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        registry.find_target("acme.vaulty.appliance")
    assert raised.value.option == "run_on"
