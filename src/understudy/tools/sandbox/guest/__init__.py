"""What runs inside the sandbox, with the interpreter's Python and next to code that nobody trusts.

Imports nothing of ours from outside this folder. Whatever it says, the host reads as if an attacker had written it.
"""
