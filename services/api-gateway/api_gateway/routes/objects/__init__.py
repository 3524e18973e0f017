"""Templates (with ISOs), volumes and snapshots: the same routes for each."""

from stowage_contracts.views import CopyView
from stowage_runtime.http import Route

from api_gateway.deps import Deps
from api_gateway.links import LinkView
from api_gateway.resources import WaitQuery
from api_gateway.routes.objects.bodies import ObjectChange, SentAll, WantedParts, WantedZone
from api_gateway.routes.objects.linking import Linking, NewLink
from api_gateway.routes.objects.living import Living, ZoneAnswer
from api_gateway.routes.objects.moving import NewPlace, move
from api_gateway.routes.objects.nouns import NOUNS, Noun
from api_gateway.routes.objects.prefetching import Prefetch, Prefetching
from api_gateway.routes.objects.registering import Registering
from api_gateway.routes.objects.replicas import Replicas
from api_gateway.routes.objects.uploading import Upload, Uploading


def _all(noun: Noun) -> tuple[Route[Deps], ...]:
    tags = (noun.tag,)
    return (
        Route(
            "POST",
            noun.path,
            Registering(noun).create,
            f"Register a {noun.name} from a URL, a known store or an upload",
            body=noun.body,
            reply=noun.registered,
            status=202,
            tags=tags,
        ),
        Route(
            "GET",
            noun.path,
            Living(noun).list,
            f"List {noun.tag}",
            query=noun.query,
            reply=noun.listing,
            tags=tags,
        ),
    )


def _living(noun: Noun) -> tuple[Route[Deps], ...]:
    tags, living = (noun.tag,), Living(noun)
    each, one = f"{noun.path}/{{id}}", f"a {noun.name}"
    return (
        Route(
            "GET",
            each,
            living.show,
            f"Show {one}",
            query=WaitQuery,
            reply=noun.view,
            tags=tags,
            seconds=630,
        ),
        Route(
            "PATCH",
            each,
            living.change,
            f"Change {one}",
            body=ObjectChange,
            reply=noun.view,
            status=202,
            tags=tags,
        ),
        Route(
            "DELETE", each, living.delete, f"Delete {one}", reply=noun.view, status=202, tags=tags
        ),
    )


def _spread(noun: Noun) -> tuple[Route[Deps], ...]:
    tags, replicas, each = (noun.tag,), Replicas(noun), f"{noun.path}/{{id}}"
    replica = f"{each}/replicas/{{store_id}}"
    return (
        Route(
            "POST",
            f"{each}/zones",
            Living(noun).copy_to_zone,
            f"Have a {noun.name} in one more zone; 200 where it is already",
            body=WantedZone,
            reply=ZoneAnswer,
            status=202,
            also=(200,),
            tags=tags,
        ),
        Route(
            "DELETE",
            replica,
            replicas.delete,
            f"Delete a {noun.name} from one store",
            reply=noun.view,
            status=202,
            tags=tags,
        ),
        Route(
            "POST",
            f"{replica}/verify",
            replicas.verify,
            f"Verify one replica of a {noun.name}",
            reply=noun.view,
            status=202,
            tags=tags,
        ),
    )


def _near(noun: Noun) -> tuple[Route[Deps], ...]:
    tags = (noun.tag,)
    return (
        Route(
            "POST",
            f"{noun.path}/{{id}}/prefetch",
            Prefetching(noun).prefetch,
            f"Bring a {noun.name} onto a cache before anybody asks",
            body=Prefetch,
            reply=CopyView,
            status=202,
            tags=tags,
        ),
    )


def _moved(noun: Noun) -> tuple[Route[Deps], ...]:
    tags, uploading, each = (noun.tag,), Uploading(noun), f"{noun.path}/{{id}}"
    return (
        Route(
            "POST",
            f"{each}/upload",
            uploading.open,
            f"Ask where to upload a {noun.name}",
            body=WantedParts,
            reply=Upload,
            tags=tags,
        ),
        Route(
            "POST",
            f"{each}/upload/finish",
            uploading.finish,
            f"Finish the upload of a {noun.name}",
            body=SentAll,
            reply=noun.view,
            status=202,
            tags=tags,
        ),
        Route(
            "POST",
            f"{each}/links",
            Linking(noun).create,
            f"Make a download link of a {noun.name}",
            body=NewLink,
            reply=LinkView,
            status=201,
            tags=tags,
        ),
    )


_OF_VOLUMES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/volumes/{id}/move",
        move,
        "Move a volume to another store",
        body=NewPlace,
        reply=CopyView,
        status=202,
        tags=("volumes",),
    ),
)
_OF_ALL: tuple[Route[Deps], ...] = tuple(
    route
    for noun in NOUNS
    for part in (_all, _living, _spread, _near, _moved)
    for route in part(noun)
)
ROUTES = (*_OF_ALL, *_OF_VOLUMES)
