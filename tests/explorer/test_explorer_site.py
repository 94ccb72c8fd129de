"""The explorer's files: how they are served, and that nothing in them leads elsewhere."""

import re
import subprocess
import sys
import zipfile
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

SITE = Path(__file__).parents[2] / "rpc" / "explorer" / "site"
NPM = Path(__file__).parent / "npm" / "node_modules"
Field = Any


def get(field: Field, path: str, method: str = "GET", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = HTTPConnection(field.node.http.removeprefix("http://"))
    with closing(connection):
        connection.request(method, path, headers=named)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()


def test_every_file_is_served_under_a_strict_policy(field: Field) -> None:
    for path in (path for path in SITE.rglob("*") if path.is_file()):
        status, headers, body = get(field, f"/explorer/{path.relative_to(SITE).as_posix()}")

        assert (status, body) == (200, path.read_bytes())
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_file_that_has_not_changed_is_not_sent_again(field: Field) -> None:
    _, headers, _ = get(field, "/explorer/app.js")

    status, _, body = get(field, "/explorer/app.js", if_none_match=headers["etag"])

    assert (status, body) == (304, b"")


def test_a_browser_is_led_to_the_explorer_and_a_program_to_json_rpc(field: Field) -> None:
    browser, program = get(field, "/", accept="text/html,*/*"), get(field, "/")

    assert (browser[0], browser[1]["location"]) == (307, "/explorer/")
    assert (program[0], program[2]) == (
        405,
        b"Used HTTP Method is not allowed. POST is required\n",
    )


@pytest.mark.parametrize("path", ["../pages.py", "..%2fpages.py", "none.js", "vendor", "vendor/"])
def test_nothing_else_is_served(field: Field, path: str) -> None:
    assert get(field, f"/explorer/{path}")[0] == 404


def test_files_are_read_and_not_written(field: Field) -> None:
    assert get(field, "/explorer/", "PUT")[0] == 405
    assert get(field, "/explorer/app.js", "HEAD")[2] == b""


def test_nothing_in_the_files_is_fetched_from_elsewhere() -> None:
    own = [path for path in SITE.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    text = "\n".join(path.read_text() for path in own)

    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}
    assert "innerHTML" not in "".join(
        path.read_text() for path in own if path.parent.name != "vendor"
    )


NO_NPM = "npm has not installed the packages: `make test` does"


@pytest.mark.npm
@pytest.mark.skipif(not (NPM / "installed").exists(), reason=NO_NPM)
def test_the_files_are_typed() -> None:
    checked = subprocess.run(
        ["node_modules/.bin/tsc", "--project", "."], cwd=NPM.parent, capture_output=True, text=True
    )

    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.npm
@pytest.mark.skipif(not (NPM / "installed").exists(), reason=NO_NPM)
def test_vendored_files_are_those_of_their_packages(tmp_path: Path) -> None:
    subprocess.run(["node", "vendor.mjs", str(tmp_path)], cwd=NPM.parent, check=True)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}

    assert made == {path.name: path.read_text() for path in (SITE / "vendor").glob("*.js")}


def test_the_wheel_holds_the_site(tmp_path: Path) -> None:
    root = SITE.parents[2]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("tilth/rpc/explorer/site/")}

    assert held == {
        f"tilth/rpc/explorer/site/{path.relative_to(SITE).as_posix()}"
        for path in SITE.rglob("*")
        if path.is_file()
    }
