-- With all that a search of some documents reads: their rows lie far apart once the store is divided into cells.
CREATE INDEX chunk_codes_document ON chunk_codes (document, seq) INCLUDE (store, bits);
