"""stowage import cloudstack."""

import asyncio
from pathlib import Path
from typing import Annotated

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

Several = list[str] | None
_FROM = "@file, env:VARIABLE or - (asked, or stdin)"


def import_cloudstack(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    dsn: Annotated[
        str,
        typer.Option(envvar="STOWAGE_IMPORT_DSN", help="mysql://user@host:3306/cloud?ssl_ca=file"),
    ],
    password_from: Annotated[
        str | None, typer.Option("--password", help=f"The database user's: {_FROM}.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Read and report; change nothing.")] = False,
    db_properties: Annotated[
        Path | None, typer.Option(help="CloudStack's db.properties, which has the database's key.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help=f"The management server's key, which opens it: {_FROM}.")
    ] = None,
    db_secret: Annotated[
        str | None, typer.Option(help=f"Instead: the database's key itself: {_FROM}.")
    ] = None,
    plain_secrets: Annotated[
        bool, typer.Option("--plain-secrets", help="That cloud does not encrypt.")
    ] = False,
    store_secret: Annotated[
        Several, typer.Option(help="STORE=@file or STORE/field=@file, not from the database.")
    ] = None,
    store_at: Annotated[
        Several, typer.Option(help="STORE=/directory: where hosts have it mounted.")
    ] = None,
    store_set: Annotated[
        Several, typer.Option("--set", help="STORE:name=value, a setting of its provider.")
    ] = None,
    leave_out: Annotated[Several, typer.Option(help="STORE, not to be taken over.")] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let nothing be written to any store.")
    ] = False,
    sizes: Annotated[bool, typer.Option(help="Refuse other lengths than recorded.")] = True,
    checksums: Annotated[bool, typer.Option(help="Refuse other checksums than recorded.")] = True,
    tag: Annotated[Several, typer.Option(help="For every object; may be repeated.")] = None,
    wait: Annotated[bool, typer.Option(help="Until everything was read.")] = False,
    report_to: Annotated[
        Path | None, typer.Option("--report", help="Write the whole report there, as JSON.")
    ] = None,
    deadline: Annotated[
        float, typer.Option(min=1, help="Seconds any one question to the database may take.")
    ] = 300,
) -> None:
    """Take over a CloudStack's stores, templates, ISOs, volumes and snapshots.

    Its database is only read; the images stay where they are, and each is read whole and judged
    before it is ready. It may be run again at any time: what is there already is left as it is.
    """
    shell: Shell = context.obj
    keys = KeyOptions(db_properties, key, db_secret, plain_secrets)
    stores = StoreOptions(
        store_at or (), store_set or (), store_secret or (), leave_out or (), read_only
    )
    rules = Rules(sizes, checksums, tuple(tag or ()))

    async def work(client: Client) -> None:
        wishes = stores.wishes(keys.found())
        where = Dsn.parse(dsn, password(password_from))
        with await asyncio.to_thread(Database, where, deadline) as database:
            source = await asyncio.to_thread(Source.read, database, wishes, rules)
            with counting(shell) as told:
                survey = Survey(source, told)
                report = await asyncio.to_thread(survey.report)
                run = Run(client, survey, told)
                if not dry_run:
                    report = await _run(run, report)
        if wait and not dry_run:
            await _wait(run, shell)
        report = report if dry_run else _told(run, report)
        _write(report, report_to)
        show(shell, report)
        _end(report)

    shell.run(work)


async def _run(run: Run, report: Report) -> Report:
    """What became of the stores; the database is read once more for the objects."""
    await run.zones(report.zones)
    lines, source = await run.stores()
    await run.objects(source)
    return report.model_copy(update={"stores": lines})


async def _wait(run: Run, shell: Shell) -> None:
    with counting(shell) as told:
        run.told = told
        await run.settle()


def _told(run: Run, report: Report) -> Report:
    return report.model_copy(
        update={
            "outcome": Outcome(progress=dict(run.progress)),
            "problems": (*run.problems, *report.problems),
            "more_problems": report.more_problems + run.more_problems,
            "warnings": (*report.warnings, *run.warnings),
        }
    )


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
    """1 where an object or store that was asked for failed."""
    outcome = report.outcome
    bad = outcome and (outcome.progress.get("failed") or outcome.progress.get("refused"))
    if bad or any(store.action == "refused" for store in report.stores):
        raise typer.Exit(1)
