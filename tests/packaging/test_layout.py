"""One import name over several top-level directories, in the tree and in the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINKED = ("pallets", "runtime", "rpc")


@pytest.mark.parametrize("name", LINKED)
def test_each_top_level_package_is_linked_under_the_import_name(name: str) -> None:
    link = ROOT / "src" / "tilth" / name

    assert link.is_symlink()
    assert link.resolve() == ROOT / name


def test_no_package_hides_behind_the_links() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages == set(LINKED)


def test_the_wheel_holds_what_the_tree_holds(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.endswith((".py", ".pyi", ".typed"))}

    assert held == _tree()


def _tree() -> set[str]:
    files = {path.relative_to(ROOT / "src") for path in _sources(ROOT / "src" / "tilth")}
    for name in LINKED:
        files |= {Path("tilth") / path.relative_to(ROOT) for path in _sources(ROOT / name)}
    return {file.as_posix() for file in files}


def _sources(folder: Path) -> list[Path]:
    patterns = ("*.py", "*.pyi", "*.typed")
    return [
        path
        for pattern in patterns
        for path in folder.rglob(pattern)
        if not any(part in LINKED for part in path.relative_to(folder).parts[:1])
    ]
