import { get } from "../api/client.js";
import { Field } from "./field.js";
import { html, useEffect, useId, useState } from "./view.js";

/** A field for the id of a model, with those that the server offers. @param {import("./field.js").FieldProps & {value: string, onInput: (value: string) => void}} props */
export function ModelField(props) {
  const [models, setModels] = useState(/** @type {string[]} */ ([]));
  const list = useId();
  useEffect(() => {
    // Without the list, the field takes any id.
    get("/models").then((page) => setModels(page.data.map((/** @type {{id: string}} */ model) => model.id)), () => undefined);
  }, []);
  return html`<${Field} ...${props}>${(/** @type {object} */ attributes) => html`<input class="input" ...${attributes} list=${list} value=${props.value} autocomplete="off" spellcheck="false"
    onInput=${(/** @type {any} */ event) => props.onInput(event.currentTarget.value)} /><datalist id=${list}>${models.map((id) => html`<option value=${id} />`)}</datalist>`}<//>`;
}
