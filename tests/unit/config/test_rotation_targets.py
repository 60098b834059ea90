# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation targets that a run describes, in its configuration file and in a variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS
from ansible_collections.nebula.credential.plugins.plugin_utils.config.rotation_targets import OF_THE_ROTATION, DescribedTargets
from tests.unit.config.test_store_resolution import around

FILE = """
targets:
  shop-db: {kind: postgresql, host: db.example.com, admin_credential: pg/admin, consumer_ttl: 10m}
  door: {kind: command, apply: [/bin/a], verify: [/bin/v]}
"""


def describe(tmp_path: Path, text: str = FILE, **variables: Any) -> DescribedTargets:
    (tmp_path / "ansible.cfg").touch()
    (tmp_path / "nebula.yml").write_text(text)
    return DescribedTargets(around(tmp_path, cfg=tmp_path / "ansible.cfg", variables=variables))


def test_a_target_of_the_file_gives_the_arguments_of_a_rotation(tmp_path: Path) -> None:
    arguments = describe(tmp_path).find("shop-db").build_arguments({})
    own = {"host": "db.example.com", "admin_credential": "pg/admin"}
    assert arguments == {"target": "postgresql", "postgresql": own, "consumer_ttl": "10m"}


def test_options_of_the_credential_win_over_the_description(tmp_path: Path) -> None:
    arguments = describe(tmp_path).find("shop-db").build_arguments({"host": "other", "usernames": ["a", "b"]})
    assert arguments["postgresql"] == {"host": "other", "admin_credential": "pg/admin", "usernames": ["a", "b"]}


def test_a_target_of_the_variable_wins_over_one_of_the_file(tmp_path: Path) -> None:
    found = describe(tmp_path, nebula_credential_targets={"door": {"kind": "postgresql", "host": "h"}})
    assert (found.find("door").kind, found.find("shop-db").kind) == ("postgresql", "postgresql")


def test_none_needs_no_description_and_can_have_none(tmp_path: Path) -> None:
    assert describe(tmp_path).find("none").build_arguments({}) == {"target": "none"}
    with pytest.raises(InvalidConfiguration, match="'none' is not the name of a target"):
        describe(tmp_path, nebula_credential_targets={"none": {"kind": "command"}})


def test_a_third_partys_target_has_its_options_under_target_options(tmp_path: Path) -> None:
    found = describe(tmp_path, nebula_credential_targets={"box": {"kind": "acme.vaulty.appliance", "host": "h"}})
    assert found.find("box").build_arguments({}) == {"target": "acme.vaulty.appliance", "target_options": {"host": "h"}}


@pytest.mark.parametrize(
    ("variables", "name", "message"),
    [
        ({}, "shop-bd", "there is no target 'shop-bd'. Did you mean 'shop-db'"),
        ({"x": {"host": "h"}}, "x", "targets.x.kind': it is missing. Write one of"),
        ({"x": {"kind": "none", "host": "h"}}, "x", "targets.x': kind 'none' has no option 'host'"),
        ({"x": {"kind": "postgres"}}, "x", "there is no kind 'postgres'. Did you mean 'postgresql'"),
        ({"x": {"kind": "none", "credentials": "shop/*"}}, "x", "targets.x.credentials': it is no list of names"),
        ({"x": {"kind": "none", "credentials": []}}, "x", "targets.x.credentials': it is no list of names"),
        ({"x": "command"}, "x", "targets.x': the description is not a mapping"),
    ],
)
def test_a_mistake_is_refused_by_name(tmp_path: Path, variables: Any, name: str, message: str) -> None:
    with pytest.raises(InvalidConfiguration, match=message):
        describe(tmp_path, nebula_credential_targets=variables).find(name)


def test_a_target_takes_the_credentials_that_it_names_and_without_names_all(tmp_path: Path) -> None:
    found = describe(tmp_path, nebula_credential_targets={"x": {"kind": "none", "credentials": ["shop/*", "door"]}, "y": {"kind": "none"}})
    for name in ("shop/db_pass", "shop/eu/db", "door"):
        found.find("x").check_takes(name)
    found.find("y").check_takes("anything")
    for name in ("shop", "doors", "Shop/db"):
        with pytest.raises(InvalidConfiguration, match=r"targets\.x\.credentials.*does not take this credential"):
            found.find("x").check_takes(name)


@pytest.mark.parametrize("written", [["shop-db"], "shop-db", {"a b": {}}, {7: {}}])
def test_what_is_no_mapping_of_names_is_refused(tmp_path: Path, written: Any) -> None:
    with pytest.raises(InvalidConfiguration, match="nebula_credential_targets"):
        describe(tmp_path, nebula_credential_targets=written)


def test_a_template_in_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"targets\.door.host.*templates are not resolved"):
        describe(tmp_path, "targets: {door: {kind: postgresql, host: '{{ host }}'}}")


def test_no_target_has_an_option_of_its_own_that_a_description_gives_the_rotation() -> None:
    assert not [kind for kind, target in TARGETS.items() if set(target.options) & {*OF_THE_ROTATION, "kind", "consumers", "credentials"}]
