# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of docs/architecture.md shows the rooms and imports that there are."""

from __future__ import annotations

import pytest

from tests.house.draw_architecture import CAPTIONS, PICTURE, draw, reduce_imports
from tests.house.rooms import CHECKOUT, ORDERS, OURS, read_floors

PAGE = CHECKOUT / "docs" / "architecture.md"


def test_the_picture_is_the_one_of_the_rooms_and_imports_of_now():
    assert PICTURE.read_text(encoding="utf-8") == draw(CHECKOUT / "plugins"), "run python -m tests.house.draw_architecture"


def test_the_page_shows_the_picture():
    assert "](architecture.svg)" in PAGE.read_text(encoding="utf-8")


def test_every_room_of_the_orders_has_a_caption():
    rooms = {(tree, room) for tree, order in ORDERS.items() for room in read_floors(order)}
    assert rooms - set(CAPTIONS) == set()


@pytest.fixture
def plant(tmp_path):
    """Writes files of a tree like `plugins`, each with its one import, and returns the tree."""

    def write(files):
        for name, imported in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("import " + (OURS + imported if imported else "os") + "\n")
        return tmp_path

    return write


SMALL = {
    "lookup/get.py": "plugin_utils.session.a",
    "plugin_utils/session/a.py": "module_utils.store.b",
    "module_utils/store/b.py": "module_utils.model.c",
    "module_utils/model/c.py": "",
    "module_utils/types/d.py": "",
}


def arrows(picture):
    """How many arrows a picture has."""
    return picture.count("marker-end=")


def test_an_import_is_an_arrow_and_a_new_one_is_another(plant):
    before = draw(plant(SMALL))
    after = draw(plant({**SMALL, "module_utils/store/e.py": "module_utils.types.d"}))
    assert (arrows(before), arrows(after)) == (3, 4)


def test_an_import_that_also_leads_through_another_room_is_left_out():
    store, model, errors = (("module_utils", room) for room in ("store", "model", "errors"))
    assert reduce_imports({store: {model, errors}, model: {errors}, errors: set()}) == {store: [model], model: [errors], errors: []}


def test_a_room_without_a_caption_is_not_drawn(plant):
    with pytest.raises(KeyError, match="cellar"):
        draw(plant({**SMALL, "module_utils/cellar/a.py": ""}))
