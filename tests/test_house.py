"""The house rules that a machine can check. Limits go down, never up."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.gateway.errors import KINDS
from inference.gateway.openapi import openapi_bytes

ROOT = Path(__file__).parents[1]
OURS = {"console", "accounts", "simulator", "local_models", "models_registry", "inference", "billing"}
FOLDERS = ("platform", "models_registry", "inference", "billing")
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
# Django's settings and apps must be loaded first.
MAY_IMPORT_LATE = {"asgi.py", "manage.py", "ready"}


def product_files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)
    yield ROOT / "manage.py"


FILES = sorted(product_files())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in FILES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_no_file_is_longer_than_one_thought() -> None:
    long = [str(path.relative_to(ROOT)) for path in FILES if len(path.read_text().splitlines()) > FILE_LINES_MAX]
    assert long == []


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    late = [
        f"{path.relative_to(ROOT)}: {function.name} imports {module}"
        for path in FILES
        if path.name not in MAY_IMPORT_LATE
        for function in functions(path)
        if function.name not in MAY_IMPORT_LATE
        for module in imported(function)
        if module.split(".")[0] in OURS
    ]
    assert late == []


def imported(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            yield from (name.name for name in inner.names)
        elif isinstance(inner, ast.ImportFrom) and inner.module:
            yield inner.module


def test_imports_go_downwards_only() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [path for path in FILES if "gateway" in path.parts], ids=lambda path: path.name)
def test_every_error_code_is_known_and_described(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    codes = re.findall(r"(?:GatewayError|UpstreamFailure)\(\s*\"(\w+)\"", text)
    assert set(codes) <= set(KINDS)
    document = openapi_bytes().decode()
    assert all(f'"{code}"' in document for code in KINDS)


def test_platform_is_no_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_nothing_is_left_to_do() -> None:
    word = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)))
    found = [str(path.relative_to(ROOT)) for path in FILES if word.search(path.read_text(encoding="utf-8"))]
    assert found == []
