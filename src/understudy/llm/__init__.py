"""Model providers behind one Protocol: chat completions in, chat completions out."""
