/** Whether the server can be reached, and whether it still serves this version of the console. */
import { signal } from "../ui/view.js";

/** @type {import("../vendor/view.js").Signal<"online" | "offline">} */
export const connection = signal("online");
/** Set when a file of this version is gone: the server has a newer console. */
export const isOutdated = signal(false);
