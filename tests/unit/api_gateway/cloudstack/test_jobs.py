"""Asynchronous jobs: found by their id, by what they are about, and in lists of accounts."""

from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.people import Person, domain, person

Bench = ServiceBench[Deps]
PENDING = {
    "accountid": str,
    "account": str,
    "domainid": str,
    "domainpath": str,
    "userid": str,
    "cmd": str,
    "jobid": str,
    "jobstatus": int,
    "jobprocstatus": int,
    "jobresultcode": int,
    "jobinstancetype": str,
    "jobinstanceid": str,
    "created": str,
}
OVER = {**PENDING, "completed": str, "jobresulttype": str, "jobresult": dict}


def types(job: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in job.items()}


@pytest.fixture
async def ada(cs: CloudStack, bench: Bench) -> Person:
    """Has template t1."""
    ada = await person(cs, "ada", domainid=await domain(cs, "sales"))
    await bench.handle(words.template("t1", account_id=ada.account_id, ready=True), sequence=1)
    return ada


async def test_a_job_is_told_whole_while_it_goes_on_and_when_it_is_over(
    ada: Person, bench: Bench
) -> None:
    started = (await ada.cs.call("deleteTemplate", id="t1")).body["jobid"]
    job = await ada.cs.job(started)
    assert types(job) == PENDING
    told = {"account": "ada", "domainpath": "ROOT/sales", "jobstatus": 0}
    about = {"jobinstancetype": "Template", "jobinstanceid": "t1", "userid": ada.user_id}
    assert {**told, **about}.items() <= job.items()
    gone = words.template("t1", account_id=ada.account_id, ready=True, removed=True)
    await bench.handle(gone, sequence=2)
    job = await ada.cs.job(started)
    assert types(job) == OVER
    assert (job["jobstatus"], job["jobresult"]) == (1, {"success": True})


async def test_the_newest_job_of_a_thing_is_found_by_it(cs: CloudStack, ada: Person) -> None:
    await ada.cs.call("deleteTemplate", id="t1")
    newest = (await ada.cs.call("deleteTemplate", id="t1")).body["jobid"]
    asked = {"resourceid": "t1", "resourcetype": "template"}
    for who in (ada.cs, cs):
        assert (await who.call("queryAsyncJobResult", **asked)).body["jobid"] == newest
    refused = [
        await ada.cs.call("queryAsyncJobResult", resourceid="t1"),
        await ada.cs.call("queryAsyncJobResult", resourceid="t1", resourcetype="Volume"),
        await ada.cs.call("queryAsyncJobResult"),
        await (await person(cs, "eve")).cs.call("queryAsyncJobResult", **asked),
    ]
    assert [reply.error[0] for reply in refused] == [431] * 4


async def test_lists_show_jobs_of_the_accounts_asked_for(cs: CloudStack, ada: Person) -> None:
    begun = [(await ada.cs.call("deleteTemplate", id="t1")).body["jobid"] for _ in range(3)]

    async def listed(who: CloudStack, **params: Any) -> list[str]:
        return [job["jobid"] for job in await who.rows("listAsyncJobs", "asyncjobs", **params)]

    assert await listed(ada.cs) == begun[::-1]
    assert await listed(ada.cs, page=2, pagesize=2) == begun[:1]
    assert await listed(cs) == []
    assert await listed(cs, listall=True) == begun[::-1]
    whose = {"account": "ada", "domainid": ada.domain_id}
    assert await listed(cs, **whose, resourceid="t1", resourcetype="Template") == begun[::-1]
    assert await listed(cs, domainid=ada.domain_id) == begun[::-1]
    assert await listed(cs, domainid="root") == []
    assert await listed(cs, domainid="root", isrecursive=True) == begun[::-1]
    assert await listed(cs, listall=True, startdate="2999-01-01") == []
    (job, *_) = await ada.cs.rows("listAsyncJobs", "asyncjobs")
    assert types(job) == PENDING
