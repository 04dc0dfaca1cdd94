/** Links in text that others wrote: which may be followed, and what a reader should know about them. */

/**
 * What to do with a link: null if it stays text, else its URL and the host to show after it.
 *
 * @param {string} href
 * @param {string} text of the link
 * @param {string} ownOrigin the console's own, whose pages a stranger's text must not open
 * @returns {{href: string, host: string, isUnsafe: boolean} | null} `host` is empty if the text contains it
 */
export function judgeLink(href, text, ownOrigin) {
  let url;
  try {
    url = new URL(href);
  } catch {
    return null;
  }
  if (url.protocol === "mailto:") return { href: url.href, host: "", isUnsafe: false };
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  if (url.origin === ownOrigin || url.username || url.password) return null;
  const isUnsafe = /(^|\.)xn--/.test(url.hostname);
  const isVisible = text.toLowerCase().includes(url.hostname);
  return { href: url.href, host: isVisible && !isUnsafe ? "" : url.host, isUnsafe };
}
