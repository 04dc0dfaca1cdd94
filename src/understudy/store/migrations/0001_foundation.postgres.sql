CREATE TABLE item_text (
    seq BIGINT PRIMARY KEY,
    words TSVECTOR NOT NULL
);
CREATE INDEX item_text_words ON item_text USING GIN (words);
