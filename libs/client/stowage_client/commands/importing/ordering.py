"""One import, as it was ordered on the line."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import typer
from stowage_contracts.errors import InvalidInput

from stowage_client.client import Client
from stowage_client.commands.importing.showing import counting, show
from stowage_client.commands.importing.wishes import KeyOptions, StoreOptions, password
from stowage_client.commands.shell import Shell
from stowage_client.importing.applying import Run
from stowage_client.importing.database import Database
from stowage_client.importing.dsn import Dsn
from stowage_client.importing.report import Outcome, Report
from stowage_client.importing.source import Rules, Source
from stowage_client.importing.survey import Survey


@dataclass(frozen=True)
class Where:
    """The database."""

    dsn: str
    password_from: str | None
    seconds: float


@dataclass(frozen=True)
class How:
    """How far to go, and where to tell of it."""

    dry: bool
    wait: bool
    report_to: Path | None


@dataclass(frozen=True)
class Order:
    """Everything that was said."""

    where: Where
    keys: KeyOptions
    stores: StoreOptions
    rules: Rules
    how: How

    async def work(self, client: Client, shell: Shell) -> None:
        """Read, report, and do it; ends the command with 1 where something failed."""
        wishes = self.stores.wishes(self.keys.found())
        where = Dsn.parse(self.where.dsn, password(self.where.password_from))
        database = await asyncio.to_thread(Database, where, self.where.seconds)
        with database, counting(shell) as told:
            source = await asyncio.to_thread(Source.read, database, wishes, self.rules)
            survey = Survey(source, told)
            report = await asyncio.to_thread(survey.report)
            run = Run(client, survey, told)
            if not self.how.dry:
                report = await _run(run, report)
        if not self.how.dry:
            report = await self._ended(run, report, shell)
        _write(report, self.how.report_to)
        show(shell, report)
        _end(report)

    async def _ended(self, run: Run, report: Report, shell: Shell) -> Report:
        """With what became of the objects, after they were read if that is waited for."""
        if self.how.wait:
            with counting(shell) as told:
                run.told = told
                await run.settle()
        return report.model_copy(
            update={
                "outcome": Outcome(progress=dict(run.progress)),
                "problems": (*run.problems, *report.problems),
                "more_problems": report.more_problems + run.more_problems,
                "warnings": (*report.warnings, *run.warnings),
            }
        )


async def _run(run: Run, report: Report) -> Report:
    """With what became of the stores; the database is read once more for the objects."""
    await run.zones(report.zones)
    lines, source = await run.stores()
    await run.objects(source)
    return report.model_copy(update={"stores": lines})


def _write(report: Report, path: Path | None) -> None:
    if path is None:
        return
    try:
        path.write_text(report.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise InvalidInput(
            f"the report cannot be written: {error.strerror}", resource=str(path), code="argument"
        ) from error


def _end(report: Report) -> None:
    outcome = report.outcome
    bad = outcome and (outcome.progress.get("failed") or outcome.progress.get("refused"))
    if bad or any(store.action == "refused" for store in report.stores):
        raise typer.Exit(1)
