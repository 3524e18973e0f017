"""Every command that is carried out, in the module of what it is about."""

from api_gateway.cloudstack.command import table
from api_gateway.cloudstack.commands import (
    accounts,
    capabilities,
    copying,
    discovery,
    domains,
    extracting,
    hypervisor_side,
    isos,
    jobs,
    limits,
    logins,
    offered,
    permissions,
    pools,
    snapshots,
    templates,
    uploads,
    users,
    volume_moves,
    volumes,
)
from api_gateway.cloudstack.commands.deprecated_stores import COMMANDS as DEPRECATED_STORES
from api_gateway.cloudstack.commands.image_stores import COMMANDS as IMAGE_STORES
from api_gateway.cloudstack.commands.migrating import COMMANDS as MIGRATING
from api_gateway.cloudstack.commands.object_stores import COMMANDS as OBJECT_STORES
from api_gateway.cloudstack.commands.places import COMMANDS as PLACES
from api_gateway.cloudstack.commands.selectors import COMMANDS as SELECTORS
from api_gateway.cloudstack.commands.staging_stores import COMMANDS as STAGING_STORES
from api_gateway.cloudstack.commands.store_objects import COMMANDS as STORE_OBJECTS
from api_gateway.cloudstack.commands.surroundings import COMMANDS as SURROUNDINGS

_MOVES = (*OBJECT_STORES, *MIGRATING, *STORE_OBJECTS, *SELECTORS)
_STORES = (*IMAGE_STORES, *STAGING_STORES, *DEPRECATED_STORES, *_MOVES)
_ACCOUNTS = (*accounts.COMMANDS, *users.COMMANDS, *domains.COMMANDS, *limits.COMMANDS)
_PEOPLE = (*logins.COMMANDS, *_ACCOUNTS)
_IMAGES = (
    *templates.COMMANDS,
    *isos.COMMANDS,
    *permissions.COMMANDS,
    *copying.COMMANDS,
    *extracting.COMMANDS,
    *uploads.COMMANDS,
)
_DISKS = (*volumes.COMMANDS, *volume_moves.COMMANDS, *snapshots.COMMANDS, *pools.COMMANDS)
_REFUSED = hypervisor_side.COMMANDS
_AROUND = (*PLACES, *offered.COMMANDS, *capabilities.COMMANDS)
_WORK = (*_IMAGES, *_DISKS, *_REFUSED, *_PEOPLE, *_AROUND, *SURROUNDINGS, *_STORES)
_ALL = (*_WORK, *jobs.commands(table(_WORK)))
COMMANDS = table((*_ALL, *discovery.commands(table(_ALL))))
"""By lower-case name."""
