"""Room on stores: what fits where, and how far a store reaches."""

from dataclasses import dataclass

from stowage_contracts.errors import Conflict, OutOfSpace
from stowage_contracts.values import Id, Scope, ScopeType, StoreState


@dataclass(frozen=True)
class Room:
    """A store as placement sees it; sizes in bytes, None where a store has no end."""

    store_id: Id
    scope: Scope
    state: StoreState
    total: int | None
    used: int | None
    reserved: int
    tags: tuple[str, ...] = ()

    def free(self, high_water: float) -> float:
        """Bytes that may still be reserved below the high-water share."""
        if self.total is None:
            return float("inf")
        return self.total * high_water - (self.used or 0) - self.reserved


def check_room(room: Room, need: int | None, high_water: float) -> None:
    """Raises OutOfSpace unless ``need`` more bytes (at least one) fit on the store."""
    free = room.free(high_water)
    if free < max(need or 0, 1):
        raise OutOfSpace(
            f"{need or 'unknown'} bytes wanted, {max(0, int(free))} free below the high-water mark",
            resource=f"store/{room.store_id}",
            hint="free space, grow the store or add another",
        )


@dataclass(frozen=True)
class Allowance:
    """What an account may have on image stores, and has or was promised; sizes in bytes."""

    account_id: Id
    limit: int
    used: int

    def check(self, need: int | None) -> None:
        """Raises Conflict unless ``need`` more bytes (at least one) stay within the limit."""
        if self.used + max(need or 0, 1) <= self.limit:
            return
        asked = f"{need} bytes" if need else "an unknown number of bytes"
        raise Conflict(
            f"{asked} asked for; {self.used} of the {self.limit} that the account may have on "
            "image stores are taken",
            code="account_limit",
            resource=f"account/{self.account_id}",
            hint="delete something, or have the account's limit for secondary storage raised",
            limit=self.limit,
            used=self.used,
            asked=need,
        )


def reaches(store: Scope, wanted: Scope) -> bool:
    """Whether a store of one scope serves everything in another."""
    if store.type is ScopeType.REGION or store == wanted:
        return True
    return store.type is ScopeType.ZONE and wanted.zone_id == store.id
