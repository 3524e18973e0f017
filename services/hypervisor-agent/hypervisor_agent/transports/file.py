"""``file`` grants: paths under this agent's roots."""

from stowage_contracts.errors import GrantRefused
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.transport import PartSource, ReadShape, TransportSettings, WriteShape

from hypervisor_agent.transports.file_reader import FileReader
from hypervisor_agent.transports.file_writer import FileWriter
from hypervisor_agent.transports.roots import local_path


class FileTransport:
    """Local and mounted files."""

    def __init__(self, settings: TransportSettings) -> None:
        self._roots = settings.roots

    async def open_reader(self, grant: Grant, shape: ReadShape) -> FileReader:
        """Raises NotFound, GrantRefused (outside the roots), Unavailable."""
        path = await local_path(_uri(grant), self._roots, shape.stall_seconds)
        return await FileReader.open(path, shape)

    async def open_writer(self, grant: Grant, shape: WriteShape, parts: PartSource) -> FileWriter:
        """Opens the grant's temporary part; ``parts`` is not used."""
        path = await local_path(_uri(grant), self._roots, shape.stall_seconds)
        return await FileWriter.open(path, shape)


def _uri(grant: Grant) -> str:
    if grant.uri is None:
        raise GrantRefused("the grant names no file", code="malformed")
    return grant.uri.get_secret_value()
