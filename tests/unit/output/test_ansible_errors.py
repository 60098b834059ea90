# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How errors leave the collection, and what a lookup does about them."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.failure_options import ALWAYS_RAISED, FailureOptions, error_from
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import (
    UserMessage,
    build_failed_result,
    lookup_failure,
)


def kinds(root=errors.CredentialError):
    yield root
    for kind in root.__subclasses__():
        if "code" in vars(kind):  # a class that a module defines for itself has none
            yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_every_error_keeps_its_words_and_its_code(kind):
    error = kind("it went wrong", name="db", store="prod", remedy="Do this.")
    failed = build_failed_result(error, {"invocation": {}})
    message = "credential 'db', store 'prod': it went wrong. Do this."
    assert failed == {"failed": True, "changed": False, "msg": message, "code": kind.code, "invocation": {}}
    assert str(lookup_failure(error)) == "{0} [code: {1}]".format(message, kind.code)


def test_an_unforeseen_exception_shows_its_class_alone():
    failed = build_failed_result(ZeroDivisionError("canary"), {})
    assert "ZeroDivisionError" in failed["msg"]
    assert "canary" not in str(failed)
    assert failed["code"] == "internal"
    assert "canary" not in str(lookup_failure(ValueError("canary")))


def test_a_finished_message_is_passed_on():
    failed = build_failed_result(UserMessage("Unsupported parameters"), {})
    assert (failed["msg"], failed["code"]) == ("Unsupported parameters", "invalid_input")
    assert str(lookup_failure(UserMessage("Unsupported"))) == "Unsupported [code: invalid_input]"


def settle(error, warnings=None, **options):
    return FailureOptions(
        options, [options["default"]] if "default" in options else [], (warnings if warnings is not None else []).append
    ).apply(error)


MISSING, DENIED, DOWN = errors.NotFound("gone"), errors.AccessDenied("no"), errors.Unavailable("down")


@pytest.mark.parametrize(
    ("option", "matching", "others"),
    [
        ("on_missing", [MISSING, errors.NoToken("no such field")], [DENIED, DOWN]),
        ("on_denied", [DENIED], [MISSING, DOWN]),
        ("on_error", [DOWN, errors.Expired("old"), errors.WrongKey("k")], [MISSING, DENIED]),
    ],
)
def test_each_option_answers_for_its_own_failures_only(option, matching, others):
    for error in matching:
        assert settle(error, **{option: "skip"}) == []
    for error in others:
        with pytest.raises(type(error)):
            settle(error, **{option: "skip"})


def test_a_default_stands_in_for_what_is_missing_and_for_nothing_else():
    assert settle(MISSING, default=None) == [None]
    for error in (DENIED, DOWN):
        with pytest.raises(type(error)):
            settle(error, default="x")
    assert settle(DOWN, default="x", on_error="default") == ["x"]
    with pytest.raises(errors.NotFound):
        settle(MISSING, default="x", on_missing="error")


def test_warn_says_why_and_answers_the_default_or_nothing():
    warnings = []
    assert settle(DOWN, warnings, on_error="warn") == []
    assert settle(DOWN, warnings, on_error="warn", default=1) == [1]
    assert warnings == ["down", "down"]


def test_answering_a_default_that_is_not_given_is_a_mistake():
    with pytest.raises(errors.InvalidInput, match="option 'on_error'"):
        FailureOptions({"on_error": "default"}, [], print)


@pytest.mark.parametrize("kind", ALWAYS_RAISED, ids=lambda kind: kind.__name__)
def test_mistakes_attacks_and_bugs_are_never_hidden(kind):
    hiding = dict.fromkeys(("on_missing", "on_denied", "on_error"), "skip")
    with pytest.raises(kind):
        settle(kind("look here"), **hiding)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_an_error_described_as_data_becomes_one_of_its_class_again(kind):
    rebuilt = error_from({"code": kind.code, "message": "credential 'db': it went wrong. Do this."})
    assert rebuilt.code == kind.code
    assert str(rebuilt) == "credential 'db': it went wrong. Do this."
