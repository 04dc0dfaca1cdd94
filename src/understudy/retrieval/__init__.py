"""Finding passages in documents: text out of files, chunks, vectors, an index, a ranking. Knows no HTTP and no run."""
