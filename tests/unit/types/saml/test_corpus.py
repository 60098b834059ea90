# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of an identity provider: the corpus, whole (C9)."""

from __future__ import annotations

import traceback
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidCallback
from ansible_collections.nebula.credential.plugins.module_utils.types.saml.responses import Expectation, read_response
from tests.servers import scripted
from tests.unit.types.saml import naive
from tests.unit.types.saml.cases import Case, signed
from tests.unit.types.saml.corpus import list_attacks, list_valid
from tests.unit.types.saml.forge import FORGED, NOW, REAL, REQUEST, at, confirmation, post
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


def test_an_assertion_may_end_at_the_last_time_that_there_is():
    confirmed = confirmation().replace(at(300), "9999-12-31T23:59:59Z")
    found = read(Case("forever", post(signed(confirmations=confirmed))))
    assert found.replayable_until > found.not_on_or_after == NOW + timedelta(seconds=300)


@pytest.fixture(scope="module")
def refused(attacks):
    """The error of each attack by its name, or the name that was accepted."""
    found = {}
    for case in attacks:
        try:
            found[case.name] = read(case).name_id
        except InvalidCallback as error:
            found[case.name] = error
    return found


def test_no_attack_is_accepted_and_none_reaches_another_server(attacks, refused, elsewhere):
    assert len(refused) == len(attacks) == 299
    assert [name for name, error in refused.items() if not isinstance(error, InvalidCallback)] == []
    assert elsewhere.asked == []


def test_every_refusal_says_which_rule_it_breaks_and_shows_nothing_of_the_document(refused):
    for name, error in refused.items():
        shown = "".join(traceback.format_exception(error)) + repr(vars(error))
        assert "the response is not accepted: " in shown, name
        assert FORGED not in shown, name
        assert error.__cause__ is None, name


def test_all_that_cannot_be_decrypted_is_refused_with_one_text(refused):
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
    assert len({str(refused["encrypted: " + label]) for label in about}) == 1


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
