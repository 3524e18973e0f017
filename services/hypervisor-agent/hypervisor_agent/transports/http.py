"""``http`` and ``https`` grants: presigned URLs of stores, and URLs people gave."""

from stowage_contracts.errors import GrantRefused, SourceChanged
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.transport import PartSource, ReadShape, TransportSettings, WriteShape

from hypervisor_agent.transports.http_client import Address, Getter, StoreClient, UrlClient
from hypervisor_agent.transports.http_reader import HttpReader
from hypervisor_agent.transports.http_stream import HttpStream
from hypervisor_agent.transports.http_writer import HttpWriter


class HttpTransport:
    """Ranged GETs and multipart PUTs."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings

    async def open_reader(self, grant: Grant, shape: ReadShape) -> HttpReader | HttpStream:
        """Through the guarded fetcher when there are rules. Raises SourceRefused, SourceChanged
        (not what the grant says), GrantRefused, Unavailable, Stalled."""
        address = Address.of(grant)
        reader = await HttpReader.open(self._client(address, shape), shape, address.shown)
        if not _as_granted(reader, grant):
            await reader.close()
            raise SourceChanged("the stored object is another one", resource=address.shown)
        return reader

    async def open_writer(self, grant: Grant, shape: WriteShape, parts: PartSource) -> HttpWriter:
        """Raises GrantRefused for anything but a multipart session."""
        if not grant.session or not grant.part_size:
            raise GrantRefused("the grant is no multipart session", code="malformed")
        return HttpWriter(grant, shape, parts, self._settings)

    def _client(self, address: Address, shape: ReadShape) -> Getter:
        connections = self._settings.connections
        if shape.rules is None:
            return StoreClient(address, connections)
        return UrlClient.under(address, shape.rules, connections)


def _as_granted(reader: HttpReader | HttpStream, grant: Grant) -> bool:
    same_size = grant.size is None or (isinstance(reader, HttpReader) and grant.size == reader.size)
    pinned = grant.validator.strip('"')
    told = reader.validator.strip('"')
    return same_size and (not pinned or not told or pinned == told)
