"""Camera motions: how one is found in a prompt, and that it moves the picture."""

import pytest

from understudy.media.camera import MOTIONS, camera_view, find_motion, strip_motions


@pytest.mark.parametrize("name", MOTIONS)
def test_a_motion_is_found_in_any_spelling(name):
    for spelling in (name, name.lower(), name.replace(" ", "-"), name.upper().replace(" ", "_")):
        assert find_motion(f"A fox, camera {spelling}, at dawn") == name
        assert strip_motions(f"A fox, camera {spelling}, at dawn") == "A fox, at dawn"


@pytest.mark.parametrize("name", MOTIONS)
def test_a_motion_moves_the_camera_and_static_does_not(name):
    assert (camera_view(name, 0.0) == camera_view(name, 1.0)) == (name == "Static")
