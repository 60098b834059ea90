# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits and the lists of options in the documentation are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.community.hashi_vault.plugins.doc_fragments import auth, connection, engine_mount

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import CREDENTIAL_ROTATE
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import limits as kubernetes_limits
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes import secret_names
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import METHODS
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache import redis
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTIONS as SHARED_CACHE
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle, names
from ansible_collections.nebula.credential.plugins.module_utils.operations import failures
from ansible_collections.nebula.credential.plugins.module_utils.rotation import transitions
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import command
from ansible_collections.nebula.credential.plugins.module_utils.store.open import COMMON_OPTIONS
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh import attempt, refresher
from ansible_collections.nebula.credential.plugins.module_utils.types import generation
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import TYPES
from ansible_collections.nebula.credential.plugins.plugin_utils.client import progress_display
from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import SPECIFICATION as SESSION
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.session import endpoint
from tests.conftest import CHECKOUT

NAME = re.compile(r"`([a-z][a-z0-9_.]*)`")
DEFAULT = re.compile(r" `?(true|false|\d+)`? ")
"""A cell with a default that is a number or a truth value."""
GENERATE = CREDENTIAL.argument_spec["generate"]["options"]
WORDS = {3: "three", 4: "four", 5: "five", 10: "ten"}


def read_page(name):
    """The text of a page, each run of white space as one blank."""
    return " ".join((CHECKOUT / name).read_text(encoding="utf-8").split())


def read_rows(page, heading):
    """The cells of each row of the first table below a heading whose first column holds names."""
    text = (CHECKOUT / page).read_text(encoding="utf-8").split("\n" + heading + "\n", 1)[1]
    tables = [found.group().splitlines()[2:] for found in re.finditer(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    return next([row.split("|")[1:] for row in table] for table in tables if NAME.search(table[0].split("|")[1]))


def read_names(page, heading):
    """The names in the first column of that table."""
    return {name for cells in read_rows(page, heading) for name in NAME.findall(cells[0])}


def describe_role(name):
    """The options of a role."""
    path = CHECKOUT / "roles" / name / "meta" / "argument_specs.yml"
    return set(yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])


LIMITS = [
    ("docs/troubleshooting/README.md", "{0} characters at most", names.MAX_NAME),
    ("docs/how-to/rotation.md", "A credential remembers its last {0} transitions", lifecycle.HISTORY_LIMIT),
    ("docs/how-to/rotation.md", "waits up to {0:g} s, then `timeout`", attempt.WAIT_TIMEOUT),
    ("docs/how-to/rotation.md", "tried again after {0:g} s", refresher.PAUSE),
    ("docs/how-to/rotation.md", "{0} runs could not settle it".format(WORDS[transitions.MAX_ATTEMPTS]), None),
    ("docs/reference/types.md", "characters of a password, {0} to {1}".format(generation.MIN_LENGTH, generation.MAX_LENGTH), None),
    ("docs/integrations/backends/kubernetes.md", "{0} characters at most", secret_names.MAX_PREFIX),
    ("docs/integrations/backends/kubernetes.md", "A name that is too long ({0})", secret_names.MAX_SECRET_NAME),
    ("docs/integrations/backends/kubernetes.md", "{0} MiB", kubernetes_limits.MAX_DATA // 1024**2),
    ("docs/integrations/backends/kubernetes.md", "{0} KiB", kubernetes_limits.MAX_ANNOTATIONS // 1024),
    ("docs/integrations/targets/command.md", "changes nothing; {0} s at most", command.VERIFY_LIMIT),
    ("docs/how-to/cache.md", "each response may take {0:g} s", redis.BOUND),
    ("docs/how-to/lookups.md", "fewer than {0} characters are not masked".format(WORDS[masking.SHORTEST]), None),
    ("docs/how-to/modules.md", "({0} at most)".format(WORDS[failures.NAMED]), None),
    ("docs/how-to/modules.md", "longer than {0} seconds".format(WORDS[progress_display.INTERVAL]), None),
    ("docs/advanced/session.md", "after {0:g} seconds without a sign of life", endpoint.HEARTBEAT_TIMEOUT),
    ("docs/advanced/security.md", "bounded in size ({0} MiB)", endpoint.LONGEST_REPLY // 1024**2),
    ("README.md", "Python {0}", "3.11"),
]
LISTS = [
    ("docs/reference/configuration.md", "## The session", set(SESSION)),
    ("docs/reference/types.md", "# Credential types", set(TYPES)),
    ("docs/reference/types.md", "## Generated values", set(GENERATE)),
    ("docs/integrations/backends/vault-login.md", "## Methods", set(METHODS)),
    ("docs/how-to/rotation.md", "## Phases", set(CREDENTIAL_ROTATE.argument_spec["phase"]["choices"])),
    ("docs/how-to/modules.md", "# Modules", {path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py")}),
    ("docs/how-to/lookups.md", "# Lookups", {path.stem for path in (CHECKOUT / "plugins" / "lookup").glob("*.py")}),
    ("roles/provision/README.md", "# Role `nebula.credential.provision`", describe_role("provision")),
    ("README.md", "## Install", {*BACKENDS, "shared_cache"}),
]


@pytest.mark.parametrize(("page", "sentence", "value"), LIMITS)
def test_a_documented_limit_is_that_of_the_code(page, sentence, value):
    assert sentence.format(value) in read_page(page)


@pytest.mark.parametrize(("page", "heading", "expected"), LISTS, ids=lambda part: part if isinstance(part, str) else "")
def test_a_documented_list_is_that_of_the_code(page, heading, expected):
    assert read_names(page, heading) == expected


@pytest.mark.parametrize("fragment", [auth, connection, engine_mount])
def test_every_option_of_community_hashi_vault_is_compared(fragment):
    options = set(yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"])
    assert options - read_names("docs/integrations/from-hashi-vault.md", "## Options") == set()


@pytest.mark.parametrize(("kind", "heading"), [("lookup", "## Lookups"), ("modules", "## Modules")])
def test_every_plugin_of_community_hashi_vault_is_compared(kind, heading):
    theirs = {path.stem for path in Path(auth.__file__).parents[1].joinpath(kind).glob("*.py")}
    of_databases = {name for name in theirs if name.startswith("vault_database_")}
    assert theirs - of_databases - read_names("docs/integrations/from-hashi-vault.md", heading) == set()


@pytest.mark.parametrize(
    ("page", "heading", "options"),
    [
        ("docs/reference/stores.md", "## Options of every store", COMMON_OPTIONS),
        ("docs/how-to/cache.md", "## Controllers that share", SHARED_CACHE),
        *(
            ("docs/integrations/backends/{0}.md".format(backend), "## Options", {**COMMON_OPTIONS, **read_traits(backend).spec})
            for backend in sorted(BACKENDS)
        ),
    ],
    ids=lambda part: part if isinstance(part, str) and part.endswith(".md") else "",
)
def test_every_option_of_a_store_on_a_page_is_one_with_that_default(page, heading, options):
    """The page of all options is written from the code; these pages describe some at length."""
    wrong = []
    for cells in read_rows(page, heading):
        written = next((found.group(1) for cell in cells[1:3] if (found := DEFAULT.fullmatch(cell))), None)
        for name in NAME.findall(cells[0]):
            default = options.get(name, {}).get("default")
            if name not in options:
                wrong.append("{0}: there is no such option".format(name))
            elif written and default is not None and default not in (written, yaml.safe_load(written)):
                wrong.append("{0}: the default is {1}".format(name, default))
    assert wrong == []
