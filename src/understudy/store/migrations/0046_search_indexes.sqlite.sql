-- With all that a search of some documents reads.
CREATE INDEX chunk_codes_document ON chunk_codes (document, seq, bits);
