from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.data.image_listing import natural_key
from kfzoo.data.image_numbers import image_numbers, places_in_time
from kfzoo.errors import InputError

FOLDER = Path("frames")


def paths(*names: str) -> list[Path]:
    return sorted((FOLDER / name for name in names), key=natural_key)


@pytest.mark.parametrize(
    "form",
    [
        "frame_{:06d}_0.jpg",
        "{}_face1.png",
        "video3_{}_224x224.jpg",
        "take2-{:03d}.PNG",
        "{}.jpg",
        "0_{}_{}.png",
        "f{}(1).jpg",
    ],
)
@given(numbers=st.sets(st.integers(0, 99999), min_size=2, max_size=20))
def test_the_number_that_differs_counts(form: str, numbers: set[int]) -> None:
    names = {FOLDER / form.format(number, number): number for number in numbers}
    assert image_numbers(FOLDER, sorted(names)) == names


def test_of_several_that_differ_the_even_one_counts() -> None:
    found = image_numbers(FOLDER, paths("f_000000_0.93.jpg", "f_000030_0.97.jpg", "f_000060_0.90.jpg"))
    assert list(found.values()) == [0, 30, 60]
    with pytest.raises(InputError, match=r"several numbers differ from name to name, as in 0_93\.jpg; rename"):
        image_numbers(FOLDER, paths("0_93.jpg", "31_97.jpg", "60_90.jpg"))


@pytest.mark.parametrize(
    "names",
    [
        ("frame1.png", "frame01.png", "frame2.png"),
        ("frame_1_0.jpg", "frame_1_1.jpg", "frame_2_0.jpg"),
        ("a3.jpg", "b3.jpg"),
    ],
)
def test_equal_numbers_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"frames: no number differs in all names: .* have the number \d; number"):
        image_numbers(FOLDER, paths(*names))


def test_names_without_a_number_have_none() -> None:
    assert image_numbers(FOLDER, paths("cover.jpg", "f1.jpg", "f3.jpg")) == {FOLDER / "f1.jpg": 1, FOLDER / "f3.jpg": 3}
    assert image_numbers(FOLDER, paths("f7.jpg")) == {FOLDER / "f7.jpg": 7}
    assert image_numbers(FOLDER, []) == {}


@pytest.mark.parametrize(
    ("names", "places", "words"),
    [
        (["f0.jpg", "f1.jpg", "f10.jpg", "f2.jpg"], [0, 1, 2, 10], "7 of 11 images are missing between f0.jpg and f10"),
        (["f_030_0.jpg", "f_060_0.jpg", "f_120_0.jpg"], [0, 1, 3], "1 of 4 images are missing"),
        ([f"f{number}.jpg" for number in range(12)], list(range(12)), ""),
        (["7.jpg"], [0], ""),
        (["a.jpg", "b.jpg"], [0, 1], "no number in the names counts the images"),
        (["cover.jpg", "f1.jpg"], [0, 1], "no number in the names counts the images"),
        (["a_3.jpg", "b_1.jpg"], [0, 1], "names and numbers differ in order"),
        (["IMG_1.jpg", "IMG_2.jpg", "IMG_9000.jpg"], [0, 1, 2], "the numbers in the names leave wide gaps"),
        (["s1/f1.jpg", "s2/f1.jpg"], [0, 1], "the images of 2 folders follow one another"),
    ],
)
def test_places_in_time(names: list[str], places: list[int], words: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert places_in_time(FOLDER, paths(*names)) == places
    assert len(caplog.messages) == bool(words)
    assert words in "".join(caplog.messages)


@pytest.mark.parametrize("names", [("f1.jpg", "f1.png"), ("f1.jpg", "f01.jpg", "f2.jpg")])
def test_frames_of_one_number_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"frames: \S+ and \S+ have the same number; remove one of them"):
        places_in_time(FOLDER, paths(*names))
