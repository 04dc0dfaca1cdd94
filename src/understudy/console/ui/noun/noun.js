/**
 * A kind of object as a table: what its list, its detail page and its form show. One noun is one file of rows, and its
 * texts are the keys `NAME.title`, `NAME.column.COLUMN`, `NAME.field.FIELD`, `NAME.empty`, `NAME.empty.text`,
 * `NAME.create`, `NAME.submit`, `NAME.edit`, `NAME.delete.title`, `NAME.delete.text` and `NAME.delete.action`.
 *
 * @typedef {import("../../api/pager.js").Row} Row
 *
 * @typedef {object} NounColumn
 * @property {string} name
 * @property {(row: Row) => any} cell
 * @property {boolean} [isMain] the column with the link
 * @property {boolean} [isNumber]
 * @property {1 | 2 | 3} [priority] 1 is always visible, 2 from 640 pixels, 3 from 1024 pixels
 *
 * @typedef {object} NounField a line of the detail page
 * @property {string} name
 * @property {(row: Row) => any} cell
 * @property {boolean} [isWide] in a line of its own, below its label
 *
 * @typedef {object} FormField
 * @property {string} name of the member of the request's body
 * @property {"text" | "area" | "number" | "switch" | "json" | "metadata" | "select" | "choices" | "model" | "lifetime"} kind
 * @property {any} [control] a component in place of the one of the kind, with the same properties
 * @property {boolean} [required]
 * @property {readonly string[]} [options] of a select, or of choices, whose value is a list
 * @property {unknown} [initial] of a new object
 * @property {(value: any) => string | null} [validate] of JSON: an error text
 * @property {"create" | "edit"} [only] in this form alone
 *
 * @typedef {object} NounFilter
 * @property {string} name of the API's parameter
 * @property {readonly string[]} options
 *
 * @typedef {object} Noun
 * @property {string} name the path of the list below the console, and the prefix of the texts
 * @property {string} path of the API, such as `/assistants`
 * @property {string} icon
 * @property {(row: Row) => string} title of an object
 * @property {(row: Row) => string} [pathOf] the page of an object, unless it is below that of the list
 * @property {string} [listPath] the page of the list, unless it is `name`
 * @property {(id: string) => string} [apiPathOf] the API's path of an object, unless it is below that of the list
 * @property {(page: any) => import("../../api/pager.js").Page} [readPage] converts the API's list, unless it is an OpenAI list
 * @property {(data: any) => Row} [readRow] converts the API's object
 * @property {readonly NounColumn[]} columns
 * @property {readonly NounField[]} fields
 * @property {readonly FormField[]} [form]
 * @property {readonly NounFilter[]} [filters]
 * @property {boolean} [canSearch] the API has the parameter `q`
 * @property {boolean} [canFilterMetadata] the API has the parameter `metadata[key]`
 * @property {boolean} [canDelete]
 * @property {false} [canCreate] the form only edits
 * @property {string} [searchParameter] of the API, unless it is `q`
 * @property {false | ((row: Row) => boolean)} [canEdit] false: objects of this noun never change, and the form only creates them
 * @property {(body: any) => ({title: string, text: string, details?: any, action: string} | false)} [confirmCreate] a question
 *   before the body of a new object is sent; false for none
 * @property {boolean} [hasReferences] the API lists what uses an object
 * @property {boolean} [isTypedToDelete] the reader types the title before deleting
 * @property {string} [emptyPage] what to do in an empty list: the path of a page, named by `NAME.empty.action`
 * @property {import("../../lib/code_samples.js").Call} [emptyCall] what to do in an empty list: a call to send
 * @property {Record<string, any>} [query] further parameters of the list
 */

export {};
