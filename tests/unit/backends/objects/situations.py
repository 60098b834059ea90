# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places of objects in every situation, operations on them, and writers that are killed or overtaken in between."""

from __future__ import annotations

from contextlib import suppress

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from tests.conformance.object_places import MemoryObjects, MemoryPlaces
from tests.conformance.records import a_record, value_of

KEEP = 2


class Killed(BaseException):
    """The process is no more."""


class WatchedPlaces(ObjectStore):
    """Places that call `before` and `after` around every request, with its number and its kind."""

    def __init__(self, places, before=None, after=None):
        self.places, self.before, self.after = places, before, after
        self.requests = []

    def _request(self, kind, *arguments):
        number = len(self.requests)
        self.requests.append((kind, *arguments[:1]))
        if self.before:
            self.before(number, kind)
        answer = getattr(self.places, kind)(*arguments)
        if self.after:
            self.after(number, kind)
        return answer

    def read(self, place):
        return self._request("read", place)

    def create(self, place, content):
        return self._request("create", place, content)

    def replace(self, place, content, found):
        return self._request("replace", place, content, found)

    def remove(self, place, found):
        return self._request("remove", place, found)

    def scan(self, prefix, stage, names_only):
        return self.places.scan(prefix, stage, names_only)

    def read_document(self):
        return self._request("read_document")

    def write_document(self, content, found):
        return self._request("write_document", content, found)


def opened(places, keep=KEEP, **options):
    warnings = []
    backend = MemoryObjects({"places": places, "keep_versions": keep, **options}, BackendContext("objects", warnings.append))
    backend.warnings = warnings
    return backend


def with_history(values):
    """Places in which these values were put one after the other."""
    places = MemoryPlaces()
    for value in values:
        opened(places).put(a_record(value=value))
    return places


def deleted():
    places = with_history("123")
    opened(places).delete("db_pass")
    return places


def foreign():
    places = MemoryPlaces()
    places.meddle("db_pass", password="theirs")
    return places


def touched():
    places = with_history("1234")
    places.meddle("db_pass", password="theirs")
    return places


SITUATIONS = {
    "nothing": MemoryPlaces,
    "one value": lambda: with_history("1"),
    "some versions": lambda: with_history("123"),
    "all versions": lambda: with_history("12345"),
    "deleted": deleted,
    "another tool's": foreign,
    "another tool's over ours": touched,
}


def put(backend):
    backend.put(a_record(value="new"))


def create(backend):
    with suppress(Conflict):
        backend.put(a_record(value="new"), create=True)


def delete(backend):
    with suppress(NotFound):
        backend.delete("db_pass")


def patch(backend):
    with suppress(NotFound, Conflict):
        found = backend.get("db_pass")
        backend.patch_metadata(found.with_metadata(description="new"), found.revision)


OPERATIONS = {"put": put, "create": create, "delete": delete, "patch": patch}


def state_of(backend):
    """What a reader can see: each version with its value. Every version that is listed can be read."""
    try:
        return {info.version: value_of(backend.get("db_pass", info.version)) for info in backend.versions("db_pass")}
    except NotFound:
        return {}


def check_whole(places):
    """Only what the current object and tombstones name is there."""
    current = places.read(ObjectKey("db_pass"))
    named = set()
    if current is not None:
        named |= {ObjectKey("db_pass")} | {ObjectKey.of_version("db_pass", kept.serial) for kept in current.older}
    there = {place for place in places.objects if place.kind != "deleted"}
    assert there == named


def deaths(situation, operation):
    """How many requests the operation makes there."""
    watched = WatchedPlaces(SITUATIONS[situation]())
    OPERATIONS[operation](opened(watched))
    return len(watched.requests)


def killed_at(places, operation, number, moment):
    """Run the operation in a process that is killed before or after its request `number`."""

    def die(count, _kind):
        if count == number:
            raise Killed

    watched = WatchedPlaces(places, **{moment: die})
    with suppress(Killed):
        OPERATIONS[operation](opened(watched))
