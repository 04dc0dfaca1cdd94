-- `terms` are split and stemmed already. Every character beyond ASCII is a part of a term.
CREATE VIRTUAL TABLE chunk_terms USING fts5 (
    scope, terms, content = '', contentless_delete = 1, tokenize = 'ascii'
);
