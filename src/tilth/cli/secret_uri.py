"""A secret URI from where nobody reads it along: a file, or a dev account that all know anyway."""

from pathlib import Path


class NoSecret(ValueError):
    """What was named holds no secret URI; the text says what does."""


def secret_uri(named: str, option: str = "--key") -> str:
    """A secret does not stand on a command line, where others on the machine read it.

    Raises NoSecret.
    """
    if named.startswith("//"):
        return named
    path = Path(named)
    if not path.is_file():
        raise NoSecret(f"{option} is a file that holds the secret URI, or a dev account as //Alice")
    return path.read_text().strip()
