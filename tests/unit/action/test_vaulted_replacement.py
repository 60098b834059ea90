# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookups in the text of a file: whatever YAML a value is written in, each lookup is where the value was, and the rest is untouched."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.plugin_utils.action import vaulted_files
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_entries import build_found, place_values
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_replacement import Target, build_lookup, replace_values

LOOKUP = build_lookup(Target("x", None), None, is_native=False)


def read_plain(text):
    """A file as if it had been encrypted as a whole."""
    root = yaml.compose(text, yaml.SafeLoader)
    leaves = tuple(vaulted_files._find_leaves(root, "file", every=True))
    return vaulted_files.VaultedFile("file", text.encode(), text, True, leaves)


def replace(text, keep_comments=True):
    file = read_plain(text)
    return replace_values(file, dict.fromkeys(file.leaves, LOOKUP), keep_comments=keep_comments).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: x # c\nb: 'y'\n", "a: @ # c\nb: @\n"),
        ("a: >-\n  x\n  y\n\n# c\nb: z", "a: @\n\n# c\nb: @"),
        ("a: &x secret\nb: *x\n", "a: &x @\nb: *x\n"),
        ("a: !unsafe &x secret\nb: *x\n", "a: &x @\nb: *x\n"),
        ("a: {b: x, 'c': [1, \"y\"]}\n", "a: {b: @, 'c': [@, @]}\n"),
        ("a:\r\n  - x\r\n  - y # c\r\n", "a:\r\n  - @\r\n  - @ # c\r\n"),
        ("a: one\n  two\nb: ''\n", "a: @\nb: @\n"),
        ("base: &b {k: v}\nc:\n  <<: *b\n  l: w\n", "base: &b {k: @}\nc:\n  <<: *b\n  l: @\n"),
        ("<<: {k: v}\nl: w\n", "<<: {k: @}\nl: @\n"),
        ("<<: &b {k: v}\nc: *b\n", "<<: &b {k: @}\nc: *b\n"),
        ("a: &b {k: v}\nc:\n  <<: [*b, {l: w}]\n", "a: &b {k: @}\nc:\n  <<: [*b, {l: @}]\n"),
        ("ü: 'x'\nkey with blanks: y\n", "ü: @\nkey with blanks: @\n"),
        ("? a\n: x\n", "? a\n: @\n"),
        ("a: |-\n  \xa0\nb: >\n  y\u2003\n\n# c\n", "a: @\nb: @\n\n# c\n"),
    ],
)
def test_only_the_value_is_replaced(before, after):
    assert replace(before) == after.replace("@", LOOKUP)


def test_comments_of_an_encrypted_file_are_left_out_and_what_looks_like_one_stays():
    text = "# one\na: 'x' # two\n'b#c': y#z\nd: # three\n  - 1 # four\n  # five\n"
    assert replace(text, keep_comments=False) == "\na: @\n'b#c': @\nd:\n  - @\n\n".replace("@", LOOKUP)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("is_folder", [True, False])
def test_an_encrypted_file_with_a_byte_order_mark_is_refused(tmp_path, encoding, is_folder):
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    file = tmp_path / "file.txt"
    file.write_bytes((mark + "$ANSIBLE_VAULT;1.1;AES256\n3061\n").encode(encoding))
    with pytest.raises(errors.InvalidInput, match=r"file\.txt.*byte order mark"):
        list(vaulted_files.read_vaulted(str(tmp_path if is_folder else file)))


VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20) | st.integers() | st.booleans()
TREES = st.dictionaries(
    st.from_regex(r"[a-z]{1,6}", fullmatch=True),
    st.recursive(
        VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), inner, max_size=3)
    ),
    max_size=4,
)


def swap(value):
    if isinstance(value, dict):
        return {key: swap(part) for key, part in value.items()}
    return [swap(part) for part in value] if isinstance(value, list) else LOOKUP[1:-1]


@given(TREES, st.sampled_from(["'", '"', "|", ">", None]), st.booleans(), st.booleans())
def test_what_yaml_writes_is_the_same_with_lookups(tree, style, flow, keep_comments):
    text = yaml.safe_dump(tree, default_style=style, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    if not tree:
        return
    assert yaml.safe_load(replace(text, keep_comments)) == swap(tree)


def test_two_values_that_would_be_one_field_are_refused():
    placed = list(place_values([read_plain("a: {b/c: one, b: {c: canary}}\n")], {"separator": "/", "nested": "fields"}, "key"))
    with pytest.raises(errors.InvalidInput, match="line 1: the keys on the way to this value become the same field"):
        build_found(placed)


def test_no_form_shows_a_value():
    file = read_plain("a: canary\n")
    assert "canary" not in repr(file) + repr(file.leaves)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/x/group_vars/prod.yml", "prod"),
        ("/x/group_vars/prod/vault.yml", "prod"),
        ("/x/host_vars/web1", "web1"),
        ("/x/roles/shop/defaults/main.yml", "shop"),
        ("/x/secrets.yml", "secrets"),
    ],
)
def test_a_key_gets_the_name_of_its_place(path, place):
    assert vaulted_files.name_place(path) == place


PIECES = st.lists(
    st.sampled_from(["a", ":", " ", "\n", "- ", "!vault ", "|\n", "  ", "&x ", "*x", "{", "}", "'", '"\\ud800"', "<<", "#", "canary"]),
    max_size=25,
)


@given(PIECES.map("".join))
def test_whatever_a_file_with_vaulted_values_holds_it_is_read_or_refused(text):
    try:
        shown = vaulted_files._read_inline("file", text.encode()).text
    except errors.InvalidInput as error:
        shown = "{0} {1}".format(error, error.__cause__)
    assert shown == text or (shown.endswith(" None") and "canary" not in shown)


def test_a_file_that_a_link_leads_to_is_read_once(tmp_path):
    (tmp_path / "one.yml").write_text("!vault")
    (tmp_path / "two.yml").symlink_to(tmp_path / "one.yml")
    assert len(list(vaulted_files._walk(str(tmp_path)))) == 1
