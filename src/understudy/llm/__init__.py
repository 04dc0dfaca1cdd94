"""Models behind one Protocol that speaks chat completions; the engine and the chat endpoint both use it."""
