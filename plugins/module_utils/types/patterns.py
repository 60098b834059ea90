# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regular expressions: values that match them, compared and generated in a process with bounds. Imported when one is used.

A pattern and a value can be chosen so that Python's matcher runs for years, or that a value is as large as the memory, and nothing in
the same process can stop it.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.process import Finished, TooSlow, run_python
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

RSTR = Package("rstr>=3.2", "rstr", when="values that match a regular expression")
LONGEST_PATTERN = 1000
LONGEST_VALUE = 1024
SECONDS = 5.0
_MEMORY = 512 * 1024 * 1024
_BOUND = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({0}, {0}))
resource.setrlimit(resource.RLIMIT_CPU, ({1}, {1}))
given = json.load(sys.stdin)
""".format(_MEMORY, int(SECONDS) + 1)
"""The bounds that the process sets itself. Its time of the processor ends it if the process that started it was killed meanwhile."""
_MATCHER = """
for name, pattern, value in given:
    if re.fullmatch(pattern, value) is None:
        print(name)
        break
"""
# rstr takes what a pattern looks ahead for as a part of the value, so what it draws is compared. The names are those of `_PROBLEMS`.
_GENERATOR = """
import secrets
sys.path[:] = given["path"]
import rstr
pattern = given["pattern"]
draw = rstr.Rstr(secrets.SystemRandom()).xeger
drawn = [value for value in (draw(pattern) for _draw in range(64)) if re.fullmatch(pattern, value)]
if not drawn:
    print(json.dumps(["unmatched"]))
elif len(set(drawn)) == 1:
    print(json.dumps(["constant"]))
elif len(drawn[0]) > given["longest"]:
    print(json.dumps(["long"]))
else:
    print(json.dumps(["", drawn[0]]))
"""
_PROBLEMS: Mapping[str, str] = {
    "unmatched": "no value was found that matches the pattern",
    "constant": "the pattern gives the same value each time",
    "long": "the pattern gives a value of more than {0} characters".format(LONGEST_VALUE),
}


class TooComplex(Exception):
    """The patterns could not be compared in time."""


def is_pattern(text: str) -> bool:
    """Return True if a text is a regular expression of Python, of `LONGEST_PATTERN` characters at most."""
    if len(text) > LONGEST_PATTERN:
        return False
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def find_mismatch(rows: Sequence[Sequence[str]]) -> Optional[str]:
    """Return the name of the first value that does not match as a whole; None if all do.

    Args:
        rows: a name, a pattern and a value each.

    Raises:
        TooComplex: it takes too long, or too much memory.
        Unavailable: the system cannot start another process.
    """
    done = _run(_MATCHER, rows, "-S")
    if done.status:
        raise TooComplex
    return done.output.decode("utf-8").strip() or None


def generate_match(pattern: str) -> Secret:
    """Return a random value that matches a pattern. A repeat is drawn up to 100 times.

    Raises:
        InvalidInput: it is no pattern, or none that values can be drawn from.
        MissingLibrary: rstr is not installed.
    """
    check_packages((RSTR,))
    if not is_pattern(pattern):
        raise _invalid("it is no pattern of {0} characters at most".format(LONGEST_PATTERN), "Write one that Python's module 're' takes.")
    try:
        done = _run(_GENERATOR, {"pattern": pattern, "path": sys.path, "longest": LONGEST_VALUE})
        answer: Any = json.loads(done.output.decode("ascii")) if not done.status else None
    except (TooComplex, ValueError):
        answer = None
    if answer is None:
        raise _invalid("no value can be drawn from the pattern", "Use classes, groups, alternatives and repeats of 100 at most.")
    if answer[0]:
        raise _invalid(_PROBLEMS[answer[0]], "Write a pattern that leaves more to chance, or bounds its repeats.")
    return Secret(answer[1])


def _run(program: str, given: Any, *options: str) -> Finished:
    try:
        return run_python(_BOUND + program, given, {}, min(SECONDS, deadline.remaining()), *options)
    except TooSlow:
        raise TooComplex from None


def _invalid(what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="generate", remedy=remedy)
