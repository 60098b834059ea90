# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line as argparse reads it. Each subcommand is loaded when it is called: a read loads no editor and no rotation."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import PROGRAM, Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import CLEARED_AFTER

RUN = "run"
FORMATS = ("dotenv", "shell", "json")
STAGES = ("current", "pending", "previous")
SHELLS = ("bash", "zsh")
_CLEARED = "with --copy, {0} unless given; 0 leaves it there".format(CLEARED_AFTER)
_NAMED = "[VARIABLE=]NAME[:FIELD]; without VARIABLE it is the name in capitals"
Perform = Callable[[Invocation], int]


def _load_ls() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.reading import list_credentials

    return list_credentials


def _load_get() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.reading import get

    return get


def _load_history() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.reading import show_history

    return show_history


def _load_diff() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.reading import show_differences

    return show_differences


def _load_env() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.reading import write_environment

    return write_environment


def _load_set() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.writing import set_credential

    return set_credential


def _load_edit() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.writing import edit

    return edit


def _load_restore() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.writing import restore

    return restore


def _load_rotate() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.rotating import rotate

    return rotate


def _load_run() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.children import run

    return run


def _load_doctor() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.doctor import examine

    return examine


def _load_preflight() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.preflighting import preflight

    return preflight


def _load_scan() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.scanning import scan

    return scan


def _load_textconv() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.textconv import write_text

    return write_text


def _load_shell() -> Perform:
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.completion import write_shell_code

    return write_shell_code


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `nebula-credential`. `perform` of what it parses loads the subcommand."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Read and write the credentials of a store, as plays do.",
        epilog="Options are written behind the command: {0} ls --store prod. '{0} COMMAND --help' lists them.".format(PROGRAM),
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = _build_common()

    def add(name: str, load: Callable[[], Perform], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[common], allow_abbrev=False)
        added.set_defaults(perform=load)
        return added

    _add_reading(add)
    _add_writing(add)
    _add_programs(add)
    return parser


def _build_common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    where = common.add_argument_group("the store, and who asks")
    where.add_argument("-s", "--store", metavar="NAME", help="a store of nebula.yml, in place of the default one")
    where.add_argument("--workflow", help="the workflow that the scope of a credential may want")
    where.add_argument("--user", help="the user that it may want")
    where.add_argument("--scope-tag", action="append", metavar="NAME=VALUE", help="a tag that it may want")
    vault = common.add_argument_group("passwords of Ansible Vault, if the store or nebula.yml needs one")
    vault.add_argument("--vault-id", action="append", metavar="ID@SOURCE")
    vault.add_argument("--vault-password-file", action="append", metavar="FILE")
    vault.add_argument("-J", "--ask-vault-pass", action="store_true")
    common.add_argument("--json", action="store_true", help="write JSON, errors included")
    return common


def _add_reading(add: Callable[..., argparse.ArgumentParser]) -> None:
    listing = add("ls", _load_ls, "List credentials.")
    listing.add_argument("prefix", nargs="?", default="", help="only those whose name begins with it")
    listing.add_argument("-l", "--long", action="store_true", help="with their type, version, state, end and description")
    listing.add_argument("--type")
    listing.add_argument("--tag", action="append", metavar="NAME=VALUE")
    listing.add_argument("--expires-within", metavar="TIME", help="for example 30d")
    reading = add("get", _load_get, "Read a credential.")
    reading.add_argument("name")
    fields = reading.add_mutually_exclusive_group()
    fields.add_argument("-f", "--field", help="a field in place of the primary one")
    fields.add_argument("--fields", action="store_true", help="all fields, as JSON")
    reading.add_argument("--version")
    reading.add_argument("--stage", choices=STAGES, default=STAGES[0])
    form = reading.add_mutually_exclusive_group()
    form.add_argument("--base64", action="store_true", help="write the value in base64")
    form.add_argument("--raw", action="store_true", help="write the bytes of the value, without a line break after them")
    form.add_argument("-c", "--copy", action="store_true", help="put it into the clipboard of the terminal (OSC 52)")
    reading.add_argument("--clear-after", type=int, metavar="SECONDS", help=_CLEARED)
    _add_show(reading)
    history = add("history", _load_history, "List the versions of a credential.")
    history.add_argument("name")
    difference = add("diff", _load_diff, "Name the fields in which two versions differ. No value is shown.")
    difference.add_argument("name")
    difference.add_argument("old", nargs="?", help="a version; without it the one before the current one")
    difference.add_argument("new", nargs="?", help="a version; without it the current one")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show", action="store_true", help="print values to a terminal, too")


def _add_writing(add: Callable[..., argparse.ArgumentParser]) -> None:
    writing = add("set", _load_set, "Create a credential or change it. The value is read from a prompt or from standard input.")
    writing.add_argument("name")
    value = writing.add_mutually_exclusive_group()
    value.add_argument("-f", "--field", action="append", help="the field that gets the value; several are prompted for one by one")
    value.add_argument("--fields", action="store_true", help="standard input is a JSON object of fields")
    value.add_argument("-g", "--generate", nargs="?", const="password", metavar="KIND[,OPTION=VALUE]", help="make the value")
    value.add_argument("--keep-value", action="store_true", help="change only what else is given")
    writing.add_argument("--keep-newline", action="store_true", help="a line break at the end of standard input is a part of the value")
    writing.add_argument("--type")
    writing.add_argument("--description")
    writing.add_argument("--tag", action="append", metavar="NAME=VALUE", help="replaces all tags")
    end = writing.add_mutually_exclusive_group()
    end.add_argument("--ttl", metavar="TIME")
    end.add_argument("--expires-at", metavar="TIME")
    writing.add_argument("--expected-version", metavar="VERSION", help="write only if this is the current one")
    _add_check(writing)
    editing = add("edit", _load_edit, "Edit a credential in $VISUAL or $EDITOR, on a file in memory.")
    editing.add_argument("name")
    for parser in (writing, editing):
        parser.add_argument("--allow-empty", action="store_true", help="an empty value is meant")
    restoring = add("restore", _load_restore, "Make an older version the newest one.")
    restoring.add_argument("name")
    restoring.add_argument("--version", help="one of 'history'; without it what was put back by hand is accepted")
    _add_check(restoring)
    rotating = add("rotate", _load_rotate, "Give a credential a new value now, at the target that it is assigned to.")
    rotating.add_argument("name")
    rotating.add_argument("--target", metavar="NAME", help="a target of nebula.yml, or 'none' for a value that no service has")
    rotating.add_argument("--host", default="localhost", help="the host that reaches the target; localhost by default")
    rotating.add_argument("-i", "--inventory", action="append")
    _add_check(rotating)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="say what would be done, and do nothing")


def _add_programs(add: Callable[..., argparse.ArgumentParser]) -> None:
    running = add(RUN, _load_run, "Run a program with secrets in its environment, or on its standard input.")
    running.add_argument("-e", "--env", action="append", metavar="VARIABLE", help=_NAMED)
    running.add_argument("--stdin", metavar="NAME[:FIELD]", help="what the program reads on its standard input")
    running.add_argument("program", nargs=argparse.REMAINDER, metavar="-- PROGRAM", help="the program and its arguments")
    writing = add("env", _load_env, "Write values as variables.")
    writing.add_argument("names", nargs="*", metavar="VARIABLE", help=_NAMED)
    writing.add_argument("--format", choices=FORMATS, default=FORMATS[0])
    _add_show(writing)
    for parser in (running, writing):
        parser.add_argument("--prefix", help="every credential whose name begins with it")
    examining = add("doctor", _load_doctor, "Say which configuration, store, key and login are used, what is wrong, and what to do.")
    examining.add_argument("--forget", action="store_true", help="end the sessions that keep logins between runs, and do nothing else")
    checking = add("preflight", _load_preflight, "Check the credentials that playbooks mention, before one of them runs.")
    checking.add_argument("playbooks", nargs="+", metavar="PLAYBOOK")
    checking.add_argument("--for", dest="needed", metavar="TIME", help="how long they are needed, for example 2h")
    checking.add_argument("--roles-path", action="append", metavar="DIRECTORY")
    checking.add_argument("-i", "--inventory", action="append", help="in place of that of ansible.cfg")
    _add_scan(add)
    text = add("textconv", _load_textconv, "Write the metadata in a file of a local store, for git diff.")
    text.add_argument("file")
    shell = add("shell", _load_shell, "Write shell code for completion, and for the short name if it is free.")
    shell.add_argument("shell", nargs="?", choices=SHELLS, default=SHELLS[0])


def _add_scan(add: Callable[..., argparse.ArgumentParser]) -> None:
    scanning = add("scan", _load_scan, "Find values of the store that lie about in files and repositories. No value is shown.")
    scanning.add_argument("paths", nargs="*", metavar="PATH", help="files and directories; without one this directory")
    where = scanning.add_mutually_exclusive_group()
    where.add_argument("--git", action="store_true", help="search the history of their repository, too")
    where.add_argument("--staged", action="store_true", help="search what is staged of them, in place of the files")
    scanning.add_argument("--exclude", action="append", metavar="PATTERN", help="what is not searched, for example '*.iso'")
    scanning.add_argument("--look-alikes", action="store_true", help="find what merely looks like a secret, too")
    scanning.add_argument("--prefix", help="only values of credentials whose name begins with it")
    scanning.add_argument("--older", action=argparse.BooleanOptionalAction, help="values of older versions, too")
    scanning.add_argument("--shortest", type=int, metavar="BYTES", help="the shortest value to search for, 8 unless given")
    scanning.add_argument("--limit", type=int, metavar="NUMBER", help="how many findings are shown, 1000 unless given")


def build_client_parser() -> argparse.ArgumentParser:
    """Return the parser of `nebula-client`, which has the options that Ansible gives to a client script."""
    parser = argparse.ArgumentParser(prog="nebula-client", description="Write the password of a vault id, for Ansible.", allow_abbrev=False)
    parser.add_argument("--vault-id", metavar="ID")
    parser.add_argument("-s", "--store", metavar="NAME", help="a store of nebula.yml, in place of the default one")
    fixed: dict[str, Any] = {"command": "vault-client", "json": False, "workflow": None, "user": None, "scope_tag": None}
    parser.set_defaults(**fixed)
    return parser
