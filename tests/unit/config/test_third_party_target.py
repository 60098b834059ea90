# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which third parties' targets there are, and which of them may be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import registry
from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party_target import is_kind, load_target

TARGET = """
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.command import Command
class TARGET(Command):
    kind = "{0}"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of installed packages; a package there has the target that `install` gives it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "_added", {})
    return tmp_path


def install(site: Path, kind: str, source: str, package: str = "") -> None:
    module = "module_of_" + (package or kind)
    (site / (module + ".py")).write_text(source)
    described = site / "{0}-1.0.dist-info".format(module)
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: {0}\nVersion: 1.0\n".format(module))
    (described / "entry_points.txt").write_text("[nebula_credential.targets]\n{0} = {1}\n".format(kind, module))


def refuse(kind: str, allowed: list[str]) -> CredentialError:
    with pytest.raises(CredentialError) as raised:
        load_target(kind, allowed)
    return raised.value


def test_one_of_a_package_is_found_by_its_entry_point_and_loaded_if_it_is_listed(site: Path) -> None:
    install(site, "gate", TARGET.format("gate"))
    assert is_kind("gate")
    assert load_target("gate", ["gate"]) is registry.find_target("gate")
    assert registry.is_third_party("gate")
    assert registry.option_of("gate") == "target_options"


def test_one_that_is_not_listed_is_not_imported(site: Path) -> None:
    install(site, "fence", "raise SystemExit('it was imported')")
    error = refuse("fence", ["fences"])
    assert isinstance(error, InvalidConfiguration)
    assert "does not list the target 'fence'" in str(error)
    assert "Did you mean 'fences'?" in str(error)


def test_a_name_that_no_package_has_is_refused_with_the_one_that_was_meant(site: Path) -> None:
    error = refuse("postgres", ["postgres"])
    assert isinstance(error, InvalidInput)
    assert "there is no target 'postgres'" in str(error)
    assert "Did you mean 'postgresql'?" in str(error)
    assert "or the name of an entry point" in str(error)
    assert not is_kind("postgres")


@pytest.mark.parametrize(
    ("kind", "source", "words"),
    [
        ("hedge", "TARGET = 1", "'hedge' is no target"),
        (
            "wall",
            "from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Target as TARGET",
            "is no target",
        ),
        ("moat", "raise SystemExit", "the target 'moat' (module_of_moat) cannot be loaded (SystemExit)"),
    ],
)
def test_a_module_that_is_no_target_is_named(site: Path, kind: str, source: str, words: str) -> None:
    install(site, kind, source)
    assert words in str(refuse(kind, [kind]))


def test_one_that_two_packages_have_is_refused_with_their_names(site: Path) -> None:
    install(site, "drawbridge", TARGET.format("drawbridge"), "east")
    install(site, "drawbridge", TARGET.format("drawbridge"), "west")
    assert "several packages have a target 'drawbridge': module_of_east, module_of_west" in str(refuse("drawbridge", ["drawbridge"]))
