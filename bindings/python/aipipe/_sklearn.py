"""What scikit-learn looks for in an estimator: tags, its exceptions and warnings. It is imported only if the program has it."""

from __future__ import annotations

import sys
from typing import Any, Optional

from ._errors import StateError


def loaded(name: str = "sklearn") -> Optional[Any]:
    """The module, when the program has imported it already."""
    return sys.modules.get(name)


class NotFittedError(StateError, ValueError, AttributeError):
    """The estimator is not fitted: call ``fit`` first. To scikit-learn it is its own NotFittedError."""


_not_fitted: Optional[type[NotFittedError]] = None


def not_fitted(name: str) -> NotFittedError:
    """The error for an estimator of this class that is used before its fit."""
    global _not_fitted
    message = f"This {name} instance is not fitted yet. Call 'fit' with appropriate arguments before using this estimator."
    if not loaded():
        return NotFittedError(message)
    if _not_fitted is None:
        from sklearn.exceptions import NotFittedError as Theirs

        _not_fitted = type("NotFittedError", (NotFittedError, Theirs), {"__module__": __name__})
    return _not_fitted(message)


def warning(name: str, base: type[Warning] = UserWarning) -> type[Warning]:
    """scikit-learn's warning class of this name when it is loaded, else `base`."""
    if not loaded():
        return base
    import sklearn.exceptions

    return getattr(sklearn.exceptions, name, base)


def default_output() -> str:
    """What scikit-learn's own configuration says that transformers give back."""
    sklearn = loaded()
    return sklearn.get_config().get("transform_output", "default") if sklearn else "default"


def new_tags(
    kind: str,
    *,
    allow_nan: bool,
    text: bool,
    categorical: bool,
    preserves: list[str],
    requires_fit: bool,
    binary_only: bool,
    transforms: bool = False,
) -> Any:
    """The tags of scikit-learn 1.6 and later. transforms: what predicts transforms too."""
    from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags, TransformerTags

    classifier = kind == "classifier"
    return Tags(
        estimator_type=kind,
        target_tags=TargetTags(required=classifier),
        transformer_tags=TransformerTags(preserves_dtype=preserves) if kind == "transformer" or transforms else None,
        classifier_tags=ClassifierTags(multi_class=not binary_only) if classifier else None,
        regressor_tags=None,
        requires_fit=requires_fit,
        input_tags=InputTags(allow_nan=allow_nan, string=text, categorical=categorical),
    )


def old_tags(
    kind: str, *, allow_nan: bool, text: bool, categorical: bool, preserves: list[str], requires_fit: bool, binary_only: bool
) -> dict[str, Any]:
    """What differs from the defaults of the tags before 1.6."""
    return {
        "allow_nan": allow_nan,
        "X_types": ["2darray", *(["categorical"] if categorical else []), *(["string"] if text else [])],
        "preserves_dtype": preserves,
        "requires_fit": requires_fit,
        "stateless": not requires_fit,
        "requires_y": kind == "classifier",
        "binary_only": binary_only,
    }


def all_old_tags(more: dict[str, Any]) -> dict[str, Any]:
    """The tags before 1.6, with the defaults of those that are not in `more`."""
    from sklearn.utils._tags import _DEFAULT_TAGS

    return {**_DEFAULT_TAGS, **more}
