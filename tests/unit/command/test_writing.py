# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command writes: values from standard input and from an editor."""

from __future__ import annotations

import json
import signal
import stat
import sys
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.command import editor
from tests.unit.command.commands import Typed


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Sets an editor that runs a program: `text` is the file's text, and what it is afterwards is written. Returns its log."""

    def set_editor(program: str) -> Path:
        script, log = tmp_path / "editor.py", tmp_path / "editor.log"
        script.write_text(
            "import sys, os\npath = sys.argv[1]\ntext = open(path).read()\n"
            "modes = [oct(os.stat(p).st_mode & 0o777) for p in (path, os.path.dirname(path))]\n"
            "open({0!r}, 'a').write(repr([path, modes]))\n{1}\nopen(path, 'w').write(text)\n".format(str(log), program)
        )
        monkeypatch.setenv("VISUAL", "{0} {1}".format(sys.executable, script))
        return log

    return set_editor


def test_one_line_break_at_the_end_is_not_a_part_of_the_value(typed: Typed) -> None:
    typed.succeed("set", "a", given="x\n")
    assert typed.succeed("get", "a", "--raw").output == "x"
    typed.succeed("set", "a", "--keep-newline", given="x\n")
    assert typed.succeed("get", "a", "--raw").output == "x\n"


def test_bytes_that_are_no_text_are_kept(typed: Typed) -> None:
    typed.succeed("set", "a", given=b"\xff\x00\xfe")
    refused = typed("get", "a")
    assert refused.status != 0
    assert "field 'value' is not text. Use --raw, into a file or a pipe, or --base64." in refused.messages
    assert typed.succeed("get", "a", "--base64").output == "/wD+\n"


def test_a_write_says_what_it_did(typed: Typed) -> None:
    assert typed.succeed("set", "a", given="x").messages == "a: version 1\n"
    assert typed.succeed("set", "a", given="x").messages == "a: version 1 (unchanged)\n"
    assert typed.succeed("set", "a", "--check", given="y").messages.endswith("(not written: --check)\n")
    assert typed.succeed("get", "a").output == "x\n"
    assert typed.succeed("set", "a", "--json", given="z").json["credential"]["version"] == "2"


def test_an_empty_value_has_to_be_meant(typed: Typed) -> None:
    assert typed("set", "a", given="").status == 2
    typed.succeed("set", "a", "--allow-empty", given="")


def test_a_value_can_be_generated_and_metadata_changed_alone(typed: Typed) -> None:
    typed.succeed("set", "a", "--generate", "password,length=40")
    value = typed.succeed("get", "a").output
    assert len(value) == 41
    typed.succeed("set", "a", "--keep-value", "--description", "d")
    assert typed.succeed("get", "a").output == value
    assert typed("set", "b", "--generate", "password,lenght=40").status == 2


def test_a_value_that_is_to_be_kept_has_to_be_there(typed: Typed) -> None:
    assert typed("set", "a", "--keep-value", "--description", "d").status == 3
    assert typed("get", "a").status == 3


@pytest.mark.parametrize(
    "arguments", [("a", "canary-of-the-shell"), ("a", "--value=canary-of-the-shell"), ("a", "-v", "canary-of-the-shell")]
)
def test_a_value_as_an_argument_is_refused_and_not_shown(
    typed: Typed, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as ended:
        typed("set", *arguments)
    message = capfd.readouterr().err
    assert ended.value.code == 2
    assert "A value is no argument" in message or "'set' has no option -" in message
    assert "canary" not in message


def test_several_fields_need_an_object(typed: Typed) -> None:
    assert typed("set", "a", "--field", "x", "--field", "y", given="v").status == 2
    assert typed("set", "a", "--fields", given="[1]").status == 2
    typed.succeed("set", "a", "--type", "basic", "--fields", given='{"username": "u", "password": "p"}')
    typed.succeed("set", "a", "--field", "password", given="q")
    assert typed.succeed("get", "a", "--fields").json == {"username": "u", "password": "q"}


def test_an_older_version_becomes_the_newest(typed: Typed) -> None:
    typed.succeed("set", "a", given="x")
    typed.succeed("set", "a", given="y")
    assert typed.succeed("restore", "a", "--version", "1").messages == "a: version 3\n"
    assert typed.succeed("get", "a").output == "x\n"


def test_a_single_value_is_edited_as_it_is(typed: Typed, edited) -> None:
    typed.succeed("set", "a", given="x")
    log = edited("text += 'y\\n'")
    typed.succeed("edit", "a")
    assert typed.succeed("get", "a", "--raw").output == "xy"
    path, modes = eval(log.read_text())  # noqa: S307  # the test wrote it
    assert modes == ["0o600", "0o700"]
    assert not Path(path).parent.exists()


def test_fields_are_edited_as_yaml(typed: Typed, edited) -> None:
    fields = {"api_key": "on", "prefix": "l1\nl2\n", "param_name": "p"}
    typed.succeed("set", "a", "--type", "api_key", "--fields", given=json.dumps(fields))
    edited("assert '\\'on\\'' in text and '|' in text\ntext = text.replace('l2', 'l3').replace('param_name: p', 'endpoint: https://e')")
    typed.succeed("edit", "a")
    assert typed.succeed("get", "a", "--fields").json == {"api_key": "on", "prefix": "l1\nl3\n", "endpoint": "https://e"}


def test_an_edit_of_one_field_leaves_the_others_byte_by_byte(typed: Typed, edited) -> None:
    odd = ["\x85a", "a\x85\n b ", "\u2028", "\r\n", " a\n", "\ufeff", "'\"\\", "0x1", "~", "a\n\n", "\t", "---\n", "\x1b"]
    fields = {"f{0:02}".format(number): text for number, text in enumerate(odd)}
    typed.succeed("set", "a", "--fields", given=json.dumps({**fields, "value": "x"}))
    edited("text = text.replace('value: x', 'value: y')")
    typed.succeed("edit", "a")
    assert typed.succeed("get", "a", "--fields").json == {**fields, "value": "y"}


@pytest.mark.parametrize(
    "program", ["sys.exit(3)", "text = 'a: [1'", "text = 'a: 1'", "text = '- a'", "os.remove(path); sys.exit(0)", "text = ''"]
)
def test_an_edit_that_went_wrong_writes_nothing_and_shows_nothing(typed: Typed, edited, program: str) -> None:
    typed.succeed("set", "a", "--type", "basic", "--fields", given='{"username": "u", "password": "canary-of-the-edit"}')
    edited(program)
    done = typed("edit", "a")
    assert done.status == 2
    assert "canary-of-the-edit" not in done.messages
    assert len(typed.succeed("history", "a", "--json").json["versions"]) == 1


def test_an_edit_without_a_change_writes_nothing(typed: Typed, edited) -> None:
    typed.succeed("set", "a", given="x")
    edited("")
    assert typed.succeed("edit", "a").messages == "a: nothing was changed\n"


def test_an_edit_does_not_undo_what_was_written_meanwhile(typed: Typed, edited, monkeypatch: pytest.MonkeyPatch) -> None:
    typed.succeed("set", "a", given="x")
    edited("text += 'y'")
    before = editor._run

    def write_meanwhile(command: list[str]) -> None:
        typed.succeed("set", "a", given="z")
        before(command)

    monkeypatch.setattr(editor, "_run", write_meanwhile)
    assert typed("edit", "a").status == 6
    assert typed.succeed("get", "a").output == "z\n"


def test_a_file_that_is_not_in_memory_is_announced_and_overwritten(
    typed: Typed, edited, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    typed.succeed("set", "a", given="canary-of-the-disk")
    kept = tmp_path / "kept"
    edited("os.link(path, {0!r})".format(str(kept)))
    monkeypatch.setattr(editor, "find_place", lambda: (str(tmp_path), False))
    assert "no directory in memory" in typed.succeed("edit", "a").messages
    assert kept.read_bytes() == bytes(len("canary-of-the-disk"))


def test_the_place_of_the_file_is_one_in_memory() -> None:
    place, is_in_memory = editor.find_place()
    assert stat.S_ISDIR(Path(place).stat().st_mode)
    assert is_in_memory == ("/dev/shm" in editor._list_mounts_in_memory())


@pytest.mark.parametrize("name", sorted(editor.WITHOUT_TRACES))
def test_vim_keeps_no_trace(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("VISUAL", "/usr/bin/{0} -u NONE".format(name))
    assert editor.find_editor()[3:] == list(editor.WITHOUT_TRACES[name])


def test_vim_is_known_behind_another_name_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program, link = tmp_path / "vim.basic", tmp_path / "vi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    link.symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    for written in (str(link), "vi", str(program)):
        monkeypatch.setenv("VISUAL", written)
        assert editor.find_editor() == [written, *editor.WITHOUT_TRACES["vim"]]


def test_settings_of_the_user_cannot_turn_traces_on_again() -> None:
    """`--cmd` comes before the user's own settings, `-c` after them."""
    options = editor.WITHOUT_TRACES["vim"]
    assert options[options.index("-c") + 1] == "set noundofile nobackup nowritebackup"
    assert "--cmd" not in options


def test_a_second_signal_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    wipe = editor._wipe

    def interrupted(directory: str) -> None:
        signal.raise_signal(signal.SIGHUP)
        wipe(directory)

    used = []

    def edit() -> None:
        with editor._private_directory() as directory:
            used.append(directory)
            (directory / "credential.txt").write_text("canary")
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(editor, "_wipe", interrupted)
    with pytest.raises(SystemExit):
        edit()
    assert [directory.exists() for directory in used] == [False]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_file_that_cannot_be_overwritten_is_removed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: str) -> None:
        raise PermissionError

    monkeypatch.setattr(editor, "_overwrite", fail)
    with editor._private_directory() as directory:
        (directory / "credential.txt").write_text("canary")
    assert not directory.exists()


@pytest.mark.parametrize("text", ["a\x85b", "\x85", "one\n\x85two", "\u2028 a", " a: b", "- x\n\n  y\n", "yes", "\t"], ids=ascii)
def test_a_field_that_is_not_edited_stays_as_it_is(typed: Typed, edited, text: str) -> None:
    typed.succeed("set", "a", "--fields", given=json.dumps({"password": text, "username": "app"}))
    edited("text = text.replace('app', 'web')")
    typed.succeed("edit", "a")
    assert typed.succeed("get", "a", "--fields").json == {"password": text, "username": "web"}
