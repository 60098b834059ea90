# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every type keeps to (C14): each test gets every type that the environment names (`samples.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    Misplaced,
    NoToken,
    RefreshUnsupported,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import NULL, REDACTED, Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RefreshAnswer
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import (
    is_cached,
    is_composed,
    is_refreshable,
    type_named,
)

from .samples import SAMPLES, TYPES, attributes_of, given_to, packages_of

CANARY = "c4n4ry-c4n4ry"
INSIDE = AccessContext(workflow="deploy")
NOW = datetime.now(timezone.utc)
EVERY = pytest.mark.parametrize("name", TYPES)
WITH_VALUES = pytest.mark.parametrize("name", [name for name in TYPES if not type_named(name, attributes_of(name)).capabilities.composed])
"""Those that have a value of their own."""
KNOWING_FIELDS = pytest.mark.parametrize("name", [name for name in TYPES if name != "composite"])
"""Those for which a field may be one of a newer version. Each field of a composite names a credential, which is no secret."""
UNREFRESHED = timedelta(hours=1)
"""A time to live with which no read refreshes a value: the services of the samples are nowhere."""


def kind_of(name):
    return type_named(name, attributes_of(name))


def make(name):
    """The fields of a valid credential, with a value that the type has generated, or the given one if only its service makes it."""
    kind, given = kind_of(name), given_to(name)
    made = kind.validate(kind.generate({}, given) if kind.capabilities.generation else given)
    return kind.complete("app", made, refuse_to_read, NOW)


def secrets_of(kind, fields):
    return [value.expose() for field, value in fields.items() if kind.is_secret(field)]


def show(error):
    """All that Ansible or Python may print of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@EVERY
def test_a_type_says_what_it_is_and_what_its_fields_are(name):
    kind = kind_of(name)
    assert kind.name == name
    assert kind.description
    assert len({field.name for field in kind.fields}) == len(kind.fields)
    assert kind.is_secret(kind.primary) or kind.capabilities.composed
    assert name in ("composite", "custom", "opaque") or kind.primary in [field.name for field in kind.fields]
    assert name == "custom" or [field.name for field in kind.fields if not field.description] == []


GENERATING = pytest.mark.parametrize("name", [name for name in TYPES if kind_of(name).capabilities.generation])
GIVEN = [name for name in TYPES if not kind_of(name).capabilities.generation]


@pytest.mark.parametrize("name", GIVEN)
def test_a_type_whose_value_only_its_service_makes_generates_none_and_names_the_field(name):
    kind, fields = kind_of(name), make(name)
    with pytest.raises(InvalidInput, match="'{0}' of type '{1}' cannot be generated".format(kind.primary_of(fields), name)):
        kind.generate({}, fields)


@GENERATING
def test_a_generated_value_is_accepted_and_is_another_one_each_time(name):
    kind, fields = kind_of(name), make(name)
    assert kind.primary_of(fields) in fields or kind.capabilities.refresh, "the service makes it at the first refresh"
    assert kind.primary_of(fields) not in fields or fields[kind.primary_of(fields)] != make(name)[kind.primary_of(fields)]


@EVERY
def test_fields_that_were_checked_stay_as_they_are_when_they_are_checked_again(name):
    kind, fields = kind_of(name), make(name)
    given = dict(fields)
    assert kind.validate(fields) == fields == given
    assert kind.complete("app", fields, refuse_to_read, NOW) == fields


def refuse_to_read(name):
    raise AssertionError("it names no other credential, and {0} was read".format(name))


@GENERATING
def test_an_option_of_generate_that_a_type_does_not_know_is_refused_by_name(name):
    with pytest.raises(InvalidInput, match="lenght"):
        kind_of(name).generate({"lenght": 12}, given_to(name))


@pytest.mark.parametrize(("name", "field"), [(name, field.name) for name in TYPES for field in kind_of(name).fields if not field.binary])
def test_bytes_in_a_field_of_text_are_refused_and_not_shown(name, field):
    with pytest.raises(InvalidInput, match=field) as caught:
        kind_of(name).validate(dict(make(name), **{field: Secret(CANARY.encode() + b"\xff")}))
    assert CANARY not in show(caught.value)


@pytest.mark.parametrize(("name", "field"), [(name, field.name) for name in TYPES for field in kind_of(name).fields if field.choices])
def test_a_value_that_is_none_of_the_choices_is_refused_with_them_and_not_shown(name, field):
    kind = kind_of(name)
    with pytest.raises(InvalidInput) as caught:
        kind.validate(dict(make(name), **{field: Secret(CANARY)}))
    assert all(choice in caught.value.remedy for each in kind.fields if each.name == field for choice in each.choices)
    assert CANARY not in show(caught.value)


@pytest.mark.parametrize(("name", "field"), [(name, field.name) for name in TYPES for field in kind_of(name).fields if field.required])
@pytest.mark.parametrize("value", [None, Secret(b"", NULL)], ids=["missing", "null"])
def test_a_required_field_without_a_value_is_refused_by_name(name, field, value):
    fields = {key: kept for key, kept in make(name).items() if key != field}
    with pytest.raises(InvalidInput, match="'{0}' of type '{1}' is missing".format(field, name)):
        kind_of(name).validate(fields if value is None else dict(fields, **{field: value}))


@pytest.mark.parametrize("name", [name for name in TYPES if name not in ("composite", "opaque")])
def test_a_field_that_a_type_does_not_have_is_refused_with_those_it_has(name):
    kind = kind_of(name)
    with pytest.raises(InvalidInput, match="unknown: 'pasword'") as caught:
        kind.validate(dict(make(name), pasword=Secret(CANARY)))
    assert all(field.name in caught.value.remedy for field in kind.fields)
    assert CANARY not in show(caught.value)


@KNOWING_FIELDS
def test_what_is_shown_of_a_credential_has_no_secret_in_it(name):
    kind, fields = kind_of(name), make(name)
    shown = kind.redact(dict(fields, unknown=Secret(CANARY)))
    assert set(shown) == {*fields, "unknown"}
    assert {field for field in shown if shown[field] == REDACTED} == {field for field in shown if kind.is_secret(field)}
    for value in (*secrets_of(kind, fields), CANARY.encode()):
        assert value.decode() not in json.dumps(shown, ensure_ascii=False)
        assert value.decode() not in repr(fields)


@WITH_VALUES
def test_a_stored_field_is_read_and_the_last_refresh_wins(name):
    kind, fields = kind_of(name), make(name)
    assert {field: read_stored(kind, fields, field) for field in fields} == fields
    assert [kind.read(fields, {field: Secret("refreshed")}, field) for field in fields] == [Secret("refreshed")] * len(fields)


def read_stored(kind, fields, field):
    """The value of a field before the first refresh; as it is stored if only a refresh makes the one that is read."""
    try:
        return kind.read(fields, {}, field)
    except NoToken:
        assert kind.can_refresh(fields)
        return fields[field]


@EVERY
def test_a_field_without_a_value_is_no_token_and_the_error_names_those_with_one(name):
    kind, fields = kind_of(name), make(name)
    with pytest.raises(NoToken, match="'not_there'") as caught:
        kind.read(fields, {}, "not_there")
    assert all(field in caught.value.remedy for field in fields)
    assert [value for value in secrets_of(kind, fields) if value.decode() in show(caught.value)] == []


@EVERY
def test_an_expiry_is_an_aware_time_in_utc_or_none(name):
    for fields in ({}, make(name)):
        expires_at = kind_of(name).expires_at(fields)
        assert expires_at is None or expires_at.utcoffset() == timedelta(0)


@EVERY
def test_a_type_is_refreshed_or_says_that_it_cannot_be(name):
    kind, fields = kind_of(name), make(name)
    assert (is_refreshable(name), is_cached(name), is_composed(name)) == flags_of(kind)
    able = kind.capabilities
    assert able.rotation or able.refresh or able.composed or able.interactive, "its value could never change"
    answer = refresh(kind, fields)
    if isinstance(answer, CredentialError):
        assert isinstance(answer, RefreshUnsupported) is not kind.can_refresh(fields)
        assert [value for value in secrets_of(kind, fields) if value.decode() in show(answer)] == []
    else:
        assert (type(answer), kind.can_refresh(fields)) == (RefreshAnswer, True)


def flags_of(kind):
    return kind.capabilities.refresh, kind.capabilities.cached, kind.capabilities.composed


def test_the_tables_about_types_that_are_not_loaded_say_what_the_types_say():
    for name, load in registry._LOADERS.items():
        found = name in registry._REFRESHABLE, name not in registry._UNCACHED, name in registry._COMPOSED
        assert (name, *found) == (name, *flags_of(load()))
        assert (name in registry.INTERACTIVE) is load().capabilities.interactive


def refresh(kind, fields):
    """The answer of a refresh, or the error of the neutral tree that it raises. There is no time for a second request."""
    try:
        with deadline.within(2, "refresh"):
            return kind.refresh(fields, {})
    except CredentialError as error:
        return error


def open_at(directory, tenant="default"):
    """A store of encrypted files that audits every access."""
    config = {"backend": "local", "path": str(directory / "store"), "tenant": tenant, "audit_path": str(directory / "audit.jsonl")}
    return closing(open_store(dict(config, key_sources=[{"source": "key_file", "path": str(directory / "key")}])))


def create(manager, name, **wanted):
    for other in SAMPLES[name].named:
        manager.ensure(DesiredCredential(other, type="basic", fields={"username": Secret("app")}), INSIDE)
    declared = attributes_of(name).get("fields")
    return manager.ensure(
        DesiredCredential("app", type=name, fields=given_to(name), declared=declared, ttl=UNREFRESHED, **wanted), INSIDE
    ).credential


@EVERY
def test_a_stored_credential_is_read_back_by_another_process_and_no_file_has_a_secret_of_it(name, tmp_path):
    with open_at(tmp_path) as manager:
        written = dict(create(manager, name).fields)
    with open_at(tmp_path) as manager:
        found = manager.get("app", context=INSIDE)
        described = manager.describe("app", context=INSIDE)
    assert (found.record.type, dict(found.fields)) == (name, written)
    files = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    for value in secrets_of(found.kind, found.fields):
        assert value not in files
        assert value.decode() not in repr(found) + json.dumps(described)


@KNOWING_FIELDS
def test_a_field_that_a_newer_version_has_stored_is_kept_and_hidden(name, tmp_path):
    with open_at(tmp_path) as manager:
        create(manager, name)
        with manager.acting(INSIDE):
            record = manager.backend.get("app")
            newer = Record("app", name, dict(record.fields, newer=Secret(CANARY)), metadata=record.full_metadata)
            manager.backend.put(newer, record.etag)
        manager.update("app", INSIDE, description="changed")
        found = manager.get("app", context=INSIDE)
        assert (found.metadata.description, found.fields["newer"]) == ("changed", Secret(CANARY))
        assert found.kind.redact(found.fields)["newer"] == REDACTED
        assert found.token("newer") == Secret(CANARY)


@EVERY
def test_every_type_is_isolated_by_scope_and_tenant_and_audited(name, tmp_path):
    with open_at(tmp_path) as manager:
        create(manager, name, scope=Scope(workflow="deploy"))
        manager.get("app", context=INSIDE)
        with pytest.raises(AccessDenied):
            manager.get("app", context=AccessContext(workflow="another"))
    with open_at(tmp_path, tenant="other") as manager, pytest.raises(Misplaced):
        manager.get("app", context=INSIDE)
    entries = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text(encoding="ascii").splitlines()]
    assert {"ok", "access_denied"} <= {entry.get("result") for entry in entries if entry.get("name") == "app"}, entries


LOADED = """
import json, sys
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from {package}.samples import TYPES, attributes_of
for name in TYPES:
    kind = type_named(name, attributes_of(name))
    kind.is_secret(kind.primary), kind.capabilities, kind.packages
print(json.dumps(sorted(sys.modules)))
"""


def run(program, **filled):
    """What a program prints as JSON, in a new process that finds what this one does."""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(here.parent)])}
    command = [sys.executable, "-c", program.format(package=here.name, **filled)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def modules_of_packages():
    return sorted({package.module for name in TYPES for package in kind_of(name).packages})


def test_no_library_is_loaded_before_a_value_of_its_type_is_used():
    assert set(run(LOADED)) & set(modules_of_packages()) == set()


MISSING = """
import json
from importlib.machinery import PathFinder
find, hidden = PathFinder.find_spec, frozenset({hidden!r})
PathFinder.find_spec = lambda name, *where: None if name in hidden else find(name, *where)
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from {package}.samples import TYPES, attributes_of, given_to
said = dict()
for name in TYPES:
    kind = type_named(name, attributes_of(name))
    try:
        kind.validate(kind.generate(dict(), given_to(name)) if kind.capabilities.generation else given_to(name))
    except MissingLibrary as error:
        said[name] = str(error)
print(json.dumps(said))
"""


def check_missing(said):
    """Check that each type that needs packages names all of them, with the line that installs them."""
    needed = {name: packages_of(name, kind_of(name)) for name in TYPES if packages_of(name, kind_of(name))}
    assert set(said) == set(needed)
    for name, packages in needed.items():
        assert all(package.module in said[name] for package in packages)
        line = said[name].partition("-m pip install ")[2]
        assert all("'{0}'".format(package.requirement) in line for package in packages), said[name]


def test_the_missing_libraries_of_a_type_are_named_all_at_once_with_the_line_that_installs_them():
    """In a process that finds none of them."""
    check_missing(run(MISSING, hidden=sorted({module.split(".")[0] for module in modules_of_packages()})))
