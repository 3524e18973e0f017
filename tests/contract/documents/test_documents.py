"""Generated documents are committed as they are generated, and are valid."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate
from stowage_contracts.describing import schema_of
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages import MESSAGES
from stowage_contracts.messages.data_motion import CopyProgressed
from stowage_contracts.values import Transfer

from docs.generate import REFERENCE, SCHEMAS, documents

MADE = documents()


@pytest.mark.parametrize("path", sorted(MADE), ids=str)
def test_a_generated_document_is_committed(path: Path) -> None:
    assert path.read_text() == MADE[path], "run `make docs`"


def test_no_schema_outlives_its_message() -> None:
    assert set(SCHEMAS.glob("*.json")) == {path for path in MADE if path.parent == SCHEMAS}


def test_the_openapi_document_is_valid() -> None:
    validate(json.loads((REFERENCE / "openapi.json").read_text()))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_schema_compiles_and_refuses_nothing_typed_as_the_message(name: str) -> None:
    jsonschema_rs.validator_for(schema_of(MESSAGES[name]))


@given(st.integers(0, 2**60), st.one_of(st.none(), st.integers(0, 2**60)))
def test_a_message_satisfies_its_schema_and_survives_the_envelope(
    done: int, total: int | None
) -> None:
    message = CopyProgressed(
        copy_id="c", state="running", transfer=Transfer(bytes_done=done, bytes_total=total)
    )
    envelope = Envelope.of(message, source="data-motion")
    assert jsonschema_rs.is_valid(schema_of(CopyProgressed), envelope.data)
    assert Envelope.model_validate_json(envelope.model_dump_json()).message() == message
