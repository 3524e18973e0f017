"""``nfs`` grants: files of exports, by libnfs, or by the kernel's mount where there is one."""

from pathlib import Path

from stowage_contracts.errors import GrantRefused, SourceChanged, SourceRefused, Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.transport import PartSource, ReadShape, TransportSettings, WriteShape
from stowage_stores.nfs.libnfs import library
from stowage_stores.nfs.mounts import MOUNTINFO, any_mounted, mounted_at
from stowage_stores.nfs.url import NfsUrl

from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.transports.file_reader import FileReader
from hypervisor_agent.transports.file_writer import FileWriter
from hypervisor_agent.transports.nfs_part import NfsPart
from hypervisor_agent.transports.nfs_reader import NfsReader
from hypervisor_agent.transports.os_errors import told
from hypervisor_agent.transports.part_writer import WRITERS, PartWriter


def usable() -> bool:
    """Whether this machine can open ``nfs`` grants at all."""
    try:
        library()
    except Unavailable:
        return any_mounted()
    return True


class NfsTransport:
    """Opens what stores granted; what a user wrote is no grant."""

    def __init__(self, settings: TransportSettings, mounts: Path = MOUNTINFO) -> None:
        self._connections, self._mounts = settings.connections, mounts

    async def open_reader(self, grant: Grant, shape: ReadShape) -> NfsReader | FileReader:
        """Raises NotFound, SourceChanged (not what the grant says), GrantRefused, Unavailable."""
        if shape.rules is not None:
            raise SourceRefused("nfs: URLs are not fetched", code="scheme")
        url = _parsed(grant)
        path = self._local(url)
        if path is not None:
            return await FileReader.open(path, shape)
        reader = await NfsReader.open(url, shape, self._connections)
        if not _as_granted(reader, grant):
            await reader.close()
            raise SourceChanged("the stored object is another one", resource=url.shown)
        return reader

    async def open_writer(self, grant: Grant, shape: WriteShape, parts: PartSource) -> PartWriter:
        """Opens the grant's temporary part; ``parts`` is not used."""
        url = _parsed(grant)
        path = self._local(url)
        if path is not None:
            return await FileWriter.open(path, shape)
        threads = Threads(1, "nfs-open")
        try:
            async with stall_limit(shape.stall_seconds, url.shown):
                return await threads.run(self._prepared, url, shape)
        except OSError as error:
            raise told(error, url.shown) from error
        finally:
            threads.close()

    def _local(self, url: NfsUrl) -> Path | None:
        mount = mounted_at(url, self._mounts)
        return None if mount is None or url.file is None else Path(mount / url.file)

    def _prepared(self, url: NfsUrl, shape: WriteShape) -> PartWriter:
        writer = PartWriter(NfsPart(url, shape.stall_seconds, WRITERS + 1), shape)
        writer.prepare()
        return writer


def _parsed(grant: Grant) -> NfsUrl:
    if grant.uri is None:
        raise GrantRefused("the grant names no file", code="malformed")
    try:
        url = NfsUrl.parse(grant.uri.get_secret_value())
    except ValueError as error:
        raise GrantRefused(f"no NFS grant: {error}", code="malformed") from None
    if url.file is None:
        raise GrantRefused("the grant names no file", code="malformed")
    return url


def _as_granted(reader: NfsReader, grant: Grant) -> bool:
    same_size = grant.size in (None, reader.size)
    return same_size and grant.validator in ("", reader.validator)
