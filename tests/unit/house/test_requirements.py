# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be installed is said the same way everywhere: in the requirements files, the README, and what an error tells to run."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class, read_traits
from tests.conftest import CHECKOUT

PART = r"(?:'[^'\n]+'|\"[^\"\n]+\"|[A-Za-z][\w.\[\]-]*)"
LINE = re.compile("pip install ({0}(?: {0})*)".format(PART))
WORD = re.compile(r"'([^']+)'|\"([^\"]+)\"|([A-Za-z][\w.\[\]-]*)")
# Where ansible-core is, PyYAML is; psycopg and scramp are the roles' on the hosts that change PostgreSQL.
WITH_ANSIBLE = {"pyyaml"}


def requirement(text):
    """Name and lower bound of one requirement, names as PyPI compares them."""
    name, floor = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(?:\s*>=\s*([\w.]+))?(?:\s*,.*)?", text.strip()).groups()
    return re.sub(r"[-_.]+", "-", name).lower(), floor and re.sub(r"(\.0)+$", "", floor)


def required(name):
    """The requirements of a file and of those it includes."""
    found = {}
    for line in (CHECKOUT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found.update(required(line[3:]))
        elif line.strip() and not line.startswith("#"):
            found.update([requirement(line.partition(";")[0])])
    return found


def told():
    """Every pip line in the plugins, with the file it is in."""
    for path in sorted((CHECKOUT / "plugins").rglob("*.py")):
        for words in LINE.findall(path.read_text(encoding="utf-8")):
            for parts in WORD.findall(words):
                yield path.relative_to(CHECKOUT), *requirement("".join(parts))


@pytest.mark.parametrize(("path", "name", "floor"), list(told()), ids=str)
def test_what_an_error_tells_to_install_is_what_the_requirements_say(path, name, floor):
    known = required("requirements-backends.txt")
    assert name in set(known) | WITH_ANSIBLE
    assert floor is None or floor == known[name], "the lower bound differs"


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_what_a_backend_declares_is_in_the_requirements(backend):
    declared = {requirement(package.requirement) for package in read_traits(backend).packages}
    assert declared <= set(required("requirements-backends.txt").items())


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_the_readme_has_one_line_on_what_a_backend_needs(backend):
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("| `{0}` |".format(backend))]
    assert {requirement(each) for each in re.findall("'([^' ]+)'", line)} == {requirement(each) for each in needs(backend)}


def needs(backend):
    """What is installed for a backend: its own packages, and what the layer needs that repeats requests."""
    declared = [package.requirement for package in read_traits(backend).packages]
    return [*declared, "tenacity>=8.3"] if backend_class(backend).capabilities.remote else declared


def test_the_readme_says_what_everybody_needs():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    said = {requirement("".join(parts)) for words in LINE.findall(text) for parts in WORD.findall(words)}
    assert said >= set(required("requirements.txt").items())
    assert said <= set(required("requirements-backends.txt").items())


def test_an_execution_environment_carries_every_backend():
    environment = yaml.safe_load((CHECKOUT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"]["python"] == "requirements-backends.txt"


def test_the_tests_have_what_users_need():
    assert set(required("requirements-test.txt")) >= set(required("requirements-backends.txt"))
