"""Records as text for a terminal and as the README's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring.records import Slope, Speed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measuring.records import Record

__all__ = ["line", "markdown", "text"]

_SPEED_HEADER = (
    f"{'peer':34}{'threads':>8}{'ours/s':>11}{'peer/s':>10}{'ratio':>9}{'(spread)':>15}{'cpu':>8}"
    f"{'must':>6}{'error':>10}{'peer err':>10}{'apart':>10}{'MB':>7}"
)


def line(record: Record) -> str:
    """One record as one line."""
    if isinstance(record, Speed):
        return _speed(record)
    if isinstance(record, Slope):
        points = ", ".join(f"{size:g}: {cost:.3g}" for size, cost in record.points)
        text = f"{record.cost} grow with {record.over} to the power {record.slope:.2f}"
        return f"{text} (the last two {record.last_slope:.2f}): {points}"
    value = "not measured" if record.value is None else f"{record.value:.4g} {record.unit}"
    return f"{record.what}: {value}" + (f" ({record.remark})" if record.remark else "")


def _speed(record: Speed) -> str:
    spread = "" if record.ratio_low is None else f"({record.ratio_low:.1f}-{record.ratio_high:.1f})"
    if record.peer_stopped_s is not None:
        spread = f"(> {record.peer_stopped_s:.0f} s)"
    return (
        f"{record.peer:34}{record.threads:>8}{record.rows_per_s:>11,.1f}{_number(record.peer_rows_per_s, ',.1f'):>10}"
        f"{_number(record.ratio, ',.1f'):>8}x{spread:>15}{_number(record.ratio_cpu, ',.1f'):>8}"
        f"{_number(record.must, 'g'):>6}{record.error:>10.1e}{_number(record.peer_error, '.1e'):>10}"
        f"{_number(record.apart, '.1e'):>10}{_number(record.memory_mb, '.0f'):>7}"
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def text(records: Sequence[Record]) -> Iterator[str]:
    """A case's records, a heading above those that belong together."""
    shown = None
    for record in records:
        if record.case != shown:
            shown = record.case
            yield f"\n{shown}"
            if isinstance(record, Speed):
                yield (
                    f"  {record.remark}; errors: {record.error_is}" if record.remark else f"  errors: {record.error_is}"
                )
                yield f"  {_SPEED_HEADER}"
        yield f"  {line(record)}"


def markdown(records: Sequence[Record]) -> Iterator[str]:
    """The headline table: rows per second of peer and us, by number of threads, and the errors of both."""
    speeds = [record for record in records if isinstance(record, Speed)]
    threads = sorted({record.threads for record in speeds})
    ours = [f"ours, {n} thread{'s' * (n > 1)}" for n in threads]
    yield (
        "| case | peer | peer, rows/s | "
        + " | ".join(f"{name}, rows/s (faster)" for name in ours)
        + " | largest error, ours / peer |"
    )
    yield "|" + "---|" * (4 + len(threads))
    for case, peer in dict.fromkeys((record.case, record.peer) for record in speeds):
        group = {r.threads: r for r in speeds if (r.case, r.peer) == (case, peer)}
        first = next(iter(group.values()))
        cells = [_cell(group[n]) if n in group else "" for n in threads]
        errors = f"{first.error:.0e} / {_number(first.peer_error, '.0e')}"
        theirs = _rate(first.peer_rows_per_s) if first.peer_stopped_s is None else f"> {first.peer_stopped_s:.0f} s"
        named = case.replace("|", "\\|")  # or it would end the cell
        yield f"| {named} | {peer} | {theirs} | " + " | ".join(cells) + f" | {errors} |"


def _cell(record: Speed) -> str:
    bound = "" if record.peer_stopped_s is None else "> "
    faster = "" if record.ratio is None else f" ({bound}{_rate(record.ratio)}x)"
    return f"{_rate(record.rows_per_s)}{faster}"


def _rate(value: float | None) -> str:
    """Two figures are as much as the noise allows."""
    if value is None:
        return "-"
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - of two figures
