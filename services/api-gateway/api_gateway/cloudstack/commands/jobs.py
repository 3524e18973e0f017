"""queryAsyncJobResult and listAsyncJobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, Bare, Row, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.counting import EXACT
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.jobs import SUCCEEDED, Job, settled
from api_gateway.cloudstack.owners import Owner, listed_accounts, owners_of

_INSTANCES = {
    "template": "Template",
    "volume": "Volume",
    "snapshot": "Snapshot",
    "store": "ImageStore",
    "account": "Account",
    "domain": "Domain",
    "user": "User",
}
"""What CloudStack calls the nouns that jobs are about."""
_NOUNS = {**{told.lower(): [noun] for noun, told in _INSTANCES.items()}, "iso": ["template"]}


@dataclass(frozen=True)
class Jobs:
    """The two commands, over the commands whose jobs they tell of."""

    commands: Mapping[str, Command]

    async def query(self, ask: Ask) -> Answer:
        """Tell of one job, or of the newest of a resource; looks at what it waits for just now."""
        async with ask.desk.transaction() as tx:
            row = await _one(ask, tx)
            if row is None:
                raise Refused(PARAMETER, f"no job {ask.text('jobid')[:64]}")
            job = await settled(Job.of(row), self._command(Job.of(row)).follow, tx)
            owners = await owners_of(tx, [job.account_id])
        return Bare(await self._shown(job, owners[job.account_id], ask))

    async def list(self, ask: Ask) -> Answer:
        """List jobs, newest first."""
        paging, about = Paging.of(ask), _about(ask)
        async with ask.desk.transaction() as tx:
            accounts = await listed_accounts(ask, tx)
            rows = await _page(accounts, about, paging, tx)
            count = await tx.value("count_jobs", accounts, *about, EXACT)
            jobs = [
                await settled(Job.of(row), self._command(Job.of(row)).follow, tx) for row in rows
            ]
            owners = await owners_of(tx, [job.account_id for job in jobs])
        told = [await self._shown(job, owners[job.account_id], ask) for job in jobs]
        return Rows(told, count)

    def _command(self, job: Job) -> Command:
        return self.commands[job.command.lower()]

    async def _shown(self, job: Job, owner: Owner, ask: Ask) -> Row:
        over: dict[str, Any] = {}
        if job.status == SUCCEEDED:
            result = await self._command(job).result(job, ask.desk, ask.deps)
            over = {"jobresulttype": "object", "jobresult": result}
        elif job.error:
            failed = {"errorcode": job.code, "errortext": job.error}
            over = {"jobresulttype": "object", "jobresult": failed}
        return {
            "accountid": job.account_id,
            "account": owner.account,
            "domainid": owner.domain_id,
            "domainpath": owner.path,
            "userid": job.user_id,
            "cmd": job.command,
            "jobid": job.id,
            "jobstatus": job.status,
            "jobprocstatus": 0,
            "jobresultcode": job.code,
            "jobinstancetype": _INSTANCES.get(job.noun, "None"),
            "jobinstanceid": job.subject_id,
            "created": job.created,
            "completed": job.completed,
            **over,
        }


def _about(ask: Ask) -> tuple[Any, str, list[str] | None]:
    """Begun since, of which subject, of which nouns."""
    kind = ask.text("resourcetype").lower()
    nouns = _NOUNS.get(kind, []) if kind else None
    return ask.values.get("startdate"), ask.text("resourceid"), nouns


async def _one(ask: Ask, tx: Tx) -> Record | None:
    _, subject, nouns = _about(ask)
    if ask.text("jobid"):
        return await tx.row("job", ask.text("jobid"), ask.principal.sees)
    if not subject or nouns is None:
        raise Refused(PARAMETER, "give jobid, or resourceid and resourcetype")
    return await tx.row("last_job_of", subject, nouns, ask.principal.sees)


async def _page(
    accounts: list[str] | None, about: tuple[Any, ...], paging: Paging, tx: Tx
) -> list[Record]:
    asked = (*about, paging.offset, EXACT if paging.limit is None else paging.limit)
    if accounts is None:
        return await tx.rows("jobs", *asked)
    return await tx.rows("jobs_of_accounts", *asked, accounts)


def commands(others: Mapping[str, Command]) -> tuple[Command, ...]:
    """The commands over jobs of ``others``."""
    jobs = Jobs(others)
    return (
        Command("queryAsyncJobResult", jobs.query),
        Command(
            "listAsyncJobs",
            jobs.list,
            missing=f"managementserverid; more than {EXACT} jobs are neither counted nor listed",
        ),
    )
