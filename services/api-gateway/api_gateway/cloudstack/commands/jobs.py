"""queryAsyncJobResult and listAsyncJobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api_gateway.cloudstack.answers import Answer, Bare, Row, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.jobs import SUCCEEDED, Job, settled


@dataclass(frozen=True)
class Jobs:
    """The two commands, over the commands whose jobs they tell of."""

    commands: Mapping[str, Command]

    async def query(self, ask: Ask) -> Answer:
        """One job; looks at what it waits for just now."""
        async with ask.desk.transaction() as tx:
            row = await tx.row("job", ask.text("jobid"), ask.principal.sees)
            if row is None:
                raise Refused(PARAMETER, f"no job {ask.text('jobid')[:64]}")
            job = await settled(Job.of(row), self._command(Job.of(row)).follow, tx)
        return Bare(await self._shown(job, ask))

    async def list(self, ask: Ask) -> Answer:
        """The caller's jobs, newest first."""
        paging, wanted = Paging.of(ask), (ask.principal.sees, ask.values.get("startdate"))
        async with ask.desk.transaction() as tx:
            rows = await tx.rows("jobs", *wanted, paging.offset, paging.limit)
            count = await tx.value("count_jobs", *wanted)
            jobs = [
                await settled(Job.of(row), self._command(Job.of(row)).follow, tx) for row in rows
            ]
        return Rows([await self._shown(job, ask) for job in jobs], count)

    def _command(self, job: Job) -> Command:
        return self.commands[job.command.lower()]

    async def _shown(self, job: Job, ask: Ask) -> Row:
        over: dict[str, Any] = {}
        if job.status == SUCCEEDED:
            result = await self._command(job).result(job, ask.desk, ask.deps)
            over = {"jobresulttype": "object", "jobresult": result}
        elif job.error:
            failed = {"errorcode": job.code, "errortext": job.error}
            over = {"jobresulttype": "object", "jobresult": failed}
        return {
            "accountid": job.account_id,
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


_INSTANCES = {
    "template": "Template",
    "volume": "Volume",
    "snapshot": "Snapshot",
    "store": "ImageStore",
}


def commands(others: Mapping[str, Command]) -> tuple[Command, ...]:
    """The commands over jobs of ``others``."""
    jobs = Jobs(others)
    return (
        Command(
            "queryAsyncJobResult",
            jobs.query,
            missing="resourceid and resourcetype instead of a jobid",
        ),
        Command("listAsyncJobs", jobs.list, missing="filters by management server and resource"),
    )
