INSERT OR IGNORE INTO resource_references (target, kind, source)
    SELECT j.value, 'assistant', o.id FROM assistants AS o, json_each(o.body, '$.tool_resources.file_search.vector_store_ids') AS j
    WHERE o.body LIKE '%\_ids":["%' ESCAPE '\' AND j.type = 'text';
INSERT OR IGNORE INTO resource_references (target, kind, source)
    SELECT j.value, 'assistant', o.id FROM assistants AS o, json_each(o.body, '$.tool_resources.code_interpreter.file_ids') AS j
    WHERE o.body LIKE '%\_ids":["%' ESCAPE '\' AND j.type = 'text';
INSERT OR IGNORE INTO resource_references (target, kind, source)
    SELECT j.value, 'thread', o.id FROM threads AS o, json_each(o.body, '$.tool_resources.file_search.vector_store_ids') AS j
    WHERE o.body LIKE '%\_ids":["%' ESCAPE '\' AND j.type = 'text';
INSERT OR IGNORE INTO resource_references (target, kind, source)
    SELECT j.value, 'thread', o.id FROM threads AS o, json_each(o.body, '$.tool_resources.code_interpreter.file_ids') AS j
    WHERE o.body LIKE '%\_ids":["%' ESCAPE '\' AND j.type = 'text';
