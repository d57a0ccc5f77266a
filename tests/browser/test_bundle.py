"""What a browser loads first: little, and all of it from here."""

import gzip
import re

from webui.app import STATIC

BUDGET = 100 * 1024


def test_the_bundle_is_small() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in STATIC.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < BUDGET, sizes


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = "".join(path.read_text() for path in STATIC.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg"))
    addresses = set(re.findall(r"https?://[\w./-]+", text))
    assert {address for address in addresses if not address.startswith("http://www.w3.org/")} == set()
    assert "<style" not in (STATIC / "index.html").read_text()
