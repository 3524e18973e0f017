"""The tutorial's way through the `stowage` command, so that neither can rot alone."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import typer.main
from stowage_client.commands import app

from tests.e2e.alone import Standalone, started
from tests.e2e.sources import MIB, Source, image, serving

slow = [pytest.mark.timeout(180), pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it answered; it must have succeeded."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def last_line(self) -> Any:
        """The last of its JSON lines."""
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True)
class Terminal:
    """A shell with the gateway's address and key in its environment."""

    environment: dict[str, str]
    data: Path

    async def stowage(self, line: str) -> Ended:
        """Run ``stowage`` with the words of a line."""
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("stowage"),
            *shlex.split(line),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    async def until(self, line: str, id: str) -> None:
        """Until a list has an id."""
        async with asyncio.timeout(60):
            while id not in {row["id"] for row in (await self.stowage(line)).json}:
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def terminal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Terminal]:
    """Beside a running standalone."""
    data = tmp_path_factory.mktemp("tutorial") / "data"
    async with started(data) as standalone:
        yield Terminal(environment(standalone), data)


def environment(standalone: Standalone) -> dict[str, str]:
    """What the tutorial exports."""
    return {
        "PATH": "/usr/bin:/bin",
        "STOWAGE_URL": standalone.facts["url"],
        "STOWAGE_API_KEY": standalone.facts["api_key"],
    }


class TestOperator:
    """Each on templates of its own."""

    pytestmark = slow

    async def test_sees_the_stores_and_the_host(self, terminal: Terminal) -> None:
        stores = (await terminal.stowage("store list --json")).json
        assert {(s["id"], s["role"], s["state"]) for s in stores} == {
            ("store-1", "Image", "Up"),
            ("pool-1", "Primary", "Up"),
        }
        listed = await terminal.stowage("host list")
        assert listed.out.splitlines()[1].split() == ["kvm-1", "kvm", "KVM", "Up", "-"]

    async def test_registers_copies_and_is_told_why(self, terminal: Terminal) -> None:
        async with serving(Source(image(16 * MIB))) as source:
            registered = await terminal.stowage(
                f"template register disk {source.url} --format raw --id disk-1 --wait "
                f"--checksum {source.sha256}"
            )
        assert registered.code == 0, registered.err
        assert "disk (disk-1) is ready: 16.0 MiB, sha256-tree-4m:" in registered.out
        copied = await terminal.stowage("copy start disk-1 pool-1 --id copy-1 --wait")
        assert copied.code == 0, copied.err
        assert copied.out.splitlines()[-1].startswith("copy-1: done  100%")
        assert (terminal.data / "primary" / "disk-1.raw").read_bytes() == source.content
        explained = await terminal.stowage("copy explain copy-1")
        assert explained.out.startswith("copy copy-1: done, strategy direct\n* direct (1): ")
        assert "via-cache (0): not needed" in explained.out
        assert "hop 1 committed: directory store-1: " in explained.out

    async def test_asking_again_costs_nothing(self, terminal: Terminal) -> None:
        async with serving(Source(image(MIB))) as source:
            line = f"template register small {source.url} -f raw --id small --wait --json"
            assert (await terminal.stowage(line)).last_line["ready"] is True
        first = await terminal.stowage("copy start small pool-1 --wait --json")
        again = await terminal.stowage("copy start small pool-1 --id again --wait --json")
        assert (first.last_line["state"], again.last_line["state"]) == ("done", "done")
        explained = (await terminal.stowage("copy explain again --json")).json
        assert explained["hops"] == []
        assert [answer["reason"] for answer in explained["answers"]] == [
            "the object is already there"
        ]

    async def test_is_told_what_is_wrong_with_an_image(self, terminal: Terminal) -> None:
        async with serving(Source(image(MIB))) as source:
            line = f"template register bad {source.url} --format qcow2 --id bad --wait"
            refused = await terminal.stowage(line)
        assert refused.code == 1
        assert refused.err.splitlines() == [
            "error: image.format_mismatch (template/bad)",
            "cause: declared qcow2, found raw",
            "hint: offer an image that the gate accepts",
        ]

    async def test_cancels_in_mid_copy_and_nothing_is_left(self, terminal: Terminal) -> None:
        async with serving(Source(image(64 * MIB), bytes_per_second=2 * MIB)) as source:
            line = f"template register big {source.url} --format raw --id big --json"
            copy = (await terminal.stowage(line)).json["copy_id"]
            async with asyncio.timeout(60):
                while source.sent < 4 * MIB:
                    await asyncio.sleep(0.02)
            (running,) = (await terminal.stowage("copy list --state running --json")).json
            assert running["id"] == copy
            assert (await terminal.stowage(f"copy cancel {copy}")).code == 0
            watched = await terminal.stowage(f"copy watch {copy}")
        assert watched.code == 1
        assert watched.err.startswith(f"error: conflict.cancelled (copy/{copy})\n")
        assert list((terminal.data / "image-store").rglob("big*")) == []
        assert list((terminal.data / "image-store" / ".stowage").glob("*.part*")) == []

    async def test_steers_one_and_reads_what_became_of_it(self, terminal: Terminal) -> None:
        async with serving(Source(image(32 * MIB), bytes_per_second=8 * MIB)) as source:
            line = f"template register slow {source.url} --format raw --id slow --json"
            copy = (await terminal.stowage(line)).json["copy_id"]
            async with asyncio.timeout(60):
                while source.sent < 4 * MIB:
                    await asyncio.sleep(0.02)
            paused = await terminal.stowage(f'copy pause {copy} --reason "a busy evening"')
            assert paused.code == 0, paused.err
            await terminal.until("copy list --state paused --json", copy)
            assert (await terminal.stowage(f"copy change {copy} --speed 50M")).code == 0
            assert (await terminal.stowage(f"copy resume {copy}")).code == 0
            watched = await terminal.stowage(f"copy watch {copy}")
            assert watched.code == 0, watched.err
        told = (await terminal.stowage(f"copy timeline {copy} --json")).json
        said = [moment["what"] for moment in told]
        assert said[:4] == ["requested", "planned", "offered", "moving"]
        assert [what for what in said if what in {"paused", "changed", "resumed"}] == [
            "paused",
            "changed",
            "resumed",
        ]
        assert said[-1] == "done"
        late = await terminal.stowage(f"copy pause {copy}")
        assert late.err.splitlines()[0] == f"error: conflict.final (copy/{copy})"

    async def test_asks_what_would_be_done_today(self, terminal: Terminal) -> None:
        async with serving(Source(image(MIB))) as source:
            line = f"template register asked {source.url} -f raw --id asked --wait"
            assert (await terminal.stowage(line)).code == 0
        line = "copy start asked pool-1 --id copy-asked --wait"
        assert (await terminal.stowage(line)).code == 0
        told = await terminal.stowage("copy explain copy-asked --what-if")
        assert "today: direct\n" in told.out

    async def test_sees_what_happened(self, terminal: Terminal) -> None:
        async with serving(Source(image(MIB))) as source:
            line = f"template register seen {source.url} -f raw --id seen --json"
            copy = (await terminal.stowage(line)).json["copy_id"]
            assert (await terminal.stowage(f"copy watch {copy}")).code == 0
        events = await terminal.stowage(f"events --after 0-0 --noun copy --id {copy} --count 4")
        assert [line.split()[1] for line in events.out.splitlines()] == [
            "CopyRequested",
            "CopyPlanned",
            "CopyStarted",
            "CopyCompleted",
        ]


def written_commands() -> list[str]:
    """Every ``stowage …`` line in the code blocks of the documents."""
    found = set()
    for path in sorted([*DOCS.rglob("*.md"), DOCS.parent / "README.md"]):
        for block in re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL):
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            found |= {
                line for line in lines if line.startswith("stowage ") and "standalone" not in line
            }
    return sorted(found)


@pytest.mark.parametrize("line", written_commands())
def test_a_documented_command_is_one_the_parser_takes(line: str) -> None:
    words = shlex.split(re.sub(r"\$\(.*?\)+", "X", line), comments=True)[1:]
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("stowage", words)
