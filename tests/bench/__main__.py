# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Speed of the local store beside its peers, and of each backend beside its bare client. Prints figures and asserts nothing.

`python -m tests.bench`, or `make bench`; `python -m tests.bench backends [WORD…]` for backends alone. NEBULA_BENCH_SCALE=0.01 makes a
hundredth of everything.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

from tests.bench import peers
from tests.bench.backends import bench_backends
from tests.bench.measuring import figure, milliseconds, once, ratio, timed, title
from tests.bench.stores import innermost, open_local, wanted
from tests.bench.tokens import bench_tokens

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
CREDENTIALS, NAMES, READS, WRITES = (max(20, int(number * SCALE)) for number in (10_000, 100_000, 50_000, 1_000))
TOKENS = 1_000
SEED = 20260101


def values() -> Dict[str, str]:
    """Names and values, the same in every run."""
    chosen = random.Random(SEED)
    return {
        "team{0:02d}/service{1:05d}".format(index % 50, index): "{0:032x}".format(chosen.getrandbits(128)) for index in range(CREDENTIALS)
    }


def bench_reads(store: Any, names: list[str]) -> float:
    """Reads with decryption in one process."""
    chosen = random.Random(SEED)
    times = timed(store.get, [chosen.choice(names) for each in range(READS)])
    title("Reading from {0:,} credentials".format(CREDENTIALS))
    figure("manager.get with decryption, p50", milliseconds(times.median), "< 0.3 ms")
    figure("manager.get with decryption, p99", milliseconds(times.at(99)), "< 5 ms")
    figure("reads a second in one process", "{0:,.0f}".format(times.a_second), ">= 10,000")
    return times.median


def bench_writes(directory: Path, store: Any) -> None:
    """Writes beside the plain durable write of the same bytes."""
    title("Writing {0:,} times".format(WRITES))
    size = max(path.stat().st_size for path in list(directory.glob("*.enc"))[:10])
    content = os.urandom(size)
    plain_directory = directory.parent / "plain"
    plain_directory.mkdir()
    # In turns, so that all meet the same disk.
    plain, created, replaced = [], [], []
    for index in range(WRITES):
        plain.append(once(lambda index=index: peers.plain_durable_write(plain_directory, "file{0}".format(index), content)))
        created.append(once(lambda index=index: store.create(wanted("written/n{0}".format(index), "{0:032x}".format(index)))))
        # Ten credentials over and over: from the tenth round on each write also drops the oldest kept version.
        replaced.append(once(lambda index=index: store.ensure(wanted("replaced/n{0}".format(index % 10), "{0:032x}".format(index)))))
    figure("write + fsync + rename + directory fsync, p50", milliseconds(sorted(plain)[WRITES // 2]))
    for what, ours, goal in (("put of a new credential", created, "< 2 x"), ("put over a value, which is kept", replaced, "< 3 x")):
        figure("{0}, p50".format(what), milliseconds(sorted(ours)[WRITES // 2]))
        figure("  beside the plain write", ratio(sum(ours), sum(plain)), goal)


def bench_list(root: Path) -> None:
    """Listing many names. The files are copies of one envelope: making so many is not what is measured."""
    from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter

    title("Listing {0:,} names".format(NAMES))
    store = open_local(root / "many")
    store.create(wanted("first", "value"))
    content = (root / "many" / "first.enc").read_bytes()
    for index in range(NAMES - 1):
        (root / "many" / "n{0:06d}.enc".format(index)).write_bytes(content)
    listed: list[int] = []
    backend = innermost(store.backend)
    seconds = once(lambda: listed.append(sum(1 for each in backend.list(Filter(names_only=True)))))
    figure("{0:,} names, as the backend lists them".format(listed[0]), "{0:.2f} s".format(seconds), "< 1 s")
    seconds = once(lambda: listed.append(sum(1 for each in store.list(Filter(names_only=True)))))
    figure("the same within the caller's scope (metadata is read)", "{0:.2f} s".format(seconds))


def bench_passphrase(root: Path) -> None:
    """Opening a store whose key a passphrase opens: one Argon2id with 64 MiB."""
    title("Starting a passphrase store")
    sources = [{"source": "passphrase", "passphrase": "a passphrase for this bench alone"}]
    store = open_local(root / "passphrase", key_sources=sources)
    store.create(wanted("one", "value"))
    store.backend.close()
    seconds = once(lambda: open_local(root / "passphrase", key_sources=sources).get("one"))
    figure("open and first read (RFC 9106, second profile)", milliseconds(seconds))


def bench_peers(root: Path, ours: float) -> None:
    """The same value by the peers' ways."""
    title("One value, beside the peers")
    figure("nebula.credential, manager.get", milliseconds(ours))
    for name, prepare in peers.PEERS.items():
        read: Optional[Callable[[Any], Any]] = prepare(root, "a value of thirty-two characters")
        if read is None:
            figure(name, "not installed")
            continue
        theirs = timed(read, range(peers.REPEATED)).median
        figure(name, milliseconds(theirs))
        figure("  it takes as long as so many of ours", "{0:,.1f}".format(theirs / ours))


def bench_memory(directory: Path) -> None:
    """Peak memory of a process that opens the store, reads 1,000 credentials and lists all of it."""
    title("Memory of a process")
    for what in ("imports", "reads"):
        told = subprocess.run([sys.executable, "-m", "tests.bench", what, str(directory)], check=True, stdout=subprocess.PIPE)
        figure(
            {"imports": "Python with the library", "reads": "the same, 1,000 reads and a whole list later"}[what],
            told.stdout.decode().strip(),
        )


def memory_of(what: str, directory: Path) -> None:
    """Run in a process of its own: print its peak."""
    store = open_local(directory)
    if what == "reads":
        for credential in list(store.list())[:1000]:
            store.get(credential.name)
    # Not ru_maxrss, which a new process inherits from the one that started it.
    peak = next(line for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
    print("{0:.1f} MiB".format(int(peak.split()[1]) / 1024))


def main() -> None:
    """Measure everything in a temporary home."""
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place:
        root = Path(place)
        os.environ.update(HOME=place, XDG_CONFIG_HOME=str(root / "config"), XDG_STATE_HOME=str(root / "state"))
        store = open_local(root / "store")
        names = values()
        seconds = once(lambda: [store.create(wanted(name, value)) for name, value in names.items()])
        print("Python {0}, {1} CPUs; filled in {2:.1f} s".format(sys.version.split()[0], os.cpu_count(), seconds))
        ours = bench_reads(store, list(names))
        bench_writes(root / "store", store)
        bench_list(root)
        bench_passphrase(root)
        bench_peers(root, ours)
        bench_tokens(store, TOKENS)
        bench_memory(root / "store")
        bench_backends(root, SCALE)


def backends_alone(only: Sequence[str]) -> None:
    """Those whose label holds one of the words; all without a word."""
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place:
        os.environ.update(HOME=place, XDG_CONFIG_HOME=place + "/config", XDG_STATE_HOME=place + "/state")
        bench_backends(Path(place), SCALE, only)


if __name__ == "__main__":
    if sys.argv[1:2] == ["backends"]:
        backends_alone(sys.argv[2:])
    elif len(sys.argv) > 1:
        memory_of(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
