CREATE TRIGGER chunk_documents_added AFTER INSERT ON chunk_documents WHEN NEW.state = 1 BEGIN
    INSERT INTO chunk_totals (store, embedder, dimensions, language, slot, chunks, rated_chunks, terms)
    VALUES (NEW.store, NEW.embedder, NEW.dimensions, NEW.language, 0, NEW.chunks,
        NEW.chunks * (NEW.terms IS NOT NULL), COALESCE(NEW.terms, 0))
    ON CONFLICT (store, embedder, dimensions, language, slot) DO UPDATE SET chunks = chunks + excluded.chunks,
        rated_chunks = rated_chunks + excluded.rated_chunks, terms = terms + excluded.terms;
END;
CREATE TRIGGER chunk_documents_erased AFTER DELETE ON chunk_documents WHEN OLD.state = 1 BEGIN
    UPDATE chunk_totals SET chunks = chunks - OLD.chunks,
        rated_chunks = rated_chunks - OLD.chunks * (OLD.terms IS NOT NULL), terms = terms - COALESCE(OLD.terms, 0)
    WHERE store = OLD.store AND embedder = OLD.embedder AND dimensions = OLD.dimensions AND language = OLD.language;
END;
CREATE TRIGGER chunk_documents_changed AFTER UPDATE OF store, embedder, dimensions, language, state, chunks, terms
ON chunk_documents WHEN OLD.state = 1 OR NEW.state = 1 BEGIN
    UPDATE chunk_totals SET chunks = chunks - OLD.chunks,
        rated_chunks = rated_chunks - OLD.chunks * (OLD.terms IS NOT NULL), terms = terms - COALESCE(OLD.terms, 0)
    WHERE OLD.state = 1 AND store = OLD.store AND embedder = OLD.embedder AND dimensions = OLD.dimensions
        AND language = OLD.language;
    INSERT INTO chunk_totals (store, embedder, dimensions, language, slot, chunks, rated_chunks, terms)
    SELECT NEW.store, NEW.embedder, NEW.dimensions, NEW.language, 0, NEW.chunks,
        NEW.chunks * (NEW.terms IS NOT NULL), COALESCE(NEW.terms, 0) WHERE NEW.state = 1
    ON CONFLICT (store, embedder, dimensions, language, slot) DO UPDATE SET chunks = chunks + excluded.chunks,
        rated_chunks = rated_chunks + excluded.rated_chunks, terms = terms + excluded.terms;
END;
INSERT INTO chunk_totals (store, embedder, dimensions, language, slot, chunks, rated_chunks, terms)
    SELECT store, embedder, dimensions, language, 0, sum(chunks),
        COALESCE(sum(chunks) FILTER (WHERE terms IS NOT NULL), 0), COALESCE(sum(terms), 0)
    FROM chunk_documents WHERE state = 1 GROUP BY store, embedder, dimensions, language;
