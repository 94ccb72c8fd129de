"""Reading a private table from NumPy's own files, without ever unpickling or trusting a header."""

import io
import math
import re
import zipfile
import zlib
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from tilth.vault.bounds import FLOAT32_OVERFLOW
from tilth.vault.draft import DEFAULT_LIMITS, Draft, Limits, Roles, Texts
from tilth.vault.errors import TableError
from tilth.vault.schema import valid_name
from tilth.vault.table import Features

_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[a-zA-Z]\d{0,4})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?){0,4}\d{0,18})\), ?\} *\n"
).fullmatch
_LENGTH_BYTES = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}
_MAX_HEADER = 10_000  # as numpy's own reader
_EVALUATION = Limits(bytes=1 << 26)  # unpacked: anybody may have written it


def read_npy(
    data: bytes,
    *,
    names: Sequence[str] | None = None,
    label: str | None = None,
    target: str | None = None,
    classes: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Draft:
    """Read one matrix. Columns are called x0, x1, … unless `names` says otherwise."""
    return read_matrix(data, Roles(label, target, classes), limits, names)


def read_matrix(
    data: bytes,
    roles: Roles,
    limits: Limits = DEFAULT_LIMITS,
    names: Sequence[str] | None = None,
) -> Draft:
    """Read one matrix whose columns have these roles."""
    if len(data) > limits.bytes:
        raise TableError(f"the source is larger than {limits.bytes} bytes.")
    matrix = _array(data)
    if matrix.ndim != 2:
        raise TableError(f"expected a matrix of rows and columns, found {matrix.ndim} dimensions.")
    return _draft(matrix, names or _numbered(matrix.shape[1]), roles, limits)


def read_npz(
    data: bytes,
    *,
    target: str | None = None,
    classes: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Draft:
    """Read `features`, a matrix, and where the archive has them `labels` and `names`.

    The label column comes last and is called "label": classes, or numbers where `target` names it
    or another column. `names` are the features' names.
    """
    return read_archive(data, Roles(None, target, classes), limits)


def read_archive(data: bytes, roles: Roles, limits: Limits = DEFAULT_LIMITS) -> Draft:
    """Read an archive as `read_npz` does, its columns in these roles."""
    if roles.label not in (None, "label"):
        raise TableError('the labels of an .npz are its array called "labels".')
    arrays = _members(data, limits)
    features, labels, names = (arrays.get(key) for key in ("features", "labels", "names"))
    if features is None or features.ndim != 2:
        raise TableError("expected a matrix called features in the archive.")
    called = _numbered(features.shape[1]) if names is None else _names(names)
    if labels is None:
        return _draft(features, called, roles, limits)
    if labels.shape != features.shape[:1]:
        raise TableError("expected one label for each row of features.")
    matrix = np.concatenate([_floats(features), _floats(labels[:, None])], axis=1)
    learnt = Roles(None if roles.target else "label", roles.target, roles.classes)
    return _draft(matrix, [*called, "label"], learnt, limits)


def read_evaluation(data: bytes) -> tuple[Features, NDArray[np.int64]]:
    """Public rows to measure a model on: `features` as it takes them, `labels` as class numbers."""
    arrays = _members(data, _EVALUATION)
    features, labels = arrays.get("features"), arrays.get("labels")
    if features is None or labels is None or features.ndim != 2 or not len(features):
        raise TableError("expected a matrix called features and labels in the archive.")
    if labels.shape != features.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise TableError("expected the number of a class for each row of features.")
    values = _floats(features)
    _check_finite(values)
    return values.astype(np.float32), labels.astype(np.int64)


def _draft(
    matrix: NDArray[np.generic],
    names: Sequence[str],
    roles: Roles,
    limits: Limits,
) -> Draft:
    _check_shape(matrix, names, limits)
    found = roles.positions(names)
    values = _floats(matrix)
    _check_finite(values)
    texts = {position: _texts(values[:, position], position) for position in sorted(found)}
    cells: Features = values.astype(np.float32)
    for position, (_, numbers) in texts.items():
        cells[:, position] = numbers
    known = {position: names for position, (names, _) in texts.items()}
    # adding 0 makes -0.0 and 0.0 one value, which then has one spelling in bytes
    return Draft(tuple(names), cells + np.float32(0), known, roles.learnt)


def _texts(values: NDArray[np.float64], position: int) -> tuple[Texts, list[float]]:
    whole = values == np.floor(values)
    if not whole.all():
        line = int(np.argmin(whole)) + 1
        raise TableError("a class must be a whole number.", line=line, column=position + 1)
    texts = Texts()
    numbers = [
        texts.number(str(int(value)), line=line, position=position)
        for line, value in enumerate(values, 1)
    ]
    return texts, numbers


def _check_shape(matrix: NDArray[np.generic], names: Sequence[str], limits: Limits) -> None:
    rows, columns = matrix.shape
    if not (0 < rows <= limits.rows and 0 < columns <= limits.columns):
        expected = f"1 to {limits.rows} rows and 1 to {limits.columns} columns"
        raise TableError(f"expected {expected}, found {rows} and {columns}.")
    if len(names) != columns or len(set(names)) < columns or not all(map(valid_name, names)):
        raise TableError(f"expected {columns} different, printable names of columns.")


def _check_finite(values: NDArray[np.float64]) -> None:
    good = np.abs(values) < FLOAT32_OVERFLOW
    if not good.all():
        line, column = np.unravel_index(int(np.argmin(good)), good.shape)
        cause = "not a finite number that float32 can hold."
        raise TableError(cause, line=int(line) + 1, column=int(column) + 1)


def _members(data: bytes, limits: Limits) -> dict[str, NDArray[np.generic]]:
    if len(data) > limits.bytes:
        raise TableError(f"the source is larger than {limits.bytes} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {
                name.removesuffix(".npy"): _array(content)
                for name, content in _unpacked(archive, limits.bytes)
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
        pass
    raise TableError("not a readable .npz archive.")


def _unpacked(archive: zipfile.ZipFile, limit: int) -> list[tuple[str, bytes]]:
    """Only the three members, and never more than the limit: an archive may lie about sizes."""
    found: list[tuple[str, bytes]] = []
    for name in ("features.npy", "labels.npy", "names.npy"):
        if name in archive.namelist():
            with archive.open(name) as member:
                content = member.read(limit + 1)
            limit -= len(content)
            if limit < 0:
                raise TableError("the archive unpacks to more than the limit of bytes.")
            found.append((name, content))
    return found


def _array(data: bytes) -> NDArray[np.generic]:
    """What `np.load` would give, but the header is matched, not evaluated, and checked first."""
    header, start = _header(data)
    matched = _HEADER(header)
    if matched is None:
        raise TableError("not a .npy file of a plain array.")
    descr, by_column, lengths = matched.groups()
    dtype = _dtype(descr.decode())
    shape = tuple(int(length) for length in lengths.split(b",") if length.strip())
    size = math.prod(shape) * dtype.itemsize
    if size != len(data) - start or max(shape, default=0) > len(data):
        raise TableError("the array is cut short or longer than its header says.")
    flat = np.frombuffer(data, dtype, offset=start) if size else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if by_column == b"True" else "C")


def _header(data: bytes) -> tuple[bytes, int]:
    width = _LENGTH_BYTES.get(data[:8], 0)
    length = int.from_bytes(data[8 : 8 + width], "little")
    if not width or length > _MAX_HEADER:
        raise TableError("not a .npy file of version 1 or 2.")
    start = 8 + width + length
    return data[8 + width : start], start


def _dtype(descr: str) -> np.dtype[np.generic]:
    kind = descr.lstrip("<>|=")[0]
    if kind not in "fiubU":
        raise TableError(f"arrays hold numbers, found the dtype kind {kind!r}.")
    try:
        found: np.dtype[np.generic] = np.dtype(descr)
    except TypeError:
        raise TableError(f"numpy knows no dtype {descr!r}.") from None
    if not found.itemsize:
        raise TableError("the array's texts have no length.")
    return found


def _floats(array: NDArray[np.generic]) -> NDArray[np.float64]:
    if array.dtype.kind == "U":
        raise TableError("arrays hold numbers, found texts.")
    return array.astype(np.float64)


def _names(array: NDArray[np.generic]) -> list[str]:
    if array.dtype.kind != "U" or array.ndim != 1:
        raise TableError("expected names to be a list of texts.")
    # decoded here, since numpy ends in a SystemError on a code point that Unicode does not have
    codec = "utf-32-be" if array.dtype.byteorder == ">" else "utf-32-le"
    try:
        return [name.tobytes().decode(codec).rstrip("\0") for name in array.reshape(-1, 1)]
    except UnicodeDecodeError:
        raise TableError("expected names to be a list of texts.") from None


def _numbered(count: int) -> list[str]:
    return [f"x{number}" for number in range(count)]
