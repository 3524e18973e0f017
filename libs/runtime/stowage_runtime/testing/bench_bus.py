"""The bus of a bench: keeps signals, and answers a service's questions as the test says."""

from collections.abc import Awaitable, Callable

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.message import Message

from stowage_runtime.bus import Answer, Deliver, Reader

Reply = Message | StowageError | Callable[[Message], Message | Awaitable[Message]]


class BenchBus:
    """One service's end of a bus with nobody at the other; ``replies`` stand in for peers."""

    def __init__(self) -> None:
        self.replies: dict[type[Message], Reply] = {}
        """What ``desk.ask`` gets: a message, an error to raise, or a function of the request."""
        self.asked: list[tuple[Message, str]] = []
        self.signals: list[Message] = []
        self.sent: list[tuple[Envelope, str]] = []

    async def declare(self, reader: Reader) -> None:
        """Nothing to declare."""

    async def send(self, envelope: Envelope, *, to: str = "", mandatory: bool = True) -> None:
        """Kept in ``sent``."""
        self.sent.append((envelope, to))

    async def signal(self, envelope: Envelope) -> None:
        """Kept in ``signals``."""
        self.signals.append(envelope.message())

    async def request(self, envelope: Envelope, *, to: str, seconds: float) -> Message:
        """Answer from ``replies``; Unavailable (``unavailable.no_reply``) without one."""
        question = envelope.message()
        self.asked.append((question, to))
        reply = self.replies.get(type(question))
        if reply is None:
            raise Unavailable(f"nobody answers {envelope.type}", resource=to, code="no_reply")
        if isinstance(reply, StowageError):
            raise reply
        if isinstance(reply, Message):
            return reply
        made = reply(question)
        return made if isinstance(made, Message) else await made

    async def listen(self, reader: Reader, deliver: Deliver) -> None:
        """Nothing ever comes: a test hands messages to the bench."""

    async def hear(self, reader: Reader, deliver: Deliver) -> None:
        """Nothing ever comes."""

    async def serve(self, reader: Reader, answer: Answer) -> None:
        """Nothing ever comes."""

    async def admit(self, reader: Reader, deliver: Deliver) -> None:
        """Nothing ever comes."""

    async def pause(self) -> None:
        """Nothing to finish."""

    async def close(self) -> None:
        """Nothing to leave."""

    @property
    def connected(self) -> bool:
        """Always."""
        return True
