# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that hold for every file: one test a rule, which lists every place that breaks it. The rules are in tests/house."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Callable, Iterator, Mapping, Tuple

import pytest

from tests.conftest import CHECKOUT
from tests.house import code_rules, import_rules, page_rules, participles
from tests.house.code_rules import HEADER, MAX_FILE, MAX_FUNCTION
from tests.house.source import LIBRARY, SourceTree

LAZILY = HEADER + "from __future__ import annotations\n"
DOCUMENTED = "DOCUMENTATION = EXAMPLES = RETURN = ''\n"
GROUP = "action_groups: {credential: [documented]}\n"
METHODS = """\
'''A file.'''
class A:
    '''A class.'''
    def read(self): ...
    def _read(self): ...
class B(A):
    '''One that overrides.'''
    def read(self): ...
"""
TREE = SourceTree(CHECKOUT)


@dataclass(frozen=True)
class Rule:
    """A rule, a tree with breaches of it planted between files that keep it, and what the rule says about them."""

    find: Callable[[SourceTree], Iterator[str]]
    planted: Mapping[str, str]
    says: Tuple[str, ...]

    def __str__(self) -> str:
        return self.find.__name__.removeprefix("find_")


RULES = (
    Rule(
        import_rules.find_imports_between_backends,
        {
            "plugins/module_utils/backends/one/backend.py": "from {0}backends.two import files\n".format(LIBRARY),
            "plugins/module_utils/backends/two/files.py": "from {0}backends.objects import store\n".format(LIBRARY),
            "plugins/module_utils/backends/objects/store.py": "",
        },
        ("plugins/module_utils/backends/one/backend.py:1 imports {0}backends.two.files".format(LIBRARY),),
    ),
    Rule(
        import_rules.find_backends_that_import_ansible,
        {"plugins/module_utils/backends/one/backend.py": "def connect():\n    from ansible.module_utils import basic\n"},
        ("plugins/module_utils/backends/one/backend.py:2 imports ansible.module_utils",),
    ),
    Rule(
        import_rules.find_backends_without_a_row,
        {
            "plugins/module_utils/backends/registry.py": "import {0}backends.one.backend\n".format(LIBRARY),
            "plugins/module_utils/backends/one/backend.py": "",
            "plugins/module_utils/backends/two/backend.py": "",
        },
        ("plugins/module_utils/backends/registry.py: no row for the folder two",),
    ),
    Rule(
        import_rules.find_imports_of_the_controller,
        {"plugins/module_utils/errors.py": "import ansible.errors\n", "plugins/action/credential.py": "import ansible.errors\n"},
        ("plugins/module_utils/errors.py:1 imports ansible.errors",),
    ),
    Rule(
        import_rules.find_imports_of_what_leaves,
        {"plugins/action/credential.py": "import ansible.module_utils.text\nfrom ansible.module_utils._text import to_text\n"},
        ("plugins/action/credential.py:2 imports ansible.module_utils._text",),
    ),
    Rule(
        import_rules.find_relative_imports,
        {"tests/unit/test_it.py": "from ..house import source\nfrom . import that\n"},
        ("tests/unit/test_it.py:1 imports ..house", "tests/unit/test_it.py:2 imports ."),
    ),
    Rule(
        import_rules.find_dynamic_imports,
        {"plugins/module_utils/errors.py": "import importlib\nimport re\nre.compile('')\n__import__('os')\n"},
        ("plugins/module_utils/errors.py:1 imports importlib", "plugins/module_utils/errors.py:4 calls __import__"),
    ),
    Rule(
        import_rules.find_unguarded_libraries,
        {"plugins/module_utils/errors.py": "import hvac\nfrom hvac import v1\ntry:\n    import yaml\nexcept ImportError: ...\n"},
        ("plugins/module_utils/errors.py:1 imports hvac", "plugins/module_utils/errors.py:2 imports hvac"),
    ),
    Rule(
        code_rules.find_scattered_ansible_errors,
        {"plugins/plugin_utils/output/a.py": "AnsibleError('')\n", "plugins/action/b.py": "errors.AnsibleLookupError('')\n"},
        ("plugins/action/b.py:1 makes an error of Ansible's", "plugins/plugin_utils/output/a.py:1 makes an error of Ansible's"),
    ),
    Rule(
        code_rules.find_scattered_failures,
        {"plugins/module_utils/a.py": "module.fail_json()\n", "plugins/modules/b.py": "\nmodule.fail_json()\n"},
        ("plugins/module_utils/a.py:1 calls fail_json", "plugins/modules/b.py:2 calls fail_json"),
    ),
    Rule(
        code_rules.find_foreign_errors,
        {"plugins/module_utils/a.py": "raise ValueError('')\nraise OSError('')\nraise Conflict('')\n"},
        ("plugins/module_utils/a.py:2 raises OSError",),
    ),
    Rule(
        code_rules.find_package_files_with_content,
        {"plugins/modules/__init__.py": "", "plugins/module_utils/__init__.py": "# nothing"},
        ("plugins/module_utils/__init__.py",),
    ),
    Rule(
        code_rules.find_vague_names,
        {"plugins/module_utils/store/file_utils.py": "", "tests/helpers/here.py": "", "tests/utilities.py": ""},
        ("plugins/module_utils/store/file_utils.py: utils", "tests/helpers/here.py: helpers"),
    ),
    Rule(
        code_rules.find_long_files,
        {
            "plugins/modules/long.py": "DOCUMENTATION = '''\n" + "words\n" * MAX_FILE + "'''\n" + "\n" * 99 + "pass\n" * MAX_FILE,
            "plugins/modules/longer.py": "pass\n" * (MAX_FILE + 1),
        },
        ("plugins/modules/longer.py has 301 lines",),
    ),
    Rule(
        code_rules.find_long_functions,
        {
            "tests/a.py": "def long():\n    '''Said\n\n    at length.'''\n" + "    pass\n" * MAX_FUNCTION,
            "tests/b.py": "class A:\n    async def longer():\n" + "        pass\n" * (MAX_FUNCTION + 1),
        },
        ("tests/b.py:2 longer has 41 lines",),
    ),
    Rule(
        code_rules.find_public_code_without_a_docstring,
        {
            "plugins/module_utils/a.py": METHODS,
            "plugins/plugin_utils/b.py": "def read(): ...\n",
        },
        (
            "plugins/module_utils/a.py:4 A.read has none",
            "plugins/plugin_utils/b.py: the file has none",
            "plugins/plugin_utils/b.py:1 read has none",
        ),
    ),
    Rule(
        code_rules.find_files_without_a_licence,
        {"tests/a.py": "pass\n", "tests/b.py": "#!/usr/bin/python\n" + LAZILY, "tests/c.py": HEADER, "plugins/doc_fragments/d.py": HEADER},
        (
            "tests/a.py does not begin with the licence",
            "tests/a.py does not import annotations from __future__",
            "tests/c.py does not import annotations from __future__",
        ),
    ),
    Rule(
        code_rules.find_undocumented_plugins,
        {
            "plugins/lookup/a.py": "",
            "plugins/lookup/a.yml": "{DOCUMENTATION: 1, EXAMPLES: 2, RETURN: 3}",
            "plugins/lookup/b.py": DOCUMENTED,
            "plugins/modules/c.py": DOCUMENTED.replace("EXAMPLES = ", ""),
            "plugins/filter/d.py": "",
            "plugins/filter/d.yml": "{DOCUMENTATION: 1}",
        },
        ("plugins/filter/d.py has no EXAMPLES, RETURN", "plugins/modules/c.py has no EXAMPLES"),
    ),
    Rule(
        code_rules.find_modules_outside_the_group,
        {
            "meta/runtime.yml": GROUP,
            "plugins/modules/documented.py": "",
            "plugins/action/documented.py": "",
            "plugins/modules/other.py": "",
        },
        ("plugins/modules/other.py is not in the action group of meta/runtime.yml", "plugins/modules/other.py has no action"),
    ),
    Rule(
        code_rules.find_underscores,
        {"tests/a.py": "_, unused = 1, 2\n_each = unused\n"},
        ("tests/a.py:1",),
    ),
    Rule(
        participles.find_participles,
        {
            "plugins/a.py": "class A:\n    def planted(self): ...\n    def need(self): ...\ndef _overtaken_by(): ...\ndef read(): ...\n",
            "tests/b.py": "def planted(): ...\n",
        },
        ("plugins/a.py:2 A.planted", "plugins/a.py:4 _overtaken_by"),
    ),
    Rule(
        page_rules.find_folders_that_mirror_nothing,
        {
            "plugins/module_utils/store/open.py": "",
            "plugins/lookup/get.py": "",
            "tests/unit/house/a.py": "",
            "tests/unit/conftest.py": "",
            "tests/unit/lookup/a.py": "",
            "tests/unit/store/a.py": "",
            "tests/unit/stores/a.py": "",
        },
        ("tests/unit/stores: no folder of the plugins is called so",),
    ),
    Rule(
        page_rules.find_ignored_sanity_tests,
        {"tests/sanity/ignore-2.19.txt": "\n", "tests/sanity/ignore-2.20.txt": "plugins/a.py pep8\n"},
        ("tests/sanity/ignore-2.20.txt",),
    ),
    Rule(
        page_rules.find_issue_numbers,
        {"a.md": "See\nissue {0} and {1}12, in a colour of {1}abc\n".format(7, "#"), "LICENSE": "issue {0}".format(7)},
        ("a.md:2: issue {0} and {1}12, in a colour of {1}abc".format(7, "#"),),
    ),
    Rule(
        page_rules.find_broken_links,
        {"README.md": "# A b\n[a](#a-b) [b](docs/b.md#nothing) [c](docs/c.md) [d](https://d.example)\n`[e](e.md)`\n", "docs/b.md": "# B\n"},
        ("README.md: docs/b.md#nothing", "README.md: docs/c.md"),
    ),
    Rule(
        page_rules.find_unknown_plugins,
        {
            "docs/a.md": "nebula.credential.get, nebula.credential.rotate, nebula.credential.nothing",
            "plugins/lookup/get.py": "",
            "roles/rotate/README.md": "",
        },
        ("docs/a.md: nebula.credential.nothing",),
    ),
    Rule(
        page_rules.find_long_prose,
        {
            "README.md": "# {0}\n\n| {0} |\n\n```text\n{0}\n```\n\n- `{1}`\n".format("word " * 30, "c" * 200),
            "docs/a.md": "{0}\n\n- item\n  {1}\n".format("long " * 30, "more " * 30),
        },
        ("docs/a.md: " + "long " * 12 + "…", "docs/a.md:   " + ("more " * 12)[:58] + "…"),
    ),
    Rule(
        page_rules.find_pages_without_a_link,
        {
            "docs/README.md": "[a](a.md) [b](backends/README.md)",
            "docs/a.md": "",
            "docs/backends/README.md": "[b](b.md)",
            "docs/backends/b.md": "",
            "docs/backends/c.md": "",
            "docs/decisions/d.md": "",
            "docs/other/README.md": "[c](../backends/c.md)",
        },
        ("docs/backends/c.md", "docs/other/README.md"),
    ),
    Rule(
        page_rules.find_test_files_in_user_pages,
        {
            "docs/a.md": "\n`test_names.py` and `tests/integration/` and tests/vectors\n",
            "docs/development.md": "`tests/unit`",
            "docs/decisions/a.md": "`tests/unit`",
        },
        ("docs/a.md:2: test_names.py", "docs/a.md:2: tests/integration"),
    ),
    Rule(
        page_rules.find_feature_ids_in_user_pages,
        {"roles/rotate/README.md": "As K12 says (S2). AES256, K8s, ES256.\n", "docs/development.md": "K12"},
        ("roles/rotate/README.md:1: K12", "roles/rotate/README.md:1: (S2"),
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_nothing_breaks(rule):
    found = list(rule.find(TREE))
    assert not found, "{0} Broken by:\n{1}".format(rule.find.__doc__, "\n".join(found))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_breach_is_found_by(rule, tmp_path):
    for name, text in rule.planted.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert tuple(rule.find(SourceTree(tmp_path))) == rule.says


def test_every_rule_is_kept():
    """A rule that is written and not in the table holds nothing."""
    modules = (code_rules, import_rules, page_rules, participles)
    written = {function for module in modules for name, function in vars(module).items() if name.startswith("find_")}
    assert written == {rule.find for rule in RULES}
