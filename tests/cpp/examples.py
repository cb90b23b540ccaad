"""examples.py DOCUMENT OUTPUT: the C++ blocks of a page as one program that runs them in their order, each a function of its own."""
import re
import sys

HEADER = """// Made of {document} by examples.py: its examples, in their order.
#include <aipipe/aipipe.hpp>

#include <iostream>
#include <thread>

"""


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as stream:
        blocks = re.findall(r"^```cpp\n(.*?)^```", stream.read(), re.M | re.S)
    if not blocks:
        sys.exit(f"{sys.argv[1]} holds no C++ block")
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write(HEADER.format(document=sys.argv[1].rsplit("/", 1)[-1]))
        for i, block in enumerate(blocks):
            out.write(f"static void example_{i}() {{\n{block}}}\n\n")
        out.write("int main() try {\n")
        out.writelines(f"    example_{i}();\n" for i in range(len(blocks)))
        out.write('    return 0;\n} catch (const std::exception &e) {\n    std::cerr << e.what() << "\\n";\n    return 1;\n}\n')


if __name__ == "__main__":
    main()
