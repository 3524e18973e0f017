"""Domains, accounts, users and limits."""

from api_gateway.routes.tenancy import accounts, domains, limits, users

ROUTES = (*domains.ROUTES, *accounts.ROUTES, *users.ROUTES, *limits.ROUTES)
