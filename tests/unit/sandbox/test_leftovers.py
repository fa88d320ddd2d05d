from __future__ import annotations

import os
from pathlib import Path

from mlflow_plugin.sandbox.leftovers import keep_plain_files, remove_tree


def test_plain_files_stay_and_all_else_goes(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("precious")
    answer = tmp_path / "answer"
    answer.mkdir()
    (answer / "values.npy").write_bytes(b"12345")
    (answer / "link").symlink_to(outside / "kept")
    (answer / "dangling").symlink_to(tmp_path / "nowhere")
    (answer / "to_folder").symlink_to(outside)
    os.mkfifo(answer / "pipe")
    (answer / "folder" / "below").mkdir(parents=True)
    (answer / "folder" / "file").write_text("x")
    assert keep_plain_files(answer) == 5
    assert [path.name for path in answer.iterdir()] == ["values.npy"]
    assert (outside / "kept").read_text() == "precious"


def test_a_tree_is_removed_however_deep_and_closed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    before = Path.cwd()
    os.chdir(tree)
    for _ in range(1500):  # deeper than Python recurses, with a path longer than the kernel takes
        os.mkdir("a" * 10)  # noqa: PTH102 - relative to where we are, which has no path any more
        os.chdir("a" * 10)
    Path("moved-0").mkdir()
    Path("moved-0", "file").write_text("x")
    Path("moved-0").chmod(0)
    Path("link").symlink_to(tmp_path)
    os.chdir(before)
    (tree / "moved-1").mkdir()
    remove_tree(tree)
    assert list(tmp_path.iterdir()) == []
