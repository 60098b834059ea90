# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which store real runs use, by every place that can name one."""

from __future__ import annotations

import pytest

from tests.integration.ansible_run import DIGEST, digest

READ = "- {name: read, ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'which')" + DIGEST + ' }}"}}'
INFO = "- {name: info, nebula.credential.credential_info: {query: '[].description'}}"


def stores(project, *names):
    return "{" + ", ".join("{0}: {{backend: local, path: {1}/{0}}}".format(name, project.directory) for name in names) + "}"


@pytest.fixture
def filled(project):
    """Stores that say by the value of `which` who they are."""
    names = ("option", "variable", "environment", "cfg", "file")
    text = "\n".join(
        "- nebula.credential.credential: {{name: which, value: the secret of {0}, description: {0}, store: {0}}}".format(name)
        for name in names
    )
    project.play(text, variables="{nebula_credential_stores: " + stores(project, *names) + "}").succeeded()
    project.write("nebula.yml", "default: file\nstores: " + stores(project, *names))
    return project


def uses(project, expected, tasks=READ, **given):
    """Whether the run read this value."""
    return project.play(tasks, **given).succeeded().result("read")["msg"] == digest(expected)


def test_each_place_wins_over_the_next(filled):
    """For lookups and modules alike: the option, the variable, the environment, ansible.cfg, the file's default."""
    filled.write("ansible.cfg", "[nebula_credential]\nstore = cfg\n")
    environment = {"NEBULA_CREDENTIAL_STORE": "environment"}
    option = READ.replace("'which')", "'which', store='option')")
    both = READ + "\n" + INFO
    cases = [
        (
            "option",
            option + "\n" + INFO.replace("query", "store: option, query"),
            {"variables": "{nebula_credential_store: variable}", **environment},
        ),
        ("variable", both, {"variables": "{nebula_credential_store: variable}", **environment}),
        ("environment", both, environment),
        ("cfg", both, {}),
    ]
    for expected, tasks, given in cases:
        run = filled.play(tasks, **given).succeeded()
        assert (run.result("read")["msg"], run.result("info")["credentials"]) == (digest("the secret of " + expected), [expected])
    filled.write("ansible.cfg", "[defaults]\n")
    assert uses(filled, "the secret of file")


def test_a_host_chooses_no_store_by_a_fact(filled):
    """What a module returns as a fact of a host is a variable of that host, and goes before those of the inventory."""
    filled.write("ansible.cfg", "[defaults]\n")
    own = "- ansible.builtin.set_fact: {nebula_credential_store: variable}\n"
    assert uses(filled, "the secret of variable", own + READ)
    said = "- ansible.builtin.set_fact: {nebula_credential_store: variable, cacheable: true}\n"
    for task in (READ, INFO):
        message = filled.play(said + task).failed()
        assert "option 'nebula_credential_store': a fact of the host has this name" in message.replace("\n", " ")


def test_a_file_is_found_where_told_beside_ansible_cfg_or_at_home_but_not_in_a_directory_without_ansible_cfg(filled):
    own = "- {name: own, nebula.credential.credential: {name: which, value: the local one}}\n"
    assert uses(filled, "the local one", own + READ)
    assert uses(filled, "the secret of file", NEBULA_CREDENTIAL_CONFIG=str(filled.directory / "nebula.yml"))
    at_home = filled.home / ".nebula" / "nebula.yml"
    at_home.write_text("default: variable\nstores: " + stores(filled, "variable"))
    assert uses(filled, "the secret of variable")
    filled.write("ansible.cfg", "")
    assert uses(filled, "the secret of file")


def test_paths_in_the_file_start_beside_it_and_those_of_a_variable_where_the_run_starts(project):
    store = "{team: {backend: local, path: credentials, key_sources: [{source: key_file, path: keys/team.key}]}}"
    project.write("conf/nebula.yml", "default: team\nstores: " + store)
    create = "- nebula.credential.credential: {name: which, value: beside the file, store: team}\n"
    project.play(create + READ, NEBULA_CREDENTIAL_CONFIG="conf/nebula.yml").succeeded()
    project.play(create, variables="{nebula_credential_stores: " + store + "}").succeeded()
    for directory in (project.directory / "conf", project.directory):
        assert (directory / "credentials" / "which.enc").exists()
        assert (directory / "keys" / "team.key").exists()


def test_a_whole_store_can_be_written_in_place(filled):
    mapping = "{{'backend': 'local', 'path': '{0}/cfg'}}".format(filled.directory)
    assert uses(filled, "the secret of cfg", READ.replace("'which')", "'which', store={0})".format(mapping)))


def test_vaulted_values_and_vaulted_files_are_opened_with_the_runs_password(project):
    password = project.write("vault.txt", "the vault password")
    encrypted = project.run("ansible-vault", "encrypt_string", "--vault-id", "ops@" + str(password), "a long passphrase").succeeded().output
    ciphertext = encrypted[encrypted.index("!vault") :].rsplit("Encryption", 1)[0].rstrip()
    block = "\n".join("        " + line.strip() for line in ciphertext.splitlines()[1:])
    source = "      - source: passphrase\n        passphrase: !vault |\n" + "\n".join("    " + line for line in block.splitlines())
    config = "default: vaulted\nstores:\n  vaulted:\n    backend: local\n    path: {0}/s\n    key_sources:\n{1}\n".format(
        project.directory, source
    )
    project.write("ansible.cfg", "")
    project.write("nebula.yml", config)
    made = "- {name: made, nebula.credential.credential: {name: which, value: hello there}}\n"
    assert uses(project, "hello there", made + READ, ANSIBLE_VAULT_IDENTITY_LIST="ops@" + str(password))
    message = project.play(READ).failed()
    assert "vaulted value" in message
    project.run("ansible-vault", "encrypt", "--vault-id", "ops@" + str(password), "nebula.yml").succeeded()
    assert uses(project, "hello there", READ, ANSIBLE_VAULT_IDENTITY_LIST="ops@" + str(password))
    assert "nebula.yml" in project.play(READ).failed()


def test_a_store_can_be_opened_by_the_runs_vault_password(project):
    """By vault id; and it stays on the controller."""
    first, second = project.write("first.txt", "first password"), project.write("second.txt", "second password")
    identities = {"ANSIBLE_VAULT_IDENTITY_LIST": "one@{0},two@{1}".format(first, second)}
    store = "{backend: local, path: " + str(project.directory) + "/s, key_sources: [{source: ansible_vault, vault_id: two}]}"
    given = {"variables": "{nebula_credential_stores: {s: " + store + "}, nebula_credential_store: s}"}
    made = "- {name: made, nebula.credential.credential: {name: which, value: hello there}}\n"
    assert project.play(made + READ, **given, **identities).succeeded().result("read")["msg"] == digest("hello there")
    assert "'two'" in project.play(READ, **given, ANSIBLE_VAULT_IDENTITY_LIST="one@{0}".format(first)).failed()
    moved = project.play("- nebula.credential.credential: {name: a, run_on: target}", **given, **identities)
    assert "stays on the controller" in moved.failed()


def test_a_wrong_passphrase_is_told_apart_from_a_damaged_file(project):
    def play(passphrase):
        store = "{{backend: local, path: {0}/s, key_sources: [{{source: passphrase, passphrase: {1}}}]}}".format(
            project.directory, passphrase
        )
        return project.play(
            "- {name: made, nebula.credential.credential: {name: a}}\n", variables="{nebula_credential_store: " + store + "}"
        )

    play("correct horse").succeeded()
    wrong = play("battery staple")
    assert wrong.result("made")["code"] == "wrong_passphrase"
    assert "battery staple" not in wrong.output
    metadata = project.directory / "s" / ".nebula" / "metadata.json"
    metadata.write_text(metadata.read_text().replace("A", "B"))
    assert play("correct horse").result("made")["code"] in ("damaged", "tampered")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("default: gone", ["there is no store 'gone'", "Known stores: local"]),
        ("stoers: {}", ["stoers", "default, stores"]),
        ("default: s\nstores: {s: {backend: vualt}}", ["option 'backend', store 's'", "vualt", "local"]),
        ("default: s\nstores: {s: {backend: local, keep_versions: many}}", ["option 'keep_versions', store 's'"]),
        ("default: s\nstores: {s: nothing}", ["store 's'", "mapping"]),
    ],
)
def test_a_configuration_that_is_wrong_is_told_by_option_and_store(project, config, words):
    project.write("ansible.cfg", "")
    project.write("nebula.yml", config)
    run = project.play("- {name: info, ignore_errors: true, nebula.credential.credential_info: {}}\n" + READ)
    for message in (run.result("info")["msg"], run.result("read")["msg"]):
        for word in words:
            assert word in message
