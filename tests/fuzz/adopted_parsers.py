# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parsers of files of other tools that are adopted."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any, Callable, Dict

from ansible_collections.nebula.credential.plugins.module_utils.adoption.registry import find_format
from tests.fuzz.mutations import spoil_bytes, spoil_json
from tests.fuzz.stored_parsers import Made
from tests.unit.adoption.formats.corpus import EXPECTED, PLACE, names_of, pack_1pux


def of_format(name: str) -> Callable[[Any], Made]:
    """The parser of a format, spoiled bytes of the corpus, and spoiled parts if it is JSON."""

    def make(tmp_path: Path) -> Made:
        path = tmp_path / "file"
        whole = [each for each in names_of(name) if not isinstance(EXPECTED[each], str)]
        seeds = [(PLACE / each).read_bytes() for each in whole]
        data = [json.loads(seed) for seed in seeds if seed.startswith(b"{")]

        def spoil(random: Random) -> bytes:
            return spoil_json(data, random) if data and random.randrange(2) else spoil_bytes(seeds, random)

        def parse(given: bytes) -> None:
            if name == "onepassword":
                pack_1pux(given, path)
            else:
                path.write_bytes(given)
            for found in find_format(name).read(str(path), {}):
                assert isinstance(found.name, str)
                assert (found.value is None) == bool(found.fields)

        return parse, spoil

    return make


PARSERS: Dict[str, Callable[[Any], Made]] = {
    "adopted " + name: of_format(name)
    for name in (
        *("kubernetes", "netrc", "pgpass", "aws_credentials", "docker_config"),
        *("terraform_state", "bitwarden", "onepassword", "lastpass"),
    )
}
