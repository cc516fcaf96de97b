"""What is installed is what is in the checkout: no catalogue, schema or unit is left behind."""

import zipfile
from pathlib import Path
from typing import Final

from hatchling.builders.wheel import WheelBuilder

ROOT: Final = Path(__file__).parent.parent


def test_the_wheel_has_every_file_of_the_package(tmp_path: Path) -> None:
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("eip_agent/") and "__pycache__" not in name}
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "eip_agent").rglob("*") if path.is_file()}

    assert {name for name in there if "__pycache__" not in name} <= packed
    assert {
        "eip_agent/render/report.schema.json",
        "eip_agent/locale/zh/LC_MESSAGES/eip_agent.mo",
        "eip_agent/py.typed",
    } <= packed
