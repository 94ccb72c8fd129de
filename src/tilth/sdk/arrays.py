"""NumPy's files as anybody may have published them: no header is believed unchecked."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np

from tilth.sdk.refusals import WrongContent

_LARGEST_UNPACKED: Final = 1 << 30


class ArrayHeader(NamedTuple):
    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype[Any]


def read_header(stream: IO[bytes]) -> ArrayHeader:
    """Of an .npy file, whose stream then stands at the first value; raises ValueError."""
    formats = np.lib.format
    if formats.read_magic(stream) == (1, 0):
        return ArrayHeader(*formats.read_array_header_1_0(stream))
    return ArrayHeader(*formats.read_array_header_2_0(stream))


def load_array(path: Path) -> Any:
    """An .npy file; raises WrongContent."""
    try:
        with path.open("rb") as stream:
            return _array(stream, path.stat().st_size)
    except ValueError as error:
        raise WrongContent(f"it is no .npy file of plain values: {error}") from None


def load_arrays(path: Path) -> dict[str, Any]:
    """The arrays of an .npz file by their names; raises WrongContent."""
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
            # zipfile gives no byte of a member beyond the size that the directory says
            if sum(member.file_size for member in members) > _LARGEST_UNPACKED:
                raise WrongContent("the .npz unpacks to more than 1 GiB: take it apart yourself")
            return {each.filename.removesuffix(".npy"): _member(packed, each) for each in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise WrongContent(f"it is no .npz file of plain values: {error}") from None


def _member(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    with packed.open(member) as stream:
        return _array(stream, member.file_size)


def _array(stream: IO[bytes], size: int) -> Any:
    """An array that a header of a few bytes claims to be huge is never made room for."""
    header = read_header(stream)
    if header.dtype.hasobject:
        raise ValueError("it holds Python objects, which run code when loaded")
    said = math.prod(header.shape) * header.dtype.itemsize
    if min(header.shape, default=0) < 0 or said != size - stream.tell():
        raise ValueError("it is cut short, or longer than its header says")
    stream.seek(0)
    return np.load(stream, allow_pickle=False)
