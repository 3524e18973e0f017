"""Everything served under /v1."""

from api_gateway.mirror.routes import ROUTES as MIRROR
from api_gateway.routes.caches import ROUTES as CACHES
from api_gateway.routes.copies import ROUTES as COPIES
from api_gateway.routes.demoting import ROUTES as DEMOTING
from api_gateway.routes.errors import ROUTES as ERRORS
from api_gateway.routes.events import ROUTES as EVENTS
from api_gateway.routes.heeding import heeding
from api_gateway.routes.hosts import ROUTES as HOSTS
from api_gateway.routes.importing import ROUTES as IMPORTING
from api_gateway.routes.keys import ROUTES as KEYS
from api_gateway.routes.links import ROUTES as LINKS
from api_gateway.routes.objects import ROUTES as OBJECTS
from api_gateway.routes.placement import ROUTES as PLACEMENT
from api_gateway.routes.places import ROUTES as PLACES
from api_gateway.routes.policies import ROUTES as POLICIES
from api_gateway.routes.providers import ROUTES as PROVIDERS
from api_gateway.routes.shelves import ROUTES as SHELVES
from api_gateway.routes.sinks import ROUTES as SINKS
from api_gateway.routes.steering import ROUTES as STEERING
from api_gateway.routes.stores import ROUTES as STORES
from api_gateway.routes.tenancy import ROUTES as TENANCY
from api_gateway.routes.upkeep import ROUTES as UPKEEP

STORED = (*PROVIDERS, *STORES, *UPKEEP, *DEMOTING, *SHELVES, *CACHES, *PLACEMENT)
MOVED = (*COPIES, *STEERING, *POLICIES)
READ = (*EVENTS, *SINKS, *MIRROR, *ERRORS, *TENANCY, *KEYS)
EVERY = (*PLACES, *HOSTS, *STORED, *OBJECTS, *IMPORTING, *LINKS, *MOVED, *READ)
ROUTES = tuple(map(heeding, EVERY))
