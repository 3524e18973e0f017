"""What all words of image-store have in common."""

from stowage_contracts.message import Kind, Message, Resource
from stowage_contracts.values import ServiceName


class Command(Message):
    """An order to image-store."""

    kind = Kind.COMMAND
    owner = ServiceName.IMAGE_STORE


class Event(Message):
    """Something that happened, said by image-store."""

    kind = Kind.EVENT
    owner = ServiceName.IMAGE_STORE


class StateEvent(Event):
    """An event that carries its subject's public state in ``state``."""

    @property
    def resource(self) -> Resource | None:
        """What read models keep."""
        state = self.state  # type: ignore[attr-defined]
        return Resource(
            noun=self.subject_form.partition("/")[0],
            id=state.id,
            state=state.model_dump(mode="json"),
            removed=type(self).__name__.endswith(("Removed", "Rejected")),
        )


class Request(Message):
    """A question to image-store."""

    kind = Kind.REQUEST
    owner = ServiceName.IMAGE_STORE


class Reply(Message):
    """Its answer."""

    kind = Kind.REPLY
    owner = ServiceName.IMAGE_STORE
