# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database store in real runs: its tables made by the command that the error names, its trail, and what its logs hold."""

from __future__ import annotations

import contextlib
import json

import pytest
import yaml

from tests.canary import canaries
from tests.canary.search import Searcher, tree
from tests.servers import databases, once

pytestmark = pytest.mark.server
PLAIN = {"encrypt": False, "allow_plaintext": True}
USE = """
- nebula.credential.credential: {name: app/db, value: "{{ canary }}"}
- name: read
  ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') == canary", quiet: true}
- nebula.credential.credential_info: {health: true}
"""


@pytest.fixture(params=["postgresql", pytest.param("mariadb", marks=pytest.mark.long)])
def server(request):
    return once.server(request.param)


def use_store(project, server, prefix, **more):
    """Make it the project's default, as `prod`."""
    config = dict({"backend": "database"}, **databases.options(server, prefix, **more))
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", yaml.safe_dump({"default": "prod", "stores": {"prod": config}})).chmod(0o600)


def rows(server, statement, *values):
    with contextlib.closing(server.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(statement, values or None)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def show(entry):
    return json.dumps(entry, sort_keys=True)


def test_the_command_that_the_error_names_makes_the_tables(project, server, prefix):
    use_store(project, server, prefix, migration="validate")
    told = project.play("- nebula.credential.credential: {name: a}").failed()
    command = told.rpartition("Run: ")[2].strip()
    assert command == "ansible localhost -m nebula.credential.store_schema -a store=prod"
    program, *arguments = command.split()
    assert "statements" in project.run(program, *arguments).succeeded().output
    assert '"changed": false' in project.run(program, *arguments).succeeded().output


def test_every_access_is_in_the_audit_table_and_outlives_the_credential(project, server, prefix):
    """One line for each entry of the trail's file, which other controllers' lines lie beside."""
    use_store(project, server, prefix)
    project.play(USE + "- nebula.credential.credential: {name: app/db, state: absent}", variables="{canary: some-value-1}").succeeded()
    kept = rows(server, "SELECT credential_id, action, user_id, details FROM {0}audit_log ORDER BY timestamp".format(prefix))
    trail = [json.loads(line) for line in (project.home / ".nebula" / "audit" / "prod.jsonl").read_text().splitlines()]
    assert [(name, action) for name, action, _user, _details in kept] == [(entry.get("name"), entry["action"]) for entry in trail]
    assert {("app/db", action) for action in ("write", "read", "delete")} <= {(name, action) for name, action, _user, _details in kept}
    details = [each[3] if isinstance(each[3], dict) else json.loads(each[3]) for each in kept]
    assert {each["result"] for each in details} <= {"ok", "not_found"}
    assert {each["store"] for each in details} == {"prod"}
    assert all(each[2].startswith("uid ") for each in kept)
    assert rows(server, "SELECT count(*) FROM {0}credentials".format(prefix)) == [(0,)]
    found = project.play("- {name: found, nebula.credential.audit_info: {source: table}}").result("found")
    written = [{name: part for name, part in entry.items() if name not in ("sequence", "key", "chain")} for entry in trail]
    assert sorted(found["entries"], key=show) == sorted(written, key=show)


def test_old_entries_go_from_the_audit_table_when_a_task_says_so(project, server, prefix):
    use_store(project, server, prefix)
    project.play("- nebula.credential.credential: {name: app/db}").succeeded()
    server.run("UPDATE {0}audit_log SET timestamp = '2020-01-01 00:00:00'".format(prefix))
    ((old,),) = rows(server, "SELECT count(*) FROM {0}audit_log".format(prefix))
    purge = "- {{name: purge, nebula.credential.store_purge: {{keep_audit: 400d}}, check_mode: {0}}}\n"
    assert project.play(purge.format("true")).result("purge")["audit"]["rows"] == old > 0
    assert rows(server, "SELECT count(*) FROM {0}audit_log WHERE timestamp < '2021-01-01'".format(prefix)) == [(old,)]
    done = project.play(purge.format("false")).result("purge")
    assert (done["changed"], done["audit"]["rows"], done["audit"]["files"]) == (True, old, 0)
    assert rows(server, "SELECT count(*) FROM {0}audit_log WHERE timestamp < '2021-01-01'".format(prefix)) == [(0,)]


def test_a_trail_that_the_database_does_not_take_is_warned_of_once_or_refused(project, server, prefix):
    use_store(project, server, prefix)
    project.play("- nebula.credential.credential: {name: app/db}").succeeded()
    server.run("ALTER TABLE {0}audit_log RENAME TO {0}elsewhere".format(prefix))
    read = "- ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'app/db') | length }}\"}"
    assert "the backend does not take the audit trail" in project.play(read).succeeded().output
    use_store(project, server, prefix, audit="strict")
    assert "the backend does not take the audit trail" in project.play(read).failed()


def test_sql_reads_ours_and_get_reads_what_sql_wrote(project, server, prefix):
    use_store(project, server, prefix, **PLAIN)
    project.play(USE, variables="{canary: s3cret-by-us}").succeeded()
    postgresql = databases.dialect(server) == "postgresql"
    column = "input_data->>'value'" if postgresql else "JSON_VALUE(input_data, '$.value')"
    fields = rows(server, "SELECT input_data FROM {0}credentials".format(prefix))[0][0]
    assert "s3cret-by-us" in json.dumps(fields) + str(fields)
    field = next(iter(fields if isinstance(fields, dict) else json.loads(fields)))
    column = column.replace("value'", field + "'")
    assert rows(server, "SELECT {0} FROM {1}credentials WHERE name = 'app/db'".format(column, prefix)) == [("s3cret-by-us",)]
    server.run(
        "INSERT INTO {0}credentials (name, credential_type, input_data) VALUES "
        '(\'by/hand\', \'basic\', \'{{"username": "app", "password": "by-hand-1"}}\')'.format(prefix)
    )
    tasks = """
- ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'by/hand') == 'by-hand-1'", quiet: true}
- ansible.builtin.assert: {that: "lookup('nebula.credential.find') | map(attribute='name') | sort == ['app/db', 'by/hand']", quiet: true}
- nebula.credential.credential: {name: by/hand, fields: {password: changed-by-us}}
- ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'by/hand', version='1') == 'by-hand-1'", quiet: true}
"""
    project.play(tasks).succeeded()


def logs_of(server):
    yield from ((str(path), path.read_bytes()) for path in (server.log, getattr(server, "general_log", server.log)))


def test_neither_value_nor_password_is_in_any_log(project, server, prefix):
    """The servers log every statement with its parameters, and the run prints all that it has."""
    named = {"value": canaries.make(), "password": server.password}
    use_store(project, server, prefix)
    run = project.play(
        USE, "-vvvvv", variables=json.dumps({"canary": named["value"]}), ANSIBLE_LOG_PATH=str(project.directory / "ansible.log")
    )
    run.succeeded()
    broken = project.play(
        "- nebula.credential.credential: {name: app/db, store: {backend: database, url: '{{ url }}'}}",
        "-vvv",
        variables=json.dumps({"url": databases.url(server).replace("@", ":{0}@".format(server.password)).replace(str(server.port), "1")}),
    )
    assert "cannot be reached" in broken.failed()
    blobs = [*logs_of(server), ("output", broken.output.encode()), *tree(project.home), *tree(project.directory)]
    given = {str(path) for path in (project.directory / "nebula.yml", *project.directory.glob("play*.yml"))}
    assert Searcher(named).hits((place, content) for place, content in blobs if place not in given) == []
    assert any(prefix.encode() in content for _place, content in logs_of(server)), "the server logs no statements"


def test_in_a_plain_store_the_servers_own_log_shows_values(project, server, prefix):
    """Which is why encryption is on unless it is refused; and the search above would have found one."""
    named = {"value": canaries.make()}
    use_store(project, server, prefix, **PLAIN)
    project.play(USE, variables=json.dumps({"canary": named["value"]})).succeeded()
    assert Searcher(named).hits(logs_of(server)) != []
