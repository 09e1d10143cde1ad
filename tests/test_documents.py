"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from inference.gateway.app import POSTS
from models_registry.catalogs import CATALOGS
from models_registry.documents import registry_parse
from models_registry.vendors import VENDORS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "platform/console/settings.py").read_text(encoding="utf-8")
OURS = {"accounts", "models_registry", "billing", "inference", "console", "simulator"}
INTERNAL = {"up", "prepare", "clerk", "messages_compile"}  # for make run, compose, the gateway, translators


def test_every_setting_of_the_environment_stands_in_the_readme() -> None:
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', SETTINGS))
    assert len(names) > 25
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_command_stands_in_the_readme_and_every_command_of_the_readme_exists() -> None:
    commands = {name for name, app in get_commands().items() if app in OURS} - INTERNAL
    assert {name for name in commands if not re.search(rf"`{name}[ `]", README)} == set()
    for name in set(re.findall(r"manage\.py (\w+)", README)):
        assert load_command_class(get_commands()[name], name).help


def test_the_readmes_models_file_is_one_the_registry_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    document = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert document is not None
    assert registry_parse(document[1]).models[0].endpoints[0].vendor in VENDORS


def test_every_vendor_stands_in_the_readme() -> None:
    assert [slug for slug in VENDORS if slug not in README] == []


@pytest.mark.parametrize("target", ["run", "test", "test-all", "bench", "shots", "pictures", "messages"])
def test_every_make_target_of_the_readme_exists(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_readmes_pictures_are_small_and_described() -> None:
    pictures = re.findall(r"!\[([^\]]+)\]\((docs/pictures/\w+\.png)\)", README)
    there = {f"docs/pictures/{path.name}" for path in (ROOT / "docs/pictures").iterdir()}
    assert {path for _, path in pictures} == there
    assert [path for words, path in pictures if len(words) < 30] == []
    assert [path for path in there if (ROOT / path).stat().st_size > 200_000] == []


def test_links_between_the_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+?)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_every_file_the_architecture_names_in_the_gateway_exists() -> None:
    for name in re.findall(r"`(\w+\.py)`", ARCHITECTURE):
        found = [*(ROOT / "inference").rglob(name), *(ROOT / "billing").rglob(name)]
        assert found, name


def test_the_compatibility_page_counts_the_models_of_every_catalog() -> None:
    page = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")
    for catalog in CATALOGS.values():
        assert re.search(rf"\| {re.escape(catalog.label.zh)} \| {len(catalog.models)}\b", page), catalog.slug
        assert f"\n## {catalog.label.zh}\n" in page


def test_the_compatibility_page_names_every_path_of_the_gateway() -> None:
    page = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")
    assert [path for path in POSTS if path != "/estimate" and path not in page] == []


def test_the_compatibility_page_names_the_clients_that_are_tested() -> None:
    page = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements-clients.lock").read_text(), re.MULTILINE))
    asked = re.findall(r"^[a-z][\w-]*", (ROOT / "requirements-clients.in").read_text(), re.MULTILINE)
    clients = set(asked) - {"pydantic", "pytest"}
    assert {name for name in clients if f"| `{name}` | {locked[name]} |" not in page} == set()
