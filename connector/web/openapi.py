"""The OpenAPI 3.1 document, made from the registered operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from connector.web.auth import SCOPES
from connector.web.operations import Answer, Operation
from connector.web.schemas.problem import Problem

Json = dict[str, Any]
REF = "#/components/schemas/{model}"
TITLES = {
    400: "The request is not of the form it should have",
    401: "No key, or one that is not valid",
    403: "The key may not do this",
    404: "It does not exist, or belongs to somebody else",
    409: "The present state does not allow it",
    410: "It was deleted",
    413: "Too many bytes or pixels",
    415: "Not a picture that can be read",
    422: "The values make no sense here",
    429: "More than this workspace may have waiting or keep",
    500: "Something went wrong inside; the log has the error_id",
    503: "A part of the service is not available right now",
    507: "No space left",
}
_PARAMETER = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")


def build_document(operations: Iterable[Operation], *, version: str, server: str) -> Json:
    """Return the whole document for these operations."""
    listed = list(operations)
    paths: Json = {}
    for operation in listed:
        path = _PARAMETER.sub(r"{\2}", operation.rule)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "colabel",
            "version": version,
            "summary": "Put an image classifier to work on your pictures.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in dict.fromkeys(item.tag for item in listed)],
        "paths": paths,
        "components": {
            "schemas": _schemas(listed),
            "responses": {f"Problem{status}": _problem(title) for status, title in TITLES.items()},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"An API key. Its scopes are some of: {', '.join(SCOPES)}.",
                }
            },
        },
    }


def _schemas(operations: list[Operation]) -> Json:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.model:
            wanted[operation.model, "validation"] = None
        for answer in operation.answers.values():
            wanted |= {(model, "serialization"): None for model in answer.models}
    _, definitions = models_json_schema(list(wanted), ref_template=REF)
    schemas: Json = definitions["$defs"]
    return schemas


def _problem(title: str) -> Json:
    return {
        "description": title,
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": REF.format(model=model.__name__)}


def _either(answer: Answer) -> Json:
    shapes = [_ref(model) for model in answer.models if model is not answer.as_json]
    if len(shapes) > 1:
        return {"anyOf": shapes}
    return shapes[0] if shapes else {}


def _operation(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.endpoint.replace(".", "_"),
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation.rule), *_other_parameters(operation)],
        "responses": _responses(operation),
        "security": [{"key": []}] if operation.scope else [],
    }
    notes = [operation.description]
    if operation.scope:
        notes.append(f"Needs a key with the scope `{operation.scope}`.")
        described["x-scope"] = operation.scope
    described["description"] = " ".join(note for note in notes if note)
    if operation.body != "none":
        required = operation.body != "json" or _has_required(operation.model)
        described["requestBody"] = {"required": required, "content": _body(operation)}
    return described


def _has_required(model: type[BaseModel] | None) -> bool:
    return model is not None and any(field.is_required() for field in model.model_fields.values())


def _path_parameters(rule: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string"},
        }
        for kind, name in _PARAMETER.findall(rule)
    ]


def _other_parameters(operation: Operation) -> list[Json]:
    parameters = []
    if operation.query:
        schema = operation.query.model_json_schema(ref_template=REF)
        required = schema.get("required", [])
        for name, field in schema["properties"].items():
            description = field.pop("description", "")
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in required,
                    "description": description,
                    "schema": field,
                }
            )
    if operation.idempotent_key:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "A repeat under the same key is answered with the first one's id.",
                "schema": {"type": "string", "maxLength": 255},
            }
        )
    return parameters


def _responses(operation: Operation) -> Json:
    responses: Json = {}
    for status, answer in operation.answers.items():
        schema = _either(answer)
        responses[str(status)] = {"description": answer.description}
        if status != 204:
            content: Json = {answer.media_type: {"schema": schema}}
            if answer.as_json is not None:
                content["application/json"] = {"schema": _ref(answer.as_json)}
            responses[str(status)]["content"] = content
    for status in sorted({*operation.errors, *_usual_errors(operation)}):
        responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    responses["default"] = {"$ref": "#/components/responses/Problem500"}
    return responses


def _usual_errors(operation: Operation) -> list[int]:
    statuses = []
    if operation.scope:
        statuses += [401, 403, 503]
    if "<" in operation.rule:
        statuses.append(404)
    if operation.query or operation.body != "none":
        statuses += [400, 422]
    if operation.body != "none":
        statuses.append(413)
    if operation.body == "picture":
        statuses.append(415)
    return statuses


def _body(operation: Operation) -> Json:
    content: Json = {}
    if operation.model:
        content["application/json"] = {"schema": _ref(operation.model)}
    binary = {"schema": {"type": "string", "format": "binary"}}
    if operation.body == "picture":
        content |= {"image/*": {}, "application/octet-stream": {}}
        content["multipart/form-data"] = {"schema": _form("image", operation)}
    elif operation.body == "notification":
        # Amazon SNS sends its JSON as plain text.
        content |= {"application/json": {"schema": {}}, "text/plain": {"schema": {}}}
    elif operation.body == "form":
        content |= {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
    elif operation.body == "archive":
        content |= {"application/zip": {}}
        content["multipart/form-data"] = {"schema": _form("file", operation)}
    elif operation.body == "labels":
        content |= {"application/zip": {}, "application/json": {}, "text/csv": {}}
        content["multipart/form-data"] = {"schema": _form("file", operation, "pictures")}
    for media_type in content:
        content[media_type] = content[media_type] or binary
    return content


def _form(field: str, operation: Operation, *others: str) -> Json:
    """Return the multipart form: the files, and the fields that the query takes as well."""
    properties: Json = {one: {"type": "string", "format": "binary"} for one in (field, *others)}
    if operation.query:
        schema = operation.query.model_json_schema(ref_template=REF)
        properties |= {name: item for name, item in schema["properties"].items() if name != "wait"}
    return {"type": "object", "properties": properties, "required": [field]}
