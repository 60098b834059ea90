# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of other tools, in the forms in which people have them, give what they hold, or are refused by file and place."""

from __future__ import annotations

import codecs
import re

import pytest

from tests.unit.adoption.formats.corpus import EXPECTED, PLACE, check, names_of, pack_1pux, read

PLAIN = ("kubernetes", "netrc", "pgpass", "aws_credentials", "docker_config", "terraform_state", "bitwarden", "lastpass")


@pytest.mark.parametrize("name", names_of(*PLAIN))
def test_a_file_gives_what_it_holds_or_is_refused_by_place(name):
    check(EXPECTED[name], name.split("/")[0], PLACE / name)


@pytest.mark.parametrize(
    ("name", "mark", "row_end"),
    [("pgpass/windows.pgpass", b"", rb"\n"), ("lastpass/usual.csv", codecs.BOM_UTF8, rb"(?:(?<=,0)|(?<=fav))\n")],
)
def test_a_file_as_windows_writes_it_gives_the_same(name, mark, row_end, tmp_path):
    path = tmp_path / "exported"
    path.write_bytes(mark + re.sub(row_end, b"\r\n", (PLACE / name).read_bytes()))
    path.chmod(0o600)
    check(EXPECTED[name], name.split("/")[0], path)


@pytest.mark.parametrize("name", names_of("onepassword"))
def test_an_export_of_1password_gives_what_it_holds_or_is_refused_by_place(name, tmp_path):
    check(EXPECTED[name], "onepassword", pack_1pux((PLACE / name).read_bytes(), tmp_path / "export.1pux"))


def test_every_file_of_the_corpus_has_what_it_must_give():
    files = {str(path.relative_to(PLACE)) for path in PLACE.glob("*/*") if path.parent.name in {name.split("/")[0] for name in EXPECTED}}
    assert files == set(EXPECTED)


def test_docker_logins_beside_a_helper_come_alone_if_that_is_written():
    found = read("docker_config", PLACE / "docker_config" / "store.json", skip_helpers=True)
    assert [(each.name, each.fields["username"]) for each in found] == [("quay.io", "alice")]


def test_an_attribute_that_a_state_does_not_mark_is_taken_if_it_is_named():
    path = PLACE / "terraform_state" / "resources.tfstate"
    assert read("terraform_state", path, attributes=["tls_private_key.private_key_openssh"])[-1][:2] == (
        "tls_private_key.deploy",
        "unmarked",
    )


def test_what_a_name_cannot_have_is_replaced_if_that_is_written():
    found = read("bitwarden", PLACE / "bitwarden" / "personal.json", characters="replace")
    assert [each.name for each in found] == ["Work/Servers/gateway", "recovery-codes", "card", "deploy-key"]


def test_an_entry_shows_no_value():
    shown = repr(read("kubernetes", PLACE / "kubernetes" / "opaque-one-key.manifest"))
    assert "api-token" in shown
    assert "secret-token-123" not in shown
