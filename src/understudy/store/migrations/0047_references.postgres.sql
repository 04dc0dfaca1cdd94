-- No text of PostgreSQL has the character 0, which a name may have; `\\u0000` is a backslash and letters.
INSERT INTO resource_references (target, kind, source)
    SELECT j.value, 'assistant', o.id FROM (
        SELECT id, (CASE WHEN strpos(body, '\u0000') > 0
            THEN regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') ELSE body END
        )::json -> 'tool_resources' -> 'file_search' -> 'vector_store_ids' AS named FROM assistants WHERE body LIKE '%\_ids":["%'
    ) AS o, json_array_elements_text(o.named) AS j (value) ON CONFLICT DO NOTHING;
INSERT INTO resource_references (target, kind, source)
    SELECT j.value, 'assistant', o.id FROM (
        SELECT id, (CASE WHEN strpos(body, '\u0000') > 0
            THEN regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') ELSE body END
        )::json -> 'tool_resources' -> 'code_interpreter' -> 'file_ids' AS named FROM assistants WHERE body LIKE '%\_ids":["%'
    ) AS o, json_array_elements_text(o.named) AS j (value) ON CONFLICT DO NOTHING;
INSERT INTO resource_references (target, kind, source)
    SELECT j.value, 'thread', o.id FROM (
        SELECT id, (CASE WHEN strpos(body, '\u0000') > 0
            THEN regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') ELSE body END
        )::json -> 'tool_resources' -> 'file_search' -> 'vector_store_ids' AS named FROM threads WHERE body LIKE '%\_ids":["%'
    ) AS o, json_array_elements_text(o.named) AS j (value) ON CONFLICT DO NOTHING;
INSERT INTO resource_references (target, kind, source)
    SELECT j.value, 'thread', o.id FROM (
        SELECT id, (CASE WHEN strpos(body, '\u0000') > 0
            THEN regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') ELSE body END
        )::json -> 'tool_resources' -> 'code_interpreter' -> 'file_ids' AS named FROM threads WHERE body LIKE '%\_ids":["%'
    ) AS o, json_array_elements_text(o.named) AS j (value) ON CONFLICT DO NOTHING;
