"""The C program and the DAG file make the same package, byte for byte. Usage: same_as_file.py ARTICLE AIPIPE FOLDER"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

article, aipipe, folder = (str(pathlib.Path(given).resolve()) for given in sys.argv[1:])
with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    for name in ("article.yaml", "sample_data.csv"):
        shutil.copy(pathlib.Path(folder) / name, scratch / name)
    subprocess.run([aipipe, "run", "article.yaml"], cwd=scratch, check=True)
    done = subprocess.run([article, "by_program.aip"], cwd=scratch, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    assert "accuracy on the held-out part: 0\n" in done.stdout  # scikit-learn's, tests/integration/oracle/expected/article.json
    assert (scratch / "by_program.aip").read_bytes() == (scratch / "trained_model.aip").read_bytes(), "the packages differ"
