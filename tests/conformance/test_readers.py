# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every store that is only read keeps to: values as they are at the service, its refusals as errors of their kind, and no writes."""

from __future__ import annotations

import importlib
import os
import traceback
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Tuple, Type

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located, WriteGate, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.deadline import within
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    LoginFailed,
    NotFound,
    ReadOnly,
    StorageError,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, PENDING

from .reader_kind import ReaderKind, ReaderService
from .records import a_record

CANARY = "c4nary-7Jq"
VARIABLE = "NEBULA_CONFORMANCE_READERS"


def read_readers() -> Tuple[ReaderKind, ...]:
    """Return the kinds that the variable (`module:NAME`) names; none if it is not set."""
    module, _colon, name = os.environ.get(VARIABLE, "").partition(":")
    return tuple(getattr(importlib.import_module(module), name)) if module else ()


READERS = read_readers()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test the kinds that it is about."""
    kinds = [kind for kind in READERS if all(getattr(kind, marker.args[0]) for marker in metafunc.definition.iter_markers("readers"))]
    metafunc.parametrize("kind", kinds, ids=lambda each: each.label)


@pytest.fixture
def service(kind: ReaderKind) -> Iterator[ReaderService]:
    """A service with one entry, `shop/db`."""
    with kind.start() as running:
        running.put("shop/db", kind.fields)
        yield running


@pytest.fixture
def store(kind: ReaderKind, service: ReaderService) -> Iterator[Backend]:
    with closing(kind.open(service.options)) as opened:
        yield opened


def values_of(store: Backend, name: str) -> Mapping[str, str]:
    return {key: value.expose().decode() for key, value in store.get(name).fields.items()}


def failing(kind: Type[CredentialError], call: Callable[[], object], *secrets: str) -> CredentialError:
    """The error of a call, which shows nothing of what is secret and carries no exception of an SDK."""
    with pytest.raises(kind) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.type, caught.value, None))
    assert [secret for secret in secrets if secret in shown] == []
    assert caught.value.__cause__ is None
    return caught.value


def test_the_fields_of_an_entry_are_read_by_its_name(kind: ReaderKind, store: Backend) -> None:
    assert values_of(store, "shop/db") == kind.fields
    assert kind.primary in kind.fields


def test_what_there_is_not_is_missing(store: Backend) -> None:
    failing(NotFound, lambda: store.get("shop/none"))
    failing(NotFound, lambda: store.get("shop/db", stage=PENDING))
    failing(NotFound, lambda: store.get("shop/db", version="no-such-version"))
    failing(NotFound, lambda: store.versions("shop/none"))


def test_a_value_that_was_changed_there_is_read_as_it_is_now(kind: ReaderKind, service: ReaderService, store: Backend) -> None:
    before = store.get("shop/db")
    service.put("shop/db", {**kind.fields, kind.primary: "another"})
    after = store.get("shop/db")
    assert after.fields[kind.primary].expose() == b"another"
    assert (before.version != after.version) == kind.has_versions
    assert [each.version for each in store.versions("shop/db")] == [after.version]


def test_an_entry_that_was_removed_and_made_again_is_found_again(kind: ReaderKind, service: ReaderService, store: Backend) -> None:
    store.get("shop/db")
    service.remove("shop/db")
    failing(NotFound, lambda: store.get("shop/db"))
    service.put("shop/db", {**kind.fields, kind.primary: "newer"})
    assert store.get("shop/db").fields[kind.primary].expose() == b"newer"


def test_many_names_are_read_in_few_requests(kind: ReaderKind, service: ReaderService, store: Backend) -> None:
    names = ["many/n{0}".format(number) for number in range(20)]
    for name in names:
        service.put(name, kind.fields)
    store.get("shop/db")
    before = service.count_requests()
    found = store.get_many([*names, "many/none"])
    assert set(found) == set(names)
    assert all({key: value.expose().decode() for key, value in each.fields.items()} == kind.fields for each in found.values())
    assert service.count_requests() - before <= kind.rounds(len(names) + 1)
    assert store.get_many([]) == {}


def test_a_listing_reads_no_value(kind: ReaderKind, service: ReaderService, store: Backend) -> None:
    service.put("shop/web", kind.fields)
    service.put("other", kind.fields)
    service.put("no name: it has blanks", kind.fields)
    assert sorted(row.name for row in store.list()) == ["other", "shop/db", "shop/web"]
    rows = list(store.list(Filter(prefix="shop/")))
    assert [(row.fields, row.problem) for row in rows] == [({}, None)] * 2
    assert [row.name for row in store.list(Filter(prefix="shop/w", names_only=True))] == ["shop/web"]
    assert list(store.list(Filter(stage=PENDING))) == []


@pytest.mark.readers("has_tags")
def test_tags_are_read(kind: ReaderKind, service: ReaderService, store: Backend) -> None:
    service.put("shop/db", kind.fields, ["prod", "team a"])
    assert store.get("shop/db").metadata.tags == {"prod": "", "team a": ""}


@pytest.mark.readers("has_copies")
def test_a_name_that_two_entries_have_is_refused_instead_of_guessed(service: ReaderService, store: Backend) -> None:
    service.copy("shop/db")
    assert "several entries" in str(failing(StorageError, lambda: store.get("shop/db")))
    failing(StorageError, lambda: store.get_many(["shop/db", "shop/none"]))
    assert [bool(row.problem) for row in store.list()] == [False, True]


@pytest.mark.readers("has_rights")
def test_an_entry_that_the_login_may_not_read_is_denied_alone(kind: ReaderKind, service: ReaderService, store: Backend) -> None:
    service.put("shop/web", kind.fields)
    service.deny("shop/db")
    failing(AccessDenied, lambda: store.get("shop/db"))
    assert values_of(store, "shop/web") == kind.fields


def test_a_login_that_is_refused_is_said_and_not_shown(kind: ReaderKind, service: ReaderService) -> None:
    with closing(kind.open({**service.options, kind.login: CANARY})) as store:
        failing(LoginFailed, lambda: store.get("shop/db"), CANARY)
        assert CANARY not in repr(store) + str(store.health())
        assert store.health().status == "unhealthy"


def test_a_login_that_was_renewed_in_its_file_is_read_again(kind: ReaderKind, service: ReaderService, tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.touch(0o600)
    file.write_text(service.login + "\n")
    options = {key: value for key, value in service.options.items() if key != kind.login}
    with closing(kind.open({**options, kind.login + "_file": str(file)})) as store:
        assert values_of(store, "shop/db") == kind.fields
        file.write_text(service.renew_login())
        assert values_of(store, "shop/db") == kind.fields


def test_a_service_that_is_down_is_unavailable(service: ReaderService, store: Backend) -> None:
    store.get("shop/db")
    service.close()
    failing(Unavailable, lambda: store.get("shop/db"), service.login)
    assert store.health().status == "unhealthy"


def test_a_service_that_is_silent_is_waited_for_no_longer_than_the_operation_may_take(service: ReaderService, store: Backend) -> None:
    service.respond(200, hangs=True)
    with within(1.5, "get"):
        failing(Timeout, lambda: store.get("shop/db"), service.login)


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_throttles_is_said_to_with_the_seconds_that_it_names(service: ReaderService, store: Backend, status: int) -> None:
    service.respond(status, b"try later: " + service.login.encode(), {"Retry-After": "7"})
    problem = failing(Unavailable, lambda: store.get("shop/db"), service.login)
    assert (problem.throttled, problem.retry_after) == (True, 7.0)


@pytest.mark.parametrize("content", [b"<html>sign in</html>", b"[1, 2]", b"{}", b"[" * 50_000, b'{"id": 1', b"\xff\xfe", b"null"])
def test_an_answer_of_something_else_is_no_missing_credential(service: ReaderService, store: Backend, content: bytes) -> None:
    service.respond(200, content)
    for call in (lambda: store.get("shop/db"), lambda: list(store.list()), lambda: store.get_many(["shop/db", "shop/web"])):
        problem = failing(StorageError, call, service.login)
        assert not isinstance(problem, NotFound)


def test_a_page_of_a_proxy_that_says_not_found_is_no_missing_credential(service: ReaderService, store: Backend) -> None:
    service.respond(404, b"<html>no such page</html>")
    assert not isinstance(failing(StorageError, lambda: store.get("shop/db")), NotFound)


def test_every_write_is_refused_before_anything_is_sent(kind: ReaderKind, service: ReaderService, store: Backend) -> None:
    found = store.get("shop/db")
    before = service.count_requests()
    gate = find_protocol(store, WriteGate)
    writes: list[Callable[[], Any]] = [
        lambda: store.put(a_record("shop/db")),
        lambda: store.put(a_record("shop/new"), ABSENT, create=True),
        lambda: store.patch_metadata(found, 0),
        lambda: store.delete("shop/db"),
        lambda: store.write_store_document(b"{}", None),
        lambda: gate.check_takes_writes() if gate else None,
    ]
    for write in writes:
        failing(ReadOnly, write)
    assert (service.count_requests(), store.read_store_document(), store.last_serial("shop/db")) == (before, None, 0)


def test_it_says_where_an_entry_is_without_a_request(service: ReaderService, store: Backend) -> None:
    before = service.count_requests()
    place = find_protocol(store, Located)
    assert place is not None
    assert "shop/db" in place.locate("shop/db").values()
    assert service.login not in place.location() + str(place.locate("shop/db"))
    assert service.count_requests() == before
