"""What the words of cache-autoscaler have in common."""

from stowage_contracts.message import Kind, Message
from stowage_contracts.values import ServiceName


class Command(Message):
    """Something the owner of caches is asked to do."""

    kind = Kind.COMMAND
    owner = ServiceName.CACHE_AUTOSCALER


class Event(Message):
    """Something that has happened to its nouns."""

    kind = Kind.EVENT
    owner = ServiceName.CACHE_AUTOSCALER


class Request(Message):
    """A question with a deadline."""

    kind = Kind.REQUEST
    owner = ServiceName.CACHE_AUTOSCALER


class Reply(Message):
    """Its answer."""

    kind = Kind.REPLY
    owner = ServiceName.CACHE_AUTOSCALER
