# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the documentation of the rotation targets' options, which Ansible reads as text, from the targets' own descriptions.

Run it after a change of a target's options: `PYTHONPATH=.venv/collections python -m tests.house.write_target_fragment`. A test compares.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, Iterator, Sequence

import yaml

from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS

CHECKOUT = Path(__file__).resolve().parents[2]
FRAGMENT = CHECKOUT / "plugins" / "doc_fragments" / "rotation_targets.py"
WIDTH = 130
HEAD = '''\
# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of `credential_rotate` that belong to targets. Written by tests/house/write_target_fragment.py: do not edit."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the targets' options."""

    DOCUMENTATION = r"""
'''
TARGET = (
    "The service whose value changes with the credential. It has options of its own, under its own name.",
    "V(none) changes the value in the store alone. If a service takes this credential, it stops working; so it has to be written out.",
)
TARGET_END = (
    (
        "A target of another collection (C(namespace.collection.name)) or package takes its options from O(target_options). It is"
        " loaded on the controller only, if C(nebula.yml) lists it under C(extensions)."
    ),
    "The phases V(prepare), V(test) and V(commit) take no target. You change the value at the service yourself, between them.",
)
TARGET_OPTIONS = ("The options of another collection's target, as that target documents them.",)


def build_fragment() -> str:
    """Return the text of the fragment's file."""
    summaries = [target.summary for target in TARGETS.values()]
    lines = ["options:", *_named("target", "str", [*TARGET, *summaries, *TARGET_END], 2)]
    for kind, target in TARGETS.items():
        lines += _named(kind, "dict", target.about, 2)
        lines.append("    suboptions:")
        for name, option in target.options.items():
            lines += _option(name, option)
    lines += _named("target_options", "dict", TARGET_OPTIONS, 2)
    return HEAD + "\n".join(lines) + '\n"""\n'


def _option(name: str, option: Option) -> Iterator[str]:
    yield from _named(name, option.type, option.description, 6)
    for key in ("elements", "required", "default", "choices"):
        value = getattr(option, key)
        if value or (key == "default" and value is not None):
            yield "        {}: {}".format(key, _scalar(value))


def _named(name: str, kind: str, paragraphs: Sequence[str], indent: int) -> Iterator[str]:
    inner = " " * (indent + 2)
    yield "{}{}:".format(" " * indent, name)
    yield inner + "description:"
    for paragraph in paragraphs:
        quoted = '"{}"'.format(paragraph) if ": " in paragraph else paragraph
        yield from textwrap.wrap(quoted, WIDTH, initial_indent=inner + "  - ", subsequent_indent=inner + "    ", break_on_hyphens=False)
    yield "{}type: {}".format(inner, kind)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[{}]".format(", ".join(value))
    try:
        is_plain = yaml.safe_load(str(value)) == value
    except yaml.YAMLError:
        is_plain = False
    return str(value) if is_plain else "'{}'".format(value)


if __name__ == "__main__":
    FRAGMENT.write_text(build_fragment(), encoding="utf-8")
