"""A temporary file part as a destination."""

from pathlib import Path

from stowage_contracts.plugins.transport import WriteShape

from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.local_part import LocalPart
from hypervisor_agent.transports.os_errors import told
from hypervisor_agent.transports.part_writer import PartWriter


class FileWriter(PartWriter):
    """Writes to a local or mounted file."""

    @classmethod
    async def open(cls, path: Path, shape: WriteShape) -> "FileWriter":
        """Open or create a part. Raises OutOfSpace, Unavailable, SourceChanged, Stalled."""
        threads = Threads(1, "file-open")
        try:
            async with stall_limit(shape.stall_seconds, path.name):
                return await threads.run(cls._prepared, path, shape)
        except OSError as error:
            raise told(error, path.name) from error
        finally:
            threads.close()

    @classmethod
    def _prepared(cls, path: Path, shape: WriteShape) -> "FileWriter":
        self = cls(LocalPart(path), shape)
        self.prepare()
        return self
