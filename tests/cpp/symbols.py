"""symbols.py NM OBJECT-OR-ARCHIVE...: aipipe.hpp leaves nothing in an object that another could clash with or a host would export.

Every symbol of namespace aip must be weak (an inline function or variable, which the linker folds) or local.
"""
import subprocess
import sys


def main() -> None:
    n_aip = 0
    strong = []
    for path in sys.argv[2:]:
        listed = subprocess.run([sys.argv[1], "--defined-only", path], check=True, capture_output=True, text=True).stdout
        for line in listed.splitlines():
            words = line.split()
            if len(words) != 3 or not words[2].startswith(("_ZN3aip", "_ZNK3aip", "_ZTIN3aip", "_ZTSN3aip", "_ZTVN3aip")):
                continue
            n_aip += 1
            if words[1] not in "WwVvu" and words[1].isupper():
                strong.append(f"{path}: {words[1]} {words[2]}")
    if n_aip == 0:
        sys.exit("no symbol of namespace aip was found: nothing was looked at")
    if strong:
        sys.exit("defined with external linkage and not inline:\n" + "\n".join(strong))
    print(f"{n_aip} symbols of namespace aip, all of them weak or local")


if __name__ == "__main__":
    main()
