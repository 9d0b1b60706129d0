"""What goes wrong on purpose: one tree of errors, each a sentence with value, rule and way out.

    LessonError
    ├── InputError       a value from a learner, a file, the network or the shell breaks a rule
    ├── NotFittedError   a model or a table is used before it has learned anything
    ├── StateError       the call is right but comes at the wrong moment
    └── StorageError     a file or a folder cannot be read or written

This file needs nothing but Python, so that the doctor can speak where nothing else is installed.
"""

from __future__ import annotations


class LessonError(Exception):
    """Whatever goes wrong on purpose; the message names value, rule and way out."""


class InputError(LessonError, ValueError):
    """A value that breaks a stated rule."""


class NotFittedError(LessonError):
    """A model or a table that has not learned anything yet."""


class StateError(LessonError):
    """A right call at the wrong moment."""


class StorageError(LessonError, OSError):
    """A file or a folder that cannot be read or written."""
