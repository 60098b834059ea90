# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every check and test, by name. Run through make, which makes the environment; `nox --list` tells them all.

The tools come from .venv alone, so a session installs nothing and asks no network.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import antsibull_nox
import nox

CHECKOUT = Path(__file__).resolve().parent
CACHE = CHECKOUT / ".cache"
COLLECTION = Path("ansible_collections", "nebula", "credential")
LIBRARY = ["module_utils", "plugin_utils"]
# Code that must not have a line or branch without a test.
FULLY_COVERED = [
    "plugins/module_utils/crypto/envelope.py",
    "plugins/module_utils/encoding/envelope.py",
    "plugins/module_utils/encoding/envelope_metadata.py",
    "plugins/module_utils/encoding/binary.py",
    "plugins/module_utils/model/lifecycle.py",
    "plugins/module_utils/backends/registry.py",
]
WORKERS = "3"
"""Processes that run tests. Much of a test is waiting for programs and time limits, so two cores have time for three."""
WRITTEN_BY_TOOLS = {"changelogs/changelog.yaml"}
TARGET_PYTHONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
# By ansible-core: a Python it runs on, its package, and the package of the collections that the tests use. 2.19 on Python 3.11 is
# what `make test` and the session tests-long run.
CORES = {
    "2.20": ("3.12", "ansible-core ~= 2.20.0", "ansible ~= 13.0"),
    "2.21": ("3.13", "ansible-core ~= 2.21.0", "ansible ~= 14.0"),
    "2.22": ("3.13", "ansible-core >= 2.22.0rc1, < 2.23", "ansible ~= 14.0"),
}
# What a version of ansible-core changes. Not every package of collections has awx.awx, so the tests of AWX are not here. The
CORE_TESTS = [
    *("tests/unit/" + name for name in ("action", "argument_specs", "client", "config", "filter", "output", "session", "test")),
    *("tests/integration/test_{0}.py".format(name) for name in ("*_plays", "session_*", "*lookups", "modules", "codes", "check_mode")),
    *("tests/integration/test_{0}.py".format(name) for name in ("*_values", "whole_shapes", "wrong_inputs", "provision", "role_items")),
    *("tests/integration/test_{0}.py".format(name) for name in ("shown_arguments", "where_modules_run", "progress", "store_resolution")),
    *("tests/integration/test_{0}.py".format(name) for name in ("migrate_*", "nightly_*", "rotation_ssh_key", "rotation_postgresql")),
    *("tests/integration/test_{0}.py".format(name) for name in ("audit_callers", "homes", "broken_off", "examples", "third_*")),
    "tests/canary/test_plays.py",
]
MATRIX_FILES = ["requirements/backends.txt", "requirements/servers.txt", "requirements/recipes.txt"]
MATRIX_TOOLS = [
    "ansible-builder",
    "ansible-runner",
    "awx-plugins-core >= 0.2.0a0",
    "awx-plugins.interfaces >= 0.0.1a5",
    "hypothesis",
    "ldap3",
    "pytest",
    "pytest-cov",
    "pytest-xdist",
]

nox.options.default_venv_backend = "none"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
antsibull_nox.load_antsibull_nox_toml()


def files(*patterns: str) -> list[str]:
    """Files that git knows or would know, without what it ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    return sorted({name for name in listed.stdout.decode().split("\0") if name and (CHECKOUT / name).is_file()})


def find_paths(pattern: str) -> list[str]:
    """Return the paths that match, from the top of the checkout; there has to be one."""
    found = sorted(path.relative_to(CHECKOUT).as_posix() for path in CHECKOUT.glob(pattern))
    if not found:
        raise ValueError("{0} matches nothing".format(pattern))
    return found


@contextlib.contextmanager
def as_collection() -> Iterator[Path]:
    """A copy of the checkout in a real ansible_collections tree, which most of these tools insist on.

    Outside the checkout: ansible-test asks git about every directory above it, and finds the copy ignored.
    """
    with tempfile.TemporaryDirectory(prefix="nebula-tree-") as root:
        copy = Path(root) / COLLECTION
        for name in files():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target)
        yield copy


@nox.session
def ruff(session: nox.Session) -> None:
    """Format and lint Python."""
    session.run("ruff", "format", "--check", *files("*.py"), log=False)
    session.run("ruff", "check", *files("*.py"), log=False)


@nox.session
def mypy(session: nox.Session) -> None:
    """Check the types of the library and of what the controller adds to it."""
    packages = [part for name in LIBRARY for part in ("-p", "ansible_collections.nebula.credential.plugins." + name)]
    with as_collection() as copy, session.chdir(copy.parents[2]):
        options = ["--config-file", str(CHECKOUT / "pyproject.toml"), "--cache-dir", str(CACHE / "mypy")]
        session.run("mypy", *options, *packages, env={"MYPYPATH": str(copy.parents[2])})


@nox.session
def yamllint(session: nox.Session) -> None:
    """Lint YAML."""
    session.run(
        "yamllint", "--strict", *(name for name in files("*.yml", "*.yaml", ".yamllint", ".ansible-lint") if name not in WRITTEN_BY_TOOLS)
    )


@nox.session
def codespell(session: nox.Session) -> None:
    """Find misspelt words."""
    session.run("codespell", *(name for name in files() if not name.startswith("CHANGELOG")), log=False)


@nox.session
def shellcheck(session: nox.Session) -> None:
    """Lint shell scripts."""
    session.run("shellcheck", *files("*.sh", ".ci/run"))


@nox.session(name="ansible-lint")
def ansible_lint(session: nox.Session) -> None:
    """Lint playbooks, roles and the collection's metadata with the production profile."""
    with as_collection() as copy, session.chdir(copy):
        environment = {"ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2]), "NO_COLOR": "1"}
        options = ["--profile", "production", "--offline", "--strict", "-c", str(CHECKOUT / ".ansible-lint")]
        session.run("ansible-lint", *options, env=environment)


@nox.session(name="galaxy-importer", venv_backend="venv")
def galaxy_importer(session: nox.Session) -> None:
    """Build the collection and import it as Galaxy would."""
    session.install("--requirement", "requirements/importer.txt")
    built = CACHE / "built"
    shutil.rmtree(built, ignore_errors=True)
    with as_collection() as copy:
        session.run("ansible-galaxy", "collection", "build", "--output-path", str(built), str(copy), silent=True)
    (tarball,) = built.glob("*.tar.gz")
    environment = {"GALAXY_IMPORTER_CONFIG": str(CHECKOUT / "tests" / "galaxy-importer.cfg")}
    with session.chdir(built):
        log = session.run("python", "-m", "galaxy_importer.main", tarball.name, env=environment, silent=True) or ""
    complaints = [line for line in log.splitlines() if line.startswith(("ERROR", "WARNING"))]
    if complaints:
        session.error("\n".join(complaints))


@nox.session(name="docs-lint")
def docs_lint(session: nox.Session) -> None:
    """Check the documentation of every plugin and role, and what it refers to."""
    options = ["--plugin-docs", "--validate-collection-refs", "self", "--disallow-unknown-collection-refs"]
    with as_collection() as copy:
        environment = {"ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2])}
        session.run("antsibull-docs", "lint-collection-docs", *options, str(copy), env=environment)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation as HTML, with a search. A warning is an error."""
    session.run("python", "-m", "tests.house.build_site", str(CACHE / "site"))


@nox.session(name="changelog-lint")
def changelog_lint(session: nox.Session) -> None:
    """Check changelog fragments."""
    session.run("antsibull-changelog", "lint")


@nox.session(default=False)
def sanity(session: nox.Session) -> None:
    """Run ansible-test sanity, compiling and importing for every Python a target may have that this machine has."""
    prepare_pip_bootstrap()
    path = target_path()
    found = [version for version in TARGET_PYTHONS if shutil.which("python" + version, path=path)]
    session.log("target Pythons: {0}".format(", ".join(found) or "none"))
    with as_collection() as copy, session.chdir(copy):
        session.run("ansible-test", "sanity", "--color", "no", *session.posargs, env={"PATH": path, "PYTHONPATH": ""})


def target_path() -> str:
    """A PATH on which every target Python that is named also runs; those that pyenv keeps are added.

    The shims of pyenv answer for versions that are not switched on, and ansible-test takes them at their word.
    """
    folders = os.environ["PATH"].split(os.pathsep)
    dead = [folder for folder in folders if any(not runs(program) for program in pythons(Path(folder)))]
    roots = {Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")), *(Path(folder).parent for folder in dead)}
    kept = [str(folder) for root in sorted(roots) for folder in sorted(root.glob("versions/3.*/bin")) if pythons(folder)]
    living = [folder for folder in folders if folder not in dead]
    return os.pathsep.join(dict.fromkeys([str(Path(sys.executable).parent), *living, *kept]))


def pythons(folder: Path) -> list[Path]:
    """The target Pythons of one directory."""
    return [folder / name for name in ("python" + version for version in TARGET_PYTHONS) if (folder / name).is_file()]


def runs(program: Path) -> bool:
    """Whether it is there and works."""
    return subprocess.run([str(program), "-c", ""], check=False, stderr=subprocess.DEVNULL).returncode == 0


def prepare_pip_bootstrap() -> None:
    """Put a stand-in where ansible-test keeps its downloaded get-pip.py: pip from ensurepip, the rest by name."""
    import ansible_test

    source = Path(ansible_test.__file__).parent / "_internal" / "python_requirements.py"
    cache = Path.home() / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in set(re.findall(r"pip='([0-9.]+)'", source.read_text(encoding="utf-8"))):
        kept = cache / "get_pip_{0}.py".format(version.replace(".", "_"))
        if not kept.exists():
            made = kept.with_name("{0}.{1}".format(kept.name, os.getpid()))  # another session may look at the same moment
            shutil.copyfile(CHECKOUT / "tests" / "sanity" / "get_pip.py", made)
            made.replace(kept)


@nox.session(default=False)
def tests(session: nox.Session) -> None:
    """Run the tests, and hold the envelope, the lifecycle and the registry at full coverage."""
    for old in CACHE.glob("coverage*"):
        old.unlink()
    run_pytest(session, "fast", "--cov", "--cov-report=", "--durations=15", *session.posargs)
    if not session.posargs:
        session.run("coverage", "report", "--include", ",".join(FULLY_COVERED), "--fail-under=100")


@nox.session(name="tests-long", default=False)
def tests_long(session: nox.Session) -> None:
    """Run the tests that the long profile changes: every crash, every tampered bit and many more examples."""
    named = any((CHECKOUT / option.partition("::")[0]).exists() for option in session.posargs)
    listed = "" if named else session.run("python", "-m", "tests.house.long_profile", silent=True) or ""
    run_pytest(session, "long", "--durations=15", *session.posargs, *listed.split())


@nox.session(default=False)
def rotation(session: nox.Session) -> None:
    """Play every fault at every step of every target, and go on where an earlier run stopped. Print the rows that held, by target."""
    environment = {"NEBULA_CONFORMANCE_TARGETS": "tests.targets.discovery:SERVICES", "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    try:
        session.run("pytest", "-q", "tests/target_suite", *session.posargs, env={"NEBULA_TEST_PROFILE": "long", "PYTHONPATH": ""})
    finally:
        session.run("python", "-m", "tests.target_suite.rows", env=environment)


def run_pytest(session: nox.Session, profile: str, *options: str) -> None:
    environment = {"NEBULA_TEST_PROFILE": profile, "PYTHONPATH": "", "COVERAGE_CORE": "sysmon" if sys.version_info >= (3, 12) else ""}
    session.run("pytest", "-n", WORKERS, "--dist", "worksteal", *options, env=environment)


@nox.session(default=False)
@nox.parametrize("core", sorted(CORES))
def matrix(session: nox.Session, core: str) -> None:
    """Run the tests of what an ansible-core changes with each, on a Python that goes with it."""
    python, package, collections = CORES[core]
    program = shutil.which("python" + python, path=target_path())
    if program is None:
        session.error("ansible-core {0} is tried on Python {1}, which is neither on PATH nor among pyenv's".format(core, python))
    scripts = CHECKOUT / ".nox" / "core-{0}".format(core) / "bin"
    session.run(program, "-m", "venv", str(scripts.parent), external=True)
    packages = [part for name in MATRIX_FILES for part in ("--requirement", name)] + [package, *MATRIX_TOOLS]
    install = [str(scripts / "python"), "-m", "pip", "install", "--quiet"]
    session.run(*install, *packages, external=True)
    # It insists on one ansible-core, and a core is older than the collections made for it.
    session.run(*install, "--no-deps", collections, external=True)
    environment = {"PATH": os.pathsep.join([str(scripts), os.environ["PATH"]]), "PYTHONPATH": ""}
    wanted = [name for name in CORE_TESTS if core != max(CORES) or not name.startswith("tests/unit/")]
    tried = session.posargs or [*(["tests/unit"] if core == max(CORES) else []), *(name for each in wanted for name in find_paths(each))]
    session.run(str(scripts / "python"), "-m", "pytest", "-n", WORKERS, "--dist", "worksteal", *tried, env=environment, external=True)


@nox.session(default=False)
def molecule(session: nox.Session) -> None:
    """Converge and verify the roles `provision` (every store), `migrate` (to another store) and `rotate` (PostgreSQL) here."""
    with session.chdir("extensions"):
        session.run("molecule", "test", "--all", *session.posargs, env={"NO_COLOR": "1"})
