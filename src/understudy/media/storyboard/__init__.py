"""The embedded renderer: a prompt becomes a short storyboard, as an MP4. No model, no network, always the same picture.

`plan` reads the prompt; `scenery`, `lettering` and `panels` draw; `film` encodes; `studio` is the program of the child
process in which all of this runs. Only `plan` and `messages` can be imported without the extra `understudy[video]`.
"""
