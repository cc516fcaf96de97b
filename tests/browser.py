"""A real browser without a screen, asked about pages in files.  It has a profile of its own, and no network."""

import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import Final

PROGRAM: Final = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
"""None where there is none."""

_OPTIONS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)
_DARK: Final = "--blink-settings=preferredColorScheme=0"
_PROBE: Final = """
<script>
const faults = [];
const width = document.documentElement.scrollWidth;
if (width > window.innerWidth) faults.push(`the page is ${width} wide in a window of ${window.innerWidth}`);
for (const hop of document.querySelectorAll("g.hop")) {
  const box = hop.querySelector("rect").getBoundingClientRect();
  if (!box.width) continue;
  for (const text of hop.querySelectorAll("text")) {
    const at = text.getBoundingClientRect();
    if (at.left < box.left || at.right > box.right + 1 || at.bottom > box.bottom || at.top < box.top)
      faults.push(`out of its box: ${text.textContent}`);
  }
}
const shown = [...document.querySelectorAll("main")].filter(one => one.offsetHeight).map(one => one.lang);
document.title = JSON.stringify({faults, shown});
</script>
"""


def measured(page: Path) -> str:
    """What is laid out wrongly, and which languages are shown, as JSON: by a script in a copy of the page."""
    text = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8")).replace(
        "</body>", f"{_PROBE}</body>"
    )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        copy.write_text(text, encoding="utf-8")
        found = re.search("<title>(.*?)</title>", _run("--dump-dom", copy).stdout, re.DOTALL)
    assert found, "the page has no title"
    return found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def complaints(page: Path, picture: Path, *, dark: bool = False) -> list[str]:
    """What the browser says of the page while it draws it into a PNG file."""
    done = _run(f"--screenshot={picture}", page, *([_DARK] if dark else []))
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line and "source: file:" in line]


def corner(picture: Path) -> tuple[int, ...]:
    """Red, green and blue of the first pixel of a PNG file, which no filter of the format changes."""
    data, at, parts = picture.read_bytes(), 8, b""
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        if kind == b"IDAT":
            parts += data[at + 8 : at + 8 + length]
        at += length + 12
    return tuple(zlib.decompressobj().decompress(parts, 4)[1:4])


def _run(what: str, page: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory() as profile:
        size = "--window-size=1200,900"
        return subprocess.run(
            [PROGRAM, *_OPTIONS, *options, size, f"--user-data-dir={profile}", what, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
