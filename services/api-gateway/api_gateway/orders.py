"""Orders and questions to owners about a resource that its caller may see."""

from collections.abc import Callable
from typing import Any, TypeVar

from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.topology import address
from stowage_contracts.values import ObjectRef, ServiceName
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.conditions import matched
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.resources import State, reference

R = TypeVar("R", bound=Message)
IMAGE_STORE = address(ServiceName.IMAGE_STORE)
ANSWER_SECONDS = 10.0
"""How long a caller waits for an answer that only the owner has."""
NO_STORE = {"Cache-Control": "no-store"}
"""On every answer that holds a URL: it is a secret."""


async def order(
    call: Call, desk: Desk, deps: Deps, noun: str, command: Callable[[dict[str, Any]], Message]
) -> Reply:
    """Say a command about the resource ``id``; answers what is known of it now.

    ``command`` is made of its state and may refuse it.
    """

    async def make(tx: Tx) -> State:
        found = await reference(noun, call.path["id"], call.principal, tx)
        said = command(found)
        await tx.say(said, to=address(said.owner))
        return State(found)

    return await accept(call, desk, deps, matched(call, noun, make))


async def ask(desk: Desk, question: Message, kind: type[R]) -> R:
    """The owner's answer; raises Unavailable without one, or what it refused with."""
    owner = address(question.owner)
    answer = await desk.ask(question, to=owner, seconds=ANSWER_SECONDS)
    if not isinstance(answer, kind):
        raise Unavailable(
            f"{owner} answered {type(answer).__name__} to {type(question).__name__}",
            resource=question.subject,
            code="answer",
            hint="do both run the same release?",
        )
    return answer


def ref_of(found: dict[str, Any]) -> ObjectRef:
    """The object whose state it is."""
    return ObjectRef(kind=found["kind"], id=found["id"])
