"""Build the lessons: notebooks/source/NN_name.py -> notebooks/NN_name.ipynb, executed.

Cell ids come from content; timings, widget state and whatever tells of the machine are left out:
the same source gives the same bytes. Pictures alone may differ between machines, by their fonts.
Never edit an .ipynb by hand.

    python tools/build_notebooks.py        all lessons
    python tools/build_notebooks.py 01     one
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
KEPT_CELL_METADATA = ("tags", "exercise_id")
STRICT = {"MLSYS_LESSONS_EXPECTATIONS": "raise"}  # unless the caller wants the sentences
LIVE_VIEW = "application/vnd.jupyter.widget-view+json"


def read_source(path: Path) -> Any:
    """The notebook of a percent script, not executed, with ids made of its content."""
    import jupytext

    notebook = jupytext.read(path)
    seen: set[str] = set()
    for cell in notebook.cells:
        kept = {name: cell.metadata[name] for name in KEPT_CELL_METADATA if name in cell.metadata}
        name = kept.get("exercise_id") or f"{cell.cell_type}\n{cell.source}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        while digest[:8] in seen:
            digest = hashlib.sha256(digest.encode()).hexdigest()
        seen.add(digest[:8])
        cell.id, cell.metadata = digest[:8], kept
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(notebook: Any, folder: Path) -> Any:
    """Run a notebook from top to bottom; a fresh progress file, so that no old bet is shown."""
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as scratch:
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", record_timing=False,
            store_widget_state=False, resources={"metadata": {"path": str(folder)}},
        )  # fmt: skip
        own = {"MLSYS_LESSONS_PROGRESS": str(Path(scratch) / "progress.json")}
        client.execute(env={**STRICT, **os.environ, **own})
    notebook.metadata["language_info"] = {"name": "python"}  # not the version that happened to run
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = _joined([output for output in cell.outputs if not _is_bar(output)])
            for output in cell.outputs:
                output.get("data", {}).pop(LIVE_VIEW, None)  # dead without its kernel; text stays
    return notebook


def _is_bar(output: Any) -> bool:
    """Whether an output is a progress bar: alive while it runs, dead on paper."""
    text = output.get("data", {}).get("text/plain", "")
    if output.get("name") == "stderr":
        text = output.get("text", "")
    return "%|" in text


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs with what was printed in a row as one: where the kernel cuts is a matter of time."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and output["name"] == last.get("name"):
            last["text"] += output["text"]
        else:
            joined.append(output)
    return joined


def build(path: Path) -> Path:
    """Write one executed notebook beside the others; returns its path."""
    import nbformat

    from mlsys_lessons.files import write_whole

    notebook = execute(read_source(path), NOTEBOOKS)
    nbformat.validate(notebook)
    target = NOTEBOOKS / f"{path.stem}.ipynb"
    write_whole(target, f"{nbformat.writes(notebook)}\n".encode(), way_out="close the file")
    return target


def main(wanted: list[str]) -> int:
    """Build the lessons whose names begin with one of the given numbers, or all."""
    sources = sorted((NOTEBOOKS / "source").glob("[0-9][0-9]_*.py"))
    numbers = [number.zfill(2) for number in wanted]
    chosen = [path for path in sources if not numbers or path.name[:2] in numbers]
    if not chosen:
        known = ", ".join(path.name[:2] for path in sources) or "none"
        print(f"no lesson {' '.join(numbers)}; there are: {known}.", file=sys.stderr)
        return 2
    for path in chosen:
        print(build(path).relative_to(ROOT), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
