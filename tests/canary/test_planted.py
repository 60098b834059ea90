# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The search finds a planted leak in every channel: otherwise finding nothing would mean nothing."""

from __future__ import annotations

import base64
import functools
import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.canary import canaries
from tests.canary.channels import CHANNELS
from tests.canary.sandbox import Sandbox
from tests.canary.search import Searcher

TAGS = sorted({channel.planted_by for channel in CHANNELS})


@pytest.fixture(scope="module")
def planted(tmp_path_factory, collection_root):
    """Returns a run in which every channel with these options has a leak, and what leaks, by tag. One run for all that have them."""

    @functools.lru_cache(maxsize=None)
    def plant(options):
        given = {tag: canaries.make_plain() if tag == "retry" else canaries.make() for tag in TAGS}
        sandbox = Sandbox(tmp_path_factory.mktemp("planted") / "run", collection_root)
        tags = ",".join(sorted({channel.planted_by for channel in CHANNELS if channel.options == options}))
        sandbox.play("planted.yml", {"canaries": given}, ["--tags", tags, *options])
        return sandbox, given

    return plant


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_a_planted_leak_is_found(channel, planted):
    sandbox, given = planted(channel.options)
    leaked = Searcher({"value": given[channel.planted_by]})
    assert leaked.hits(channel.read(sandbox)), sandbox.output[-2000:].decode("utf-8", "replace")


def zipped(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("module/args.json", content)
    return packed.getvalue()


WRAPPINGS = {
    "as it is": lambda value: value.encode(),
    "hex": lambda value: value.encode().hex().encode(),
    "JSON": lambda value: canaries.json.dumps({"a": value}).encode(),
    "URL": lambda value: canaries.quote(value).encode(),
    "a fragment": lambda value: value[2:11].encode(),
    "gzip": lambda value: gzip.compress(value.encode()),
    "zip": zipped,
    "a module's payload": lambda value: b'ZIPDATA = "' + base64.b64encode(zipped(value + "x" * 99)) + b'"',
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_canary_is_found_however_it_is_wrapped(wrap):
    value = canaries.make()
    assert Searcher({"value": value}).hits([("somewhere", wrap(value))])


@given(before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_a_canary_is_found_at_every_base64_offset(before, after):
    value = canaries.make()
    assert Searcher({"value": value}).hits([("somewhere", base64.b64encode(before + value.encode() + after))])


def test_innocent_text_is_no_hit():
    assert Searcher({"value": canaries.make()}).hits([("somewhere", canaries.make().encode() * 100)]) == []


def test_a_hit_does_not_show_the_value():
    value = canaries.make()
    assert value not in repr(Searcher({"value": value}).hits([("somewhere", value.encode())]))
