"""The embedded renderer: a card with the prompt, a gradient and a camera move, as an MP4. No model, no network.

`child` is the program of its process. Only `messages` can be imported without the extra `understudy[video]`.
"""
