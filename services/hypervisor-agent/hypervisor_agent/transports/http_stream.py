"""An HTTP source that does not say how long it is."""

from stowage_contracts.errors import SourceRefused
from stowage_contracts.plugins.transport import ReadShape

from hypervisor_agent.engine.reading import patiently
from hypervisor_agent.engine.reins import giving_up
from hypervisor_agent.engine.stall import stall_limit
from hypervisor_agent.transports.http_body import HttpBody
from hypervisor_agent.transports.http_client import Getter
from hypervisor_agent.transports.http_faults import named


class HttpStream:
    """One answer, read to its end; begun again and skipped forward where it breaks off."""

    def __init__(self, client: Getter, body: HttpBody, shape: ReadShape, shown: str) -> None:
        self._client, self._body, self._shape, self._shown = client, body, shape, shown
        self._offset = 0
        self.validator = body.source.validator
        self.framed = body.source.framed

    @property
    def received(self) -> int:
        """Bytes over all requests."""
        return self._body.received

    async def read_next(self, buffer: memoryview) -> int:
        """As the protocol says; a source above its rules' length is refused."""
        count = 0

        async def read() -> None:
            nonlocal count
            count = await self._read(buffer)

        await patiently(read)
        self._offset += count
        rules = self._shape.rules
        if rules is not None and self._offset > rules.max_bytes:
            raise SourceRefused(
                f"it is longer than the {rules.max_bytes} bytes allowed",
                resource=self._shown,
                code="too_large",
            )
        return count

    async def close(self) -> None:
        """Close every connection."""
        self._body.drop()
        await self._client.close()

    async def _read(self, buffer: memoryview) -> int:
        try:
            async with giving_up(), stall_limit(self._shape.stall_seconds, self._shown) as moved:
                return await self._body.fill(self._offset, buffer, moved)
        except Exception as error:
            self._body.drop()
            raise named(error, self._shown) from None
