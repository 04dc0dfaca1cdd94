/**
 * Arguments to begin with: every required member of a JSON schema, with its default, its first choice or an empty value.
 *
 * @param {any} schema
 * @returns {Record<string, unknown>}
 */
export function argumentsFor(schema) {
  const required = /** @type {string[]} */ (schema?.required ?? []);
  return Object.fromEntries(required.map((name) => [name, emptyValue(schema.properties?.[name] ?? {})]));
}

/** @param {any} schema @returns {unknown} */
function emptyValue(schema) {
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf ?? schema.oneOf) return emptyValue((schema.anyOf ?? schema.oneOf)[0]);
  const values = /** @type {Record<string, unknown>} */ ({ string: "", integer: schema.minimum ?? 0, number: schema.minimum ?? 0, boolean: false, array: [], null: null });
  return schema.type === "object" ? argumentsFor(schema) : (values[schema.type] ?? "");
}
