import { get } from "../api/client.js";
import { useEffect, useRef } from "./view.js";

const REFRESH_MILLISECONDS = 2_000;

/**
 * Reads an object again every two seconds while it changes without events. Renders nothing.
 *
 * @param {{path: string, isActive: boolean, set: (data: any) => void}} props
 */
export function Refresh({ path, isActive, set }) {
  const current = useRef(set);
  current.current = set;
  useEffect(() => {
    if (!isActive) return undefined;
    const timer = setInterval(() => get(path).then((data) => current.current(data), () => undefined), REFRESH_MILLISECONDS);
    return () => clearInterval(timer);
  }, [path, isActive]);
  return null;
}
