# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be installed is said the same way everywhere: in the requirements files, the README, and what an error tells to run."""

from __future__ import annotations

import re

import yaml

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class, read_traits
from tests.conftest import CHECKOUT
from tests.house.source import SourceTree

PART = r"(?:'[^'\n]+'|\"[^\"\n]+\"|[A-Za-z][\w.\[\]-]*)"
LINE = re.compile("pip install ({0}(?: {0})*)".format(PART))
WORD = re.compile(r"'([^']+)'|\"([^\"]+)\"|([A-Za-z][\w.\[\]-]*)")
# Where ansible-core is, PyYAML is; psycopg is the roles' on the hosts that change PostgreSQL.
WITH_ANSIBLE = {"pyyaml"}


def requirement(text):
    """Name and lower bound of one requirement, names as PyPI compares them."""
    name, floor = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(?:\s*>=\s*([\w.]+))?(?:\s*,.*)?", text.strip()).groups()
    return re.sub(r"[-_.]+", "-", name).lower(), floor and re.sub(r"(\.0)+$", "", floor)


def required(path):
    """The requirements of a file and of those it includes, which it names relative to itself."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found.update(required(path.parent / line[3:]))
        elif line.strip() and not line.startswith("#"):
            found.update([requirement(line.partition(";")[0])])
    return found


FOR_BACKENDS = required(CHECKOUT / "requirements" / "backends.txt")


def pip_lines():
    """Every requirement that a pip line, or a package, in the plugins names, with the file it is in."""
    for path in sorted((CHECKOUT / "plugins").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        named = ["".join(parts) for words in LINE.findall(text) for parts in WORD.findall(words)]
        for each in (*named, *re.findall(r"\bPackage\(\s*\"([^\"]+)\"", text)):
            yield path.relative_to(CHECKOUT), *requirement(each)


def test_what_an_error_says_to_install_is_what_the_requirements_say():
    lines = list(pip_lines())
    unknown = ["{0}: {1}".format(path, name) for path, name, _floor in lines if name not in set(FOR_BACKENDS) | WITH_ANSIBLE]
    differing = ["{0}: {1} >= {2}".format(path, name, floor) for path, name, floor in lines if floor and floor != FOR_BACKENDS.get(name)]
    assert lines
    assert unknown == []
    assert differing == [], "the lower bound is another one in requirements/backends.txt"


def test_every_requirements_file_that_is_named_is_there():
    """By its path from the top of the checkout."""
    named = re.compile(r"\brequirements(?:[-/]\w+)?\.txt\b")
    missing = [
        "{0}: {1}".format(source.name, name)
        for source in SourceTree(CHECKOUT).listed
        for name in named.findall(source.text)
        if not (CHECKOUT / name).exists()
    ]
    assert missing == []


def test_what_a_backend_declares_is_in_the_requirements():
    declared = {(backend, *requirement(package.requirement)) for backend in BACKENDS for package in read_traits(backend).packages}
    assert declared
    assert [each for each in sorted(declared) if each[1:] not in FOR_BACKENDS.items()] == []


def test_the_readme_has_one_line_on_what_each_backend_needs():
    lines = (CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()
    said = {backend: [line for line in lines if line.startswith("| `{0}` |".format(backend))] for backend in BACKENDS}
    assert {backend: len(found) for backend, found in said.items()} == dict.fromkeys(BACKENDS, 1)
    said_to_need = {backend: {requirement(each) for each in re.findall("'([^' ]+)'", line)} for backend, (line,) in said.items()}
    assert said_to_need == {backend: {requirement(each) for each in needs(backend)} for backend in BACKENDS}


def needs(backend):
    """What is installed for a backend: its own packages, and what the layer needs that repeats requests."""
    declared = [package.requirement for package in read_traits(backend).packages]
    return [*declared, "tenacity>=8.3"] if backend_class(backend).capabilities.remote else declared


def test_the_readme_says_what_everybody_needs():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    said = {requirement("".join(parts)) for words in LINE.findall(text) for parts in WORD.findall(words)}
    assert said <= set(FOR_BACKENDS.items())
    assert said >= set(required(CHECKOUT / "requirements.txt").items())


def test_an_execution_environment_carries_every_backend():
    environment = yaml.safe_load((CHECKOUT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"]["python"] == "requirements/backends.txt"


def test_the_tests_have_what_users_need():
    assert set(required(CHECKOUT / "requirements" / "test.txt")) >= set(FOR_BACKENDS)
