import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../../src/understudy/console/styles/tokens.css", import.meta.url), "utf8");
const TINTS = { ok: "ok", warn: "warn", error: "error", accent: "running", muted: "idle", wait: "wait" };

/** The colours of a theme: 0 is the light one, 1 the dark one. */
function readColours(theme) {
  return Object.fromEntries([...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map((match) => [match[1], match[2 + theme]]));
}

/** The contrast by the formula of WCAG 2. */
function contrast(first, second) {
  const [high, low] = [first, second].map(luminance).sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

for (const [number, theme] of ["light", "dark"].entries()) {
  const colours = readColours(number);
  const surfaces = ["bg", "sunk", "raised", "selected"];

  test(`text has a contrast of 4.5 in the ${theme} theme`, () => {
    for (const name of ["text", "muted", "accent", "ok", "warn", "error", "wait", "tool"]) {
      for (const surface of surfaces) assert.ok(contrast(colours[name], colours[surface]) >= 4.5, `${name} on ${surface}`);
    }
    for (const [name, tint] of Object.entries(TINTS)) assert.ok(contrast(colours[name], colours[`${tint}-tint`]) >= 4.5, `${name} on its tint`);
    for (const name of Object.keys(colours).filter((one) => /^code-(?!bg)/.test(one))) assert.ok(contrast(colours[name], colours["code-bg"]) >= 4.5, name);
    assert.ok(contrast(colours["on-accent"], colours.accent) >= 4.5);
    assert.ok(contrast(colours["on-accent"], colours["accent-strong"]) >= 4.5);
    assert.ok(contrast(colours.muted, colours.hover) >= 4.5);
  });

  test(`controls, focus and charts have a contrast of 3 in the ${theme} theme`, () => {
    const names = ["control", "focus", ...Object.keys(colours).filter((one) => one.startsWith("chart-"))];
    for (const name of names) assert.ok(contrast(colours[name], colours.bg) >= 3, name);
  });
}

test("every colour has a value for each theme", () => {
  const plain = css.split("@property")[0].match(/--[\w-]+: (?:#|rgb)[^;]*/g);
  assert.deepEqual(plain, null);
  assert.ok(Object.keys(readColours(0)).length > 35);
});
