"""How a prompt becomes scenes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.media.camera import MOTIONS, camera_view, find_motion, strip_motions
from understudy.media.storyboard.plan import plan


def captions(prompt, seconds=9, **options):
    return [scene.caption for scene in plan(prompt, seconds, **options).scenes]


def test_each_sentence_is_a_scene():
    assert captions("A fox runs. It stops! It looks up") == ["A fox runs.", "It stops!", "It looks up"]


def test_a_long_sentence_is_cut_where_it_breathes():
    said = captions(
        "A red fox runs through a snowy forest at dawn, stops at a frozen lake, and looks back at the camera"
    )
    assert said[0] == "A red fox runs through a snowy forest at dawn"
    assert len(said) == 3


def test_a_short_film_has_room_for_fewer_scenes_and_drops_no_words():
    said = captions("One. Two. Three. Four. Five.", 5)
    assert len(said) == 2
    assert " ".join(said) == "One. Two. Three. Four. Five."


def test_an_expanded_prompt_gets_a_wide_a_medium_and_a_close_shot():
    board = plan("A fox", 5, expand=True)
    assert [scene.shot for scene in board.scenes] == ["Wide shot", "Medium shot", "Close-up"]


@pytest.mark.parametrize("name", MOTIONS)
def test_a_motion_is_found_in_any_spelling(name):
    for spelling in (name, name.lower(), name.replace(" ", "-"), name.upper().replace(" ", "_")):
        assert find_motion(f"A fox, camera {spelling}, at dawn") == name
        assert strip_motions(f"A fox, camera {spelling}, at dawn") == "A fox, at dawn"
        assert all(scene.motion == name for scene in plan(f"A fox. It runs. {spelling}", 9).scenes)


@pytest.mark.parametrize("name", MOTIONS)
def test_a_motion_moves_the_camera_and_static_does_not(name):
    assert (camera_view(name, 0.0) == camera_view(name, 1.0)) == (name == "Static")


@pytest.mark.parametrize(
    ("prompt", "time", "ground", "weather"),
    [
        ("A lighthouse at sunset", "sunset", "sea", "clear"),
        ("Snow falls on the mountains at night", "night", "mountains", "snow"),
        ("A rocket passes a planet", "space", "stars", "clear"),
        ("A turtle swims over a coral reef", "underwater", "reef", "bubbles"),
        ("Neon streets in the rain", "night", "city", "rain"),
        ("A cup of tea", "day", "hills", "clear"),
    ],
)
def test_what_a_prompt_names_is_seen(prompt, time, ground, weather):
    scene = plan(prompt, 5).scenes[0]
    assert (scene.time, scene.ground, scene.weather) == (time, ground, weather)


@given(st.text(min_size=1, max_size=300), st.sampled_from([5, 9]), st.booleans())
def test_any_prompt_makes_the_same_storyboard_each_time_and_fills_its_seconds(prompt, seconds, expand):
    board = plan(prompt, seconds, expand=expand)
    assert board == plan(prompt, seconds, expand=expand)
    assert sum(scene.seconds for scene in board.scenes) == pytest.approx(seconds)
    assert 1 <= len(board.scenes) <= 5
