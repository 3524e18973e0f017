"""Caches: fleets of transport VMs, what caches hold, and why; for operators."""

from api_gateway.routes.caches.entries import ROUTES as ENTRIES
from api_gateway.routes.caches.fleets import ROUTES as FLEETS
from api_gateway.routes.caches.trials import ROUTES as TRIALS
from api_gateway.routes.caches.vms import ROUTES as VMS

ROUTES = (*FLEETS, *TRIALS, *VMS, *ENTRIES)
