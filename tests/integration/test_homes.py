# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of a user who has no home, or cannot enter it: an error where a home is needed, and none where it is not."""

from __future__ import annotations

import pytest

from tests.integration.namespaces import AS_STRANGER, play

HOMELESS = ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
READ = "- ansible.builtin.debug: {{msg: \"value: {{{{ lookup('nebula.credential.get', 'x', default='none'{0}) | length }}}}\"}}"
WRITE = "- nebula.credential.credential: {{name: x, value: v4lue{0}}}"
LENGTH = '"value: '
"""Of what is stored, or of `none`. ansible-core 2.22 and later mask the value itself."""


@pytest.mark.parametrize("session", ["true", "false"])
@pytest.mark.parametrize("through", [AS_STRANGER, ()], ids=["a stranger", "root"])
def test_a_store_that_needs_no_home_is_used_without_one(project, through, session):
    """A user id without a passwd entry and without HOME; root has an entry, which says where its home is."""
    store = ", store={'backend': 'local', 'path': 'here', 'key_sources': [{'source': 'key_file', 'path': 'there/key'}], 'audit': 'off'}"
    given = {"XDG_CONFIG_HOME": str(project.directory / "conf"), "NEBULA_CREDENTIAL_SESSION": session}
    tasks = WRITE.format(store.replace("=", ": ", 1)) + "\n" + READ.format(store)
    run = play(project, tasks, through=through, without=("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), **given).succeeded()
    assert LENGTH + "5" in run.output
    assert "WARNING" not in run.output


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_store_that_needs_a_home_names_the_variables(project, session):
    for tasks in (WRITE.format(""), READ.format("")):
        run = play(project, tasks, through=AS_STRANGER, without=HOMELESS, NEBULA_CREDENTIAL_SESSION=session)
        assert "Set HOME" in run.failed()
        assert "XDG_CONFIG_HOME" in run.output
        assert "unforeseen" not in run.output
    assert not list(project.directory.glob("**/.nebula")), "ansible-core has a directory of its own there, this collection has none"
    assert not list(project.directory.glob("**/.config"))


def test_a_key_is_never_made_in_the_current_directory(project):
    run = play(project, WRITE.format(", store: {backend: local, path: here}"), through=AS_STRANGER, without=HOMELESS)
    assert "XDG_CONFIG_HOME" in run.failed()
    assert not list(project.directory.rglob("*.key"))


def test_a_home_that_cannot_be_entered_is_named_where_it_is_needed(project, home):
    home.chmod(0)
    try:
        stores = "{'nebula_credential_stores': {'here': {'backend': 'memory', 'audit': 'off'}}}"
        run = play(project, READ.format(", store='here'"), "-e", stores, through=AS_STRANGER).succeeded()
        assert LENGTH + "4" in run.output
        run = play(project, READ.format(", store={'backend': 'memory', 'audit': 'off'}"), through=AS_STRANGER).succeeded()
        assert LENGTH + "4" in run.output
        run = play(project, READ.format(""), through=AS_STRANGER)
        assert "{0}/.nebula/nebula.yml cannot be known: Permission denied".format(home) in run.failed()
    finally:
        home.chmod(0o700)


def test_a_configuration_whose_directory_cannot_be_entered_is_not_passed_over(project, home):
    (home / ".nebula").mkdir()
    (home / ".nebula" / "nebula.yml").write_text("default: other\nstores: {other: {backend: memory}}\n")
    (home / ".nebula").chmod(0)
    try:
        run = play(project, READ.format(""), through=AS_STRANGER)
        assert "{0}/.nebula/nebula.yml".format(home) in run.failed()
    finally:
        (home / ".nebula").chmod(0o700)
    assert LENGTH + "4" in play(project, READ.format(""), through=AS_STRANGER).succeeded().output


def test_a_configuration_that_everyone_can_write_is_refused(project):
    project.write("ansible.cfg", "[defaults]\n")
    file = project.write("nebula.yml", "default: other\nstores: {other: {backend: memory}}\n")
    file.chmod(0o666)
    assert "chmod o-w {0}".format(file) in play(project, READ.format("")).failed()
    file.chmod(0o664)
    assert LENGTH + "4" in play(project, READ.format("")).succeeded().output
