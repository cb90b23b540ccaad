"""Builds the wheel: the C library in release by Meson, and the package around it. What pip calls; the standard library only.

The wheel holds no code of the interpreter's own version, so one serves every Python 3.9 and later on its platform. AIPIPE_BUILD
names the folder that the library is built in, so that it can be used again; AIPIPE_WHEEL_LICENSES a folder whose files are put
beside the licence (scripts/wheel: of the libraries that it adds).
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from typing import Any, Optional

HERE = pathlib.Path(__file__).resolve().parent
SONAME = "libaipipe.so.0"
TIME = (1980, 1, 1, 0, 0, 0)  # of every file in the wheel, so that the same tree gives the same bytes


def _tree() -> pathlib.Path:
    """The root of the C library's tree: around this folder, or in the source distribution beside it."""
    for place in (HERE / "source", HERE.parent.parent):
        if (place / "meson.build").is_file() and (place / "include" / "aipipe").is_dir():
            return place
    raise FileNotFoundError(f"no source tree of the library around {HERE}: expected meson.build and include/aipipe")


def _version() -> str:
    found = re.search(r"^\s*version: '([^']+)'", (_tree() / "meson.build").read_text(encoding="utf-8"), re.M)
    if not found:
        raise ValueError("meson.build names no version")
    return found[1]


def _metadata() -> str:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    return (
        f"Metadata-Version: 2.1\nName: aipipe\nVersion: {_version()}\n"
        "Summary: Whole AI data pipelines inside the process that uses them: read, transform, train, predict\n"
        "License: Apache-2.0\nRequires-Python: >=3.9\nDescription-Content-Type: text/markdown\n"
        f"\n{readme}"
    )


# ---- the library ---------------------------------------------------------------------------------------------------------------


def _tool(name: str) -> list[str]:
    """How a build tool is called: from PATH, else as a module of this interpreter."""
    found = shutil.which(name)
    if found:
        return [found]
    module = {"meson": "mesonbuild.mesonmain", "ninja": "ninja"}[name]
    return [sys.executable, "-m", module]


def _build(folder: pathlib.Path) -> bytes:
    """The shared library's bytes, without the symbols that only a debugger reads."""
    if not (folder / "build.ninja").exists():
        subprocess.run([*_tool("meson"), "setup", str(folder), str(_tree()), "--buildtype=release"], check=True)
    subprocess.run([*_tool("ninja"), "-C", str(folder), "libaipipe.so.0.0.0"], check=True)
    built = folder / "libaipipe.so.0.0.0"
    strip = shutil.which("strip")
    if strip is None:
        return built.read_bytes()
    stripped = folder / "libaipipe.stripped.so"
    subprocess.run([strip, "--strip-unneeded", "-o", str(stripped), str(built)], check=True)
    return stripped.read_bytes()


# ---- what pip calls ------------------------------------------------------------------------------------------------------------


def get_requires_for_build_wheel(config_settings: Optional[dict[str, Any]] = None) -> list[str]:
    """The build tools that are not there."""
    return [wanted for name, wanted in (("meson", "meson>=1.0.1"), ("ninja", "ninja")) if not shutil.which(name)]


def build_wheel(
    wheel_directory: str, config_settings: Optional[dict[str, Any]] = None, metadata_directory: Optional[str] = None
) -> str:
    """Builds the wheel into a folder; returns its name."""
    version, platform = _version(), re.sub(r"[-.]", "_", sysconfig.get_platform())
    info = f"aipipe-{version}.dist-info"
    kept = os.environ.get("AIPIPE_BUILD")
    if kept:
        library = _build(pathlib.Path(kept).resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="aipipe-build-") as folder:
            library = _build(pathlib.Path(folder))
    files: dict[str, bytes] = {f"aipipe/{path.name}": path.read_bytes() for path in sorted((HERE / "aipipe").glob("*.py"))}
    files["aipipe/py.typed"] = (HERE / "aipipe" / "py.typed").read_bytes()
    files[f"aipipe/{SONAME}"] = library
    files[f"{info}/METADATA"] = _metadata().encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: aipipe {version}\nRoot-Is-Purelib: false\nTag: py3-none-{platform}\n".encode()
    )
    files[f"{info}/licenses/LICENSE"] = (_tree() / "LICENSE").read_bytes()
    licenses = os.environ.get("AIPIPE_WHEEL_LICENSES")
    for path in sorted(pathlib.Path(licenses).iterdir()) if licenses else []:
        files[f"{info}/licenses/{path.name}"] = path.read_bytes()
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    name = f"aipipe-{version}-py3-none-{platform}.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as out:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if path.endswith(SONAME) else 0o100644) << 16
            out.writestr(entry, data)
    return name


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def build_sdist(sdist_directory: str, config_settings: Optional[dict[str, Any]] = None) -> str:
    """Packs this folder, and the library's whole tree as `source` in it, from what git tracks."""
    tree, version = _tree(), _version()
    listed = subprocess.run(["git", "-C", str(tree), "ls-files", "-z"], check=True, stdout=subprocess.PIPE).stdout
    tracked = [name.decode() for name in listed.split(b"\0") if name]
    root = f"aipipe-{version}"
    own = "bindings/python/"
    members = {f"{root}/source/{name}": tree / name for name in tracked}
    members.update((f"{root}/{name[len(own) :]}", tree / name) for name in tracked if name.startswith(own))
    with tarfile.open(os.path.join(sdist_directory, f"{root}.tar.gz"), "w:gz", format=tarfile.PAX_FORMAT) as out:
        info = tarfile.TarInfo(f"{root}/PKG-INFO")
        text = _metadata().encode()
        info.size = len(text)
        out.addfile(info, io.BytesIO(text))
        for name, path in sorted(members.items()):
            out.add(path, name, recursive=False)
    return f"{root}.tar.gz"
