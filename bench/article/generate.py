"""generate.py FILE [ROWS]: the article's table at size: 20 numeric columns and a 0/1 target (2 million rows are about 300 MB of CSV).

Columns have scales from 1 to 10,000, one value in 500 is missing, and the label follows a logistic model of the standardised columns,
so that an unscaled, loosely converged fit is visibly worse than the optimum. Same bytes for the same numpy version.
"""
import os
import sys

import numpy as np

N_COLUMNS = 20
BLOCK = 50_000


def main():
    path, n_rows = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    random = np.random.RandomState(42)
    scale = 10.0 ** random.uniform(0, 4, N_COLUMNS)
    centre = scale * random.uniform(-1, 1, N_COLUMNS)
    weight = random.normal(0, 0.35, N_COLUMNS)
    with open(path + ".part", "w", encoding="ascii", newline="") as out:
        out.write(",".join([f"feature{i + 1}" for i in range(N_COLUMNS)] + ["target"]) + "\n")
        for start in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - start)
            z = random.normal(size=(n, N_COLUMNS))
            ones = random.uniform(size=n) < 1 / (1 + np.exp(-(z @ weight)))
            missing = random.uniform(size=(n, N_COLUMNS)) < 1 / (500 * N_COLUMNS)
            values = np.char.mod("%.5g", centre + z * scale)
            values[missing] = ""
            target = ones.astype(int).astype(str)
            out.write("\n".join(",".join(row) + "," + label for row, label in zip(values.tolist(), target.tolist())) + "\n")
    os.replace(path + ".part", path)
    print(f"{path}: {n_rows} rows, {os.path.getsize(path) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
