# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation and argument specification of every module and lookup agree, option by option."""

from __future__ import annotations

import ast

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.doc_fragments import rotation_targets, store
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.audit_info import AUDIT_INFO
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.cache import CACHE
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_flow import CREDENTIAL_FLOW
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_info import CREDENTIAL_INFO
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_refresh import CREDENTIAL_REFRESH
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import CREDENTIAL_ROTATE
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate_due import CREDENTIAL_ROTATE_DUE
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import DEPLOY
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import FILE, FIND, GET, GET_MANY
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.run import RUN
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_info import STORE_INFO
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_key import STORE_KEY
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_purge import STORE_PURGE
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store_schema import STORE_SCHEMA
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.valid_jwt import VALID_JWT
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.vault_request import VAULT, VAULT_REQUEST
from ansible_collections.nebula.credential.plugins.module_utils.types.generation import KINDS, PasswordPolicy
from ansible_collections.nebula.credential.plugins.module_utils.types.private_keys import ALGORITHMS
from tests.conftest import CHECKOUT
from tests.house.write_target_fragment import FRAGMENT, build_fragment

PLUGINS = CHECKOUT / "plugins"
MODULES = {
    "audit_info": AUDIT_INFO,
    "cache": CACHE,
    "credential": CREDENTIAL,
    "credential_info": CREDENTIAL_INFO,
    "credential_flow": CREDENTIAL_FLOW,
    "credential_refresh": CREDENTIAL_REFRESH,
    "credential_rotate": CREDENTIAL_ROTATE,
    "credential_rotate_due": CREDENTIAL_ROTATE_DUE,
    "deploy": DEPLOY,
    "run": RUN,
    "store_info": STORE_INFO,
    "store_key": STORE_KEY,
    "store_purge": STORE_PURGE,
    "store_schema": STORE_SCHEMA,
    "vault_request": VAULT_REQUEST,
}
LOOKUPS = {"get": GET, "get_many": GET_MANY, "file": FILE, "find": FIND, "vault": VAULT}
ON_THE_CONTROLLER = ("deploy", "run")
"""The modules whose store is always opened there."""
TESTS = {"valid_jwt": VALID_JWT}
SECRET_WORDS = ("pass", "token", "secret", "key", "value")


def constants(path):
    """The string constants at the top of a file, by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.targets[0].id: node.value.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }


def documented(kind, name):
    if kind in ("lookup", "test"):
        return yaml.safe_load((PLUGINS / kind / (name + ".yml")).read_text(encoding="utf-8"))["DOCUMENTATION"]["options"]
    own = yaml.safe_load(constants(PLUGINS / "modules" / (name + ".py"))["DOCUMENTATION"]).get("options", {})
    fragments = [store.ModuleDocFragment.DOCUMENTATION]
    fragments += [] if name in ON_THE_CONTROLLER else [store.ModuleDocFragment.PLACE]
    fragments += [rotation_targets.ModuleDocFragment.DOCUMENTATION] if name == "credential_rotate" else []
    shared = [yaml.safe_load(fragment)["options"] for fragment in fragments]
    return {name: option for options in [*shared, own] for name, option in options.items()}


def compare(options, spec, where):
    """Every option is in both, with the same type, default, choices and parts."""
    assert set(options) - {"_terms", "_input"} == set(spec), where
    for name, option in spec.items():
        said, place = options[name], "{0}.{1}".format(where, name)
        assert said["description"], place
        for part in ("type", "elements", "default", "choices"):
            assert said.get(part) == option.get(part), (place, part)
        assert bool(said.get("required")) == bool(option.get("required")), place
        if option.get("options"):
            compare(said["suboptions"], option["options"], place)


@pytest.mark.parametrize(
    ("kind", "name", "specification"),
    [("module", *item) for item in MODULES.items()]
    + [("lookup", *item) for item in LOOKUPS.items()]
    + [("test", *item) for item in TESTS.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_documentation_and_specification_agree(kind, name, specification):
    compare(documented(kind, name), specification.argument_spec, name)


def secret_named(spec):
    for name, option in spec.items():
        if any(word in name for word in SECRET_WORDS):
            yield name, option
        yield from secret_named(option.get("options") or {})


@pytest.mark.parametrize("name", MODULES)
def test_every_option_with_a_secret_like_name_says_whether_it_is_one(name):
    said = dict(secret_named(MODULES[name].argument_spec))
    undecided = [option for option, parts in said.items() if "no_log" not in parts and parts["type"] != "bool"]
    assert undecided == []


def test_the_options_of_generate_are_those_of_passwords_tokens_and_keys():
    options = CREDENTIAL.argument_spec["generate"]["options"]
    assert set(options) == set(PasswordPolicy.__dataclass_fields__) | {"kind", "bytes", "bits", "words", "separator", "pattern", "policy"}
    assert options["kind"]["choices"] == [*KINDS, *ALGORITHMS]


def test_the_targets_options_are_documented_as_the_targets_describe_them():
    """If it fails: PYTHONPATH=.venv/collections python -m tests.house.write_target_fragment."""
    assert FRAGMENT.read_text(encoding="utf-8") == build_fragment()


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_an_action_and_is_in_the_group(name):
    groups = yaml.safe_load((PLUGINS.parent / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    assert name in groups["credential"]
    assert (PLUGINS / "action" / (name + ".py")).exists()
