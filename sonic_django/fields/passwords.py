"""Passwords: hashed by Django's hashers the moment they are set."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import FieldError, ValidationError
from django.db import models

from .base import VirtualAttribute
from .form_fields import PasswordFormField
from .scalars import SonicField

#: The hashers of Django, also those that a project does not use any more.
_ALGORITHMS = (
    r"pbkdf2_sha256|pbkdf2_sha1|argon2|bcrypt_sha256|bcrypt|scrypt|md5|sha1|crypt|"
    r"unsalted_md5|unsalted_sha1"
)
#: The form of a hash: algorithm, parameters, and the hash itself at the end. That of a hasher which
#: is unknown here is a long one.
_HASH = re.compile(rf"(?:{_ALGORITHMS})\$\S*\$\S+|[a-z][a-z0-9_]*\$\S*\$[A-Za-z0-9+/=.,_-]{{20,}}")


def is_hash(value: Any) -> bool:
    """Whether a value has the form of a password's hash, of Django's hashers or one like them."""
    return type(value) is str and "$" in value and _HASH.fullmatch(value) is not None


def holds_hash(value: Any) -> bool:
    """Whether a value is a password's hash, or a list or dict with one in it."""
    pending, seen = [value], set()
    while pending:
        item = pending.pop()
        if is_hash(item):
            return True
        if type(item) in (list, tuple, set, frozenset, dict) and id(item) not in seen:
            seen.add(id(item))
            pending.extend(item)
            if type(item) is dict:
                pending.extend(item.values())
    return False


class HashedPassword(str):
    """A password's hash. Its repr does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hashed password>"


class PasswordAttribute(VirtualAttribute):
    """Hashes a str that is set, also one that looks like a hash. Keeps a ``HashedPassword``."""

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.to_python(value)


class PasswordField(SonicField, models.Field):
    """``password_field()``: set to a raw password, it keeps only the hash. Default: None.

    The attribute gives a ``HashedPassword``, a str. Setting hashes with Django's first hasher,
    which is slow on purpose; None is no password. ``obj.check_<name>(raw)`` compares, and saves
    the hash again, in one save of the field, if it is by a former hasher.

    It is in no index and cannot be looked up (FieldError); ``to_dict``, ``values`` and the admin
    do not show it. TypeError for a default, ValidationError for a password that is no str.
    """

    descriptor_class: Any = PasswordAttribute
    holds_primitive = False
    is_secret = True
    no_index = "A password is in no index; use check_password()."

    def __init__(self, **kwargs: Any) -> None:
        if "default" in kwargs:
            raise TypeError(
                "password_field takes no default: no two objects should share a password."
            )
        kwargs.setdefault("blank", True)
        super().__init__(**kwargs)

    def contribute_to_class(
        self, cls: Any, name: str, private_only: bool = True, **kwargs: Any
    ) -> None:
        """Join the class, and give it ``check_<name>(raw)`` unless it has one of its own."""
        super().contribute_to_class(cls, name, private_only, **kwargs)
        method = f"check_{name}"
        if method not in cls.__dict__:

            def check(obj: Any, raw: str) -> bool:
                return self.check_raw(obj, raw)

            check.__name__ = method
            check.__doc__ = (
                "Whether this is the password. A hash by a former hasher is replaced and saved."
            )
            setattr(cls, method, check)

    def check_raw(self, obj: Any, raw: str) -> bool:
        """Whether the raw password is the object's; False where it has none.

        A hash by a former hasher is replaced, in one save of the field alone.
        """

        def renew(raw: str) -> None:
            setattr(obj, self.attname, raw)
            if not obj._state.adding:
                obj.save(update_fields=[self.name])

        hashed = self.value_in(obj)
        return hashed is not None and check_password(raw, str.__str__(hashed), renew)

    def to_python(self, value: Any) -> Any:
        """The hash of a raw password; a hash as it is."""
        if value is None or isinstance(value, HashedPassword):
            return value
        if not isinstance(value, str):
            raise ValidationError(
                {self.name: [f"A password is a str, not a {type(value).__name__}."]}
            )
        return HashedPassword(make_password(value))

    def to_primitive(self, value: Any) -> Any:
        """The hash as a plain str."""
        hashed = self.to_python(value)
        return super().to_primitive(None) if hashed is None else str.__str__(hashed)

    def from_primitive(self, value: Any) -> Any:
        """The stored hash, or None."""
        return None if value is None else HashedPassword(value)

    def lookup_value(self, value: Any) -> Any:
        """FieldError: passwords are not looked up."""
        raise FieldError(
            f"{self.model._meta.label}.{self.name} is a password, which is not looked up; find the "
            f"object by something else and call check_{self.name}()."
        )

    def value_from_object(self, obj: Any) -> None:
        """None, so that forms, their messages and serializers show nothing."""
        return

    def get_internal_type(self) -> str:
        """The name of the kind, since there is no Django field class to name."""
        return "PasswordField"

    def save_form_data(self, instance: Any, data: Any) -> None:
        """Set the password of a form; an empty input keeps the password."""
        if data not in (None, ""):
            super().save_form_data(instance, data)

    def formfield(self, **kwargs: Any) -> Any:
        """A password input, which never shows a value."""
        return super().formfield(**{"form_class": PasswordFormField, **kwargs})


password_field = PasswordField
