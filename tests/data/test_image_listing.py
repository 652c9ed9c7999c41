from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.data.image_listing import list_images, natural_key, some_of
from kfzoo.errors import InputError


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"-")
    return folder


def test_numbers_sort_by_value_in_folders_and_names(tmp_path: Path) -> None:
    fill(tmp_path, "b.png", "s10/f1.png", "s9/f11.png", "s9/f2.JPG", "s9/f002.png", "a.heic")
    names = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path).images]
    assert names == ["a.heic", "b.png", "s9/f2.JPG", "s9/f002.png", "s9/f11.png", "s10/f1.png"]


@given(st.lists(st.text("a1 _²٣", min_size=1, max_size=6), unique=True))
def test_any_names_have_an_order(names: list[str]) -> None:
    keys = [natural_key(Path(name)) for name in names]
    assert [natural_key(path) for path in sorted(map(Path, names), key=natural_key)] == sorted(keys)


@given(st.lists(st.integers(0, 10**6), unique=True), st.sampled_from(["frame{}.jpg", "{}_0.png", "s{}/x.png"]))
def test_unpadded_numbers_are_in_their_order(numbers: list[int], form: str) -> None:
    paths = sorted((Path(form.format(number)) for number in numbers), key=natural_key)
    assert paths == [Path(form.format(number)) for number in sorted(numbers)]


def test_everything_else_is_named_by_kind(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.npy", "sub/c.NPY", "talk.MP4", "README", ".DS_Store", ".git/x.png", "sub/._a.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "other").symlink_to(tmp_path / "sub")
    listing = list_images(tmp_path)
    assert [path.name for path in listing.images] == ["a.png"]
    assert listing.others == {
        ".npy files": ["b.npy", "sub/c.NPY"],
        "broken links and other things that are no files": ["gone.jpg"],
        "files without an ending": ["README"],
        "hidden files and folders": [".DS_Store", ".git", "sub/._a.jpg"],
        "links to folders, which are not followed": ["other"],
        "videos, which are not read yet": ["talk.MP4"],
    }


def test_folders_without_an_image_say_what_they_hold(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"only 1 \.npy files: a\.npy; give the folder of the images"):
        list_images(fill(tmp_path / "one", "a.npy"))
    with pytest.raises(InputError, match=r"holds no image, and 2 videos.*videos are not read yet; cut it .*ffmpeg -i "):
        list_images(fill(tmp_path / "two", "a.mov", "b.mp4"))
    with pytest.raises(InputError, match=r"a\.mov: is a video, and videos are not read yet"):
        list_images(tmp_path / "two" / "a.mov")
    (tmp_path / "talk").write_bytes(b"\0\0\0\x1cftypqt  ")
    with pytest.raises(InputError, match=r"talk: is a video"):
        list_images(tmp_path / "talk")


def test_many_names_are_counted() -> None:
    assert some_of(["a", "b"]) == "a, b"
    assert some_of([str(number) for number in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
