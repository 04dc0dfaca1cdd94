import { useEffect, useRef, useState } from "../view.js";

/** Takes files that are dropped anywhere on the page. @param {(files: File[]) => void} onFiles */
export function useDrop(onFiles) {
  const [isDragged, setDragged] = useState(false);
  const current = useRef(onFiles);
  current.current = onFiles;
  useEffect(() => {
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDragged(true);
    };
    const leave = (/** @type {DragEvent} */ event) => event.relatedTarget === null && setDragged(false);
    const drop = (/** @type {DragEvent} */ event) => {
      setDragged(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      current.current([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return isDragged;
}
