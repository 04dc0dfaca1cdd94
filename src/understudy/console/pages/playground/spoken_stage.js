import { hasText, t } from "../../text/texts.js";
import { announce } from "../../ui/announce.js";
import { useEffect, useRef } from "../../ui/view.js";

/**
 * A screen reader gets the stages of an answer, not every word.
 *
 * @param {string | null} stage
 * @param {boolean} isOver whether nothing follows it: an answer that was complete from the first has nothing to announce
 */
export function useSpokenStage(stage, isOver) {
  const wasActive = useRef(false);
  useEffect(() => {
    if (stage && (wasActive.current || !isOver) && hasText(`playground.stage.${stage}`)) announce(t(`playground.stage.${stage}`));
    wasActive.current = stage !== null && !isOver;
  }, [stage]);
}
