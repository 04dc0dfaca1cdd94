/** The second wall against hostile text, after the renderer has escaped all HTML: a list of elements and attributes. */

const TAGS = "p br hr h1 h2 h3 h4 h5 h6 strong em del s code pre blockquote ul ol li table thead tbody tr th td a sup span div".split(" ");
const ATTRIBUTES = ["href", "title", "class", "start", "colspan", "rowspan"];
const CLASSES = /^(align-(left|center|right)|image-chip|link-host|is-unsafe|hljs-[a-z_.-]+|language-[\w+-]{1,20}|(function|class|language|inherited)_)$/;

/** @type {Promise<typeof import("../../vendor/dompurify.js")["default"]> | null} */
let loading = null;

function loadPurifier() {
  loading ??= import("../../vendor/dompurify.js").then(({ default: purify }) => {
    purify.addHook("uponSanitizeAttribute", (_, data) => {
      if (data.attrName !== "class") return;
      data.attrValue = data.attrValue.split(/\s+/).filter((name) => CLASSES.test(name)).join(" ");
    });
    purify.addHook("afterSanitizeAttributes", (node) => {
      if (node.nodeName !== "A") return;
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer nofollow");
    });
    return purify;
  });
  return loading;
}

/**
 * @param {string} markup
 * @returns {Promise<DocumentFragment>}
 */
export async function sanitizeFragment(markup) {
  const purify = await loadPurifier();
  return sanitizeWith(purify, markup);
}

/** @param {Awaited<NonNullable<typeof loading>>} purify @param {string} markup @returns {DocumentFragment} */
export function sanitizeWith(purify, markup) {
  return purify.sanitize(markup, {
    RETURN_DOM_FRAGMENT: true, ALLOWED_TAGS: TAGS, ALLOWED_ATTR: ATTRIBUTES, ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  });
}

export { loadPurifier };
