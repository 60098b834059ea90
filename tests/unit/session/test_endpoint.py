# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two ends of a session's connection: the lookup `get` holds a copy of what `endpoint` and `protocol` define."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.house.rooms import CHECKOUT, OURS

PLUGINS = CHECKOUT / "plugins"
LOOKUP = PLUGINS / "lookup" / "get.py"
SESSION = PLUGINS / "plugin_utils" / "session"
ONLY_THE_SESSIONS = {"Place", "LINGERS", "TAKEN"}


def definitions_of(path):
    """The source of each constant, function and class of a file, by its name. A constant's docstring belongs to it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    body = ast.parse("\n".join(lines)).body
    found = {}
    for node, following in zip(body, [*body[1:], None]):
        name = node.targets[0].id if isinstance(node, ast.Assign) else getattr(node, "name", None)
        is_documented = isinstance(node, ast.Assign) and isinstance(following, ast.Expr)
        if name is not None:
            found[name] = "\n".join(lines[node.lineno - 1 : (following if is_documented else node).end_lineno])
    return found


def test_the_lookup_holds_every_definition_of_the_endpoint_and_the_protocol_word_for_word():
    copies = definitions_of(LOOKUP)
    shared = {**definitions_of(SESSION / "protocol.py"), **definitions_of(SESSION / "endpoint.py")}
    assert {"controller", "directory_of", "exchange", "other_end", "HEARTBEAT_TIMEOUT", "ENVIRONMENT"} <= set(shared)
    differing = {name for name, source in shared.items() if copies.get(name) != source} - ONLY_THE_SESSIONS
    assert differing == set(), "change lookup/get.py and session/{endpoint,protocol}.py together"


def test_the_endpoint_and_the_protocol_define_nothing_twice():
    assert set(definitions_of(SESSION / "protocol.py")) & set(definitions_of(SESSION / "endpoint.py")) == set()


@pytest.fixture(scope="module")
def loaded_by_a_session(collection_root):
    """The names of the modules in a process that has imported what a session's program does before it listens."""
    imports = ["import {0}plugin_utils.session.server.{1}".format(OURS, name) for name in ("main", "bytecode", "hardening", "session")]
    program = "import sys\nsys.path.insert(0, sys.argv[1])\n" + "\n".join(imports) + "\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program, str(collection_root)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_session_loads_neither_the_endpoint_nor_what_it_would_bring_along(loaded_by_a_session):
    """The endpoint is the run's end: it imports ansible-core's configuration and multiprocessing."""
    assert OURS + "plugin_utils.session.protocol" in loaded_by_a_session
    assert set(loaded_by_a_session) & {OURS + "plugin_utils.session.endpoint", "ansible.constants", "multiprocessing"} == set()


def test_a_session_begins_with_at_most_a_hundred_files_of_the_collection(loaded_by_a_session):
    ours = [name for name in loaded_by_a_session if name.startswith(OURS) and CHECKOUT.joinpath("plugins", *parts_of(name)).is_file()]
    assert 50 < len(ours) <= 100, sorted(ours)


def parts_of(name):
    """The path below `plugins` of a module's file."""
    *folders, file = name[len(OURS) :].split(".")
    return (*folders, file + ".py")
