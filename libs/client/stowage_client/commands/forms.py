"""A provider's form: its fields for people, and filled in from what people give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Value
from stowage_contracts.views import ProviderView

from stowage_client.client import Client
from stowage_client.commands import given

TEXT = {"string", "null"}


class Field(Value):
    """One field of a form."""

    name: str
    type: str
    required: bool
    secret: bool
    default: Any = None
    help: str = ""


@dataclass(frozen=True)
class Form:
    """The fields of a provider; none are known of one nobody offered."""

    provider: str
    fields: Mapping[str, Field]

    def settings(self, pairs: list[str] | None) -> dict[str, Any]:
        """``name=value`` pairs, each read as its field's type. Raises InvalidInput."""
        found = dict(map(given.pair, pairs or ()))
        if not self.fields:
            return {name: given.read(text) for name, text in found.items()}
        for name in found:
            self._check(name)
        return {name: self._read(self.fields[name], text) for name, text in found.items()}

    def missing(self, have: Mapping[str, Any], *, secret: bool) -> list[str]:
        """Names of required fields that were not given."""
        fields = self.fields.values()
        return [f.name for f in fields if f.required and f.secret is secret and f.name not in have]

    def _check(self, name: str) -> None:
        field = self.fields.get(name)
        if field is None:
            raise InvalidInput(
                f"{self.provider} has no setting {name}",
                code="setting",
                hint=f"it has {', '.join(self.fields)}",
            )
        if field.secret:
            raise InvalidInput(
                f"{name} is secret and must not stand on the command line",
                code="setting",
                hint=f"--secret {name}=@file, {name}=env:VARIABLE or {name}=-",
            )

    def _read(self, field: Field, text: str) -> Any:
        return text if set(field.type.split(" or ")) <= TEXT else given.read(text)


async def form_of(client: Client, provider: str) -> Form:
    """The form of the provider of that name or id, whatever its case."""
    async for view in client.providers.list():
        if provider.lower() in (view.id.lower(), view.name.lower()):
            return Form(view.name, {field.name: field for field in fields_of(view)})
    return Form(provider, {})


def fields_of(view: ProviderView) -> list[Field]:
    """The fields of a form: what is required, then what is secret, then by name."""
    schema = view.settings
    required = set(schema.get("required", ()))
    fields = [
        Field(
            name=name,
            type=_type(field, schema),
            required=name in required,
            secret=_has(field, "writeOnly"),
            default=field.get("default"),
            help=" ".join(str(field.get("description", "")).replace("``", "").split()),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return sorted(fields, key=lambda field: (not field.required, not field.secret, field.name))


def _choices(field: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for word in ("anyOf", "oneOf", "allOf") for each in field.get(word, ())]


def _has(field: Mapping[str, Any], word: str) -> bool:
    return bool(field.get(word)) or any(_has(each, word) for each in _choices(field))


def _type(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return _type(schema.get("$defs", {}).get(name, {}), schema)
    if "enum" in field:
        return "|".join(map(str, field["enum"]))
    if "type" in field:
        return str(field["type"])
    return " or ".join(dict.fromkeys(_type(each, schema) for each in _choices(field))) or "any"
