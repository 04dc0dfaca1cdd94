"""The tools in the forms of agent frameworks: one module each, which imports its framework when it is called."""
