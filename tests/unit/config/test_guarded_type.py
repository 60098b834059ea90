# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A third party's type cannot hang a run, nor raise or return anything."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import Internal, InvalidInput, Timeout
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import REDACTED, Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field
from ansible_collections.nebula.credential.plugins.plugin_utils.config.guarded_type import guard_type

CANARY = "c4n4ry-c4n4ry"
FIELDS = {"word": Secret(CANARY)}


class Word(CredentialType):
    name, primary = "word", "word"
    fields = (Field("word", secret=True, required=True),)
    work = staticmethod(lambda fields: fields)

    def validate(self, fields):
        return self.work(super().validate(fields))


def guarded(work):
    return guard_type(type("Word", (Word,), {"work": staticmethod(work)}), "acme.words.word")()


def fail(error):
    raise error


def test_a_type_that_keeps_its_contract_works_as_before():
    kind = guarded(lambda fields: fields)
    assert kind.validate(FIELDS) == FIELDS
    assert kind.read(FIELDS, {}, "word") == Secret(CANARY)
    assert kind.redact(FIELDS) == {"word": REDACTED}
    with pytest.raises(InvalidInput, match="is missing"):
        kind.validate({})


def test_a_type_that_does_not_say_whether_its_tokens_are_used_up_keeps_its_contract():
    """Its responses show it."""
    kind = guard_type(type("Word", (Word,), {"refresh_is_single_use": False}), "acme.words.word")()
    assert kind.uses_up_token(FIELDS) is None


@pytest.mark.parametrize(
    ("work", "error", "says"),
    [
        (lambda _fields: fail(ValueError(CANARY)), Internal, "the type 'acme.words.word' raised ValueError in 'validate'"),
        (lambda _fields: fail(SystemExit(CANARY)), Internal, "raised SystemExit in 'validate'"),
        (lambda _fields: fail(InvalidInput("no " + CANARY)), InvalidInput, r"no \(hidden\)"),
        (lambda _fields: {"word": CANARY}, Internal, "returned from 'validate' what its contract does not say"),
        (lambda _fields: None, Internal, "returned from 'validate'"),
    ],
    ids=["another error", "an exit", "a value in a message", "texts", "nothing"],
)
def test_what_is_outside_of_the_contract_is_an_error_that_shows_no_value(work, error, says):
    with pytest.raises(error, match=says) as caught:
        guarded(work).validate(FIELDS)
    assert CANARY not in str(caught.value) + repr(vars(caught.value))
    assert caught.value.__cause__ is None


METHODS = sorted({name for name, each in vars(CredentialType).items() if callable(each) and not name.startswith("_")} - {"refuse"})


@pytest.mark.parametrize("method", METHODS)
def test_each_method_that_a_store_calls_is_guarded(method):
    """`refuse` is for the type itself."""
    broken = type("Word", (Word,), {method: lambda _kind, *_given: fail(ValueError(CANARY))})
    with pytest.raises(Internal, match="raised ValueError in '{0}'".format(method)):
        getattr(guard_type(broken, "acme.words.word")(), method)(FIELDS)


def test_a_call_that_does_not_end_ends_with_the_deadline():
    released = threading.Event()
    try:
        with deadline.within(1, "the test"), pytest.raises(Timeout, match="the type"):
            guarded(lambda fields: released.wait(60) and fields).validate(FIELDS)
    finally:
        released.set()


@pytest.mark.parametrize(
    ("method", "given"), [("explain_restart", (FIELDS,)), ("explain_no_refresh", (FIELDS,)), ("explain_no_rotation", ())]
)
def test_what_a_type_says_for_an_error_cannot_raise_anything_either(method, given):
    kind = guard_type(type("Word", (Word,), {method: lambda *_given: fail(ValueError(CANARY))}), "acme.words.word")()
    with pytest.raises(Internal, match="raised ValueError in '{0}'".format(method)):
        getattr(kind, method)(*given)
