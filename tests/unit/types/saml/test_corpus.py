# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of an identity provider: the corpus, whole (C9)."""

from __future__ import annotations

import traceback

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidCallback
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.responses import Expectation, read_response
from tests.servers import scripted
from tests.unit.types.saml import naive
from tests.unit.types.saml.corpus import list_attacks, list_valid
from tests.unit.types.saml.forge import FORGED, NOW, REAL, REQUEST
from tests.unit.types.saml.services import settings_with_key, settings_without_key


def read(case):
    """What the response says, if it is accepted."""
    settings = settings_with_key() if case.has_key else settings_without_key()
    return read_response(case.text, Expectation(settings, REQUEST, case.seen, NOW))


@pytest.fixture(scope="module")
def elsewhere():
    """A server that no response may make a reader contact."""
    with scripted.running() as server:
        yield server


@pytest.fixture(scope="module")
def attacks(elsewhere):
    """The attacks."""
    return list_attacks(elsewhere.url)


def test_a_response_that_is_right_is_accepted():
    cases = list_valid()
    assert len(cases) == 14
    for case in cases:
        found = read(case)
        assert (case.name, found.name_id, found.attributes) == (case.name, REAL, {"groups": ["ada-group", "users"]})


def test_no_attack_is_accepted_and_none_reaches_another_server(attacks, elsewhere):
    assert len({case.name for case in attacks}) == len(attacks) >= 156
    accepted = []
    for case in attacks:
        try:
            accepted.append((case.name, read(case).name_id))
        except InvalidCallback:
            continue
    assert accepted == []
    assert elsewhere.asked == []


def test_every_refusal_shows_nothing_of_the_document(attacks):
    for case in attacks:
        with pytest.raises(InvalidCallback, match="the response is not accepted: ") as caught:
            read(case)
        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert FORGED not in shown, case.name
        assert caught.value.__cause__ is None


def test_all_that_cannot_be_decrypted_is_refused_with_one_text(attacks):
    about = (
        "a key of another service",
        "a key by RSA 1.5",
        "changed bytes",
        "cut bytes",
        "no bytes",
        "no key",
        "3DES",
        "a text",
        "no type",
    )
    texts = set()
    for case in attacks:
        if case.name in ["encrypted: " + label for label in about]:
            with pytest.raises(InvalidCallback) as caught:
                read(case)
            texts.add(str(caught.value))
    assert len(texts) == 1


def test_the_attacks_fool_a_naive_reader(attacks):
    """Else they would be refused for another reason than the one that they are about."""
    wrong = []
    for case in attacks:
        names = naive.read_names(case.text)
        fooled = bool(names) and (case.claims is None or case.claims in names)
        if fooled is not case.fools:
            wrong.append((case.name, case.fools, names))
    assert wrong == []


def test_a_naive_reader_reads_the_responses_that_are_right():
    assert [case.name for case in list_valid() if REAL not in (naive.read_names(case.text) or ())] == []
