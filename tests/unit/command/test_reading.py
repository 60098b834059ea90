# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command reads, and how it writes it."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible import constants

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken
from ansible_collections.nebula.credential.plugins.plugin_utils.command import terminal
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import CODES, find_status
from ansible_collections.nebula.credential.plugins.plugin_utils.command.main import main
from ansible_collections.nebula.credential.plugins.plugin_utils.command.named_values import derive_variable
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import write_table
from tests.conftest import CHECKOUT
from tests.unit.command.commands import Typed

FIELDS = json.dumps({"username": "app", "password": "p w"})


@pytest.fixture
def filled(typed: Typed) -> Typed:
    """A store with two credentials, of which one has two versions."""
    typed.succeed("set", "shop/db", given="first")
    typed.succeed("set", "shop/db", "--description", "of the shop", "--tag", "team=shop", given="second\n")
    typed.succeed("set", "shop/login", "--type", "basic", "--fields", given=FIELDS)
    return typed


def test_a_value_goes_into_a_pipe_with_a_line_break(filled: Typed) -> None:
    assert filled.succeed("get", "shop/db").output == "second\n"
    assert filled.succeed("get", "shop/db", "--raw").output == "second"
    assert filled.succeed("get", "shop/db", "--base64").output == base64.b64encode(b"second").decode() + "\n"
    assert filled.succeed("get", "shop/db", "--version", "1").output == "first\n"


@pytest.mark.parametrize(
    "option", [("--copy", "--fields"), ("--copy", "--json"), ("--copy", "--clear-after", "-1"), ("--clear-after", "9")]
)
def test_what_is_copied_is_one_value_and_never_printed(filled: Typed, option: tuple[str, ...]) -> None:
    done = filled("get", "shop/login", *option)
    assert (done.status, done.output) == (2, "")
    assert "option '--c" in done.messages


@pytest.mark.parametrize("moment", ["note", "time"])
def test_ctrl_c_clears_the_clipboard_whenever_it_comes(moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "terminal"

    def interrupt(_given: object) -> None:
        raise KeyboardInterrupt

    opened = SimpleNamespace(open=lambda _path, flags: os.open(seen, flags | os.O_CREAT, 0o600))
    monkeypatch.setattr(terminal, "os", SimpleNamespace(**{**vars(os), **vars(opened)}))
    monkeypatch.setattr(terminal, moment, interrupt if moment == "note" else SimpleNamespace(sleep=interrupt))
    with suppress(KeyboardInterrupt):
        terminal.copy_to_clipboard(b"copied", 600)
    assert seen.read_bytes() == b"\x1b]52;c;Y29waWVk\x07\x1b]52;c;!\x07"


def test_fields_are_read_one_by_one_or_all_at_once(filled: Typed) -> None:
    assert filled.succeed("get", "shop/login").output == "p w\n"
    assert filled.succeed("get", "shop/login", "--field", "username").output == "app\n"
    assert filled.succeed("get", "shop/login", "--fields").json == json.loads(FIELDS)
    whole = filled.succeed("get", "shop/login", "--json").json
    assert whole == {"name": "shop/login", "type": "basic", "version": "1", "stage": "current", "value": "p w"}


def test_a_list_has_names_or_metadata_and_no_value(filled: Typed) -> None:
    assert filled.succeed("ls").output == "shop/db\nshop/login\n"
    assert filled.succeed("ls", "shop/l").output == "shop/login\n"
    assert filled.succeed("ls", "--tag", "team=shop").output == "shop/db\n"
    assert filled.succeed("ls", "--long").output.split()[:6] == ["shop/db", "opaque", "2", "active", "of", "the"]
    rows = filled.succeed("ls", "--json")
    assert [row["name"] for row in rows.json] == ["shop/db", "shop/login"]
    assert "second" not in rows.output


def test_a_difference_names_fields_and_no_value(filled: Typed) -> None:
    filled.succeed("set", "key", "--type", "api_key", "--fields", given='{"api_key": "one", "prefix": "Bearer"}')
    filled.succeed("set", "key", "--fields", given='{"api_key": "two", "prefix": null, "param_name": "X-Key"}')
    done = filled.succeed("diff", "key")
    assert done.output == "key 1 -> 2\napi_key     changed\nparam_name  added\nprefix      removed\n"
    assert filled.succeed("diff", "key", "2", "1", "--json").json["fields"]["prefix"] == "added"
    assert filled.succeed("diff", "key", "2", "2").output == "key 2 -> 2: no field differs\n"
    assert filled("diff", "shop/none").status == filled("diff", "shop/login").status == 3


def test_a_history_lists_the_versions(filled: Typed) -> None:
    lines = filled.succeed("history", "shop/db").output.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "1"]
    assert lines[0].endswith("current")
    assert [each["version"] for each in filled.succeed("history", "shop/db", "--json").json["versions"]] == ["2", "1"]


def test_values_become_variables_in_each_format(filled: Typed) -> None:
    assert filled.succeed("env", "--prefix", "shop/").output == "SHOP_DB='second'\nSHOP_LOGIN='p w'\n"
    shell = filled.succeed("env", "--format", "shell", "PGUSER=shop/login:username", "PGPASSWORD=shop/login").output
    shown = subprocess.run(["sh", "-c", shell + 'printf "%s:%s" "$PGUSER" "$PGPASSWORD"'], capture_output=True, text=True, check=True)
    assert shown.stdout == "app:p w"
    assert filled.succeed("env", "--json", "A=shop/db").json == {"A": "second"}
    assert filled("env", "A=shop/db", "A=shop/login").status == 2
    assert filled("env").status == 2


@pytest.mark.parametrize("value", ["it's", "a\\\\b", "end\\", "${HOME}", "two\r\nlines", "a\rb"])
def test_a_value_that_dotenv_readers_do_not_read_alike_is_refused(typed: Typed, value: str) -> None:
    typed.succeed("set", "odd", given=value)
    done = typed("env", "odd")
    assert (done.status, done.output) == (find_status(InvalidToken("")), "")
    assert value not in done.messages
    assert typed.succeed("env", "odd", "--format", "json").json == {"ODD": value}


@pytest.mark.parametrize("form", ["dotenv", "shell", "json"])
def test_values_are_written_in_utf_8_whatever_the_locale_is(typed: Typed, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    typed.succeed("set", "a", given="p\u00e4\u20ac")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    assert main(["env", "a", "--format", form]) == 0
    assert "p\u00e4\u20ac".encode() in written.getvalue()


@pytest.mark.parametrize(("name", "variable"), [("shop/db-pass", "SHOP_DB_PASS"), ("9lives", "_9LIVES"), ("a.b", "A_B")])
def test_a_name_becomes_a_variable(name: str, variable: str) -> None:
    assert derive_variable(name) == variable


def test_what_is_missing_or_wrong_has_its_exit_code(filled: Typed) -> None:
    assert filled("get", "nothing").status == 3
    assert filled("get", "shop/db", "--field", "nothing").status == 3
    assert filled("get", "shop/login", "--store", "nowhere").status == 2
    assert filled("set", "shop/db", "--expected-version", "1", given="third").status == 6
    failed = filled("get", "nothing", "--json")
    assert json.loads(failed.messages)["code"] == "not_found"
    assert "[code: not_found]" in filled("get", "nothing").messages


def test_a_store_that_is_read_only_denies_access(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nebula.yml").write_text("stores: {local: {backend: local, read_only: true}}\n")
    (tmp_path / "nebula.yml").chmod(0o600)
    monkeypatch.setenv("NEBULA_CREDENTIAL_CONFIG", str(tmp_path / "nebula.yml"))
    assert typed("set", "a", given="x").status == 4


def test_a_file_that_is_no_envelope_does_not_end_a_difference(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "other.enc").write_text("canary")
    assert typed.succeed("textconv", "other.enc").output == "no credential that can be shown: 6 bytes [code: not_encrypted]\n"
    assert typed("textconv", "other.enc", "--json").status == 8


def test_a_whole_store_is_no_argument(typed: Typed) -> None:
    done = typed("ls", "--store", '{"backend": "vault", "token": "hvs.secret"}')
    assert done.status == 2
    assert "hvs.secret" not in done.messages


def test_the_scope_that_is_asserted_decides(typed: Typed) -> None:
    typed.succeed("set", "scoped", "--workflow", "deploy", given="x")
    assert typed("get", "scoped").status == 4
    assert typed.succeed("get", "scoped", "--workflow", "deploy").output == "x\n"


def test_the_trail_says_who_called_what_and_where(filled: Typed, home: Path) -> None:
    filled.succeed("get", "shop/db")
    entries = [json.loads(line) for line in (home / ".nebula/credentials/.nebula/audit.jsonl").read_text().splitlines()]
    read = entries[-1]["entry"] if "entry" in entries[-1] else entries[-1]
    assert (read["operation"], read["name"], read["task"]) == ("get", "shop/db", "nebula-credential get")
    assert {"username", "controller", "run", "uid"} <= set(read)


def test_a_row_cannot_send_commands_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(("name",), [["a\x1b]52;c;eA==\x07b"]])
    assert capsys.readouterr().out == "a?]52;c;eA==?b\n"


def test_each_exit_code_is_documented() -> None:
    page = (CHECKOUT / "docs/how-to/command.md").read_text()
    for row in CODES:
        assert "| {0} | {1} |".format(row.status, row.meaning) in page


def test_preflight_reports_what_playbooks_would_miss(filled: Typed, tmp_path: Path) -> None:
    tasks = "".join("  - debug: {{msg: \"{{{{ lookup('nebula.credential.get', {0}) }}}}\"}}\n".format(each) for each in ("'shop/db'", "x"))
    (tmp_path / "site.yml").write_text("- hosts: all\n  tasks:\n" + tasks)
    done = filled.succeed("preflight", "site.yml")
    assert "1 credentials in 1 files: 0 cannot be used; 1 places name one that cannot be told" in done.messages
    (tmp_path / "site.yml").write_text("- hosts: all\n  tasks:\n" + tasks.replace("shop/db", "shop/none"))
    failed = filled("preflight", "site.yml", "--for", "2h", "--json")
    assert failed.status == 10
    (problem,) = failed.json["problems"]
    assert (problem["name"], problem["state"], problem["places"]) == ("shop/none", "missing", ["site.yml:3"])
    assert filled("preflight", "nowhere.yml").status == 2


def test_a_description_is_one_line_of_textconv_and_no_command_of_a_terminal(typed: Typed) -> None:
    typed.succeed("set", "a", "--description", "of\x1b[2Jthe team\nvalue: encrypted, 0123456789abcdef", given="x")
    (file,) = Path(os.environ["HOME"]).rglob("a.enc")
    lines = typed.succeed("textconv", str(file)).output.splitlines()
    assert "metadata.description: of?[2Jthe team?value: encrypted, 0123456789abcdef" in lines
    assert sum(line.startswith("value: ") for line in lines) == 1


def test_preflight_checks_the_other_stores_if_one_is_not_known(filled: Typed, tmp_path: Path) -> None:
    lookup = "  - debug: {{msg: \"{{{{ lookup('nebula.credential.get', {0}) }}}}\"}}\n"
    tasks = lookup.format("'a', store='elsewhere'") + lookup.format("'shop/none'")
    (tmp_path / "site.yml").write_text("- hosts: all\n  tasks:\n" + tasks)
    done = filled("preflight", "site.yml", "--json")
    assert done.status == 10
    absent, unknown = done.json["problems"]
    assert (absent["name"], absent["state"]) == ("shop/none", "missing")
    assert (unknown["name"], unknown["state"], unknown["places"]) == ("a", "unreadable", ["site.yml:3"])
    assert "option 'store': there is no store 'elsewhere'" in unknown["message"]
    assert filled("preflight", "site.yml", "--for", "2x").status == 2


def test_preflight_searches_the_variables_of_an_inventory_once_and_says_if_ansible_does_not_read_them(
    filled: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_HOST_LIST", [str(tmp_path / "hosts.ini")])
    for directory in ("group_vars", "production/group_vars"):
        (tmp_path / directory).mkdir(parents=True)
        (tmp_path / directory / "all.credentials").write_text("a: shop/{{ b }}\n")
    (tmp_path / "site.yml").write_text("- hosts: all\n")
    near = "group_vars/all.credentials:1"
    not_read = ": Ansible does not read this file: 'vars_plugins_enabled' does not name nebula.credential.credentials"
    done = filled.succeed("preflight", "site.yml")
    assert done.messages.splitlines()[:2] == [near + not_read, near + ": the name is computed"]
    assert "0 credentials in 2 files" in done.messages
    done = filled.succeed("preflight", "site.yml", "-i", "production/hosts.ini")
    assert "production/" + near + not_read in done.messages
    assert "0 credentials in 3 files" in done.messages
