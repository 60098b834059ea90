# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the catalogue of errors: `PYTHONPATH=.venv/collections python -m tests.house.write_errors_page`.

The codes, their classes and which of them is a case of another are those of `errors.py`; what they mean to a user, and what to do, is in
`errors.yml`. A test compares the page with what this writes, and the codes of both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Type

import yaml

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).with_name("errors.yml")
PAGE = CHECKOUT / "docs" / "troubleshooting" / "errors.md"
HEAD = """\
<!--
Copyright (c) 2026, the nebula.credential authors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

<!-- Written by a script from the classes of the errors: do not edit. -->

# Errors

Every failure has a code. A failed task's result holds it as `code`; a lookup's message is the same text and
ends with it: `[code: not_found]`. Match the code or the class (`plugins/module_utils/errors.py`), never the
text. A class that is a case of another one is caught with it.

A message names the option, the credential and the store first, then what happened, then what to do. The store
is always named, the credential where one is requested, the option if one is at fault (`key_sources` for every
problem with a key, its file or its passphrase):

```
option 'audit', store 'prod': the value is not allowed. Use one of: batched, strict, off.
```

No message holds a value, a token or the text of a library. For an unexpected exception only the class is
shown (`internal`).

Lookups can turn some errors into a default: `on_missing` (`not_found`, `no_token`), `on_denied`
(`access_denied`), `on_error` (the others). Signs of an attack, mistakes in the play and bugs are always
raised.

Messages by what you see: [troubleshooting](README.md). When nothing helps: [the checklist](checklist.md).
"""


def read_groups() -> List[Dict[str, Any]]:
    """Return the groups of the page: each has `group` and `codes`, which have `meaning` and `do` by code."""
    found: List[Dict[str, Any]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    return found


def find_classes() -> Dict[str, Type[CredentialError]]:
    """Return the class of each code of `errors.py`."""
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CredentialError)]
    return {kind.code: kind for kind in classes if "code" in vars(kind) and kind is not CredentialError}


def build_page() -> str:
    """Return the page."""
    classes = find_classes()
    return HEAD + "".join(line for group in read_groups() for line in _build_group(group, classes))


def _build_group(group: Mapping[str, Any], classes: Mapping[str, Type[CredentialError]]) -> Iterator[str]:
    yield "\n## {0}\n\n| Code | Class | Meaning | What to do |\n|---|---|---|---|\n".format(group["group"])
    for code, row in group["codes"].items():
        yield "| `{0}` | {1} | {2} | {3} |\n".format(code, _describe_class(classes[code]), row["meaning"], row.get("do", ""))


def _describe_class(kind: Type[CredentialError]) -> str:
    parent = kind.__base__
    shown = "`{0}`".format(kind.__name__)
    return shown if parent in (CredentialError, None) else "{0}, a case of `{1}`".format(shown, parent.__name__)


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
