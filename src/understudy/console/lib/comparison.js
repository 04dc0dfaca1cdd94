/** What an answer cost, and which of several was the best. */

/** @typedef {{name: string, measure: string, price: number, per: number}} PriceUnit */
/** @typedef {{units: readonly PriceUnit[], variants?: readonly {when: Record<string, number>, units: readonly PriceUnit[]}[]}} Pricing */
/** @typedef {{input_tokens: number, output_tokens: number, input_tokens_details?: {cached_tokens?: number}}} Usage */

/**
 * The cost of an answer in US dollars; null where the price is unknown.
 *
 * @param {Pricing | null | undefined} pricing of the model
 * @param {Usage | null | undefined} usage
 */
export function costOf(pricing, usage) {
  if (!pricing || !usage) return null;
  const variant = pricing.variants?.findLast((one) => Object.values(one.when).every((least) => usage.input_tokens >= least));
  const units = variant?.units ?? pricing.units;
  const priceOf = (/** @type {string} */ name) => {
    const unit = units.find((one) => one.name === name && one.measure === "token");
    return unit ? unit.price / unit.per : null;
  };
  const input = priceOf("input");
  const output = priceOf("output");
  if (input === null || output === null) return null;
  const cached = usage.input_tokens_details?.cached_tokens ?? 0;
  return input * (usage.input_tokens - cached) + (priceOf("cached_input") ?? input) * cached + output * usage.output_tokens;
}

/** The place of the lowest number, if it is lower than all others; -1 otherwise. @param {readonly (number | null)[]} values */
export function lowestOf(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return -1;
  const lowest = Math.min(...known);
  return known.filter((value) => value === lowest).length === 1 ? values.indexOf(lowest) : -1;
}
