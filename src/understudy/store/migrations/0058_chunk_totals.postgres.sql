CREATE FUNCTION add_chunk_total(document chunk_documents, factor BIGINT) RETURNS void AS $$
    INSERT INTO chunk_totals (store, embedder, dimensions, language, slot, chunks, rated_chunks, terms)
    VALUES (document.store, document.embedder, document.dimensions, document.language, pg_backend_pid() % 8,
        factor * document.chunks, CASE WHEN document.terms IS NULL THEN 0 ELSE factor * document.chunks END,
        factor * COALESCE(document.terms, 0))
    ON CONFLICT (store, embedder, dimensions, language, slot) DO UPDATE
    SET chunks = chunk_totals.chunks + excluded.chunks,
        rated_chunks = chunk_totals.rated_chunks + excluded.rated_chunks, terms = chunk_totals.terms + excluded.terms
$$ LANGUAGE sql;
CREATE FUNCTION count_added_document() RETURNS trigger AS $$
BEGIN
    PERFORM add_chunk_total(NEW, 1);
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE FUNCTION count_erased_document() RETURNS trigger AS $$
BEGIN
    PERFORM add_chunk_total(OLD, -1);
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
-- All documents of a statement at once: one that removes a store changes thousands of them.
CREATE FUNCTION count_changed_documents() RETURNS trigger AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM old_documents WHERE state = 1) OR EXISTS (SELECT 1 FROM new_documents WHERE state = 1) THEN
        INSERT INTO chunk_totals (store, embedder, dimensions, language, slot, chunks, rated_chunks, terms)
        SELECT store, embedder, dimensions, language, pg_backend_pid() % 8, sum(factor * chunks),
            COALESCE(sum(factor * chunks) FILTER (WHERE terms IS NOT NULL), 0), COALESCE(sum(factor * terms), 0)
        FROM (
            SELECT 1 AS factor, * FROM new_documents WHERE state = 1
            UNION ALL SELECT -1, * FROM old_documents WHERE state = 1
        ) AS changed GROUP BY store, embedder, dimensions, language ORDER BY store, embedder, dimensions, language
        ON CONFLICT (store, embedder, dimensions, language, slot) DO UPDATE
        SET chunks = chunk_totals.chunks + excluded.chunks,
            rated_chunks = chunk_totals.rated_chunks + excluded.rated_chunks, terms = chunk_totals.terms + excluded.terms;
    END IF;
    RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER chunk_documents_added AFTER INSERT ON chunk_documents FOR EACH ROW
    WHEN (NEW.state = 1) EXECUTE FUNCTION count_added_document();
CREATE TRIGGER chunk_documents_erased AFTER DELETE ON chunk_documents FOR EACH ROW
    WHEN (OLD.state = 1) EXECUTE FUNCTION count_erased_document();
CREATE TRIGGER chunk_documents_changed AFTER UPDATE ON chunk_documents
    REFERENCING OLD TABLE AS old_documents NEW TABLE AS new_documents
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed_documents();
INSERT INTO chunk_totals (store, embedder, dimensions, language, slot, chunks, rated_chunks, terms)
    SELECT store, embedder, dimensions, language, 0, sum(chunks),
        COALESCE(sum(chunks) FILTER (WHERE terms IS NOT NULL), 0), COALESCE(sum(terms), 0)
    FROM chunk_documents WHERE state = 1 GROUP BY store, embedder, dimensions, language;
