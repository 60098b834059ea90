# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page that compares the backends is the one of their declarations and of the last measurement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from tests.backends.discovery import HARNESSES
from tests.backends.harness import Choice, Place, Price
from tests.bench.figures import list_kinds
from tests.bench.kept import read_figures
from tests.house.write_comparison_page import GUIDE, PAGE, Compared, build_page, build_prices, read_capabilities, read_compared

PRICE = Price(calls=0.5, stored=0.25, unit="box", source="https://cloud.invalid/prices", as_of="2026-01-31")
CHOICE = Choice("A box", "{backend: box}", ("box",), Place.CLOUD, "nothing", price=PRICE)
FIGURES = {"box": {"requests": {"read one": 1, "write over a value": 3}}}


def test_the_page_is_the_one_of_now():
    assert PAGE.read_text(encoding="utf-8") == build_page(), "run python -m tests.house.write_comparison_page"


def test_what_is_named_was_measured():
    missing = [kind.label for kind in list_kinds() if kind.label not in read_figures()]
    assert missing == [], "run python -m tests.bench.figures {0}".format(" ".join(missing))


@pytest.mark.parametrize("backend", HARNESSES)
def test_the_choices_of_every_backend_are_of_it(backend):
    """Their configurations, which are checked when the page is built, and the kinds of stores that stand for them."""
    harness = HARNESSES[backend]
    assert {label for choice in harness.choices for label in choice.kinds} <= {kind.label for kind in harness.kinds}
    assert all("backend: {0}".format(backend) in choice.config for choice in harness.choices)


def test_there_is_a_choice_of_each_backend():
    assert [name for name, harness in HARNESSES.items() if not harness.choices] == []


def test_every_choice_is_an_answer_of_the_guide():
    left_out = [one.choice.name for one in read_compared() if not any(test(one) for _question, test in GUIDE)]
    assert left_out == []


def test_a_mistake_in_the_configuration_of_a_choice_is_found():
    with pytest.raises(InvalidConfiguration, match="'pth'"):
        read_capabilities("{backend: local, pth: /srv/x}")


@pytest.mark.parametrize(
    ("other_calls", "shown"),
    [
        (None, "| [A box](box.md) | 0.5 | 0.50 | 1.50 at most | 0.25 for each box | [2026-01-31](https://cloud.invalid/prices) |"),
        (0, "| [A box](box.md) | 0.5; 0 if they return no value | 0.50 | 1.50 at most | 0.25 for each box |"),
    ],
)
def test_a_price_is_that_of_the_requests_that_were_counted(other_calls, shown):
    choice = replace(CHOICE, price=replace(PRICE, other_calls=other_calls))
    assert shown in build_prices([Compared(choice, "box", Capabilities())], FIGURES)
