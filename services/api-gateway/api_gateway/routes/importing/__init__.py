"""Taking over what another cloud left on known stores."""

from stowage_runtime.http import Route

from api_gateway.deps import Deps
from api_gateway.routes.importing.bodies import Import, Imported
from api_gateway.routes.importing.taking import take_over

ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/imports",
        take_over,
        "Take over objects of another cloud where they lie",
        body=Import,
        reply=Imported,
        status=202,
        tags=("imports",),
    ),
)

__all__ = ["ROUTES"]
