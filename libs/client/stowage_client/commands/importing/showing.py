"""A report, as people read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress, TextColumn
from rich.table import Table

from stowage_client.commands.shell import Shell
from stowage_client.importing.choosing import REASONS
from stowage_client.importing.report import Report, StoreLine
from stowage_client.importing.survey import Told

SHOWN = 20
"""Problems told one by one; --report FILE and --json have them all."""


def show(shell: Shell, report: Report) -> None:
    """Everything, as JSON or as a few tables."""
    if shell.json:
        shell.show(report)
        return
    shell.say(f"source    {report.source}")
    shell.say(f"release   {report.version} (read as {report.schema_read})")
    shell.say(f"zones     {', '.join(report.zones.values()) or 'none'}")
    shell.say(f"accounts  {report.accounts}")
    _stores(shell, report)
    _objects(shell, report)
    _pools(shell, report)
    _problems(shell, report)
    for warning in report.warnings:
        shell.say(f"warning: {warning}")
    if report.outcome is not None:
        told = ", ".join(f"{count} {word}" for word, count in report.outcome.progress.items())
        shell.say(f"\ndone: {told or 'nothing to take'}")


def _table(shell: Shell, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("-" if cell in (None, "") else str(cell) for cell in row))
    shell.say("")
    shell.out.print(table)


def _stores(shell: Shell, report: Report) -> None:
    rows = [_store(one) for one in report.stores]
    _table(shell, ("store", "provider", "role", "zone", "objects", "is", "why"), rows)


def _store(one: StoreLine) -> tuple[Any, ...]:
    why = f"{one.code}: {one.cause}" if one.code else ""
    where = one.zone_id or "region"
    return (one.name, one.provider, one.role, where, one.objects, one.action, why)


def _objects(shell: Shell, report: Report) -> None:
    rows = [
        (noun, tally.found, tally.take, sum(tally.skip.values()), tally.removed)
        for noun, tally in report.objects.items()
    ]
    _table(shell, ("objects", "found", "take", "skip", "deleted there"), rows)
    for noun, tally in report.objects.items():
        for code, count in sorted(tally.skip.items()):
            shell.say(f"  {count} {noun}s skipped, {code}: {REASONS.get(code, code)}")
        for code, count in sorted(tally.copies_left.items()):
            shell.say(f"  {count} copies of {noun}s left, {code}: {REASONS.get(code, code)}")
        for note, count in sorted(tally.notes.items()):
            shell.say(f"  {count} {noun}s: {note}")


def _pools(shell: Shell, report: Report) -> None:
    if not report.pools:
        return
    rows = [(one.id, one.name, one.kind, one.place, one.scope, one.volumes) for one in report.pools]
    _table(shell, ("pool (told by its agent)", "name", "type", "place", "scope", "volumes"), rows)


def _problems(shell: Shell, report: Report) -> None:
    if not report.problems:
        return
    shown = report.problems[:SHOWN]
    rows = [(one.noun, one.id, one.name, one.code, one.cause, one.where) for one in shown]
    _table(shell, ("problem", "id", "name", "code", "cause", "where"), rows)
    more = len(report.problems) + report.more_problems - len(shown)
    if more:
        shell.say(f"and {more} more")


@contextmanager
def counting(shell: Shell) -> Iterator[Told]:
    """Shows how many were done of what: a line that moves on a terminal, else one a thousand."""
    if shell.json or not shell.out.is_terminal:
        yield _lines(shell)
        return
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:.0f}"))
    with Progress(*columns, console=shell.out) as progress:
        tasks: dict[str, Any] = {}

        def told(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None)
            progress.update(tasks[what], completed=count)

        yield told


def _lines(shell: Shell) -> Told:
    last: dict[str, int] = {}

    def told(what: str, count: int) -> None:
        if count // 1000 > last.get(what, 0) // 1000:
            shell.err.print(f"{what}: {count}", markup=False, highlight=False)
        last[what] = count

    return told
