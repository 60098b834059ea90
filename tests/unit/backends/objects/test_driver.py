# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend that stores objects needs seven methods and a line that names them."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectStore
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from tests.conformance.object_places import MemoryPlaces
from tests.unit.backends.objects.situations import WatchedPlaces, opened

DOCS = next(parent for parent in Path(__file__).resolve().parents if (parent / "galaxy.yml").exists()) / "docs"


def test_the_driver_has_the_seven_methods_that_are_documented():
    section = (DOCS / "development.md").read_text(encoding="utf-8").split("## Add a backend that stores objects")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert set(documented) == ObjectStore.__abstractmethods__
    assert len(documented) == 7


def test_a_backend_of_objects_needs_its_places_and_nothing_else():
    assert ObjectBackend.__abstractmethods__ == {"make_places"}


def test_a_backend_of_objects_is_healthy_if_its_store_can_be_read():
    assert opened(MemoryPlaces()).health() == Health()


def test_a_backend_of_objects_that_cannot_be_read_says_why():
    def fail(_number, _kind):
        raise Unavailable("the service does not answer", store="prod")

    assert opened(WatchedPlaces(MemoryPlaces(), before=fail)).health() == Health(
        "unhealthy", ("store 'prod': the service does not answer",), "unavailable"
    )
