"""The programs inside the sandbox, which run with the interpreter's Python beside untrusted code.

Imports nothing of ours from outside this folder. The host treats their output as if an attacker had written it.
"""
