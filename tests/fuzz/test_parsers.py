# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every parser of what is stored, sent or configured meets spoiled input: it reads it, or raises a neutral error, in bounded memory.

200,000 inputs in the long profile, 6,000 in the fast one, from a fixed seed; a failure names the parser and the number of the input.
"""

from __future__ import annotations

import resource
from importlib import import_module
from pathlib import Path
from random import Random

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Internal
from tests.conftest import PROFILE

FILES = sorted(file for file in Path(__file__).parent.glob("*_parsers.py") if file != Path(__file__))
PARSERS = {name: make for file in FILES for name, make in import_module("tests.fuzz." + file.stem).PARSERS.items()}
INPUTS = (200_000 if PROFILE == "long" else 6_000) // len(PARSERS)
MOST_MEMORY = 200 * 1024
"""KiB that the inputs of one parser may add to the largest size of this process."""


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_raises_neutral_errors_alone(name, tmp_path):
    parse, spoil = PARSERS[name](tmp_path)
    random, before, read = Random(name), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for number in range(INPUTS):
        given = spoil(random)
        try:
            read += parse(given) is not False
        except Exception as error:
            if not isinstance(error, CredentialError) or isinstance(error, Internal):
                raise AssertionError("input {0} of '{1}': {2!r}".format(number, name, error)) from error
    assert read < INPUTS, "no input was refused: the parser checks nothing, or the inputs are not spoiled"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY
