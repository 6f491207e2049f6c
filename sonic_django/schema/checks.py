"""System checks of one class's declaration."""

from __future__ import annotations

from django.core.checks import CheckMessage, Error, Warning

from .schema import Schema

#: Names of the PySonic-compatible class methods that a field would hide.
_SPELLING = frozenset(
    [
        *("get", "find", "find_one", "find_objs", "find_all", "count", "search"),
        *("get_ids", "get_objs", "walk_all_objs"),
    ]
)


def check_model(schema: Schema) -> list[CheckMessage]:
    """The problems of one class: sonic.E001 to E009, and the fields' own checks."""
    model = schema.model
    found: list[CheckMessage] = [
        Error(problem.message, hint=problem.hint, obj=model, id=problem.id)
        for problem in schema.problems
    ]
    keys: dict[str, str] = {}
    for name, field in schema.fields.items():
        if field.key in keys:
            found.append(
                Error(
                    f"{schema.label}.{name} and .{keys[field.key]} have the same key "
                    f"{field.key!r} in the payload.",
                    hint="Give one of them another db_column.",
                    obj=model,
                    id="sonic.E006",
                )
            )
        keys[field.key] = name
        if name in _SPELLING:
            found.append(
                Warning(
                    f"{schema.label}.{name} hides the class method {name}().",
                    hint=f"Use {schema.name}.objects, or rename the field.",
                    obj=model,
                    id="sonic.W001",
                )
            )
        if field.is_required:
            found.append(_required(schema, name))
        # Django does not run the checks of private fields.
        found.extend(m for m in field.check() if m.id not in _ABOUT_COLUMNS)
    return found


def _required(schema: Schema, name: str) -> Warning:
    is_indexed = schema.fields[name] in schema.required_in_indexes
    old = "their index entries cannot be made, so they are left out and reported"
    old = old if is_indexed else "they stay in every index"
    return Warning(
        f"{schema.label}.{name} refuses None and has no default.",
        hint=(
            f"Objects written before the field was declared have no value of it: they read as "
            f"None, {old}, and save() refuses them until they have a value. Give the field a "
            f"default, or null=True; or silence this where every object has a value."
        ),
        obj=schema.model,
        id="sonic.W002",
    )


#: Checks of Django's fields that speak of columns, which virtual fields do not have.
_ABOUT_COLUMNS = frozenset(["fields.E120", "fields.W161", "fields.W342", "fields.W162"])
