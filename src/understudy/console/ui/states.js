/** What a page shows in place of data: nothing there yet, or nothing loaded yet. */
import { Icon } from "./icon.js";
import { html, useEffect, useState } from "./view.js";

/** @param {{icon?: string, title: string, text?: string, children?: any}} props `children` is what to do */
export function Empty({ icon = "inbox", title, text, children }) {
  return html`<div class="empty"><${Icon} name=${icon} size=${20} /><h2>${title}</h2>${text && html`<p class="muted">${text}</p>`}${children && html`<div class="inline">${children}</div>`}</div>`;
}

/** Grey lines; nothing for the first 150 ms, so that a quick answer does not flash. @param {{rows?: number}} props */
export function Skeleton({ rows = 6 }) {
  const [isVisible, setVisible] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setVisible(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class="skeleton" aria-busy="true">${isVisible && Array.from({ length: rows }, (_, index) => html`<div key=${index}></div>`)}</div>`;
}
