"""scikit-learn estimators: the ONNX file that training starts from, and the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tilth.engine import dense_net
from tilth.vault import Schema

Doubles: TypeAlias = NDArray[np.float64]
Layers: TypeAlias = Sequence[tuple[Doubles, Doubles]]
"""Weights [given, taken] and biases, from the rows to the answer."""

_SOFTMAX: Final = "softmax_cross_entropy"
_BY_NAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "LogisticRegression": _SOFTMAX,
        "MLPClassifier": _SOFTMAX,
        "LinearRegression": "mean_squared_error",
        "Ridge": "mean_squared_error",
        "HuberRegressor": "huber",
        "PoissonRegressor": "poisson",
    }
)
_BY_LOSS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "SGDClassifier": {"log_loss": _SOFTMAX},
        "SGDRegressor": {"squared_error": "mean_squared_error", "huber": "huber"},
        "MLPRegressor": {"squared_error": "mean_squared_error"},
    }
)
_NETS: Final = ("MLPClassifier", "MLPRegressor")
_ACTIVATIONS: Final[Mapping[str, str | None]] = MappingProxyType(
    {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "identity": None}
)
_WHY: Final = (
    (("Forest", "Tree", "Boost", "XGB", "LGBM"), "trees have no gradients"),
    (("Neighbors", "Neighbours", "NearestCentroid"), "it keeps rows instead of learning weights"),
    (("SVC", "SVR", "GaussianProcess"), "kernels keep rows instead of learning weights"),
)
_INSTEAD: Final = (
    "take LogisticRegression, SGDClassifier(loss='log_loss'), MLPClassifier, a linear or MLP "
    "regressor, a PyTorch module or an ONNX file"
)


class NotTrainable(ValueError):
    """A model that noisy gradients cannot train; the text says why, and what to take instead."""


@dataclass(frozen=True, slots=True)
class Start:
    """An ONNX file to train, and the loss that goes with it where the model says so."""

    onnx: bytes
    loss: str | None = None


def is_estimator(model: Any) -> bool:
    return hasattr(model, "fit") and hasattr(model, "get_params")


def started(estimator: Any, schema: Schema) -> Start:
    """From the estimator's weights where it was fitted, else from the start.

    Its penalties, solver and stopping rules play no part: noise and steps take their place.
    """
    loss = _loss(estimator)
    width = schema.classes if loss == _SOFTMAX else 1
    if loss == _SOFTMAX and width < 2:
        raise NotTrainable("the table has no label with classes for a classifier to tell")
    layers = _fitted(estimator, schema, loss)
    if layers is not None:
        return Start(dense_net(_on_scaled(layers, schema, loss), _activation(estimator)), loss)
    features = len(schema.feature_columns)
    if _name(estimator) in _NETS:
        return Start(_untrained_net(estimator, features, width), loss)
    nothing = np.zeros((width, features)), np.zeros(width)
    return Start(dense_net([nothing], None), loss)


def refitted(estimator: Any, layers: Layers, schema: Schema) -> Any:
    """The estimator with weights that were trained on scaled rows; it takes rows as they are."""
    loss = _loss(estimator)
    layers = _on_natural(layers, schema, loss)
    estimator.n_features_in_ = len(schema.feature_columns)
    if loss == _SOFTMAX:
        layers = _sorted_classes(estimator, layers, schema)
    if _name(estimator) in _NETS:
        _fill_net(estimator, layers, loss)
    else:
        ((weights, bias),) = layers
        estimator.coef_ = weights if loss == _SOFTMAX else weights[0]
        estimator.intercept_ = bias if loss == _SOFTMAX else bias[0]
    if hasattr(estimator, "_get_loss"):  # what scikit-learn's own fit leaves for its predict
        estimator._base_loss = estimator._get_loss()
    return estimator


def _loss(estimator: Any) -> str:
    name = _name(estimator)
    if name in _BY_LOSS:
        known, asked = _BY_LOSS[name], estimator.loss
        if asked not in known:
            raise NotTrainable(f"{name} is trained with loss {' or '.join(known)}, not {asked!r}")
        return known[asked]
    found = _BY_NAME.get(name)
    if found is None:
        raise NotTrainable(_refusal(estimator, name))
    return found


def _refusal(estimator: Any, name: str) -> str:
    if name == "Pipeline":
        return "give the pipeline's last step alone: columns come scaled from their bounds anyway"
    why = "it is not trained by gradients"
    for parts, reason in _WHY:
        if any(part in name for part in parts):
            why = reason
    return f"{name} cannot be trained on rows that nobody sees: {why}; {_INSTEAD}"


def _name(estimator: Any) -> str:
    return type(estimator).__name__


def _activation(estimator: Any) -> str | None:
    return _ACTIVATIONS[estimator.activation] if _name(estimator) in _NETS else None


def _untrained_net(estimator: Any, features: int, width: int) -> bytes:
    hidden = estimator.hidden_layer_sizes
    sizes = (hidden,) if isinstance(hidden, int) else tuple(hidden)
    seed = estimator.random_state
    random = np.random.default_rng(seed if isinstance(seed, int) else None)
    widths = [features, *sizes, width]
    layers = [
        (random.normal(0, np.sqrt(2 / (taken + given)), (given, taken)), np.zeros(given))
        for taken, given in pairwise(widths)
    ]
    return dense_net(layers, _activation(estimator))


def _fitted(estimator: Any, schema: Schema, loss: str) -> Layers | None:
    """As many answers as the table has classes, in its order."""
    if not (hasattr(estimator, "coef_") or hasattr(estimator, "coefs_")):
        return None
    features = len(schema.feature_columns)
    if estimator.n_features_in_ != features:
        text = f"was fitted to {estimator.n_features_in_} columns; the table has {features}"
        raise NotTrainable(f"{_name(estimator)} {text}")
    layers = _layers_in(estimator)
    if loss != _SOFTMAX:
        return layers
    return _schema_classes(estimator, layers, schema)


def _layers_in(estimator: Any) -> list[tuple[Doubles, Doubles]]:
    if _name(estimator) in _NETS:
        pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
        return [(np.asarray(weights).T, np.asarray(bias)) for weights, bias in pairs]
    weights = np.atleast_2d(np.asarray(estimator.coef_, np.float64))
    return [(weights, np.zeros(len(weights)) + estimator.intercept_)]


def _schema_classes(estimator: Any, layers: Layers, schema: Schema) -> Layers:
    *before, (weights, bias) = layers
    known = [str(name) for name in estimator.classes_]
    if sorted(known) != sorted(schema.class_names):
        wanted = ", ".join(schema.class_names)
        raise NotTrainable(f"{_name(estimator)} was fitted to other classes than {wanted}")
    if len(known) == 2:  # one answer says both
        weights, bias = np.stack([-weights[0], weights[0]]) / 2, np.stack([-bias[0], bias[0]]) / 2
    order = [known.index(name) for name in schema.class_names]
    return [*before, (weights[order], bias[order])]


def _sorted_classes(estimator: Any, layers: Layers, schema: Schema) -> Layers:
    """As scikit-learn keeps them: in order, and of two classes one answer."""
    *before, (weights, bias) = layers
    order = np.argsort(np.array(schema.class_names))
    estimator.classes_ = np.array(schema.class_names)[order]
    weights, bias = weights[order], bias[order]
    if len(order) == 2:
        weights, bias = weights[1:] - weights[:1], bias[1:] - bias[:1]
    return [*before, (weights, bias)]


def _fill_net(estimator: Any, layers: Layers, loss: str) -> None:
    estimator.coefs_ = [weights.T for weights, _ in layers]
    estimator.intercepts_ = [bias for _, bias in layers]
    estimator.n_layers_ = len(layers) + 1
    estimator.n_outputs_ = len(layers[-1][1])
    if loss != _SOFTMAX:
        estimator.out_activation_ = "identity"
        return
    from sklearn.preprocessing import LabelBinarizer

    estimator.out_activation_ = "logistic" if estimator.n_outputs_ == 1 else "softmax"
    estimator._label_binarizer = LabelBinarizer().fit(estimator.classes_)


def _middle_and_half(schema: Schema) -> tuple[Doubles, Doubles]:
    bounds = np.array(schema.bounds, np.float64)
    return bounds.mean(axis=1), (bounds[:, 1] - bounds[:, 0]) / 2


def _on_scaled(layers: Layers, schema: Schema, loss: str) -> Layers:
    (weights, bias), *after = layers
    middle, half = _middle_and_half(schema)
    *before, (last, told) = [(weights * half, bias + weights @ middle), *after]
    middle_label, unit = _label_scale(schema, loss)
    return [*before, (last / unit, (told - middle_label) / unit)]


def _on_natural(layers: Layers, schema: Schema, loss: str) -> Layers:
    (weights, bias), *after = layers
    middle, half = _middle_and_half(schema)
    natural = weights / half
    *before, (last, told) = [(natural, bias - natural @ middle), *after]
    middle_label, unit = _label_scale(schema, loss)
    return [*before, (last * unit, told * unit + middle_label)]


def _label_scale(schema: Schema, loss: str) -> tuple[float, float]:
    """Middle and half of a label that is scaled; a rate's logarithm and a class are not."""
    if schema.label_range is None or loss == "poisson":
        return 0.0, 1.0
    lower, upper = schema.label_range
    return (lower + upper) / 2, (upper - lower) / 2
