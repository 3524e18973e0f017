"""OpenAPI 3.1 from the route table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stowage_runtime.http import JSON, Call, Reply, Route
from stowage_runtime.http.problems import MEDIA, HttpProblem
from stowage_runtime.service import Desk

BEARER = {"type": "http", "scheme": "bearer", "description": "An API key."}
_KNOWN = "If-None-Match"
_REF = "#/components/schemas/{model}"
_EXAMPLE = {
    "code": "not_found",
    "title": "The resource does not exist",
    "status": 404,
    "resource": "template/t1",
    "cause": "no template t1",
    "hint": "",
    "retry": "final",
    "details": {},
    "type": "/v1/errors/not_found",
    "retryable": False,
}

Schemas = Mapping[Any, dict[str, Any]]
"""(model, mode) → reference"""


def document(
    title: str, routes: Sequence[Route[Any]], security: Mapping[str, Any] = BEARER
) -> dict[str, Any]:
    """The description of ``routes``; ``security`` is the scheme of routes that want a caller."""
    routes = [route for route in routes if not route.raw]
    schemas, definitions = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, schemas, definitions)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("stowage-runtime")},
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": {"caller": dict(security)}},
    }


def openapi_route(title: str, routes: Sequence[Route[Any]]) -> Route[Any]:
    """Serves the description of ``routes``, made once."""
    described = _Document.model_validate(document(title, routes))

    async def show(_call: Call, _desk: Desk, _deps: Any) -> Reply:
        return Reply(described)

    return Route("GET", "/openapi.json", show, "This description", auth=False, tags=("health",))


class _Document(BaseModel, extra="allow"):
    openapi: str


def _schemas(routes: Sequence[Route[Any]]) -> tuple[Schemas, dict[str, Any]]:
    asked: list[tuple[type[BaseModel], Any]] = [(HttpProblem, "serialization")]
    for route in routes:
        asked += [(model, "validation") for model in (route.body, route.query) if model]
        asked += [(route.reply, "serialization")] if route.reply else []
    found, whole = models_json_schema(list(dict.fromkeys(asked)), ref_template=_REF)
    return found, dict(whole.get("$defs", {}))


def _operation(
    route: Route[Any], schemas: Schemas, definitions: Mapping[str, Any]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _name(route),
        "tags": list(route.tags),
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route, schemas, definitions),
            *_header_parameters(route),
        ],
        "responses": _responses(route, schemas),
    }
    if route.body:
        body = schemas[route.body, "validation"]
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
    if route.auth:
        told["security"] = [{"caller": []}]
    return told


def _responses(route: Route[Any], schemas: Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": route.summary}
    if route.reply:
        good["content"] = {route.media: {"schema": schemas[route.reply, "serialization"]}}
    elif route.media != JSON:
        good["content"] = {route.media: {"schema": {"type": "string"}}}
    problem = {"schema": schemas[HttpProblem, "serialization"], "example": _EXAMPLE}
    bad = {"description": "A problem", "content": {MEDIA: problem}}
    told = {str(status): good for status in (route.status, *route.also)}
    if route.method == "GET" and _KNOWN in dict(route.headers):
        told["304"] = {"description": "It is as the caller knows it"}
    return {**told, "4XX": bad, "5XX": bad}


def _header_parameters(route: Route[Any]) -> Iterable[dict[str, Any]]:
    for name, what in route.headers:
        schema = {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"}
        yield {"name": name, "in": "header", "description": what, "schema": schema}


def _path_parameters(route: Route[Any]) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(
    route: Route[Any], schemas: Schemas, definitions: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    if route.query is None:
        return
    reference = schemas[route.query, "validation"]["$ref"]
    schema = definitions[reference.rpartition("/")[2]]
    for name, part in schema.get("properties", {}).items():
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": part.get("description", ""),
            "schema": part,
        }


def _name(route: Route[Any]) -> str:
    words = re.findall(r"\w+", route.path)
    return "_".join([route.method.lower(), *words])
