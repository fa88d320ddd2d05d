"""Every figure about speed, ours and our peers', on the same models and rows, with the errors of both.

    python benchmarks/run.py [--quick] [--case PATTERN ...] [--json FILE] [--markdown]

``--quick`` takes less than five minutes on two cores: smaller models, shorter turns. ``--json`` writes one
record per line of the tables; ``--markdown`` prints the README's table at the end. Every case runs in a
process of its own; peers run on one thread, and sides take turns, because no machine is quiet. A ratio
is the median over the rounds of turns; its spread stands in brackets; ``cpu`` is the ratio by CPU time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that this folder is found as the package it is

from benchmarks.catalogue import CASES, chosen_cases
from benchmarks.measuring.children import ChildError, call_in_child
from benchmarks.measuring.machine import describe_machine, library_versions
from benchmarks.measuring.records import Figure, record_from_json, to_json
from benchmarks.tables import markdown, text
from benchmarks.workload import N_FEATURES, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measuring.records import Record

_CASE_LIMIT_S = 3600.0


def measure(name: str, settings: Settings) -> tuple[list[Record], bool]:
    """Run one case in a process of its own.

    Returns:
        Its records, and whether it ran to its end; if not, one record says why.
    """
    arguments = {"name": name, "folder": str(settings.folder), "quick": settings.quick, "tiny": settings.tiny}
    try:
        found = call_in_child("benchmarks.catalogue:run_case", arguments, limit_s=_CASE_LIMIT_S)
    except ChildError as failure:
        return [Figure(case=name, what="failed", value=None, unit="", remark=str(failure)[:300])], False
    return [record_from_json(values) for values in found], True


def heading(settings: Settings) -> Iterator[str]:
    """What was measured with and on."""
    yield describe_machine()
    yield ", ".join(f"{name} {number}" for name, number in library_versions().items())
    size = f"{settings.training_rows:,} training rows, {N_FEATURES} features, {settings.n_trees} trees"
    yield f"{size}, unless a case says otherwise; peers use one thread; {settings.repeats} rounds of turns"


def write_json(file: Path, records: Sequence[Record]) -> None:
    """One record per row of the tables, each with machine and versions."""
    surroundings: dict[str, Any] = {"machine": describe_machine(), "versions": library_versions()}
    file.write_text(json.dumps([to_json(record) | surroundings for record in records], indent=1), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases and print their tables.

    Returns:
        0, or 1 where a case failed.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under five minutes on two cores")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)  # only shows that the cases run
    parser.add_argument("--case", action="append", default=[], metavar="PATTERN", help=f"some of: {', '.join(CASES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write one record per row of the tables")
    parser.add_argument("--markdown", action="store_true", help="print the README's table at the end")
    options = parser.parse_args(arguments)
    try:
        names = chosen_cases(options.case, quick=options.quick)
    except ValueError as wrong:
        parser.error(str(wrong))
    records: list[Record] = []
    failed: list[str] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(quick=options.quick, tiny=options.tiny, folder=Path(folder))
        print("\n".join(heading(settings)), flush=True)
        for name in names:
            began = time.perf_counter()
            found, finished = measure(name, settings)
            records += found
            failed += [] if finished else [name]
            print("\n".join(text(found)), f"\n  [{name}: {time.perf_counter() - began:.0f} s]", flush=True)
            if options.json:
                write_json(options.json, records)  # after every case, so that a run that is broken off leaves something
    print(f"\n{len(names)} cases in {time.perf_counter() - started:.0f} s")
    if options.markdown:
        print("\n" + "\n".join(markdown(records)))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
