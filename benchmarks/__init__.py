"""How fast the server is, beside what it is compared with, in the same run: `python -m benchmarks --help`.

Each benchmark is a module with one `measure(stage)`; the parts that start, load, time and print are shared.
"""
