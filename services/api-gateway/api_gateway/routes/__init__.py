"""Everything served under /v1."""

from api_gateway.routes.copies import ROUTES as COPIES
from api_gateway.routes.events import ROUTES as EVENTS
from api_gateway.routes.hosts import ROUTES as HOSTS
from api_gateway.routes.keys import ROUTES as KEYS
from api_gateway.routes.places import ROUTES as PLACES
from api_gateway.routes.stores import ROUTES as STORES
from api_gateway.routes.templates import ROUTES as TEMPLATES

ROUTES = (*PLACES, *HOSTS, *STORES, *TEMPLATES, *COPIES, *EVENTS, *KEYS)
